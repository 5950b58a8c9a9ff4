"""Statistics of repeats against closed forms, enumerations and numpy."""

from itertools import product

import numpy as np
import pytest
import scipy.stats
import xarray as xr

import memjax as mj
from memjax.statistics import mean_interval


def over_seeds(values, **coords):
    """Values [..., seed] with seeds counted from 0."""
    values = np.asarray(values, float)
    dims = (*coords, "seed")
    return xr.DataArray(values, {**coords, "seed": range(values.shape[-1])}, dims)


# --- intervals ------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 3, 8, 19])
def test_below_twenty_repeats_it_is_students(count):
    values = np.random.default_rng(count).normal(size=(3, count))
    found = mj.interval(over_seeds(values, lr=[1.0, 2.0, 3.0]))
    for row, low, high in zip(values, found.low, found.high, strict=True):
        error = row.std(ddof=1) / np.sqrt(count)
        t = scipy.stats.t.ppf(0.975, count - 1)
        np.testing.assert_allclose(
            [low, high], [row.mean() - t * error, row.mean() + t * error]
        )


def test_what_has_no_repeats_is_told_so():
    mean = over_seeds([[1, 2], [3, 4]], lr=[1, 2]).mean("seed")
    for ask in (mj.interval, mj.spread, lambda a: mj.compare(a, a)):
        with pytest.raises(
            ValueError, match="no dimension seed to go over; there is lr"
        ):
            ask(mean)


@pytest.mark.filterwarnings("error")
def test_the_deviation_of_large_numbers_of_single_precision_is_finite():
    large = over_seeds([1e25, 3e25]).astype("float32")
    assert float(mj.spread(large).sd) == pytest.approx(2**0.5 * 1e25)


def test_signs_of_few_pairs_are_never_unlikely():
    apart = over_seeds([5.0, 6.0, 7.0, 8.0])
    assert float(mj.compare(apart, 0 * apart).p) == 2**-3


def bca(values, draws, level=0.95):
    """Efron's bias-corrected and accelerated interval of the mean, by hand."""
    drawn = np.random.default_rng(5).integers(len(values), size=(draws, len(values)))
    means = np.sort(values[drawn].mean(1))
    normal = scipy.stats.norm
    bias = normal.ppf((means < values.mean()).mean())
    left = (values.sum() - values) / (len(values) - 1)
    away = left.mean() - left
    acceleration = (away**3).sum() / (6 * (away**2).sum() ** 1.5)
    z = bias + normal.ppf([(1 - level) / 2, (1 + level) / 2])
    return np.quantile(means, normal.cdf(bias + z / (1 - acceleration * z)))


def test_from_twenty_on_it_is_the_bootstrap_corrected_for_skew():
    values = np.random.default_rng(4).exponential(size=40)
    found, right = mean_interval(values), bca(values, 200_000)
    plain = scipy.stats.t.interval(0.95, 39, values.mean(), scipy.stats.sem(values))
    # Four standard errors of a quantile of 9999 draws, from the density there.
    error = 4 * values.std() / np.sqrt(40) * np.sqrt(0.025 * 0.975 / 9999) / 0.0584
    assert found == pytest.approx(right, abs=error)
    assert abs(found[1] - plain[1]) > error  # skew shows
    assert found == mean_interval(values)


def test_what_diverged_is_left_out_and_counted():
    values = over_seeds(
        [[1.0, 2.0, np.nan, 3.0], [1.0, np.nan, np.nan, np.nan]], wd=[0, 1]
    )
    found = mj.interval(values)
    np.testing.assert_array_equal(found.used, [3, 1])
    np.testing.assert_array_equal(found.mean, [2, 1])
    np.testing.assert_allclose(found.high[0] - 2, 4.302653 / np.sqrt(3), rtol=1e-6)
    assert np.isnan(found.low[1]) and np.isnan(found.high[1])
    never = mj.interval(over_seeds([1.0, np.inf]))
    assert float(never.mean) == np.inf and np.isnan(never.low)


def test_a_level_is_the_share_of_intervals_that_cover():
    values = np.random.default_rng(6).normal(size=(4000, 5))
    found = mj.interval(over_seeds(values, again=range(4000)), level=0.8)
    covered = float(((found.low <= 0) & (found.high >= 0)).mean())
    assert covered == pytest.approx(0.8, abs=4 * np.sqrt(0.8 * 0.2 / 4000))


# --- pairs ----------------------------------------------------------------------------


def test_pairs_are_compared_by_their_differences_and_all_signs():
    draw = np.random.default_rng(7)
    shared = 10 * draw.normal(size=8)  # the same data and first weights
    one, other = shared + 0.5 + 0.3 * draw.normal(size=8), shared
    found = mj.compare(over_seeds(one), over_seeds(other))
    away = one - other
    half = scipy.stats.t.ppf(0.975, 7) * away.std(ddof=1) / np.sqrt(8)
    np.testing.assert_allclose(found.difference, away.mean())
    ends = away.mean() - half, away.mean() + half
    np.testing.assert_allclose([found.low, found.high], ends)
    signs = np.array(list(product([-1, 1], repeat=8)))
    as_far = np.abs((signs * away).mean(1)) >= abs(away.mean()) * (1 - 1e-12)
    assert float(found.p) == pytest.approx(as_far.mean())
    unpaired = scipy.stats.ttest_ind(one, other).pvalue
    assert found.p < 0.05 < unpaired


def test_only_pairs_count():
    one = over_seeds([1.0, 2.0, 4.0, 9.0])
    other = over_seeds([0.0, np.nan, 1.0, 0.0]).isel(seed=[2, 1, 0])  # not seed 3
    found = mj.compare(one, other)
    assert int(found.used) == 2 and float(found.difference) == 2


# --- fits -----------------------------------------------------------------------------


def test_a_fit_gives_back_the_law_of_every_seed():
    n = np.array([50.0, 100.0, 200.0, 400.0])
    b = np.array([0.2, 0.25, 0.3, np.nan])
    gap = xr.DataArray(6 * n[:, None] ** b, {"size": n, "seed": range(4)})

    def law(x, a, b):
        return a * x**b

    found = mj.fit(law, gap, "size", {"a": 1.0, "b": 0.5})
    np.testing.assert_allclose(found.each.sel(param="b"), b, rtol=1e-5)
    assert found.used.sel(param="b") == 3
    right = scipy.stats.t.ppf(0.975, 2) * 0.05 / np.sqrt(3)
    at = {"param": "b"}
    assert float(found.mean.sel(at)) == pytest.approx(0.25, rel=1e-5)
    assert float(found.high.sel(at)) == pytest.approx(0.25 + right, rel=1e-5)
    assert float(found.low.sel(at)) == pytest.approx(0.25 - right, rel=1e-5)


def test_a_fit_of_a_line_is_that_of_polyfit():
    draw = np.random.default_rng(8)
    x = np.linspace(0, 1, 7)
    y = xr.DataArray(draw.normal(size=(7, 3)), {"x": x, "seed": range(3)})
    found = mj.fit(lambda x, a, b: a * x + b, y, "x", {"a": 0.0, "b": 0.0})
    right = np.polyfit(x, y, 1)
    np.testing.assert_allclose(found.each.transpose("param", "seed"), right, atol=1e-6)


# --- tables ---------------------------------------------------------------------------


def test_a_tidy_table_has_a_row_for_every_step_of_runs_that_are_ok():
    results = xr.Dataset(
        {
            "loss": (("lr", "seed", "step"), np.arange(8.0).reshape(2, 2, 2)),
            "status": (("lr", "seed"), [["ok", "diverged"], ["ok", "ok"]]),
            "diverged_at": (("lr", "seed"), [[-1, 1], [-1, -1]]),
            "spectrum": (("lr", "seed", "eigen"), np.zeros((2, 2, 3))),
            "norm": (("lr", "seed"), [[1, 2], [3, 4]]),
        },
        {"lr": [0.1, 0.2], "seed": [0, 1], "step": [0, 5], "width": 7},
    )
    table = mj.tidy(results)
    assert set(table.columns) == {"lr", "seed", "step", "width", "loss", "norm"}
    assert len(table) == 6 and table.attrs["left_out"] == 1
    row = table[(table.lr == 0.2) & (table.seed == 1) & (table.step == 5)]
    assert (row.loss.item(), row.norm.item(), row.width.item()) == (7.0, 4, 7)
    assert not ((table.lr == 0.1) & (table.seed == 1)).any()
    few = mj.tidy(results, "norm")
    assert len(few) == 3 and "step" not in few
    assert few.norm.dtype.kind == "i"


def test_draws_with_replacement_give_the_bootstraps_interval():
    values = over_seeds(np.random.default_rng(9).normal(size=30))
    drawn = mj.redrawn(values, 5000)
    assert drawn.sizes == {"draw": 5000, "seed": 30}
    error = float(drawn.mean("seed").std("draw"))
    right = float(values.std() / np.sqrt(30))  # of the plug-in mean
    assert error == pytest.approx(right, rel=4 / np.sqrt(2 * 5000))
