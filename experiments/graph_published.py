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
plain gradient descent; `frozen` and `narrow` (width 15) hold the embedding fixed.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.datasets import graphs
from memjax.engine import Zipped
from memjax.plots import frame, key, mosaic, one, panels
from . import _graphs as family
from ._graphs import SETTINGS, Setting, three_matrices

WIDTH, STEPS = 512, 10_000  # of the published settings


def run(
    row: dict[str, Any], width: Any, seed: Any,
    *, max_width: int, steps: int, dropped: int, bfloat16: int,
) -> mj.Legs:  # fmt: skip
    """A row of the study, given as its numbers, on the cycle of 15."""
    shape = mj.schedules.cosine(steps, 0.1)

    def lr(t: Any) -> jax.Array:
        return row["lr"] * jnp.where(row["cosine"], shape(t), 1.0)

    adamw = optax.adamw(lr, weight_decay=row["wd"])
    how: Any = {"dropout": row["dropout"] if dropped else None}
    how |= {"max_width": max_width, "steps": steps, "bfloat16": bool(bfloat16)}
    on = ring(), row["self_edges"], width
    return three_matrices(*on, adamw, row["init_scale"], seed, **how)


def ring() -> family.Walks:
    """The cycle of 15."""
    return jax.tree.map(lambda a: a[0], family.walks_on([graphs.cycle(15)]))


def descent(
    width: Any, lr: Any, init_scale: Any, seed: Any, *, max_width: int, steps: int
) -> mj.Legs:
    """Memorize the cycle of 15 by plain gradient descent on the mean over edges."""
    how: Any = {"max_width": max_width, "steps": steps}
    return three_matrices(ring(), 0, width, optax.sgd(lr), init_scale, seed, **how)


def frozen(
    width: Any, lr: Any, wd: Any, seed: Any, *, max_width: int, steps: int
) -> mj.Legs:
    """The control: the embedding is held at its start, only W and b learn."""
    shape = mj.schedules.cosine(steps, 0.1)
    adamw = optax.adamw(lambda t: lr * shape(t), weight_decay=wd)
    how: Any = {"max_width": max_width, "steps": steps, "held": ("v",)}
    return three_matrices(ring(), 0, width, adamw, 0.02, seed, **how)


def rows(names: tuple) -> tuple[Zipped, dict[str, Any]]:
    """The axis of these rows of the study, and their numbers, an entry for each."""
    fields = [name for name in Setting._fields if name != "checkpoint"]
    chosen = [SETTINGS[name] for name in names]
    numbers = {n: np.array([getattr(it, n) for it in chosen]) for n in fields}
    dropped = (numbers["dropout"] > 0).astype(int).tolist()
    return mj.zipped(row=names, dropped=dropped), {"row": mj.per("row", numbers)}


def sweeps(
    row: tuple = tuple(SETTINGS),  # rows of the study: a program, and one with dropout
    seeds: int = 4,  # how many seeds of every row, or which ones (3,7)
    controls: int = 16,  # how many seeds of the controls, or which ones
    width: tuple = (WIDTH,),  # of the embedding, as published; the figure has the last
    steps: int = STEPS,  # of AdamW, as published
) -> dict[str, mj.Sweep]:
    """The seven published settings, one in bfloat16, and three controls."""
    mj.one_of(tuple(SETTINGS), row=row)
    axis, inputs = rows(row)
    on: Any = {"seed": mj.seeds(seeds), "width": width, "steps": steps, "bfloat16": 0}
    main, again = mj.Sweep(run, axis, inputs=inputs, **on), mj.seeds(controls)
    on = {"width": sorted({min(w, 128) for w in width}), "steps": 2 * steps}
    plain = mj.Sweep(descent, seed=again, lr=0.5, init_scale=0.02, **on)
    held = mj.Sweep(frozen, seed=again, width=width, steps=10, lr=0.1, wd=1e-3)
    narrow = held.but(width=15, steps=steps // 2, lr=10.0, wd=0.0)
    made = {"main": main, "descent": plain, "frozen": held, "narrow": narrow}
    if "2a" in row:
        axis, inputs = rows(("2a",))
        made["autocast"] = main.but(run, axis, inputs=inputs, bfloat16=1)
    return made


def claims(results: mj.Results) -> list[mj.Claim]:
    """What the notebooks say and print of each row, and the controls."""
    return mj.judged(__file__, results, mj.averaged, least_recall)


def least_recall(results: mj.Results) -> float:
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


def figure(results: mj.Results) -> Figure:
    """Profiles and maps of some rows, and the participation of all."""
    main, plain = (one(results[name], "row") for name in ("main", "descent"))
    shown = {"gradient descent, 0.02": plain}
    known = {row: said for row, said in EXAMPLES.items() if row in main.row}
    shown |= {said: main.sel(row=row) for row, said in known.items()}
    canvas, panel = panels(mosaic((len(shown), 2), (1, 1)), (11, 7.5))
    *axes, below = panel.values()
    family.draw_columns(axes, shown)
    draw_spread(below, results)
    return canvas


def draw_spread(axis: Axes, results: mj.Results) -> None:
    """Participation of every seed of the published settings and of the controls."""
    of_last = {s: one(results[s], "row") for s in results}
    shown = {s: mj.late(found).participation for s, found in of_last.items()}
    shown["frozen"] = of_last["frozen"].participation.isel(step=-1)  # of ten steps
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
    said = {"wd": f"wd {its.wd:g}", "dropout": f"dropout {its.dropout:g}"}
    said |= {"self_edges": "self edges", "cosine": "cosine"}
    extra = [words for name, words in said.items() if getattr(its, name)]
    return f"{row}: start {its.init_scale:g}\nlr {its.lr:g}\n{', '.join(extra)}"


if __name__ == "__main__":
    launch(__name__)
