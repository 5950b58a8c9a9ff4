"""Average gradient outer products: the features that a kernel machine learns."""

import jax
import jax.numpy as jnp

from memjax.kernels.fits import alone, eigh
from memjax.kernels.metric import Kernel, products, slopes


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
    _, values, vectors = alone(_svd, _square(_rows(slope, w, centered)) @ onto)
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
