"""Test and train error of ridge regression from the spectrum of its kernel.

A kernel has eigenvalues λ_i on a data distribution, a target has v_i² of its power in
mode i, and labels carry noise. Ridge regression on n samples then learns the share
`L_i = λ_i / (λ_i + g)` of each mode, with one effective ridge g for all of them. Where
the kernel is that of k random features, what is learned is limited by both n and k:

    n = Σ L_i + δ/κ      k = Σ L_i + kκ/g

with a ridge δ on the kernel matrix. Eliminating κ leaves `(n - Σ L)(1 - Σ L/k) g = δ`,
whose left side grows with g: one bisection finds it, and k = ∞ is the kernel itself.
Below, differences of nearly equal sums are written as sums of `L_i (1 - L_i)`, so that
nothing cancels. Exact in the limit of many samples and modes of Gaussian features;
real kernels on few dimensions have other constants.

Sources: Simon, Dickens, Karkada, DeWeese, The Eigenlearning Framework, TMLR 2023;
Simon, Karkada, Ghosh, Belkin, More is Better, arXiv 2311.14646, for random features.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

HALVINGS = 64  # of a bracket some 500 wide in log g: to the last digit of a double


class Fit(NamedTuple):
    """What ridge regression does on average over data sets."""

    gamma: jax.Array  # the effective ridge
    kappa: jax.Array  # that of the features; equal to gamma where they are infinite
    learned: jax.Array  # [modes], the share of each mode that is learned
    overfitting: jax.Array  # test error over that of infinitely many samples at this g
    test: jax.Array  # mean square, the noise in test labels included
    train: jax.Array


def power(alpha: Any, places: Any) -> jax.Array:
    """The eigenvalues `i^-alpha` at places i = 1, 2, …"""
    return jnp.asarray(places) ** -alpha


def modes(
    last: float, exact: int = 2000, ratio: float = 1.02
) -> tuple[np.ndarray, np.ndarray]:
    """Places among modes 1 … `last`, and how many modes each of them stands for.

    The first `exact` stand for themselves, later ones for blocks that grow by `ratio`:
    a power law of 10⁶⁰ modes is some thousands of places, its sums right to 1e-4.
    """
    own = np.arange(1.0, min(last, exact) + 1)
    if last <= exact:
        return own, np.ones_like(own)
    blocks = int(np.ceil(np.log(last / exact) / np.log(ratio)))
    ends = np.geomspace(exact, last, blocks + 1)
    middle = (ends[1:] + ends[:-1] + 1) / 2
    places = np.concatenate([own, middle])
    return places, np.concatenate([np.ones_like(own), np.diff(ends)])


@jax.jit
def effective_ridge(
    size: Any,
    spectrum: jax.Array,
    ridge: Any = 0.0,
    features: Any = jnp.inf,
    count: Any = 1.0,
) -> jax.Array:
    """The g at which `(size - Σ L)(1 - Σ L / features) g = ridge`.

    `count` says how many modes each eigenvalue of `spectrum` [modes] stands for.
    Without ridge g is where ΣL meets the smaller of samples and features, and zero
    where there are fewer modes than both.
    """
    fewer = jnp.minimum(size, features)
    number = jnp.sum(jnp.where(spectrum > 0, count, 0.0))
    least = jnp.min(jnp.where(spectrum > 0, spectrum, jnp.inf))
    low = jnp.maximum(ridge / size, least * (number - fewer) / fewer)
    high = jnp.maximum(2 * jnp.sum(count * spectrum) / fewer, 4 * ridge / size)
    logs = jnp.log(spectrum)

    def halve(_: Any, ends: tuple) -> tuple:
        middle = (ends[0] + ends[1]) / 2
        total = jnp.sum(count * jax.nn.sigmoid(logs - middle))
        left = (size - total) * (1 - total / features)
        small = (total >= fewer) | (left * jnp.exp(middle) < ridge)
        return jnp.where(small, middle, ends[0]), jnp.where(small, ends[1], middle)

    found = low > 0
    start = jnp.log(jnp.where(found, low, high)), jnp.log(high)
    ends = jax.lax.fori_loop(0, HALVINGS, halve, start)
    return jnp.where(found, jnp.exp((ends[0] + ends[1]) / 2), 0.0)


@jax.jit
def fit(
    size: Any,
    spectrum: jax.Array,
    target: Any = 0.0,
    noise: Any = 1.0,
    ridge: Any = 0.0,
    features: Any = jnp.inf,
    count: Any = 1.0,
) -> Fit:
    """The errors of regression on `size` samples with a ridge on the kernel matrix.

    `target` is the power v² of the target in every mode, `noise` the variance of the
    labels; `features` is the number of random features, infinite for the kernel itself.
    """
    gamma = effective_ridge(size, spectrum, ridge, features, count)
    learned = jnp.where(spectrum > 0, spectrum / (spectrum + gamma), 0.0)
    missed = jnp.where(spectrum > 0, gamma / (spectrum + gamma), 1.0)
    total = jnp.sum(count * learned)
    between = jnp.sum(count * learned * missed)
    free = jnp.maximum(size - total, 0.0)  # samples, and below features, left over
    wide = jnp.maximum(1 - total / features, 0.0)
    spread = wide + between / features
    overfitting = size * spread / (free * wide + between * (wide + free / features))
    lost = jnp.sum(count * target * missed * (1 - learned * wide / spread))
    test = overfitting * (lost + noise)
    train = (free / size) ** 2 * test
    return Fit(gamma, gamma * wide, learned, overfitting, test, train)


def fitting_ratio(alpha: Any, beta: Any, noise: Any) -> jax.Array:
    """Train over test error of a kernel at the ridge that makes test error least.

    For eigenvalues `i^-alpha`, target powers `i^-beta` and many samples; `noise` is the
    variance of the labels in units of the test error without noise or ridge. It is r²
    with r the root in [0, 1] of
    `alpha - beta - (alpha - 1) beta r + alpha (alpha - 1) (1 - r)^beta noise`, and zero
    without one: where the target is smooth and the noise slight, no ridge is best.
    """

    def halve(_: Any, ends: tuple) -> tuple:
        r = (ends[0] + ends[1]) / 2
        slope = alpha - beta - (alpha - 1) * beta * r
        below = slope + alpha * (alpha - 1) * (1 - r) ** beta * noise > 0
        return jnp.where(below, r, ends[0]), jnp.where(below, ends[1], r)

    start = jnp.zeros(jnp.broadcast_shapes(*map(jnp.shape, (alpha, beta, noise))))
    low, _ = jax.lax.fori_loop(0, HALVINGS, halve, (start, start + 1))
    return low**2
