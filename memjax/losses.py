"""Losses of one point; `expect` or `train` integrates them."""

import jax
import jax.numpy as jnp


def cross_entropy(logits: jax.Array, target: jax.Array) -> jax.Array:
    """The nats that `logits` [c] need for `target`: a class, or a distribution [c]."""
    if jnp.issubdtype(target.dtype, jnp.integer):
        hit = jnp.where(jnp.arange(len(logits)) == target, logits, 0.0)
    else:
        hit = jnp.where(target > 0, target * logits, 0.0)
    # Relative to the largest logit, small losses keep their digits. The log
    # probabilities themselves are never made: they are a tenth of a small step.
    top = jax.lax.stop_gradient(jnp.max(logits))
    return jnp.log(jnp.sum(jnp.exp(logits - top))) + (top - jnp.sum(hit))


def square(output: jax.Array, target: jax.Array) -> jax.Array:
    """Half the squared distance of `output` from `target`, summed over outputs."""
    return 0.5 * jnp.sum(jnp.square(output - target))
