"""Graph networks in numpy, graphs by counting, and scores by hand."""

import jax
import numpy as np
import pytest

import memjax as mj
from experiments import gnn_memorization as gnn
from memjax.datasets.homophily import homophilous

NUMBERS = {"homophily": 0.5, "start": 1, "lr": 0.01, "wd": 0.1, "noise": 2.0, "seed": 0}
SHAPES = {"nodes": 20, "hidden": 6, "steps": 3}


@pytest.mark.parametrize("homophily", [0.0, 0.6, 1.0])
def test_edges_stay_in_a_class_as_often_as_they_should(homophily):
    graph = jax.jit(homophilous(200, 5, 8, 400))(jax.random.key(0), homophily)
    joined, label = np.asarray(graph.joined), np.asarray(graph.label)
    np.testing.assert_array_equal(joined, joined.T)
    assert set(np.unique(joined)) == {0, 1} and not joined.diagonal().any()
    assert 350 <= joined.sum() / 2 <= 400
    same = joined[label[:, None] == label[None]].sum() / joined.sum()
    assert same == pytest.approx(homophily, abs=0.06)
    assert np.bincount(label).tolist() == [40] * 5
    means = np.stack([graph.x[label == c].mean(0) for c in range(5)])
    np.testing.assert_allclose(np.linalg.norm(means, axis=1), 1, atol=0.6)


def test_a_convolution_is_as_in_numpy():
    graph = jax.jit(homophilous(20, 5, gnn.DIM, 40))(jax.random.key(1), 0.5)
    own = np.asarray(graph.joined) + np.eye(20)
    degree = own.sum(1)
    spread = own / np.sqrt(degree[:, None] * degree[None])
    network = mj.models.mlp((gnn.DIM, 6, 6, 5))
    params = jax.jit(network.init)(jax.random.key(2))
    h = np.asarray(graph.x)
    for i, layer in enumerate(params):
        h = spread @ h @ np.asarray(layer["w"]) + np.asarray(layer["b"])
        h = np.maximum(h, 0) if i < 2 else h
    mixed = gnn.normalized(graph.joined)
    found = gnn.convolved(params, mixed @ graph.x, mixed)
    np.testing.assert_allclose(found, h, atol=1e-4)


def one(w, at):
    """1 at one entry of an array like `w`, else 0."""
    found = np.zeros_like(w)
    found[at] = 1
    return found


@pytest.mark.long
def test_a_step_moves_by_the_labels_that_it_sees_and_the_penalty():
    """Adam's first step is the rate times the sign of the slope, by differences."""
    legs = {o: gnn.run(other=o, **NUMBERS, **SHAPES) for o in (0, 1)}
    first, second = (jax.jit(a.finish)(a.start) for a in legs.values())
    group = np.asarray(first["group"].value)
    np.testing.assert_array_equal(group, second["group"].value)
    assert np.bincount(group.astype(int)).tolist() == [6, 3, 3, 4, 4]
    np.testing.assert_array_equal(first["chance"].value, second["chance"].value)
    for other, run in legs.items():
        before = run.start[0]
        step = jax.jit(run.step)
        after, _, loss = step(run.start, 0)
        seen = (group == 0) | (group == (2 if other else 1))
        nats = -np.log(np.asarray(first["chance"].value))[seen]
        assert float(loss) == pytest.approx(nats.mean(), rel=1e-4)
        w, moved = (np.asarray(p[0]["w"]) for p in (before, after))
        for at in ((0, 0), (7, 3), (40, 5)):
            ends = [
                float(
                    step(
                        (
                            [{**before[0], "w": w + h * one(w, at)}, *before[1:]],
                            *run.start[1:],
                        ),
                        0,
                    )[2]
                )
                for h in (0.02, -0.02)
            ]
            slope = (ends[0] - ends[1]) / 0.04 + NUMBERS["wd"] * w[at]
            assert np.sign(w[at] - moved[at]) == np.sign(slope)


def test_scores_are_differences_of_means_over_starts():
    made = gnn.sweeps(homophily=(0.0, 1.0), seeds=2, nodes=20, hidden=4, steps=2)
    assert len(made["main"].plan().groups) == 1
    main = made["main"].made_up()
    rng = np.random.default_rng(0)
    group = rng.integers(0, 5, 20)
    main["group"] = main.group.copy(data=np.broadcast_to(group, main.group.shape))
    chance = main.chance.sel(homophily=1.0, seed=1).squeeze()
    chance = chance.transpose("other", "start", "node").values
    score = chance[0].mean(0) - chance[1].mean(0)
    for name, ids in gnn.GROUPS.items():
        sign = -1 if name == "independent" else 1
        there = np.isin(group, ids)
        expected = (sign * score[there] > 0.5).mean()
        found = gnn.rate({"main": main}, name).sel(homophily=1.0, seed=1)
        assert found.item() == pytest.approx(expected)
