"""What experiments on Recursive Feature Machines share: checks, and what is drawn.

The AGOP is centered and the Gaussian kernel is exp(-d²/2L²), as in the authors' code. A
small `ridge` keeps solves positive definite; the published ones have none.
"""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

import memjax as mj
from memjax.plots import DASHES, frame, matrix, one, points

KERNELS = ("gaussian", "quadratic")
SHARES: dict[str, Any] = {"ylim": (-0.03, 1.06)}


def check(kernel: tuple, bandwidth: tuple, p: int, published_p: int) -> None:
    """Refuse flags that make no machine; a published modulus of 0 is left out."""
    mj.one_of(KERNELS, kernel=kernel)
    mj.inside(0, np.inf, bandwidth=bandwidth)
    mj.inside(2, np.inf, p=p, published_p=published_p or 3)


def draw_metric(axis: Axes, metric: xr.DataArray, title: str) -> None:
    """A feature matrix; the color scale is that of its block across both numbers."""
    metric = metric.isel(seed=0, missing_dims="ignore")
    p = metric.sizes["row"] // 2
    operation = metric.operation.item() if "operation" in metric.coords else "sum"
    numbers = mj.observables.pair_order(p, operation)
    both = np.concatenate([numbers, p + numbers])
    limit = float(np.quantile(abs(metric.values[p:, :p]), 0.995))
    matrix(axis, metric.isel(row=both, column=both), limit, "entry")
    in_order = ", in the order of powers" if len(numbers) < p else ""
    ticks = [0, len(numbers)]
    axis.set(xlabel=f"one-hot a, then b{in_order}", xticks=ticks, yticks=ticks)
    frame(axis, title, metric)


def draw_ends(
    axis: Axes, results: mj.Results, quantity: str, x: str, labels: dict[str, str]
) -> xr.DataArray:
    """A quantity at the end of sweeps with these labels against `x`, and the last."""
    for dash, (sweep, label) in zip(DASHES, labels.items(), strict=False):
        end = one(results[sweep], x, "kernel", index=0)[quantity].isel(step=-1)
        points(axis, end, x, join=True, dash=dash, color="kernel", label=label)
    return end
