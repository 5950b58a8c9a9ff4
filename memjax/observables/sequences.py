"""What is right of a sequence, by teacher forcing: every token after the right ones.

A sequence of which all tokens are right is the one that a model would write by itself,
always taking the token of the largest logit; so no generation is needed.
"""

import jax
import jax.numpy as jnp

from memjax.observables.classification import accuracy


def token_accuracy(logits: jax.Array, targets: jax.Array) -> jax.Array:
    """The share of `targets` [n], but -1, that have the largest of `logits` [n, c].

    1 where all of them are -1; NaN where a logit is, or a target is no token.
    """
    wrong = _wrong(logits, targets)
    return 1 - jnp.sum(wrong) / jnp.maximum(jnp.sum(targets != -1), 1)


def exact_match(logits: jax.Array, targets: jax.Array) -> jax.Array:
    """1 where each of the `targets` [n] but -1 has the largest of `logits` [n, c].

    Else 0; NaN where a logit is, or a target is no token.
    """
    wrong = jnp.sum(_wrong(logits, targets))
    return jnp.where(wrong > 0, 0.0, 1.0 + wrong)  # NaN stays


def _wrong(logits: jax.Array, targets: jax.Array) -> jax.Array:
    right = jax.vmap(accuracy)(logits, jnp.where(targets == -1, 0, targets))
    return jnp.where(targets == -1, 0.0, 1 - right)
