"""Which eigendirections of a graph an embedding uses, and what its logits remember.

The spectral basis is that of Noroozizadeh et al. (arXiv:2510.26745): eigenvectors e_i
of `S = M + Mᵀ`, M the walk `D⁻¹ A`, by falling eigenvalue. The projection profile
‖Vᵀ e_i‖ is theirs; the counts, the participation ratio and `margin` are ours. Of their
two published margins one scores a transposed W without its bias and is not here. The
other, the "geometric margin", is `best_margin` of `geometric_logits`: to be compared
with what was printed, for it takes the best neighbor where a memory needs all of them,
and depends on the basis chosen among equal singular values.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse.csgraph import connected_components

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


def geometric_logits(v: jax.Array, w: jax.Array) -> jax.Array:
    """The logits [t, t] of `v w vᵀ` with w cut to its diagonal in the axes of v.

    With `v = U Σ Qᵀ` [t, m] that is `v Q diag(Qᵀ w Q) Qᵀ vᵀ`: what is left of a memory
    when only the embedding's own axes may carry it.
    """
    _, u = jnp.linalg.eigh(v @ v.T)
    kept = jnp.sum(u * ((v @ w @ v.T) @ u), axis=0)  # Σ² times the diagonal
    return (u * kept[None]) @ u.T


def residual(logits: jax.Array, walk: np.ndarray) -> jax.Array:
    """The matrix `C = (M - P) + (M - P)ᵀ` [n, n], P the softmax of each row of logits.

    Gradient descent on the sum over nodes moves a tied embedding by `lr C V`. So C ends
    with the kept directions in its null space, and where it also has no positive
    eigenvalue the logits are the best of all positive semidefinite ones.
    """
    leaves = walk.sum(1, keepdims=True) > 0
    away = jnp.asarray(walk, jnp.float32) - leaves * jax.nn.softmax(logits)
    return away + away.T


# --- what is remembered: one point ----------------------------------------------------


def margin(logits: jax.Array, target: jax.Array, node: jax.Array) -> jax.Array:
    """The least logit of a next node less the largest of any other token but itself.

    Positive where every next node of `node` ranks above all else. `logits` [c] may have
    more entries than `target` [n]: tokens that are never next. A node that is its own
    next node counts as one.
    """
    true, others = _sides(logits, target, node)
    return jnp.min(jnp.where(true, logits, jnp.inf)) - jnp.max(others)


def recall(logits: jax.Array, target: jax.Array, node: jax.Array) -> jax.Array:
    """The share of a node's d next nodes among its d largest logits, itself aside.

    A logit equal to one below the d largest does not count.
    """
    true, others = _sides(logits, target, node)
    candidates = jnp.where(true, logits, others)
    falling = jnp.append(jnp.sort(candidates)[::-1], -jnp.inf)
    count = jnp.sum(true)
    return jnp.sum(true & (candidates > falling[count])) / count


def best_margin(logits: jax.Array, target: jax.Array, node: jax.Array) -> jax.Array:
    """The largest logit of a next node less that of any other token, itself aside.

    As published: positive where one next node of several ranks above all else.
    """
    true, others = _sides(logits, target, node)
    itself = jnp.arange(len(logits)) == node
    return jnp.max(jnp.where(true & ~itself, logits, -jnp.inf)) - jnp.max(others)


def _sides(
    logits: jax.Array, target: jax.Array, node: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Which tokens are next, and the logits of the others; -inf for next and itself."""
    true = jnp.pad(target > 0, (0, len(logits) - len(target)))
    itself = jnp.arange(len(logits)) == node
    return true, jnp.where(true | itself, -jnp.inf, logits)


# --- the embedding in space -----------------------------------------------------------


def edge_cosine(v: jax.Array, walk: np.ndarray) -> jax.Array:
    """The mean cosine between the embeddings [n, m] of a node and of each next one.

    Self edges are left out: each would count 1 whatever the embedding.
    """
    unit = v / jnp.linalg.norm(v, axis=1, keepdims=True)
    edges = (walk > 0) & ~np.eye(len(walk), dtype=bool)
    return jnp.sum(jnp.where(edges, unit @ unit.T, 0.0)) / edges.sum()


def principal(v: jax.Array, dims: int = 2) -> tuple[jax.Array, jax.Array]:
    """The first principal coordinates [n, dims] of rows [n, m], and all strengths [n].

    The strengths are the singular values of the centered rows, falling. Where degrees
    differ they tell the shape of an embedding better than `projections`: its mean is
    free to grow, and is no eigenvector of the walk. A coordinate's sign makes its
    largest entry positive.
    """
    centered = v - v.mean(0, keepdims=True)
    values, vectors = jnp.linalg.eigh(centered @ centered.T)
    strengths = jnp.sqrt(jnp.maximum(values[::-1], 0.0))
    found = vectors[:, ::-1][:, :dims] * strengths[None, :dims]
    largest = jnp.argmax(jnp.abs(found), axis=0)
    sign = jnp.sign(jnp.take_along_axis(found, largest[None], axis=0))
    return found * sign, strengths


def in_plane(v: jax.Array, walk: np.ndarray, basis: Basis) -> dict[str, jax.Array]:
    """Where nodes lie: in two principal axes of v [n, m], and in two eigenvectors.

    Parts of a graph that no edge joins are moved onto each other, for where they lie is
    no matter of shape; as many first eigenvectors tell only parts apart. `share` is
    that of the variance in the two axes.
    """
    count, part = connected_components(walk)
    same = part[:, None] == part
    mean = jnp.asarray(same / same.sum(1, keepdims=True), jnp.float32)
    points, strengths = principal(v - mean @ v)
    square, own = jnp.square(strengths), basis.vectors[:, count : count + 2]
    share = jnp.sum(square[:2]) / jnp.sum(square)
    return {"embedding": points, "eigenvector": jnp.asarray(own), "share": share}
