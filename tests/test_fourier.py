"""Fourier observables against sums of waves and explicit projections."""

import jax.numpy as jnp
import numpy as np
import pytest

from memjax import observables as obs

P = 13
A = np.arange(P)


def wave(k: int, phase: float, height: float = 1.0) -> np.ndarray:
    return height * np.cos(2 * np.pi * k * A / P + phase)


def test_the_spectrum_holds_the_squared_heights_of_waves():
    x = jnp.array(5.0 + wave(2, 0.3, 3.0) + wave(5, 1.0, 4.0))
    shares = np.zeros(P // 2)
    shares[[1, 4]] = 9 / 25, 16 / 25
    np.testing.assert_allclose(obs.spectrum(x), shares, atol=1e-5)
    assert float(jnp.sum(obs.spectrum(jnp.zeros(P)))) == 0.0


def test_one_frequency_is_the_projection_on_its_sine_and_cosine():
    rng = np.random.default_rng(0)
    x, k = rng.standard_normal((4, P)).astype(np.float32), np.array([1, 3, 6, 3])
    for row, frequency, kept in zip(x, k, obs.at_frequency(x, k), strict=True):
        basis = np.stack([wave(frequency, 0), wave(frequency, -np.pi / 2)], axis=1)
        projected = basis @ np.linalg.lstsq(basis, row, rcond=None)[0]
        np.testing.assert_allclose(kept, projected, atol=1e-5)


def test_arrays_choose_their_frequency_together():
    u = jnp.array([wave(2, 0, 1.0) + wave(3, 0, 0.9)])  # alone it would choose 2
    v = jnp.array([wave(3, 1.0) + 7.0])
    assert obs.dominant_frequency(u).tolist() == [2]
    assert obs.dominant_frequency(u, v).tolist() == [3]
    kept_u, kept_v = obs.one_frequency(u, v)
    np.testing.assert_allclose(kept_u[0], wave(3, 0, 0.9), atol=1e-5)
    np.testing.assert_allclose(kept_v[0], wave(3, 1.0), atol=1e-5)
    _, with_mean = obs.one_frequency(u, v, keep_mean=True)
    np.testing.assert_allclose(with_mean, v, atol=1e-5)


def test_the_strongest_frequencies_are_those_of_all_rows_together():
    strength = {1: 0.2, 3: 1.0, 4: 2.0, 6: 0.5}
    rows = np.random.default_rng(7).uniform(0, 2 * np.pi, 5)  # phases
    waves = {
        k: np.stack([wave(k, (1 + k) * phase, height) for phase in rows])
        for k, height in strength.items()
    }
    x = jnp.array(10 + sum(waves.values()))
    for count, kept in ((1, (4,)), (2, (4, 3)), (3, (4, 3, 6)), (6, strength)):
        found = obs.strongest_frequencies(x, count)
        expected = sum(waves[k] for k in kept)  # the mean of 10 is gone
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_participation_counts_equal_waves(count):
    x = sum(wave(k + 1, 0.7 * k) for k in range(count))
    assert float(obs.inverse_participation(jnp.array(x))) == pytest.approx(1 / count)


def test_participation_of_white_noise():
    x = np.random.default_rng(1).standard_normal((4000, 101)).astype(np.float32)
    mean = float(jnp.mean(obs.inverse_participation(x)))
    assert mean == pytest.approx(2 / 51, rel=0.02)  # 50 exponential powers: 2/(50 + 1)


def test_phases_and_their_error():
    k, phases = 4, np.array([0.4, -2.9, 3.0])
    np.testing.assert_allclose(
        obs.phase(np.stack([wave(k, f) for f in phases]), k), phases, atol=1e-5
    )
    u, v = wave(k, 2.5)[None], wave(k, 1.5)[None]
    for away in (0.0, 0.6, -3.0):
        w = wave(k, 4.0 + away + 2 * np.pi)[None]
        found = float(obs.phase_error(u, v, w, np.array([k]))[0])
        assert found == pytest.approx(abs(away), abs=1e-4)


def test_spectra_are_averaged_by_the_frequency_of_others():
    x = jnp.array([wave(3, 0.1), wave(5, 1.0), wave(1, 0.0)])
    u = jnp.array([wave(2, 0.0), wave(2, 0.7), wave(6, 0.2)])
    expected = np.full((P // 2, P // 2), np.nan)
    expected[[1, 5]] = 0.0
    expected[1, [2, 4]], expected[5, 0] = 0.5, 1.0
    found = obs.spectra_by_frequency(x, u)
    np.testing.assert_allclose(found, expected, atol=1e-5)
