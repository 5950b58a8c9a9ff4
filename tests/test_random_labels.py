"""Random labels: their law, their noise, their nesting."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import memjax as mj
from memjax.datasets import (
    cube,
    exponential,
    gaussian,
    power_law,
    random_labels,
    uniform,
)

COUNT = 20_000
ALPHA = 0.7
LAWS = {
    uniform: np.ones(6),
    power_law: np.arange(1, 7.0) ** -ALPHA,
    exponential: np.exp(-ALPHA * np.arange(1, 7.0)),
}


@pytest.mark.parametrize("law", LAWS)
def test_labels_follow_their_law(law):
    data = random_labels(2, 6, COUNT, prior=law)(jax.random.key(5), COUNT, ALPHA)
    expected = COUNT * LAWS[law] / LAWS[law].sum()
    counts = np.bincount(data.y, minlength=6)
    assert scipy.stats.chisquare(counts, expected).pvalue > 1e-3


def test_labels_are_independent_of_inputs():
    data = random_labels(1, 2, COUNT)(jax.random.key(1), COUNT)
    table = np.histogram2d(np.asarray(data.x[:, 0]) > 0, data.y, bins=2)[0]
    assert scipy.stats.chi2_contingency(table).pvalue > 1e-3


@pytest.mark.parametrize(("inputs", "cdf"), [(gaussian, "norm"), (cube, "uniform")])
def test_inputs_follow_their_law(inputs, cdf):
    data = random_labels(1, 2, 5000, inputs=inputs)(jax.random.key(3), 5000)
    assert scipy.stats.kstest(np.asarray(data.x[:, 0]), cdf).pvalue > 1e-3


def test_noise_redraws_its_share_and_nests():
    dataset = random_labels(1, 10, COUNT)
    clean, some, more = (
        dataset(jax.random.key(0), COUNT, 1.0, s).y for s in (0, 0.2, 0.6)
    )
    changed = float(jnp.mean(clean != some))
    assert abs(changed - 0.2 * 0.9) < 4 * np.sqrt(0.18 * 0.82 / COUNT)
    assert bool(jnp.all((clean == some) | (some == more)))


@pytest.mark.long
def test_smaller_sets_are_prefixes():
    small = random_labels(3, 5, 8)(jax.random.key(4), 8)
    large = random_labels(3, 5, 50)(jax.random.key(4), 8)
    np.testing.assert_array_equal(small.x, large.x[:8])
    np.testing.assert_array_equal(small.y, large.y[:8])
    np.testing.assert_allclose(large.w, mj.prefix(8, 50))
    assert float(large.w.sum()) == pytest.approx(1)
    assert bool(jnp.all(large.x[8:] != 0))  # padding is real draws
