"""What a feature matrix has learned: how circulant it is, how close to another."""

import jax
import jax.numpy as jnp
import numpy as np


def cosine(a: jax.Array, b: jax.Array) -> jax.Array:
    """The cosine between two arrays of one shape, as vectors."""
    return jnp.vdot(a, b) / jnp.sqrt(jnp.vdot(a, a) * jnp.vdot(b, b))


def circulant_deviation(block: jax.Array) -> jax.Array:
    """The share of a square matrix's squared norm that is not circulant: in [0, 1].

    Each row is shifted back by its index; what then varies along a column is counted.
    Shifts to either side are tried and the smaller share returned, so that matrices
    constant along antidiagonals count as circulant too. NaN for a matrix of zeros.
    """
    size = len(block)
    row, column = jnp.arange(size)[:, None], jnp.arange(size)[None, :]

    def varies(sign: int) -> jax.Array:
        aligned = block[row, (column + sign * row) % size]
        return jnp.sum((aligned - jnp.mean(aligned, axis=0, keepdims=True)) ** 2)

    return jnp.minimum(varies(1), varies(-1)) / jnp.sum(block**2)


def power_order(p: int) -> np.ndarray:
    """The numbers 1 … p-1 as powers g⁰, g¹, … of the least generator g modulo a prime.

    In this order a table of products is a table of sums modulo p-1.
    """
    for g in range(1, p):
        powers = np.array([pow(g, k, p) for k in range(p - 1)])
        if len(set(powers.tolist())) == p - 1:
            return powers
    raise ValueError(f"{p} is not prime: no number generates all others")
