"""Interpolating noise: the run against dense algebra and theory, kernels on spheres."""

import jax
import numpy as np
import pytest
import xarray as xr
from agreement import assert_mean, without_first_order

import memjax as mj
from experiments import tempered as experiment

theory = mj.theory.eigenframework
RUN = {"modes": 200, "draws": 64}


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def test_the_spectrum_is_what_it_says() -> None:
    i = np.array([1.0, 2.0, 10.0])
    found = experiment.eigenvalues(i, 1.0, 2.0, 0.3)
    np.testing.assert_allclose(found, np.exp(-0.3 * i) / (i * np.log(i + 1) ** 2))
    gone = experiment.eigenvalues(np.array([1e60]), 0.0, 0.0, 0.05)
    assert float(gone[0]) == 0


@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_modes_beyond_the_simulated_act_as_ridge(ridge) -> None:
    """1200 modes by numpy, of which the run simulates 200."""
    at = {"size": 20, "power": 2.0, "logs": 0.0, "rate": 0.0, "ridge": ridge}
    runs = mj.sweep(
        experiment.run, seed=range(60), capacity=20, float64=True, **RUN, **at
    )
    rng, spectrum, found = np.random.default_rng(1), np.arange(1, 1201.0) ** -2, []
    tail = 1 / 1200.5  # of the modes that numpy leaves out, too
    for _ in range(60):
        z = rng.standard_normal((20, 1200))
        system = (z * spectrum) @ z.T + (tail + ridge) * np.eye(20)
        onto = spectrum[:, None] * z.T @ np.linalg.inv(system)
        found.append(np.sum(onto**2))  # the mean over labels of variance one
    error = np.hypot(np.std(found), float(runs.excess.std("seed"))) / 60**0.5
    assert abs(np.mean(found) - float(runs.excess.mean("seed"))) < 4 * error


def simulated(size: int, law: tuple, ridge: float, modes: int) -> tuple[float, float]:
    """Theory's excess and train error of a run, the modes beyond its own as ridge."""
    own = experiment.eigenvalues(np.arange(1.0, modes + 1), *law)
    every = experiment.COUNT * experiment.eigenvalues(experiment.PLACES, *law)
    whole = ridge + np.sum(np.where(experiment.PLACES > modes, every, 0))
    found = theory.fit(size, own, ridge=whole)
    return float(found.test) - 1, float(found.train) * (ridge / whole) ** 2


@pytest.mark.long
def test_the_run_tends_to_theory_as_one_over_n() -> None:
    """At 20 samples and at 40, with rates and ridges that make both the same task."""
    laws = {"power": (1.5, 2.0, 1.0, 0.0), "logs": (0.0, 0.0, 2.0, 0.0)}
    how = {"capacity": 40, "draws": 64, "modes": 200, "float64": True}

    def ratios(size: int) -> tuple[xr.DataArray, xr.DataArray]:
        rate, ridge = (0.0, 0.0, 0.0, 4.0 / size), (0.0, 20.0 / size, 0.0, 0.0)
        at = mj.zipped(**laws, rate=rate, ridge=ridge)
        runs = mj.sweep(experiment.run, at, size=size, seed=range(400), **how)
        each = zip(zip(*laws.values(), rate, strict=True), ridge, strict=True)
        excess, train = np.transpose([simulated(size, *case, 200) for case in each])
        at_ridge = runs.train.isel(power=1) / train[1]  # the others interpolate
        return runs.excess / xr.DataArray(excess, dims="power"), at_ridge

    for few, many in zip(ratios(20), ratios(40), strict=True):
        assert_mean(without_first_order(few, many), 1.0, known=0.08)


@pytest.mark.long
@pytest.mark.parametrize("ridge", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("power", [1.5, 2.0, 3.0])
def test_modes_beyond_the_simulated_are_a_hundredth_at_most(power, ridge) -> None:
    """At the default's largest size, theory with them as ridge and without."""
    at = {"power": power, "logs": 0.0, "rate": 0.0, "ridge": ridge, "size": 400}
    endless = mj.sweep(experiment.theory_run, float64=True, **at)
    excess, _ = simulated(400, (power, 0.0, 0.0), ridge, 2000)
    assert excess == pytest.approx(float(endless.excess), rel=0.01)


def test_padding_changes_nothing() -> None:
    at = {"size": 12, "power": 2.0, "logs": 0.0, "rate": 0.0, "ridge": 0.1, "seed": 3}
    few, many = (
        mj.sweep(experiment.run, capacity=c, float64=True, **RUN, **at)
        for c in (12, 16)
    )
    np.testing.assert_allclose(few.excess, many.excess, rtol=1e-9)
    np.testing.assert_allclose(few.train, many.train, rtol=1e-9)


def test_the_tangent_kernel_is_that_of_a_wide_network() -> None:
    """By its definition: means over Gaussian weights of relu and of its slope."""
    u, z = 0.3, np.random.default_rng(0).standard_normal((2, 2_000_000))
    a, b = z[0], u * z[0] + (1 - u**2) ** 0.5 * z[1]
    features = np.mean(np.maximum(a, 0) * np.maximum(b, 0))
    slopes = np.mean((a > 0) & (b > 0))
    assert float(experiment.ntk(np.array(u))) == pytest.approx(
        2 * (features + u * slopes), rel=5e-3
    )


def test_a_laplace_kernel_on_the_circle_joins_noise_by_straight_lines() -> None:
    """Between neighbors t apart it mixes their labels, as (1 - t)² + t² on average.

    Lines that are not quite straight have less, by the mean square of the distance
    between neighbors, which is of the order 1 / n²: 50 points and 100 take it out.
    """
    at = {"dim": 1, "ridge": 0.0, "kernel": "laplace", "float64": True}
    shapes = {"largest": 2, "draws": 32, "tests": 500, "capacity": 100}
    runs = mj.sweep(
        experiment.sphere_run, size=[50, 100], seed=range(200), **shapes, **at
    )
    few, many = (runs.excess.sel(size=n, drop=True) for n in (50, 100))
    assert_mean((4 * many - few) / 3, 2 / 3, known=0.02)
    assert_mean(runs.nearest, 1.0, known=0.02)


def test_measures_know_what_grows() -> None:
    size = np.array([50, 400])
    excess = (("size", "seed"), 3.0 * size[:, None] ** np.array([0.5, -1.0]))
    runs = xr.Dataset({"excess": excess}, {"size": size, "seed": [0, 1]})
    results = {"main": runs, "theory": runs.mean("seed")}
    grown = experiment.growth(results, "main", "50", "400")
    np.testing.assert_allclose(grown, [0.5, -1.0])
    left = experiment.share(results, "main", "50", "400")
    np.testing.assert_allclose(left, [8**0.5, 1 / 8])
    apart = experiment.away(results, "main", "theory", "0.5")
    assert apart.value == pytest.approx(0, abs=1e-12)
