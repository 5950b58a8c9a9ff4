"""Who can tell what was trained on: scores of members among those of others."""

from typing import Any

import jax
import jax.numpy as jnp


def auc(members: jax.Array, others: jax.Array) -> jax.Array:
    """How often a member's score is above another's, a tie counting half.

    The area under the curve of true against false positives. NaN where a score is.
    """
    return jnp.mean(_above(members, others)) / len(others)


def true_positive_rate(
    members: jax.Array, others: jax.Array, false_rate: float = 0.01
) -> jax.Array:
    """The share of members above a threshold that at most so many others pass.

    As Carlini et al. (arXiv 2112.03570) judge an attack. Of fewer than 1 / `false_rate`
    others none may pass.
    """
    allowed = int(false_rate * len(others) + 1e-9)
    threshold = jnp.sort(others)[::-1][min(allowed, len(others) - 1)]
    return jnp.mean(members > threshold)


def logit_confidence(logits: jax.Array, label: Any) -> jax.Array:
    """The log odds of a label, `log p / (1 - p)`, of `logits` [c]: one point."""
    own = jnp.arange(len(logits)) == label
    others = jax.nn.logsumexp(jnp.where(own, -jnp.inf, logits))
    return jnp.where(jnp.any(own), logits[label] - others, jnp.nan)


def lira(score: jax.Array, held: jax.Array, scores: jax.Array) -> jax.Array:
    """The log likelihood ratio that a model with this `score` [n] saw each point.

    `scores` [t, n] are those of shadow models, of which those `held` [t, n] saw a
    point. Both sides are Gaussians of their own mean and deviation: LiRA of Carlini et
    al. (arXiv 2112.03570), whose score is `logit_confidence`. NaN where a side has
    fewer than two models.
    """

    def log_law(w: jax.Array) -> jax.Array:
        count = jnp.sum(w, axis=0)
        mean = jnp.sum(w * scores, axis=0) / count
        squares = jnp.sum(w * (scores - mean[None]) ** 2, axis=0)
        variance = squares / jnp.where(count > 1, count - 1, jnp.nan)
        return -((score - mean) ** 2) / (2 * variance) - jnp.log(variance) / 2

    return log_law(1.0 * held) - log_law(1.0 - held)


def exposure(loss: jax.Array, space: jax.Array) -> jax.Array:
    """The bits by which a canary stands out: `log2 |R| - log2 rank` of its `loss`.

    `space` [R] has the losses of all that it could have been, its own among them
    (Carlini et al., arXiv 1802.08232). What ties shares the mean of its ranks. 0 for
    the last of all, log2 |R| where it can be extracted; what was never seen has
    1 / ln 2 on average.
    """
    rank = 0.5 + jnp.sum(space < loss) + 0.5 * jnp.sum(space == loss)
    found = jnp.log2(len(space)) - jnp.log2(rank)
    return jnp.where(jnp.any(space == loss), found, jnp.nan)


def data_copying(generated: jax.Array, held_out: jax.Array) -> jax.Array:
    """How much farther from training points samples are than held-out points are.

    Both are distances to the nearest training point. The Mann-Whitney statistic in
    units of its deviation, below zero where samples are copies (Meehan et al., arXiv
    2004.05675); ties count half.
    """
    m, n = len(generated), len(held_out)
    away = jnp.sum(_above(generated, held_out)) - m * n / 2
    return away / jnp.sqrt(m * n * (m + n + 1) / 12)


def _above(these: jax.Array, those: jax.Array) -> jax.Array:
    """Of each of `these` [m], how many of `those` it is above, a tie counting half."""
    ranked = jnp.sort(those)
    sides = [jnp.searchsorted(ranked, these, side=side) for side in ("left", "right")]
    sound = ~jnp.isnan(these) & ~jnp.any(jnp.isnan(those))
    return jnp.where(sound, 0.5 * (sides[0] + sides[1]), jnp.nan)


def binary_auc(true_rate: Any, false_rate: Any) -> Any:
    """The area under the curve of scores of 0 and 1, ties counting half."""
    return (1 + true_rate - false_rate) / 2


def binary_precision(true_rate: Any, false_rate: Any) -> Any:
    """The average precision of scores of 0 and 1, as many of either class.

    What ties is taken at once; a sorted list would give its order a meaning. A half
    where nothing has a score of 1.
    """
    passed = true_rate + false_rate
    first = true_rate**2 / jnp.where(passed > 0, passed, 1.0)
    return first + (1 - true_rate) / 2
