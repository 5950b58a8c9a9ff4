"""The runs of W6: a transformer memorizes sequences of digits, by memjax."""

from typing import Any

import jax
import numpy as np
import optax
import xarray as xr

import memjax as mj
from benchmarks.workload import HEADS, SEQUENCE, Run, Workload
from memjax.datasets import patterns

TOKENS, LENGTH, WIDTH, LAYERS = patterns.DIGITS, 48, 64, 2
COUNT = 256
# Forward and backward, products only: of weights, of attention, of answers.
FLOP_PER_ROW = 6 * LENGTH * WIDTH * (LAYERS * (12 * WIDTH + 2 * LENGTH) + TOKENS)
model = mj.models.transformer(TOKENS, WIDTH, HEADS, LENGTH, LAYERS)
loss = mj.losses.of_model(model.apply, mj.losses.sequence)


def draw(seed: Any) -> tuple[mj.Data, Any]:
    """The sequences and the initial weights of a run."""
    data_key, init_key = jax.random.split(jax.random.key(seed))
    dataset = patterns.patterned(patterns.jumping, LENGTH, COUNT)
    return dataset(data_key, COUNT, rate=0.15), model.init(init_key)


def run(lr: Any, wd: Any, seed: Any, *, steps: int, log_every: int) -> mj.Legs:
    """A run of memjax: 256 sequences, each token told by those before."""
    data, params = draw(seed)

    def observe(params: Any) -> dict[str, jax.Array]:
        return {"loss": mj.expect(lambda x, y: loss(params, x, y), data)}

    def finish(params: Any) -> dict[str, jax.Array]:
        return {"weight_l2": mj.observables.l2(params)}

    times = mj.every(log_every, steps)
    optimizer = optax.adamw(lr, weight_decay=wd)
    return mj.train(loss, optimizer, observe, times, finish=finish)(params, data)


def answers(found: xr.Dataset) -> np.ndarray:
    """The last norm of every run, and the loss logged just before: [runs, 2]."""
    columns = [found.weight_l2, found.loss.isel(step=-2)]
    return np.stack([c.values.reshape(-1) for c in columns], axis=1)


def workload(
    name: str, title: str, axes: dict[str, Any], steps: int, log_every: int
) -> Workload:
    """The runs of these axes, with the data and the weights that memjax would draw."""
    columns = [np.atleast_1d(axes[n]) for n in ("lr", "wd", "seed")]
    grid = [a.ravel().tolist() for a in np.meshgrid(*columns, indexing="ij")]
    fixed = jax.jit(draw)
    drawn = {s: jax.tree.map(np.asarray, fixed(s)) for s in sorted(set(grid[2]))}
    runs = tuple(_made(drawn[s], lr, wd) for lr, wd, s in zip(*grid, strict=True))
    size = (steps, log_every, FLOP_PER_ROW)
    return Workload(name, title, axes, runs, *size, problem="sequence")


def _made(drawn: tuple[mj.Data, Any], lr: float, wd: float) -> Run:
    data, params = drawn
    flat = params | params["layers"]
    return Run((data.x, data.y), tuple(flat[n] for n in SEQUENCE), lr, wd, COUNT)
