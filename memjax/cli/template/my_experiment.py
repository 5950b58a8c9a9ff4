"""A linear model fits as many random labels as it has weights, and no more.

Past that, least squares leaves 1 - dim / size of the labels' variance on average, which
is exact for Gaussian points. Replace the run, the claim and the oracle by your own.

Source: least squares on Gaussian points, a textbook's exercise.
Command: memjax run my_experiment
Expected: no loss up to size 20, one half at 40, three quarters at 80.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.plots import BESIDE, frame, lines, panels, points


def drawn(seed: Any, capacity: int, dim: int) -> tuple[jax.Array, jax.Array]:
    """Points and their labels, of which smaller sizes take the first ones."""
    x_key, y_key = jax.random.split(jax.random.key(seed))
    return jax.random.normal(x_key, (capacity, dim)), jax.random.normal(
        y_key, (capacity,)
    )


def loss(weights: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    """The squared error on ONE point; the library averages it."""
    return (x @ weights - y) ** 2


def run(
    size: Any, lr: Any, seed: Any, *, capacity: int, dim: int, steps: int
) -> mj.Legs:
    """Gradient descent from zero. Before the `*` numbers, any grid; after it shapes."""
    train = mj.Data(*drawn(seed, capacity, dim), mj.prefix(size, capacity))

    def observe(weights: jax.Array) -> dict[str, jax.Array]:
        return {
            "loss": mj.expect(lambda x, y: loss(weights, x, y), train),
            "weight_l2": mj.observables.l2(weights),
        }

    legs = mj.train(loss, optax.sgd(lr), observe, mj.every(50, steps))
    return legs(jnp.zeros(dim), train)


def sweeps(
    size: tuple = (10, 20, 40, 80, 160),  # train sizes
    lr: tuple = (0.1,),  # learning rates
    seeds: int = 64,  # how many seeds, or which ones (3,7)
    dim: int = 20,  # weights
    steps: int = 1000,  # of gradient descent
) -> dict[str, mj.Sweep]:
    """The grid, by name. This signature is the command line: a tuple is an axis."""
    mj.between(1, 10**6, size=size, dim=dim, steps=steps)
    grid = mj.Sweep(run, size=size, lr=lr, seed=mj.seeds(seeds), dim=dim, steps=steps)
    return {"main": grid}


def claims(results: mj.Results) -> list[mj.Claim]:
    """The lines of published/my_experiment.csv, judged."""
    return mj.judged(__file__, results)


def figure(results: mj.Results) -> Figure:
    """Loss against steps, and what is left of it against the train size."""
    found = results["main"].isel(lr=0)
    canvas, panel = panels("ab", (9, 3.6))
    lines(panel["a"], found.loss, "step", color="size", label="{size} points")
    frame(panel["a"], "{dim} weights", found, xlabel="step", ylabel="loss")
    points(panel["b"], found.loss.isel(step=-1), "size", label="measured")
    exact = (1 - found.dim / found["size"]).clip(min=0)
    lines(panel["b"], exact, "size", color="k", dash="--", label="1 - dim / size")
    words: Any = {"xscale": "log", "xlabel": "train size", "ylabel": "loss at the end"}
    frame(panel["b"], "what is left", legend=BESIDE, **words)
    return canvas


if __name__ == "__main__":
    launch(__name__)
