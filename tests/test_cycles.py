"""Where the tied model ends: closed form, convex problem and simulation agree."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.special import ive

from memjax.datasets import graphs
from memjax.legs import walk
from memjax.losses import cross_entropy
from memjax.models.graph import tied
from memjax.observables import embedding, spectral
from memjax.theory.convex import best_tied, ends
from memjax.theory.cycles import fixed_point, steps_to
from memjax.train import train


@pytest.mark.parametrize(
    ("nodes", "kappa", "projection", "loss", "spectrum"),
    [
        (8, 2.0576, 2.8689, 1.48898, [0, 0, -0.6272, -1.6218, -2.0969]),
        (15, 6.0773, 6.7513, 1.43492, [0, 0, -0.0605, -0.2885, -0.7131, -1.2445]),
    ],
)
def test_the_fixed_point_has_the_known_numbers(
    nodes: int, kappa: float, projection: float, loss: float, spectrum: list
) -> None:
    found = fixed_point(nodes)
    assert found.kappa == pytest.approx(kappa, abs=5e-5)
    assert found.projection == pytest.approx(projection, abs=5e-5)
    assert found.loss == pytest.approx(loss, abs=5e-6)
    np.testing.assert_allclose(found.spectrum[: len(spectrum)], spectrum, atol=5e-5)


@pytest.mark.parametrize("loops", [False, True])
def test_the_fixed_point_is_a_minimum_and_slows_as_the_fourth_power(loops) -> None:
    for nodes in (5, 9, 24, 61):
        assert np.all(fixed_point(nodes, loops).spectrum[2:] < -1e-5)
    limit = 2 * (2 * np.pi / 400) ** 4 * (1.00178 / 3 if loops else 1)
    assert -fixed_point(400, loops).spectrum[2] == pytest.approx(limit, rel=1e-4)
    assert steps_to(np.exp(-1), 400, 0.01, loops) == pytest.approx(
        100 / limit, rel=1e-3
    )


def test_a_large_cycle_is_a_von_mises_law() -> None:
    kappa = fixed_point(40).kappa
    assert ive(1, kappa) / ive(0, kappa) == pytest.approx(np.cos(2 * np.pi / 40))


@pytest.mark.parametrize(("nodes", "loops"), [(3, False), (4, False), (3, True)])
def test_small_cycles_have_no_fixed_point(nodes: int, loops: bool) -> None:
    with pytest.raises(ValueError, match="larger cycle"):
        fixed_point(nodes, loops)


def descend(graph: graphs.Graph, steps: int, lr: float) -> tuple[float, jax.Array]:
    """The loss and the embedding after plain descent on the sum over nodes."""
    data, model = graphs.next_nodes(graph), tied(graph.nodes, graph.nodes)

    def loss(params, x, y):
        return cross_entropy(model.apply(params, x), y)

    optimizer = optax.sgd(lr * graph.nodes)
    legs = train(loss, optimizer, lambda p: {"v": p["v"]}, (0, steps))
    start = model.init(jax.random.key(0), 0.3)
    carry, _ = jax.jit(lambda: walk(legs(start, data)))()
    params, _, value = carry.state
    return float(value), params["v"]


@pytest.mark.parametrize(
    ("nodes", "loops"),
    [
        (8, True),
        *(
            pytest.param(*it, marks=pytest.mark.long)
            for it in ((8, False), (10, False), (12, True))
        ),
    ],
)
def test_simulation_ends_at_the_fixed_point(nodes: int, loops: bool) -> None:
    graph = graphs.cycle(nodes)
    graph = graphs.with_self_edges(graph) if loops else graph
    form = fixed_point(nodes, loops)
    steps = round(steps_to(1e-4, nodes, 0.05, loops))
    loss, v = descend(graph, steps, 0.05)
    m = graphs.transitions(graph)
    basis = spectral.eigenbasis(m)
    p = spectral.projections(v, basis)
    c = spectral.projections(spectral.residual(v @ v.T, m), basis)
    assert loss == pytest.approx(form.loss, rel=1e-4)
    np.testing.assert_allclose(p[1:3], form.projection, rtol=1e-3)
    assert jnp.max(p[3:]) < 2e-2
    pairs = np.abs(form.spectrum)[(np.arange(nodes) + 1) // 2]
    np.testing.assert_allclose(c, pairs, atol=2e-3)


@pytest.mark.parametrize("loops", [False, True])
def test_the_convex_problem_of_a_cycle_has_the_closed_form(loops: bool) -> None:
    graph = graphs.cycle(9)
    graph = graphs.with_self_edges(graph) if loops else graph
    best, form = best_tied(graphs.transitions(graph)), fixed_point(9, loops)
    assert form.loss - 1e-9 <= best.loss <= form.loss + best.gap
    strength = np.sqrt(np.linalg.eigvalsh(best.logits)[::-1].clip(0))
    np.testing.assert_allclose(strength[:2], form.projection, rtol=1e-3)
    assert np.all(strength[2:] < 0.03)
    np.testing.assert_allclose(best.offsets, 0, atol=1e-3)


@pytest.mark.long
def test_descent_approaches_the_convex_problem_from_above() -> None:
    graph = graphs.grid(3, 3)
    best = best_tied(graphs.transitions(graph))
    loss, v = descend(graph, 20_000, 0.05)
    assert best.loss < loss < best.loss + 1e-2
    _, strength = embedding.principal(v)
    derived = np.sqrt(np.linalg.eigvalsh(best.logits)[::-1].clip(0))
    np.testing.assert_allclose(strength[:2], derived[:2], rtol=0.03)


def test_the_slack_of_the_convex_problem_is_a_bound() -> None:
    m = graphs.transitions(graphs.path(6))
    rough, fine = best_tied(m, 1e-2), best_tied(m, 1e-7)
    assert fine.loss <= rough.loss <= fine.loss + rough.gap
    rows = fine.logits.sum(1)
    np.testing.assert_allclose(rows, 0, atol=1e-6)


def test_a_graph_of_two_parts_ends_in_the_optimum_of_each() -> None:
    ring, row = graphs.cycle(7), graphs.path(4)
    both = np.zeros((11, 11))
    both[:7, :7], both[7:, 7:] = graphs.transitions(ring), graphs.transitions(row)
    found = ends(both)
    assert found is not None
    alone = ends(graphs.transitions(row))
    assert alone is not None and len(alone.parts) == 1
    assert [len(part.offsets) for part in found.parts] == [7, 4]
    weighted = (7 * fixed_point(7).loss + 4 * alone.loss) / 11
    assert found.loss == pytest.approx(weighted, abs=2e-5)
    assert found.parts[0].directions() == 2
    assert ends(graphs.transitions(graphs.path(3, directed=True))) is None
    assert ends(graphs.transitions(graphs.cycle(41))) is None
