"""Losses and calibration against numpy, and runs that hold them against each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from experiments import losses as experiment

RNG = np.random.default_rng(5)
LOGITS = RNG.normal(size=(6, 4)) * 3
CLASS = np.array([0, 3, 1, 2, 2, 0])


def test_squentropy_is_its_formula() -> None:
    for z, y in zip(LOGITS, CLASS, strict=True):
        law = np.exp(z) / np.exp(z).sum()
        wanted = -np.log(law[y]) + np.mean(np.delete(z, y) ** 2)
        found = mj.losses.squentropy(jnp.array(z), jnp.array(y))
        assert float(found) == pytest.approx(wanted, rel=1e-5)


def test_the_next_token_is_one_of_the_first() -> None:
    z, law = LOGITS[0], np.array([0.25, 0.0, 0.75])  # the fourth token is never next
    wanted = -np.sum(law * np.log(np.exp(z) / np.exp(z).sum())[:3])
    found = mj.losses.next_token(jnp.array(z), jnp.array(law))
    assert float(found) == pytest.approx(wanted, rel=1e-5)


def test_the_loss_of_a_model_is_that_of_its_output() -> None:
    loss = mj.losses.of_model(lambda params, x: params * x, mj.losses.square)
    assert float(loss(2.0, jnp.array([3.0]), jnp.array([4.0]))) == 2


@pytest.mark.parametrize(("weight", "height"), [(1, 1), (1, 15), (5, 3)])
def test_the_rescaled_square_loss_is_its_formula(weight, height) -> None:
    for z, y in zip(LOGITS, CLASS, strict=True):
        wanted = (weight * (z[y] - height) ** 2 + np.sum(np.delete(z, y) ** 2)) / 4
        found = mj.losses.rescaled_square(jnp.array(z), jnp.array(y), weight, height)
        assert float(found) == pytest.approx(wanted, rel=1e-5)


def test_the_square_loss_is_that_of_one_hot_targets() -> None:
    z, y = jnp.array(LOGITS[1]), jnp.array(CLASS[1])
    half = mj.losses.square(z, jax.nn.one_hot(y, 4))
    assert float(mj.losses.rescaled_square(z, y)) == pytest.approx(float(half) / 2)


@pytest.mark.parametrize("target", [-1, 4])
def test_a_class_outside_of_the_outputs_costs_nan(target) -> None:
    z, y = jnp.array(LOGITS[0]), jnp.array(target)
    assert jnp.isnan(mj.losses.squentropy(z, y))
    assert jnp.isnan(mj.losses.rescaled_square(z, y))


def test_calibration_errors_are_those_of_bins_one_by_one() -> None:
    law = RNG.dirichlet([0.3, 0.3, 0.3], size=500)
    label = RNG.integers(0, 3, 500)
    sure, right = law.max(1), law.argmax(1) == label
    wanted = 0.0
    for low in np.arange(15) / 15:
        inside = (sure > low) & (sure <= low + 1 / 15)
        if inside.any():
            gap = abs(right[inside].mean() - sure[inside].mean())
            wanted += inside.mean() * gap
    w = jnp.append(jnp.full(500, 1 / 500), 0.0)
    padded = jnp.array(np.vstack([law, [1, 0, 0]])), jnp.append(label, 2)
    found = mj.observables.calibration_error(*padded, w)
    assert float(found) == pytest.approx(wanted, rel=1e-4)


def test_who_is_right_as_often_as_said_is_calibrated() -> None:
    law = jnp.array([[0.75, 0.25]] * 4)
    w = jnp.full(4, 0.25)
    label = jnp.array([0, 0, 0, 1])
    assert float(mj.observables.calibration_error(law, label, w)) == pytest.approx(0)
    sure = jnp.array([[1.0, 0.0]] * 4)
    assert float(mj.observables.calibration_error(sure, label, w)) == pytest.approx(
        0.25
    )


def test_the_best_temperature_undoes_a_factor_on_the_outputs() -> None:
    key, label_key = jax.random.split(jax.random.key(0))
    logits = 2 * jax.random.normal(key, (4000, 5))
    label = jax.random.categorical(label_key, logits)
    data = mj.Data(jnp.zeros(4000), label, mj.prefix(4000, 4000))
    found = experiment.judge(6 * logits, data, 6 * logits, data)
    assert float(found["ece"]) > 0.1
    assert float(found["ece_scaled"]) < 0.03
    assert float(found["nll_scaled"]) < float(found["nll"])


def test_losses_start_from_the_same_weights_by_start_and_not_by_seed() -> None:
    at = {"noise": 0.1, "lr": 1e-3, "seed": [0, 1], "start": [0, 1]}
    found = mj.sweep(
        experiment.run, loss=["square", "squentropy"], size=10, width=4, steps=1, **at
    )
    first = found.l2.isel(step=0).transpose("start", ...).values
    assert np.ptp(first[0]) == 0
    assert np.ptp(first[1]) == 0
    assert first[0].flat[0] != first[1].flat[0]
