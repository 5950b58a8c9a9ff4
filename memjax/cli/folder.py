"""A results folder: one experiment's question, its arrays, claims and figure."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xarray as xr

from memjax.sweep.identity import difference

WAY_OUT = "; give another --out, or --overwrite"


class Refused(Exception):
    """Asked for something that would mix or lose results; exit code 4."""


class Folder:
    """Where an experiment's files lie; each is written as a draft, then renamed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def claim_place(self, question: dict[str, Any], overwrite: bool) -> None:
        """Make the folder; refuse an unwritable one, or one with another question."""
        made = not self.path.exists()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            probe = self.path / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise OSError(f"cannot write to {self.path}: {error.strerror}") from None
        stored = self.question()
        if stored is not None and stored != question and not overwrite:
            lines = "; ".join(difference(stored, question))
            raise Refused(
                f"--out: {self.path} answers another question ({lines}){WAY_OUT}"
            )
        if not made and stored is None and any(self.path.iterdir()) and not overwrite:
            raise Refused(
                f"--out: {self.path} holds files that are not results{WAY_OUT}"
            )

    def clear(self) -> None:
        """Remove what an earlier run left, and nothing else."""
        for name in (
            "results.nc",
            "claims.json",
            "provenance.json",
            "flags.txt",
            "figure.png",
            "figure.pdf",
        ):
            (self.path / name).unlink(missing_ok=True)

    def question(self) -> dict[str, Any] | None:
        """The question that the saved results answer."""
        file = self.path / "provenance.json"
        return json.loads(file.read_text())["question"] if file.exists() else None

    def load(self) -> dict[str, xr.Dataset] | None:
        """The saved results, by sweep; None where there are none."""
        file = self.path / "results.nc"
        return load(file) if file.exists() else None

    def save(self, results: dict[str, xr.Dataset]) -> None:
        """All sweeps in one file: `main` at its root, the others as groups."""
        self.write("results.nc", lambda file: save(results, file))

    def write_text(self, name: str, text: str) -> None:
        self.write(name, lambda file: file.write_text(text))

    def write(self, name: str, how: Callable[[Path], Any]) -> None:
        """Write a file whole or not at all."""
        place = self.path / name
        draft = place.with_name(f".draft-{os.getpid()}-{name}")
        try:
            how(draft)
            os.replace(draft, place)
        finally:
            draft.unlink(missing_ok=True)


def save(results: dict[str, xr.Dataset], file: Path) -> None:
    """Write results as one netCDF file: `main` at its root, other sweeps as groups."""
    rest = {f"/{name}": ds for name, ds in results.items() if name != "main"}
    main = results.get("main", xr.Dataset())
    main.to_netcdf(file, engine="h5netcdf")
    for group, dataset in rest.items():
        dataset.to_netcdf(file, engine="h5netcdf", mode="a", group=group)


def load(file: Path) -> dict[str, xr.Dataset]:
    """Results as `save` wrote them."""
    groups = xr.open_groups(file, engine="h5netcdf")
    named = {name.strip("/") or "main": ds.load() for name, ds in groups.items()}
    for dataset in groups.values():
        dataset.close()
    return {name: ds for name, ds in named.items() if ds.data_vars}
