"""From a run and its axes to a grid of lanes: what is an axis, and what it may hold."""

import inspect
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

RESERVED = ("inputs", "store", "chunk", "progress", "shard", "plan", "float64")
AT_LEAST_ONE = ("size", "capacity", "width", "depth", "steps")  # whole numbers
WHOLE = (*AT_LEAST_ONE, "seed")
NOT_NEGATIVE = (*WHOLE, "lr", "wd", "init_scale")


MOST_RUNS = 10_000_000  # of a grid; what lists its lanes would not fit into memory


class BadValue(ValueError):
    """A parameter of a sweep was given something it cannot take."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name, self.problem = name, problem


class Zipped(NamedTuple):
    """Parameters that move together along one dimension; see `zipped`."""

    columns: dict[str, Sequence]


def zipped(**columns: Sequence) -> Zipped:
    """Axes tied into one dimension, which takes the first one's name.

    `mj.sweep(run, mj.zipped(lr=[1e-3, 1e-2], wd=[0.0, 0.1]), seed=range(4))`. Numbers
    and shapes may be mixed.
    """
    for name, values in columns.items():
        if not is_sequence(values):
            raise BadValue(name, f"zipped axes are sequences, got {values!r}")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) != 1:
        name = next(iter(columns), "zipped")
        raise BadValue(name, f"zipped axes need equal lengths, got {lengths}")
    return Zipped(columns)


@partial(jax.tree_util.register_dataclass, data_fields=["tree"], meta_fields=["axis"])
@dataclass(frozen=True)
class Per:
    """An input with one entry for each value of an axis; see `per`."""

    axis: str
    tree: Any


def per(axis: str, tree: Any) -> Per:
    """Arrays whose leading axis runs along the sweep's `axis`, for `inputs=`."""
    return Per(axis, tree)


class Grid(NamedTuple):
    """The lanes of a sweep: every combination of its axes' values."""

    axes: dict[str, dict[str, tuple]]  # dimension -> parameter -> values along it
    fixed: dict[str, Any]  # parameters that have one value and no dimension
    numbers: tuple[str, ...]  # the traced parameters
    shapes: tuple[str, ...]  # the static parameters

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(next(iter(c.values()))) for c in self.axes.values())

    @property
    def lanes(self) -> int:
        return math.prod(self.shape)

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
    def bounds(self) -> tuple[str, ...]:
        """The shapes that only pad: a capacity that the sizes fill."""
        sized = "size" in {*self.numbers, *self.shapes}
        return ("capacity",) if sized and "capacity" in self.fixed else ()

    def keys(self, lanes: np.ndarray, marks: Mapping[str, Any]) -> list[str]:
        """Names of lanes by the values on their axes, the same in every grid.

        `marks` are further columns along a dimension.
        """
        at = self.positions()[lanes].T
        columns = [
            (name, [label(values[i]) for i in along])
            for along, (dimension, columns) in zip(at, self.axes.items(), strict=True)
            for name, values in (columns | marks.get(dimension, {})).items()
        ]
        names = [name for name, _ in columns]
        rows = zip(*(values for _, values in columns), strict=True)
        return [
            json.dumps(dict(zip(names, row, strict=True)), sort_keys=True)
            for row in rows
        ]

    def groups(self, positions: np.ndarray) -> list[tuple[dict[str, Any], np.ndarray]]:
        """Lanes (by index) that share all shapes, one compiled program each."""
        dims = {name: d for d, c in enumerate(self.axes.values()) for name in c}
        shaped = [n for n in self.shapes if n in dims]
        used = sorted({dims[n] for n in shaped})
        still = {n: self.fixed[n] for n in self.shapes if n not in dims}
        corners, member = np.unique(positions[:, used], axis=0, return_inverse=True)
        axes = list(self.axes.values())
        found = []
        for g, corner in enumerate(corners):
            at = dict(zip(used, corner, strict=True))
            varied = {n: axes[dims[n]][n][at[dims[n]]] for n in shaped}
            lanes = np.flatnonzero(member.reshape(-1) == g)
            found.append(({**still, **varied}, lanes))
        return found


@dataclass(frozen=True, eq=False)  # values may be of any kind
class Labelled:
    """A value on an axis of shapes, and what it is called there."""

    label: str
    value: Any

    def __str__(self) -> str:
        return self.label


def labelled(**values: Any) -> list[Labelled]:
    """An axis of functions, models or other values, by the names they are given.

    `mj.sweep(run, activation=mj.labelled(sine=jnp.sin, sharp=lambda x: x**9), …)`
    """
    return [Labelled(name, value) for name, value in values.items()]


def bare(value: Any) -> Any:
    """A value without its label."""
    return value.value if isinstance(value, Labelled) else value


def label(value: Any) -> Any:
    """A value as a coordinate: numbers and names stay, other shapes become text."""
    if isinstance(value, int | float | str):
        return value
    return getattr(value, "__name__", None) or str(value)


def make_grid(
    run: Callable, zips: Sequence[Zipped], given: Mapping[str, Any], inputs: Mapping
) -> Grid:
    """The grid of a run, with every value checked before anything is traced."""
    numbers, shapes, defaults = border(run)
    if not all(isinstance(z, Zipped) for z in zips):
        raise BadValue("axes", "are given by name, or tied together by zipped(...)")
    columns = [z.columns for z in zips]
    columns += [{name: v} for name, v in given.items() if is_sequence(v)]
    fixed = {name: v for name, v in given.items() if not is_sequence(v)}
    on_axes = [name for column in columns for name in column]
    _check_names(run, [*on_axes, *fixed, *inputs], (*numbers, *shapes))
    given_elsewhere = {*on_axes, *inputs}
    fixed |= {
        n: v for n, v in defaults.items() if n not in fixed and n not in given_elsewhere
    }
    _not_too_many(columns)
    axes = {next(iter(c)): {n: _values(n, v) for n, v in c.items()} for c in columns}
    for dimension, along in axes.items():
        _each_once(dimension, along[dimension])
        for name in along.keys() - set(numbers):
            _check_labels(name, along[name])
    for name, values in _every_value(axes, fixed):
        for value in values:
            check_value(name, value, name in shapes)
    if {"size", "capacity"} <= {*numbers, *shapes}:
        _settle_capacity(axes, fixed)
    for name in (*numbers, *shapes):
        if name not in fixed and name not in given_elsewhere:
            raise BadValue(name, f"{run.__name__} needs a value or an axis for it")
    traced = tuple(name for name in numbers if name not in inputs)
    return Grid(axes, fixed, traced, shapes)


def _every_value(axes: dict, fixed: dict) -> list[tuple[str, tuple]]:
    on_axes = [
        (n, values) for columns in axes.values() for n, values in columns.items()
    ]
    return [*on_axes, *((n, (value,)) for n, value in fixed.items())]


def border(run: Callable) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, Any]]:
    """The numbers and the shapes of a run (before and after the `*`), and defaults."""
    parameters = inspect.signature(run).parameters.values()
    for p in parameters:
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            raise BadValue(
                p.name, f"{run.__name__} must name its parameters, not *{p.name}"
            )
        if p.name in RESERVED:
            raise BadValue(
                p.name, f"is an option of sweep; rename it in {run.__name__}"
            )
    numbers = tuple(p.name for p in parameters if p.kind != p.KEYWORD_ONLY)
    shapes = tuple(p.name for p in parameters if p.kind == p.KEYWORD_ONLY)
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    return numbers, shapes, defaults


def with_name(run: Callable) -> Callable:
    """A run that has a name, as partial functions and callable objects have not."""
    if hasattr(run, "__name__"):
        return run

    def called(**given: Any) -> Any:
        return run(**given)

    function = run.func if isinstance(run, partial) else type(run)
    called.__name__ = called.__qualname__ = with_name(function).__name__
    called.__dict__["__signature__"] = inspect.signature(run)
    called.__dict__["__wrapped__"] = function
    return called


def is_sequence(value: Any) -> bool:
    """Whether a value is an axis: a list, tuple, range or array with one dimension."""
    if isinstance(value, np.ndarray | jax.Array):
        return value.ndim > 0
    return isinstance(value, list | tuple | range)


def _check_names(run: Callable, names: list[str], known: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            raise BadValue(name, f"{run.__name__} has no such parameter, only {known}")
        if names.count(name) > 1:
            raise BadValue(name, "is given twice")


def _values(name: str, values: Sequence) -> tuple:
    if isinstance(values, np.ndarray | jax.Array) and values.ndim > 1:
        raise BadValue(name, "an axis has one dimension; hand arrays in by inputs=")
    values = tuple(v.item() if isinstance(v, np.generic) else v for v in values)
    values = tuple(v.item() if isinstance(v, jax.Array) else v for v in values)
    if not values:
        raise BadValue(name, "an axis needs at least one value")
    return values


def _not_too_many(columns: Sequence[Mapping[str, Sequence]]) -> None:
    lengths = {name: len(values) for c in columns for name, values in c.items()}
    runs = math.prod(len(next(iter(c.values()))) for c in columns)
    if runs > MOST_RUNS:
        problem = f"a grid of {runs} runs is more than {MOST_RUNS}"
        raise BadValue(max(lengths, key=lambda name: lengths[name]), problem)


def _each_once(dimension: str, values: tuple) -> None:
    if len(_distinct(dimension, values)) < len(values):
        twice = next(v for v in values if values.count(v) > 1)
        raise BadValue(dimension, f"an axis holds each value once, got {twice} again")


def _distinct(name: str, values: tuple) -> list:
    """The values without repeats; refused where they cannot be compared."""
    try:
        return list(dict.fromkeys(values))
    except TypeError:
        kind = type(values[0]).__name__
        raise BadValue(
            name,
            f"an axis holds numbers, names, tuples or functions, got a {kind}; name "
            f"others: {name}=mj.labelled(one=…, other=…)",
        ) from None


def _check_labels(name: str, values: tuple) -> None:
    """Refuse values that have no name of their own: results are found by it."""
    texts = [str(label(v)) for v in _distinct(name, values)]  # zipped, they may repeat
    hint = f"; name them: {name}=mj.labelled(one=…, other=…)"
    for text in texts:
        if "<lambda>" in text or " at 0x" in text or "\n" in text:
            raise BadValue(name, f"{text.splitlines()[0]} is no name for a value{hint}")
    if len(set(texts)) < len(texts):
        twice = next(t for t in texts if texts.count(t) > 1)
        raise BadValue(name, f"{twice} is the name of two values{hint}")


def check_value(name: str, value: Any, is_shape: bool = False) -> None:
    """Refuse what a parameter cannot mean: a fraction of a point, a negative rate."""
    if isinstance(value, tuple):
        for part in value:
            check_value(name, part, is_shape)
        return
    value = bare(value)
    number = isinstance(value, int | float | np.number)
    if not number:
        if not is_shape or name in NOT_NEGATIVE:
            hint = "" if is_shape else "; hand arrays in by inputs="
            raise BadValue(name, f"needs a number, got {value!r}{hint}")
        return
    if value != value:
        raise BadValue(name, "NaN is not a value")
    if name in WHOLE and value != int(value):
        raise BadValue(name, f"needs whole numbers, got {value}")
    if value < (1 if name in AT_LEAST_ONE else 0) and name in NOT_NEGATIVE:
        least = "at least 1" if name in AT_LEAST_ONE else "0 or more"
        raise BadValue(name, f"must be {least}, got {value}")
    if not is_shape:
        check_range(name, value)


def seeds(given: int | Sequence[int]) -> tuple[int, ...]:
    """The seeds 0, 1, … for a count of them, or those given.

    The first line of an experiment's `sweeps(seeds=8)`: then 8 seeds are meant by its
    default, on the command line and from Python.
    """
    if isinstance(given, int):
        if given < 1:
            raise BadValue("seeds", f"needs at least one seed, got {given}")
        return tuple(range(given))
    return tuple(given)


def between(low: float, high: float, /, **values: Any) -> None:
    """Refuse values, of an axis or one, that are not between two others or equal."""
    for name, value in _each(values):
        if not low <= value <= high:
            raise BadValue(name, f"must lie between {low:g} and {high:g}, got {value}")


def inside(low: float, high: float, /, **values: Any) -> None:
    """Refuse values, of an axis or one, that are not strictly between two others."""
    for name, value in _each(values):
        if not low < value < high:
            upper = "" if high == math.inf else f" and below {high:g}"
            raise BadValue(name, f"must be above {low:g}{upper}, got {value}")


def one_of(known: Sequence, /, **values: Any) -> None:
    """Refuse values, of an axis or one, that are not among those known."""
    for name, value in _each(values):
        if value not in known:
            listed = ", ".join(str(label(k)) for k in known)
            raise BadValue(name, f"must be one of {listed}, not {value}")


def _each(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [
        (name, value)
        for name, given in values.items()
        for value in (given if is_sequence(given) else (given,))
    ]


def check_range(name: str, values: Any) -> None:
    """Refuse what JAX has no type for, and numbers that it would cut off to 32 bits."""
    if isinstance(values, jax.Array):
        return
    array = np.asanyarray(values)
    if isinstance(array, np.ma.MaskedArray):
        raise BadValue(name, "is masked; fill it (.filled) or weigh its rows")
    if array.dtype.kind in "OUSMm":
        raise BadValue(name, f"needs numbers that fit 64 bits, got {array.dtype}")
    if jax.config.jax_enable_x64:  # type: ignore[attr-defined]
        return
    if array.dtype.kind in "iu" and array.dtype.itemsize > 4 and array.size:
        least, most = (0, 2**32) if array.dtype.kind == "u" else (-(2**31), 2**31)
        if not least <= array.min() <= array.max() < most:
            raise BadValue(name, f"does not fit 32 bits: {array.max()}")


def _settle_capacity(axes: dict, fixed: dict) -> None:
    """Capacity is the largest size unless it is given, and never less."""
    values = dict(_every_value(axes, fixed))
    if "size" not in values:
        return
    largest = max(values["size"])
    if "capacity" not in values:
        fixed["capacity"] = largest
    elif min(values["capacity"]) < largest:
        least = min(values["capacity"])
        raise BadValue("capacity", f"{least} has no room for size {largest}")
