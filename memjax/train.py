"""Gradient training: one use of `iterate`."""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from memjax.core import Data, Legs, Tree, expect, iterate, prefix


def train(
    loss: Callable[..., jax.Array],
    optimizer: optax.GradientTransformation,
    observe: Callable[[Tree], dict],
    times: Any,
    *,
    finish: Callable[[Tree], dict] = lambda params: {},
) -> Callable[..., Legs]:
    """Full-batch training on the mean over `data` of the loss of one point.

    `train(...)(params, data, key)` returns the legs of the run. The loss is
    `loss(params, x, y)`; one that needs randomness takes a fourth argument, a key of
    its own for each step and point. Build the optimizer inside the run, from traced
    numbers: `optax.adamw(lr, weight_decay=wd)`. `observe(params)` is logged at `times`,
    `finish(params)` once at the end.
    """
    return descend(mean_over_points(loss), optimizer, observe, times, finish=finish)


def mean_over_points(loss: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """The objective `objective(params, data, key)` whose points have this loss."""
    if len(inspect.signature(loss).parameters) < 4:
        return lambda params, data, key: expect(lambda x, y: loss(params, x, y), data)

    def objective(params: Tree, data: Data, key: jax.Array) -> jax.Array:
        if key is None:
            raise ValueError(
                "a loss that takes a key needs train(...)(params, data, key)"
            )
        numbered = data._replace(x=(data.x, jnp.arange(len(data.w))))

        def one(x: Any, y: Any) -> jax.Array:
            return loss(params, x[0], y, jax.random.fold_in(key, x[1]))

        return expect(one, numbered)

    return objective


def on_batches(
    objective: Callable[[Tree, Any, Any], jax.Array], w: jax.Array, batch: int
) -> Callable[[Tree, Data, jax.Array], jax.Array]:
    """An `objective(params, x, y)` of a batch as one of all data, to `descend`.

    So many points are drawn anew at each step, with replacement, all those alike that
    have weight in `w` [n].
    """
    rows = jnp.argsort(w == 0, stable=True)  # those with weight first
    count = jnp.sum(w > 0)

    def of_a_draw(params: Tree, data: Data, key: jax.Array) -> jax.Array:
        drawn = rows[jax.random.randint(key, (batch,), 0, count)]
        x, y = jax.tree.map(lambda points: points[drawn], (data.x, data.y))
        return objective(params, x, y)

    return of_a_draw


def minibatches(loss: Callable[..., jax.Array], rows: int) -> Callable:
    """The objective that is the mean loss of `rows` points, drawn anew for each step.

    Points are drawn alike, and those that count stand first (`mj.packed`).
    """

    def objective(params: Tree, data: Data, key: jax.Array) -> jax.Array:
        drawn = jax.random.randint(key, (rows,), 0, jnp.sum(data.w > 0))
        uniform = prefix(rows, rows)
        x, y = jax.tree.map(lambda a: a[drawn], (data.x, data.y))
        return expect(lambda x, y: loss(params, x, y), Data(x, y, uniform))

    return objective


def thinned(loss: Callable[..., jax.Array], share: Any) -> Callable:
    """The objective that sees each point with probability `share`, anew for each step.

    A point seen counts `1 / share` times, so that the objective is right on average.
    """

    def objective(params: Tree, data: Data, key: jax.Array) -> jax.Array:
        seen = jax.random.uniform(key, data.w.shape) < share
        part = data._replace(w=data.w * seen / share)
        return expect(lambda x, y: loss(params, x, y), part)

    return objective


def descend(
    objective: Callable[[Tree, Data, Any], jax.Array],
    optimizer: optax.GradientTransformation,
    observe: Callable[[Tree], dict],
    times: Any,
    *,
    finish: Callable[[Tree], dict] = lambda params: {},
) -> Callable[..., Legs]:
    """As `train`, for an `objective(params, data, key)` that need not be a mean.

    The key is folded by the step, and None where the run was given none.
    """

    def legs(params: Tree, data: Data, key: jax.Array | None = None) -> Legs:
        def step(state: tuple, t: Any) -> tuple:
            params, memory, _ = state
            at_t = None if key is None else jax.random.fold_in(key, t)
            value, slope = jax.value_and_grad(objective)(params, data, at_t)
            change, memory = optimizer.update(slope, memory, params)
            return optax.apply_updates(params, change), memory, value

        dtype = jax.eval_shape(objective, params, data, key).dtype
        return iterate(
            (params, optimizer.init(params), jnp.zeros((), dtype)),
            step,
            lambda state: observe(state[0]),
            times,
            finish=lambda state: finish(state[0]),
            check=lambda state: (state[0], state[2]),  # parameters and the last loss
            keep=lambda state: state[0],
        )

    return legs


def minibatch(data: Data, key: jax.Array, count: int) -> Data:
    """So many different points of those that weigh, or all, each of the same weight.

    An objective that draws one anew at every step: `lambda params, data, key:
    expect(…, minibatch(data, key, 100))`.
    """
    draw = jnp.where(data.w > 0, jax.random.uniform(key, data.w.shape), 2.0)
    drawn = jnp.argsort(draw)[:count]
    w = jnp.sign(data.w[drawn])
    x, y = jax.tree.map(lambda a: a[drawn], (data.x, data.y))
    return Data(x, y, w / jnp.sum(w))
