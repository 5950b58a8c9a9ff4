"""Random features: the run against dense algebra and theory, and the measures."""

import jax
import numpy as np
import pytest
import xarray as xr
from agreement import assert_mean, without_first_order

import memjax as mj
from experiments import more_is_better as experiment

TASK = {"alpha": 1.5, "beta": 1.2, "noise": 0.2, "modes": 200}


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@pytest.mark.long
def test_the_run_tends_to_theory_as_one_over_n() -> None:
    """At 20 samples and at 40, features and samples in the same shares.

    Eigenvalues i^-2 make half the ridge at twice the samples the same task, and a
    target i^-1.2 noise that is 2^-.2 of what it was.
    """
    pairs = mj.zipped(
        features=(8, 32, 16, 64),
        size=(20, 20, 40, 40),
        noise=(0.2, 0.2, 0.2 * 2**-0.2, 0.2 * 2**-0.2),
    )
    task = {"alpha": 2.0, "beta": 1.2, "modes": 200}
    how = {"capacity": 40, "widest": 64, "float64": True}
    runs = mj.sweep(experiment.run, pairs, seed=range(500), **how, **task)
    exact = mj.sweep(experiment.theory_run, pairs, float64=True, **task)
    for name in ("test", "train"):
        ratio = runs[name] / exact[name]
        few = ratio.sel(features=[8, 32], ridge=[0.1, 0.4, 1.6, 6.4])
        many = ratio.sel(features=[16, 64], ridge=[0.05, 0.2, 0.8, 3.2])
        assert_mean(without_first_order(few, many), 1.0, known=0.15)


def test_the_run_is_regression_on_its_features_alone() -> None:
    """The train error by numpy, of regression in features rather than in samples."""
    at = {"size": 10, "features": 6, "seed": 3, "widest": 6, "capacity": 10, **TASK}
    found = mj.sweep(experiment.run, float64=True, **at)
    keys = jax.random.split(jax.random.key(3), 3)
    x, noise, mix = (
        np.asarray(jax.random.normal(key, shape))
        for key, shape in zip(keys, ((10, 200), (10,), (200, 6)), strict=True)
    )
    places = np.arange(1, 201.0)
    target = places**-0.6
    y = x @ target + 0.2**0.5 * noise
    mix = mix * places[:, None] ** -0.75 / 6**0.5
    for ridge in (0.001, 0.8):
        seen = x @ mix
        c = np.linalg.solve(seen.T @ seen + ridge * np.eye(6), seen.T @ y)
        here = found.sel(ridge=ridge)
        assert float(here.train) == pytest.approx(np.mean((seen @ c - y) ** 2))
        missed = mix @ c - target
        assert float(here.test) == pytest.approx(missed @ missed + 0.2)


@pytest.mark.long
def test_padding_changes_nothing_in_distribution() -> None:
    at = {"size": 20, "features": 10, **TASK}
    how = {"seed": range(60), "float64": True}
    bare = mj.sweep(experiment.run, capacity=20, widest=10, **how, **at)
    full = mj.sweep(experiment.run, capacity=30, widest=25, **how, **at)
    spread = np.hypot(bare.test.std("seed"), full.test.std("seed")) / 60**0.5
    assert np.all(abs(bare.test.mean("seed") - full.test.mean("seed")) < 4 * spread)


def test_measures_know_what_is_better() -> None:
    labels = {"size": [100], "features": [25, 100], "ridge": [0.001, 0.1]}
    test = np.array([[[1.0, 0.8], [3.0, 0.5]]])
    exact = xr.Dataset({"test": (tuple(labels), test)}, labels)
    runs = exact.expand_dims(seed=[0, 1])
    runs["train"] = runs.test * xr.DataArray([0.1, 0.6], {"ridge": [0.001, 0.1]})
    results = {"main": runs, "theory": exact}
    assert experiment.step(results, "features") == pytest.approx(1 - 0.5 / 0.8)
    gained = experiment.gain(results, "features", "25", "100")
    np.testing.assert_allclose(gained.squeeze(), [0.375, 0.375])
    np.testing.assert_allclose(experiment.fitted(results, "0.05"), 0.6)
    np.testing.assert_allclose(np.squeeze(experiment.hump(results)), 3.0)
    assert experiment.away(results, "test", "0.1").value == pytest.approx(0)


def test_the_search_finds_the_ratio_of_the_closed_form() -> None:
    found = mj.sweep(
        experiment.ratio_run, alpha=2.0, beta=1.8, share=[0.5, 2.0], float64=True
    )
    np.testing.assert_allclose(found.searched, found.closed, rtol=2e-3)
