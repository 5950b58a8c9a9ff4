"""What a classifier has got right, and how many bits that is worth."""

from typing import Any

import jax
import jax.numpy as jnp

from memjax.measure import Data


def accuracy(logits: jax.Array, label: jax.Array) -> jax.Array:
    """1 where the largest of `logits` [c] is the one of `label`, else 0: one point.

    NaN where a logit is NaN, or the label none of 0 … c - 1.
    """
    hit = (jnp.argmax(logits) == label).astype(logits.dtype)
    sound = (label >= 0) & (label < len(logits)) & ~jnp.isnan(jnp.max(logits))
    return jnp.where(sound, hit, jnp.nan)


def sign_error(teacher: jax.Array, direction: jax.Array, noise: Any = 0.0) -> jax.Array:
    """How often direction·x + N(0, noise) and teacher·x differ in sign, x Gaussian."""
    size = jnp.sqrt(jnp.sum(teacher**2) * (jnp.sum(direction**2) + noise))
    return jnp.arccos(jnp.clip(teacher @ direction / size, -1, 1)) / jnp.pi


def facts_missed(fitted: jax.Array, data: Data) -> jax.Array:
    """The share of training facts whose label is not the sign of the fit."""
    weight = data.w * data.y.fact
    return jnp.sum(weight * (fitted * data.y.label < 0)) / jnp.sum(weight)


def entropy(law: jax.Array) -> jax.Array:
    """The entropy of a distribution, in nats; NaN where an entry is negative."""
    return -jnp.sum(jax.scipy.special.xlogy(law, law))


def memorized_bits(prior_entropy: Any, loss: Any, size: Any) -> Any:
    """The bits of its labels that a model holds: `(H(prior) - loss) * size / ln 2`.

    `prior_entropy` and the mean training `loss` in nats. Zero where the model does no
    better than the label law, and at most `H(prior)` bits a point.
    """
    return (prior_entropy - loss) * size / jnp.log(2.0)


def supported(force: jax.Array, w: jax.Array) -> dict[str, jax.Array]:
    """The share of points that pull their own way, and whether that is `all` of them.

    `force` [n] is each point's coefficient times its label, of the machine of minimum
    norm; `w` [n] are the weights. If all pull their own way it is the classifier of
    largest margin (Karush, Kuhn, Tucker).
    """
    share = w @ (force > 0)
    return {"support": share, "all": jnp.all(force > 0).astype(float)}
