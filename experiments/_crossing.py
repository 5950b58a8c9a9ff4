"""Where along a size a quantity passes a level, shared by two experiments."""

import numpy as np
import xarray as xr


def crossing(found: xr.DataArray, along: str, level: float) -> xr.DataArray:
    """Where `found` first reaches a level, on a straight line in the log of `along`.

    The first label where it has reached it there already; NaN where it never does, or
    some of it is NaN. For a quantity that falls: `crossing(-found, along, -level)`.
    """
    place = np.log(found[along].values)

    def first(row: np.ndarray) -> float:
        reached = np.flatnonzero(row >= level)
        if not len(reached) or np.isnan(row).any():
            return np.nan
        near = slice(max(reached[0] - 1, 0), reached[0] + 1)
        return float(np.exp(np.interp(level, row[near], place[near])))

    return xr.apply_ufunc(first, found, input_core_dims=[[along]], vectorize=True)


def exponent(y: xr.DataArray, x: xr.DataArray, along: str) -> xr.DataArray:
    """The slope of log y on log x by least squares; NaN where one of them is."""
    x, y = (xr.apply_ufunc(np.log, values) for values in (x, y))
    across = x - x.mean(along, skipna=False)
    both = (across * y).sum(along, skipna=False)
    return both / (across**2).sum(along, skipna=False)
