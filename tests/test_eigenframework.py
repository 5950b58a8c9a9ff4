"""The eigenframework: root finders, limits in closed form, and simulated regression."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

import memjax as mj

theory = mj.theory.eigenframework
PLACES = np.arange(1, 1001.0)
SPECTRA = {
    "power": PLACES**-1.5,
    "steep": PLACES**-3,
    "exponential": np.exp(-0.05 * PLACES),
}


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("size", [3, 100])
@pytest.mark.parametrize("ridge", [0.0, 0.1, 30.0])
def test_the_effective_ridge_is_the_root_of_its_equation(name, size, ridge) -> None:
    spectrum = SPECTRA[name]

    def spare(log: float) -> float:
        kappa = np.exp(log)
        return float(np.sum(spectrum / (spectrum + kappa)) + ridge / kappa - size)

    found = theory.effective_ridge(size, spectrum, ridge)
    assert float(jnp.log(found)) == pytest.approx(brentq(spare, -60, 20), abs=1e-9)


@pytest.mark.parametrize("features", [20, 100, 800])
@pytest.mark.parametrize("ridge", [0.0, 1e-4, 0.3])
def test_both_equations_of_random_features_hold(features, ridge) -> None:
    found = theory.fit(100, SPECTRA["power"], ridge=ridge, features=features)
    learned = float(found.learned.sum())
    if ridge:
        assert learned + ridge / float(found.kappa) == pytest.approx(100)
    wanted = min(features, 100) if not ridge else features
    kappa_part = 0 if not ridge else features * float(found.kappa / found.gamma)
    assert learned + kappa_part == pytest.approx(wanted)


def test_errors_are_those_of_the_papers_formula() -> None:
    """As printed, where nothing cancels; the module's own form has only sums."""
    spectrum, v, n, k, ridge, noise = SPECTRA["power"], PLACES**-1.2, 60, 90, 0.05, 0.3
    found = theory.fit(n, spectrum, v, noise, ridge, k)
    gamma, kappa = float(found.gamma), float(found.kappa)
    learned = spectrum / (spectrum + gamma)
    z, q = learned.sum(), (learned**2).sum()
    bias = gamma / (spectrum + gamma)
    bias -= kappa * spectrum / (spectrum + gamma) ** 2 * k / (k - q)
    test = (np.sum(bias * v) + noise) / (1 - (q * (k - 2 * z) + z**2) / (n * (k - q)))
    assert float(found.test) == pytest.approx(test)
    assert float(found.train) == pytest.approx((ridge / (n * kappa)) ** 2 * test)


def test_many_features_are_the_kernel() -> None:
    at = (100, SPECTRA["power"], PLACES**-1.5, 0.1, 0.2)
    kernel, wide = theory.fit(*at), theory.fit(*at, 1e9)
    learned = np.asarray(kernel.learned)
    overfitting = 100 / (100 - np.sum(learned**2))
    test = overfitting * (np.sum((1 - learned) ** 2 * PLACES**-1.5) + 0.1)
    assert float(kernel.test) == pytest.approx(test)
    assert float(wide.test) == pytest.approx(test, rel=1e-6)


@pytest.mark.parametrize("alpha", [1.5, 2.0, 3.0])
@pytest.mark.parametrize("size", [1e4, 1e6])
def test_a_power_law_without_ridge_overfits_by_its_exponent(alpha, size) -> None:
    places, count = theory.modes(1e60)
    found = theory.fit(size, theory.power(alpha, places), count=count)
    assert float(found.overfitting) == pytest.approx(alpha, rel=2e-4)
    gamma = (alpha / np.pi * np.sin(np.pi / alpha) * size) ** -alpha
    assert float(found.gamma) == pytest.approx(gamma, rel=1e-3)


def test_an_exponential_spectrum_overfits_in_proportion_to_its_samples() -> None:
    spectrum = np.exp(-0.05 * np.arange(1, 4001.0))
    for size in (200, 400):
        found = theory.fit(size, spectrum).overfitting
        assert float(found) == pytest.approx(0.05 * size, rel=1e-3)


def test_few_modes_are_ordinary_least_squares() -> None:
    found = theory.fit(50, np.ones(20), 1.0, 2.0)
    assert float(found.test) == pytest.approx(2 * 50 / 30)
    assert float(found.train) == pytest.approx(2 * 30 / 50)
    isotropic = theory.fit(50, np.ones(200))
    assert float(isotropic.overfitting) == pytest.approx(1 / (1 - 50 / 200))


def test_blocks_of_modes_stand_for_all_of_them() -> None:
    places, count = theory.modes(1e6)
    every = np.arange(1, 1e6 + 1)
    assert count.sum() == pytest.approx(1e6)
    for alpha in (1.2, 2.0):
        short = theory.fit(300, theory.power(alpha, places), count=count)
        full = theory.fit(300, theory.power(alpha, every))
        assert float(short.overfitting) == pytest.approx(
            float(full.overfitting), rel=1e-4
        )


def test_it_runs_under_vmap_and_in_single_precision() -> None:
    sizes, ridges = jnp.array([10.0, 100.0]), jnp.array([0.0, 1.0])
    spectrum = jnp.asarray(SPECTRA["power"])
    each = jax.vmap(lambda n, d: theory.fit(n, spectrum, ridge=d).test)(sizes, ridges)
    alone = [theory.fit(n, spectrum, ridge=d).test for n, d in ((10, 0), (100, 1))]
    np.testing.assert_allclose(each, np.array(alone))
    with jax.enable_x64(False):
        single = theory.fit(100, jnp.float32(SPECTRA["power"]), features=50)
    wanted = theory.fit(100, SPECTRA["power"], features=50)
    assert single.test.dtype == jnp.float32
    assert float(single.test) == pytest.approx(float(wanted.test), rel=1e-4)


@pytest.mark.parametrize(
    "features", [np.inf, 30, pytest.param(150, marks=pytest.mark.long)]
)
def test_simulated_regression_has_these_errors(features) -> None:
    """Gaussian designs, by numpy: train and test error, with a target and noise."""
    n, d, ridge, noise, draws = 60, 300, 0.05, 0.2, 200
    rng, spectrum = np.random.default_rng(0), np.arange(1, d + 1.0) ** -1.5
    v = np.arange(1, d + 1.0) ** -0.6
    errors = []
    for _ in range(draws):
        x = rng.standard_normal((n, d))
        y = x @ v + noise**0.5 * rng.standard_normal(n)
        mix = np.diag(spectrum)
        if np.isfinite(features):
            w = spectrum[:, None] ** 0.5 * rng.standard_normal((d, features))
            mix = w @ w.T / features
        kernel = x @ mix @ x.T
        a = np.linalg.solve(kernel + ridge * np.eye(n), y)
        test = np.sum((mix @ x.T @ a - v) ** 2) + noise
        errors.append((test, np.mean((kernel @ a - y) ** 2)))
    mean, error = np.mean(errors, 0), np.std(errors, 0, ddof=1) / draws**0.5
    found = theory.fit(n, spectrum, v**2, noise, ridge, features)
    exact = np.array([found.test, found.train], float)
    assert np.all(abs(mean - exact) < 4 * error + 0.01 * exact)  # 1 %: finite samples


@pytest.mark.parametrize(
    ("alpha", "beta", "noise"),
    [(2, 1.8, 0.0), (2, 1.8, 0.5), (2, 2.5, 0.5), (2, 3, 3.0), (1.5, 1.5, 1.0)],
)
def test_the_fitting_ratio_is_that_of_the_best_ridge(alpha, beta, noise) -> None:
    places, count = theory.modes(1e12)
    spectrum, v = places**-alpha, places**-beta
    alone = theory.fit(1e4, spectrum, v, 0.0, count=count).test

    def at(log: float) -> theory.Fit:
        return theory.fit(1e4, spectrum, v, noise * alone, np.exp(log), count=count)

    least = minimize_scalar(
        lambda log: float(at(log).test), bounds=(-25, 0), method="bounded"
    )
    best = float(at(least.x).train / at(least.x).test)
    wanted = float(theory.fitting_ratio(alpha, beta, noise))
    assert best == pytest.approx(wanted, abs=2e-3)


def test_a_smooth_target_without_noise_wants_no_ridge() -> None:
    assert float(theory.fitting_ratio(2.0, 2.5, 0.0)) == pytest.approx(0, abs=1e-12)
