"""What a command says: what it would do, what has changed, what it leaves."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import xarray as xr
from absl.flags import FlagValues

from memjax.cli.folder import Asked, Folder
from memjax.engine import Refused
from memjax.engine.planned.machines import Machine


def say_what_changed(folder: Folder, asked: Asked) -> None:
    """Say where saved results are not what the experiment of today would give."""
    found = _differences(folder, asked)
    if found:
        told = " ".join("; ".join(found).split())
        print(f"drawn as saved, though the experiment differs: {told}", file=sys.stderr)


def description(
    name: str,
    asked: Asked,
    folder: Folder,
    values: FlagValues,
    machine: Machine | None = None,
) -> str:
    """What a command would do: its sweeps, their axes, plans and prices, its folder."""
    lines = [f"{name} would run, and write to {folder.path}:"]
    for key, (sweep, job) in asked.items():
        lines += [f"{key}: {sweep}", *sweep.grid.described()]
        plan = sweep.plan(chunk=values.chunk or None, job=job, machine=machine)
        lines += str(plan).splitlines()
    differs = _differences(folder, asked) if values.out else []
    if differs and not values.overwrite:
        lines.append(f"which --out would refuse, for it differs: {'; '.join(differs)}")
    return "\n".join(lines)


def _differences(folder: Folder, asked: Asked) -> list[str]:
    try:
        return folder.differences(asked)
    except Refused as older:
        return [str(older)]


def spent(results: xr.Dataset, store: Path) -> str:
    """The seconds that results took, or where they were loaded from."""
    told = json.loads(results.attrs["provenance"])
    if not told["run_seconds"]:
        return f"finished before, loaded from {store}"
    compiled, ran = told["compile_seconds"], told["run_seconds"]
    return f"waited {compiled:.1f} s for compiling, ran {ran:.1f} s"


def say_what_is_left(folder: Folder, results: Mapping[str, xr.Dataset]) -> None:
    """Say how many runs of earlier results the new ones do not have."""
    for name, saved in (folder.load() or {}).items():
        now = results.get(name, saved.isel({d: [] for d in saved.status.dims}))
        both, _ = xr.align(saved.status, now.status, join="inner")
        gone = saved.status.size - both.size
        if gone:
            kept = f"they stay in {folder.store(name)}"
            print(f"{name}: results.nc is without {gone} runs that it had; {kept}")
