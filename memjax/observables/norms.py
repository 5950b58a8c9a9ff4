"""Sizes of parameter trees."""

from typing import Any

import jax
import jax.numpy as jnp

from memjax.lanes import Tree
from memjax.quantities import Named, named


def l2(params: Tree) -> jax.Array:
    """The root of the sum of squares over ALL parameters, biases included."""
    return jnp.sqrt(sum(jnp.sum(jnp.square(a)) for a in jax.tree.leaves(params)))


def layer_l2(params: list[Any]) -> Named:
    """The L2 norm of each layer of a list of layers, along the dimension `layer`."""
    return named(jnp.stack([l2(p) for p in params]), "layer", coords=range(len(params)))


def distance(params: Tree, start: Tree) -> jax.Array:
    """The L2 distance between two parameter trees: how far training went."""
    return l2(jax.tree.map(jnp.subtract, params, start))
