"""Graphs and their models: builders against networkx, files, and hand-made cases."""

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

from memjax.datasets import graphs
from memjax.losses import cross_entropy
from memjax.measure import expect
from memjax.models import graph as models


def edges_of(graph: nx.Graph) -> set:
    number = {node: i for i, node in enumerate(graph.nodes)}
    pairs = {(number[u], number[v]) for u, v in graph.edges}
    return pairs | {(v, u) for u, v in pairs}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (graphs.cycle(7), nx.cycle_graph(7)),
        (graphs.path(6), nx.path_graph(6)),
        (graphs.grid(3, 5), nx.grid_2d_graph(3, 5)),
        (graphs.tree(3, 2), nx.balanced_tree(3, 2)),
        (graphs.star(5, 1), nx.star_graph(5)),
        (graphs.parse("nx:hypercube_graph:3"), nx.hypercube_graph(3)),
    ],
    ids=str,
)
def test_builders_match_networkx(ours: graphs.Graph, theirs: nx.Graph) -> None:
    assert ours.nodes == theirs.number_of_nodes()
    assert set(ours.edges) == edges_of(theirs)


def test_star_and_irregular_have_the_published_degrees() -> None:
    star = np.bincount([u for u, _ in graphs.star(4, 4).edges])
    assert star.tolist() == [4, *[2, 2, 2, 1] * 4]
    published = (
        "0-1 1-2 1-3 2-3 3-4 4-5 5-6 5-8 6-7 7-8 8-9 9-10 10-11 11-0 "
        "12-13 12-14 12-15 13-14 13-15 14-15"
    )
    pairs = {tuple(map(int, edge.split("-"))) for edge in published.split()}
    assert set(graphs.irregular().edges) == pairs | {(v, u) for u, v in pairs}


def test_clustered_keeps_most_edges_inside_its_blocks() -> None:
    graph = graphs.clustered(3, 6)
    inside = [u // 6 == v // 6 for u, v in graph.edges]
    assert graph == graphs.clustered(3, 6)
    assert np.mean(inside) > 0.7


def test_directed_graphs_keep_one_direction_and_self_edges_add_one_a_node() -> None:
    ring = graphs.cycle(5, directed=True)
    assert set(ring.edges) == {(u, (u + 1) % 5) for u in range(5)}
    looped = graphs.with_self_edges(graphs.with_self_edges(ring))
    assert len(looped.edges) == 10
    assert len({ring, graphs.cycle(5), looped}) == 3  # shapes of a run


def test_node_and_edge_means_on_a_path_of_three() -> None:
    path = graphs.path(3)
    walk = [[0, 1, 0], [0.5, 0, 0.5], [0, 1, 0]]
    nodes, edges = graphs.next_nodes(path), graphs.next_nodes(path, "edge")
    np.testing.assert_allclose(nodes.y, walk)
    np.testing.assert_allclose(nodes.w, [1 / 3] * 3, rtol=1e-6)
    np.testing.assert_allclose(edges.w, [0.25, 0.5, 0.25])


def test_a_node_without_an_edge_out_has_no_weight() -> None:
    data = graphs.next_nodes(graphs.path(3, directed=True))
    np.testing.assert_allclose(data.w, [0.5, 0.5, 0])


@pytest.mark.parametrize(
    ("graph", "edge_floor", "node_floor", "looped"),
    [
        (graphs.cycle(15), 0.6931, 0.6931, 1.0986),
        (graphs.star(4, 4), 0.6931, 0.5708, 1.0845),
        (graphs.grid(4, 4), 1.1269, 1.0692, 1.4021),
        (graphs.irregular(), 0.9364, 0.8959, 1.2630),
    ],
    ids=str,
)
def test_the_best_logits_reach_the_known_floors(
    graph: graphs.Graph, edge_floor: float, node_floor: float, looped: float
) -> None:
    def floor(graph: graphs.Graph, mean: str) -> float:
        data = graphs.next_nodes(graph, mean)
        return float(expect(lambda x, y: cross_entropy(jnp.log(y + 1e-9), y), data))

    assert floor(graph, "edge") == pytest.approx(edge_floor, abs=6e-5)
    assert floor(graph, "node") == pytest.approx(node_floor, abs=6e-5)
    loops = graphs.with_self_edges(graph)
    assert floor(loops, "edge") == pytest.approx(looped, abs=6e-5)


def test_an_edge_list_file_is_a_graph_whose_content_names_it(tmp_path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("# a square\n10 2\n2, 3\n\n3 11  # back\n11 10\n2 10\n")
    graph = graphs.parse(f"file:{file}")
    square = {(0, 1), (1, 3), (3, 2), (2, 0)}  # 2, 3, 10 and 11 are 0 to 3
    assert set(graph.edges) == {(1, 0), (0, 2), (2, 3), (3, 1)} | square
    assert graph.nodes == 4
    file.write_text("10 2\n2 3\n3 11\n")
    assert str(graphs.parse(f"file:{file}")) != str(graph)
    file.write_text("rome paris\nparis oslo\n")
    assert graphs.from_file(file, directed=True).edges == ((0, 1), (1, 2))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1 2\n3\n", "line 2: an edge is two node names"),
        ("1 2 0.5\n", "line 1.*weights are not used"),
        ("source,target\n0,1\n1,2\n", "source,target is a header; begin it with #"),
        ("# nothing\n", "no edges"),
        ("1 2\n7 7\n", "node 7 has no neighbor"),
    ],
)
def test_a_malformed_edge_list_says_what_is_wrong(tmp_path, text, problem) -> None:
    file = tmp_path / "bad.txt"
    file.write_text(text)
    with pytest.raises(ValueError, match=problem):
        graphs.from_file(file)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ring:4", "no graph 'ring'"),
        ("cycle:2", "3 nodes"),
        ("cycle:4:4", "cannot make"),
        ("cycle:x", "needs numbers"),
        ("nx:empty_graph:3", "no edges"),
        ("nx:no_such_graph:3", "cannot make"),
        ("file:/no/such/file", "No such file"),
        ("clustered:2:4:0.3:0", "without neighbors"),
    ],
)
def test_a_graph_that_cannot_be_made_says_why(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        graphs.parse(text)


# --- models ---------------------------------------------------------------------------

KEY = jax.random.key(0)


def table(model, params) -> np.ndarray:
    return np.array([model.apply(params, i) for i in range(5)])


def test_logits_are_the_stated_products() -> None:
    tied, untied = models.tied(5, 3), models.untied(5, 3)
    params = tied.init(KEY, 0.5)
    v = np.asarray(params["v"])
    np.testing.assert_allclose(table(tied, params), v @ v.T, rtol=1e-5)
    params = untied.init(KEY, 0.5, 2.0)
    v, u = np.asarray(params["v"]), np.asarray(params["u"])
    np.testing.assert_allclose(table(untied, params), v @ u.T, rtol=1e-5)
    assert u.std() > 2 * v.std()


def test_three_matrices_score_nodes_and_special_tokens() -> None:
    model = models.three_matrix(5, 4, specials=2)
    params = model.init(KEY, 1.0, 0.5) | {"b": jnp.arange(4.0)}
    v, w, b = (np.asarray(params[k]) for k in "vwb")
    by_hand = [[t @ (e @ w + b) for t in v] for e in v[:5]]
    np.testing.assert_allclose(table(model, params), by_hand, rtol=1e-5)
    keep = jnp.array([0.0, 2.0, 0.0, 2.0])
    dropped = [v @ ((e @ w + b) * keep) for e in v[:5]]
    found = [model.apply(params, i, keep) for i in range(5)]
    np.testing.assert_allclose(found, dropped, rtol=1e-4, atol=1e-5)


def test_rounding_to_bfloat16_reaches_every_product_and_gradient() -> None:
    exact, rounded = (models.three_matrix(5, 4, bfloat16=b) for b in (False, True))
    params = exact.init(KEY, 1.0, 0.5) | {"b": jnp.arange(4.0)}
    v, w, b = (params[k].astype(jnp.bfloat16) for k in "vwb")
    f32 = jnp.float32
    hidden = v[:5].astype(f32) @ w.astype(f32) + b.astype(f32)[None]
    hidden = hidden.astype(jnp.bfloat16)
    by_hand = (hidden.astype(f32) @ v.astype(f32).T).astype(jnp.bfloat16)
    np.testing.assert_array_equal(table(rounded, params), by_hand.astype(f32))
    assert np.abs(table(rounded, params) - table(exact, params)).max() > 1e-3
    slope = jax.jit(jax.grad(lambda p: jnp.sum(rounded.apply(p, 2) ** 2)))(params)
    for value in slope.values():
        np.testing.assert_array_equal(value, value.astype(jnp.bfloat16).astype(f32))


def test_dropout_keeps_the_mean_and_the_stated_share() -> None:
    keep = np.asarray(models.dropout(KEY, 0.4, 10_000))
    np.testing.assert_allclose(np.unique(keep), [0, 1 / 0.6], rtol=1e-6)
    assert keep.mean() == pytest.approx(1, abs=0.03)
    assert np.all(models.dropout(KEY, 0.0, 100) == 1)


def test_a_frozen_matrix_gets_no_gradient() -> None:
    model = models.three_matrix(5, 4)
    params = model.init(KEY)
    left, apply = models.freeze(model.apply, params, "v")
    assert set(left) == {"w", "b"}
    np.testing.assert_array_equal(apply(left, 2), model.apply(params, 2))
    slope = jax.grad(lambda p: apply(p, 2)[0])(left)
    assert set(slope) == {"w", "b"} and np.any(slope["w"])
