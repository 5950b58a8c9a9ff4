"""Errors on rules and facts of ridge regression, kernel and random features, at d → ∞.

Setting (Farné, Boncoraglio, Zdeborová, arXiv 2603.25579): n = alpha d Gaussian points,
a share eps of coin-flip labels, square loss, ridge `lam`. A kernel is known by `mu1`
(its linear part) and `mustar` (the norm of all the rest). Every function maps numbers
to the error on the rule and the share of the training facts that are predicted wrongly.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erfc

WHERE, WEIGHT = np.polynomial.hermite_e.hermegauss(60)  # ∫ f(s) exp(-s²/2) ds
WEIGHT = WEIGHT.astype(np.float32)


class Errors(NamedTuple):
    """The probability of a wrong rule label, and of a wrong label of a stored fact."""

    generalization: jax.Array
    memorization: jax.Array


def effective_ridge(lam: Any, mu1: Any, mustar: Any) -> Any:
    """The ridge that the linear part of a kernel feels; it alone decides E_gen."""
    return (lam + mustar**2) / mu1**2


def tangent_ratio(width: int, dim: int) -> float:
    """The ratio mustar²/mu1² of the tangent kernel of a two-layer ReLU network.

    At He's initial weights that kernel is `width` arc-cosine kernels of degree 1 and
    `dim` of degree 0 times the inner product.
    """
    rest = width * (0.5 - 1 / np.pi) + dim * 0.5
    return float(rest / (0.5 * (width + dim)))


def best_ridge(eps: Any) -> Any:
    """The effective ridge of least generalization error, the same at every alpha."""
    return jnp.pi / (2 * (1 - eps) ** 2) - 1


def best_generalization(alpha: Any, eps: Any) -> jax.Array:
    """The generalization error at the best effective ridge."""
    best = best_ridge(eps)
    m = _overlap(alpha, eps, _spread(alpha, best))
    return jnp.arccos(jnp.sqrt(m / _signal(eps))) / jnp.pi


def kernel(alpha: Any, eps: Any, lam: Any, mu1: Any, mustar: Any) -> Errors:
    """The errors of kernel ridge regression with `K = mu1² XXᵀ/d + mustar² I`.

    At `lam` 0 this is the limit: a kernel with `mustar` > 0 stores every fact.
    """
    spread = _spread(alpha, effective_ridge(lam, mu1, mustar))
    k, m = _signal(eps), _overlap(alpha, eps, spread)
    noise = alpha * (spread / (1 + spread)) ** 2
    q = (m**2 + noise * (1 - 2 * k * m)) / (1 - noise)
    ridgeless = jnp.where(mustar > 0, jnp.inf, 0.0)
    stored = jnp.where(lam > 0, mustar**2 / jnp.where(lam > 0, lam, 1.0), ridgeless)
    return _errors(m, q, (1 + spread) * (1 + stored) - 1)


def random_features(
    alpha: Any, kappa: Any, eps: Any, lam: Any, mu1: Any, mustar: Any
) -> Errors:
    """The errors of ridge regression on kappa d random features, `lam` > 0.

    The authors' six coupled equations, reduced for the square loss: V solves one
    equation of its own (by bisection), and then m and q are linear.
    """
    lowest, highest = jnp.log(1e-6), jnp.log((mu1**2 + mustar**2) / lam)

    def halve(_: Any, ends: tuple) -> tuple:
        low, high = ends
        v = jnp.exp((low + high) / 2)
        above = _feature_responses(v, alpha, kappa, lam, mu1, mustar).v > v
        middle = (low + high) / 2
        return jnp.where(above, middle, low), jnp.where(above, high, middle)

    low, high = jax.lax.fori_loop(0, 40, halve, (lowest, highest))
    v = jnp.exp((low + high) / 2)
    k, unit = _signal(eps), alpha / kappa
    r = _feature_responses(v, alpha, kappa, lam, mu1, mustar)
    m_hat = unit * k / (1 + v)
    m = r.m_of_m_hat * m_hat
    # q = from_m m̂² + from_q q̂, and q̂ = unit (1 + q - 2 k m)/(1 + V)²
    gain = r.q_of_q_hat * unit / (1 + v) ** 2
    q = (r.q_of_m_hat * m_hat**2 + gain * (1 - 2 * k * m)) / (1 - gain)
    return _errors(m, q, v)


def bayes(alpha: Any, eps: Any) -> jax.Array:
    """The least generalization error that any method can reach."""

    def update(_: Any, q: jax.Array) -> jax.Array:
        at = jnp.sqrt(q / (2 * (1 + q))) * WHERE
        # ε + (1 - ε) erfc(-u) is 1 + (1 - ε) erf(u) without its cancellation
        tail = eps + (1 - eps) * erfc(-at)
        whole = jnp.sum(WEIGHT / tail) / jnp.sqrt(1 - q**2)
        q_hat = 4 * alpha * (1 - eps) ** 2 / (2 * jnp.pi) ** 1.5 * whole
        return q_hat / (1 + q_hat)

    q = jax.lax.fori_loop(0, 200, update, jnp.float32(0.5))
    return jnp.arccos(jnp.sqrt(q)) / jnp.pi


# --- parts --------------------------------------------------------------------------


def _signal(eps: Any) -> Any:
    """The mean of the label times the normalized field of the teacher."""
    return np.sqrt(2 / np.pi) * (1 - eps)


def _spread(alpha: Any, ridge: Any) -> jax.Array:
    """The positive root V of `ridge V² + (ridge + alpha - 1) V - 1`."""
    b = ridge + alpha - 1
    root = jnp.sqrt(b**2 + 4 * ridge)
    positive = jnp.where(ridge > 0, ridge, 1.0)
    below = jnp.where(ridge > 0, (root - b) / (2 * positive), jnp.inf)
    return jnp.where(b > 0, 2 / jnp.where(b > 0, b + root, 1.0), below)


def _overlap(alpha: Any, eps: Any, spread: Any) -> Any:
    return _signal(eps) * alpha * spread / (1 + spread)


def _errors(m: Any, q: Any, v: Any) -> Errors:
    wrong = 0.5 * erfc(v / jnp.sqrt(2 * q))
    return Errors(jnp.arccos(m / jnp.sqrt(q)) / jnp.pi, wrong)


class _Responses(NamedTuple):
    v: Any
    m_of_m_hat: Any
    q_of_m_hat: Any
    q_of_q_hat: Any


def _feature_responses(
    v: Any, alpha: Any, kappa: Any, lam: Any, mu1: Any, mustar: Any
) -> _Responses:
    """How V, m and q answer, through the spectrum of the features.

    With c = 1 + g + z, D² = c² - 4g and T = 2/(c + D) (the Stieltjes transform of the
    Marchenko-Pastur law) every bracket of the authors' equations is a short product.
    """
    v_hat, g = alpha / kappa / (1 + v), 1 / kappa
    vs_hat, b = mu1**2 * kappa * v_hat, lam + mustar**2 * v_hat
    z = b / vs_hat
    c = 1 + g + z
    d = jnp.sqrt((1 - g) ** 2 + 2 * (1 + g) * z + z**2)  # c² - 4g
    t = 2 / (c + d)
    left = ((1 - g) ** 2 + 2 * (1 + g) * z) / ((d + z) * d)  # 1 - z/D
    cross = z * t / (vs_hat * b * d)
    spread = t * left / vs_hat**2  # q_s answers S = m̂_s² + q̂_s
    from_s = mu1**2 * spread + mustar**2 * g * cross
    from_w = mu1**2 * cross + mustar**2 * (1 - g * t * (1 + z / d)) / b**2
    return _Responses(
        mu1**2 * t / vs_hat + mustar**2 * (1 - g * t) / b,
        mu1**2 * kappa * t / vs_hat,
        (mu1 * kappa) ** 2 * from_s,
        mu1**2 * kappa * from_s + mustar**2 * from_w,
    )
