"""A results folder: what one experiment asks, its arrays, claims and figure."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xarray as xr

from memjax.engine import Sweep
from memjax.engine.asked.question import digest
from memjax.engine.kept.files import load, make_writable, save, write
from memjax.engine.kept.store import Refused
from memjax.engine.planned.job import Job

DRAWN = ("claims.json", "figure.png", "figure.pdf", "report.html")
FILES = ("question.json", "results.nc", "provenance.json", "flags.txt", *DRAWN)
Asked = dict[str, tuple[Sweep, Job]]  # the sweeps by name, and their runs as they are
WAY_OUT = "; give another --out, or --overwrite"


class Folder:
    """Where an experiment's files lie, and the stores of its sweeps."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def found(cls, home: Path, asked: Asked) -> "Folder":
        """The folder in `home` that can go on with what is asked, or a new one."""
        for file in sorted(home.glob("*/question.json")):
            folder = cls(file.parent)
            try:
                if not folder.differences(asked):
                    return folder
            except Refused:  # of an older format
                continue
        identity = {name: sweep.identity(job) for name, (sweep, job) in asked.items()}
        return cls(home / digest(identity))

    def claim(self, asked: Asked, resume: bool, overwrite: bool) -> None:
        """Make the folder hold what is asked, or refuse to, with nothing changed."""
        if not overwrite:
            self._refuse(asked, resume)
        make_writable(self.path)
        if overwrite:
            self._clear()
        names = json.dumps({"sweeps": list(asked)})
        self.write_text("question.json", names)

    def differences(self, asked: Asked) -> list[str]:
        """Where what lies here answers another question, sweep by sweep."""
        stored = self._sweeps()
        if stored is None:
            return []
        found = [f"{name} is not asked for" for name in stored if name not in asked]
        found += [f"{name} is new" for name in asked if name not in stored]
        for name, (sweep, job) in asked.items():
            lines = sweep.differences(self.store(name), job)
            found += [f"{name}.{line}" for line in lines]
        return found

    def _sweeps(self) -> list[str] | None:
        """The sweeps that lie here; None where the folder is not one of results."""
        file = self.path / "question.json"
        if not file.exists():
            return None
        known = json.loads(file.read_text())
        return list(known.get("sweeps", known))  # a question a sweep, in older ones

    def _refuse(self, asked: Asked, resume: bool) -> None:
        found = self.differences(asked)
        if found:
            lines, command = "; ".join(found), self.record().get("command")
            whose = f", of {command}" if command else ""
            told = f"answers another question{whose} ({lines})"
            raise Refused(f"--out: {self.path} {told}{WAY_OUT}")
        # The question is the first file to be written: who looks for it last does not
        # take what another process writes meanwhile for files that are not results.
        others = [p for p in self.path.glob("*") if not p.name.startswith(".")]
        stored = self._sweeps() is not None
        if not stored and others:
            raise Refused(
                f"--out: {self.path} holds files that are not results{WAY_OUT}"
            )
        if stored and not resume:
            raise Refused(f"--resume: {self.path} holds results already{WAY_OUT}")

    def _clear(self) -> None:
        """Remove what an earlier run left, and nothing else."""
        for name in FILES:
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.path / "sweeps", ignore_errors=True)

    def store(self, sweep: str) -> Path:
        """Where the finished work of one of the sweeps is kept."""
        return self.path / "sweeps" / sweep

    def load(self) -> dict[str, xr.Dataset] | None:
        """The saved results, by sweep; None where there are none."""
        file = self.path / "results.nc"
        return load(file) if file.exists() else None

    def record(self) -> dict[str, Any]:
        """What `provenance.json` says; nothing where there is none."""
        file = self.path / "provenance.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def save(self, results: dict[str, xr.Dataset]) -> None:
        """All sweeps in one file: `main` at its root, the others as groups.

        What was judged and drawn from earlier results goes.
        """
        for name in DRAWN:
            (self.path / name).unlink(missing_ok=True)
        self.write("results.nc", lambda file: save(results, file))

    def write_text(self, name: str, text: str) -> None:
        """Write a text file whole or not at all."""
        self.write(name, lambda file: file.write_text(text))

    def write(self, name: str, how: Callable[[Path], Any]) -> None:
        """Write a file whole or not at all."""
        write(self.path / name, how)
