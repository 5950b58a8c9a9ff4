"""Interpolation on the circle: closed forms against sums and solves, and the run."""

import jax
import numpy as np
import pytest
import xarray as xr
from scipy.optimize import minimize_scalar

import memjax as mj
from experiments import ridgeless_circle as experiment

theory = mj.theory.circle
COEFFICIENTS = {  # of the kernels, as functions of s m
    "laplace": lambda sm: 1 / (1 + sm**2),
    "cauchy": lambda sm: np.exp(-abs(sm)),
    "gaussian": lambda sm: np.exp(-(sm**2) / 2),
}


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("name", COEFFICIENTS)
@pytest.mark.parametrize("a", [0.8, 2.5, 9.0])
def test_sums_over_aliases_have_their_closed_form(name, a) -> None:
    n, k = 8, np.arange(8)
    m = k[:, None] + n * np.arange(-200_000, 200_001)
    every = COEFFICIENTS[name](a / n * m)
    found = getattr(theory, name)(k / n, a)
    np.testing.assert_allclose(found.own, COEFFICIENTS[name](a / n * k))
    np.testing.assert_allclose(found.sum, every.sum(1), rtol=1e-4)
    np.testing.assert_allclose(found.squares, (every**2).sum(1), rtol=1e-9)


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_the_kernels_have_these_coefficients(name) -> None:
    s, x = 0.4, np.array([0.3, 1.0, 3.0, 6.0])
    m = np.arange(-200_000, 200_001)
    wanted = (COEFFICIENTS[name](s * m) * np.cos(m * x[:, None])).sum(1)
    np.testing.assert_allclose(
        getattr(mj.kernels.circle, name)(x, s), wanted, atol=1e-4
    )


def test_the_circle_is_integrated_between_the_points() -> None:
    found = mj.datasets.circle(5, capacity=8, nodes=8)
    np.testing.assert_allclose(found.x[:5], 2 * np.pi * np.arange(5) / 5)
    np.testing.assert_allclose(found.w, [0.2] * 5 + [0] * 3)
    for wave in range(1, 6):
        square = found.shares @ np.cos(wave * found.between) ** 2
        assert float(square) == pytest.approx(0.5, abs=1e-5)
        assert float(found.shares @ np.sin(wave * found.between)) == pytest.approx(0)
    inside = np.asarray(found.between)[np.asarray(found.shares) > 0]
    assert len(inside) == 40 and inside.min() > 0 and inside.max() < 2 * np.pi


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_the_errors_are_those_of_a_direct_solve(name) -> None:
    """At 16 points: the wave's error, and the noise's by its covariance."""
    n, a, wave = 16, 1.5, 3
    x, t = (2 * np.pi * np.arange(m) / m for m in (n, 256 * n))

    def gram(x: np.ndarray, z: np.ndarray) -> np.ndarray:
        apart = abs(x[:, None] - z[None, :]) % (2 * np.pi)
        return np.asarray(getattr(mj.kernels.circle, name)(apart, a / n))

    weights = np.linalg.solve(gram(x, x), gram(x, t))  # of every label, at every t
    missed = np.exp(1j * wave * x) @ weights - np.exp(1j * wave * t)
    found = theory.errors(getattr(theory, name), n, a, wave, n)
    assert float(found.approximation) == pytest.approx(
        np.mean(abs(missed) ** 2), rel=1e-3
    )
    assert float(found.estimation) == pytest.approx(
        np.mean(np.sum(weights**2, axis=0)), rel=1e-3
    )


@pytest.mark.parametrize(
    ("name", "n", "best", "least"),
    [
        ("laplace", 32, 2.543, 0.5017),
        ("laplace", 4096, 2.542, 0.5003),
        ("cauchy", 512, 1.661, 0.5390),
        ("gaussian", 512, 1.875, 0.6276),
    ],
)
def test_the_best_bandwidth_has_the_known_numbers(name, n, best, least) -> None:
    kernel = getattr(theory, name)
    sums = jax.jit(lambda a: sum(theory.errors(kernel, n, a, 1, n)))
    found = minimize_scalar(sums, bounds=(0.5, 8), method="bounded")
    assert found.x == pytest.approx(best, abs=2e-3)
    assert found.fun == pytest.approx(least, abs=5e-5)


def test_a_wide_laplace_kernel_joins_noise_by_straight_lines() -> None:
    assert float(theory.errors(theory.laplace, 64, 500.0, 1, 64).estimation) == (
        pytest.approx(2 / 3, abs=1e-4)
    )


@pytest.mark.parametrize(
    "name",
    [
        "laplace",
        *(pytest.param(n, marks=pytest.mark.long) for n in ("cauchy", "gaussian")),
    ],
)
def test_the_run_agrees_with_theory_and_padding_changes_nothing(name) -> None:
    at = {"size": 12, "a": 2.0, "noise": 0.7, "wave": 2, "kernel": name}
    runs = mj.sweep(experiment.run, seed=range(100), capacity=16, **at)
    exact = mj.sweep(experiment.theory_run, capacity=16, **at)
    np.testing.assert_allclose(runs.approximation, exact.approximation, rtol=1e-3)
    for part in ("estimation", "excess"):
        error = float(runs[part].std("seed", ddof=1)) / 10
        assert abs(float(runs[part].mean("seed") - exact[part])) < 4 * error, part
    alone = mj.sweep(experiment.run, seed=range(2), capacity=12, **at)
    np.testing.assert_allclose(alone.excess, runs.excess[:2], rtol=1e-6)
    bare = mj.sweep(experiment.theory_run, capacity=12, **at)
    np.testing.assert_allclose(bare.estimation, exact.estimation, rtol=1e-12)


def test_every_data_set_has_its_own_best_bandwidth() -> None:
    excess = np.array([[[0.5, 0.4], [0.3, 0.6]], [[0.9, 0.2], [0.6, 0.7]]])
    labels = {"size": [16, 128], "a": [1.0, 2.0], "seed": [0, 1]}
    results = {"main": xr.Dataset({"excess": (tuple(labels), excess)}, labels)}
    kept = experiment.kept(results, "16", "128")
    np.testing.assert_allclose(kept, [0.6 - 0.9 * 0.3, 0.2 - 0.9 * 0.4])
