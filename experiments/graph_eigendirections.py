"""A wide two-layer model memorizes a graph with a minimal set of eigendirections.

Logits `V Vᵀ`, cross-entropy, gradient descent, no regularizer: the embedding V ends in
few eigenvectors of the graph's walk, two for a cycle, at every width and start. The
model cannot rank neighbors above the node itself, so the loss stays far above the
entropy of the next node; a graph is remembered when neighbors rank above all others.

Source: Noroozizadeh, Nagarajan, Rosenfeld, Kumar, arXiv:2510.26745, and their thread of
26 May 2026; no number for "minimal" was published but the two of a cycle.
Command: python -m experiments.graph_eigendirections
Expected: cycle of 15: ‖Vᵀe‖ = 6.751 twice and below 0.02 elsewhere, loss 1.43492. One
to four directions on the other graphs, by width and start; where they end follows from
a convex problem, and the published 10,000 steps are not that end.

`lr` is the step size on the SUM over nodes of the mean over a node's neighbors, as
published: 0.01 is 0.15 on the mean over 15 nodes. Where degrees differ the mean of the
embedding grows without end and the loss falls to the least one as a power of time; the
sweep `longer` goes ten times as far, with steps twice as long. With still longer steps
the growing mean makes descent oscillate before the end (the star: from lr 0.03).
"""

from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.datasets import graphs
from memjax.plots import DASHES, frame, level, lines, mosaic, panels, points
from memjax.theory import convex, cycles
from . import _graphs as family
from ._graphs import draw_map, trimmed


def sweeps(
    graph: tuple = ("cycle", "grid", "star", "irregular"),
    self_edges: tuple = (0, 1),  # 0 as it is, 1 every node also follows itself
    width: tuple = (15, 100, 512),  # of the embedding
    init_scale: tuple = (0.01, 1.0),  # standard deviations of the initial embedding
    lr: tuple = (0.01,),  # learning rates, on the sum over nodes
    seeds: int = 8,  # how many seeds, or which ones (3,7)
    model: tuple = ("tied",),  # tied (V Vᵀ) or untied (V Uᵀ)
    directed: bool = False,  # learn each edge only as it is listed
    steps: int = 10_000,  # of gradient descent
    longer: int = 10,  # times the steps of runs held against the convex problem, or 0
) -> dict[str, mj.Sweep]:
    """Graphs by width, initial scale and seed, and for longer.

    graph: graphs: cycle:15, path:15, grid:4:4, star:arms:length, tree:branching:depth,
      irregular, clustered:blocks:size, file:edges.txt (two names a line), or a networkx
      generator such as nx:hypercube_graph:4
    """
    mj.one_of(("tied", "untied"), model=model)
    mj.one_of((0, 1), self_edges=self_edges)
    mj.between(0, 1000, longer=longer)
    axes: Any = {"width": width, "init_scale": init_scale, "lr": lr, "model": model}
    axes |= {"seed": mj.seeds(seeds), "self_edges": self_edges, "steps": steps}
    found = mj.parsed(partial(graphs.parse, directed=directed), graph=graph)
    axes |= {"graph": list(map(str, found)), "inputs": family.along("graph", found)}
    main = mj.Sweep(family.two_matrices, **axes)
    on: Any = {"steps": longer * steps, "lr": 0.02, "width": 32, "model": "tied"}
    more = {"longer": main.but(seed=mj.seeds(seeds)[:2], **on)} if longer else {}
    return {"main": main, **more}


def claims(results: mj.Results) -> list[mj.Claim]:
    """The cycle of 15, counts of directions, and the ends of training."""
    return mj.judged(__file__, results, cycle, count, kept, mj.extreme, end)


def published(results: mj.Results, **on: Any) -> xr.Dataset:
    """The published setting at its end, over graphs, widths, starts and seeds."""
    return mj.at(results["main"], lr=0.01, model="tied", step=10_000, **on)


def cycle(results: mj.Results, name: str) -> float:
    """A quantity of the cycle of 15, the largest of all runs; see the table."""
    found = trimmed(published(results, graph="cycle:15", self_edges=0))
    form, p, c = cycles.fixed_point(15), found.projection, found.residual
    values = {
        "projection": abs(p.sel(eigen=[1, 2]) - form.projection),
        "other": p.sel(eigen=slice(3, None)),
        "loss": abs(found.loss - form.loss),
        "residual": c.sel(eigen=[1, 2]),
        "slow": abs(c.sel(eigen=[3, 4]) - form.rate),
    }
    return float(values[name].max())


def count(results: mj.Results, graph: str, loops: str) -> float | str:
    """How many directions there are, from the fewest to the most of all runs."""
    found = published(results, graph=graph, self_edges=int(loops))
    return mj.least_to_most(found.directions)


def kept(results: mj.Results) -> xr.DataArray:
    """The mean of the first two projections, over graphs and runs."""
    return results["main"].projection.sel(eigen=[1, 2]).mean("eigen")


def end(results: mj.Results, name: str) -> float:
    """How far runs are from their end, the most of all graphs; see `toward`."""
    found = [toward(runs) for runs in each_graph(results["longer"])]
    values = [float(one[name].max()) for one in found if name in one]
    if not values:
        raise mj.NotRun("a graph of at most 40 nodes")
    return max(values)


def toward(runs: xr.Dataset) -> dict[str, xr.DataArray]:
    """How far the runs of a graph are from where the convex problem ends.

    `off` is the distance of the loss in percent; `outside`, for a connected graph, the
    share of variance outside the optimum's directions; `left`, for one not regular,
    what ten times the steps leave of the loss above the least.
    """
    walk = runs.walk.isel({d: 0 for d in runs.walk.dims[:-2]}).values
    it = convex.ends(walk)
    if it is None:
        return {}
    gap, last = runs.loss - it.loss, runs.isel(step=-1)
    found = {"off": 100 * abs(last.loss / it.loss - 1)}
    if not np.allclose(walk, walk.T):
        before = gap.sel(step=0.1 * float(gap.step[-1]), method="nearest")
        found |= {"gap": gap, "left": gap.isel(step=-1) / before}
    if len(it.parts) == 1:
        square = np.square(last.strength)
        inside = square.isel(principal=slice(it.parts[0].directions()))
        found["outside"] = 1 - inside.sum("principal") / square.sum("principal")
    return found


def each_graph(results: xr.Dataset) -> list[xr.Dataset]:
    """The runs of each graph, with self edges or without, its own modes only."""
    names, loops = results.graph.values, results.self_edges.values
    return [trimmed(results.sel(graph=g, self_edges=s)) for g in names for s in loops]


LOG: Any = {"xscale": "log", "yscale": "log"}


def figure(results: mj.Results) -> Figure:
    """Profiles and embeddings of each graph; dynamics; counts by width; the end."""
    main = results["main"]
    shown = [chosen(main, graph) for graph in main.graph.values[:4]]
    wide = max(len(shown), 3)  # one graph alone would be drawn too wide
    canvas, panel = panels(mosaic((wide, 1), (wide, 2), (5, 1)), (12, 10.5))
    *axes, first, second, third, fourth, last = panel.values()
    above = np.array(axes).reshape(3, wide)
    for axis in above[:, len(shown) :].flat:
        axis.set_axis_off()
    for column, runs in zip(above.T, shown, strict=False):
        draw_graph(column, runs)
    said = f"bars ‖Vᵀe‖ ± sd, {main.sizes['seed']} seeds; dots: eigenvalue"
    above[0, 0].set_ylabel(f"over the largest\n{said}")
    above[1, 0].set_ylabel("learned\nembedding")
    above[2, 0].set_ylabel("two first\neigenvectors")
    draw_modes(first, shown[0], "projection", "‖Vᵀe‖")
    draw_modes(second, shown[0], "residual", "‖C e‖")
    for axis, loops in zip((third, fourth), main.self_edges.values, strict=False):
        draw_counts(axis, main.sel(self_edges=loops))
    draw_ends(last, each_graph(results["longer"]) if "longer" in results else [])
    return canvas


def chosen(results: xr.Dataset, graph: str) -> xr.Dataset:
    """The runs [seed, step] of a graph that the figure shows, its own modes only."""
    found = results.sel(graph=graph).isel(self_edges=0, model=0, lr=0)
    return trimmed(found.sel(width=100, init_scale=1.0, method="nearest"))


def draw_graph(column: Any, runs: xr.Dataset) -> None:
    """The profile of a graph, its embedding, and its eigenvectors."""
    profile, learned, own = column
    count = float(runs.directions.isel(step=-1).mean())
    family.draw_profile(profile, runs, f"{{graph}}: {count:.3g} directions")
    value = runs.eigenvalue.isel(seed=0, eigen=slice(1, None))
    value = value / value.max()
    lines(profile, value, "eigen", color="0.3", marker="o", ms=2.5, lw=0.6)
    level(profile, 0, ls="-", lw=0.5)
    level(profile, 0.3, color="0.6", lw=0.6)
    profile.set_ylim(float(value.min()) - 0.1, 1.2)
    draw_map(learned, runs)
    in_plane = 100 * float(runs.in_plane.isel(seed=0))
    learned.set_xlabel(f"two principal axes, {in_plane:.0f} % of the variance")
    draw_map(own, runs, "eigenvector")


def draw_modes(axis: Axes, runs: xr.Dataset, name: str, said: str) -> None:
    """A quantity of every mode against step, one seed; mode 0 dashed."""
    curves = runs[name].isel(seed=0, step=slice(1, None))
    rest = curves.isel(eigen=slice(1, None))
    lines(axis, rest, "step", color="eigen", shades="viridis", dash="-", lw=1)
    lines(axis, curves.sel(eigen=0), "step", color="0.5", dash="--", lw=1)
    axis.set_ylim(1e-3, 3 * float(curves.max()))
    if name == "projection":
        bar, ends = axis.inset_axes((0.08, 0.06, 0.4, 0.03)), (1, int(rest.eigen[-1]))
        scale = ScalarMappable(Normalize(*ends))
        axis.figure.colorbar(scale, cax=bar, orientation="horizontal", ticks=ends)
        bar.set_title("mode (0 dashed)", fontsize=7, pad=2)
    frame(axis, f"{said} of each mode, {{graph}}", runs, xlabel="step, one seed", **LOG)


def draw_counts(axis: Axes, runs: xr.Dataset) -> None:
    """Directions at the end against width: a point for every graph and start."""
    end = runs.directions.isel(step=-1, lr=0, model=0)
    dims = ("width", "graph", "init_scale")
    place, graph, start = (end[d].copy(data=np.arange(len(end[d]))) for d in dims)
    at = place + 0.1 * (graph - 1.5) + 0.04 * start
    for i in range(len(start)):
        look: Any = {"color": "graph", "dash": "-" if i else "--"}
        look |= {"label": "{graph}"} if i + 1 == len(start) else {}
        points(axis, end.isel(init_scale=i), at.isel(init_scale=i), **look)
    axis.set_xticks(place, end.width.values)
    room = {"xlim": (-0.5, len(end.width) - 0.5), "ylim": (0, float(end.max()) + 3)}
    hollow = f"; hollow: start {end.init_scale.values[0]:g}" if len(start) > 1 else ""
    legend = {"ncols": 2, "loc": "upper right", "fontsize": 7}
    words = "directions, with self edges" if int(runs.self_edges) else "directions"
    frame(axis, words, xlabel=f"width{hollow}", legend=legend, **room)


def draw_ends(axis: Axes, each: list[xr.Dataset]) -> None:
    """The loss above the least one against the step, for graphs not regular."""
    gaps = [found["gap"] for found in map(toward, each) if "gap" in found]
    for i, gap in enumerate(gaps):
        curve = gap.isel(init_scale=-1, step=slice(1, None)).mean("seed")
        said = "{graph} + self" if int(gap.self_edges) else "{graph}"
        lines(axis, curve, "step", color=f"C{i}", dash=DASHES[i % 6], label=said, lw=1)
    if not gaps:
        return axis.set_axis_off()
    frame(axis, "loss above the least", xlabel="step, lr 0.02", **LOG)


if __name__ == "__main__":
    launch(__name__)
