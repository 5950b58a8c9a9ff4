"""What is needed to trust results later, and to ask for them again."""

import json
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import xarray as xr
from absl.flags import FlagValues

from memjax.cli import flags
from memjax.cli.folder import Asked, Folder
from memjax.cli.machine import processor


def begin(
    folder: Folder, module: ModuleType, values: FlagValues, asked: Asked
) -> dict[str, Any]:
    """The record of what is asked, written before the first run.

    It and `flags.txt` are about `results.nc`, so they wait for new results where there
    are some already.
    """
    text = flags.as_text(module, values)
    chunk = values.chunk or None
    plans = {n: str(s.plan(chunk=chunk, job=job)) for n, (s, job) in asked.items()}
    begun: dict[str, Any] = {
        "command": f"python -m {module_name(module)}",
        "flags": text.splitlines(),
        "finished": False,
        "processor": processor(),
        "cores": os.cpu_count(),
        "plans": plans,
        "sweeps": {n: sweep.provenance(job) for n, (sweep, job) in asked.items()},
    }
    if not (folder.path / "results.nc").exists():
        _write(folder, begun)
    return begun


def end(folder: Folder, begun: dict[str, Any], results: dict[str, xr.Dataset]) -> None:
    """The record of what was run."""
    told = {n: json.loads(ds.attrs["provenance"]) for n, ds in results.items()}
    _write(folder, {**begun, "finished": True, "sweeps": told})


def _write(folder: Folder, record: dict[str, Any]) -> None:
    folder.write_text("flags.txt", "".join(f"{line}\n" for line in record["flags"]))
    folder.write_text("provenance.json", json.dumps(record, indent=2))


def module_name(module: ModuleType) -> str:
    """The name to run a module by, also while it is `__main__`."""
    spec = getattr(module, "__spec__", None)
    return spec.name if spec else Path(module.__file__ or "experiment").stem
