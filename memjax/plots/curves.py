"""Curves, points and bars of labelled arrays."""

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes

from memjax.plots.canvas import DASHES, filled
from memjax.plots.ticks import text_of
from memjax.statistics import spread

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")
ERRORS = {"sd": "± sd", "se": "± standard error"}


class Curve(NamedTuple):
    """One curve: what is drawn, where, and how it looks."""

    y: xr.DataArray
    at: Any
    look: dict[str, Any]
    marker: str
    error: str

    def spread(self) -> tuple[Any, Any, str]:
        """The mean over seeds, the half-width of its band, and what that is."""
        mean, sd, used = spread(self.y)
        half = sd if self.error == "sd" else sd / np.sqrt(used)
        some = used.where(used > 0, used.max())  # where there are none nothing is drawn
        least, most = int(some.min()), int(some.max())
        seeds = f"{most}" if least == most else f"{least} to {most}"
        return mean, half, f"{ERRORS[self.error]}, {seeds} seeds"


def lines(axis: Axes, y: xr.DataArray, x: Any, **how: Any) -> None:
    """Curves of `y` along `x`, with a band where there are seeds.

    `x` is the name of a dimension, or another quantity. How: `color`, `dash`, `label`,
    `error` as above, `shades` (a colormap for `color`), `marks` (a marker a color),
    `even` (labels of `x` evenly spaced), `each` (a line a seed and no band); anything
    else is for `Axes.plot`. Where `x` has seeds, its mean is taken.
    """
    each = how.pop("each", False)
    for curve in _curves(y, x, **how):
        look = curve.look
        if not each and "seed" in getattr(curve.at, "dims", ()):
            curve = curve._replace(at=spread(curve.at).mean)
        if "seed" not in curve.y.dims:
            axis.plot(curve.at, curve.y, **look)
        elif each:
            every = curve.y.transpose(..., "seed")
            axis.plot(curve.at, every, **{**look, "label": None})
            axis.plot([], [], **look)
        else:
            mean, half, words = curve.spread()
            axis.plot(curve.at, mean, **look)
            if np.any(half > 0):
                band = {"color": look["color"], "alpha": 0.2, "lw": 0}
                area = axis.fill_between(curve.at, mean - half, mean + half, **band)
                area.set_gid(f"band:{words}")


def points(axis: Axes, y: xr.DataArray, x: Any, join: bool = False, **how: Any) -> None:
    """Values of `y` at `x`, with bars where there are seeds; see `lines`.

    Points of a broken line are hollow; `join` draws the line.
    """
    for curve in _curves(y, x, **how):
        look = {"marker": curve.marker, "ms": 3.5, "elinewidth": 0.8, **curve.look}
        hollow = "dash" in how and look["ls"] != "-"
        look = {"mfc": "w" if hollow else look["color"], "zorder": 3, **look}
        look = look if join else {**look, "ls": ""}
        at, sideways = curve.at, None
        if "seed" in getattr(at, "dims", ()):
            at, sideways, _ = curve._replace(y=at).spread()
        if "seed" not in curve.y.dims:
            axis.errorbar(at, curve.y, None, sideways, **look)
            continue
        mean, half, words = curve.spread()
        drawn = axis.errorbar(at, mean, half, sideways, **look)
        if np.any(half > 0):
            drawn.lines[0].set_gid(f"bars:{words}")


def bars(axis: Axes, y: xr.DataArray, x: str, **how: Any) -> None:
    """Bars of `y` over the labels of `x`, side by side by `color`; see `lines`."""
    made = list(_curves(y, x, **how))
    for i, curve in enumerate(made):
        place = np.arange(y.sizes[x]) + (i - (len(made) - 1) / 2) * 0.8 / len(made)
        look = {**curve.look, "ls": ""}
        if "seed" not in curve.y.dims:
            axis.bar(place, curve.y, 0.8 / len(made), **look)
            continue
        mean, half, words = curve.spread()
        drawn = axis.bar(place, mean, 0.8 / len(made), yerr=half, **look)
        if np.any(half > 0):
            drawn.patches[0].set_gid(f"bars:{words}")
    axis.set_xticks(np.arange(y.sizes[x]), [text_of(v) for v in y[x].values])


def density(
    axis: Axes, values: xr.DataArray, edges: np.ndarray, color: str, **how: Any
) -> None:
    """How values are spread over all but `color`: outlines, each of area one.

    Histograms between the `edges`, without what is NaN; see `lines`.
    """
    rows = [part.values[part.notnull()] for part in values.transpose(color, ...)]
    heights = [np.histogram(row, edges, density=True)[0] for row in rows]
    labels = {color: values[color], "bin": (edges[1:] + edges[:-1]) / 2}
    how = {"color": color, "drawstyle": "steps-mid", **how}
    lines(axis, xr.DataArray(heights, labels), "bin", **how)


def _curves(
    y: xr.DataArray,
    x: Any,
    *,
    color: str = "C0",
    dash: Any = None,
    label: str = "",
    shades: str = "",
    even: bool = False,
    error: str = "sd",
    marks: bool = False,
    **style: Any,
) -> Iterator[Curve]:
    """Each curve of `y`, where it lies along `x`, and how it looks."""
    count = y.sizes.get(color, 1)
    tints = [f"C{i}" for i in range(count)] if color in y.dims else [color]
    if shades:
        tints = list(colormaps[shades](np.linspace(0, 0.9, count)))
    dashes = DASHES[: y.sizes[dash]] if dash in y.dims else [dash or "-"]
    apart = dash is None and not shades
    for (i, tint), (j, ls) in itertools.product(enumerate(tints), enumerate(dashes)):
        part = y.isel({d: k for d, k in ((color, i), (dash, j)) if d in y.dims})
        look = {"color": tint, "ls": DASHES[i % len(DASHES)] if apart else ls}
        if label and not j:
            look["label"] = filled(label, part)
        marker = MARKERS[i % len(MARKERS)]
        if marks:
            look["marker"] = marker
        along = part[x] if isinstance(x, str) else _like(x, part)
        at = [text_of(v) for v in along.values] if even else along
        yield Curve(part, at, {**look, **style}, marker, error)


def _like(x: xr.DataArray, curve: xr.DataArray) -> xr.DataArray:
    """The part of another quantity that belongs to a curve."""
    gone = {n: c.item() for n, c in curve.coords.items() if c.ndim == 0 and n in x.dims}
    return x.sel(gone)
