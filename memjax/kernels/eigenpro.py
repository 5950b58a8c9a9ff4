"""Kernel machines by preconditioned steps, whole or in batches: EigenPro.

A step of gradient descent on the coefficients of `f = Σ a_i k(·, x_i)` must not be
longer than the largest eigenvalue allows, and what lies along small ones waits for it.
EigenPro flattens the largest eigenvalues, known from some anchors, down to the next
one: steps can then be longer by as much as those were larger. Nothing needs the Gram
matrix of all points at once.

Ma and Belkin, arXiv 1703.10622 and 1806.06144; Abedsoltan et al., arXiv 2312.03311.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from memjax.kernels import fits, metric
from memjax.legs import Legs, iterate


class Flattening(NamedTuple):
    """What takes the largest eigenvalues of a kernel down to the next one."""

    weights: jax.Array  # [anchors, anchors], zero where anchors do not count
    level: jax.Array  # the next eigenvalue, of the anchors' Gram matrix


def flattening(gram: jax.Array, flat: Any, w: jax.Array | None = None) -> Flattening:
    """How to flatten the `flat` largest eigenvalues seen by anchors with this `gram`.

    With ψ_i the eigenfunctions of length one that the anchors give and l_i their
    eigenvalues, a gradient g loses `Σ (1 - l_{flat+1} / l_i) ψ_i ⟨ψ_i, g⟩`, which are
    kernels at the anchors with the coefficients `weights @ k(anchors, x) @ g`. Both
    `flat` and which anchors count, by weights `w` of one or zero, may be traced.
    """
    count = jnp.ones(len(gram), gram.dtype) if w is None else w
    _, values, vectors, _ = fits.factor(gram, count)
    place = len(gram) - 1 - jnp.arange(len(gram))  # how many are larger
    level = values[len(gram) - 1 - flat]
    top = jnp.where(place < flat, values, 1.0)
    share = jnp.where(place < flat, (1 - level / top) / top, 0.0)
    weights = (vectors * share[None, :]) @ vectors.T
    return Flattening(weights, level)


def left(flat: Flattening, gram: jax.Array, across: jax.Array) -> jax.Array:
    """The Gram matrix [n, n] that flattening leaves, `across` [n, anchors]."""
    return gram - across @ flat.weights @ across.T


def step_size(remaining: jax.Array, batch: Any) -> jax.Array:
    """The step on the mean over a batch of b points: .99 · 2 b / (β + (b - 1) λ).

    λ is the largest eigenvalue of the kernel's operator, over points of the Gram
    matrix that is `left`, and β the largest of its diagonal. They are to be others
    than the anchors, where flattening always looks perfect.
    """
    top = fits.top(remaining) / len(remaining)
    return 0.99 * 2 * batch / (jnp.max(jnp.diag(remaining)) + (batch - 1) * top)


def descend(
    gram: jax.Array, y: jax.Array, flat: Any, w: jax.Array, enough: float, steps: int
) -> Legs:
    """So many steps on all points at once, as long as can be, from zero.

    Those points are anchors that count, by `w`. Logged is the `residual`, a mean square
    over points. At the end come `iterations`, how many it took until that was `enough`
    (infinite if more than `steps`), and `top`, the largest eigenvalue, which sets the
    step.
    """
    flattened, size = flattening(gram, flat, w), len(gram)
    top = fits.top(left(flattened, gram, gram))

    def step(state: dict[str, jax.Array], t: Any) -> dict[str, jax.Array]:
        missed = gram @ state["a"] - y
        change = missed - flattened.weights @ (gram @ missed)
        more = jnp.sum(missed**2) > enough * size
        return {"a": state["a"] - change / top, "count": state["count"] + more}

    def observe(state: dict[str, jax.Array]) -> dict[str, jax.Array]:
        return {"residual": jnp.sum((gram @ state["a"] - y) ** 2) / size}

    def finish(state: dict[str, jax.Array]) -> dict[str, jax.Array]:
        reached = state["count"] < steps
        count = jnp.where(reached, state["count"], jnp.inf)
        return {"iterations": count, "top": top}

    start = {"a": jnp.zeros_like(y), "count": jnp.zeros(())}
    return iterate(start, step, observe, steps, finish=finish)


class Machine(NamedTuple):
    """Coefficients at points and at anchors."""

    a: jax.Array  # [points, outputs]
    c: jax.Array  # [anchors, outputs]


def predict(
    kernel: metric.Kernel,
    machine: Machine,
    x: jax.Array,
    anchors: jax.Array,
    z: jax.Array,
    block: int,
) -> jax.Array:
    """The values at `z` [m, d] of a machine on points `x`: [m, outputs].

    So many points are held against `z` at a time; a whole number of times makes `x`.
    """
    parts = jax.tree.map(lambda v: v.reshape(-1, block, *v.shape[1:]), (x, machine.a))

    def add(total: jax.Array, part: tuple) -> tuple[jax.Array, None]:
        points, a = part
        return total + metric.gram(kernel, z, points) @ a, None

    start = metric.gram(kernel, z, anchors) @ machine.c
    return jax.lax.scan(add, start, parts)[0]


def batch_step(
    kernel: metric.Kernel,
    x: jax.Array,
    y: jax.Array,
    anchors: jax.Array,
    flat: Flattening,
    rate: Any,
    batch: int,
    block: int,
) -> Callable[[Machine, Any], tuple[Machine, jax.Array]]:
    """Step t on the t-th batch of points, in order and over again.

    It returns the machine after, and the mean square of what it missed before.
    """

    def step(machine: Machine, t: Any) -> tuple[Machine, jax.Array]:
        first = (t * batch) % len(x)
        points, labels = (jax.lax.dynamic_slice_in_dim(v, first, batch) for v in (x, y))
        missed = predict(kernel, machine, x, anchors, points, block) - labels
        along = metric.gram(kernel, anchors, points) @ missed
        own = jax.lax.dynamic_slice_in_dim(machine.a, first, batch)
        a = jax.lax.dynamic_update_slice_in_dim(
            machine.a, own - rate / batch * missed, first, 0
        )
        c = machine.c + rate / batch * (flat.weights @ along)
        return Machine(a, c), jnp.mean(missed**2)

    return step


def in_batches(
    kernel: metric.Kernel, x: jax.Array, y: jax.Array, anchors: jax.Array,
    beside: jax.Array, flat: Any, batch: int, held: int,
) -> tuple[tuple[Machine, jax.Array], Callable, Callable]:  # fmt: skip
    """A start, an epoch of batches from there, and what a machine says of points.

    The start is a machine of zeros, and 1; `epoch(start, t)` is the machine after and
    the mean square missed on the way; `predict(machine, z)` is [m, outputs]. Anchors
    flatten `flat` eigenvalues, points `beside` them set the step. At most `held` points
    are held against a batch.
    """
    flattened = flattening(metric.gram(kernel, anchors, anchors), flat)
    across = metric.gram(kernel, beside, anchors)
    own = metric.gram(kernel, beside, beside)
    rate = step_size(left(flattened, own, across), batch)
    block = max(b for b in range(batch, held + 1, batch) if len(x) % b == 0)
    step = batch_step(kernel, x, y, anchors, flattened, rate, batch, block)

    def epoch(state: tuple[Machine, jax.Array], t: Any) -> tuple[Machine, jax.Array]:
        machine, missed = jax.lax.scan(step, state[0], jnp.arange(len(x) // batch))
        return machine, jnp.mean(missed)

    def values(machine: Machine, z: jax.Array) -> jax.Array:
        return predict(kernel, machine, x, anchors, z, block)

    start = Machine(jnp.zeros_like(y), jnp.zeros((len(anchors), y.shape[1])))
    return (start, jnp.array(1.0)), epoch, values
