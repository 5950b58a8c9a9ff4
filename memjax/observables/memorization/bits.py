"""How many bits of its data a model holds."""

from typing import Any

import jax
import jax.numpy as jnp


def stored_bits(nats: jax.Array, reference: Any) -> jax.Array:
    """The bits that a model saves on points whose `nats` it needs, none below zero.

    `reference` are the nats without it: `log V` a token for uniform ones, where the sum
    over points is what Morris et al. (arXiv 2505.24832) plot against the size of a
    dataset; or those of a model that knows the law and not the points, where it is
    their unintended memorization.
    """
    return jnp.maximum(reference - nats, 0.0) / jnp.log(2.0)


def parameter_count(params: Any) -> int:
    """How many numbers there are in a tree of parameters, all of them.

    Bits per parameter must say which: those of an embedding can be most of a toy's.
    """
    return sum(leaf.size for leaf in jax.tree.leaves(params))
