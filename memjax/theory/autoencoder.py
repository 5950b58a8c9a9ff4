"""A network of one layer that returns a sample, in closed form.

Of `A φ(B x)` let A start at 0 and the rows of B be equal, so that the units stay equal
to each other. Trained to return one sample x, A φ(B x) is x, so every column of A is
x / (m φ(u)), where u is what x drives each of the m units to. The Jacobian at x is then
x bᵀ φ'(u) / φ(u), of rank one, and its eigenvalue b·x φ'(u) / φ(u) has b·x = u.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def radius(activation: Callable[[Any], jax.Array], u: Any) -> jax.Array:
    """The spectral radius `|φ'(u) u / φ(u)|` at the one sample that is stored."""
    return jnp.abs(jax.grad(activation)(u) * u / activation(u))
