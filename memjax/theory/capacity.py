"""How many random patterns a perceptron can store: Cover's count, Gardner's volume."""

from typing import Any

import jax
import jax.numpy as jnp


def separable(size: Any, dim: Any) -> jax.Array:
    """How likely so many points in general position have separable random labels.

    By a plane through the origin of `dim` dimensions: `2^(1-n) Σ_{k<d} C(n-1, k)`
    (Cover, 1965). One up to n = d, a half at n = 2d.
    """
    size, dim = (jnp.asarray(a, float) for a in (size, dim))
    over = jnp.maximum(size - dim, 0.5)  # where it is not, the answer is one
    return jnp.where(size > dim, jax.scipy.special.betainc(over, dim, 0.5), 1.0)


def patterns_per_weight(margin: Any = 0.0) -> jax.Array:
    """How many random patterns a weight stores at most, all of `y w·x ≥ κ |w|`.

    `1 / ∫_{-κ}^∞ Dt (t + κ)²`, two where the margin κ is zero, for many inputs x of
    variance one (Gardner, 1988).
    """
    margin = jnp.asarray(margin, float)
    tail = (1 + margin**2) * jax.scipy.stats.norm.cdf(margin)
    return 1 / (tail + margin * jax.scipy.stats.norm.pdf(margin))
