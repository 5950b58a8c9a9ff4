"""Draws of which smaller ones are a part."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

Shape = tuple[int, int]


def nested(draw: Callable[..., jax.Array], key: jax.Array, shape: Shape) -> jax.Array:
    """Numbers [rows, columns]; any smaller draw with this key is a corner of them.

    Each row has a key of its own. Lanes of a sweep draw one after another, for under a
    vmap a draw takes many times longer to compile.
    """
    (drawn,) = _lane_by_lane(lambda key: _rows(draw, key[None], [shape]))(key)
    return drawn


def nested_each(
    draw: Callable[..., jax.Array], key: jax.Array, shapes: Sequence[Shape]
) -> list[jax.Array]:
    """`nested` draws of several shapes, each with a key of its own that this one gives.

    Shapes of as many columns are one draw, for it is draws that take time to compile.
    """
    count = len(shapes)
    return _lane_by_lane(lambda k: _rows(draw, jax.random.split(k, count), shapes))(key)


def _lane_by_lane(draws: Callable[[jax.Array], list]) -> Callable[[jax.Array], list]:
    return jax.custom_batching.sequential_vmap(draws)


def _rows(
    draw: Callable[..., jax.Array], keys: jax.Array, shapes: Sequence[Shape]
) -> list[jax.Array]:
    """Numbers of these shapes, from a key each, of which every row has one."""
    counts, widths = np.transpose(shapes)
    owner = np.repeat(np.arange(len(shapes)), counts)
    row = np.concatenate([np.arange(count) for count in counts])
    each = jax.vmap(jax.random.fold_in)(keys[owner], row)
    found: dict[int, jax.Array] = {}
    for columns in np.unique(widths).tolist():
        alike = np.flatnonzero(widths == columns)
        mine = each[np.flatnonzero(np.isin(owner, alike))]
        drawn = jax.vmap(lambda key, n=columns: draw(key, (n,)))(mine)
        parts = jnp.split(drawn, np.cumsum(counts[alike])[:-1])
        found |= dict(zip(alike.tolist(), parts, strict=True))
    return [found[i] for i in range(len(shapes))]
