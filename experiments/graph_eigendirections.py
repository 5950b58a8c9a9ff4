"""A wide two-layer model memorizes a graph with a minimal set of eigendirections.

Logits `V Vᵀ`, cross-entropy, plain gradient descent, no regularizer: the embedding V
ends in few eigenvectors of the graph's walk, two for a cycle, at every width and scale
of the start. The model cannot rank neighbors above the node itself, so the loss stays
far above the entropy of the next node; a graph is remembered when neighbors rank above
all other nodes.

Source: Noroozizadeh, Nagarajan, Rosenfeld, Kumar, arXiv:2510.26745, and their thread of
26 May 2026; no number for "minimal" was published but the two of a cycle.
Command: python -m experiments.graph_eigendirections
Expected: cycle of 15: ‖Vᵀe‖ = 6.751 twice and below 0.02 elsewhere, loss 1.43492. Two
to five directions on the other graphs, by width and start; where they end follows from
a convex problem, and the published 10,000 steps are not that end.

`lr` is the step size on the SUM over nodes of the mean over a node's neighbors, as
published: 0.01 is 0.15 on the mean over 15 nodes. Where degrees differ the mean of the
embedding grows without end and the loss falls to the least one as a power of time; the
sweep `longer` goes ten times as far, with steps twice as long. With still longer steps
the growing mean makes descent oscillate before the end (the star: from lr 0.03).
"""

from functools import cache

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from scipy.sparse.csgraph import connected_components

import memjax as mj
from experiments._graphs import (
    draw_map,
    draw_profile,
    mosaic,
    parsed,
    trimmed,
    two_matrices,
)
from memjax.cli import launch
from memjax.datasets import graphs
from memjax.plots import DASHES, MARKERS, filled, frame, key, lines, panels
from memjax.theory import convex, cycles

CONVEX = 40  # nodes up to which the convex problem is solved


# --- the runs -----------------------------------------------------------------------


def run(lr, init_scale, seed, *, graph, self_edges, width, model, steps):
    """Memorize a graph by gradient descent; `lr` is that of the sum over nodes."""
    graph = graphs.with_self_edges(graph) if self_edges else graph
    return two_matrices(graph, lr, init_scale, seed, width, steps, model)


def sweeps(
    graph: tuple = ("cycle", "grid", "star", "irregular"),
    self_edges: tuple = (0, 1),  # 0 as it is, 1 every node also follows itself
    width: tuple = (15, 100, 512),  # of the embedding; each is a program of its own
    init_scale: tuple = (0.01, 1.0),  # standard deviations of the initial embedding
    lr: tuple = (0.01,),  # learning rates, on the sum over nodes
    seeds=8,  # how many seeds, or which ones (3,7)
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
    axes = {"width": width, "init_scale": init_scale, "lr": lr, "model": model}
    axes |= {"seed": mj.seeds(seeds), "self_edges": self_edges, "steps": steps}
    main = mj.Sweep(run, graph=[parsed(text, directed) for text in graph], **axes)
    if not longer:
        return {"main": main}
    on = {"steps": longer * steps, "lr": 0.02, "width": 32, "model": "tied"}
    return {"main": main, "longer": main.but(seed=mj.seeds(seeds)[:2], **on)}


# --- what was found -----------------------------------------------------------------


def claims(results):
    """The cycle of 15, counts of directions, and the ends of training."""
    measures = (off_closed_form, other, kept_residual, count, least_recall, kept)
    return mj.judged(__file__, results, *measures, off_least, left, outside)


def published(results, **on) -> xr.Dataset:
    """The published setting at its end, over graphs, widths, starts and seeds."""
    return mj.at(results["main"], lr=0.01, model="tied", step=10_000, **on)


def cycle(results) -> xr.Dataset:
    """The cycle of 15 at its end [width, init_scale, seed]."""
    return trimmed(published(results, graph="cycle:15", self_edges=0))


def falling(p: xr.DataArray, kept: int) -> tuple[xr.DataArray, xr.DataArray]:
    """The largest projections, mode 0 aside, and the others."""
    rest = p.isel(eigen=slice(1, None)).transpose(..., "eigen")
    rest = rest.copy(data=np.sort(rest.values, axis=-1)[..., ::-1])
    return rest.isel(eigen=slice(kept)), rest.isel(eigen=slice(kept, None))


def off_closed_form(results, name):
    """How far the cycle of 15 is from the closed form, in the farthest of all runs."""
    found, form = cycle(results), cycles.fixed_point(15)
    exact, seen = {
        "projection": (form.projection, falling(found.projection, 2)[0]),
        "loss": (form.loss, found.loss),
        "slow": (abs(form.spectrum[2]), found.residual.sel(eigen=[3, 4])),
    }[name]
    return float(abs(seen - exact).max())


def other(results):
    """The largest other projection on the cycle of 15, of all runs."""
    return float(falling(cycle(results).projection, 2)[1].max())


def kept_residual(results):
    """The largest ‖C e‖ of the kept pair on the cycle of 15, of all runs."""
    return float(cycle(results).residual.sel(eigen=[1, 2]).max())


def count(results, graph, loops):
    """How many directions there are, from the fewest to the most of all runs."""
    found = published(results, graph=graph, self_edges=int(loops)).directions
    least, most = float(found.min()), float(found.max())
    return most if least == most else f"{least:g} to {most:g}"


def least_recall(results):
    """The least recall of all graphs and runs."""
    return float(published(results).recall.min())


def kept(results):
    """The mean of the two largest projections, over graphs and seeds."""
    p = results["main"].projection
    return falling(p, 2)[0].mean("eigen")


# --- against the convex problem -----------------------------------------------------


def off_least(results):
    """How far losses end from the least one, in percent, the farthest of all runs."""
    return 100 * max(
        float(abs(gap.isel(step=-1) / least).max())
        for _, _, gap, least in solved(results["longer"])
    )


def left(results):
    """What ten times the steps leave of that gap, the most of graphs not regular."""
    return max(
        float((gap.isel(step=-1) / gap.sel(step=earlier(gap), method="nearest")).max())
        for walk, _, gap, _ in solved(results["longer"])
        if not np.allclose(walk, walk.T)
    )


def earlier(gap):
    """A tenth of the steps."""
    return 0.1 * float(gap.step[-1])


def outside(results):
    """The share of variance outside the optimum's directions, the most of all runs."""
    shares = []
    for _, parts, gap, _ in solved(results["longer"]):
        square = np.square(gap.strength)
        kept = square.principal < rank(parts[0])
        share = 1 - square.where(kept).sum("principal") / square.sum("principal")
        shares += [float(share.max())] if len(parts) == 1 else []
    return max(shares)


def solved(results: xr.Dataset) -> list[tuple[np.ndarray, list, xr.DataArray, float]]:
    """For each graph its walk, the optima of its parts, the gap of the loss, the least.

    The gap [seed, init_scale, step] has the final strengths as a coordinate. Parts that
    no edge joins separate for good, as their logits grow: each has an optimum.
    """
    found = []
    for runs in each_graph(results):
        walk = runs.walk.isel({d: 0 for d in runs.walk.dims[:-2]}).values.astype(float)
        if len(walk) > CONVEX or not np.allclose(walk.sum(1), 1, atol=1e-5):
            continue  # beyond the solver, or with a node that no edge leaves
        number, part = connected_components(walk)
        parts = [walk[np.ix_(part == k, part == k)] for k in range(number)]
        optima = [solve(p.tobytes(), len(p)) for p in parts]
        losses, sizes = [o.loss for o in optima], [len(p) for p in parts]
        least = float(np.average(losses, weights=sizes))
        gap = (runs.loss - least).assign_coords(strength=runs.strength.isel(step=-1))
        found.append((walk, optima, gap, least))
    if not found:
        raise mj.NotRun(f"a graph of at most {CONVEX} nodes")
    return found


def each_graph(results: xr.Dataset) -> list[xr.Dataset]:
    """The runs of each graph, with self edges or without, its own modes only."""
    names, loops = results.graph.values, results.self_edges.values
    return [trimmed(results.sel(graph=g, self_edges=s)) for g in names for s in loops]


@cache
def solve(walk: bytes, nodes: int) -> convex.Optimum:
    """The optimum of a walk."""
    return convex.best_tied(np.frombuffer(walk).reshape(nodes, nodes))


def rank(optimum: convex.Optimum) -> int:
    """How many strengths of an optimum are above .3 of the largest."""
    strengths = np.sqrt(np.linalg.eigvalsh(optimum.logits)[::-1].clip(0))
    return int((strengths > 0.3 * strengths[0]).sum())


# --- what to look at ----------------------------------------------------------------


def figure(results) -> Figure:
    """Profiles and embeddings of each graph; dynamics; counts by width; the end."""
    main = results["main"]
    shown = main.graph.values.tolist()[:4]
    wide = max(len(shown), 3)  # one graph alone would be drawn too wide
    canvas, panel = panels(mosaic((wide, 1), (wide, 2), (5, 1)), (12, 10.5))
    axes = list(panel.values())
    for i in range(wide):
        column = [axes[i], axes[wide + i], axes[2 * wide + i]]
        if i < len(shown):
            draw_graph(column, chosen(main, shown[i]))
        for axis in [] if i < len(shown) else column:
            axis.set_axis_off()
    axes[0].set_ylabel("over the largest\nbars ‖Vᵀe‖, dots eigenvalue")
    axes[wide].set_ylabel("learned\nembedding")
    axes[2 * wide].set_ylabel("two first\neigenvectors")
    first, *others = axes[-5:]
    draw_modes(first, chosen(main, shown[0]), "projection", "‖Vᵀe‖")
    draw_modes(others[0], chosen(main, shown[0]), "residual", "‖C e‖")
    for axis, loops in zip(others[1:3], main.self_edges.values, strict=False):
        draw_counts(axis, main.sel(self_edges=loops))
    draw_ends(others[3], results.get("longer"))
    return canvas


def chosen(results: xr.Dataset, graph: str) -> xr.Dataset:
    """The runs [seed, step] of a graph that the figure shows, its own modes only."""
    found = results.sel(graph=graph).isel(self_edges=0, model=0, lr=0)
    return trimmed(found.sel(width=100, init_scale=1.0, method="nearest"))


def draw_graph(column: list[Axes], runs: xr.Dataset) -> None:
    """The profile of a graph, its embedding, and its eigenvectors."""
    said = f"{{graph}}: {float(runs.directions.isel(step=-1).mean()):.3g} directions"
    draw_profile(column[0], runs, filled(said, runs), values=True)
    draw_map(column[1], runs)
    in_plane = 100 * float(runs.in_plane.isel(seed=0))
    column[1].set_xlabel(f"two principal axes, {in_plane:.0f} % of the variance")
    draw_map(column[2], runs, "eigenvector")


def draw_modes(axis: Axes, runs: xr.Dataset, name: str, said: str) -> None:
    """A quantity of every mode against step, one seed; mode 0 dashed."""
    curves = runs[name].isel(seed=0, step=slice(1, None))
    rest = curves.isel(eigen=slice(1, None))
    lines(axis, rest, "step", color="eigen", shades="viridis", dash="-", lw=1)
    lines(axis, curves.sel(eigen=0), "step", color="0.5", dash="--", lw=1)
    axis.set_ylim(1e-3, 3 * float(curves.max()))
    if name == "projection":
        scale = ScalarMappable(Normalize(1, int(rest.eigen[-1])))
        bar = axis.inset_axes((0.08, 0.06, 0.4, 0.03))
        ends = (1, int(rest.eigen[-1]))
        axis.figure.colorbar(scale, cax=bar, orientation="horizontal", ticks=ends)
        bar.set_title("mode (0 dashed)", fontsize=7, pad=2)
    title = f"{said} of each mode, {{graph}}"
    frame(axis, title, runs, xlabel="step", xscale="log", yscale="log")


def draw_counts(axis: Axes, runs: xr.Dataset) -> None:
    """Directions at the end against width: a point for every graph and start."""
    end = runs.directions.isel(step=-1, lr=0, model=0)
    starts = end.init_scale.values
    for g, graph in enumerate(end.graph.values):
        for s, start in enumerate(starts):
            mean, sd, _ = mj.spread(end.sel(graph=graph, init_scale=start))
            at = np.arange(len(end.width)) + 0.1 * (g - 1.5) + 0.04 * s
            look = {"color": f"C{g}", "marker": MARKERS[g], "ls": "", "ms": 4}
            look |= {} if s else {"mfc": "w"}
            axis.errorbar(at, mean, sd, elinewidth=0.8, **look)
        key(axis, graph, MARKERS[g], color=f"C{g}")
    axis.set_xticks(range(len(end.width)), end.width.values)
    room = {"xlim": (-0.5, len(end.width) - 0.5), "ylim": (0, float(end.max()) + 2.5)}
    words = "with self edges" if int(runs.self_edges) else "directions"
    words += f"; hollow: start {starts[0]:g}" if len(starts) > 1 else ""
    frame(axis, words, xlabel="width", legend={"ncols": 2}, **room)


def draw_ends(axis: Axes, longer: xr.Dataset | None) -> None:
    """The loss above the least one against the step, for graphs not regular."""
    found = [] if longer is None else solved(longer)
    uneven = [gap for walk, _, gap, _ in found if not np.allclose(walk, walk.T)]
    for i, gap in enumerate(uneven):
        said = filled("{graph}" + " + self" * int(gap.self_edges), gap)
        curve = gap.isel(init_scale=-1, step=slice(1, None)).mean("seed")
        lines(axis, curve, "step", color=f"C{i}", dash=DASHES[i % 6], label=said, lw=1)
    if not uneven:
        axis.set_axis_off()
        return
    scales = {"xscale": "log", "yscale": "log"}
    frame(axis, "loss above the least", xlabel="step, lr 0.02", **scales)


if __name__ == "__main__":
    launch(__name__)
