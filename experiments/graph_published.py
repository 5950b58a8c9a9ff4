"""Seven published settings of lr, weight decay, start and dropout on a cycle of 15.

A linear model of three matrices, logits `V (W v + b)` with a tied embedding V, learns
the edges. Geometric memory puts them into V, in few eigenvectors of the graph's walk;
associative memory leaves V as random as it began and puts them into W. The
participation ratio of V's projections on the 14 nontrivial eigenvectors tells them
apart: ours, geometric up to half of 14, associative from 0.9 of it.

Source: Noroozizadeh, Nagarajan, Rosenfeld, Kumar, arXiv:2510.26745, and the notebooks
of their repository: width 512, one seed, AdamW for 10,000 steps, bfloat16 autocast.
Command: python -m experiments.graph_published
Expected: participation ratio 13.9 of 14 from a start of N(0, 1) at lr 1e-4, near 7 with
weight decay 10; from a start of 0.02, 9.7 at lr 1e-4 and 7.2 at 1e-2.

Runs are in float32, and those of `autocast` with every product rounded to bfloat16, as
the original's: 2a, whose published embedding has 5.1, has 7.2 and 7.5. `descent` is
plain gradient descent; `frozen` and `narrow` (width 15) hold the embedding fixed. The
notebooks print a loss, a geometric margin and its top-1 for three rows, and the last
two for a fixed embedding.
"""

from typing import Any

import numpy as np
import optax
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from experiments import _graphs as family
from experiments._graphs import SETTINGS, Results, three_matrices
from memjax.cli import launch
from memjax.datasets import graphs
from memjax.plots import frame, key, mosaic, panels

WIDTH, STEPS = 512, 10_000  # of the published settings


def run(seed: Any, *, row: str, width: int, steps: int, bfloat16: int) -> mj.Legs:
    """A row of the study, on the cycle of 15."""
    its, ring = SETTINGS[row], graphs.cycle(15)
    ring = graphs.with_self_edges(ring) if its.self_edges else ring
    shape = mj.schedules.cosine(steps, 0.1)
    lr = (lambda t: its.lr * shape(t)) if its.cosine else its.lr
    adamw = optax.adamw(lr, weight_decay=its.wd)
    how: Any = {"dropout": its.dropout, "bfloat16": bool(bfloat16)}
    return three_matrices(ring, adamw, its.init_scale, seed, width, steps, **how)


def descent(lr: Any, init_scale: Any, seed: Any, *, width: int, steps: int) -> mj.Legs:
    """Memorize the cycle of 15 by plain gradient descent on the mean over edges."""
    ring = graphs.cycle(15)
    return three_matrices(ring, optax.sgd(lr), init_scale, seed, width, steps)


def frozen(lr: Any, wd: Any, seed: Any, *, width: int, steps: int) -> mj.Legs:
    """The control: the embedding is held at its start, only W and b learn."""
    ring, shape = graphs.cycle(15), mj.schedules.cosine(steps, 0.1)
    adamw = optax.adamw(lambda t: lr * shape(t), weight_decay=wd)
    return three_matrices(ring, adamw, 0.02, seed, width, steps, held=("v",))


def sweeps(
    row: tuple = tuple(SETTINGS),  # rows of the study; each is a program of its own
    seeds: int = 4,  # how many seeds of every row, or which ones (3,7)
    controls: int = 16,  # how many seeds of the controls, or which ones
    width: int = WIDTH,  # of the embedding, as published
    steps: int = STEPS,  # of AdamW, as published
) -> dict[str, mj.Sweep]:
    """The seven published settings, one in bfloat16, and three controls."""
    mj.one_of(tuple(SETTINGS), row=row)
    on: Any = {"width": width, "steps": steps}
    main = mj.Sweep(run, seed=mj.seeds(seeds), row=row, bfloat16=0, **on)
    again = mj.seeds(controls)
    on = {"width": min(width, 128), "steps": 2 * steps}
    plain = mj.Sweep(descent, seed=again, lr=0.5, init_scale=0.02, **on)
    held = mj.Sweep(frozen, seed=again, width=width, steps=10, lr=0.1, wd=1e-3)
    narrow = held.but(width=15, steps=steps // 2, lr=10.0, wd=0.0)
    rounded = {"autocast": main.but(row=("2a",), bfloat16=1)} if "2a" in row else {}
    return {"main": main, "descent": plain, "frozen": held, "narrow": narrow, **rounded}


def claims(results: Results) -> list[mj.Claim]:
    """What the notebooks say and print of each row, and the controls."""
    return mj.judged(__file__, results, averaged, above, least_recall)


def averaged(results: Results, sweep: str, name: str) -> xr.DataArray:
    """A quantity over the last quarter of the steps; of ten steps, at the last."""
    if sweep == "frozen":
        return results[sweep].isel(step=-1)[name]
    return mj.late(results[sweep])[name]


def above(results: Results, name: str, more: str, less: str) -> xr.DataArray:
    """How far a quantity of one row is above that of another, seed by seed."""
    found = mj.late(mj.at(results["main"], width=WIDTH, steps=STEPS))[name]
    first, second = (mj.at(found, row=row) for row in (more, less))
    return first - second


def least_recall(results: Results) -> float:
    """The least recall of all rows and seeds."""
    found = mj.at(results["main"], width=WIDTH, steps=STEPS)
    return float(mj.late(found).recall.min())


HOLLOW: Any = {"color": "C0", "mfc": "none"}
EXAMPLES = {
    "2b": "2b: lr 1e-4 from 0.02",
    "3a": "3a: lr 1e-4 from N(0, 1)",
    "3c": "3c: the same, wd 10",
    "2a": "2a: lr 1e-2 from 0.02",
}
CONTROLS = {
    "autocast": "2a in bfloat16",
    "descent": "gradient descent\nwidth 128",
    "frozen": "V frozen",
    "narrow": "V frozen\nwidth 15",
}


def figure(results: Results) -> Figure:
    """Profiles and maps of some rows, and the participation of all."""
    main, shown = results["main"], {"gradient descent, 0.02": results["descent"]}
    known = {row: said for row, said in EXAMPLES.items() if row in main.row}
    shown |= {said: main.sel(row=row) for row, said in known.items()}
    canvas, panel = panels(mosaic((len(shown), 2), (1, 1)), (11, 7.5))
    *axes, below = panel.values()
    family.draw_columns(axes, shown)
    draw_spread(below, results)
    return canvas


def draw_spread(axis: Axes, results: Results) -> None:
    """Participation of every seed of the published settings and of the controls."""
    shown = {s: averaged(results, s, "participation") for s in results}
    main = shown["main"]
    columns = {describe(row): main.sel(row=row) for row in main.row.values}
    columns |= {said: shown[s] for s, said in CONTROLS.items() if s in shown}
    for x, values in enumerate(columns.values()):
        axis.plot(np.full(values.size, x), values.values.ravel(), "o", **HOLLOW)
        its = SETTINGS[values.row.item()] if "row" in values.coords else None
        if its and its.checkpoint:
            axis.plot(x + 0.15, its.checkpoint, "D", color="k", ms=5)
    modes = results["main"].sizes["eigen"] - 1
    axis.axhspan(1, family.GEOMETRIC * modes, color="C2", alpha=0.12, lw=0)
    axis.axhspan(family.ASSOCIATIVE * modes, modes, color="C1", alpha=0.18, lw=0)
    for at, y, said in ((3.5, 6.8, "geometric"), (4.5, 13.9, "associative")):
        axis.text(at, y, said, va="top", ha="center", color="0.4")
    axis.set_xticks(range(len(columns)), list(columns), fontsize=7)
    key(axis, "each seed; float32 where not said otherwise", "o", **HOLLOW)
    known = ", ".join(row for row, its in SETTINGS.items() if its.checkpoint)
    key(axis, f"the authors' checkpoint, where known ({known})", "D", color="k")
    legend = {"loc": "lower left", "ncols": 2, "bbox_to_anchor": (0.3, 0.98)}
    title = "participation ratio, of 14"
    frame(axis, title, ylim=(1, 15), xlim=(-0.5, None), legend=legend)


def describe(row: str) -> str:
    """A published setting in words."""
    its = SETTINGS[row]
    extra = [f"wd {its.wd:g}"] if its.wd else []
    extra += [f"dropout {its.dropout:g}"] if its.dropout else []
    extra += ["self edges"] if its.self_edges else []
    extra += ["cosine"] if its.cosine else []
    return f"{row}: start {its.init_scale:g}\nlr {its.lr:g}\n{', '.join(extra)}"


if __name__ == "__main__":
    launch(__name__)
