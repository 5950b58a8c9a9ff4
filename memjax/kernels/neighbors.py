"""Old classifiers that interpolate: votes of points with weights by their distance."""

import jax
import jax.numpy as jnp


def chosen(vote: jax.Array) -> jax.Array:
    """The class that a vote is for: 1 above zero, else 0, and NaN for no number."""
    return jnp.where(jnp.isnan(vote), jnp.nan, vote > 0)


def nearest(apart: jax.Array, y: jax.Array, w: jax.Array) -> jax.Array:
    """The label of the nearest of the points that count: [m].

    `apart` [m, n] are distances from the points with labels `y` [n], which count where
    their weights `w` [n] are positive.
    """
    return y[jnp.argmin(jnp.where(w[None, :] > 0, apart, jnp.inf), axis=1)]


def hilbert(power: jax.Array, y: jax.Array, w: jax.Array) -> jax.Array:
    """Hilbert's estimate, up to a factor: the sum of labels `y` over `power` [m, n].

    That is the distance to the power of the dimension of the data. Of many points the
    estimate is right as often as can be (Devroye, Gyorfi, Krzyzak, 1998).
    """
    return jnp.sum(jnp.where(w[None, :] > 0, y[None, :] / power, 0.0), axis=1)
