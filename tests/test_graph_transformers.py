"""Transformers of graphs: what is learned of which graph, and what is measured."""

import networkx as nx
import numpy as np
import pytest
import xarray as xr

from experiments import _graph_transformers as shared
from experiments import graph_transformers as it
from memjax.datasets import graphs

# Mean over edges of log degree, of arXiv:2510.26745's graphs, without and with loops
FLOORS = {
    "cycle:15": (0.6931, 1.0986),
    "star:4:4": (0.6931, 1.0845),
    "grid:4:4": (1.1269, 1.4021),
    "irregular": (0.9364, 1.2630),
}


@pytest.mark.parametrize("name", FLOORS)
def test_the_least_loss_is_the_known_entropy(name):
    both = graphs.parse(name)
    for graph, floor in zip(
        (both, graphs.with_self_edges(both)), FLOORS[name], strict=True
    ):
        walk = xr.DataArray(graphs.transitions(graph), dims=("node", "next"))
        assert float(shared.entropy(walk)) == pytest.approx(floor, abs=6e-5)


def test_runs_have_the_walks_of_their_graphs_and_no_node_beyond():
    names = ("star:2:2", "cycle:4")
    given = it.along(names)["graph"].tree
    assert given.walk.shape == (2, 3, 5, 5)
    ring = nx.to_numpy_array(nx.cycle_graph(4))
    np.testing.assert_allclose(given.walk[1, 0, :4, :4], ring / 2)
    np.testing.assert_allclose(given.walk[1, 1, :4, :4], (ring + np.eye(4)) / 3)
    ahead = np.roll(np.eye(4), 1, axis=1)
    np.testing.assert_allclose(given.walk[1, 2, :4, :4], ahead)
    assert not given.walk[1, :, 4].any() and not given.walk[1, :, :, 4].any()
    assert (np.asarray(given.basis.parts)[1] >= 0).sum(-1).tolist() == [4, 4, 4]


@pytest.fixture(scope="module")
def found():
    sweeps = it.sweeps(
        graph=("star:2:2", "cycle:4"), seeds=2, steps=60, tied_steps=0, mamba=False
    )
    return sweeps["main"].compute()


@pytest.mark.long
def test_a_graph_beside_a_larger_one_is_learned_and_has_no_more_modes(found):
    ring = it.ended(found).sel(graph="cycle:4", frozen=1, edges=0).squeeze()
    assert (ring.recall == 1).all() and abs(ring.loss - np.log(2)).max() < 0.05
    assert ring.projection.isel(eigen=slice(4, None)).isnull().all()
    assert ring.projection.isel(eigen=slice(4)).notnull().all()


@pytest.mark.long
def test_a_held_embedding_stays_and_a_free_one_moves(found):
    kept = found.sel(frozen=1).participation.squeeze()
    assert (kept.isel(leg=0) == kept.isel(leg=-1)).all()
    free = found.sel(frozen=0).participation.squeeze()
    assert (free.isel(leg=0) != free.isel(leg=-1)).all()


@pytest.mark.long
def test_what_is_measured_of_an_embedding_is_so_by_hand(found):
    ends = it.ended(found)
    p = ends.projection.isel(eigen=slice(1, None))
    by_hand = (p**2).sum("eigen") ** 2 / (p**4).sum("eigen")
    np.testing.assert_allclose(ends.participation, by_hand, rtol=1e-4)
    size = xr.DataArray([4, 3], {"graph": ["star:2:2", "cycle:4"]})
    np.testing.assert_allclose(it.by_size(ends), by_hand / size, rtol=1e-4)
    below = p.where(ends.eigenvalue.isel(eigen=slice(1, None)) < -1e-6, 0)
    share = (below**2).sum("eigen") / (p**2).sum("eigen")
    np.testing.assert_allclose(ends.negative_share, share, atol=1e-5)
    above = p.values > 0.5 * p.max("eigen").values[..., None]
    which = found.eigenvalue.dims.index("eigen")
    assert which == found.projection.dims.index("eigen") == p.ndim - 1
    positive = above & (ends.eigenvalue.values[..., 1:] > 1e-6)
    results = {"main": found}
    np.testing.assert_array_equal(it.count(results, "0.5"), above.sum(-1))
    np.testing.assert_array_equal(it.count(results, "0.5", "1"), positive.sum(-1))


def test_all_graphs_edges_and_starts_are_one_program():
    sweeps = it.sweeps(seeds=2)
    assert {name: len(sweep.plan().groups) for name, sweep in sweeps.items()} == {
        "main": 1,
        "mamba": 1,
        "tied": 1,
    }
