"""Double descent: closed forms against known numbers and draws, and the runs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from agreement import assert_mean, without_first_order
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

import memjax as mj
from experiments import double_descent as experiment

theory = mj.theory.double_descent
FIXED = {"signal": 5**0.5, "noise": 1.0}


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("ratio", [0.4, 1.0, 2.5])
def test_limiting_risk_is_an_integral_over_the_spectrum(ratio) -> None:
    """Marchenko and Pastur's density of x = t², and what lies at zero."""
    low, high = abs(1 - ratio**0.5), 1 + ratio**0.5
    strength, zero = 0.3, max(0.0, 1 - 1 / ratio)

    def mean(f, at_zero):
        def integrand(t):
            inside = max((high**2 - t**2) * (t**2 - low**2), 0.0)
            return f(t**2) * np.sqrt(inside) / (np.pi * ratio * t)

        return quad(integrand, low, high)[0] + zero * at_zero

    found = theory.ridge(ratio, strength, 1.3, 0.7)
    bias = mean(lambda x: (strength / (x + strength)) ** 2, 1.0)
    spread = ratio * mean(lambda x: x / (x + strength) ** 2, 0.0)
    assert float(found.bias) == pytest.approx(1.3**2 * bias, rel=1e-6)
    assert float(found.variance) == pytest.approx(0.7**2 * spread, rel=1e-6)
    left = 0.7**2 * (1 - ratio + ratio * bias)
    assert float(found.train) == pytest.approx(left, rel=1e-6)


@pytest.mark.parametrize("ratio", [0.4, 1.0, 2.5])
def test_best_strength_has_the_least_risk(ratio) -> None:
    risk = jax.jit(lambda s: sum(theory.ridge(ratio, s, 1.3, 0.7)[:2]))
    found = minimize_scalar(risk, bounds=(1e-3, 5), method="bounded")
    assert found.x == pytest.approx(float(theory.best_strength(ratio, 1.3, 0.7)), 1e-3)


def test_without_a_ridge_theory_has_the_known_numbers() -> None:
    assert float(theory.ridgeless(200, 300, 1, 1).variance) == pytest.approx(200 / 99)
    assert float(theory.ridgeless(200, 4000, 1, 1).variance) == pytest.approx(
        200 / 3799
    )
    assert float(theory.ridgeless(200, 50, 1, 2).variance) == pytest.approx(200 / 149)
    for features in (199, 200, 201):
        assert np.isinf(theory.ridgeless(200, features, 1, 1).variance)
    many, slight = (
        theory.ridgeless(2e8, 3e8, 1.3, 0.7),
        theory.ridge(1.5, 1e-9, 1.3, 0.7),
    )
    np.testing.assert_allclose(slight, many, rtol=1e-6, atol=1e-6)
    risk = jax.jit(lambda r: sum(theory.ridgeless(1e9, r * 1e9, 5**0.5, 1)[:2]))
    found = minimize_scalar(risk, bounds=(1.2, 5), method="bounded")
    assert found.x == pytest.approx(5**0.5 / (5**0.5 - 1), rel=1e-3)
    assert found.fun == pytest.approx(2 * 5**0.5 - 1, rel=1e-6)


@pytest.mark.parametrize("ratio", [1.0, 1.5, 4.0, 20.0])
def test_no_ridge_is_cheaper_than_the_bound(ratio) -> None:
    for strength in np.geomspace(1e-3, 1e3, 30):
        found = theory.ridge(ratio, strength, 1.0, 1.0)
        least = theory.tradeoff(1.0, ratio, found.train)
        assert float(found.variance) > float(least)


@pytest.fixture(scope="module")
def drawn():
    """Runs and theory at .3 and 2.5 features a point, of 20 points and of 40."""
    pairs = mj.zipped(features=(6, 50, 12, 100), size=(20, 20, 40, 40))
    shapes = {"capacity": 40, "room": 100, "float64": True}
    runs = mj.sweep(experiment.run, pairs, seed=range(2000), **shapes, **FIXED)
    return runs, mj.sweep(experiment.theory_run, pairs, float64=True, **FIXED)


@pytest.mark.parametrize("part", ["bias", "variance", "excess", "train"])
def test_without_a_ridge_the_run_agrees_with_theory_at_every_size(drawn, part) -> None:
    runs, exact = (found[part].sel(ridge=0, drop=True) for found in drawn)
    some = exact > 0  # no bias below as many features as points, no residual above
    assert (abs(runs[~some.values]) < 1e-9).all()
    assert_mean(runs[some.values], exact[some.values], known=0.08)


@pytest.mark.parametrize("part", ["bias", "variance", "excess", "train"])
def test_with_a_ridge_the_run_tends_to_theory_as_one_over_n(drawn, part) -> None:
    runs, exact = (found[part].sel(ridge=slice(0.1, None)) for found in drawn)
    ratio = runs / exact
    few, many = ratio.isel(features=[0, 1]), ratio.isel(features=[2, 3])
    assert_mean(without_first_order(few, many), 1.0, known=0.16)


def test_what_noise_costs_is_above_the_bound(drawn) -> None:
    times = (drawn[0].variance / drawn[0].bound).mean("seed")
    assert (times.sel(features=[50, 100]) > 1).all()


@pytest.mark.long
@pytest.mark.parametrize("features", [5, 12, 30])
def test_the_run_is_lstsq_on_its_own_draws(features) -> None:
    """And padding with points and with features changes nothing."""
    block, size, seed = experiment.BLOCK, 12, 3
    at = {"size": size, "features": features, "seed": seed, **FIXED, "float64": True}
    runs = [
        mj.sweep(experiment.run, capacity=c, room=r, **at)
        for c, r in ((16, 30), (16, 450))
    ]
    keys = jax.random.split(jax.random.key(seed))
    drawn = jax.random.normal(jax.random.fold_in(keys[0], 0), (16, block))
    x = np.asarray(drawn)[:size, :features]
    noise = np.asarray(jax.random.normal(keys[1], (16,)))[:size]
    beta = np.full(features, (5 / features) ** 0.5)
    found = np.linalg.lstsq(x, x @ beta + noise, rcond=1e-12)[0]
    for run in runs:
        excess = float(run.excess.sel(ridge=0))
        assert excess == pytest.approx(np.sum((found - beta) ** 2), rel=1e-8)
    strength = 0.3 * features / 5  # times the number of points
    system = x.T @ x + strength * np.eye(features)
    noisy = np.linalg.solve(system, x.T @ noise)
    assert float(runs[0].variance.sel(ridge=0.3)) == pytest.approx(np.sum(noisy**2))
    left = np.mean((noise - x @ noisy) ** 2)
    assert float(runs[0].train.sel(ridge=0.3)) == pytest.approx(left)


@pytest.mark.long
def test_the_random_features_are_fitted_by_lstsq() -> None:
    size, features, seed = 10, 14, 1
    run = mj.sweep(
        experiment.random_run, size=size, features=features, seed=seed, noise=0.1,
        capacity=10, room=14, float64=True,
    )  # fmt: skip
    keys = jax.random.split(jax.random.key(seed), 4)
    x = np.asarray(jax.random.normal(keys[0], (10 + experiment.TESTS, 5)))
    first = [jax.random.fold_in(k, 0) for k in keys[2:]]
    slopes = np.asarray(jax.random.normal(first[0], (5, experiment.BLOCK))) / 2
    phase = np.asarray(jax.random.uniform(first[1], (1, experiment.BLOCK)))
    f = np.sqrt(2 / 14) * np.cos(x @ slopes + 2 * np.pi * phase)[:, :14]
    y = np.sin(x[:, 0]) + x[:, 1] * x[:, 2] / 2
    labels = y[:10] + 0.1 * np.asarray(jax.random.normal(keys[1], (10,)))
    weights = np.linalg.lstsq(f[:10], labels, rcond=1e-12)[0]
    error = np.mean((f[10:] @ weights - y[10:]) ** 2)
    assert float(run.error) == pytest.approx(error, rel=1e-6)
    assert float(run.norm) == pytest.approx(np.linalg.norm(weights), rel=1e-6)


def test_the_bound_is_held_against_the_cheapest_place() -> None:
    labels = {"size": [10], "features": [5, 20], "ridge": [0.0, 1.0], "seed": [0, 1]}
    cost = np.array([[[1, 1], [1, 1]], [[6, 8], [2, 4.0]]])[None]
    runs = xr.Dataset({"variance": (tuple(labels), cost)}, labels)
    results = {"main": runs.assign(bound=2 * xr.ones_like(runs.variance))}
    np.testing.assert_allclose(experiment.tightness(results, "main"), [1, 2])
    assert jnp.isclose(theory.tradeoff(10, 20, 0.25), 0.125)
