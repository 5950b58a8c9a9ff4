"""Computes cases: in this process, or as a script in one of its own.

`python worker.py PLACE before|after` prints a JSON object: of each case the values of
its sweep, its fingerprints, and whether the store of before was refused.
"""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
from mutations import MUTATIONS, Case

import memjax as mj
from memjax.engine.run import shelf
from memjax.engine.run.program import program


def load(case: Case, folder: Path, edited: bool = False) -> ModuleType:
    """The module of a case, from files in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"case": case.source, "helper": case.helper}
    if edited:
        texts[case.edited] = texts[case.edited].replace(*case.edit)
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    return imported(folder)


def imported(folder: Path) -> ModuleType:
    """The module `case` in a folder, read from its file, and the helper beside it."""
    sys.path.insert(0, str(folder))
    try:
        for name in ("helper", "case"):
            sys.modules.pop(name, None)
            spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module
            exec(
                compile((folder / f"{name}.py").read_text(), spec.origin, "exec"),
                module.__dict__,
            )
        return module
    finally:
        sys.path.remove(str(folder))


def mutate(case: Case, module: ModuleType) -> None:
    exec(case.change, module.__dict__)


def ask(module: ModuleType, store: Path | None = None) -> dict[str, Any]:
    """What a module's sweep gives, with a program compiled for it alone."""
    program.cache_clear()
    run, given = module.ask()
    found: dict[str, Any] = {"refused": False}
    sweep = mj.Sweep(run, **given)
    found["traces"] = sweep.identity()["traces"]
    try:
        with mock.patch.object(shelf, "place", return_value=None):
            results = sweep.compute(store=store)
    except mj.Refused as refused:
        return {**found, "refused": str(refused)}
    values = {n: v.values for n, v in results.items() if v.dtype.kind == "f"}
    return {**found, "values": {n: exact(v) for n, v in values.items()}}


def exact(values: np.ndarray) -> list[str]:
    """Numbers as text that tells every bit."""
    return [float(v).hex() for v in values.reshape(-1)]


def restored() -> None:
    """The settings and patches that cases change, as they were."""
    import os

    import jax
    import optax

    jax.config.update("jax_default_matmul_precision", None)
    jax.config.update("jax_enable_x64", False)
    jax.config.update("jax_threefry_partitionable", True)
    optax.apply_updates = optax._src.update.apply_updates
    os.environ.pop("MEMJAX_TEST_SHIFT", None)
    mj.measure.TILE = 512


def main(place: Path, when: str) -> None:
    found = {}
    for i, case in enumerate(MUTATIONS):
        folder = place / f"{when}{i}"
        module = load(case, folder, edited=when == "after")
        if when == "after":
            mutate(case, module)
        alone = ask(module)
        kept = ask(module, place / f"store{i}")
        restored()
        found[case.name] = {"alone": alone, "kept": kept}
    print(json.dumps(found))


if __name__ == "__main__":
    mj.use_all_cores()
    main(Path(sys.argv[1]), sys.argv[2])
