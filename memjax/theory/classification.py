"""Linear classifiers of minimum norm: their test error, and who supports them.

Labels of sign ±1 are fitted by least squares without a ridge. Three settings of
Gaussian features have closed forms: a few strong features among very many weak ones
(the bi-level ensemble), features that have nothing to do with the labels, and two
classes around opposite means. Derived here; the bi-level ensemble and its regimes are
those of Muthukumar et al., arXiv 2005.08054.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from memjax.theory import eigenframework

SHARP = (2 / jnp.pi) ** 0.5  # E z sign(z): how much of a feature is in its sign


class Levels(NamedTuple):
    """A bi-level ensemble: a few strong features, and weak ones."""

    numbers: jax.Array  # [2], of strong and of weak ones
    scale: jax.Array  # [2], the variance of each such feature


class Errors(NamedTuple):
    """What fits of one strong feature, and of its sign, do on new points."""

    risk: jax.Array  # mean square error, fitted to the feature itself
    survival: jax.Array  # the weight of the feature, fitted to its sign
    contamination: jax.Array  # the length of all other weights
    error: jax.Array  # the share of wrong signs


def bilevel(size: Any, p: Any, q: Any, r: Any) -> Levels:
    """The levels at `size` = n points: n^p features, n^r of them strong.

    A share n^-q of the total variance is that of the strong ones. All are whole
    numbers of features.
    """
    features, strong = jnp.round(size**p), jnp.round(size**r)
    share = size**-q
    count = jnp.stack([strong, features - strong])
    total = features * jnp.stack([share, 1 - share])
    return Levels(count, total / count)


def thresholds(p: Any, r: Any) -> tuple[Any, Any]:
    """The q beyond which regression fails in the limit, and then classification."""
    return 1 - r, 1 - r + (p - 1) / 2


@jax.jit
def on_levels(size: Any, levels: Levels) -> Errors:
    """The errors of minimum norm on average, exact at many points.

    Of the sign of a feature, all that is not linear in it acts as noise.
    """
    count = levels.numbers
    target = jnp.stack([1 / count[0], 0 * count[0]])  # power a feature, one in all
    found = eigenframework.fit(size, levels.scale, target, 0.0, count=count)
    learned = found.learned
    missed = 1 - learned[0]
    noise = SHARP**2 * missed**2 + 1 - SHARP**2
    between = jnp.sum(count * learned * (1 - learned))
    others = jnp.sum(count * learned**2) - learned[0] ** 2
    survival, contamination = SHARP * learned[0], jnp.sqrt(noise * others / between)
    error = jnp.arctan2(contamination, survival) / jnp.pi
    return Errors(found.test, survival, contamination, error)


def features(size: Any, ratio: Any) -> jax.Array:
    """So many features: `ratio` n ln n, beyond 2 of which all points support."""
    return jnp.round(ratio * size * jnp.log(size * 1.0))


@jax.jit
def support(size: Any, features: Any) -> jax.Array:
    """The mean share of points that are support vectors, labels being independent.

    For isotropic features, as many as the points or more. A point is none where the
    fit of the others exceeds its label, which given their weights is a normal's tail;
    |weights|² is (n - 1) / χ² with d - n + 2 degrees of freedom, so that a share of a
    Student's t lies beyond.
    """
    freedom = features - size + 2.0
    tail = jax.scipy.special.betainc(freedom / 2, 0.5, (size - 1.0) / size) / 2
    return 1 - tail


@jax.jit
def all_support(size: Any, features: Any) -> jax.Array:
    """The probability that all points are support vectors, labels being independent.

    For isotropic features, as many as the points or more. The inverse of their Gram
    matrix makes of the labels a multiple of themselves and, across them, normal numbers
    less their mean: all points support where none of these n is above χ / √n, with
    d - n + 2 degrees of freedom. Independent, they would all be below with the power n
    of one's probability; that they sum to zero is the mean of this over imaginary
    shifts of variance 1/n. Right to 1e-6 for 8 points or more.
    """
    freedom = features - size + 2.0
    log_chi = (jnp.log(freedom) + jnp.linspace(-25, 8, 166) * (2 / freedom) ** 0.5) / 2
    law = jax.nn.softmax(freedom * log_chi - jnp.exp(2 * log_chi) / 2)
    bound = jnp.exp(log_chi) / size**0.5
    shift = jnp.linspace(0, 7, 71)  # the real part is even
    weight = jnp.exp(-(shift**2) / 2) * jnp.where(shift > 0, 2, 1)
    real, imaginary = _below(bound[:, None], shift[None, :] / size**0.5)
    turned = size * jnp.arctan2(imaginary, real)
    mean = (jnp.hypot(real, imaginary) ** size * jnp.cos(turned)) @ weight
    return law @ mean / jnp.sum(weight)


def _below(u: jax.Array, k: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The normal distribution function at u - ik, by its integral from u on."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    slope = jnp.exp(-(u**2) / 2) / (2 * jnp.pi) ** 0.5
    sine, cosine = jnp.zeros(()), jnp.zeros(())
    for node, weight in zip(nodes, weights, strict=True):
        s = k * (node + 1) / 2
        part = k / 2 * weight * jnp.exp(s**2 / 2)
        sine, cosine = sine + part * jnp.sin(u * s), cosine + part * jnp.cos(u * s)
    return jax.scipy.stats.norm.cdf(u) + slope * sine, -slope * cosine


@jax.jit
def mixture(size: Any, features: Any, signal: Any) -> jax.Array:
    """The error on two isotropic classes whose means lie `signal` from the middle.

    For features many times as many as the points.
    """
    power = signal**2 * 1.0
    gap = jnp.sqrt(size * power**2 / (size * power + features))
    return jax.scipy.stats.norm.cdf(-gap)
