"""Statistics of repeats: means, deviations, intervals, comparisons, fits over seeds.

What diverged is NaN; it is left out of all of them, and `used` counts what is not.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy.special import stdtrit
from scipy.stats import bootstrap, permutation_test

FEW = 20  # repeats below which the mean's interval is Student's
DRAWS = 9999  # of the bootstrap, and of signs


class Spread(NamedTuple):
    """A quantity over repeats: its mean and deviation, and how many were used."""

    mean: xr.DataArray
    sd: xr.DataArray
    used: xr.DataArray


def spread(quantity: xr.DataArray, dim: str = "seed") -> Spread:
    """Mean, standard deviation and count along `dim`, of the runs that are numbers.

    Runs that diverged or have not run are left out; `used` tells how many were not.
    The deviation is that of a sample, NaN for fewer than two runs.
    """
    used = _along(quantity, dim).notnull().sum(dim)
    # In double precision: squares of what is about to diverge are too large for single.
    sd = quantity.astype(float).std(dim, ddof=1, skipna=True).where(used > 1)
    return Spread(quantity.mean(dim, skipna=True), sd, used)


def _along(quantity: xr.DataArray, dim: str) -> xr.DataArray:
    """The quantity, if it still has the dimension of its repeats."""
    if dim not in quantity.dims:
        known = ", ".join(map(str, quantity.dims)) or "none"
        raise ValueError(f"there is no dimension {dim} to go over; there is {known}")
    return quantity


class Interval(NamedTuple):
    """A mean over repeats, the interval that it is known to, and how many were used."""

    mean: xr.DataArray
    low: xr.DataArray
    high: xr.DataArray
    used: xr.DataArray


def interval(
    quantity: xr.DataArray, dim: str = "seed", level: float = 0.95
) -> Interval:
    """The mean along `dim` and its interval: Student's t, or from 20 repeats bootstrap.

    The ends are NaN for fewer than two repeats, and where the mean is infinite.
    """

    def ends(values: np.ndarray) -> np.ndarray:
        known = values[~np.isnan(values)]
        if len(known) < 2 or not np.isfinite(known).all():
            return np.full(2, np.nan)
        return np.array(mean_interval(known, level))

    how: Any = {"input_core_dims": [[dim]], "output_core_dims": [["end"]]}
    whole = _along(quantity, dim).astype(float)
    found = xr.apply_ufunc(ends, whole, vectorize=True, **how)
    mean, used = quantity.mean(dim, skipna=True), quantity.notnull().sum(dim)
    return Interval(mean, found.isel(end=0), found.isel(end=1), used)


def mean_interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """The interval of the mean of independent values: Student's, or from 20 bootstrap.

    The bootstrap is bias-corrected and accelerated, from draws that are always the
    same.
    """
    count, mean = len(values), values.mean()
    if np.ptp(values) == 0:
        return float(mean), float(mean)
    if count < FEW:
        half = stdtrit(count - 1, (1 + level) / 2) * values.std(ddof=1) / count**0.5
        return float(mean - half), float(mean + half)
    how: Any = {"n_resamples": DRAWS, "rng": np.random.default_rng(0)}
    how |= {"confidence_level": level, "batch": max(1, 10**7 // count)}
    found = bootstrap((values,), np.mean, vectorized=True, **how).confidence_interval
    return float(found.low), float(found.high)


class Comparison(NamedTuple):
    """How much one quantity is above another, in pairs, and how surely."""

    difference: xr.DataArray  # of the means
    low: xr.DataArray
    high: xr.DataArray
    p: xr.DataArray  # how often signs at random would part them as far
    used: xr.DataArray  # pairs


def compare(
    one: xr.DataArray, other: xr.DataArray, dim: str = "seed", level: float = 0.95
) -> Comparison:
    """How much `one` is above `other`, run by run along `dim`, with an interval.

    Runs of one seed may share data and first weights, so they are compared in pairs;
    what only one has is left out. `p` is that of the signs of the differences: exact
    for up to thirteen pairs. Of n pairs it is 2^(1 - n) at least, however far they are
    apart: 0.125 of four, so that fewer than six never reach 0.05.
    """
    away = _along(one.astype(float) - other, dim).transpose(..., dim)
    mean, low, high, used = interval(away, dim, level)

    def unlikely(values: np.ndarray) -> float:
        known = values[~np.isnan(values)]
        if len(known) < 2 or not np.isfinite(known).all():
            return np.nan
        how: Any = {"permutation_type": "samples", "n_resamples": DRAWS}
        how |= {"rng": np.random.default_rng(0), "vectorized": True}
        return permutation_test((known,), np.mean, **how).pvalue

    p = xr.apply_ufunc(unlikely, away, input_core_dims=[[dim]], vectorize=True)
    return Comparison(mean, low, high, p, used)


class Fit(NamedTuple):
    """A curve fitted to each repeat: its parameters, along `param`, over repeats."""

    each: xr.DataArray
    mean: xr.DataArray
    low: xr.DataArray
    high: xr.DataArray
    used: xr.DataArray


def fit(
    curve: Callable[..., Any],
    quantity: xr.DataArray,
    along: str,
    start: Mapping[str, float],
    bounds: Mapping[str, tuple[float, float]] | None = None,
    dim: str = "seed",
) -> Fit:
    """Least squares of `curve(x, a, b, …)` to every repeat, `x` the labels of `along`.

    `mj.fit(lambda n, a, b: a * n**b, gap, "size", {"a": 1.0, "b": 0.3})`. Parameters
    are over all other dimensions, those of a repeat that has a NaN or whose fit does
    not converge NaN, and the interval is over `dim`.
    """
    whole = quantity.where(quantity.notnull().all(along))
    how: Any = {"p0": dict(start), "bounds": dict(bounds or {}), "errors": "ignore"}
    found = whole.curvefit(along, curve, param_names=[*start], **how)
    each = found.curvefit_coefficients
    return Fit(each, *interval(each, dim))


def redrawn(quantity: xr.DataArray, draws: int, dim: str = "seed") -> xr.DataArray:
    """So many draws of repeats, with replacement and always the same, along `draw`.

    For the interval of something else than a mean.
    """
    count = _along(quantity, dim).sizes[dim]
    drawn = np.random.default_rng(0).integers(count, size=(draws, count))
    return quantity.isel({dim: xr.DataArray(drawn, dims=("draw", dim))})


def tidy(results: xr.Dataset, *quantities: str) -> Any:
    """A `pandas.DataFrame` with a row for every run, or for every step of it.

    Quantities are all that have no dimensions besides axes and step, or those named.
    Runs that diverged or have not run are left out; `attrs["left_out"]` counts them.
    """
    plain = {*results.status.dims, "step"}
    every = [str(n) for n, v in results.items() if plain.issuperset(v.dims)]
    given = [*quantities] or [n for n in every if n not in ("status", "diverged_at")]
    table = results[[*given, "status"]].to_dataframe()
    kept = table[table["status"] == "ok"].drop(columns="status").reset_index()
    kept.attrs["left_out"] = int((results.status != "ok").sum())
    return kept
