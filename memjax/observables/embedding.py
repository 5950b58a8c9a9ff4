"""Where an embedding puts the nodes of a graph, in space and in a plane."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse.csgraph import connected_components

from memjax.core import Named, named
from memjax.observables.spectral import Basis


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


def portrait(
    v: jax.Array, walk: np.ndarray, basis: Basis
) -> dict[str, jax.Array | Named]:
    """Where nodes lie: in two principal axes of v [n, m], and in two eigenvectors.

    Parts of a graph that no edge joins are moved onto each other, for where they lie is
    no matter of shape; as many first eigenvectors tell only parts apart. `in_plane` is
    the share of the variance in the two axes. With it come the graph's walk and its
    eigenvalues, to be drawn from results alone.
    """
    count, part = connected_components(walk)
    same = part[:, None] == part
    mean = jnp.asarray(same / same.sum(1, keepdims=True), jnp.float32)
    points, strengths = principal(v - mean @ v)
    square, own = jnp.square(strengths), basis.vectors[:, count : count + 2]
    share = jnp.sum(square[:2]) / jnp.sum(square)
    nodes = range(len(v))
    of_nodes = partial(named, coords={"node": nodes, "next": nodes})
    return {
        "embedding": of_nodes(points, "node", "axis"),
        "eigenvector": of_nodes(jnp.asarray(own), "node", "axis"),
        "in_plane": share,
        "eigenvalue": named(jnp.asarray(basis.values), "eigen", coords=nodes),
        "walk": of_nodes(jnp.asarray(walk), "node", "next"),
    }
