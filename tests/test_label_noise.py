"""Label noise in modular addition: theory, extraction, and accuracies by part."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import memjax as mj
from experiments import label_noise_arithmetic as ln

P = 11


def ideal(width: int, seed: int = 0) -> ln.Params:
    """Neurons that add modulo P, spread over all frequencies and random phases."""
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * np.outer(1 + np.arange(width) % (P // 2), np.arange(P)) / P
    a, b = rng.uniform(0, 2 * np.pi, (2, width, 1))
    u, v, w = np.cos(angle + a), np.cos(angle + b), np.cos(angle + a + b)
    return {**ln.weights(*map(jnp.float32, (u, v, w))), "mu": jnp.zeros(P)}


def test_ideal_neurons_have_the_derived_mean_logit():
    found = mj.sweep(
        ln.ideal_run, frequency=[1, 3], seed=range(3), modulus=P, width=2000
    )
    np.testing.assert_allclose(found.amplitude, 4 / (3 * np.pi**2), rtol=2e-3)


def test_the_filter_leaves_ideal_neurons_and_removes_what_hides_them():
    params = ideal(400)
    for name, kept in ln.filtered(params).items():
        np.testing.assert_allclose(kept, params[name], atol=1e-5)
    noise = 0.25 * jax.random.normal(jax.random.key(0), (3, 400, P))
    u, v, w = (x + e for x, e in zip(ln.neurons(params), noise, strict=True))
    hidden = {**ln.weights(u, v, w), "mu": 100.0 * jax.nn.one_hot(3, P)}
    parts = mj.datasets.modular(P)(jax.random.key(1), 0.5)
    points, test = ln.marked(parts, P * P), ln.PARTS.index("test")
    found = jax.jit(partial(ln.accuracies, partial(ln.logits, "relu")))
    assert float(found(hidden, points)[test]) < 0.3  # μ drowns the rest
    assert float(found(ln.filtered(hidden), points)[test]) > 0.95


def test_accuracies_of_the_parts_by_counting():
    parts = mj.datasets.modular(P)(jax.random.key(2), 0.7, 0.5)
    params = ln.initial(jax.random.key(3), P, 64, 1.0)
    u, v, w, mu = (np.asarray(params[n], np.float64) for n in ("u", "v", "w", "mu"))
    x, label, truth = (np.asarray(a) for a in (*parts.train[:2], parts.truth))
    guess = (np.maximum(u[x[:, 0]] + v[x[:, 1]], 0) @ w + mu).argmax(axis=1)
    members = [np.asarray(part.w) > 0 for part in parts[1:4]]
    expected = [np.mean((guess == label)[m]) for m in members]
    expected.append(np.mean((guess == truth)[members[1]]))
    points = ln.marked(parts, P * P)
    found = ln.accuracies(partial(ln.logits, "relu"), params, points)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_packing_rows_keeps_the_measure_and_puts_weight_first():
    train = mj.datasets.modular(P)(jax.random.key(4), 0.4, 0.3).train
    packed = ln.packed(train)
    held = np.asarray(packed.w) > 0
    assert held[: held.sum()].all()

    def moments(x, y):
        return jnp.array([x[0] * y, x[1] ** 2 + y])

    np.testing.assert_allclose(
        mj.expect(moments, packed), mj.expect(moments, train), rtol=1e-5
    )


def test_strength_and_partition_of_a_hand_made_network():
    params = ideal(50)
    params["w"] = params["w"].at[0].multiply(10.0)
    power = ln.strength("relu", params)
    assert int(jnp.argmax(power)) == 0
    u, v, w = (np.abs(x).max(axis=1) for x in ln.neurons(params))
    np.testing.assert_allclose(power, w * (u + v), rtol=1e-5)
    parts = mj.datasets.modular(P)(jax.random.key(5), 0.5)
    points = ln.marked(parts, P * P)
    found = ln.partition("relu", params, points).value
    whole = ln.accuracies(partial(ln.logits, "relu"), params, points)
    np.testing.assert_allclose(found[-1, 0], whole, atol=1e-6)  # all are kept


def test_tied_inputs_cannot_tell_a_pair_from_its_mirror():
    """At full training on noise, each pair of unlike labels costs one at least."""
    found = mj.sweep(
        ln.run, noise=0.9, lr=0.03, wd=0.0, init_scale=1.0, share=1.0, tied=[0, 1],
        coupled=0, seed=[0], modulus=7, capacity=49, width=64, activation="relu",
        steps=300,
    )  # fmt: skip
    key = jax.random.split(jax.random.key(0))[0]
    parts = mj.datasets.modular(7)(key, 1.0, 0.9)
    y = np.asarray(parts.train.y).reshape(7, 7)
    missed = np.sum(np.triu(y != y.T, 1))
    weight = found.accuracy.isel(step=-1).sel(network="trained").squeeze()
    noisy = float(np.mean(y.ravel() != np.asarray(parts.truth)))
    right = noisy * weight.sel(part="noisy") + (1 - noisy) * weight.sel(part="clean")
    assert float(right.sel(tied=0)) == pytest.approx(1.0)
    assert float(right.sel(tied=1)) <= 1 - missed / 49 + 1e-6


def test_flags_are_refused_before_anything_runs():
    with pytest.raises(mj.BadValue, match="noise"):
        ln.sweeps(noise=(1.2,))
    with pytest.raises(mj.BadValue, match="activation"):
        ln.sweeps(activation=("sin",))
    with pytest.raises(mj.BadValue, match="modulus"):
        ln.sweeps(modulus=(2,))


def test_the_largest_decay_is_read_off_each_optimizer() -> None:
    accuracy = np.array([[0.9, 0.9, 0.9, 0.1], [0.9, 0.3, 0.1, 0.1]])  # [coupled, wd]
    decays = xr.Dataset(
        {
            "accuracy": (
                ("coupled", "wd", "seed", "step", "network", "part"),
                accuracy[:, :, None, None, None, None],
            )
        },
        {"coupled": [0, 1], "wd": [1e-4, 1e-2, 1e-1, 1.0], "step": [300]}
        | {"network": ["filtered"], "part": ["test"]},
    )
    claim = ln.decay_claim(decays)
    assert claim.measured == pytest.approx(1e-3)
    assert claim.holds


def test_the_filter_keeps_the_strongest_frequencies_of_the_unembedding():
    p, strength = 31, {3: 1.0, 4: 0.2, 9: 2.0, 14: 0.5}
    angle = 2 * np.pi * np.arange(p) / p
    rows = np.random.default_rng(7).uniform(0, 2 * np.pi, (5, 1))  # phases
    waves = {k: a * np.cos(k * angle + (1 + k) * rows) for k, a in strength.items()}
    params = {"unembed": jnp.float32(10 + sum(waves.values())), "up": jnp.ones(2)}
    for count, kept in ((1, (9,)), (2, (9, 3)), (3, (9, 3, 14)), (15, strength)):
        found = ln.strongest(params, count)
        expected = sum(waves[k] for k in kept)  # the mean of 10 is gone
        np.testing.assert_allclose(found["unembed"], expected, atol=1e-5)
        np.testing.assert_array_equal(found["up"], params["up"])


def test_the_other_networks_are_measured_at_their_settings_only():
    """Rows are there without the sweeps, without a number."""
    rows = [*ln.transformer_claims(None), *ln.digits_claims(None)]
    assert all(row.measured is None for row in rows)
    assert "transformer" not in ln.sweeps(published=False)


def test_the_other_networks_learn():
    tiny = {"width": 8, "heads": 2, "batch": 64, "steps": 60}
    found = mj.sweep(
        ln.transformer_run, noise=0.0, lr=0.03, wd=0.0, seed=[0], modulus=8, **tiny
    ).isel(seed=0)
    trained = found.accuracy.isel(step=-1)
    assert float(trained.sel(part="clean")) > 0.5
    np.testing.assert_allclose(found.filtered.isel(frequencies=-1), trained, atol=1e-6)
    x, truth = mj.datasets.digits(side=7, count=200)
    images = {"x": x, "truth": truth}
    found = mj.sweep(
        ln.digits_run, inputs=images, noise=0.1, lr=1e-2, wd=0.0, seed=[0], width=32
    ).isel(seed=0)
    assert float(found.accuracy.sel(part="clean").isel(step=-1)) > 0.2  # twice chance
