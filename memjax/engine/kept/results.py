"""From what lanes returned to labelled arrays."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from memjax.engine.asked.grid import Grid
from memjax.engine.asked.parameters import label
from memjax.engine.run.outcome import Piece
from memjax.quantities import Named


def assemble(grid: Grid, pieces: Sequence[Piece]) -> xr.Dataset:
    """The results of a sweep: a dimension per axis, `step`, and what observables name.

    Where runs log at times of their own there is a dimension `leg`, and `step` is a
    label along it and the axes.
    `status` tells of each run whether it is `ok`, `diverged` or `not run`. Pieces that
    log at other times, or name other labels, join on the union of both.
    What no piece holds is NaN. What is fixed is a label without a dimension, unless
    it only pads.
    """
    parts: dict[str, list[_Part]] = {}
    for lanes, outcome in pieces:
        times = ("leg" if "step" in outcome.logged else "step", outcome.times)
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
    made = xr.Dataset(variables, {**coords, **fixed})
    return made.assign_coords(step=_shared(made.step)) if "step" in variables else made


def _shared(steps: xr.DataArray) -> xr.DataArray:
    """The steps of runs, without the axes along which they are all the same."""
    for dim in steps.dims[:-1]:
        if bool((steps == steps.isel({dim: 0})).all()):
            steps = steps.isel({dim: 0}, drop=True)
    return steps


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
