"""Files that are whole or not there, and that tell when they are damaged."""

import io
import json
import os
import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

DAMAGE = (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile)


def make_writable(path: Path) -> None:
    """Make a directory and prove that files can be written there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except FileExistsError:
        raise OSError(f"{path} is a file, not a folder") from None
    except OSError as error:
        raise OSError(f"cannot write to {path}: {error.strerror}") from None


def write(file: Path, how: Callable[[Path], Any]) -> None:
    """Write a file whole or not at all: `how` fills a draft, which is renamed."""
    draft = file.with_name(f".draft-{os.getpid()}-{file.name}")
    try:
        how(draft)
        with open(draft, "rb") as done:
            os.fsync(done.fileno())
        os.replace(draft, file)
    except OSError as error:
        what = error.strerror or str(error)
        raise OSError(
            f"cannot write {file}: {what}; what is finished is kept"
        ) from None
    finally:
        draft.unlink(missing_ok=True)


def write_arrays(file: Path, header: dict, arrays: dict[str, np.ndarray]) -> None:
    """Arrays and a JSON header as one npz file, whose checksums guard its content."""
    buffer = io.BytesIO()
    everything: dict[str, Any] = {"header": np.array(json.dumps(header)), **arrays}
    np.savez(buffer, **everything)
    write(file, lambda draft: draft.write_bytes(buffer.getbuffer()))


def read_arrays(
    file: Path, without: str | None = None
) -> tuple[dict, dict[str, Any]] | None:
    """What `write_arrays` wrote, but for the arrays whose names begin as is told.

    None where there is no file, and where it is damaged, with a word about it.
    """
    try:
        with np.load(file) as saved:
            left = [n for n in saved.files if without and n.startswith(without)]
            arrays = {n: saved[n] for n in saved.files if n not in left}
        return json.loads(str(arrays.pop("header"))), arrays
    except FileNotFoundError:
        return None
    except DAMAGE as error:
        aside = file.with_suffix(".damaged")
        file.replace(aside)
        print(f"{aside} is damaged ({error}); it is computed again", file=sys.stderr)
        return None


# --- results as netCDF --------------------------------------------------------------


def save(results: dict[str, xr.Dataset], file: Path) -> None:
    """Write results as one netCDF file: `main` at its root, other sweeps as groups.

    What is fixed in a group and a dimension of `main` goes to the group's attribute
    `fixed`: netCDF would take such a label for the dimension.
    """
    main = results.get("main", xr.Dataset())
    main.to_netcdf(file, engine="h5netcdf")
    for name, dataset in results.items():
        if name != "main":
            apart = _fixed_as_attribute(dataset, main.dims)
            apart.to_netcdf(file, engine="h5netcdf", mode="a", group=f"/{name}")


def _fixed_as_attribute(dataset: xr.Dataset, names: Iterable) -> xr.Dataset:
    known = {str(n): dataset[n] for n in names if n in dataset.coords}
    fixed = {name: label.item() for name, label in known.items() if label.ndim == 0}
    return dataset.drop_vars(fixed).assign_attrs(fixed=json.dumps(fixed))


def load(file: Path) -> dict[str, xr.Dataset]:
    """Results as `save` wrote them."""
    groups = xr.open_groups(file, engine="h5netcdf")
    named = {name.strip("/") or "main": ds.load() for name, ds in groups.items()}
    for dataset in groups.values():
        dataset.close()
    return {n: _fixed_as_labels(ds) for n, ds in named.items() if ds.data_vars}


def _fixed_as_labels(dataset: xr.Dataset) -> xr.Dataset:
    return dataset.assign_coords(json.loads(dataset.attrs.pop("fixed", "{}")))
