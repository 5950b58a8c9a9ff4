"""A results folder: one experiment's question, its arrays, claims and figure."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xarray as xr

from memjax.sweep.identity import difference
from memjax.sweep.results import load, save
from memjax.sweep.store import Refused, make_writable, write

FILES = (
    "question.json",
    "results.nc",
    "claims.json",
    "provenance.json",
    "flags.txt",
    "figure.png",
    "figure.pdf",
)
WAY_OUT = "; give another --out, or --overwrite"


class Folder:
    """Where an experiment's files lie, and the stores of its sweeps."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def claim(self, question: dict[str, Any], resume: bool, overwrite: bool) -> None:
        """Make the folder this question's, or refuse to, with nothing changed."""
        file = self.path / "question.json"
        stored = json.loads(file.read_text()) if file.exists() else None
        if not overwrite:
            self._refuse(stored, question, resume)
        make_writable(self.path)
        if overwrite:
            self._clear()
        self.write_text("question.json", json.dumps(question, indent=2))

    def _refuse(self, stored: Any, question: dict[str, Any], resume: bool) -> None:
        found = difference(stored, question) if stored else []
        if found:
            lines = "; ".join(found)
            raise Refused(
                f"--out: {self.path} answers another question ({lines}){WAY_OUT}"
            )
        others = [p for p in self.path.glob("*") if not p.name.startswith(".")]
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

    def save(self, results: dict[str, xr.Dataset]) -> None:
        """All sweeps in one file: `main` at its root, the others as groups."""
        self.write("results.nc", lambda file: save(results, file))

    def write_text(self, name: str, text: str) -> None:
        """Write a text file whole or not at all."""
        self.write(name, lambda file: file.write_text(text))

    def write(self, name: str, how: Callable[[Path], Any]) -> None:
        """Write a file whole or not at all."""
        write(self.path / name, how)
