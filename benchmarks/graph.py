"""The runs of W3: an embedding memorizes a cycle graph, as memjax's users write it."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr

import memjax as mj
from benchmarks.workload import Run, Workload

NODES, WIDTH = 64, 256
FLOP_PER_ROW = 3 * 2 * NODES * WIDTH  # logits, and the gradient of both their factors


def next_node() -> np.ndarray:
    """The law of the next node of a cycle: half to either side, [nodes, nodes]."""
    eye = np.eye(NODES, dtype=np.float32)
    return (np.roll(eye, 1, axis=1) + np.roll(eye, -1, axis=1)) / 2


def loss(v: jax.Array, node: jax.Array, law: jax.Array) -> jax.Array:
    return mj.losses.cross_entropy((v @ v.T)[node], law)


def embedding(init_scale: Any) -> jax.Array:
    """Where every run starts: one draw, at a scale of its own."""
    return init_scale * jax.random.normal(jax.random.key(0), (NODES, WIDTH)) / 16


def run(lr: Any, wd: Any, init_scale: Any, *, steps: int, log_every: int) -> mj.Legs:
    """A run of memjax: nodes are points, their targets the next-node laws."""
    weights = mj.prefix(NODES, NODES)
    data = mj.Data(jnp.arange(NODES), jnp.asarray(next_node()), weights)

    def observe(v: jax.Array) -> dict[str, jax.Array]:
        return {"loss": mj.expect(lambda x, y: loss(v, x, y), data)}

    def finish(v: jax.Array) -> dict[str, jax.Array]:
        return {"weight_l2": mj.observables.l2(v)}

    times = mj.every(log_every, steps)
    optimizer = optax.adamw(lr, weight_decay=wd)
    train = mj.train(loss, optimizer, observe, times, finish=finish)
    return train(embedding(init_scale), data)


def answers(found: xr.Dataset) -> np.ndarray:
    """The last norm of every run, and the loss logged just before: [runs, 2]."""
    columns = [found.weight_l2, found.loss.isel(step=-2)]
    return np.stack([c.values.reshape(-1) for c in columns], axis=1)


def workload(
    name: str, title: str, axes: dict[str, Any], steps: int, log_every: int
) -> Workload:
    """The runs of these axes, with the weights that memjax would draw."""
    columns = [np.atleast_1d(axes[n]) for n in ("lr", "wd", "init_scale")]
    grid = [a.ravel().tolist() for a in np.meshgrid(*columns, indexing="ij")]
    law = next_node()
    start = {s: np.asarray(embedding(s)) for s in set(grid[2])}
    runs = tuple(
        Run((law,), (start[s],), lr, wd, NODES) for lr, wd, s in zip(*grid, strict=True)
    )
    size = (steps, log_every, FLOP_PER_ROW)
    return Workload(name, title, axes, runs, *size, problem="graph")
