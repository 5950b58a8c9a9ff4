"""What can be written after a flag: `1e-3,3e-3`, `50:25600:10`, `lin:0:1:5`."""

import ast
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

MOST = 1_000_000  # values on an axis; more are a slip, and would not fit into memory
GRAMMAR = "a list 1,2,5 · geometric first:last:count · linear lin:first:last:count"


def parse_axis(text: str, kind: Callable[[str], Any]) -> tuple:
    """The values of an axis, from what the user wrote."""
    text = text.strip()
    if text.startswith("["):
        return _literal(text, kind)
    if kind is not str and ":" in text:
        return _spaced(text, kind)
    parts = [p.strip() for p in text.split(",")]
    if parts[-1] == "":  # `3,` is a list of one
        parts = parts[:-1]
    if not parts or "" in parts:
        raise ValueError(f"an axis needs at least one value and no gaps, got '{text}'")
    return tuple(kind(p) for p in parts)


def parse_seeds(text: str) -> tuple[int, ...]:
    """`8` is the seeds 0 … 7; `3,7` those two; `3,` only 3."""
    if "," in text or ":" in text or text.startswith("["):
        return parse_axis(text, whole)
    count = whole(text)
    if count < 1:
        raise ValueError(f"needs at least one seed, got {text}")
    return tuple(range(_no_more(count)))


def _no_more(count: int) -> int:
    """The count, where an axis has room for so many values."""
    if count > MOST:
        raise ValueError(f"{count} values are more than the {MOST} of an axis")
    return count


def whole(text: str) -> int:
    """A whole number, also written as `1e4`."""
    value = number(text)
    if value != int(value):
        raise ValueError(f"needs whole numbers, got {text}")
    if abs(value) > 2**32:
        raise ValueError(f"does not fit 32 bits: {text}")
    return int(value)


def number(text: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"needs a number, got '{text}'") from None
    if not np.isfinite(value):
        raise ValueError(f"needs a finite number, got {text}")
    return value


def kind_of(values: Sequence) -> Callable[[str], Any]:
    """How the values of an axis are read, from its default ones."""
    parts = [p for v in values for p in (v if isinstance(v, tuple) else (v,))]
    if all(isinstance(p, int) for p in parts):
        return whole
    return number if all(isinstance(p, int | float) for p in parts) else str


def written(values: Sequence) -> str:
    """Values as a flag that `parse_axis` reads back."""
    if any(isinstance(v, tuple) for v in values):
        return repr(list(values))
    return ",".join(map(str, values)) + ("," if len(values) == 1 else "")


def _literal(text: str, kind: Callable[[str], Any]) -> tuple:
    try:
        return tuple(_plain(value, kind) for value in ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        shown = text if len(text) < 40 else f"{text[:40]}…"
        raise ValueError(f"is not a list like [(100,100)]: {shown}") from None


def _plain(value: Any, kind: Callable[[str], Any]) -> Any:
    """A value of a literal, of the kind of its axis; or a tuple of such numbers."""
    if isinstance(value, tuple) and value and kind is not str:
        return tuple(_plain(part, kind) for part in value)
    if isinstance(value, str) is not (kind is str):
        raise ValueError
    return value if kind is str else kind(repr(value))


def _spaced(text: str, kind: Callable[[str], Any]) -> tuple:
    linear = text.startswith("lin:")
    parts = text.removeprefix("lin:").removeprefix("log:").split(":")
    if len(parts) != 3:
        raise ValueError(f"a range is first:last:count, got '{text}'")
    first, last, count = kind(parts[0]), kind(parts[1]), whole(parts[2])
    _no_more(count)
    if count < 1 or (count == 1 and first != last):
        raise ValueError(f"a range needs a count of 2 or more, got '{text}'")
    if not linear and (first <= 0 or last <= 0):
        raise ValueError(f"a geometric range needs positive ends, got '{text}'")
    with np.errstate(all="ignore"):
        values = (np.linspace if linear else np.geomspace)(first, last, count)
    if not np.all(np.isfinite(values)):
        raise ValueError(f"the ends of a range are too far apart: '{text}'")
    if kind is whole:
        return tuple(int(v) for v in values.round())
    return tuple(float(f"{v:.12g}") for v in values)
