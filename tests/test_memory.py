"""Memory of graphs against numpy and by hand: nodes, all nodes, places in a plane."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

import memjax as mj
from memjax.datasets import graphs
from memjax.observables import embedding, memory, spectral


def value(quantity: Any) -> np.ndarray:
    """The array of a quantity, whether its axes have names or not."""
    return np.array(getattr(quantity, "value", quantity))


# --- one node -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("logits", "margin", "recall"),
    [
        ([9.0, 5, 4, 3, 2], 1.0, 1.0),  # itself highest, which is left out
        ([0.0, 5, 2, 3, 2], -1.0, 0.5),
        ([0.0, 5, 2, 3, 9], -7.0, 0.5),  # a special token above a next node
        ([0.0, 1, 1, 3, 9], -8.0, 0.0),
        ([0.0, 5, 3, 3, 2], 0.0, 0.5),  # a tie is no memory
        ([0.0, 0, 0, 0, 0], 0.0, 0.0),
    ],
)
def test_margin_and_recall_by_hand(logits, margin, recall) -> None:
    target, node = jnp.array([0.0, 0.5, 0.5, 0.0]), jnp.array(0)  # the fifth is special
    logits = jnp.array(logits)
    assert memory.margin(logits, target, node) == margin
    assert memory.recall(logits, target, node) == recall


def test_the_geometric_margin_is_that_of_a_w_cut_to_the_axes_of_v() -> None:
    v, w = (np.array(jax.random.normal(jax.random.key(i), (7, 7))) for i in (1, 2))
    v = v[:5]
    _, _, q = np.linalg.svd(v, full_matrices=False)  # its rows are the axes
    cut = q.T @ np.diag(np.diag(q @ w @ q.T)) @ q
    found = memory.geometric_logits(jnp.array(v), jnp.array(w))
    np.testing.assert_allclose(found, v @ cut @ v.T, rtol=1e-3, atol=1e-4)
    target = jnp.array([0.5, 0.5, 0.0])  # node 0 follows itself
    best = memory.best_margin(jnp.array([9.0, 5, 3, 4]), target, jnp.array(0))
    assert best == 1
    best = memory.best_margin(jnp.array([1.0, 2, 9, 4]), target, jnp.array(2))
    assert best == -2  # a token that is no node is above the best next node


def test_a_node_that_follows_itself_counts_as_one() -> None:
    target = jnp.array([0.5, 0.5, 0.0])
    assert memory.margin(jnp.array([1.0, 4, 3]), target, jnp.array(0)) == -2
    assert memory.recall(jnp.array([1.0, 4, 3]), target, jnp.array(0)) == 0.5
    full = jnp.full(3, 1 / 3)
    assert memory.recall(jnp.array([1.0, 4, 3]), full, jnp.array(0)) == 1


# --- all nodes ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def star() -> tuple:
    """A graph, its walk and its basis."""
    graph = graphs.star(3, 2)  # eigenvalues of both signs, 0, and some twice
    walk = graphs.transitions(graph)
    return graph, walk, spectral.eigenbasis(walk)


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def ranked(table: np.ndarray, walk: np.ndarray) -> tuple[list, list, list]:
    """Recall, margin and the margin of the best next node of every node."""
    recall, margin, best = [], [], []
    for node, logits in enumerate(table):
        right = [j for j in np.flatnonzero(walk[node]) if j != node]
        wrong = [j for j in range(len(logits)) if j != node and j not in right]
        top = sorted([*right, *wrong], key=lambda j: -logits[j])[: len(right)]
        recall.append(len({*top} & {*right}) / len(right))
        margin.append(min(logits[right]) - max(logits[wrong]))
        best.append(max(logits[right]) - max(logits[wrong]))
    return recall, margin, best


def profile(v: np.ndarray, basis: spectral.Basis) -> np.ndarray:
    """The norms of projections, by singular values in every eigenspace."""
    parts = [basis.vectors[:, space].T @ v for space in basis.modes()]
    return np.concatenate([np.linalg.svd(p, compute_uv=False)[: len(p)] for p in parts])


@pytest.mark.long
def test_what_is_seen_by_mode_is_what_numpy_finds(star) -> None:
    graph, walk, basis = star
    v, nodes = numbers(7, 8), graphs.next_nodes(graph)
    table = v @ v.T

    def loss(x: jax.Array, y: jax.Array) -> jax.Array:
        return mj.losses.cross_entropy(jnp.array(table)[x], y)

    apply = partial(jnp.take, jnp.array(table), axis=0)
    found = memory.by_mode(apply, loss, jnp.array(v), nodes, walk, basis)
    p = np.exp(table) / np.exp(table).sum(1, keepdims=True)
    away = walk - p
    wanted = {
        "loss": -np.mean(np.sum(walk * np.log(p), axis=1)),
        "recall": np.mean(ranked(table, walk)[0]),
        "projection": profile(v, basis),
        "residual": profile(away + away.T, basis),
        "strength": np.linalg.svd(v - v.mean(0), compute_uv=False),
    }
    for name, exact in wanted.items():
        close = {"rtol": 1e-4, "atol": 2e-3, "err_msg": name}
        np.testing.assert_allclose(value(found[name]), exact, **close)
    square = wanted["projection"][1:] ** 2
    ratio = square.sum() ** 2 / (square**2).sum()
    assert float(found["participation"]) == pytest.approx(ratio, rel=1e-4)
    kept = wanted["projection"][1:] > 0.3 * wanted["projection"][1:].max()
    assert float(found["directions"]) == kept.sum()


@pytest.mark.long
def test_what_is_seen_along_and_at_the_end_is_what_numpy_finds(star) -> None:
    graph, walk, basis = star
    tokens, start = numbers(9, 5), numbers(9, 5)[::-1]  # the last two are no nodes
    w, table = numbers(5, 5), numbers(7, 9) + np.eye(7, 9, k=1)
    apply = partial(jnp.take, jnp.array(table), axis=0)
    now = (jnp.array(a) for a in (tokens, w, start))
    found = memory.along(apply, *now, graphs.next_nodes(graph), basis)
    v, first = tokens[:7], start[:7]
    square = profile(v, basis)[1:] ** 2
    axes = np.linalg.svd(tokens, full_matrices=False)[2]
    cut = axes.T @ np.diag(np.diag(axes @ w @ axes.T)) @ axes
    recall, margin, _ = ranked(table, walk)
    best = np.array(ranked(v @ cut @ tokens.T, walk)[2])
    wanted = {
        "participation": square.sum() ** 2 / (square**2).sum(),
        "negative_share": square[basis.values[1:] < -1e-6].sum() / square.sum(),
        "moved": np.linalg.norm(v - first) / np.linalg.norm(first),
        "recall": np.mean(recall),
        "margin": np.mean(margin),
        "geometric_margin": best.mean(),
        "geometric_top1": (best > 0).mean(),
    }
    assert found.keys() == wanted.keys()
    for name, exact in wanted.items():
        np.testing.assert_allclose(found[name], exact, rtol=2e-3, err_msg=name)
    end = memory.at_end(apply, jnp.array(tokens), walk, basis)
    np.testing.assert_allclose(
        value(end["projection"]), profile(v, basis), rtol=1e-4, atol=1e-5
    )
    between = (table[:, :7] + table[:, :7].T) / 2
    spaces = [basis.vectors[:, space] for space in basis.modes()]
    wanted_logit = [np.linalg.eigvalsh(s.T @ between @ s)[::-1] for s in spaces]
    np.testing.assert_allclose(
        value(end["logit"]), np.concatenate(wanted_logit), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(value(end["walk"]), walk, rtol=1e-6)


# --- in space -------------------------------------------------------------------------


def test_edge_cosine_leaves_self_edges_out() -> None:
    v = jnp.array([[2.0, 0], [1, 0], [0, 3]])
    m = graphs.transitions(graphs.with_self_edges(graphs.path(3)))
    assert embedding.edge_cosine(v, m) == pytest.approx(0.5)  # cosines 1 and 0


def test_principal_axes_of_a_rectangle() -> None:
    corners = jnp.array([[3.0, 1], [3, -1], [-3, 1], [-3, -1]]) + 7
    points, strengths = embedding.principal(corners)
    np.testing.assert_allclose(strengths, [6, 2, 0, 0], atol=2e-3)
    np.testing.assert_allclose(jnp.abs(points), [[3, 1]] * 4, rtol=1e-5)


def test_parts_of_a_graph_lie_on_each_other_in_their_own_plane() -> None:
    corners = np.array([[2.0, 1], [2, -1], [-2, -1], [-2, 1]])
    v = np.concatenate([corners + 9, 3 * corners - 50])  # two rings, far apart
    two = graphs.from_networkx(nx.disjoint_union(nx.cycle_graph(4), nx.cycle_graph(4)))
    m = graphs.transitions(two)
    found = embedding.portrait(jnp.array(v), m, spectral.eigenbasis(m))
    np.testing.assert_allclose(found["in_plane"], 1, rtol=1e-5)
    expected = np.abs(np.concatenate([corners, 3 * corners]))
    np.testing.assert_allclose(jnp.abs(value(found["embedding"])), expected, rtol=1e-3)
    shape = value(found["eigenvector"])  # within each part, not constant on it
    np.testing.assert_allclose(shape.reshape(2, 4, 2).sum(1), 0, atol=1e-6)
