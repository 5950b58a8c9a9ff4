"""Losses of one point; `expect` or `train` integrates them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def of_model(apply: Callable[..., Any], loss: Callable[..., jax.Array]) -> Callable:
    """The loss of a model at one point: `loss(apply(params, x), y)`."""
    return lambda params, x, y: loss(apply(params, x), y)


def cross_entropy(logits: jax.Array, target: jax.Array) -> jax.Array:
    """The nats that `logits` [c] need for `target`: a class, or a distribution [c].

    NaN for a class that is not 0 … c - 1, or a distribution with negative entries.
    """
    classes, target = len(logits), jnp.asarray(target)
    if jnp.issubdtype(target.dtype, jnp.integer) and target.shape == ():
        hit = jnp.where(jnp.arange(classes) == target, logits, 0.0)
        sound = (target >= 0) & (target < classes)
    elif jnp.issubdtype(target.dtype, jnp.floating) and target.shape == (classes,):
        hit = jnp.where(target > 0, target * logits, 0.0)
        sound = jnp.all(target >= 0)
    else:
        raise TypeError(
            f"cross_entropy takes a class (a whole number, y.astype(int)) or a "
            f"distribution [{classes}], not {target.dtype}{list(target.shape)}"
        )
    # Relative to the largest logit, small losses keep their digits. The log
    # probabilities themselves are never made: they are a tenth of a small step.
    top = jax.lax.stop_gradient(jnp.max(logits))
    nats = jnp.log(jnp.sum(jnp.exp(logits - top))) + (top - jnp.sum(hit))
    return jnp.where(sound, nats, jnp.nan)


def token_nats(logits: jax.Array, targets: jax.Array) -> jax.Array:
    """The nats [n] that `logits` [n, c] need for `targets` [n], 0 for a target of -1.

    NaN for any other target that is none of 0 … c - 1.
    """
    nats = jax.vmap(cross_entropy)(logits, jnp.where(targets == -1, 0, targets))
    return jnp.where(targets == -1, 0.0, nats)


def sequence(logits: jax.Array, targets: jax.Array) -> jax.Array:
    """The mean nats that `logits` [n, c] need for those `targets` [n] that are not -1.

    0 where all of them are.
    """
    told = jnp.sum(targets != -1)
    return jnp.sum(token_nats(logits, targets)) / jnp.maximum(told, 1)


def next_token(logits: jax.Array, law: jax.Array) -> jax.Array:
    """The nats that `logits` [tokens] need for the law [n] of the first n tokens."""
    return -law @ jax.nn.log_softmax(logits)[: len(law)]


def square(output: jax.Array, target: jax.Array) -> jax.Array:
    """Half the squared distance of `output` from `target`, summed over outputs."""
    return 0.5 * jnp.sum(jnp.square(output - target))


def squentropy(logits: jax.Array, target: jax.Array) -> jax.Array:
    """Cross-entropy plus the mean square of the other classes' `logits` [c].

    As Hui, Belkin and Wright have it (arXiv 2302.03952); `target` is a class.
    """
    other = jnp.where(jnp.arange(len(logits)) == target, 0.0, logits)
    mean = jnp.sum(jnp.square(other)) / (len(logits) - 1)
    return cross_entropy(logits, target) + mean


def rescaled_square(
    output: jax.Array, target: jax.Array, weight: Any = 1.0, height: Any = 1.0
) -> jax.Array:
    """The mean square distance of `output` [c] from `height` at a class, else from 0.

    The error at the class counts `weight` times (Hui and Belkin, arXiv 2006.07322).
    NaN for a class that is not 0 … c - 1.
    """
    own = jnp.arange(len(output)) == target
    errors = jnp.where(own, weight * jnp.square(output - height), jnp.square(output))
    return jnp.where(jnp.any(own), jnp.mean(errors), jnp.nan)
