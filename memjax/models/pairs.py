"""A network of two numbers: f(a, b) = φ(u[a] + v[b]) @ w + mu, and its neurons."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from memjax.measure import Model
from memjax.models.draws import nested_each
from memjax.models.padding import kept, masks

Params = dict[str, jax.Array]
Activation = Callable[[jax.Array], jax.Array]


def pair_network(
    classes: int, width: int, activation: Activation, *, live: Any = None
) -> Model:
    """The network of pairs of numbers below `classes`, with a logit for each of these.

    Weights start normal, of variance `scale² / width`, and `mu` at zero. Of `live`
    neurons, which may be traced, it is that of so many: others are zero and stay so.
    """
    count = width if live is None else live
    (mask,) = masks([width], [live])

    def init(key: jax.Array, scale: Any = 1.0) -> Params:
        draws = nested_each(jax.random.normal, key, [(width, classes)] * 3)
        each = (kept(scale * count**-0.5 * draw, mask, None) for draw in draws)
        return {**of_neurons(*each), "mu": jnp.zeros(classes)}

    def lit(z: jax.Array) -> jax.Array:
        return kept(activation(z), mask)

    return Model(init, partial(logits, lit))


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
