"""What a network holds of random labels, shared by two experiments."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax
import xarray as xr

import memjax as mj


def memorize(
    model: mj.Model, count: Any, dim: int, classes: int, size: Any, capacity: int,
    lr: Any, seed: Any, steps: int, finish: Callable[..., dict] | None = None,
) -> mj.Legs:  # fmt: skip
    """Train on random labels of Gaussian inputs; how many bits of them are held.

    `finish(start, params, loss, data)` is seen at the end, besides.
    """
    data_key, init_key = jax.random.split(jax.random.key(seed))
    data = mj.datasets.random_labels(dim, classes, capacity)(data_key, size)
    loss = mj.losses.of_model(model.apply, mj.losses.cross_entropy)

    def observe(params: Any) -> dict[str, Any]:
        def score(x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
            logits = model.apply(params, x)
            nats = mj.losses.cross_entropy(logits, y)
            return nats, mj.observables.accuracy(logits, y)

        nats, accuracy = mj.expect(score, data)
        bits = mj.observables.memorized_bits(np.log(classes), nats, size)
        return {"bits": bits, "accuracy": accuracy, "per_parameter": bits / count}

    start = model.init(init_key)

    def last(params: Any) -> dict[str, Any]:
        return finish(start, params, loss, data) if finish else {}

    times = mj.spaced(8, steps)
    return mj.train(loss, optax.adam(lr), observe, times, finish=last)(start, data)


def linear_run(
    dim: Any, size: Any, lr: Any, seed: Any,
    *, max_dim: int, capacity: int, classes: int, steps: int,
    finish: Callable[..., dict] | None = None,
) -> mj.Legs:  # fmt: skip
    """Learn random labels by a linear map of so many inputs."""
    model = mj.models.mlp((max_dim, classes), bias=False, live=(dim, None))
    shape = (max_dim, classes, size, capacity)
    return memorize(model, dim * classes, *shape, lr, seed, steps, finish)


def most(results: mj.Results, sweep: str, quantity: str) -> xr.DataArray:
    """The most of a quantity over all sizes, at the end."""
    return results[sweep][quantity].isel(step=-1).max("size", skipna=False)
