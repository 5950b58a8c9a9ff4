"""From what lanes returned to labelled arrays."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from memjax.core import Named
from memjax.sweep.engine import Outcome
from memjax.sweep.grid import Grid


class Piece(NamedTuple):
    """A part of a sweep's results: some lanes, by index, and what they returned."""

    lanes: np.ndarray
    outcome: Outcome  # of numpy arrays


def assemble(grid: Grid, pieces: Iterable[Piece]) -> xr.Dataset:
    """The results of a sweep: a dimension per axis, `step`, and what observables name.

    Pieces that log at other times, or name other labels, join on the union of both.
    What no piece holds is NaN.
    """
    parts: dict[str, list[_Part]] = {}
    for lanes, outcome in pieces:
        times = ("step", outcome.times)
        for name, value in outcome.logged.items():
            parts.setdefault(name, []).append(_part(name, lanes, value, [times]))
        for name, value in outcome.final.items():
            parts.setdefault(name, []).append(_part(name, lanes, value, []))
    variables, coords = {}, dict(grid_coords(grid))
    for name, found in parts.items():
        dims, labels, values = _join(found, int(np.prod(grid.shape)))
        variables[name] = (
            (*grid.axes, *dims),
            values.reshape(*grid.shape, *values.shape[1:]),
        )
        coords |= {d: ls for d, ls in zip(dims, labels, strict=True) if ls is not None}
    return xr.Dataset(variables, coords)


def grid_coords(grid: Grid) -> dict[str, Any]:
    """The labels of a grid's dimensions; zipped parameters share a dimension."""
    return {
        name: (dimension, [label(v) for v in values])
        for dimension, columns in grid.axes.items()
        for name, values in columns.items()
    }


def label(value: Any) -> Any:
    """A value as a coordinate: numbers and names stay, other shapes become text."""
    if isinstance(value, int | float | str | np.number):
        return value
    return getattr(value, "__name__", None) or str(value)


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


def fetch(outcome: Outcome) -> Outcome:
    """The same outcome in the host's memory."""
    return jax.tree.map(np.asarray, outcome)
