"""Fits on a weighted measure by solves: ridge, minimum norm, paths of ridges."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

# --- ridge regression ---------------------------------------------------------------


def ridge(
    gram: jax.Array, y: jax.Array, w: jax.Array, strength: Any = 0.0
) -> jax.Array:
    """The coefficients `a` of the f = Σ a_i k(·, x_i) that fits `y` on a measure.

    It minimizes `∫ (f - y)² dw + strength |f|²`; for n points of weight 1/n that is
    `a = (K + n strength I)⁻¹ y`. Points of weight zero get coefficient zero, and the
    others what they would get alone, also at strength zero: so a traced train size is
    a vector of weights `w` [n]. `y` is [n] or [n, outputs]. A Gram matrix that is not
    positive definite at strength zero gives NaN.
    """
    half = jnp.sqrt(w)
    spare = jnp.where(w > 0, strength, 1.0)  # the rows of padding solve 1 · a = 0
    system = half[:, None] * gram * half[None, :] + jnp.diag(spare)
    scale = half.reshape(-1, *[1] * (y.ndim - 1))
    return scale * alone(_solve, system, scale * y)


def left_out(gram: jax.Array, y: jax.Array, ridge: Any = 0.0) -> jax.Array:
    """What ridge regression on all points but one says of that one: [n, outputs].

    For every point at once, from one solve: `y - a / diag((K + ridge I)⁻¹)` with
    coefficients `a = (K + ridge I)⁻¹ y`, exact also where the ridge is zero.
    """
    inverse = alone(jnp.linalg.inv, gram + ridge * jnp.eye(len(gram)))
    own = jnp.diag(inverse).reshape(-1, *[1] * (y.ndim - 1))
    return y - inverse @ y / own


def _solve(system: jax.Array, y: jax.Array) -> jax.Array:
    return jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(system), y)


def alone(f: Callable, *arguments: jax.Array) -> Any:
    """`f(*arguments)`, of which a CPU does one at a time, also under `vmap`.

    Batched LAPACK calls split over the threads that run them, and two host devices
    that do so wait for each other forever (jaxlib 0.10.2). A GPU batches them.
    """
    one_by_one = jax.custom_batching.sequential_vmap(f)
    return jax.lax.platform_dependent(*arguments, cpu=one_by_one, default=f)


# --- minimum norm and ridge paths from one factorization ------------------------------


class Factors(NamedTuple):
    """Eigenvectors of a Gram matrix on a measure, and which are more than rounding."""

    half: jax.Array  # roots of the weights [n]
    values: jax.Array  # eigenvalues, ascending [n]
    vectors: jax.Array  # in columns [n, n]
    kept: jax.Array  # which count [n]


def factor(
    gram: jax.Array, w: jax.Array, rank: Any = None, cutoff: float | None = None
) -> Factors:
    """The eigenvectors of `√w K √w`, for all ridge strengths and labels at once.

    Eigenvalues up to `cutoff` times the largest count as zero, n times the rounding
    of one number if not given; so do all but the `rank` largest, which may be traced.
    Eigenvalues are squares of the features' singular values: float32 cannot tell those
    from zero that are a few hundred times smaller than the largest, and where features
    are about as many as points there are such. So use float64 near that peak.
    """
    half = jnp.sqrt(w)
    values, vectors = eigh(half[:, None] * gram * half[None, :])
    least = len(w) * jnp.finfo(values.dtype).eps if cutoff is None else cutoff
    kept = values > least * values[-1]
    if rank is not None:
        kept &= jnp.arange(len(w)) >= len(w) - rank
    return Factors(half, values, vectors, kept)


def path(factors: Factors, y: jax.Array, strengths: jax.Array) -> jax.Array:
    """The coefficients of `ridge` at every strength: [strengths, n, outputs].

    At strength zero they are those of minimum norm: of all f that fit `y` best, the
    one with the least |f|. `y` is [n] or [n, outputs].
    """
    scale = factors.half.reshape(-1, *[1] * (y.ndim - 1))
    along = factors.vectors.T @ (scale * y)

    def at(strength: jax.Array) -> jax.Array:
        below = jnp.where(factors.kept, factors.values + strength, jnp.inf)
        return scale * (factors.vectors @ (along / below.reshape(scale.shape)))

    return jax.vmap(at)(strengths)


def minimum_norm(
    gram: jax.Array, y: jax.Array, w: jax.Array, rank: Any = None
) -> jax.Array:
    """The coefficients of the f of least norm among those that fit `y` best.

    `rank` is that of the Gram matrix where it is known, as it is by `factor`.
    """
    return path(factor(gram, w, rank), y, jnp.zeros(1))[0]


def pooled(
    features: Callable[[jax.Array], jax.Array], onto: int, count: Any, room: int
) -> jax.Array:
    """Inner products of all points with the first `onto` of them: [points, onto].

    `features(k)` is the k-th block of features [points, block]. The first `count` of
    all features count, of which there are `room` at most; `count` may be traced, and
    only one block is held at a time; outside of a `vmap` blocks that do not count are
    not drawn. None, or more than there is room for, give NaN. It has no
    gradient: how many blocks there are is not known beforehand.
    """
    points, block = jax.eval_shape(features, jnp.zeros((), int)).shape
    fits = (count >= 1) & (count <= room)

    def add(k: jax.Array, total: jax.Array) -> jax.Array:
        drawn = features(k) * (k * block + jnp.arange(block) < count)[None, :]
        return total + drawn @ drawn[:onto].T

    start = jnp.broadcast_to(jnp.where(fits, 0.0, jnp.nan), (points, onto))
    blocks = jnp.where(fits, jnp.ceil(count / block), 0).astype(int)
    return jax.lax.fori_loop(0, blocks, add, start)


# --- eigenvalues --------------------------------------------------------------------


def eigh(matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Eigenvalues, ascending, and eigenvectors in columns, one matrix at a time."""
    return alone(lambda matrix: tuple(jnp.linalg.eigh(matrix)), matrix)


def top(matrix: jax.Array) -> jax.Array:
    """The largest eigenvalue of a symmetric matrix."""
    return alone(lambda matrix: jnp.linalg.eigvalsh(matrix), matrix)[-1]
