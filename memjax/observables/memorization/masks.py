"""What models know of points that only some of them saw, from a table of masks.

Each of t models was trained on a part of n points: `held` [t, n] is true where a model
saw a point. The models may be runs of a sweep, their masks drawn by
`mj.datasets.subset` from the seed of each.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp


class Known(NamedTuple):
    """A mean over models, or a difference of two, and its standard error."""

    value: jax.Array
    error: jax.Array


def memorization(held: jax.Array, score: jax.Array) -> Known:
    """How much better models do at each point [n] if they saw it than if not.

    Where the `score` [t, n] is 1 for a right answer and else 0, it is the label
    memorization of Feldman and Zhang (arXiv 2008.03703); with any other score of a
    point, the counterfactual memorization of Zhang et al. (arXiv 2112.12938). NaN for
    a point that all models saw, or none.
    """
    return _gained(lambda w, values: jnp.sum(w * values, axis=0), held, score)


def influence(held: jax.Array, score: jax.Array) -> Known:
    """How much better models do at point j if they saw point i: [n, m].

    `score` [t, m] is of any points, tests usually: the influence of Feldman and Zhang.
    """
    return _gained(lambda w, values: w.T @ values, held, score)


def consistency(held: jax.Array, right: jax.Array) -> jax.Array:
    """The accuracy at each point [n] of models that did not see it, over all sizes.

    `held` and `right` [sizes, t, n] are of training sets of several sizes, each of
    which counts the same: the C-score of Jiang et al. (arXiv 2002.03206).
    """
    out = 1.0 - held
    return jnp.mean(jnp.sum(out * right, axis=1) / jnp.sum(out, axis=1), axis=0)


def _gained(total: Callable, held: jax.Array, score: jax.Array) -> Known:
    """The mean over models that saw a point less that over those that did not."""
    sides = [_mean(total, w, 1.0 * score) for w in (1.0 * held, 1.0 - held)]
    (inside, outside), (near, far) = zip(*sides, strict=True)
    return Known(inside - outside, jnp.sqrt(near + far))


def _mean(total: Callable, w: jax.Array, score: jax.Array) -> tuple:
    """The mean of a score over the models of weight 1, and its squared error."""
    mean = total(w, score) / total(w, jnp.ones_like(score))
    square = total(w, score**2) / total(w, jnp.ones_like(score))
    variance = jnp.maximum(square - mean**2, 0.0)
    return mean, variance / total(w, jnp.ones_like(score))
