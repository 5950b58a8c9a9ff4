"""From an experiment module to a command: plan, run, save, draw, print."""

import importlib.resources
import json
import sys
import time
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import matplotlib
import matplotlib.style
import xarray as xr
from absl.flags import FlagValues

from memjax.claims import table
from memjax.cli import flags
from memjax.cli.folder import Folder, Refused
from memjax.sweep import BadValue, Sweep, use_all_cores
from memjax.sweep.identity import digest

DONE, USAGE, DIVERGED, REFUSED = 0, 1, 3, 4


def launch(module: str = "__main__") -> NoReturn:
    """Run the experiment of a module as a command: `launch(__name__)` at its end.

    The module has a docstring and three functions: `sweeps(**config)` returns the
    sweeps by name, `main` among them; `figure(results)` a matplotlib figure;
    `claims(results)` a list of `Claim`s. `results` holds a dataset for each sweep. The
    flags are the parameters of `sweeps`.
    """
    sys.exit(command(sys.modules[module], sys.argv))


def command(module: ModuleType, argv: list[str]) -> int:
    """The exit code of an experiment's command line."""
    if {"--help", "-h", "--helpfull", "--help=true"} & set(argv[1:]):
        print(flags.help_text(module, f"python -m {module_name(module)}"))
        return USAGE
    try:
        return _command(module, flags.parse(module, argv))
    except BadValue as error:
        flag = flag_of(module, error.name)
        return _fail(f"{flag}: {error.problem}" if flag else error.problem, USAGE)
    except OSError as error:
        return _fail(f"--out: {error}", USAGE)
    except Refused as error:
        return _fail(str(error), REFUSED)


def _fail(problem: str, code: int) -> int:
    print("error: " + " ".join(problem.split()), file=sys.stderr)
    return code


def flag_of(module: ModuleType, name: str) -> str:
    """The flag behind a parameter of a run: `seed` is set by `--seeds`."""
    known = list(flags.define(module))
    match = [n for n in (name, f"{name}s") if n in known]
    return f"--{(match or [name])[0]}" if name else ""


def module_name(module: ModuleType) -> str:
    """The name to run a module by, also while it is `__main__`."""
    spec = getattr(module, "__spec__", None)
    return spec.name if spec else Path(module.__file__ or "experiment").stem


def _command(module: ModuleType, values: FlagValues) -> int:
    name = module_name(module).rpartition(".")[2]
    use_all_cores()
    sweeps = module.sweeps(**flags.config(module, values))
    _check_runs(sweeps, values.max_runs)
    if values.chunk < 0:
        raise BadValue("chunk", f"must be 0 or more, got {values.chunk}")
    question = {key: sweep.question() for key, sweep in sweeps.items()}
    folder = Folder(Path(values.out or Path("results", name, digest(question))))
    if values.plot_only:
        results = folder.load()
        if results is None:
            raise BadValue("plot_only", f"no results in {folder.path} to draw")
    else:
        folder.claim_place(question, values.overwrite)
        results = None if values.overwrite else _stored(folder, sweeps)
        if results is None:
            folder.clear()
            results = _compute(name, sweeps, values)
            _save(folder, module, values, question, results)
        else:
            print(f"{name}: finished before, loaded from {folder.path}")
    return _report(module, folder, results, values.fail_on_diverged)


def _check_runs(sweeps: dict[str, Sweep], most: int) -> None:
    runs = sum(map(len, sweeps.values()))
    if most and runs > most:
        raise Refused(f"--max_runs: {runs} runs are more than {most}")


def _stored(folder: Folder, sweeps: dict[str, Sweep]) -> dict[str, xr.Dataset] | None:
    """Saved results of just these sweeps, where the folder has them all."""
    saved = folder.load() or {}
    if not all(n in saved and s.covered_by(saved[n]) for n, s in sweeps.items()):
        return None
    return {name: sweep.select(saved[name]) for name, sweep in sweeps.items()}


def _compute(
    name: str, sweeps: dict[str, Sweep], values: FlagValues
) -> dict[str, xr.Dataset]:
    results = {}
    for key, sweep in sweeps.items():
        print(f"{name}: {key}: {sweep}", flush=True)
        began = time.perf_counter()
        results[key] = sweep.compute(chunk=values.chunk or None)
        spent = json.loads(results[key].attrs["provenance"])
        print(
            f"{name}: {key}: {time.perf_counter() - began:.1f} s, of it "
            f"compile {spent['compile_seconds']:.1f} s, "
            f"run {spent['run_seconds']:.1f} s",
            flush=True,
        )
    return results


def _save(
    folder: Folder,
    module: ModuleType,
    values: FlagValues,
    question: dict[str, Any],
    results: dict[str, xr.Dataset],
) -> None:
    folder.save(results)
    record = {
        "command": f"python -m {module_name(module)}",
        "flags": flags.as_text(module, values).splitlines(),
        "question": question,
        "sweeps": {n: json.loads(ds.attrs["provenance"]) for n, ds in results.items()},
    }
    folder.write_text("provenance.json", json.dumps(record, indent=2))
    folder.write_text("flags.txt", flags.as_text(module, values))


def _report(
    module: ModuleType, folder: Folder, results: dict[str, xr.Dataset], strict: bool
) -> int:
    """Claims and figure, from results alone."""
    claims = module.claims(results)
    records = [claim.record() for claim in claims]
    folder.write_text("claims.json", json.dumps(records, indent=2))
    matplotlib.use("Agg")
    style = importlib.resources.files("memjax.cli") / "memjax.mplstyle"
    with matplotlib.style.context(str(style)):
        figure = module.figure(results)
        for kind in ("png", "pdf"):
            folder.write(f"figure.{kind}", partial(figure.savefig, format=kind))
    print(table(claims) if claims else "no claims")
    left = sum(diverged(ds) for ds in results.values())
    if left:
        print(f"{left} runs diverged: NaN from the step on that diverged_at holds")
    print(f"figure: {folder.path / 'figure.png'}")
    return DIVERGED if left and strict else DONE


def diverged(dataset: xr.Dataset) -> int:
    """How many runs of a sweep left the numbers."""
    return int((dataset.diverged_at >= 0).sum()) if "diverged_at" in dataset else 0
