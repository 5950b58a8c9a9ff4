"""Kernel machines that learn features grok modular arithmetic, without any network.

A Recursive Feature Machine fits a kernel machine in a metric M, sets M to the square
root of its average gradient outer product (AGOP), and repeats. On modular arithmetic
its train loss is zero throughout, its test accuracy stays near chance for some ten
iterations and then rises to one; what moves before are the features, which become
circulant. Trained on a set that a reflection of the pairs maps onto itself it fails on
the reflection's fixed points; one point less in training rescues it.

Source: Mallinar, Beaglehole, Zhu, Radhakrishnan, Pandit, Belkin, Emergence in
non-neural models: grokking modular arithmetic via AGOP, arXiv 2407.20199; Tomàs
Bernal, Mallinar, Belkin, Breaking Data Symmetry, arXiv 2604.00316.
Command: python -m experiments.rfm_grokking
Expected: test accuracy above 0.95 within 30 iterations at p = 61, half of all pairs.

Sweeps: `main` (kernels and train shares at a small p), `published` (the published
p = 61, half of all pairs), `symmetry` (all pairs but the fixed points, some moved to
the test), `circulant` (one fit in the metric of a random circulant matrix) and `orbit`
(one fit in the metric of the reflection itself). The AGOP is centered and the Gaussian
kernel is exp(-d²/2L²), as in the authors' code. A small `ridge` keeps float32 solves
positive definite; the published ones have none.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch

GROK = "Mallinar et al., arXiv 2407.20199"
SYMMETRY = "Tomàs Bernal et al., arXiv 2604.00316"
OPERATIONS = {
    "sum": mj.datasets.modular_sum,
    "difference": mj.datasets.modular_difference,
    "product": mj.datasets.modular_product,
    "quotient": mj.datasets.modular_quotient,
}
KERNELS = ("gaussian", "quadratic")


# --- the machine --------------------------------------------------------------------


class State(NamedTuple):
    """A metric, the coefficients of the kernel machine in it, and metrics before it."""

    metric: jax.Array  # [2p, 2p]
    a: jax.Array  # [capacity, p]
    history: jax.Array  # [iterations + 1, 2p, 2p]


class Task(NamedTuple):
    """Modular arithmetic on the grid of all pairs: row a * p + b is the pair (a, b)."""

    truth: jax.Array  # [p²], -1 where undefined
    train: jax.Array  # [p²] weights, equal where trained on
    tests: dict[str, jax.Array]  # measures [p²] to test on


def machine(
    task: Task,
    kernel: mj.kernels.Kernel,
    ridge: Any,
    start: jax.Array,
    *,
    p: int,
    capacity: int,
    iterations: int,
    operation: str = "sum",
) -> mj.Legs:
    """The Recursive Feature Machine on one-hot pairs, observed at every iteration."""
    rows = jnp.argsort(task.train == 0, stable=True)[:capacity]  # trained on, first
    pairs, w = jnp.stack(jnp.divmod(rows, p), axis=1), task.train[rows]
    target = jax.nn.one_hot(task.truth, p)  # [p², p]

    def fit(metric: jax.Array, history: jax.Array, t: Any) -> State:
        values = kernel(*pair_products(metric, pairs))  # [capacity, p, p]
        gram = values[:, pairs[:, 0], pairs[:, 1]]
        a = mj.kernels.ridge(gram, target[rows], w, ridge * jnp.max(w))
        return State(metric, a, history.at[t].set(metric))

    def step(state: State, t: Any) -> State:
        slope = pair_slopes(kernel, state.metric, pairs, state.a)
        outer = mj.kernels.agop(slope, w, centered=True)
        learned = mj.kernels.root(state.metric @ outer @ state.metric)
        return fit(learned, state.history, t + 1)

    def observe(state: State) -> dict[str, jax.Array]:
        values = kernel(*pair_products(state.metric, pairs))
        f = jnp.einsum("nab,nc->abc", values, state.a).reshape(p * p, p)
        right = jnp.argmax(f, axis=1) == task.truth
        square = jnp.mean((f - target) ** 2, axis=1)
        own = jnp.sum(f * target, axis=1)
        block = cross_block(state.metric, operation)
        named = {f"{name}_accuracy": jnp.sum(m * right) for name, m in task.tests.items()}
        return named | {
            "train_accuracy": jnp.sum(task.train * right),
            "train_mse": jnp.sum(task.train * square),
            "test_mse": jnp.sum(task.tests["test"] * square),
            "test_own_coordinate": jnp.sum(task.tests["test"] * (1 - own) ** 2),
            "circulant_deviation": mj.observables.circulant_deviation(block),
        }

    def finish(state: State) -> dict[str, Any]:
        to_last = jax.vmap(partial(mj.observables.cosine, state.metric))(state.history)
        steps = range(iterations + 1)
        return {
            "alignment": mj.named(to_last, "step", coords=steps),
            "metric": mj.named(state.metric, "row", "column"),
        }

    first = fit(start, jnp.zeros((iterations + 1, 2 * p, 2 * p)), 0)
    times = range(iterations + 1)
    return mj.iterate(first, step, observe, times, finish=finish)


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

    They lack the factor `metric` on the right, which the AGOP takes once at the end.
    """
    p = len(metric) // 2
    toward, own = mj.kernels.slopes(kernel, *pair_products(metric, pairs))
    grid = jnp.zeros((p, p, p)).at[pairs[:, 0], pairs[:, 1]].add(a)  # [a, b, output]
    left = jnp.einsum("nab,abc->nca", toward, grid)
    right = jnp.einsum("nab,abc->ncb", toward, grid)
    here = jax.vmap(partial(mj.datasets.one_hot_pair, p=p))(pairs)  # [n, 2p]
    at_here = 2 * jnp.einsum("nab,abc->nc", own, grid)
    pull = jnp.concatenate([left, right], axis=2)
    return pull + at_here[:, :, None] * here[:, None, :]


def cross_block(metric: jax.Array, operation: str) -> jax.Array:
    """The block that couples both numbers; for products, in the order of powers."""
    p = len(metric) // 2
    block = metric[p:, :p]
    if operation in ("sum", "difference"):
        return block
    order = mj.observables.power_order(p)
    return block[order][:, order]


def named_kernel(name: str, bandwidth: Any) -> mj.kernels.Kernel:
    return mj.kernels.gaussian(bandwidth) if name == "gaussian" else mj.kernels.quadratic


# --- the runs -----------------------------------------------------------------------


def run(
    share: Any,
    bandwidth: Any,
    ridge: Any,
    seed: Any,
    *,
    p: int,
    operation: str,
    kernel: str,
    capacity: int,
    iterations: int,
) -> mj.Legs:
    """A random share of all pairs is trained on, the others are the test."""
    parts = mj.datasets.modular(p, OPERATIONS[operation])(jax.random.key(seed), share)
    task = Task(parts.truth, parts.train.w, {"test": parts.test.w})
    made = named_kernel(kernel, bandwidth)
    static = {"p": p, "capacity": capacity, "iterations": iterations}
    return machine(task, made, ridge, jnp.eye(2 * p), **static, operation=operation)


def symmetry_run(
    moved: Any,
    paired: Any,
    bandwidth: Any,
    ridge: Any,
    seed: Any,
    *,
    p: int,
    kernel: str,
    iterations: int,
) -> mj.Legs:
    """All pairs but the fixed points of (a, b) → (b, a), and but `moved` others.

    Others are moved to the test at random, or, where `paired` is 1, with their mirror
    images.
    """
    a, b = jnp.divmod(jnp.arange(p * p), p)
    draw = jax.random.uniform(jax.random.key(seed), (p * p,))
    draw = jnp.where(paired > 0, jnp.minimum(draw, draw[b * p + a]), draw)
    rank = jnp.argsort(jnp.argsort(jnp.where(a == b, 2.0, draw)))
    count = jnp.where(paired > 0, 2 * ((moved + 1) // 2), moved)
    test = (a == b) | (rank < count)
    measures = {"test": uniform_on(test), "fixed": uniform_on(a == b)}
    task = Task((a + b) % p, uniform_on(~test), measures)
    static = {"p": p, "capacity": p * p - p, "iterations": iterations}
    return machine(task, named_kernel(kernel, bandwidth), ridge, jnp.eye(2 * p), **static)


def circulant_run(
    share: Any,
    bandwidth: Any,
    ridge: Any,
    seed: Any,
    *,
    p: int,
    kernel: str,
    capacity: int,
) -> mj.Legs:
    """One fit in the metric of a random circulant matrix; no feature is learned."""
    parts_key, draw_key = jax.random.split(jax.random.key(seed))
    parts = mj.datasets.modular(p)(parts_key, share)
    task = Task(parts.truth, parts.train.w, {"test": parts.test.w})
    column = jax.random.uniform(draw_key, (p,))
    l, j = jnp.arange(p)[:, None], jnp.arange(p)[None, :]
    block = (column - jnp.mean(column))[(l - j) % p]
    centered = jnp.eye(p) - 1 / p
    metric = mj.kernels.root(jnp.block([[centered, block.T], [block, centered]]))
    static = {"p": p, "capacity": capacity, "iterations": 0}
    return machine(task, named_kernel(kernel, bandwidth), ridge, metric, **static)


def orbit_run(
    share: Any, bandwidth: Any, ridge: Any, seed: Any, *, p: int, capacity: int
) -> mj.Legs:
    """One fit in the metric of the reflection: who is right on which pairs?"""
    parts = mj.datasets.modular(p)(jax.random.key(seed), share)
    a, b = jnp.divmod(jnp.arange(p * p), p)
    test, mirrored = parts.test.w > 0, parts.train.w[b * p + a] > 0
    measures = {"orbit": test & mirrored, "outside": test & ~mirrored, "test": test}
    measures = {name: uniform_on(member) for name, member in measures.items()}
    task = Task(parts.truth, parts.train.w, measures)
    both = jnp.tile(jnp.eye(p), (2, 2))  # the identity and the swap of both numbers
    static = {"p": p, "capacity": capacity, "iterations": 0}
    return machine(task, mj.kernels.gaussian(bandwidth), ridge, both, **static)


def uniform_on(member: jax.Array) -> jax.Array:
    return member / jnp.maximum(jnp.sum(member), 1)
