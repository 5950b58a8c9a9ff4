"""Cells, regions, matrices, images and networks: what fills a panel."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes

from memjax.plots.canvas import DASHES
from memjax.plots.ticks import text_of
from memjax.statistics import spread


def cells(axis: Axes, z: xr.DataArray, x: str, y: str, **style: Any) -> Any:
    """A phase diagram: one cell for every setting, whatever lies between the labels.

    Means over seeds; what diverged or was not run is gray. Returns what a colorbar
    takes.
    """
    z = spread(z).mean if "seed" in z.dims else z
    image = axis.pcolormesh(z.transpose(y, x).values, **style)
    axis.set_facecolor("0.85")
    axis.set_xticks(np.arange(z.sizes[x]) + 0.5, [text_of(v) for v in z[x].values])
    axis.set_yticks(np.arange(z.sizes[y]) + 0.5, [text_of(v) for v in z[y].values])
    return image


def contours(axis: Axes, z: xr.DataArray, x: str, y: str, *levels: float) -> None:
    """Where the values of `cells` pass some levels: white lines, each of its own dash.

    There are none where one of the axes has a single label.
    """
    table = z.transpose(y, x).values
    rows, columns = (np.arange(count) + 0.5 for count in table.shape)
    if min(table.shape) > 1:
        style: Any = {"colors": "w", "linewidths": 1.2}
        style["linestyles"] = DASHES[: len(levels)]
        axis.contour(columns, rows, table, levels=levels, **style)


def regions(axis: Axes, image: xr.DataArray, points: np.ndarray) -> None:
    """A plane [y, x], each place in the color of its point, or white where that is -1.

    `image` has their numbers, from 0, and `points` [n, 2] where they lie.
    """
    count, ends = len(points), image.values
    shades = colormaps["viridis"](np.linspace(0.1, 1, count))
    line = (image[name].values for name in reversed(image.dims))
    axis.pcolormesh(*line, np.vstack([np.ones(4), shades])[ends + 1])
    for i, (x, y) in enumerate(points):
        axis.plot(x, y, "o", mfc=shades[i], mec="w", ms=12)
        ink = "w" if i < count / 2 else "k"
        axis.text(x, y, str(i + 1), color=ink, ha="center", va="center")


def matrix(axis: Axes, values: Any, limit: float, label: str = "") -> None:
    """A signed matrix, white where it is zero, from -`limit` to `limit`."""
    image = axis.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit)
    axis.figure.colorbar(image, ax=axis, label=label, shrink=0.85)
    axis.spines[:].set_visible(False)


def images(axis: Axes, pixels: xr.DataArray, row: str, column: str) -> None:
    """Square gray images in rows and columns, a pixel of 0 black and of 1 white.

    A third dimension has the pixels of one, row by row.
    """
    tiles = pixels.transpose(row, column, ...).values
    rows, columns, count = tiles.shape
    side = round(count**0.5)
    squares = tiles.reshape(rows, columns, side, side).swapaxes(1, 2)
    whole = squares.reshape(rows * side, columns * side)
    axis.imshow(whole, "gray", vmin=0, vmax=1)
    places = (np.arange(max(rows, columns)) + 0.5) * side - 0.5
    axis.set_xticks(places[:columns], [text_of(v) for v in pixels[column].values])
    axis.set_yticks(places[:rows], [text_of(v) for v in pixels[row].values])


def network(axis: Axes, places: np.ndarray, walk: np.ndarray) -> None:
    """The nodes of a graph at their `places` [n, 2], and the edges of its `walk`.

    Colors go round in the order of the nodes. Where several lie in one place, beside it
    stands how many.
    """
    x, y = places.T
    ends = np.argwhere(np.triu(walk + walk.T, 1) > 0).T
    axis.plot(x[ends], y[ends], color="0.75", lw=0.8, zorder=1)
    axis.scatter(x, y, c=np.arange(len(x)), s=15, cmap="twilight_shifted", zorder=2)
    apart = np.hypot(*(places[:, None] - places).T)
    near = apart < 0.02 * np.ptp(places, axis=0).max()
    beside: Any = {"xytext": (4, 4), "textcoords": "offset points", "fontsize": 6.5}
    for k in {int(np.argmax(row)) for row in near if row.sum() > 1}:
        axis.annotate(f"{near[k].sum()} nodes", (x[k], y[k]), **beside)
    axis.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
    axis.spines[:].set_visible(False)
