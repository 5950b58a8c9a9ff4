"""What experiments on Recursive Feature Machines share: the machine on pairs, observed.

The AGOP is centered and the Gaussian kernel is exp(-d²/2L²), as in the authors' code. A
small `ridge` keeps solves positive definite; the published ones have none.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.axes import Axes

import memjax as mj
from memjax.kernels import pairs
from memjax.plots import DASHES, frame, matrix, one, points

KERNELS = ("gaussian", "quadratic")
SHARES: dict[str, Any] = {"ylim": (-0.03, 1.06)}
Results = dict[str, xr.Dataset]


class Task(NamedTuple):
    """Modular arithmetic on the grid of all pairs: row a * p + b is the pair (a, b)."""

    truth: jax.Array  # [p²], -1 where undefined
    train: jax.Array  # [p²] weights, equal where trained on
    tests: dict[str, jax.Array]  # measures [p²] to test on


def machine(
    task: Task, kernel: str, bandwidth: Any, ridge: Any, start: jax.Array,
    capacity: int, iterations: int, operation: str = "sum", centered: bool = True,
) -> mj.Legs:  # fmt: skip
    """The Recursive Feature Machine on a task, observed at every iteration."""
    gaussian = mj.kernels.gaussian(bandwidth)
    made = gaussian if kernel == "gaussian" else mj.kernels.quadratic
    seen = partial(observed, task, operation)
    size, how = (capacity, iterations), {"centered": centered, "observe": seen}
    return pairs.machine(
        made, task.truth, task.train, ridge, start, *size, **how, finish=features
    )


def observed(task: Task, operation: str, state: pairs.State) -> dict[str, jax.Array]:
    """Accuracies, losses, and how far from circulant the features are."""
    target = jax.nn.one_hot(task.truth, state.f.shape[1])  # [p², p]
    right = jnp.argmax(state.f, axis=1) == task.truth
    square = jnp.mean((state.f - target) ** 2, axis=1)
    own = jnp.sum(state.f * target, axis=1)
    block = mj.observables.cross_block(state.metric, operation)
    accuracy = {f"{n}_accuracy": jnp.sum(m * right) for n, m in task.tests.items()}
    return accuracy | {
        "train_accuracy": jnp.sum(task.train * right),
        "train_mse": jnp.sum(task.train * square),
        "test_mse": jnp.sum(task.tests["test"] * square),
        "test_own_coordinate": jnp.sum(task.tests["test"] * (1 - own) ** 2),
        "circulant_deviation": mj.observables.circulant_deviation(block),
    }


def features(state: pairs.State) -> dict[str, Any]:
    """The last metric, and its cosine with those of every iteration."""
    to_last = jax.vmap(partial(mj.observables.cosine, state.metric))(state.history)
    return {
        "alignment": mj.named(to_last, "step", coords=range(len(to_last))),
        "metric": mj.named(state.metric, "row", "column"),
    }


def draw_metric(axis: Axes, metric: xr.DataArray, title: str) -> None:
    """A feature matrix; the color scale is that of its block across both numbers."""
    p, operation = metric.sizes["row"] // 2, str(metric.coords.get("operation", ""))
    numbers = mj.observables.pair_order(p, operation)
    both = np.concatenate([numbers, p + numbers])
    limit = float(np.quantile(abs(metric.values[p:, :p]), 0.995))
    matrix(axis, metric.isel(row=both, column=both), limit, "entry")
    in_order = ", in the order of powers" if len(numbers) < p else ""
    ticks = [0, len(numbers)]
    names = {"xlabel": f"one-hot a, then b{in_order}", "xticks": ticks, "yticks": ticks}
    frame(axis, title, metric, **names)


def draw_ends(
    axis: Axes, quantity: str, x: str, sweeps: dict[str, xr.Dataset]
) -> xr.DataArray:
    """A quantity at the end of some sweeps, by label, against `x`, of each kernel."""
    for dash, (label, runs) in zip(DASHES, sweeps.items(), strict=False):
        end = one(runs, x, "kernel", index=0)[quantity].isel(step=-1)
        points(axis, end, x, join=True, dash=dash, color="kernel", label=label)
    return end
