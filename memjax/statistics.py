"""The one statistic of repeats: means and deviations over seeds."""

from typing import NamedTuple

import xarray as xr


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
    used = quantity.notnull().sum(dim)
    sd = quantity.std(dim, ddof=1, skipna=True).where(used > 1)
    return Spread(quantity.mean(dim, skipna=True), sd, used)
