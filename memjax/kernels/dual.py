"""Kernels of infinitely wide networks of any depth, by the duals of their activations.

A wide layer of random weights turns inputs of length one and inner product u into
outputs of inner product `f(u) = E φ(a) φ(b)`, with a and b normal, of variance one and
correlation u, and φ scaled so that `f(1) = 1`. So a network of `depth` layers has the
kernel `f(… f(u))` at its start (NNGP), and trained by gradient flow the tangent kernel
(NTK) `T ← f(u) + T f'(u)`, which starts as u itself. The depth is a number, and may be
traced; time grows with it.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from memjax.kernels import fits

NEAR = 1e-7  # so near one, logs are multiplied by the slope there
FAR = -30.0  # below this log, the leading power is all there is


class Dual(NamedTuple):
    """The dual of an activation, and its leading power `lead u^order` at zero."""

    f: Callable[[jax.Array], jax.Array]
    slope: Callable[[jax.Array], jax.Array]  # f'
    lead: float
    order: int
    smooth: bool = True  # whether f has a second derivative at one


# --- duals --------------------------------------------------------------------------


def polynomial(coefficients: dict[int, float]) -> Dual:
    """The dual Σ c_k u^k of Σ √c_k h_k, h_k the Hermite polynomials: {power: c_k}."""
    powers = sorted(coefficients)
    if not math.isclose(sum(coefficients.values()), 1.0) or powers[0] < 0:
        raise ValueError(f"powers are not negative and c_k sum to 1: {coefficients}")

    def f(u: jax.Array) -> jax.Array:
        return jnp.asarray(sum(c * u**k for k, c in coefficients.items()))

    def slope(u: jax.Array) -> jax.Array:
        terms = (k * c * u ** (k - 1) for k, c in coefficients.items() if k)
        return jnp.asarray(sum(terms, start=jnp.zeros_like(u)))

    return Dual(f, slope, coefficients[powers[0]], powers[0])


def sine(a: float = 1.0) -> Dual:
    """The dual sinh(au) / sinh(a) of the sine of √a z."""
    top = math.sinh(a)

    def slope(u: jax.Array) -> jax.Array:
        return a * jnp.cosh(a * u) / top

    return Dual(lambda u: jnp.sinh(a * u) / top, slope, a / top, 1)


def erf() -> Dual:
    """The dual arcsin(2u/3) / arcsin(2/3) of the error function."""
    top = math.asin(2 / 3)

    def slope(u: jax.Array) -> jax.Array:
        return 2 / 3 / jnp.sqrt(1 - (2 * u / 3) ** 2) / top

    return Dual(lambda u: jnp.arcsin(2 * u / 3) / top, slope, 2 / 3 / top, 1)


def relu() -> Dual:
    """The dual of the ReLU: the arc-cosine kernel of degree one."""

    def f(u: jax.Array) -> jax.Array:
        sine = jnp.sqrt((1 - u) * (1 + u))
        return (sine + (jnp.pi - jnp.arccos(u)) * u) / jnp.pi

    def slope(u: jax.Array) -> jax.Array:
        return (jnp.pi - jnp.arccos(u)) / jnp.pi

    return Dual(f, slope, 1 / math.pi, 0, smooth=False)


def exponent(dual: Dual) -> float:
    """The p of the limit |x - z|^-p of deep kernels, where f(0) = 0 < f'(0) < 1.

    An inner product u = 1 - δ leaves one after log(1/δ) / log f'(1) layers, and each
    layer after these shrinks it by f'(0).
    """
    if dual.order != 1:
        raise ValueError("only a dual that is linear at zero has a power for its limit")
    return -2 * math.log(dual.lead) / math.log(float(dual.slope(jnp.ones(()))))


# --- kernels ------------------------------------------------------------------------


def nngp(dual: Dual, u: jax.Array, depth: Any) -> jax.Array:
    """The kernel of `depth` random layers at inner products u from -1 to 1."""
    return _layers(dual, u, depth)[0]


def ntk(dual: Dual, u: jax.Array, depth: Any) -> jax.Array:
    """The tangent kernel of a network of `depth` hidden layers and a linear one."""
    return _layers(dual, u, depth)[1]


def _layers(dual: Dual, u: jax.Array, depth: Any) -> tuple[jax.Array, jax.Array]:
    def layer(_: Any, both: tuple) -> tuple:
        u, tangent = both
        through = jnp.clip(dual.f(u), -1.0, 1.0)
        return through, through + tangent * dual.slope(u)

    u = jnp.clip(u, -1.0, 1.0)
    return jax.lax.fori_loop(0, depth, layer, (u, u))


def logs(dual: Dual, log_u: jax.Array, depth: Any) -> tuple[jax.Array, jax.Array]:
    """The logs of `nngp` and `ntk` at inner products above zero, given by their logs.

    Deep kernels shrink by a factor or even a power in every layer, far beyond the
    smallest of floating-point numbers; and distances far below the rounding of u
    decide about nearest neighbors. Logs keep both.
    """
    steep = jnp.log(dual.slope(jnp.ones_like(log_u)))

    def layer(_: Any, both: tuple) -> tuple:
        at, tangent = both
        u = jnp.exp(at)
        through, slope = jnp.log(dual.f(u)), jnp.log(dual.slope(u))
        if dual.order:
            lead, order = dual.lead, dual.order
            far = at < FAR
            through = jnp.where(far, math.log(lead) + order * at, through)
            least = math.log(lead * order) + (order - 1) * at
            slope = jnp.where(far, least, slope)
        if dual.smooth:
            near = at > -NEAR
            through = jnp.where(near, jnp.exp(steep) * at, through)
            slope = jnp.where(near, steep, slope)
        through = jnp.minimum(through, 0.0)
        return through, jnp.logaddexp(through, tangent + slope)

    return jax.lax.fori_loop(0, depth, layer, (log_u, log_u))


def logs_at(
    place: Any, duals: Sequence[Dual], depth: Any, log_u: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """`logs` of the dual at a place of these, which may be traced."""
    each = [partial(logs, one, depth=depth) for one in duals]
    return jax.lax.switch(place, each, log_u) if len(each) > 1 else each[0](log_u)


def by_angle(
    recursion: Callable[[jax.Array], tuple[jax.Array, jax.Array]],
    nodes: int,
    least: float = 1e-10,
) -> Callable[[jax.Array], jax.Array]:
    """The logs of `nngp` and `ntk`, each over its value at 0, of angles up to π/2.

    The recursion gives them by the logs of inner products. It runs at so many angles,
    evenly spaced in their logs from `least` on; between them a cubic goes through the
    four nearest: four digits and more at 1000 nodes, eight at 4000. So many layers cost
    what few cost for a Gram matrix of large data. Returns [..., 2]; smaller angles get
    the value at `least`.
    """
    angle = jnp.geomspace(least, jnp.pi / 2 * (1 - 1e-6), nodes)
    start = jnp.concatenate([jnp.zeros(1), jnp.log1p(-2 * jnp.sin(angle / 2) ** 2)])
    both = jnp.stack(recursion(start), axis=1)
    table, step = both[1:] - both[:1], jnp.log(angle[1] / angle[0])

    def log_kernels(apart: jax.Array) -> jax.Array:
        at = jnp.log(jnp.maximum(apart, least) / least) / step
        left = jnp.clip(jnp.floor(at).astype(int), 1, nodes - 3)
        s, near = (at - left)[..., None], [table[left + k] for k in (-1, 0, 1, 2)]
        outer = (s - 1) * s * ((s + 1) * near[3] - (s - 2) * near[0]) / 6
        inner = (s + 1) * (s - 2) * ((s - 1) * near[1] - s * near[2]) / 2
        return outer + inner

    return log_kernels


def vote(
    among: jax.Array, across: jax.Array, y: jax.Array, w: jax.Array, ridge: float
) -> jax.Array:
    """What a kernel that is 1 at distance 0 says of new points, up to a factor: [m].

    It is known by its logs, `among` [n, n] the points with labels `y`, which count by
    their weights `w`, and `across` [m, n] from new ones: however small it is.
    """
    gram = jnp.where(jnp.eye(len(y)) > 0, 1.0, jnp.exp(among))
    a = fits.ridge(gram, y, w, ridge)
    seen = jnp.where(w[None, :] > 0, across, -jnp.inf)
    return jnp.exp(seen - jnp.max(seen, axis=1, keepdims=True)) @ a
