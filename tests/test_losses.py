"""Losses and calibration against numpy, and runs that hold them against each other."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize

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


@pytest.mark.long
def test_the_best_temperature_undoes_a_factor_on_the_outputs() -> None:
    key, label_key = jax.random.split(jax.random.key(0))
    logits = 2 * jax.random.normal(key, (4000, 5))
    label = jax.random.categorical(label_key, logits)
    data = mj.Data(jnp.zeros(4000), label, mj.prefix(4000, 4000))
    found = experiment.judge(6 * logits, data, 6 * logits, data)
    assert float(found["ece"]) > 0.1
    assert float(found["ece_scaled"]) < 0.03
    assert float(found["nll_scaled"]) < float(found["nll"])


@pytest.mark.long
def test_losses_start_from_the_same_weights_by_start_and_not_by_seed() -> None:
    at = {"noise": 0.1, "lr": 1e-3, "seed": [0, 1], "start": [0, 1]}
    which = ("square", "squentropy")
    found = mj.sweep(
        experiment.run, loss=which, inputs=experiment.chosen(which),
        size=10, width=4, steps=1, **at,
    )  # fmt: skip
    first = found.l2.isel(step=0).transpose("start", ...).values
    assert np.ptp(first[0]) == 0
    assert np.ptp(first[1]) == 0
    assert first[0].flat[0] != first[1].flat[0]


# --- closed forms -------------------------------------------------------------------


@pytest.fixture
def double():
    with jax.enable_x64(True):
        yield


def fitted(loss, x, y, rate, steps, classes=None) -> np.ndarray:
    """The weights of a linear model from zero, by the library's full-batch descent."""
    shape = (x.shape[1],) if classes is None else (x.shape[1], classes)
    data = mj.Data(jnp.array(x), jnp.array(y), mj.prefix(len(x), len(x)))
    made = mj.train(
        lambda w, x, y: loss(x @ w, y), optax.sgd(rate), lambda w: {}, (0, steps)
    )
    legs = made(jnp.zeros(shape), data)
    carry, _ = mj.walk(legs)
    return np.asarray(carry.state[0])


@pytest.mark.parametrize("weight", [1.0, 4.0])
def test_square_losses_end_at_the_interpolation_of_minimum_norm(double, weight) -> None:
    """Of one-hot targets times the height, whatever the weight of the right class."""
    x, y = RNG.normal(size=(5, 12)), np.array([0, 1, 2, 1, 0])

    def loss(out, y):
        return mj.losses.rescaled_square(out, y, weight, 15.0)

    found = fitted(loss, x, y, 0.2 / weight, 8000, classes=3)
    np.testing.assert_allclose(
        found, np.linalg.pinv(x) @ (15 * np.eye(3)[y]), atol=1e-6
    )


def test_descent_on_the_square_loss_is_its_closed_form_at_every_step(double) -> None:
    """In the eigenbasis: each part of the labels is left by (1 - rate λ) a step."""
    x, y = RNG.normal(size=(6, 4)), RNG.normal(size=6)
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    left = (1 - 0.3 * s**2 / 6) ** 25
    found = fitted(mj.losses.square, x, y, 0.3, 25)
    np.testing.assert_allclose(found, vt.T @ ((1 - left) / s * (u.T @ y)), rtol=1e-9)


def test_cross_entropy_turns_to_the_largest_margin(double) -> None:
    """Of separable points, by an angle that falls as slowly as 1 / log of the steps."""
    x = np.array([[1.0, 0.5], [2.0, -3.0], [-1.0, -0.5], [-3.0, 1.0]])
    y = np.array([1, 1, 0, 0])
    best = minimize(
        lambda v: v @ v, np.array([1.0, 0.0]), method="SLSQP",
        constraints={"type": "ineq", "fun": lambda v: (2 * y - 1) * (x @ v) - 1},
    ).x  # fmt: skip
    angles = []
    for steps in (200, 20_000):
        found = fitted(mj.losses.cross_entropy, x, y, 1.0, steps, classes=2)
        np.testing.assert_allclose(found.sum(1), 0, atol=1e-9)  # logits part alike
        turned = found[:, 1] - found[:, 0]
        cosine = turned @ best / np.linalg.norm(turned) / np.linalg.norm(best)
        angles.append(np.arccos(cosine))
    assert angles[1] < 0.08
    assert angles[1] / angles[0] == pytest.approx(np.log(200) / np.log(2e4), abs=0.1)


def test_gradients_are_law_less_label_and_the_pull_of_others_to_zero(double) -> None:
    for z, y in zip(LOGITS, CLASS, strict=True):
        law, own = np.exp(z) / np.exp(z).sum(), np.eye(4)[y]
        cross, both = (
            jax.grad(loss)(jnp.array(z), jnp.array(y))
            for loss in (mj.losses.cross_entropy, mj.losses.squentropy)
        )
        np.testing.assert_allclose(cross, law - own, atol=1e-12)
        np.testing.assert_allclose(both - cross, 2 / 3 * z * (1 - own), atol=1e-12)


def test_squentropy_has_its_least_at_equal_other_outputs(double) -> None:
    """Of one point its right output grows for good, and the others vanish."""
    end = fitted(mj.losses.squentropy, np.ones((1, 1)), np.array([1]), 0.5, 4000, 3)[0]
    law = np.exp(end) / np.exp(end).sum()
    np.testing.assert_allclose(end[[0, 2]], -law[[0, 2]], atol=1e-3)  # 2/2 z = -p
    assert end[1] > 5


@pytest.mark.parametrize("heat", [0.5, 1.0, 2.0])
def test_the_calibration_error_of_a_known_law_is_its_integral(heat) -> None:
    """Two classes with a logit that is uniform on -3 … 3, said `1 / heat` times it."""
    count = 200_000
    logit = RNG.uniform(-3, 3, count)
    label = (RNG.random(count) < 1 / (1 + np.exp(-logit))).astype(int)
    outputs = np.stack([0 * logit, logit], axis=1) / heat
    said = jax.nn.softmax(jnp.array(outputs))
    found = mj.observables.calibration_error(
        said, jnp.array(label), mj.prefix(count, count), bins=200
    )

    def gap(z):  # the surer class is right with chance 1 / (1 + e^-|z|)
        return abs(1 / (1 + np.exp(-z)) - 1 / (1 + np.exp(-z / heat))) / 3

    wanted = quad(gap, 0, 3)[0]
    # Of draws alone: 100 bins with deviations of √(p (1 - p) / (n / 100)) each.
    noise = np.sqrt(2 / np.pi * 0.25 * 100 / count)
    assert float(found) == pytest.approx(wanted, abs=noise)
