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
