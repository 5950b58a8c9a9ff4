"""Stored bits: networks in numpy, one program for all sizes, measures by hand."""

import jax
import numpy as np
import pytest

import memjax as mj
from experiments import capacity

UNITS = {
    "relu": lambda z: np.maximum(z, 0),
    "relu2": lambda z: np.maximum(z, 0) ** 2,
    "silu": lambda z: z / (1 + np.exp(-z)),
}


def nats(logits, y):
    top = logits.max(-1, keepdims=True)
    law = logits - top - np.log(np.exp(logits - top).sum(-1, keepdims=True))
    return -np.take_along_axis(law, y[..., None], -1)[..., 0]


def points(dim, classes, size, capacity, seed=0):
    data_key, _ = jax.random.split(jax.random.key(seed))
    data = mj.datasets.random_labels(dim, classes, capacity)(data_key, size)
    return np.asarray(data.x)[:size], np.asarray(data.y)[:size]


@pytest.mark.parametrize("name", capacity.ACTIVATIONS)
def test_bits_are_those_of_a_network_in_numpy(name):
    shape = {"max_width": 6, "capacity": 30, "activation": name, "dim": 5, "steps": 4}
    shape["depth"] = 1
    legs = capacity.run(4, 20, 0.05, 0, **shape)
    params = legs.start[0]
    first, second, head = (np.asarray(a["w"]) for part in params for a in part)
    assert (first[:, 4:] == 0).all() and (second[4:] == 0).all()
    x, y = points(5, 5, 20, 30)
    each = nats(UNITS[name](x @ first) @ second @ head, y)
    seen = jax.jit(legs.observe)(legs.start)
    bits = (20 * np.log(5) - each.sum()) / np.log(2)
    assert float(seen["bits"]) == pytest.approx(bits, abs=1e-3)
    assert float(seen["per_parameter"]) == pytest.approx(bits / 65, abs=1e-5)


@pytest.mark.long
def test_two_hidden_layers_are_those_in_numpy():
    shape = {"max_width": 6, "capacity": 30, "activation": "relu", "dim": 5, "steps": 4}
    legs = capacity.run(4, 20, 0.05, 0, depth=2, **shape)
    params = [np.asarray(a["w"]) for part in legs.start[0] for a in part]
    assert (params[1][4:] == 0).all() and (params[1][:, 4:] == 0).all()
    x, y = points(5, 5, 20, 30)
    hidden = np.maximum(np.maximum(x @ params[0], 0) @ params[1], 0)
    each = nats(hidden @ params[2] @ params[3], y)
    bits = (20 * np.log(5) - each.sum()) / np.log(2)
    seen = jax.jit(legs.observe)(legs.start)
    assert float(seen["bits"]) == pytest.approx(bits, abs=1e-3)
    count = 5 * 4 + 4 * 4 + 4 * 5 + 5 * 5
    assert float(seen["per_parameter"]) == pytest.approx(bits / count, abs=1e-5)


@pytest.mark.long
def test_bits_of_sequences_count_every_token():
    shape = {"capacity": 6, "symbols": 5, "length": 3, "width": 8, "steps": 20}
    legs = capacity.sequence_run(4, 0.05, 0, **shape)
    end, seen = jax.jit(lambda: mj.walk(legs))()
    model = mj.models.transformer(6, 8, 4, 3)
    data_key, _ = jax.random.split(jax.random.key(0))
    x = np.asarray(mj.datasets.facts(5, 3, 1, 6)(data_key, 4).x)[:4]
    before = np.concatenate([np.full((4, 1), 5), x[:, :-1]], axis=1)
    logits = jax.vmap(lambda x: model.apply(end.state[0], x))(before)
    saved = 3 * np.log(5) - nats(np.asarray(logits), x).sum(1)
    expected = np.maximum(saved, 0).sum() / np.log(2)
    assert float(seen["bits"][-1]) == pytest.approx(expected, rel=1e-3)
    assert expected > 1


@pytest.fixture(scope="module")
def made_up():
    few = {"width": (2, 4), "size": (4, 8), "widths": (2, 4), "sizes": (4, 16)}
    made = capacity.sweeps(**few, sequences=(2, 4), seeds=2, steps=3, dim=3)
    groups = {name: len(sweep.plan().groups) for name, sweep in made.items()}
    assert groups == {"main": 3, "deep": 1, "sequences": 1, "one_layer": 1}
    return {name: sweep.made_up() for name, sweep in made.items()}


def test_measures_are_by_hand(made_up):
    main = made_up["main"].copy()
    count = 6 * main.width + 9
    main["bits"] = (2.0 * count * (main["size"] / 8)).broadcast_like(main.bits)
    deep = made_up["deep"].copy()
    deep["bits"] = (3.0 * deep.width**2 * deep["size"]).broadcast_like(deep.bits)
    results = {**made_up, "main": main, "deep": deep}
    np.testing.assert_allclose(capacity.slope(results), 1)
    np.testing.assert_allclose(capacity.by_width(results), 2)
    np.testing.assert_allclose(capacity.kept(results).sel(size=4), 0.5)
    most = capacity.most(results, "main", "bits").sel(width=4)
    np.testing.assert_allclose(most, 66)
