"""Graphs to memorize: each node is a point, its next-node distribution the target.

A `Graph` is hashable and static, so it is a shape of a run. Edges are directed pairs; a
builder puts in both directions unless it is told `directed=True`.
"""

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np

from memjax.measure import Data

Pairs = Iterable[tuple[int, int]]


@partial(
    jax.tree_util.register_dataclass,
    data_fields=[],
    meta_fields=["name", "nodes", "edges"],
)
@dataclass(frozen=True)
class Graph:
    """Nodes `0 … nodes - 1` and the directed edges `(u, v)` that are to be learned."""

    name: str
    nodes: int
    edges: tuple[tuple[int, int], ...]

    def __str__(self) -> str:
        return self.name


def make_graph(name: str, edges: Pairs, nodes: int, *, directed: bool = False) -> Graph:
    """The graph of these edges, each taken once, in both directions or as given."""
    pairs = {(int(u), int(v)) for u, v in edges}
    if not directed:
        pairs |= {(v, u) for u, v in pairs}
    if not pairs:
        raise ValueError(f"the graph {name} has no edges")
    alone = set(range(nodes)) - {u for edge in pairs if len({*edge}) > 1 for u in edge}
    if alone:
        raise ValueError(f"the graph {name} has a node without neighbors: {min(alone)}")
    return Graph(f"{name} →" if directed else name, nodes, tuple(sorted(pairs)))


def with_self_edges(graph: Graph) -> Graph:
    """The same graph, in which every node is also a next node of itself."""
    loops = {(u, u) for u in range(graph.nodes)}
    edges = tuple(sorted(loops | set(graph.edges)))
    return Graph(f"{graph.name} + self", graph.nodes, edges)


# --- what is learned ------------------------------------------------------------------


def transitions(graph: Graph) -> np.ndarray:
    """The walk `M = D⁻¹ A` in float64: row u is the law of the node after u.

    The row of a node that no edge leaves is zero.
    """
    adjacent = np.zeros((graph.nodes, graph.nodes))
    adjacent[tuple(np.transpose(graph.edges))] = 1.0
    return adjacent / np.maximum(adjacent.sum(1, keepdims=True), 1)  # [n, n]


def next_nodes(graph: Graph | jax.Array, mean: str = "node") -> Data:
    """The points of a graph: `x` is a node's index, `y` the law of its next node [n].

    `mean="node"` gives every node the same weight, `mean="edge"` every directed edge.
    A node that no edge leaves has weight zero. In place of a graph its walk will do.
    """
    if mean not in ("node", "edge"):
        raise ValueError(f"the mean is over each node or each edge, not {mean}")
    walk = transitions(graph) if isinstance(graph, Graph) else graph
    leaving = jnp.sum(jnp.asarray(walk) > 0, axis=1)
    weight = jnp.asarray(leaving if mean == "edge" else leaving > 0, jnp.float32)
    y = jnp.asarray(walk, jnp.float32)
    return Data(jnp.arange(len(y)), y, weight / weight.sum())


def stacked(walks: Sequence[np.ndarray]) -> np.ndarray:
    """Walks of several graphs, one an entry [graphs, n, n], padded to the largest.

    No edge leads to or from a node that is padding.
    """
    n = max(map(len, walks))
    return np.stack([np.pad(walk, (0, n - len(walk))) for walk in walks])


# --- graphs of the study, and relatives -----------------------------------------------


def cycle(nodes: int = 15, *, directed: bool = False) -> Graph:
    """A ring of nodes."""
    if nodes < 3:
        raise ValueError(f"a cycle needs 3 nodes or more, got {nodes}")
    edges = [(u, (u + 1) % nodes) for u in range(nodes)]
    return make_graph(f"cycle:{nodes}", edges, nodes, directed=directed)


def path(nodes: int = 15, *, directed: bool = False) -> Graph:
    """Nodes in a row."""
    edges = [(u, u + 1) for u in range(nodes - 1)]
    return make_graph(f"path:{nodes}", edges, nodes, directed=directed)


def grid(rows: int = 4, columns: int = 4, *, directed: bool = False) -> Graph:
    """A rectangle of nodes, numbered row by row, joined to the nearest ones."""
    at = np.arange(rows * columns).reshape(rows, columns)
    beside = np.stack([at[:, :-1].ravel(), at[:, 1:].ravel()], axis=1)
    below = np.stack([at[:-1].ravel(), at[1:].ravel()], axis=1)
    edges = np.concatenate([beside, below]).tolist()
    return make_graph(f"grid:{rows}:{columns}", edges, at.size, directed=directed)


def star(arms: int = 4, length: int = 4, *, directed: bool = False) -> Graph:
    """The path-star: arms of `length` nodes that leave a root, node 0."""
    starts = [1 + arm * length for arm in range(arms)]
    edges = [(0, first) for first in starts if length]
    edges += [(u, u + 1) for s in starts for u in range(s, s + length - 1)]
    nodes = 1 + arms * length
    return make_graph(f"star:{arms}:{length}", edges, nodes, directed=directed)


def tree(branching: int = 2, depth: int = 3, *, directed: bool = False) -> Graph:
    """A balanced tree, its root node 0, its nodes numbered level by level."""
    found = nx.balanced_tree(branching, depth)
    name, nodes = f"tree:{branching}:{depth}", found.number_of_nodes()
    return make_graph(name, found.edges, nodes, directed=directed)


def irregular(*, directed: bool = False) -> Graph:
    """The irregular graph of arXiv:2510.26745: 16 nodes, two components.

    A ring of twelve nodes with two chords, and the complete graph on four others.
    """
    ring = [(u, (u + 1) % 12) for u in range(12)]
    clique = [(u, v) for u in range(12, 16) for v in range(u + 1, 16)]
    edges = [*ring, (1, 3), (5, 8), *clique]
    return make_graph("irregular", edges, 16, directed=directed)


def clustered(
    blocks: int = 3,
    size: int = 6,
    inside: float = 0.8,
    across: float = 0.05,
    *,
    directed: bool = False,
) -> Graph:
    """A stochastic block model, drawn once: edges with these probabilities."""
    drawn = nx.planted_partition_graph(blocks, size, inside, across, seed=0)
    name = f"clustered:{blocks}:{size}:{inside:g}:{across:g}"
    return make_graph(name, drawn.edges, blocks * size, directed=directed)


# --- graphs from elsewhere ------------------------------------------------------------


def from_networkx(
    graph: nx.Graph, name: str = "networkx", *, directed: bool = False
) -> Graph:
    """A networkx graph, its nodes numbered in its own order.

    A directed one keeps its directions, an undirected one its both.
    """
    number = {node: i for i, node in enumerate(graph.nodes)}
    edges = [(number[u], number[v]) for u, v in graph.edges()]
    directed = directed or graph.is_directed()
    return make_graph(name, edges, len(number), directed=directed)


def from_file(file: str | Path, *, directed: bool = False) -> Graph:
    """The graph of an edge list: two node names a line, `#` starts a comment.

    Names are parted by blanks or a comma. Nodes are numbered in numeric order where
    all names are whole numbers, and else as they come. The graph's name holds a digest
    of its edges, so that a changed file is another graph.
    """
    try:
        lines = Path(file).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not a text file"
        raise ValueError(f"cannot read the edge list {file}: {reason}") from None
    named = [_edge(line, f"{file}, line {i}") for i, line in enumerate(lines, 1)]
    pairs = [edge for edge in named if edge is not None]
    if not pairs:
        raise ValueError(f"the edge list {file} has no edges")
    names = list(dict.fromkeys(name for edge in pairs for name in edge))
    if (
        not any(map(_is_whole, pairs[0]))
        and all(map(_is_whole, names[2:]))
        and names[2:]
    ):
        raise ValueError(f"{file}: {','.join(pairs[0])} is a header; begin it with #")
    if all(_is_whole(name) for name in names):
        names.sort(key=int)
    number = {name: i for i, name in enumerate(names)}
    try:
        edges = [(number[u], number[v]) for u, v in pairs]
        graph = make_graph(str(file), edges, len(names), directed=directed)
    except ValueError:
        joined = {name for u, v in pairs if u != v for name in (u, v)}
        alone = next(name for name in names if name not in joined)
        raise ValueError(f"{file}: node {alone} has no neighbor but itself") from None
    digest = sha256(repr(graph.edges).encode()).hexdigest()[:6]
    return Graph(f"{Path(file).stem}#{digest}", graph.nodes, graph.edges)


def _edge(line: str, where: str) -> tuple[str, str] | None:
    words = line.partition("#")[0].replace(",", " ").split()
    if not words:
        return None
    if len(words) != 2:
        hint = "; weights are not used, leave them out" if len(words) == 3 else ""
        problem = f"an edge is two node names, got '{line.strip()}'{hint}"
        raise ValueError(f"{where}: {problem}")
    return words[0], words[1]


def _is_whole(name: str) -> bool:
    return name.removeprefix("-").isdecimal()


BUILDERS = (cycle, path, grid, star, tree, irregular, clustered)


def parse(text: str, *, directed: bool = False) -> Graph:
    """The graph that a text names: a builder and its numbers, or a file.

    `cycle:15`, `grid:4:4`, `star:4:4`, `irregular`, `file:my_edges.txt`, and any
    networkx generator of numbers, `nx:hypercube_graph:4`; a random one has seed 0.
    """
    kind, _, rest = text.partition(":")
    if kind == "file":
        return from_file(rest, directed=directed)
    known: dict[str, Any] = {build.__name__: build for build in BUILDERS}
    if kind != "nx" and kind not in known:
        listed = ", ".join(known)
        raise ValueError(f"no graph '{kind}'; there are {listed}, file:PATH, nx:NAME")
    try:
        if kind != "nx":
            return known[kind](*_numbers(rest), directed=directed)
        kind, _, rest = rest.partition(":")
        return from_networkx(_generated(kind, rest), text, directed=directed)
    except (TypeError, AttributeError, nx.NetworkXException) as error:
        raise ValueError(f"cannot make the graph {text}: {error}") from None


def _generated(kind: str, rest: str) -> nx.Graph:
    generate = getattr(nx, kind)
    seed = {"seed": 0} if "seed" in inspect.signature(generate).parameters else {}
    return generate(*_numbers(rest), **seed)


def _numbers(text: str) -> list[float]:
    """The numbers of `4:0.5`, whole ones as int."""
    try:
        return [int(p) if p.isdecimal() else float(p) for p in text.split(":") if text]
    except ValueError:
        raise ValueError(f"needs numbers with : between, got '{text}'") from None
