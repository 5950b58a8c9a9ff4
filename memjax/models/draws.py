"""Draws of which smaller ones are a part."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from memjax.lanes import lane_by_lane

ROWS = 2**24  # of an array, at most: keys of rows are numbered so far apart
Shape = tuple[int, int]


def nested(draw: Callable[..., jax.Array], key: jax.Array, shape: Shape) -> jax.Array:
    """Numbers [rows, columns]; any smaller draw with this key is a corner of them."""
    return nested_each(draw, key, [shape])[0]


def nested_each(
    draw: Callable[..., jax.Array],
    key: jax.Array,
    shapes: Sequence[Shape],
    places: Sequence[Any] | None = None,
) -> list[jax.Array]:
    """`nested` draws of several shapes, each of which may be another without the rest.

    Each row has a key of its own, and all are as long as the longest, so that there is
    one draw, lane after lane of a sweep: draws are what takes long to compile, and
    under a vmap many times longer. A draw is told from others by its place, which may
    be traced: where it stands among them unless it is given.
    """
    places = range(len(shapes)) if places is None else places
    on_host = all(isinstance(place, int) for place in places)
    rows = [p * ROWS + np.arange(r) for p, (r, _) in zip(places, shapes, strict=True)]
    number = np.concatenate(rows) if on_host else jnp.concatenate(rows)
    most = max(columns for _, columns in shapes)

    @lane_by_lane
    def drawn(key: jax.Array, number: jax.Array) -> jax.Array:
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(number)
        return jax.vmap(lambda key: draw(key, (most,)))(keys)

    ends = np.cumsum([rows for rows, _ in shapes])
    whole = drawn(key, number.astype(np.uint32))
    return [
        whole[end - rows : end, :columns]
        for end, (rows, columns) in zip(ends, shapes, strict=True)
    ]
