"""Kernels on the circle: at angles apart, by width s, coefficients 1 at frequency 0.

What interpolation in them gives is in `theory.circle`, under the same names.
"""

from typing import Any

import jax
import jax.numpy as jnp


def laplace(x: jax.Array, s: Any) -> jax.Array:
    """The kernel at distances 0 ≤ x < 2π whose Fourier coefficients are 1/(1+(sm)²)."""
    around = jnp.exp(-x / s) + jnp.exp((x - 2 * jnp.pi) / s)
    return jnp.pi / s * around / (1 - jnp.exp(-2 * jnp.pi / s))


def cauchy(x: jax.Array, s: Any) -> jax.Array:
    """The kernel at distances x whose Fourier coefficients are exp(-s|m|)."""
    return jnp.sinh(s) / (jnp.cosh(s) - jnp.cos(x))


def gaussian(x: jax.Array, s: Any) -> jax.Array:
    """The kernel at distances 0 ≤ x < 2π with the coefficients exp(-(sm)²/2)."""
    images = (jnp.exp(-(((x + 2 * jnp.pi * j) / s) ** 2) / 2) for j in range(-2, 2))
    return jnp.sqrt(2 * jnp.pi) / s * sum(images)
