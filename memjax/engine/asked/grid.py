"""From a run and its axes to a grid of lanes: what is an axis, and what it may hold."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from memjax.engine.asked.axes import Per, Zipped, border
from memjax.engine.asked.parameters import (
    BadValue,
    check_labels,
    check_value,
    each_once,
    is_sequence,
    label,
    told_apart,
)
from memjax.engine.asked.values import is_key

MOST_RUNS = 10_000_000  # of a grid; what lists its lanes would not fit into memory


class Grid(NamedTuple):
    """The lanes of a sweep: every combination of its axes' values."""

    axes: dict[str, dict[str, tuple]]  # dimension -> parameter -> values along it
    fixed: dict[str, Any]  # parameters that have one value and no dimension
    numbers: tuple[str, ...]  # the traced parameters
    shapes: tuple[str, ...]  # the static parameters
    inferred: tuple[str, ...]  # bounds that were not given

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.lengths.values())

    @property
    def lengths(self) -> dict[str, int]:
        """How many values each dimension has."""
        return {d: len(next(iter(c.values()))) for d, c in self.axes.items()}

    @property
    def lanes(self) -> int:
        return math.prod(self.shape)

    def described(self) -> list[str]:
        """A line for each axis, and one for what is fixed."""
        lines = [
            f"  {name}: {_shortened([str(label(v)) for v in values])}"
            for columns in self.axes.values()
            for name, values in columns.items()
        ]
        fixed = ", ".join(f"{n}={label(v)}" for n, v in self.fixed.items())
        return [*lines, f"  fixed: {fixed}"] if fixed else lines

    def positions(self) -> np.ndarray:
        """Where each lane stands along each dimension, in C order: [lanes, dims]."""
        return np.indices(self.shape).reshape(len(self.axes), self.lanes).T

    def column(self, name: str, positions: np.ndarray) -> np.ndarray:
        """The value of one parameter in every lane, as an array of numbers."""
        for d, columns in enumerate(self.axes.values()):
            if name in columns:
                return np.asarray(columns[name])[positions[:, d]]
        return np.full(len(positions), self.fixed[name])

    @property
    def bounds(self) -> dict[str, str]:
        """The shapes that only pad, and the number that each is the bound of."""
        known = {*self.numbers, *self.shapes}
        pairs = {bound_of(name): name for name in known}
        return {b: name for b, name in sorted(pairs.items()) if b in self.fixed}

    def groups(self, positions: np.ndarray) -> list[tuple[dict[str, Any], np.ndarray]]:
        """Lanes (by index) that share all shapes, one compiled program each."""
        dims = {name: d for d, c in enumerate(self.axes.values()) for name in c}
        shaped = [n for n in self.shapes if n in dims]
        used = sorted({dims[n] for n in shaped})
        still = {n: self.fixed[n] for n in self.shapes if n not in dims}
        axes = list(self.axes.values())
        places = np.empty((len(positions), len(used)), int)
        for column, d in enumerate(used):
            alike = _first_alike([axes[d][n] for n in shaped if dims[n] == d])
            places[:, column] = alike[positions[:, d]]
        corners, member = np.unique(places, axis=0, return_inverse=True)
        found = []
        for g, corner in enumerate(corners):
            at = dict(zip(used, corner, strict=True))
            varied = {n: axes[dims[n]][n][at[dims[n]]] for n in shaped}
            lanes = np.flatnonzero(member.reshape(-1) == g)
            found.append(({**still, **varied}, lanes))
        return found


def names_of(labels: Mapping[str, Mapping[str, Sequence]], lanes: Any) -> list[str]:
    """Names of lanes by the labels along each dimension, the same in every grid."""
    lengths = [len(next(iter(columns.values()))) for columns in labels.values()]
    at = np.unravel_index(lanes, lengths) if lengths else ()
    columns = {
        name: [texts[i] for i in along]
        for along, of in zip(at, labels.values(), strict=True)
        for name, texts in of.items()
    }
    rows = zip(*columns.values(), strict=True) if columns else ((),) * len(lanes)
    return [
        json.dumps(dict(zip(columns, row, strict=True)), sort_keys=True) for row in rows
    ]


def _first_alike(columns: Sequence[tuple]) -> np.ndarray:
    """For each place along a dimension, the first one with the same values of shapes.

    Zipped with a number a shape may have a value several times.
    """
    first: dict[tuple, int] = {}
    kinds = [tuple((type(v), v) for v in row) for row in zip(*columns, strict=True)]
    return np.array([first.setdefault(row, place) for place, row in enumerate(kinds)])


def make_grid(
    run: Callable, zips: Sequence[Zipped], given: Mapping[str, Any], inputs: Any
) -> Grid:
    """The grid of a run, with every value checked before anything is traced."""
    if not isinstance(inputs, Mapping | None):
        problem = "takes a dict from parameters to arrays; an axis is named otherwise"
        raise BadValue("inputs", problem)
    inputs = inputs or {}
    numbers, shapes, defaults = border(run)
    if not all(isinstance(z, Zipped) for z in zips):
        raise BadValue("axes", "are given by name, or tied together by zipped(...)")
    columns = [z.columns for z in zips]
    columns += [{name: v} for name, v in given.items() if is_sequence(v)]
    fixed = {name: v for name, v in given.items() if not is_sequence(v)}
    on_axes = [name for column in columns for name in column]
    entries = {n for n, v in inputs.items() if isinstance(v, Per) and v.axis == n}
    handed = inputs.keys() - entries  # an axis may be the labels of its own entries
    _check_names(run, [*on_axes, *fixed, *handed], (*numbers, *shapes))
    given_elsewhere = {*on_axes, *inputs}
    fixed |= {
        n: v for n, v in defaults.items() if n not in fixed and n not in given_elsewhere
    }
    _not_too_many(columns)
    axes = {next(iter(c)): {n: _values(n, v) for n, v in c.items()} for c in columns}
    for dimension, along in axes.items():
        each_once(dimension, along[dimension])
        for name in along.keys() - (set(numbers) - entries):
            check_labels(name, along[name])
    for name, values in _every_value(axes, fixed):
        for value in () if name in entries else values:
            check_value(name, value, name in shapes)
    for dimension in axes.keys() & set(numbers) - entries:
        told_apart(dimension, axes[dimension][dimension])
    inferred = _settle_bounds(axes, fixed, {*numbers, *shapes})
    for name in (*numbers, *shapes):
        if name not in fixed and name not in given_elsewhere:
            raise BadValue(name, f"{run.__name__} needs a value or an axis for it")
    traced = tuple(name for name in numbers if name not in inputs)
    return Grid(axes, fixed, traced, shapes, inferred)


def _every_value(axes: dict, fixed: dict) -> list[tuple[str, tuple]]:
    on_axes = [
        (n, values) for columns in axes.values() for n, values in columns.items()
    ]
    return [*on_axes, *((n, (value,)) for n, value in fixed.items())]


def _check_names(run: Callable, names: list[str], known: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            raise BadValue(name, f"{run.__name__} has no such parameter, only {known}")
        if names.count(name) > 1:
            raise BadValue(name, "is given twice")


def _values(name: str, values: Sequence) -> tuple:
    if is_key(values) or any(map(is_key, values)):
        hint = (
            f"make it {name}=range(8), and the key in the run: jax.random.key({name})"
        )
        raise BadValue(name, f"an axis holds numbers, not random keys; {hint}")
    if hasattr(values, "__array__") and np.ndim(values) > 1:
        raise BadValue(name, "an axis has one dimension; hand arrays in by inputs=")
    each = np.asanyarray(values) if hasattr(values, "__array__") else values
    found = tuple(
        v.item() if isinstance(v, np.generic | jax.Array) else v for v in each
    )
    if not found:
        raise BadValue(name, "an axis needs at least one value")
    return found


def _not_too_many(columns: Sequence[Mapping[str, Sequence]]) -> None:
    runs = math.prod(len(next(iter(c.values()))) for c in columns)
    if runs > MOST_RUNS:
        most = f"the {MOST_RUNS} of one sweep, whatever --max_runs says"
        raise BadValue("", f"a grid of {runs} runs is more than {most}; ask for parts")


def bound_of(name: str) -> str:
    """The shape that a number fills a part of: `capacity` of `size`, else `max_…`."""
    return "capacity" if name == "size" else f"max_{name}"


def _settle_bounds(axes: dict, fixed: dict, known: Iterable[str]) -> tuple[str, ...]:
    """A bound is the largest value of its number unless it is given, and never less.

    Returns those that were not given.
    """
    values = dict(_every_value(axes, fixed))
    pairs = {name: bound_of(name) for name in values if bound_of(name) in known}
    for name, bound in pairs.items():
        for each in (name, bound):
            for value in values.get(each, ()):
                if not isinstance(value, int | float) or value != int(value):
                    raise BadValue(each, f"needs whole numbers, got {value}")
        largest = int(max(values[name]))
        if bound not in values:
            fixed[bound] = largest
        elif min(values[bound]) < largest:
            least = min(values[bound])
            raise BadValue(bound, f"{least} has no room for {name} {largest}")
    return tuple(bound for bound in pairs.values() if bound not in values)


def _shortened(values: list[str]) -> str:
    if len(values) <= 12:
        return ", ".join(values)
    return f"{', '.join(values[:4])}, … {values[-1]} ({len(values)} values)"
