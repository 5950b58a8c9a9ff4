"""Gradient training: one use of `iterate`."""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from memjax.lanes import Tree
from memjax.legs import Legs, iterate
from memjax.measure import Data, expect, prefix


def train(
    loss: Callable[..., jax.Array],
    optimizer: optax.GradientTransformation,
    observe: Callable[[Tree], dict],
    times: Any,
    *,
    sees: Callable[[Data, jax.Array], Data] | None = None,
    finish: Callable[[Tree], dict] = lambda params: {},
) -> Callable[..., Legs]:
    """Training on the mean over `data` of the loss of one point.

    `train(...)(params, data, key)` returns the legs of the run. The loss is
    `loss(params, x, y)`; one that needs randomness takes a fourth argument, a key of
    its own for each step and point. Build the optimizer inside the run, from traced
    numbers: `optax.adamw(lr, weight_decay=wd)`. `observe(params)` is logged at `times`,
    `finish(params)` once at the end. A step takes the full batch, or what it
    `sees(data, key)`: `partial(mj.minibatch, count=100)`, `resampled` or `thinned`.
    """
    objective = mean_over_points(loss)
    if sees is None:
        return descend(objective, optimizer, observe, times, finish=finish)

    def of_a_draw(params: Tree, data: Data, key: jax.Array) -> jax.Array:
        if key is None:
            raise ValueError("what a step sees needs train(...)(params, data, key)")
        return objective(params, sees(data, key), key)

    return descend(of_a_draw, optimizer, observe, times, finish=finish)


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
    if not hasattr(optimizer, "update"):
        name = getattr(optimizer, "__name__", optimizer)
        told = f"call it, {name}(lr)" if callable(optimizer) else "optax.sgd(lr) is one"
        raise TypeError(f"{name} is no optimizer of optax; {told}")

    def legs(params: Tree, data: Data, key: jax.Array | None = None) -> Legs:
        def step(state: tuple, t: Any) -> tuple:
            params, memory, _ = state
            at_t = None if key is None else jax.random.fold_in(key, t)
            value, slope = jax.value_and_grad(objective)(params, data, at_t)
            change, memory = optimizer.update(slope, memory, params)
            return optax.apply_updates(params, change), memory, value.astype(float)

        return iterate(
            (params, optimizer.init(params), jnp.zeros(())),
            step,
            lambda state: observe(state[0]),
            times,
            finish=lambda state: finish(state[0]),
            check=lambda state: (state[0], state[2]),  # parameters and the last loss
            keep=lambda state: state[0],
        )

    return legs


# --- what a step sees -----------------------------------------------------------------


def minibatch(data: Data, key: jax.Array, count: int) -> Data:
    """So many different points of those that weigh, or all, each of the same weight."""
    if count < 1:
        raise ValueError(f"a minibatch has at least one point, got {count}")
    draw = jnp.where(data.w > 0, jax.random.uniform(key, data.w.shape), 2.0)
    drawn = jnp.argsort(draw)[:count]
    w = jnp.sign(data.w[drawn])
    x, y = jax.tree.map(lambda a: a[drawn], (data.x, data.y))
    return Data(x, y, w / jnp.sum(w))


def resampled(data: Data, key: jax.Array, count: int) -> Data:
    """So many points that weigh, with repeats; they stand first (see `packed`)."""
    drawn = jax.random.randint(key, (count,), 0, jnp.sum(data.w > 0))
    uniform = prefix(count, count)
    x, y = jax.tree.map(lambda a: a[drawn], (data.x, data.y))
    return Data(x, y, uniform)


def thinned(data: Data, key: jax.Array, share: Any) -> Data:
    """Each point with probability `share`, and then `1 / share` times its weight."""
    seen = jax.random.uniform(key, data.w.shape) < share
    return data._replace(w=data.w * seen / share)
