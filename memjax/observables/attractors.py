"""What an iterated map stores: which points attract, and what falls back to them.

A point is stored where the spectral radius of the Jacobian at it is below 1, and a
cycle where that of the map once around it is. What is iterated ends at a point of the
data where it is within 0.01 of it in the end, or at none. A cycle of `size` points is
gone around a whole number of times.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from memjax.measure import Data
from memjax.observables.jacobians import Map, along, iterated, nearest
from memjax.quantities import named

CORRUPTIONS = (0.05, 0.1, 0.2, 0.4)  # standard deviations, in every coordinate
ITERATIONS, NEAR, STARTS = 500, 1e-2, 64
MARGIN = 0.25  # around the unit square, of a picture of basins


def stability(f: Map, data: Data) -> dict[str, Any]:
    """Spectral radii at each point, and of the map once around all of them, a step."""
    radii, rate = along(f, data.x, data.w > 0)
    labels = range(len(data.w))
    return {"radius": named(radii, "sample", coords=labels), "cycle_rate": rate}


def retrieval(
    f: Map,
    data: Data,
    size: Any,
    key: jax.Array,
    copied: int | None = None,
    draws: int = 4,
) -> dict[str, Any]:
    """Shares of corrupted points that return, and of starts that end elsewhere.

    The first `copied` points are corrupted, `draws` times each. `closest` is the share
    of copies that are closer to their point than to any other, and `spurious` that of
    starts anywhere in the unit cube that end at no point.
    """
    x, w = data.x[:copied], data.w[:copied]
    (n, dim), count = x.shape, len(CORRUPTIONS)
    anywhere, noise = starts_and_noise(key, n, draws, dim)
    corruption = jnp.array(CORRUPTIONS)[:, None, None, None]
    copies = (x[None, :, None] + corruption * noise[None]).reshape(-1, dim)
    rounds = iterated(f, ITERATIONS // size * size)
    ends = which(jax.vmap(rounds)(jnp.concatenate([anywhere, copies])), data, NEAR)

    def share(found: jax.Array) -> Any:
        right = found.reshape(count, n, draws) == jnp.arange(n)[None, :, None]
        weighted = jnp.mean(right, axis=2) @ w / jnp.sum(w)
        return named(weighted, "corruption", coords=CORRUPTIONS)

    return {
        "recovered": share(ends[STARTS:]),
        "closest": share(which(copies, data, jnp.inf)),
        "spurious": jnp.mean(ends[:STARTS] < 0),
    }


def starts_and_noise(
    key: jax.Array, n: int, draws: int, dim: int
) -> tuple[jax.Array, jax.Array]:
    """Starts anywhere in the unit cube, and noise of unit size [n, draws, dim].

    From one draw, for it is their compilation that takes time.
    """
    normal = jax.random.normal(key, (STARTS + n * draws, dim))
    anywhere = jax.scipy.special.ndtr(normal[:STARTS])
    return anywhere, normal[STARTS:].reshape(n, draws, dim)


def which(points: jax.Array, data: Data, within: float) -> jax.Array:
    """The point of the data closest to each, or -1 where none is within so much."""
    known = jnp.where(data.w[:, None] > 0, data.x, jnp.inf)
    near = partial(nearest, points=known, within=within)
    return jax.lax.map(near, points)  # one after another: there may be many


def orbit(f: Map, start: jax.Array, count: int) -> jax.Array:
    """`start` [n, d] and what it is after 1 … `count` iterations, [count + 1, n, d]."""
    rounds = jnp.arange(count + 1)
    return jax.lax.scan(lambda z, _: (jax.vmap(f)(z), z), start, rounds)[1]


def basins(
    f: Map, data: Data, size: Any, pixels: int, iterations: int
) -> dict[str, Any]:
    """The points of a plane, and at which of them starts around the unit square end.

    A picture of so many pixels a side, which are `row` and `column`.
    """
    line = np.linspace(-MARGIN, 1 + MARGIN, pixels)
    starts = np.stack(np.meshgrid(line, line), axis=-1)  # [row, column, 2]
    rounds = iterated(f, iterations // size * size)

    def ends(row: jax.Array) -> jax.Array:
        return which(jax.vmap(rounds)(row), data, NEAR)

    image = jax.lax.map(ends, jnp.array(starts, jnp.float32))
    labels = {"row": line, "column": line}
    names = {"sample": range(len(data.x)), "axis": ("x", "y")}
    return {
        "basin": named(image, "row", "column", coords=labels),
        "point": named(data.x, "sample", "axis", coords=names),
    }
