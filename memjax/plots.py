"""Panels in few words: labelled results, drawn by the names of their dimensions.

Every verb takes a matplotlib `Axes` and a `DataArray`. Where that has a dimension
`seed`, its mean is drawn with a band or bars of one standard deviation (of a sample),
or of one standard error of the mean where `error="se"` is given; `frame` says which in
the legend. `color` and `dash` name dimensions, with a curve for each of their labels,
or are a color and a line style. Curves of several colors differ in dash and marker,
too, unless `dash` is given or `shades` orders them. Text in braces, `"ε = {eps:g}"`, is
filled in from the labels of what is drawn. A picture of each verb: docs/panels.md.
"""

import itertools
import string
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from memjax.statistics import spread

DASHES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")
ERRORS = {"sd": "± sd", "se": "± standard error"}
BESIDE: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}


# --- what is drawn ------------------------------------------------------------------


def one(results: Any, *keep: str, index: int = -1) -> Any:
    """The results at one value, the last, of every axis but these; seeds stay.

    What was left at one value is a label that a title can name: `"p = {p}"`.
    """
    axes = getattr(results, "status", results).dims
    return results.isel(
        {d: index for d in axes if d not in ("seed", "step", "leg", *keep)}
    )


def filled(text: str, of: Any) -> str:
    """A text with the labels in it that are the same for all of what is drawn."""
    return text.format(**{n: c.item() for n, c in of.coords.items() if c.size == 1})


# --- the canvas ---------------------------------------------------------------------


def panels(mosaic: str, size: tuple[float, float]) -> tuple[Figure, dict[str, Axes]]:
    """A figure and its panels by letter: `panels("ab;cc", (8, 6))` has c below.

    Rows after `;` are one grid, those after `|` have columns of their own.
    """
    canvas = Figure(figsize=size)
    axes: dict[str, Axes] = {}
    rows = mosaic.split("|")
    parts = canvas.subfigures(len(rows), 1, squeeze=False)[:, 0]
    for part, row in zip(parts, rows, strict=True):
        axes |= part.subplot_mosaic(row)
    return canvas, axes


def mosaic(*grids: tuple[int, int]) -> str:
    """Letters for `panels` by columns and rows: of (3, 2), (1, 1) it is "abc;def|g"."""
    letter = iter(string.ascii_letters)
    parts = [
        ";".join("".join(itertools.islice(letter, columns)) for _ in range(rows))
        for columns, rows in grids
    ]
    return "|".join(parts)


def frame(axis: Axes, title: str = "", of: Any = None, **labels: Any) -> None:
    """Title a panel after its letter and name its axes; `legend` takes its place.

    There is a legend where something has a label, and in it what bands and bars are:
    `± sd, 8 seeds`; `legend=False` leaves it out. `labels` are those of `Axes.set`;
    labels of `of` fill the title.
    """
    place = labels.pop("legend", {})
    axis.set(**labels)
    words = title if of is None else filled(title, of)
    axis.set_title(f"({axis.get_label()}) {words}", loc="left")
    handles, names = axis.get_legend_handles_labels()
    for handle, name in _spreads(axis):
        handles.append(handle)
        names.append(name)
    if handles and place is not False:
        axis.legend(handles, names, **place)


def key(axis: Axes, label: str, style: str = "-", **look: Any) -> None:
    """A line of the legend that stands for no curve of its own."""
    axis.plot([], [], style, label=label, **{"color": "0.3", **look})


def keys(axis: Axes, *labels: str) -> None:
    """A line of the legend for each curve of a dimension that `dash` names."""
    for label, dash in zip(labels, DASHES, strict=False):
        axis.plot([], [], ls=dash, color="0.3", label=label)


def level(axis: Axes, at: Any, label: str = "", **look: Any) -> None:
    """A horizontal line, dotted and black: a theory's or a published value."""
    look = {"color": "k", "ls": ":", "lw": 1, **look}
    axis.axhline(float(at), label=label or None, **look)


def log_ticks(axis: Axes, labels: Any, along: str = "x") -> None:
    """A logarithmic axis that names these values and no others."""
    axis.set(**{f"{along}scale": "log"})
    side = getattr(axis, f"{along}axis")
    side.set_ticks(labels, labels=[_text(v) for v in labels])
    side.set_ticks([], minor=True)


def _spreads(axis: Axes) -> Iterator[tuple[Any, str]]:
    """A handle and words for every kind of band and bar in a panel."""
    found: dict[str, Any] = {}
    for artist in axis.findobj(lambda a: "±" in str(a.get_gid())):
        kind, _, words = str(artist.get_gid()).partition(":")
        band, bars = Patch(color="0.8", lw=0), Line2D([], [], color="0.3", marker="|")
        found.setdefault(words, band if kind == "band" else bars)
    for words, handle in found.items():
        yield handle, words


# --- curves -------------------------------------------------------------------------


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
        least, most = int(used.min()), int(used.max())
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
        at = [_text(v) for v in along.values] if even else along
        yield Curve(part, at, {**look, **style}, marker, error)


def _like(x: xr.DataArray, curve: xr.DataArray) -> xr.DataArray:
    """The part of another quantity that belongs to a curve."""
    gone = {n: c.item() for n, c in curve.coords.items() if c.ndim == 0 and n in x.dims}
    return x.sel(gone)


# --- areas --------------------------------------------------------------------------


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
    axis.set_xticks(np.arange(y.sizes[x]), [_text(v) for v in y[x].values])


def cells(axis: Axes, z: xr.DataArray, x: str, y: str, **style: Any) -> Any:
    """A phase diagram: one cell for every setting, whatever lies between the labels.

    Means over seeds; what diverged or was not run is gray. Returns what a colorbar
    takes.
    """
    z = spread(z).mean if "seed" in z.dims else z
    image = axis.pcolormesh(z.transpose(y, x).values, **style)
    axis.set_facecolor("0.85")
    axis.set_xticks(np.arange(z.sizes[x]) + 0.5, [_text(v) for v in z[x].values])
    axis.set_yticks(np.arange(z.sizes[y]) + 0.5, [_text(v) for v in z[y].values])
    return image


def matrix(axis: Axes, values: Any, limit: float, label: str = "") -> None:
    """A signed matrix, white where it is zero, from -`limit` to `limit`."""
    image = axis.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit)
    axis.figure.colorbar(image, ax=axis, label=label, shrink=0.85)
    axis.spines[:].set_visible(False)


def _text(label: Any) -> str:
    return label if isinstance(label, str) else f"{label:g}"
