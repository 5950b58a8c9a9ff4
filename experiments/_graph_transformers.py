"""What transformers know of graphs: pictures in space, and one graph by another."""

import string
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from memjax.plots import MARKERS, frame, level, mosaic, points


def draw_space(axis: Axes, runs: xr.Dataset, title: str) -> None:
    """The nodes of one run and its edges in three axes, in the place of a panel."""
    canvas: Any = axis.get_figure()
    place, letter = axis.get_subplotspec(), axis.get_label()
    axis.remove()
    space: Any = canvas.add_subplot(place, projection="3d")
    one = runs.isel(seed=0)
    places = one.embedding.transpose("axis", "node").values
    joined = np.triu(one.walk.values + one.walk.values.T, 1) > 0
    for ends in np.argwhere(joined):
        space.plot(*places[:, ends], color="0.6", lw=0.8)
    space.scatter(*places, c=np.arange(places.shape[1]), cmap="twilight_shifted", s=14)
    space.set(xticklabels=[], yticklabels=[], zticklabels=[])
    space.set_box_aspect(None, zoom=1.2)
    words = f"({letter}) {title}\n{100 * float(one.in_plane):.0f} % of the variance"
    space.set_title(words, fontsize=8, loc="left")


def in_rows(wide: int, rows: int) -> str:
    """Letters of rows of so many panels, and of three below that are as wide."""
    above = "".join(3 * c if c.isalpha() else c for c in mosaic((wide, rows)))
    below = string.ascii_letters[wide * rows :][:3]
    return f"{above};{''.join(wide * c for c in below)}"


def draw_graphs(axis: Axes, found: dict[str, Any], title: str, at: float) -> None:
    """Quantities [graph, seed] by graph, side by side, and a level."""
    for i, (said, values) in enumerate(found.items()):
        names = [str(name) for name in values.graph.values]
        place = np.arange(len(names)) + 0.12 * (i - (len(found) - 1) / 2)
        look: Any = {"color": f"C{i}", "marker": MARKERS[i], "label": said}
        points(axis, values, xr.DataArray(place, dims="graph"), **look)
    axis.set_xticks(range(len(names)), names, fontsize=7)
    level(axis, at, color="0.6")
    top = axis.get_ylim()[1]
    frame(axis, title, ylim=(None, 1.5 * top), legend={"ncols": 2, "fontsize": 7})


def entropy(walk: xr.DataArray) -> xr.DataArray:
    """The mean over edges of the log of how many nodes follow."""
    degree = (walk > 0).sum("next")
    nats = xr.apply_ufunc(np.log, degree.where(degree > 0, 1))
    return (degree * nats).sum("node") / degree.sum("node")
