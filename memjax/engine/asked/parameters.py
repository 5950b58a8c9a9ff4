"""What a parameter may be, and what it is called."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

AT_LEAST_ONE = ("size", "capacity", "width", "depth", "steps")  # whole numbers
WHOLE = (*AT_LEAST_ONE, "seed")
NOT_NEGATIVE = (*WHOLE, "lr", "wd", "init_scale")


class BadValue(ValueError):
    """A parameter of a sweep was given something it cannot take."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name, self.problem = name, problem


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


# --- refusals ------------------------------------------------------------------------


def is_sequence(value: Any) -> bool:
    """Whether a value is an axis: a list, tuple, range or array with one dimension.

    Arrays are also those of pandas and xarray.
    """
    if hasattr(value, "__array__"):
        return np.ndim(value) > 0
    return isinstance(value, list | tuple | range)


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
            if isinstance(value, Iterable) and not isinstance(value, str):
                kind = type(value).__name__
                problem = f"an axis is a list, a range or an array, not a {kind}"
                raise BadValue(name, f"{problem}; make it one: [*…]")
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


def parsed(parse: Callable[[Any], Any], /, **texts: Sequence) -> list:
    """What a parser makes of the values of an axis; refused where it raises ValueError.

    `mj.parsed(mj.datasets.graphs.parse, graph=("cycle:15", "star"))`
    """
    ((name, values),) = texts.items()
    try:
        return [parse(value) for value in values]
    except ValueError as error:
        raise BadValue(name, str(error)) from None


def finely(values: Sequence, count: int = 60) -> list[float]:
    """The values, and a geometric line of so many through them, for a curve."""
    line = np.geomspace(min(values), max(values), count).tolist()
    return sorted({*values, *(p for p in line if not np.isclose(p, values).any())})


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


def each_once(dimension: str, values: tuple) -> None:
    if len(_distinct(dimension, values)) < len(values):
        twice = next(v for v in values if values.count(v) > 1)
        raise BadValue(dimension, f"an axis holds each value once, got {twice} again")


def told_apart(dimension: str, values: tuple) -> None:
    """Refuse real numbers that are one number at the precision that runs compute in."""
    precision = jax.dtypes.canonicalize_dtype(float)
    if any(isinstance(v, float) for v in values):
        first: dict[Any, Any] = {}
        with np.errstate(over="ignore"):
            held = np.asarray(values).astype(precision).tolist()
        for value, number in zip(values, held, strict=True):
            if first.setdefault(number, value) != value:
                told = f"{first[number]!r} and {value!r} are one number"
                raise BadValue(dimension, f"{told} in {precision.name}")


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


def check_labels(name: str, values: tuple) -> None:
    """Refuse values that have no name of their own: results are found by it."""
    texts = [str(label(v)) for v in _distinct(name, values)]  # zipped, they may repeat
    hint = f"; name them: {name}=mj.labelled(one=…, other=…)"
    for text in texts:
        if "<lambda>" in text or " at 0x" in text or "\n" in text:
            raise BadValue(name, f"{text.splitlines()[0]} is no name for a value{hint}")
    if len(set(texts)) < len(texts):
        twice = next(t for t in texts if texts.count(t) > 1)
        raise BadValue(name, f"{twice} is the name of two values{hint}")
