"""What experiments on Recursive Feature Machines share: the machine on pairs.

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
from memjax.plots import frame, matrix

KERNELS = ("gaussian", "quadratic")
Results = dict[str, xr.Dataset]


# --- the machine --------------------------------------------------------------------


class Task(NamedTuple):
    """Modular arithmetic on the grid of all pairs: row a * p + b is the pair (a, b)."""

    truth: jax.Array  # [p²], -1 where undefined
    train: jax.Array  # [p²] weights, equal where trained on
    tests: dict[str, jax.Array]  # measures [p²] to test on


class State(NamedTuple):
    """A metric, the kernel machine in it, and the metrics before it."""

    metric: jax.Array  # [2p, 2p]
    a: jax.Array  # [capacity, p]
    f: jax.Array  # [p², p], what the machine says of every pair
    history: jax.Array  # [iterations + 1, 2p, 2p]


def machine(
    task: Task,
    kernel: mj.kernels.Kernel,
    ridge: Any,
    start: jax.Array,
    capacity: int,
    iterations: int,
    operation: str = "sum",
    centered: bool = True,
) -> mj.Legs:
    """The Recursive Feature Machine on one-hot pairs, observed at every iteration."""
    p = len(start) // 2
    rows = jnp.argsort(task.train == 0, stable=True)[:capacity]  # trained on, first
    pairs, w = jnp.stack(jnp.divmod(rows, p), axis=1), task.train[rows]
    y = jax.nn.one_hot(task.truth[rows], p)

    def fit(metric: jax.Array, history: jax.Array, t: Any) -> State:
        values = kernel(*pair_products(metric, pairs))  # [capacity, p, p]
        gram = values[:, pairs[:, 0], pairs[:, 1]]
        a = mj.kernels.ridge(gram, y, w, ridge * jnp.max(w))
        f = jnp.einsum("nab,nc->abc", values, a).reshape(p * p, p)
        return State(metric, a, f, history.at[t].set(metric))

    def step(state: State, t: Any) -> State:
        if not iterations:  # nothing to compile
            return state
        slope = pair_slopes(kernel, state.metric, pairs, state.a)
        learned = mj.kernels.agop_root(slope, w, centered, state.metric)
        return fit(learned, state.history, t + 1)

    first = fit(start, jnp.zeros((iterations + 1, *start.shape)), 0)
    seen = partial(observed, task, operation)
    return mj.iterate(first, step, seen, range(iterations + 1), finish=features)


def observed(task: Task, operation: str, state: State) -> dict[str, jax.Array]:
    """Accuracies, losses, and how far from circulant the features are."""
    target = jax.nn.one_hot(task.truth, state.f.shape[1])  # [p², p]
    right = jnp.argmax(state.f, axis=1) == task.truth
    square = jnp.mean((state.f - target) ** 2, axis=1)
    own = jnp.sum(state.f * target, axis=1)
    block = cross_block(state.metric, operation)
    accuracy = {f"{n}_accuracy": jnp.sum(m * right) for n, m in task.tests.items()}
    return accuracy | {
        "train_accuracy": jnp.sum(task.train * right),
        "train_mse": jnp.sum(task.train * square),
        "test_mse": jnp.sum(task.tests["test"] * square),
        "test_own_coordinate": jnp.sum(task.tests["test"] * (1 - own) ** 2),
        "circulant_deviation": mj.observables.circulant_deviation(block),
    }


def features(state: State) -> dict[str, Any]:
    """The last metric, and its cosine with those of every iteration."""
    to_last = jax.vmap(partial(mj.observables.cosine, state.metric))(state.history)
    return {
        "alignment": mj.named(to_last, "step", coords=range(len(to_last))),
        "metric": mj.named(state.metric, "row", "column"),
    }


def pair_products(metric: jax.Array, pairs: jax.Array) -> tuple:
    """What a kernel needs of pairs [n, 2] and all p² pairs: [n, p, p] and broadcasts.

    One-hot pairs pick rows and entries of the metric: no product of matrices.
    """
    p = len(metric) // 2
    rows = metric[pairs[:, 0]] + metric[p + pairs[:, 1]]  # [n, 2p]
    u = rows[:, :p, None] + rows[:, None, p:]
    diagonal = jnp.diag(metric)
    zz = diagonal[:p, None] + diagonal[None, p:] + 2 * metric[:p, p:]  # [p, p]
    return u, zz[pairs[:, 0], pairs[:, 1]][:, None, None], zz[None]


def pair_slopes(
    kernel: mj.kernels.Kernel, metric: jax.Array, pairs: jax.Array, a: jax.Array
) -> jax.Array:
    """The gradients at `pairs` of the machine with coefficients `a`, [n, p, 2p].

    Without the factor `metric` on the right that all of them have.
    """
    p = len(metric) // 2
    toward, own = mj.kernels.slopes(kernel, *pair_products(metric, pairs))
    grid = jnp.zeros((p, p, p)).at[pairs[:, 0], pairs[:, 1]].add(a)  # [a, b, output]
    # Numbers first, as the products leave them: the machine is twice as fast.
    left = jnp.einsum("nab,abc->anc", toward, grid)
    right = jnp.einsum("nab,abc->bnc", toward, grid)
    here = jax.vmap(partial(mj.datasets.one_hot_pair, p=p))(pairs)  # [n, 2p]
    at_here = 2 * jnp.einsum("nab,abc->nc", own, grid)
    pull = jnp.concatenate([left, right]) + here.T[:, :, None] * at_here[None]
    return jnp.moveaxis(pull, 0, -1)


# --- features -----------------------------------------------------------------------


def cross_block(metric: jax.Array, operation: str = "sum") -> jax.Array:
    """The block that couples both numbers, in their `order`."""
    p = len(metric) // 2
    block, numbers = metric[p:, :p], order(p, operation)
    return block[numbers][:, numbers]


def order(p: int, operation: str) -> np.ndarray:
    """Numbers as they are or, for products and quotients, as powers, without 0."""
    sums = operation in ("sum", "difference")
    return np.arange(p) if sums else mj.observables.power_order(p)


def random_circulant(key: jax.Array, p: int) -> jax.Array:
    """The root of a metric whose blocks across both numbers are circulant."""
    column = jax.random.uniform(key, (p,))
    row, column_of = jnp.arange(p)[:, None], jnp.arange(p)[None, :]
    block = (column - jnp.mean(column))[(row - column_of) % p]
    centered = jnp.eye(p) - 1 / p
    return mj.kernels.root(jnp.block([[centered, block.T], [block, centered]]))


def named_kernel(name: str, bandwidth: Any) -> mj.kernels.Kernel:
    """The kernel of this name."""
    gaussian = mj.kernels.gaussian(bandwidth)
    return gaussian if name == "gaussian" else mj.kernels.quadratic


def draw_metric(
    axis: Axes, metric: xr.DataArray, title: str, operation: str = "sum"
) -> None:
    """A feature matrix; the color scale is that of its block across both numbers."""
    p = metric.sizes["row"] // 2
    numbers = order(p, operation)
    both = np.concatenate([numbers, p + numbers])
    limit = float(np.quantile(abs(metric.values[p:, :p]), 0.995))
    matrix(axis, metric.isel(row=both, column=both), limit, "entry")
    in_order = ", in the order of powers" if len(numbers) < p else ""
    ticks = [0, len(numbers)]
    names = {"xlabel": f"one-hot a, then b{in_order}", "xticks": ticks, "yticks": ticks}
    frame(axis, title, metric, **names)
