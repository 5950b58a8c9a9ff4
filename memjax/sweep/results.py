"""From what lanes returned to labelled arrays."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from memjax.core import Named
from memjax.sweep.grid import Grid, label
from memjax.sweep.lane import Outcome


class Piece(NamedTuple):
    """A part of a sweep's results: some lanes, by index, and what they returned."""

    lanes: np.ndarray
    outcome: Outcome  # of numpy arrays


def assemble(grid: Grid, pieces: Sequence[Piece]) -> xr.Dataset:
    """The results of a sweep: a dimension per axis, `step`, and what observables name.

    `status` tells of each run whether it is `ok`, `diverged` or `not run`. Pieces that
    log at other times, or name other labels, join on the union of both.
    What no piece holds is NaN. What is fixed is a label without a dimension, unless
    it only pads.
    """
    parts: dict[str, list[_Part]] = {}
    for lanes, outcome in pieces:
        times = ("step", outcome.times)
        for name, value in outcome.logged.items():
            parts.setdefault(name, []).append(_part(name, lanes, value, [times]))
        for name, value in outcome.final.items():
            parts.setdefault(name, []).append(_part(name, lanes, value, []))
    variables: dict[str, Any] = {"status": (tuple(grid.axes), _status(grid, pieces))}
    coords = grid_coords(grid)
    for name, found in parts.items():
        dims, labels, values = _join(found, grid.lanes)
        variables[name] = (
            (*grid.axes, *dims),
            values.reshape((*grid.shape, *values.shape[1:])),
        )
        coords |= {d: ls for d, ls in zip(dims, labels, strict=True) if ls is not None}
    taken = {*variables, *coords, *(d for dims, _ in variables.values() for d in dims)}
    taken |= set(grid.bounds)  # padding is nothing to tell results apart by
    fixed = {n: label(v) for n, v in grid.fixed.items() if n not in taken}
    return xr.Dataset(variables, {**coords, **fixed})


def _status(grid: Grid, pieces: Sequence[Piece]) -> np.ndarray:
    """What became of each run: `ok`, `diverged`, `running` or `not run`."""
    status = np.full(grid.lanes, "not run", "<U8")
    for lanes, outcome in pieces:
        ended = "diverged_at" in outcome.final or not outcome.times
        left = np.asarray(outcome.final.get("diverged_at", -1)) >= 0
        status[lanes] = np.where(left, "diverged", "ok") if ended else "running"
    return status.reshape(grid.shape)


def grid_coords(grid: Grid) -> dict[str, Any]:
    """The labels of a grid's dimensions; zipped parameters share a dimension."""
    return {
        name: (dimension, [label(v) for v in values])
        for dimension, columns in grid.axes.items()
        for name, values in columns.items()
    }


class _Part(NamedTuple):
    lanes: np.ndarray
    values: np.ndarray  # [lanes, *dims]
    dims: tuple[str, ...]
    labels: tuple[tuple, ...]  # along each dim
    named: tuple[bool, ...]  # whether a dim has labels of its own, or counts from 0


def _part(name: str, lanes: np.ndarray, value: Any, leading: list) -> _Part:
    axes = list(value.axes) if isinstance(value, Named) else []
    values = np.asarray(value.value if isinstance(value, Named) else value)
    unnamed = values.ndim - 1 - len(leading) - len(axes)
    axes = [*leading, *((f"{name}_{i}", None) for i in range(unnamed)), *axes]
    lengths = values.shape[1:]
    labels = (
        tuple(range(n)) if given is None else given
        for (_, given), n in zip(axes, lengths, strict=True)
    )
    named = (given is not None for _, given in axes)
    return _Part(lanes, values, tuple(a for a, _ in axes), tuple(labels), tuple(named))


def _join(parts: list[_Part], lanes: int) -> tuple[tuple[str, ...], list, np.ndarray]:
    """The dimensions of a quantity, their labels, and one array over all lanes."""
    axes = [_union(labels) for labels in zip(*(p.labels for p in parts), strict=True)]
    size = (lanes, *map(len, axes))
    dtype = np.result_type(*(p.values.dtype for p in parts))
    if sum(p.values.size for p in parts) == np.prod(size):
        joined = np.empty(size, dtype)
    else:
        joined = np.full(size, np.nan, np.result_type(dtype, np.float32))
    for part in parts:
        places = [
            np.array([place[v] for v in labels], int)
            for place, labels in zip(axes, part.labels, strict=True)
        ]
        joined[np.ix_(part.lanes, *places)] = part.values
    named = [any(flags) for flags in zip(*(p.named for p in parts), strict=True)]
    shown = [list(ls) if n else None for ls, n in zip(axes, named, strict=True)]
    return parts[0].dims, shown, joined


def _union(several: Iterable[tuple]) -> dict[Any, int]:
    """Every label and its place: numbers sorted, others as they come."""
    merged = list(dict.fromkeys(v for labels in several for v in labels))
    if all(isinstance(v, int | float) for v in merged):
        merged.sort()
    return {v: place for place, v in enumerate(merged)}


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


def _fixed_as_labels(dataset: xr.Dataset) -> xr.Dataset:
    return dataset.assign_coords(json.loads(dataset.attrs.pop("fixed", "{}")))


def load(file: Path) -> dict[str, xr.Dataset]:
    """Results as `save` wrote them."""
    groups = xr.open_groups(file, engine="h5netcdf")
    named = {name.strip("/") or "main": ds.load() for name, ds in groups.items()}
    for dataset in groups.values():
        dataset.close()
    return {n: _fixed_as_labels(ds) for n, ds in named.items() if ds.data_vars}


class Spread(NamedTuple):
    """A quantity over repeats: its mean and deviation, and how many were used."""

    mean: xr.DataArray
    sd: xr.DataArray
    used: xr.DataArray


def spread(quantity: xr.DataArray, dim: str = "seed") -> Spread:
    """Mean, standard deviation and count along `dim`, of the runs that are numbers.

    Runs that diverged or have not run are left out; `used` tells how many were not.
    The deviation is that of a sample, NaN for fewer than two runs.
    """
    used = quantity.notnull().sum(dim)
    sd = quantity.std(dim, ddof=1, skipna=True).where(used > 1)
    return Spread(quantity.mean(dim, skipna=True), sd, used)
