"""Wrong labels: the theory of ideal neurons, filters, parts, and accuracies by part."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import memjax as mj
from experiments import _label_noise as ln
from experiments import label_noise_arithmetic as extraction
from experiments import label_noise_first as first
from experiments import label_noise_networks as networks
from experiments import label_noise_neurons as parted
from memjax.models.pairs import Params, logits, neurons, of_neurons, strength

P = 11


def ideal(width: int, seed: int = 0) -> Params:
    """Neurons that add modulo P, spread over all frequencies and random phases."""
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * np.outer(1 + np.arange(width) % (P // 2), np.arange(P)) / P
    a, b = rng.uniform(0, 2 * np.pi, (2, width, 1))
    u, v, w = np.cos(angle + a), np.cos(angle + b), np.cos(angle + a + b)
    return {**of_neurons(*map(jnp.float32, (u, v, w))), "mu": jnp.zeros(P)}


def amplitude(frequency, seed, *, modulus: int, width: int):
    """How much cos(2πk(c − a − b)/p) is in the mean logit of neurons made to add."""
    phases = 2 * jnp.pi * jax.random.uniform(jax.random.key(seed), (2, width, 1))
    angle = 2 * jnp.pi * frequency * jnp.arange(modulus) / modulus
    u, v, w = (jnp.cos(angle[None] + f) for f in (*phases, phases[0] + phases[1]))
    params = {**of_neurons(u, v, w / width), "mu": jnp.zeros(modulus)}
    table = mj.datasets.modular(modulus)(jax.random.key(0), 1.0).train

    def one(x, y):
        return 2 * jnp.mean(logits(jax.nn.relu, params, x) * jnp.cos(angle - angle[y]))

    return {"amplitude": mj.expect(one, table)}


def test_ideal_neurons_have_the_published_mean_logit():
    """Liu and Lu, arXiv 2605.18022: 4/(3π²) cos(2πk(c − a − b)/p) a neuron."""
    found = mj.sweep(amplitude, frequency=[1, 3], seed=range(3), modulus=P, width=2000)
    np.testing.assert_allclose(found.amplitude, 4 / (3 * np.pi**2), rtol=2e-3)


def test_the_filter_leaves_ideal_neurons_and_removes_what_hides_them():
    params = ideal(400)
    for name, kept in ln.filtered(params).items():
        np.testing.assert_allclose(kept, params[name], atol=1e-5)
    noise = 0.25 * jax.random.normal(jax.random.key(0), (3, 400, P))
    u, v, w = (x + e for x, e in zip(neurons(params), noise, strict=True))
    hidden = {**of_neurons(u, v, w), "mu": 100.0 * jax.nn.one_hot(3, P)}
    parts = mj.datasets.modular(P)(jax.random.key(1), 0.5)
    points, test = ln.marked(parts), ln.PARTS.index("test")
    found = jax.jit(partial(ln.accuracies, partial(logits, jax.nn.relu)))
    assert float(found(hidden, points)[test]) < 0.3  # μ drowns the rest
    assert float(found(ln.filtered(hidden), points)[test]) > 0.95


@pytest.mark.long
def test_strength_and_partition_of_a_hand_made_network():
    params = ideal(50)
    params["w"] = params["w"].at[0].multiply(10.0)
    power = strength(jax.nn.relu, params)
    assert int(jnp.argmax(power)) == 0
    u, v, w = (np.abs(x).max(axis=1) for x in neurons(params))
    np.testing.assert_allclose(power, w * (u + v), rtol=1e-5)
    parts = mj.datasets.modular(P)(jax.random.key(5), 0.5)
    points = ln.marked(parts)
    found = parted.partition(jax.nn.relu, params, 50, points).value
    whole = ln.accuracies(partial(logits, jax.nn.relu), params, points)
    np.testing.assert_allclose(found[-1, 0], whole, atol=1e-6)  # all are kept
    np.testing.assert_allclose(found[-1, 2], whole, atol=1e-6)  # and filtered already


@pytest.mark.long
def test_output_spectra_by_the_frequency_of_the_inputs():
    neurons = 5 * (P // 2)
    found = parted.portrait(ideal(neurons), neurons)
    np.testing.assert_allclose(found["spectra"].value, np.eye(P // 2), atol=1e-5)
    np.testing.assert_allclose(found["participation"].value, 1.0, rtol=1e-5)
    np.testing.assert_allclose(found["phase_error"].value, 0.0, atol=1e-4)
    one = {**ideal(2), "u": ideal(2)["v"]}  # nobody hears frequencies from 3 on
    assert np.isnan(parted.portrait(one, 2)["spectra"].value[2:]).all()


@pytest.mark.long
def test_tied_inputs_cannot_tell_a_pair_from_its_mirror():
    """At full training on noise, each pair of unlike labels costs one at least."""
    found = mj.sweep(
        **networks.by(("relu",)), noise=0.9, lr=0.03, wd=0.0, coupled=0, tied=[0, 1],
        seed=[0], modulus=7, capacity=49, width=64, steps=300,
    )  # fmt: skip
    key = jax.random.split(jax.random.key(0))[0]
    parts = mj.datasets.modular(7)(key, ln.SHARE, 0.9)
    y, learned = parts.train.y.reshape(7, 7), parts.train.w.reshape(7, 7) > 0
    missed = int(jnp.sum(jnp.triu((y != y.T) & learned & learned.T, 1)))
    counts = [int(jnp.sum(part.w > 0)) for part in (parts.clean, parts.noisy)]
    fitted = found.accuracy.isel(step=-1).sel(network="trained").squeeze()
    right = sum(
        fitted.sel(part=n) * c for n, c in zip(ln.PARTS[:2], counts, strict=True)
    )
    assert missed > 3
    assert float(right.sel(tied=0)) == pytest.approx(sum(counts))
    assert float(right.sel(tied=1)) <= sum(counts) - missed + 1e-4


def test_flags_are_refused_before_anything_runs():
    with pytest.raises(mj.BadValue, match="noise"):
        extraction.sweeps(noise=(1.2,))
    with pytest.raises(mj.BadValue, match="activation"):
        networks.sweeps(activation=("sin",))
    with pytest.raises(mj.BadValue, match="modulus"):
        parted.sweeps(modulus=(2,))
    with pytest.raises(mj.BadValue, match="batch"):
        first.sweeps(batch=(0.0,))


def test_the_largest_decay_is_read_off_each_optimizer_and_seed():
    accuracy = np.array([[0.9, 0.9, 0.9, 0.1], [0.9, 0.3, 0.1, 0.1]])  # [coupled, wd]
    accuracy = np.stack([accuracy, accuracy[:, [0, 0, 1, 2]]], axis=-1)  # [.., seed]
    dims = ("coupled", "wd", "seed", "step", "network", "part")
    labels = {"coupled": [0, 1], "wd": [1e-4, 1e-2, 1e-1, 1.0], "step": [300]}
    labels |= {"network": ["filtered"], "part": ["test"]}
    decays = xr.Dataset({"accuracy": (dims, accuracy[..., None, None, None])}, labels)
    found = networks.decay_ratio({"decays": decays})
    np.testing.assert_allclose(found, [-3, -2], rtol=1e-5)


def test_the_part_that_is_filtered_is_the_one_that_is_best_as_it_is():
    known = np.zeros((2, 3, 7))  # [seed, half, kept]
    known[:, 0] = [
        [0.1, 0.2, 0.6, 0.3, 0.4, 0.2, 0.9],
        [0.1, 0.2, 0.2, 0.4, 0.4, 0.2, 0.9],
    ]
    known[:, 2] = np.arange(7) / 10
    dims = ("seed", "half", "kept", "part")
    labels = {"half": list(parted.HALVES), "kept": list(parted.KEPT), "part": ["test"]}
    main = xr.Dataset({"partition": (dims, known[..., None])}, labels)
    best = partial(parted.known, {"main": main})
    np.testing.assert_allclose(best("strongest"), [0.6, 0.2])  # but not all neurons
    np.testing.assert_allclose(best("strongest, filtered"), [0.2, 0.2])


@pytest.mark.long
def test_the_other_networks_learn():
    tiny = {"width": 8, "heads": 2, "batch": 64, "steps": 60}
    found = mj.sweep(
        networks.transformer_run,
        noise=0.0,
        lr=0.03,
        wd=0.0,
        seed=[0],
        modulus=8,
        **tiny,
    ).isel(seed=0)
    trained = found.accuracy.isel(step=-1)
    assert float(trained.sel(part="clean")) > 0.5
    np.testing.assert_allclose(found.filtered.isel(frequencies=-1), trained, atol=1e-6)
    x, truth = mj.datasets.digits(side=7, count=200)
    images = {"x": x, "truth": truth}
    found = mj.sweep(
        first.digits_run, inputs=images, noise=0.1, lr=1e-2, wd=0.0, seed=[0], width=32
    ).isel(seed=0)
    assert float(found.accuracy.sel(part="clean").isel(step=-1)) > 0.2  # twice chance
