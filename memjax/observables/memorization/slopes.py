"""Scores of single points from how a model learns them: losses, slopes, curvature."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

Tree = Any
Loss = Callable[[Tree, Any, Any], jax.Array]  # of one point: loss(params, x, y)


def forgetting(right: jax.Array) -> jax.Array:
    """How often each point [n] was right and then wrong, of `right` [times, n].

    Infinite for a point that was never right, so that 0 is what was learned and never
    lost: the forgetting events of Toneva et al. (arXiv 1812.05159), who look whenever
    a point is in a batch.
    """
    right = jnp.asarray(right) > 0
    lost = jnp.sum(right[:-1] & ~right[1:], axis=0)
    return jnp.where(jnp.any(right, axis=0), 1.0 * lost, jnp.inf)


def el2n(logits: jax.Array, label: Any) -> jax.Array:
    """The norm of the error of probabilities, softmax less one-hot: one point.

    A mean over seeds, early in training, ranks points by difficulty (Paul et al.,
    arXiv 2107.07075).
    """
    error = jax.nn.softmax(logits) - jax.nn.one_hot(label, len(logits))
    return jnp.linalg.norm(error)


def grand(loss: Loss, params: Tree, x: Any, y: Any) -> jax.Array:
    """The norm of the slope of one point's loss in all parameters (GraNd, the same)."""
    return jnp.sqrt(_inner(*[jax.grad(loss)(params, x, y)] * 2))


def tracin(loss: Loss, checkpoints: Tree, lr: jax.Array, one: Any, other: Any) -> Any:
    """How much steps on one point lowered the loss of another, to first order.

    The sum over `checkpoints`, parameters stacked along a first axis, of their `lr` [k]
    times the product of both slopes; `one` and `other` are pairs (x, y). Of a point
    with itself it is the self-influence (Pruthi et al., arXiv 2002.08484).
    """

    def at(params: Tree) -> jax.Array:
        return _inner(*[jax.grad(loss)(params, *point) for point in (one, other)])

    return jnp.sum(lr * jax.vmap(at)(checkpoints))


def curvature(loss: Loss, params: Tree, x: jax.Array, y: Any) -> jax.Array:
    """The trace of the Hessian of one point's loss in its input [d], exactly.

    Garg et al. (arXiv 2307.05831) average it over training; d Hessian products.
    """
    return jnp.trace(jax.hessian(lambda x: loss(params, x, y))(x))


def hutchinson(
    loss: Loss, params: Tree, x: jax.Array, y: Any, key: jax.Array, probes: int
) -> jax.Array:
    """The `curvature` by so many random signs, each a Hessian product: on average."""
    slope = jax.grad(lambda x: loss(params, x, y))

    def along(v: jax.Array) -> jax.Array:
        return v @ jax.jvp(slope, (x,), (v,))[1]

    signs = jax.random.rademacher(key, (probes, *x.shape), x.dtype)
    return jnp.mean(jax.vmap(along)(signs))


def _inner(first: Tree, second: Tree) -> jax.Array:
    """The product of two trees as vectors."""
    return sum(jax.tree.leaves(jax.tree.map(jnp.vdot, first, second)), jnp.zeros(()))
