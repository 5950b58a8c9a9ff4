"""Kernels in a metric, ridge regression on a weighted measure, gradient outer products.

A kernel is a function `k(u, xx, zz)` of three numbers: the inner products `u = x·Mz`,
`xx = x·Mx` and `zz = z·Mz` of its two points in a metric M. Gaussian, Laplace and
polynomial kernels all have this form, and so have their gradients in x, which
`slopes` takes by differentiation: `∇k = M (∂k/∂u z + 2 ∂k/∂xx x)`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

Kernel = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]

# --- kernels ------------------------------------------------------------------------


def gaussian(bandwidth: Any) -> Kernel:
    """The kernel exp(-d²/(2 bandwidth²)), d the distance in the metric."""
    return lambda u, xx, zz: jnp.exp((2 * u - xx - zz) / (2 * bandwidth**2))


def laplace(bandwidth: Any) -> Kernel:
    """The kernel exp(-d/bandwidth); its slope counts as zero where d is zero."""

    def kernel(u: jax.Array, xx: jax.Array, zz: jax.Array) -> jax.Array:
        square = xx + zz - 2 * u
        # What is left of d² between equal points is rounding: no direction in it.
        apart = square > 1e-6 * (xx + zz)
        distance = jnp.sqrt(jnp.where(apart, square, 1.0))
        return jnp.where(apart, jnp.exp(-distance / bandwidth), 1.0)

    return kernel


def quadratic(u: jax.Array, xx: jax.Array, zz: jax.Array) -> jax.Array:
    """The kernel (x·Mz)²."""
    return u**2 + 0 * (xx + zz)


def inner(f: Callable[[jax.Array], jax.Array]) -> Kernel:
    """The kernel f(x·Mz) of an inner product."""
    return lambda u, xx, zz: f(u) + 0 * (xx + zz)


# --- Gram matrices and their slopes -------------------------------------------------


def products(
    x: jax.Array, z: jax.Array, metric: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """What a kernel needs of points x [n, d] and z [m, d]: [n, m], [n, 1], [1, m]."""
    along = x @ metric
    xx = jnp.sum(along * x, axis=1)
    zz = jnp.sum((z @ metric) * z, axis=1)
    return along @ z.T, xx[:, None], zz[None, :]


def gram(
    kernel: Kernel, x: jax.Array, z: jax.Array, metric: jax.Array | None = None
) -> jax.Array:
    """The kernel between all points x [n, d] and z [m, d]: [n, m]."""
    return kernel(*products(x, z, jnp.eye(x.shape[1]) if metric is None else metric))


def slopes(
    kernel: Kernel, u: jax.Array, xx: jax.Array, zz: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The derivatives ∂k/∂u and ∂k/∂xx, each of the shape of `u`."""
    xx, zz = jnp.broadcast_to(xx, u.shape), jnp.broadcast_to(zz, u.shape)
    return jax.grad(lambda *three: jnp.sum(kernel(*three)), (0, 1))(u, xx, zz)


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
    return scale * _alone(_solve, system, scale * y)


def _solve(system: jax.Array, y: jax.Array) -> jax.Array:
    return jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(system), y)


def _alone(f: Callable, *arguments: jax.Array) -> Any:
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


# --- average gradient outer products ------------------------------------------------


def gradients(
    kernel: Kernel, x: jax.Array, z: jax.Array, a: jax.Array, metric: jax.Array
) -> jax.Array:
    """The gradients in x of Σ_i a_ic k(x, z_i), at every x: [n, outputs, d]."""
    toward, own = slopes(kernel, *products(x, z, metric))  # [n, m]
    pull = jnp.einsum("nm,mc,md->ncd", toward, a, z)
    return (pull + 2 * (own @ a)[:, :, None] * x[:, None, :]) @ metric


def agop(slope: jax.Array, w: jax.Array, centered: bool = False) -> jax.Array:
    """The average over a measure of the outer products of gradients: [d, d].

    `slope` [n, outputs, d] holds a gradient for each point and output, `w` [n] the
    weights; outputs are summed. `centered` subtracts the mean gradient of each output
    first, as the Recursive Feature Machines of modular arithmetic do.
    """
    rows = _rows(slope, w, centered)
    return rows.T @ rows


def agop_root(
    slope: jax.Array,
    w: jax.Array,
    centered: bool = False,
    metric: jax.Array | None = None,
) -> jax.Array:
    """The square root of `agop(slope, w, centered)`, also where slopes are slight.

    Singular values of the gradients are eigenvalues of the root, so that directions a
    thousandth as steep as the steepest keep four digits in float32; the root of the
    product would have lost them to rounding. In float64 it keeps them. With a `metric`
    [d, d] the gradients are `slope @ metric`, which are never formed.
    """
    onto = jnp.eye(slope.shape[-1], dtype=slope.dtype) if metric is None else metric
    if slope.dtype == jnp.float64:
        return root(onto.T @ agop(slope, w, centered) @ onto)
    _, values, vectors = _alone(_svd, _square(_rows(slope, w, centered)) @ onto)
    return (vectors.T * values[None, :]) @ vectors


def root(matrix: jax.Array) -> jax.Array:
    """The symmetric square root of a symmetric matrix, negative eigenvalues cut at 0.

    By `eigh`: rank-deficient matrices, which gradient outer products are, are what
    Newton-Schulz iterations converge slowly on. Do not differentiate through it.
    """
    values, vectors = eigh(matrix)
    return (vectors * jnp.sqrt(jnp.maximum(values, 0))[None, :]) @ vectors.T


def _rows(slope: jax.Array, w: jax.Array, centered: bool) -> jax.Array:
    """Weighted gradients as the rows of one matrix, [n * outputs, d]."""
    if centered:
        slope = slope - jnp.tensordot(w, slope, 1)[None]
    return (jnp.sqrt(w)[:, None, None] * slope).reshape(-1, slope.shape[-1])


def _square(rows: jax.Array) -> jax.Array:
    """A square matrix R with the RᵀR of `rows`, as accurate as a QR's, but by products.

    Turned to the eigenvectors of their product and brought to unit length, columns are
    hardly correlated any more: their product is rounded where it does no harm.
    """
    _, axes = eigh(rows.T @ rows)
    turned = rows @ axes
    length = jnp.linalg.norm(turned, axis=0)
    unit = turned / jnp.maximum(length, jnp.finfo(rows.dtype).tiny)[None, :]
    values, vectors = eigh(unit.T @ unit)
    upper = jnp.sqrt(jnp.maximum(values, 0))[:, None] * vectors.T
    return (upper * length[None, :]) @ axes.T


def _svd(matrix: jax.Array) -> tuple[jax.Array, ...]:
    return tuple(jnp.linalg.svd(matrix))


def eigh(matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Eigenvalues, ascending, and eigenvectors in columns, one matrix at a time."""
    return _alone(lambda matrix: tuple(jnp.linalg.eigh(matrix)), matrix)


def top(matrix: jax.Array) -> jax.Array:
    """The largest eigenvalue of a symmetric matrix."""
    return _alone(lambda matrix: jnp.linalg.eigvalsh(matrix), matrix)[-1]
