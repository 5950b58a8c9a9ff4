"""Regression on isotropic Gaussian features: the risk of minimum norm and of ridge.

There are `size` points with `features` independent features of variance one, linear
labels `x·β` with |β| = `signal`, and noise of standard deviation `noise`. The excess
risk `|β̂ - β|²` is on average a bias plus a variance. Without a ridge both have their
values at every size (the mean of an inverse Wishart matrix), with one in the limit of
many points (Marchenko and Pastur's law, as in Hastie et al., arXiv 1903.08560). The
strength of a ridge is that of `mean square error + strength |β̂|²`.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Risk(NamedTuple):
    """What a fit misses of the signal, adds of the noise, and leaves of the noise."""

    bias: jax.Array
    variance: jax.Array
    train: jax.Array  # mean square residual of labels that are noise alone


def ridgeless(size: Any, features: Any, signal: Any, noise: Any) -> Risk:
    """The mean risk of minimum norm; infinite where features are size - 1 … size + 1.

    As many features as points, or one more or less, have no mean of the variance.
    """
    gap = jnp.abs(features - size) - 1.0
    few = jnp.minimum(features, size)
    finite = few / jnp.where(gap > 0, gap, 1.0)
    lost = jnp.maximum(0.0, 1 - size / features)
    left = jnp.maximum(0.0, 1 - features / size)
    variance = jnp.where(gap > 0, noise**2 * finite, jnp.inf)
    return Risk(signal**2 * lost, variance, noise**2 * left)


def ridge(ratio: Any, strength: Any, signal: Any, noise: Any) -> Risk:
    """The limiting risk at `ratio` features a point, with a strength above zero."""
    b = 1 - ratio + strength
    root = jnp.sqrt(b**2 + 4 * ratio * strength)
    # The positive root m of `ratio strength m² + b m = 1`, without cancellation.
    m = jnp.where(b > 0, 2 / (b + root), (root - b) / (2 * ratio * strength))
    slope = m * (1 + ratio * m) / root  # -dm/d strength
    lost = strength**2 * slope
    left = 1 - ratio + ratio * lost
    spread = ratio * (m - strength * slope)
    return Risk(signal**2 * lost, noise**2 * spread, noise**2 * left)


def best_strength(ratio: Any, signal: Any, noise: Any) -> jax.Array:
    """The strength of least risk."""
    return jnp.asarray(ratio * noise**2 / signal**2)


def tradeoff(size: Any, features: Any, share: Any) -> jax.Array:
    """A lower bound on the mean excess risk, in units of the noise's variance.

    `share` is the train loss over that variance. It holds for whitened features of any
    distribution that are as many as the points or more, and for minimum norm it says
    that the model is size / excess large, or larger.
    """
    return size / features * (1 - jnp.sqrt(jnp.clip(share, 0, 1))) ** 2
