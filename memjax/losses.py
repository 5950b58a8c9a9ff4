"""Losses of one point; `expect` or `train` integrates them."""

import jax
import jax.numpy as jnp


def cross_entropy(logits: jax.Array, target: jax.Array) -> jax.Array:
    """The nats that `logits` [c] need for `target`: a class, or a distribution [c]."""
    if jnp.issubdtype(target.dtype, jnp.integer):
        target = (jnp.arange(len(logits)) == target).astype(logits.dtype)
    # Relative to the largest logit, small losses keep their digits; the array of log
    # probabilities itself is never made, which is a tenth of a small network's step.
    lower = logits - jax.lax.stop_gradient(jnp.max(logits))  # [c]
    hit = jnp.sum(jnp.where(target > 0, target * lower, 0.0))
    return jnp.log(jnp.sum(jnp.exp(lower))) - hit


def square(output: jax.Array, target: jax.Array) -> jax.Array:
    """Half the squared distance of `output` from `target`, summed over outputs."""
    return 0.5 * jnp.sum(jnp.square(output - target))
