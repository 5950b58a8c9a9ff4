"""Kernel machines on all pairs of numbers modulo p that learn their metric.

A pair is two unit vectors `e_a ⊕ e_b` of length p, so that it picks rows and entries
of a metric: nothing here multiplies matrices of points. A Recursive Feature Machine
fits a kernel machine in a metric, sets the metric to the root of the machine's average
gradient outer product, and repeats.

Mallinar et al., arXiv 2407.20199.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from memjax.kernels import fits, metric
from memjax.kernels.features import agop_root, root
from memjax.legs import Legs, iterate
from memjax.measure import entry


class Task(NamedTuple):
    """An operation on the grid of all pairs: row a * p + b is the pair (a, b)."""

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
    kernel: metric.Kernel,
    task: Task,
    ridge: Any,
    start: jax.Array,
    capacity: int,
    iterations: int,
    *,
    observe: Callable[[State], dict],
    finish: Callable[[State], dict] = lambda state: {},
    centered: bool = True,
) -> Legs:
    """A Recursive Feature Machine from the metric `start`, seen at every iteration.

    There are `capacity` pairs at most to train on. Gradients are `centered` or not, as
    in `agop`.
    """
    p = len(start) // 2
    rows = jnp.argsort(task.train == 0, stable=True)[:capacity]  # trained on, first
    pairs, w = jnp.stack(jnp.divmod(rows, p), axis=1), task.train[rows]
    y = jax.nn.one_hot(task.truth[rows], p)

    def fit(metric: jax.Array, history: jax.Array, t: Any) -> State:
        values = kernel(*products(metric, pairs))  # [capacity, p, p]
        gram = values[:, pairs[:, 0], pairs[:, 1]]
        a = fits.ridge(gram, y, w, ridge * jnp.max(w))
        f = jnp.einsum("nab,nc->abc", values, a).reshape(p * p, p)
        return State(metric, a, f, history.at[t].set(metric))

    def step(state: State, t: Any) -> State:
        if not iterations:  # nothing to compile
            return state
        slope = slopes(kernel, state.metric, pairs, state.a)
        learned = agop_root(slope, w, centered, state.metric)
        return fit(learned, state.history, t + 1)

    first = fit(start, jnp.zeros((iterations + 1, *start.shape)), 0)
    return iterate(first, step, observe, range(iterations + 1), finish=finish)


def products(metric: jax.Array, pairs: jax.Array) -> tuple:
    """What a kernel needs of pairs [n, 2] and all p²: [n, p, p] and broadcasts."""
    p = len(metric) // 2
    rows = metric[pairs[:, 0]] + metric[p + pairs[:, 1]]  # [n, 2p]
    u = rows[:, :p, None] + rows[:, None, p:]
    diagonal = jnp.diag(metric)
    zz = diagonal[:p, None] + diagonal[None, p:] + 2 * metric[:p, p:]  # [p, p]
    return u, zz[pairs[:, 0], pairs[:, 1]][:, None, None], zz[None]


def slopes(
    kernel: metric.Kernel, at: jax.Array, pairs: jax.Array, a: jax.Array
) -> jax.Array:
    """The gradients at `pairs` of the machine with coefficients `a`, [n, p, 2p].

    Without the factor on the right that all of them have, the metric `at`.
    """
    p = len(at) // 2
    toward, own = metric.slopes(kernel, *products(at, pairs))
    grid = jnp.zeros((p, p, p)).at[pairs[:, 0], pairs[:, 1]].add(a)  # [a, b, output]
    # Numbers first, as the products leave them: the machine is twice as fast.
    left = jnp.einsum("nab,abc->anc", toward, grid)
    right = jnp.einsum("nab,abc->bnc", toward, grid)
    here = jax.vmap(lambda x: entry(jnp.eye(p), x).reshape(2 * p))(pairs)  # [n, 2p]
    at_here = 2 * jnp.einsum("nab,abc->nc", own, grid)
    pull = jnp.concatenate([left, right]) + here.T[:, :, None] * at_here[None]
    return jnp.moveaxis(pull, 0, -1)


def circulant(key: jax.Array, p: int) -> jax.Array:
    """The root of a random metric whose blocks across both numbers are circulant."""
    column = jax.random.uniform(key, (p,))
    row, column_of = jnp.arange(p)[:, None], jnp.arange(p)[None, :]
    block = (column - jnp.mean(column))[(row - column_of) % p]
    centered = jnp.eye(p) - 1 / p
    return root(jnp.block([[centered, block.T], [block, centered]]))
