"""Records: what the last full default run of each experiment found, and on what."""

import datetime
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from memjax.claims import Claim, totals
from memjax.cli import flags
from memjax.cli.folder import Folder
from memjax.cli.launch import DIVERGED, DONE, answer
from memjax.cli.provenance import module_name


def record(module: ModuleType) -> int:
    """The exit code of an experiment's default command, run or loaded, and recorded.

    Beside the experiment, `records/NAME.json` and `figures/NAME.png` are what it found.
    """
    name = module_name(module)
    ended = answer(module, flags.parse(module, [name]))
    if ended.code in (DONE, DIVERGED):
        file = record_of(module)
        file.parent.mkdir(exist_ok=True)
        told = {"experiment": file.stem, **summary(ended.folder)}
        file.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        figure = file.parents[1] / "figures" / f"{file.stem}.png"
        figure.parent.mkdir(exist_ok=True)
        shutil.copyfile(ended.folder.path / "figure.png", figure)
    return ended.code


def record_of(module: ModuleType) -> Path:
    """The record of an experiment: `records/NAME.json` beside it."""
    file = Path(module.__file__ or "")
    return file.parent / "records" / f"{file.stem}.json"


def summary(folder: Folder) -> dict[str, Any]:
    """What a results folder says, without paths and names of machines or people."""
    claims = json.loads((folder.path / "claims.json").read_text())
    made = json.loads((folder.path / "provenance.json").read_text())
    sweeps = made["sweeps"].values()
    first = next(iter(sweeps))
    spent = {
        name: round(sum(sweep[f"{name}_seconds"] for sweep in sweeps), 1)
        for name in ("compile", "run")
    }
    return {
        "command": made["command"],
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": first["git"]["commit"],
        "changed_since_commit": first["git"]["dirty"],
        "processor": made.get("processor"),
        "cores": made.get("cores"),
        "devices": first["devices"],
        "versions": {"python": first["python"], **first["packages"]},
        "seconds": spent,
        "totals": totals([Claim.from_record(claim) for claim in claims]),
        "claims": claims,
    }


def recorded(package: ModuleType) -> dict[str, dict[str, Any]]:
    """The records of a package's experiments, by name."""
    files = sorted(Path(package.__path__[0], "records").glob("*.json"))
    return {file.stem: json.loads(file.read_text()) for file in files}


def claims_in(record: dict[str, Any]) -> Sequence[Claim]:
    """The claims of a record."""
    return [Claim.from_record(claim) for claim in record["claims"]]
