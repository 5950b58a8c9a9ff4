"""Kernels in a metric, their Gram matrices and their slopes.

A kernel is a function `k(u, xx, zz)` of three numbers: the inner products `u = x·Mz`,
`xx = x·Mx` and `zz = z·Mz` of its two points in a metric M. Gaussian, Laplace and
polynomial kernels all have this form, and so have their gradients in x, which
`slopes` takes by differentiation: `∇k = M (∂k/∂u z + 2 ∂k/∂xx x)`.
"""

from collections.abc import Callable
from typing import Any

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
