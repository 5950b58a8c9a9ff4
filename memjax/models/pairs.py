"""A network of two numbers: f(a, b) = φ(u[a] + v[b]) @ w + mu, and its neurons."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from memjax.core import Model

Params = dict[str, jax.Array]
Activation = Callable[[jax.Array], jax.Array]


def pair_network(classes: int, width: int, activation: Activation) -> Model:
    """The network of pairs of numbers below `classes`, with a logit for each of these.

    Weights start normal, of variance `scale² / width`, and `mu` at zero.
    """

    def init(key: jax.Array, scale: Any = 1.0) -> Params:
        draw = scale * width**-0.5 * jax.random.normal(key, (3, width, classes))
        return {**of_neurons(*draw), "mu": jnp.zeros(classes)}

    return Model(init, partial(logits, activation))


def logits(activation: Activation, params: Params, x: jax.Array) -> jax.Array:
    """The network at one pair `x` [2]: a logit for every class."""
    hidden = params["u"][x[0]] + params["v"][x[1]]  # [width]
    return activation(hidden) @ params["w"] + params["mu"]  # [classes]


def neurons(params: Params) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The weights of each neuron, to its two inputs and from it: [width, classes]."""
    return params["u"].T, params["v"].T, params["w"]


def of_neurons(u: jax.Array, v: jax.Array, w: jax.Array) -> Params:
    """The weights of a network given one neuron a row, as `neurons` gives them."""
    return {"u": u.T, "v": v.T, "w": w}


def strength(activation: Activation, params: Params) -> jax.Array:
    """`|w|∞ φ(|u|∞ + |v|∞)` of each neuron: how much it can move a logit. [width]"""
    u, v, w = (jnp.max(jnp.abs(x), axis=-1) for x in neurons(params))
    return w * activation(u + v)
