"""Losses of one point; `expect` or `train` integrates them."""

import jax
import jax.numpy as jnp


def cross_entropy(logits: jax.Array, target: jax.Array) -> jax.Array:
    """The nats that `logits` [c] need for `target`: a class, or a distribution [c]."""
    log_p = jax.nn.log_softmax(logits)
    if jnp.issubdtype(target.dtype, jnp.integer):
        target = jnp.arange(len(logits)) == target
    return -jnp.sum(jnp.where(target > 0, target * log_p, 0))


def square(output: jax.Array, target: jax.Array) -> jax.Array:
    """Half the squared distance of `output` from `target`, summed over outputs."""
    return 0.5 * jnp.sum(jnp.square(output - target))
