"""The tiny run that most laws are tested on: a second to compile, nothing to run."""

from typing import Any

import jax
import optax

import memjax as mj

DIM, CLASSES = 3, 4
model = mj.models.mlp((DIM, 5, CLASSES))


def loss(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
    return mj.losses.cross_entropy(model.apply(params, x), y)


def run(
    size: Any,
    lr: Any,
    wd: Any,
    init_scale: Any,
    seed: Any,
    *,
    capacity: int,
    steps: int,
) -> mj.Legs:
    data_key, init_key = jax.random.split(jax.random.key(seed))
    train = mj.datasets.random_labels(DIM, CLASSES, capacity)(data_key, size)

    def observe(params: Any) -> dict:
        return {
            "loss": mj.expect(lambda x, y: loss(params, x, y), train),
            "weight_l2": mj.observables.l2(params),
        }

    optimizer = optax.adamw(lr, weight_decay=wd)
    legs = mj.train(loss, optimizer, observe, mj.every(5, steps))
    return legs(model.init(init_key, init_scale), train)


AXES = {
    "size": [5, 12],
    "lr": [1e-3, 1e-2],
    "wd": [0.0, 0.1],
    "init_scale": [1.0],
    "seed": [0, 3],
    "steps": 20,
}
