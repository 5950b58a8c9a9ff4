"""Whether simulation agrees with theory within its own error, and no more than that."""

from typing import Any

import numpy as np
import xarray as xr


def assert_mean(values: xr.DataArray, exact: Any, known: float) -> None:
    """That means over seeds are those of theory within four of their standard errors.

    Four of them are at most `known`, as a share of theory: a test that knows less
    would agree with anything.
    """
    mean, count = values.mean("seed"), values.sizes["seed"]
    error = 4 * values.std("seed", ddof=1) / count**0.5
    apart = abs(mean - exact) / error
    assert np.all(apart < 1), f"{float(apart.max()) * 4:.1f} standard errors"
    share = float((error / abs(exact)).max())
    assert share < known, f"known to {share:.3f} only"


def without_first_order(few: xr.DataArray, many: xr.DataArray) -> xr.DataArray:
    """What is left of a quantity at n and 2 n, seed by seed, when 1 / n is taken out.

    Theory that is exact at many points is off by c / n at n of them; twice the value at
    2 n less that at n has lost it, whatever c is.
    """
    return 2 * many - few.assign_coords({d: many[d] for d in many.dims})
