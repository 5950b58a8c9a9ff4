"""The eigendirections of a graph that an embedding of its nodes uses.

The spectral basis is that of Noroozizadeh et al. (arXiv:2510.26745): eigenvectors e_i
of `S = M + Mᵀ`, M the walk `D⁻¹ A`, by falling eigenvalue. The projection profile
‖Vᵀ e_i‖ is theirs; the counts and the participation ratio are ours.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse.csgraph import connected_components

TIED = 1e-8  # eigenvalues this close, relative to the largest, are one eigenspace


class Basis(NamedTuple):
    """The eigenbasis of a graph, taken on the host in float64; a run is handed it.

    Eigenvalues may be equal, and then no eigenvector is a quantity of its own: a row of
    `spaces` are the modes that share one, filled up with n, which is no mode. Mode 0
    stands apart: it is the part of the all-ones vector in the first eigenspace
    (constant where all degrees are equal). Past the nodes of a padded graph values and
    vectors are zero.
    """

    values: Any  # [n], falling
    vectors: Any  # [n, n], one eigenvector a column
    spaces: Any  # [spaces, most of one], modes
    parts: Any  # [n], which part of the graph a node is in, -1 past its nodes

    def modes(self) -> list[list[int]]:
        """The modes of each eigenspace."""
        n = len(self.values)
        rows = ([i for i in row if i < n] for row in np.asarray(self.spaces).tolist())
        return [row for row in rows if row]

    @property
    def live(self) -> jax.Array:
        """Which nodes, and as many modes, are the graph's own [n]."""
        return jnp.asarray(self.parts) >= 0


def eigenbasis(walk: np.ndarray) -> Basis:
    """The eigenbasis of `M + Mᵀ` for the walk M [n, n] of a graph."""
    values, vectors = np.linalg.eigh(walk + walk.T)
    values, vectors = values[::-1], vectors[:, ::-1]
    gaps = np.flatnonzero(-np.diff(values) > TIED * np.abs(values).max())
    first, *rest = np.split(np.arange(len(values)), gaps + 1)
    vectors = vectors.copy()
    vectors[:, first] = _constant_first(vectors[:, first])
    spaces = [s for s in (first[:1], first[1:], *rest) if len(s)]
    most = max(map(len, spaces))
    filled = [np.pad(s, (0, most - len(s)), constant_values=len(walk)) for s in spaces]
    return Basis(values, vectors, np.stack(filled), connected_components(walk)[1])


def stacked(bases: Sequence[Basis]) -> Basis:
    """The bases of several graphs, each padded to the largest, one an entry."""
    sizes = [(len(b.values), *b.spaces.shape) for b in bases]
    n, spaces, most = np.max(sizes, axis=0)

    def padded(basis: Basis) -> Basis:
        more = n - len(basis.values)
        short = (spaces, most) - np.array(basis.spaces.shape)
        modes = np.where(basis.spaces < len(basis.values), basis.spaces, n)
        return Basis(
            np.pad(basis.values, (0, more)),
            np.pad(basis.vectors, (0, more)),
            np.pad(modes, [(0, k) for k in short], constant_values=n),
            np.pad(basis.parts, (0, more), constant_values=-1),
        )

    return jax.tree.map(lambda *each: np.stack(each), *map(padded, bases))


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
    return jnp.sqrt(jnp.maximum(_by_space(along @ along.T, basis), 0.0))


def logit_spectrum(logits: jax.Array, basis: Basis) -> jax.Array:
    """The values e_iᵀ L e_i [n] of the logits between nodes, `L` [n, n].

    In an eigenspace of several dimensions, the eigenvalues of the symmetric part of L
    in it, falling.
    """
    along = _constants(basis)
    return _by_space(along @ ((logits + logits.T) / 2) @ along.T, basis)


def own(values: jax.Array, basis: Basis) -> jax.Array:
    """Values by mode or node [n, ...], NaN past the graph's own."""
    live = basis.live.reshape(-1, *[1] * (values.ndim - 1))
    return jnp.where(live, values, jnp.nan)


def _constants(basis: Basis) -> jax.Array:
    return jnp.asarray(basis.vectors, jnp.float32).T


def _by_space(turned: jax.Array, basis: Basis) -> jax.Array:
    """The falling eigenvalues of each eigenspace's block of a symmetric matrix [n, n].

    What fills up a space gets eigenvalues below all others of its block.
    """
    spaces = jnp.asarray(basis.spaces)
    mode = spaces < len(turned)
    inside = mode[:, :, None] & mode[:, None]
    at = turned.at[spaces[:, :, None], spaces[:, None]]
    blocks = jnp.where(inside, at.get(mode="fill", fill_value=0.0), 0.0)
    if spaces.shape[1] == 1:
        values = blocks[:, 0]
    else:
        below = -1 - jnp.sum(jnp.abs(blocks), axis=(1, 2))
        filler = jnp.where(mode, 0.0, below[:, None])
        blocks = blocks + filler[:, :, None] * jnp.eye(spaces.shape[1])[None]
        values = jnp.linalg.eigvalsh(blocks)[:, ::-1]
    return jnp.zeros(len(turned)).at[spaces].set(values, mode="drop")


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


def _signs(basis: Basis) -> jax.Array:
    """The signs of all eigenvalues but the first, 0 where only rounding decides."""
    values = jnp.asarray(basis.values, jnp.float32)
    size = jnp.abs(values)
    return jnp.where(size > TIED * size.max(), jnp.sign(values), 0)[1:]


def residual(logits: jax.Array, walk: Any) -> jax.Array:
    """The matrix `C = (M - P) + (M - P)ᵀ` [n, n], P the softmax of each row of logits.

    Gradient descent on the sum over nodes moves a tied embedding by `lr C V`. So C ends
    with the kept directions in its null space, and where it also has no positive
    eigenvalue the logits are the best of all positive semidefinite ones.
    """
    leaves = walk.sum(1, keepdims=True) > 0
    away = jnp.asarray(walk, jnp.float32) - leaves * jax.nn.softmax(logits)
    return away + away.T
