"""Where an embedding puts the nodes of a graph, in space and in a plane."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from memjax.observables.classification import entropy
from memjax.observables.spectral import Basis, own
from memjax.quantities import Named, named


def edge_cosine(v: jax.Array, walk: Any) -> jax.Array:
    """The mean cosine between the embeddings [n, m] of a node and of each next one.

    Self edges are left out: each would count 1 whatever the embedding.
    """
    length = jnp.linalg.norm(v, axis=1, keepdims=True)
    unit = v / jnp.where(length > 0, length, 1.0)
    edges = (walk > 0) & ~jnp.eye(len(walk), dtype=bool)
    return jnp.sum(jnp.where(edges, unit @ unit.T, 0.0)) / edges.sum()


def cross_cosine(u: jax.Array, v: jax.Array, live: jax.Array) -> jax.Array:
    """The cosines [n, n] of rows of u [n, m] and of v [n, m], each set centered.

    Only rows of both that are `live` [n] count; others are NaN.
    """

    def unit(rows: jax.Array) -> jax.Array:
        kept = jnp.where(live[:, None], rows, 0.0)
        centered = rows - (jnp.sum(kept, axis=0) / jnp.sum(live))[None]
        return centered / jnp.linalg.norm(centered, axis=1, keepdims=True)

    return jnp.where(live[:, None] & live[None], unit(u) @ unit(v).T, jnp.nan)


def principal(
    v: jax.Array, live: jax.Array | None = None, dims: int = 2
) -> tuple[jax.Array, jax.Array]:
    """The first principal coordinates [n, dims] of rows [n, m], and all strengths [n].

    The strengths are the singular values of the centered rows, falling. Where degrees
    differ they tell the shape of an embedding better than `projections`: its mean is
    free to grow, and is no eigenvector of the walk. A coordinate's sign makes its
    largest entry positive. Rows that are not `live` count nowhere.
    """
    live = jnp.ones(len(v)) if live is None else live.astype(v.dtype)
    centered = live[:, None] * (v - (live @ v / jnp.sum(live))[None])
    values, vectors = jnp.linalg.eigh(centered @ centered.T)
    strengths = jnp.sqrt(jnp.maximum(values[::-1], 0.0))
    found = vectors[:, ::-1][:, :dims] * strengths[None, :dims]
    largest = jnp.argmax(jnp.abs(found), axis=0)
    sign = jnp.sign(jnp.take_along_axis(found, largest[None], axis=0))
    return found * sign, strengths


def effective_dimension(v: jax.Array, live: jax.Array | None = None) -> jax.Array:
    """How many directions rows [n, m] use: exp of the entropy of variances along them.

    Those are the shares of the principal axes, so that it is k where k axes share all
    of the variance evenly. Rows that are not `live` count nowhere.
    """
    square = jnp.square(principal(v, live)[1])
    return jnp.exp(entropy(square / jnp.sum(square)))


def portrait(
    v: jax.Array, walk: Any, basis: Basis, dims: int = 2
) -> dict[str, jax.Array | Named]:
    """Where nodes lie: in some principal axes of v [n, m], and in as many eigenvectors.

    Parts of a graph that no edge joins are moved onto each other, for where they lie is
    no matter of shape; as many first eigenvectors tell only parts apart. `in_plane` is
    the share of the variance in those axes. With it come the graph's walk and its
    eigenvalues, to be drawn from results alone.
    """
    part = jnp.asarray(basis.parts)
    same = jnp.asarray(part[:, None] == part[None], jnp.float32)
    mean = same / same.sum(1, keepdims=True)
    points, strengths = principal(v - mean @ v, basis.live, dims)
    count, vectors = part.max() + 1, jnp.asarray(basis.vectors, jnp.float32)
    first = jax.lax.dynamic_slice_in_dim(vectors, count, dims, axis=1)
    square, nodes = jnp.square(strengths), range(len(v))
    of_nodes = partial(named, coords={"node": nodes, "next": nodes})
    mine = own(own(jnp.asarray(walk, jnp.float32), basis).T, basis).T
    values = own(jnp.asarray(basis.values, jnp.float32), basis)
    return {
        "embedding": of_nodes(own(points, basis), "node", "axis"),
        "eigenvector": of_nodes(own(first, basis), "node", "axis"),
        "in_plane": jnp.sum(square[:dims]) / jnp.sum(square),
        "eigenvalue": named(values, "eigen", coords=nodes),
        "walk": of_nodes(mine, "node", "next"),
    }
