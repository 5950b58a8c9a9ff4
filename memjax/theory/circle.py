"""Interpolation by a kernel at n equispaced points of the circle, in closed form.

The kernel is shift invariant, `K(x) = Σ_m K̂(m) exp(imx)`, with `K̂` a function of
`s m` and a bandwidth `s = a / n`. Interpolation turns the frequency k of the data into
all of its aliases `k + jn` in the shares `K̂(k + jn) / S1(k)`, where `S1 = Σ_j K̂` and,
below, `S2 = Σ_j K̂²`. So both errors are sums over frequencies: what a pure wave loses,
and what noise of variance one at the points leaves on the circle.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from memjax.measure import prefix


class Spectrum(NamedTuple):
    """A kernel's Fourier coefficients, and the sums over their aliases."""

    own: jax.Array
    sum: jax.Array
    squares: jax.Array


class Errors(NamedTuple):
    """Mean squares over the circle, of a unit wave's error and of what noise leaves."""

    approximation: jax.Array
    estimation: jax.Array


def laplace(turn: Any, a: Any) -> Spectrum:
    """The kernel with `K̂(m) = 1 / (1 + (s m)²)`, at k = `turn` n."""
    u, cos = 2 * jnp.pi / a, jnp.cos(2 * jnp.pi * turn)
    total = u / 2 * jnp.sinh(u) / (jnp.cosh(u) - cos)
    rest = (u / 2) ** 2 * (jnp.cosh(u) * cos - 1) / (jnp.cosh(u) - cos) ** 2
    return Spectrum(1 / (1 + (a * turn) ** 2), total, total / 2 + rest)


def cauchy(turn: Any, a: Any) -> Spectrum:
    """The kernel with `K̂(m) = exp(-s |m|)`, at k = `turn` n."""

    def total(a: Any) -> jax.Array:
        return jnp.cosh(a * (0.5 - turn)) / jnp.sinh(a / 2)

    return Spectrum(jnp.exp(-a * turn), total(a), total(2 * a))


def gaussian(turn: Any, a: Any) -> Spectrum:
    """The kernel with `K̂(m) = exp(-(s m)² / 2)`, at k = `turn` n; `a` is .2 or more."""
    terms = jnp.exp(-((a * jnp.add.outer(turn, jnp.arange(-40.0, 41))) ** 2) / 2)
    return Spectrum(terms[..., 40], terms.sum(-1), (terms**2).sum(-1))


def errors(
    kernel: Callable[[Any, Any], Spectrum], size: Any, a: Any, wave: Any, capacity: int
) -> Errors:
    """The errors at `size` points, of which there are `capacity` at most.

    `wave` is the frequency of the target, from 0 to size - 1.
    """
    one = kernel(wave / size, a)
    every = kernel(jnp.arange(capacity) / size, a)
    noise = jnp.where(prefix(size, capacity) > 0, every.squares / every.sum**2, 0.0)
    lost = 1 - 2 * one.own / one.sum + one.squares / one.sum**2
    return Errors(lost, jnp.sum(noise) / size)
