"""The runs of W1, W2 and W4: an MLP memorizes random labels, by memjax.

The peers are given the same data and weights as arrays.
"""

import itertools
from functools import partial
from typing import Any

import jax
import numpy as np
import optax
import xarray as xr

import memjax as mj
from benchmarks.workload import Run, Workload

DIM, CLASSES = 9, 17
WIDTHS = (DIM, 100, 100, CLASSES)
FLOP_PER_ROW = 6 * sum(i * o for i, o in itertools.pairwise(WIDTHS))
SHARES = (3, 4)  # train and test accuracy, among what is observed
OBSERVED = ("train_loss", "test_loss", "train_accuracy", "test_accuracy", "weight_l2")
model = mj.models.mlp(WIDTHS)


def loss(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
    return mj.losses.cross_entropy(model.apply(params, x), y)


def score(params: Any, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    logits = model.apply(params, x)
    return mj.losses.cross_entropy(logits, y), mj.observables.accuracy(logits, y)


def draw(size: Any, seed: Any, capacity: int) -> tuple[mj.Data, mj.Data, Any]:
    """Train set, test set and initial weights of a run."""
    train_key, test_key, init_key = jax.random.split(jax.random.key(seed), 3)
    dataset = mj.datasets.random_labels(DIM, CLASSES, capacity)
    return dataset(train_key, size), dataset(test_key, size), model.init(init_key)


def run(
    size: Any, lr: Any, wd: Any, seed: Any, *, capacity: int, steps: int, log_every: int
) -> mj.Legs:
    """A run of memjax: drawn from its seed, five numbers logged."""
    train, test, params = draw(size, seed, capacity)

    def observe(params: Any) -> dict[str, jax.Array]:
        train_loss, train_accuracy = mj.expect(partial(score, params), train)
        test_loss, test_accuracy = mj.expect(partial(score, params), test)
        return {
            "train_loss": train_loss,
            "test_loss": test_loss,
            "train_accuracy": train_accuracy,
            "test_accuracy": test_accuracy,
            "weight_l2": mj.observables.l2(params),
        }

    times = mj.every(log_every, steps)
    return mj.train(loss, optax.adamw(lr, weight_decay=wd), observe, times)(
        params, train
    )


def answers(found: xr.Dataset) -> np.ndarray:
    """The last norm of every run, and all it logged just before: [runs, 6]."""
    last, before = found.isel(step=-1), found.isel(step=-2)
    columns = [last.weight_l2, *(before[name] for name in OBSERVED)]
    return np.stack([c.values.reshape(-1) for c in columns], axis=1)


def workload(
    name: str, title: str, axes: dict[str, Any], steps: int, log_every: int = 10
) -> Workload:
    """The runs of these axes, with the data that memjax would draw."""
    columns = [np.atleast_1d(axes[n]) for n in ("size", "lr", "wd", "seed")]
    grid = np.meshgrid(*columns, indexing="ij")
    numbers = list(zip(*(a.ravel().tolist() for a in grid), strict=True))
    most = int(max(n for n, *_ in numbers))
    seeds = {seed for *_, seed in numbers}
    fixed = jax.jit(partial(draw, capacity=most))
    drawn = {s: jax.tree.map(np.asarray, fixed(most, s)) for s in sorted(seeds)}
    runs = [_cut(drawn[seed], int(n), lr, wd) for n, lr, wd, seed in numbers]
    size = (steps, log_every, FLOP_PER_ROW, SHARES)
    return Workload(name, title, axes, tuple(runs), *size)


def _cut(drawn: tuple, size: int, lr: float, wd: float) -> Run:
    """A run on the first `size` points, as a smaller draw would have them."""
    train, test, layers = drawn
    data = (train.x[:size], train.y[:size], test.x[:size], test.y[:size])
    params = tuple(a for layer in layers for a in (layer["w"], layer["b"]))
    return Run(data, params, lr, wd, size)
