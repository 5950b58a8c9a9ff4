"""The eigendirections of a graph that an embedding of its nodes uses.

The spectral basis is that of Noroozizadeh et al. (arXiv:2510.26745): eigenvectors e_i
of `S = M + Mᵀ`, M the walk `D⁻¹ A`, by falling eigenvalue. The projection profile
‖Vᵀ e_i‖ is theirs; the counts and the participation ratio are ours.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

TIED = 1e-8  # eigenvalues this close, relative to the largest, are one eigenspace


class Basis(NamedTuple):
    """The eigenbasis of a graph, on the host in float64; hand it to a run as is.

    Eigenvalues may be equal, and then no eigenvector is a quantity of its own. `spaces`
    are the indices that share one. Mode 0 stands apart: it is the part of the all-ones
    vector in the first eigenspace (constant where all degrees are equal).
    """

    values: np.ndarray  # [n], falling
    vectors: np.ndarray  # [n, n], one eigenvector a column
    spaces: tuple[tuple[int, ...], ...]


def eigenbasis(walk: np.ndarray) -> Basis:
    """The eigenbasis of `M + Mᵀ` for the walk M [n, n] of a graph."""
    values, vectors = np.linalg.eigh(walk + walk.T)
    values, vectors = values[::-1], vectors[:, ::-1]
    gaps = np.flatnonzero(-np.diff(values) > TIED * np.abs(values).max())
    spaces = np.split(np.arange(len(values)), gaps + 1)
    first, *rest = (tuple(space.tolist()) for space in spaces)
    vectors = vectors.copy()
    vectors[:, first] = _constant_first(vectors[:, first])
    return Basis(values, vectors, tuple(s for s in ((0,), first[1:], *rest) if s))


def _constant_first(space: np.ndarray) -> np.ndarray:
    """Another orthonormal basis of a space [n, k]: first the part of all ones in it."""
    ones = space.T @ np.ones(len(space))
    if np.linalg.norm(ones) < TIED:
        return space
    turn, _ = np.linalg.qr(np.column_stack([ones, np.eye(len(ones))]))
    return space @ turn


# --- projections ----------------------------------------------------------------------


def projections(x: jax.Array, basis: Basis) -> jax.Array:
    """The norms ‖xᵀ e_i‖ [n] of a matrix [n, m], such as an embedding of the nodes.

    In an eigenspace of several dimensions the e_i are turned to the principal axes of
    x in it: the norms are the singular values of `Eᵀ x`, falling. So they depend on
    neither the eigensolver, the numbering of nodes nor a rotation of the embedding. A
    random embedding of width m then has a participation ratio near
    `(n - 1) / (1 + 3 / m)` where eigenvalues come in pairs.
    """
    along = _constants(basis) @ x  # [n, m]

    def gram(space: jax.Array) -> jax.Array:
        return along[space] @ along[space].T

    return jnp.sqrt(jnp.maximum(_by_space(gram, basis), 0.0))


def logit_spectrum(logits: jax.Array, basis: Basis) -> jax.Array:
    """The values e_iᵀ L e_i [n] of the logits between nodes, `L` [n, n].

    In an eigenspace of several dimensions, the eigenvalues of the symmetric part of L
    in it, falling.
    """
    along = _constants(basis)
    turned = along @ ((logits + logits.T) / 2) @ along.T
    return _by_space(lambda space: turned[jnp.ix_(space, space)], basis)


def _constants(basis: Basis) -> jax.Array:
    return jnp.asarray(basis.vectors.T, jnp.float32)


def _by_space(block: Callable[..., jax.Array], basis: Basis) -> jax.Array:
    """The falling eigenvalues of a symmetric `block(indices)` for each eigenspace."""
    found = jnp.zeros(len(basis.values))
    for size in sorted({len(space) for space in basis.spaces}):
        spaces = np.array([s for s in basis.spaces if len(s) == size])
        blocks = jax.vmap(block)(spaces)  # [spaces, size, size]
        values = blocks[:, 0] if size == 1 else jnp.linalg.eigvalsh(blocks)[:, ::-1]
        found = found.at[spaces].set(values)
    return found


# --- how many directions --------------------------------------------------------------


def participation(p: jax.Array) -> jax.Array:
    """The participation ratio `(Σ p²)² / Σ p⁴` of a profile [n], mode 0 left out.

    From 1 to n - 1: two equal directions give 2, a flat profile n - 1.
    """
    square = jnp.square(p[1:])
    return jnp.sum(square) ** 2 / jnp.sum(jnp.square(square))


def directions(p: jax.Array, basis: Basis, share: float = 0.3) -> dict[str, jax.Array]:
    """How many modes have more than a `share` of the largest projection, mode 0 aside.

    In all, and those of positive and of negative eigenvalue.
    """
    kept = p[1:] > share * jnp.max(p[1:])
    sign = _signs(basis)
    return {
        "directions": jnp.sum(kept, dtype=p.dtype),
        "positive_directions": jnp.sum(kept & (sign > 0), dtype=p.dtype),
        "negative_directions": jnp.sum(kept & (sign < 0), dtype=p.dtype),
    }


def negative_share(p: jax.Array, basis: Basis) -> jax.Array:
    """The share of `Σ p²` in modes of negative eigenvalue, mode 0 left out: zigzag."""
    square = jnp.square(p[1:])
    return jnp.sum(jnp.where(_signs(basis) < 0, square, 0.0)) / jnp.sum(square)


def _signs(basis: Basis) -> np.ndarray:
    """The signs of all eigenvalues but the first, 0 where only rounding decides."""
    size = np.abs(basis.values)
    return np.where(size > TIED * size.max(), np.sign(basis.values), 0)[1:]


def residual(logits: jax.Array, walk: np.ndarray) -> jax.Array:
    """The matrix `C = (M - P) + (M - P)ᵀ` [n, n], P the softmax of each row of logits.

    Gradient descent on the sum over nodes moves a tied embedding by `lr C V`. So C ends
    with the kept directions in its null space, and where it also has no positive
    eigenvalue the logits are the best of all positive semidefinite ones.
    """
    leaves = walk.sum(1, keepdims=True) > 0
    away = jnp.asarray(walk, jnp.float32) - leaves * jax.nn.softmax(logits)
    return away + away.T
