"""What features have been learned: how circulant, how close to others, how steep."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def cosine(a: jax.Array, b: jax.Array) -> jax.Array:
    """The cosine between two arrays of one shape, as vectors."""
    return jnp.vdot(a, b) / jnp.sqrt(jnp.vdot(a, a) * jnp.vdot(b, b))


def correlation(a: jax.Array, b: jax.Array) -> jax.Array:
    """Pearson's correlation between the entries of two arrays of one shape."""
    return jnp.corrcoef(a.ravel(), b.ravel())[0, 1]


def circulant_deviation(block: jax.Array, live: Any = None) -> jax.Array:
    """The share of a square matrix's squared norm that is not circulant: in [0, 1].

    Each row is shifted back by its index; what then varies along a column is counted.
    Shifts to either side are tried and the smaller share returned, so that matrices
    constant along antidiagonals count as circulant too. NaN for a matrix of zeros. Of
    `live` rows and columns, which may be traced, it is that of the first so many.
    """
    size = len(block) if live is None else live
    row, column = jnp.arange(len(block))[:, None], jnp.arange(len(block))[None, :]
    inside = (row < size) & (column < size)

    def varies(sign: int) -> jax.Array:
        aligned = jnp.where(inside, block[row, (column + sign * row) % size], 0)
        mean = jnp.sum(aligned, axis=0, keepdims=True) / size
        return jnp.sum(jnp.where(inside, aligned - mean, 0) ** 2)

    all_of_it = jnp.sum(jnp.where(inside, block, 0) ** 2)
    return jnp.minimum(varies(1), varies(-1)) / all_of_it


def power_order(p: int) -> np.ndarray:
    """The numbers 1 … p-1 as powers g⁰, g¹, … of the least generator g modulo a prime.

    In this order a table of products is a table of sums modulo p-1.
    """
    for g in range(1, p):
        powers = np.array([pow(g, k, p) for k in range(p - 1)])
        if len(set(powers.tolist())) == p - 1:
            return powers
    raise ValueError(f"{p} is not prime: no number generates all others")


def pair_order(p: int, operation: str) -> np.ndarray:
    """Numbers as they are or, for products and quotients, as powers, without 0."""
    return np.arange(p) if operation in ("sum", "difference") else power_order(p)


def cross_block(metric: jax.Array, order: Any = None) -> jax.Array:
    """The block of a metric [2p, 2p] on pairs that couples both, in such an `order`."""
    p = len(metric) // 2
    block = metric[p:, :p]
    return block if order is None else block[order][:, order]


def agop_trace(params: list[Any], x: jax.Array) -> jax.Array:
    """The mean over `x` [n, d] of the squared slopes of a network of square units, all.

    It is the trace of its average gradient outer product. The network has two layers
    and no biases. Of outputs Σ_j v_j (u_j·x)² the products of slopes need u·u and v·v
    only, not the Jacobian at every point, which costs ten times as much.
    """
    first, second = (layer["w"] for layer in params)
    between = _own_products(first) * _own_products(second.T)  # [width, width]
    return jnp.sum(_own_products(2 * x @ first) * between) / len(x)


@jax.custom_vjp
def _own_products(x: jax.Array) -> jax.Array:
    """`x.T @ x`, whose derivative JAX would take twice, once for each factor."""
    return x.T @ x


_own_products.defvjp(
    lambda x: (x.T @ x, x),
    lambda x, slope: (x @ (slope + slope.T),),
)
