"""What pads a model: parameters that are zero and stay so, logits that never win."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

FAR = -1e9  # a logit that leaves no probability; -inf times a target of 0 is no number


def alive(count: Any, length: int) -> jax.Array:
    """Which of so many places are among the first `count`."""
    return jnp.arange(length) < count


def masks(lengths: Sequence[int], live: Sequence[Any] | None) -> list[jax.Array | None]:
    """Which places live along each length; None where all do, which costs nothing.

    `live` are their counts, traced or not, and None for all.
    """
    counts = [None] * len(lengths) if live is None else live
    if len(counts) != len(lengths):
        raise ValueError(f"{len(counts)} live counts for the lengths {tuple(lengths)}")
    return [_mask(*pair) for pair in zip(counts, lengths, strict=True)]


def _mask(count: Any, length: int) -> jax.Array | None:
    if count is None:
        return None
    if isinstance(count, jax.core.Tracer):
        return alive(count, length)
    if not 1 <= count <= length:
        raise ValueError(f"{count} of {length} cannot live")
    return None if count == length else alive(count, length)


def layers(depth: Any, counts: Sequence[Any]) -> list[jax.Array | None]:
    """Which of some hidden layers, of so many units, are among the first `depth`.

    None where that is known: of the first, and of all if no depth is given.
    """
    known = not isinstance(depth, jax.core.Tracer)
    if depth is None or (known and depth == len(counts)):
        return [None] * len(counts)
    if known and not 1 <= depth < len(counts):
        raise ValueError(f"a depth of {depth}, of {len(counts)} hidden layers")
    if any(not _same(n, counts[0]) for n in counts):
        raise ValueError(f"a depth is of hidden layers of one width, not {counts}")
    return [None, *(jnp.asarray(i < depth) for i in range(1, len(counts)))]


def _same(a: Any, b: Any) -> bool:
    return a is b or (isinstance(a, int) and isinstance(b, int) and a == b)


def only_if(there: jax.Array | None, value: jax.Array, other: Any) -> jax.Array:
    """A value where something is there, else another; None is known to be there."""
    return value if there is None else jnp.where(there, value, other)


def kept(values: jax.Array, *along: jax.Array | None) -> jax.Array:
    """Values [..., n, m], zero where the masks along their last axes do not live."""
    for axis, mask in zip(range(-len(along), 0), along, strict=True):
        if mask is not None:
            shape = [1] * values.ndim
            shape[axis] = len(mask)
            values = jnp.where(mask.reshape(shape), values, 0)
    return values


def never(logits: jax.Array, mask: jax.Array | None) -> jax.Array:
    """Logits that leave no probability to what does not live."""
    return logits if mask is None else jnp.where(mask, logits, FAR)
