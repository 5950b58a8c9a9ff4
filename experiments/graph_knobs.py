"""Learning rate, weight decay and initialization decide how a graph is memorized.

A linear model of three matrices, logits `V (W v + b)` with a tied embedding V, learns
the edges of a graph by AdamW. From large weights and with a small learning rate the
embedding stays as random as it began, and W stores the edges; a large learning rate or
weight decay put them into the embedding, in few eigenvectors of the graph's walk.

Source: Noroozizadeh, Nagarajan, Rosenfeld, Kumar, arXiv:2510.26745, and the notebooks
of their repository, which have seven settings of one seed and no map (those settings,
at their own width 512 and 10,000 steps: `graph_published`).
Command: python -m experiments.graph_knobs
Expected: participation ratio 13.7 of 14 at lr 1e-4 from N(0, 1); lr 0.1 or weight decay
10 take 6 to 7 from it.

The map is of width 128 and 4000 steps. There, from a start of 0.02, lr 1e-2 and 1e-4
differ by less than is known from eight seeds; at the published width 1e-4 is flatter.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import optax
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.datasets.graphs import parse
from memjax.plots import cells, contours, frame, mosaic, panels
from . import _graphs as family
from ._graphs import ASSOCIATIVE, GEOMETRIC, trimmed

KNOBS = {"lr": "lr of AdamW", "wd": "weight decay", "init_scale": "start of V"}


def run(
    graph: family.Walks, width: Any, lr: Any, wd: Any, init_scale: Any, seed: Any,
    *, max_width: int, steps: int,
) -> mj.Legs:  # fmt: skip
    """Memorize a graph with AdamW."""
    how: Any = {"max_width": max_width, "steps": steps}
    adamw = optax.adamw(lr, weight_decay=wd)
    return family.three_matrices(graph, 0, width, adamw, init_scale, seed, **how)


def sweeps(
    lr: tuple = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),  # of AdamW
    wd: tuple = (0.0, 0.01, 0.1, 1.0, 3.0, 10.0),  # decoupled decays, each times lr
    init_scale: tuple = (0.02, 0.1, 0.3, 1.0),  # deviations of the initial embedding
    seeds: int = 8,  # how many seeds, or which ones (3,7)
    graph: tuple = ("cycle",),  # as in graph_eigendirections; the figure has the first
    width: tuple = (128,),  # of the embedding; the figure has the last
    steps: int = 4000,  # of AdamW; the initial W has deviation 0.02
) -> dict[str, mj.Sweep]:
    """The map over three knobs."""
    found = mj.parsed(parse, graph=graph)
    axes: Any = {"graph": list(map(str, found)), "width": width, "steps": steps}
    axes |= {"lr": lr, "wd": wd, "init_scale": init_scale, "seed": mj.seeds(seeds)}
    return {"main": mj.Sweep(run, **axes, inputs=family.along("graph", found))}


def claims(results: mj.Results) -> list[mj.Claim]:
    """What the study says of each knob, at the width and steps of the map."""
    return mj.judged(__file__, results, mj.averaged, largest, summary)


def largest(results: mj.Results, wd: str, lr: str) -> float:
    """The largest mean ratio of all starts with this weight decay and from this lr."""
    main = mj.at(results["main"], graph="cycle:15", width=128, steps=4000, wd=float(wd))
    ratio = mj.late(main).participation
    return float(ratio.sel(lr=ratio.lr >= 0.99 * float(lr)).mean("seed").max())


def summary(results: mj.Results, name: str) -> float:
    """A number about all settings of the first graph; see the table."""
    main = trimmed(results["main"].isel(graph=0, width=-1))
    found, modes = mj.late(main), main.sizes["eigen"] - 1
    mean = found.participation.mean("seed") / modes
    values = {
        "remembered": (found.recall == 1).mean(),
        "deviation": mj.spread(found.participation).sd.max(),
        "geometric": (mean <= GEOMETRIC).mean(),
        "associative": (mean >= ASSOCIATIVE).mean(),
    }
    return float(values[name])


def figure(results: mj.Results) -> Figure:
    """Maps of participation and of its deviation, then profiles of the corners."""
    main = trimmed(results["main"].isel(graph=0, width=-1))
    cuts, corners = list(cuts_of(main)), corners_of(main)
    canvas, panel = panels(mosaic((len(cuts), 2), (len(corners), 2)), (11, 10))
    axes, maps = list(panel.values()), 2 * len(cuts)
    draw_maps(np.array(axes[:maps]).reshape(2, -1), cuts)
    family.draw_columns(axes[maps:], corners)
    return canvas


def cuts_of(main: xr.Dataset) -> Iterator[tuple[str, xr.Dataset, str]]:
    """The planes that are drawn: a title, the runs in it, the knob beside lr."""
    if main.sizes["init_scale"] > 1:
        yield "weight decay {wd:g}", main.isel(wd=0), "init_scale"
    for start in dict.fromkeys(main.init_scale.values[[0, -1]]):
        yield "start {init_scale:g}", main.sel(init_scale=start), "wd"


def corners_of(main: xr.Dataset) -> dict[str, xr.Dataset]:
    """The runs of the least and the largest lr and start, without weight decay."""
    free, ends = main.isel(wd=0), [0, -1]
    return {
        f"lr {lr:g} from {start:g}": free.sel(lr=lr, init_scale=start)
        for lr in main.lr.values[ends]
        for start in main.init_scale.values[ends]
    }


def draw_maps(axes: np.ndarray, cuts: list) -> None:
    """Participation in each plane, and below it its deviation over seeds.

    Lines show where memory becomes geometric (full) and associative (dashed).
    """
    for (upper, lower), (title, runs, other) in zip(axes.T, cuts, strict=True):
        found, modes = mj.late(runs), runs.sizes["eigen"] - 1
        mean, sd, used = mj.spread(found.participation)
        image = cells(upper, mean, "lr", other, vmin=1, vmax=modes, cmap="viridis")
        wide = cells(lower, sd, "lr", other, vmin=0, vmax=2, cmap="magma")
        contours(upper, mean, "lr", other, GEOMETRIC * modes, ASSOCIATIVE * modes)
        mark_settings(upper, runs, other)
        lost = ((found.recall < 1) | (runs.diverged_at >= 0)).any("seed")
        lost = lost.transpose(other, "lr")
        lower.pcolor(lost.where(lost), hatch="////", fc="none", ec="0.7", lw=0)
        boxes = "; boxes: study, width 512" if upper.texts else ""
        for axis, words in ((upper, title + boxes), (lower, "its sd, " + title)):
            axis.tick_params("x", labelrotation=30)
            frame(axis, words, mean, xlabel=KNOBS["lr"], ylabel=KNOBS[other])
    said = f"participation ratio, of {modes}"
    bar = upper.figure.colorbar(image, ax=list(axes[0]), label=said)
    bar.ax.axhline(GEOMETRIC * modes, color="w", lw=1)
    bar.ax.axhline(ASSOCIATIVE * modes, color="w", lw=1, ls="--")
    seeds = int(used.max())
    said = f"its sd, {seeds} seeds; hatched: not\nevery seed recalls all edges"
    upper.figure.colorbar(wide, ax=list(axes[1]), label=said, extend="max")


def mark_settings(axis: Axes, runs: xr.Dataset, other: str) -> None:
    """Boxes at the rows of the study, of another width and longer, with these knobs."""
    beside = {"1": 0.25, "2a": -0.2}  # both at one place
    box = {"boxstyle": "round,pad=0.15", "fc": "w", "alpha": 0.6, "ls": ":"}
    known = family.SETTINGS if str(runs.graph.values) == "cycle:15" else {}
    for row, its in known.items():
        at = {n: np.flatnonzero(np.isclose(runs[n], getattr(its, n))) for n in KNOBS}
        if all(places.size for places in at.values()):
            x, y = at["lr"][0] + 0.5 + beside.get(row, 0), at[other][0] + 0.5
            axis.text(x, y, row, ha="center", va="center", size=7, bbox=box)


if __name__ == "__main__":
    launch(__name__)
