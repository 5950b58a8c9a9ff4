"""Spectral observables: analytic spectra, hand-made cases, invariances."""

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

from memjax.datasets import graphs
from memjax.observables import embedding, memory, spectral

KEY = jax.random.key(0)


def walk(text: str) -> np.ndarray:
    return graphs.transitions(graphs.parse(text))


def test_the_spectrum_of_a_cycle_is_analytic() -> None:
    basis = spectral.eigenbasis(walk("cycle:9"))
    waves = 2 * np.cos(2 * np.pi * np.arange(9) / 9)
    np.testing.assert_allclose(basis.values, np.sort(waves)[::-1], atol=1e-12)
    assert basis.modes() == [[0], [1, 2], [3, 4], [5, 6], [7, 8]]
    looped = graphs.with_self_edges(graphs.cycle(9))
    values = spectral.eigenbasis(graphs.transitions(looped)).values
    np.testing.assert_allclose(values, np.sort((2 + 2 * waves) / 3)[::-1], atol=1e-12)


def test_the_spectrum_of_a_periodic_grid_is_a_sum_of_cosines() -> None:
    torus = graphs.from_networkx(nx.grid_2d_graph(4, 4, periodic=True))
    basis = spectral.eigenbasis(graphs.transitions(torus))
    wave = np.cos(2 * np.pi * np.arange(4) / 4)
    sums = np.sort((wave[:, None] + wave).ravel())[::-1]
    np.testing.assert_allclose(basis.values, sums, atol=1e-12)
    assert list(map(len, basis.modes())) == [1, 4, 6, 4, 1]


@pytest.mark.parametrize(
    ("text", "largest"), [("grid", 2.0207), ("star", 2.0616), ("irregular", 2.0238)]
)
def test_unequal_degrees_put_the_first_eigenvalue_above_two(text, largest) -> None:
    values = spectral.eigenbasis(walk(text)).values
    assert values[0] == pytest.approx(largest, abs=1e-4)
    assert values.sum() == pytest.approx(0, abs=1e-12)  # no self edges
    if text != "irregular":  # two-colorable: the spectrum is symmetric
        np.testing.assert_allclose(values, -values[::-1], atol=1e-12)


def test_mode_0_is_the_constant_also_where_it_shares_its_eigenvalue() -> None:
    two_rings = graphs.from_networkx(
        nx.disjoint_union(nx.cycle_graph(3), nx.cycle_graph(4))
    )
    basis = spectral.eigenbasis(graphs.transitions(two_rings))
    assert basis.modes()[:2] == [[0], [1]]
    np.testing.assert_allclose(np.abs(basis.vectors[:, 0]), 7**-0.5)
    np.testing.assert_allclose(basis.vectors.T @ basis.vectors, np.eye(7), atol=1e-12)
    rebuilt = basis.vectors * basis.values @ basis.vectors.T
    m = graphs.transitions(two_rings)
    np.testing.assert_allclose(rebuilt, m + m.T, atol=1e-12)


# --- profiles -------------------------------------------------------------------------


def test_projections_of_a_ring_drawn_in_its_plane() -> None:
    basis = spectral.eigenbasis(walk("cycle:8"))
    angle = 2 * np.pi * np.arange(8) / 8
    v = jnp.stack([3 * jnp.cos(angle), 3 * jnp.sin(angle), jnp.ones(8)], axis=1)
    p = spectral.projections(v, basis)
    np.testing.assert_allclose(p[:3], [8**0.5, 6, 6], rtol=1e-5)
    np.testing.assert_allclose(p[3:], 0, atol=1e-5)
    assert spectral.participation(p) == pytest.approx(2, abs=1e-5)
    found = spectral.directions(p, basis)
    assert [float(n) for n in found.values()] == [2, 2, 0]
    assert spectral.negative_share(p, basis) == pytest.approx(0, abs=1e-9)


def everything(graph: graphs.Graph, v: jax.Array, logits: jax.Array) -> dict:
    m, data = graphs.transitions(graph), graphs.next_nodes(graph)
    basis = spectral.eigenbasis(m)
    p = spectral.projections(v, basis)
    nodes = jnp.arange(graph.nodes)
    margins = jax.vmap(memory.margin)(logits, data.y, nodes)
    return {
        "projections": p,
        "participation": spectral.participation(p),
        **spectral.directions(p, basis),
        "negative_share": spectral.negative_share(p, basis),
        "residual": spectral.projections(spectral.residual(logits, m), basis),
        "logits": spectral.logit_spectrum(logits, basis),
        "margins": jnp.sort(margins),
        "recall": jax.vmap(memory.recall)(logits, data.y, nodes).mean(),
        "edge_cosine": embedding.edge_cosine(v, m),
        "variances": embedding.principal(v)[1] ** 2,
    }


@pytest.mark.parametrize("text", ["cycle:7", "star:3:2"])
def test_numbering_and_rotation_change_nothing(text: str) -> None:
    graph = graphs.parse(text)
    n = graph.nodes
    v = jax.random.normal(KEY, (n, 6))
    logits = jax.random.normal(jax.random.key(1), (n, n))
    turn = jnp.linalg.qr(jax.random.normal(jax.random.key(2), (6, 6)))[0]
    order = np.random.default_rng(0).permutation(n)  # new number -> old number
    new = np.argsort(order)
    edges = [(new[u], new[w]) for u, w in graph.edges]
    renamed = graphs.make_graph(text, edges, n)
    measure = jax.jit(everything, static_argnums=0)
    before = measure(graph, v, logits)
    after = measure(renamed, (v @ turn)[order], logits[jnp.ix_(order, order)])
    for name, value in before.items():
        np.testing.assert_allclose(
            after[name], value, rtol=2e-4, atol=2e-4, err_msg=name
        )


@pytest.mark.long
def test_a_random_embedding_is_nearly_flat() -> None:
    basis = spectral.eigenbasis(walk("cycle:15"))
    v = jax.random.normal(KEY, (100, 15, 64))
    ratio = jax.vmap(lambda v: spectral.participation(spectral.projections(v, basis)))
    assert float(ratio(v).mean()) == pytest.approx(14 / (1 + 3 / 64), abs=0.05)


def test_the_residual_is_twice_the_gradient_of_the_summed_loss() -> None:
    m = walk("star:3:2")
    v = jax.random.normal(KEY, (7, 5))

    def total(v: jax.Array) -> jax.Array:
        return -jnp.sum(jnp.asarray(m, jnp.float32) * jax.nn.log_softmax(v @ v.T))

    c = spectral.residual(v @ v.T, m)
    np.testing.assert_allclose(-jax.grad(total)(v), c @ v, rtol=1e-4, atol=1e-5)


def test_the_logit_spectrum_of_a_circulant_is_its_fourier_transform() -> None:
    basis = spectral.eigenbasis(walk("cycle:6"))
    row = np.array([3.0, 1, -2, 0.5, -2, 1])
    logits = jnp.array([np.roll(row, i) for i in range(6)])
    waves = np.fft.fft(row).real
    expected = waves[[0, 1, 1, 2, 2, 3]]
    np.testing.assert_allclose(
        spectral.logit_spectrum(logits, basis), expected, atol=1e-5
    )
