"""Graphs whose edges join nodes of one class as often as one likes."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Nodes(NamedTuple):
    """The nodes of a graph: what they show, their classes, and who joins whom."""

    x: jax.Array  # [nodes, dim]
    label: jax.Array  # [nodes]
    joined: jax.Array  # [nodes, nodes], symmetric, 0 or 1


def homophilous(nodes: int, classes: int, dim: int, edges: int) -> Callable[..., Nodes]:
    """The maker of graphs of so many nodes, in classes of the same size, and edges.

    `dataset(key, homophily, noise)`: an edge leads from any node to one of its own
    class at probability `homophily`, else to one of another, all alike; no node is
    joined to itself, and an edge that is drawn again is one. `x` is a direction of the
    class, of length 1, and Gaussian noise of about the length `noise`. More homophily
    turns some edges to the own class and leaves the others.
    """
    if nodes % classes or classes < 2:
        raise ValueError(f"{nodes} nodes are not {classes} classes of the same size")
    label = jnp.arange(nodes) % classes

    @jax.custom_batching.sequential_vmap
    def draw(key: jax.Array) -> tuple[jax.Array, ...]:
        mean, point, edge = jax.random.split(key, 3)
        center = jax.random.normal(mean, (classes, dim))
        center = center / jnp.linalg.norm(center, axis=1, keepdims=True)
        noise = jax.random.normal(point, (nodes, dim)) / jnp.sqrt(dim)
        return center, noise, jax.random.uniform(edge, (4, edges))

    def dataset(key: jax.Array, homophily: Any, noise: Any = 3.0) -> Nodes:
        center, apart, u = draw(key)
        source = (u[0] * nodes).astype(int)
        other = 1 + (u[1] * (classes - 1)).astype(int)
        kind = (label[source] + jnp.where(u[2] < homophily, 0, other)) % classes
        target = kind + classes * (u[3] * (nodes // classes)).astype(int)
        joined = jnp.zeros((nodes, nodes)).at[source, target].set(1.0)
        joined = jnp.maximum(joined, joined.T) * (1 - jnp.eye(nodes))
        return Nodes(center[label] + noise * apart, label, joined)

    return dataset
