"""On a cycle of any size the tied model ends in two directions, as a closed form says.

Logits `V Vᵀ`, cross-entropy, plain gradient descent: of the eigenvectors of a cycle's
walk the first pair is left, with a projection, a loss and a rate at which the next pair
decays that solve one equation. The time for that grows as the fourth power of the size
of the cycle, three times as long with self edges.

Source: Noroozizadeh, Nagarajan, Rosenfeld, Kumar, arXiv:2510.26745 (two directions for
a cycle of 15); the closed form is ours, `memjax.theory.cycles`.
Command: python -m experiments.graph_cycles
Expected: projections 2.869, 3.864, 6.751, 10.24 and 18.63 for 8, 10, 15, 20 and 30
nodes, to three digits, and rates within 5 %.

`lr` is the step size on the SUM over nodes, as published. Every cycle is trained for as
long as frequency 2, the slowest, takes near the end to decay to a thousandth.
"""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.datasets import graphs
from memjax.plots import DASHES, MARKERS, frame, lines, log_ticks, panels, points
from memjax.theory.cycles import fixed_point, steps_to
from . import _graphs as family

LEFT = 1e-3  # the decay of the slowest frequency that a cycle is trained for
LOOPS = {"main": False, "looped": True}  # whether the cycles of a sweep have self edges
WITHIN = {"projection": 5e-4, "loss": 5e-4, "rate": 0.05}  # of the closed form's value


def run(
    nodes: family.Walks, steps: Any, self_edges: Any, width: Any, lr: Any,
    init_scale: Any, seed: Any, *, max_width: int,
) -> mj.Legs:  # fmt: skip
    """Memorize a cycle by gradient descent; `lr` is that of the sum over nodes."""
    how: Any = {"max_width": max_width, "model": "tied", "steps": steps}
    return family.two_matrices(nodes, self_edges, width, lr, init_scale, seed, **how)


def sweeps(
    nodes: tuple = (8, 10, 15, 20, 30),  # sizes of the cycles, from 5
    looped: tuple = (8, 10, 15, 20),  # sizes of those with self edges, from 5
    seeds: int = 8,  # how many seeds, or which ones (3,7)
    lr: float = 0.01,  # learning rate, on the sum over nodes
    init_scale: float = 1.0,  # standard deviation of the initial embedding
    width: int = 100,  # of the embedding
) -> dict[str, mj.Sweep]:
    """Cycles with and without self edges, each trained until two directions remain."""
    mj.between(5, np.inf, nodes=nodes, looped=looped)
    mj.inside(0, np.inf, lr=lr)
    axes: Any = {"lr": lr, "init_scale": init_scale, "width": width}

    def lasting(sizes: tuple, loops: bool) -> mj.Sweep:
        steps = [round(steps_to(LEFT, n, lr, loops)) for n in sizes]
        along = mj.zipped(nodes=sizes, steps=steps)
        how: Any = {"self_edges": int(loops), "seed": mj.seeds(seeds), **axes}
        inputs = family.along("nodes", list(map(graphs.cycle, sizes)))
        return mj.Sweep(run, along, inputs=inputs, **how)

    return {"main": lasting(nodes, False), "looped": lasting(looped, True)}


def claims(results: mj.Results) -> list[mj.Claim]:
    """Each quantity over all sizes against the closed form, in units of its margin."""
    return mj.judged(__file__, results, off, directions, exponent)


def off(results: mj.Results, sweep: str, name: str) -> mj.Estimate:
    """How far a quantity is from its closed form, at the size where that is most."""
    found, exact = measured(results[sweep], name), closed(results[sweep].nodes, sweep)
    return mj.farthest(found, exact[name], WITHIN[name] * exact[name])


def directions(results: mj.Results, sweep: str) -> float | str:
    """The directions above .3 of the largest at the end, over sizes and seeds."""
    return mj.least_to_most(results[sweep].directions.isel(leg=-1))


def exponent(results: mj.Results, sweep: str, small: str, large: str) -> xr.DataArray:
    """The power of the size of a cycle with which the time of decay grows."""
    rate = measured(mj.at(results[sweep], width=100), "rate")
    less, more = (mj.at(rate, nodes=int(n)) for n in (small, large))
    return np.log(less / more) / np.log(int(large) / int(small))


def measured(runs: xr.Dataset, name: str) -> xr.DataArray:
    """A quantity at the end [nodes, seed]; `rate` is that of frequency 2 over lr."""
    if name == "rate":
        return mj.decay(pair(runs, 3, 4)) / runs.lr
    found = runs[name].isel(leg=-1, drop=True)  # every cycle's own last step
    return found if name == "loss" else found.sel(eigen=[1, 2]).mean("eigen")


def pair(runs: xr.Dataset, *modes: int) -> xr.DataArray:
    """The projection on both modes of a frequency [nodes, seed, leg]."""
    square = np.square(runs.projection.sel(eigen=list(modes)))
    return np.sqrt(square.sum("eigen", skipna=False))


def closed(nodes: xr.DataArray, sweep: str) -> xr.Dataset:
    """The closed form of cycles of these sizes [nodes]."""
    forms = [fixed_point(int(n), LOOPS[sweep]) for n in nodes.values]
    along = {n: ("nodes", [getattr(form, n) for form in forms]) for n in WITHIN}
    return xr.Dataset(along, {"nodes": nodes.values})


SHOWN = (6, 8, 10, 15, 20, 30, 60)  # sizes named in the figure


def figure(results: mj.Results) -> Figure:
    """Projection, loss and time of decay against size; the decay itself."""
    canvas, panel = panels("ab;cd", (9, 6.6))
    draw_law(panel["a"], results, "projection")
    frame(panel["a"], "‖Vᵀe‖ of both kept modes", yscale="log")
    draw_law(panel["b"], results, "loss")
    frame(panel["b"], "loss, nats a node")
    draw_law(panel["c"], results, "rate")
    limit = np.array(SHOWN) ** 4 / (2 * (2 * np.pi) ** 4)
    panel["c"].plot(SHOWN, limit, "k:", lw=0.8, label="n⁴ / 2 (2π)⁴")
    frame(panel["c"], "lr × steps for frequency 2 to fall by e", yscale="log")
    draw_decay(panel["d"], results["main"])
    return canvas


def draw_law(axis: Axes, results: mj.Results, name: str) -> None:
    """A quantity against size, a rate as its time: closed forms and runs."""
    sizes = xr.DataArray(np.arange(6, 61))
    for i, (sweep, words) in enumerate((("main", ""), ("looped", ", self edges"))):
        look: dict[str, Any] = {"color": f"C{i}", "dash": DASHES[i]}
        both = closed(sizes, sweep)[name], measured(results[sweep], name)
        form, found = (1 / y for y in both) if name == "rate" else both
        said = (f"closed form{words}", f"runs{words}")
        line, dots = said if name == "projection" else ("", "")
        lines(axis, form, "nodes", label=line, **look)
        points(axis, found, "nodes", label=dots, marker=MARKERS[i], **look)
    axis.set(xlabel="nodes n of a cycle")
    log_ticks(axis, SHOWN)


def draw_decay(axis: Axes, runs: xr.Dataset) -> None:
    """Frequency 2 over the kept pair, in the time of its own closed form."""
    rate = closed(runs.nodes, "main").rate * runs.lr
    ratio = pair(runs, 3, 4) / pair(runs, 1, 2)
    look: dict[str, Any] = {"color": "nodes", "label": "n = {nodes}", "lw": 1.1}
    lines(axis, ratio, ratio.step * rate, **look)
    along = np.linspace(2.5, 6.9, 2)
    axis.plot(along, 0.6 * np.exp(-along), "k", lw=0.6, label="exp(-|c₂| lr t)")
    words = {"xlabel": "|c₂| × lr × step t", "ylim": (2e-4, 3), "yscale": "log"}
    frame(axis, "frequency 2 over frequency 1", legend={"ncols": 2}, **words)


if __name__ == "__main__":
    launch(__name__)
