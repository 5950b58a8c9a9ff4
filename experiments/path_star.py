"""Small transformers find ways through a graph that they know by heart only.

Arms of equal length leave a root. A sequence model learns all edges, and the paths from
the root to three leaves in four; asked for the path to another leaf it must choose the
first step, which no edge at the root tells. Where the arms are many and edges weigh
more than paths it is often right: its embedding has put each arm in one place.

Source: Noroozizadeh, Nagarajan, Rosenfeld, Kumar, arXiv:2510.26745. Accuracies are in
bar plots only; the text has "up to 100%" for unseen leaves of 5,000 and 10,000 arms.
Command: python -m experiments.path_star
Expected: 0.5 of unseen paths of 128 arms, none with edges one way or V held. In an hour
--arms=1000 --nodes=5 --width=64 --recipe=both --sizes=0 --steps=1500 --seeds=2
--nomamba --nocontext knows 0.9 of unseen paths at step 150 and 0.03 in the end.

Published: 12 layers, 8 heads, width 384, AdamW (lr 5e-5, decay 0.01, warmup, a cosine
to a tenth), thousands of epochs: --layers=12 --heads=8 --width=384 --arms=5000
--nodes=5 --pauses=5 --lr=5e-5 --wd=0.01. Ours, for two cores: one layer, width 32,
arms of 4 nodes, full batches in which paths weigh `told`, a large decay, an embedding
that starts at a tenth of 1/√width (frozen: at all of it), nodes with names in order.
`context` is the same with a graph in each sequence, drawn anew for every step.
"""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.plots import (
    DASHES,
    frame,
    level,
    lines,
    log_ticks,
    matrix,
    one,
    panels,
    points,
)
from . import _path_star as family
from ._path_star import RECIPES, Recipe


def sweeps(
    recipe: tuple = tuple(RECIPES),  # what is trained on; all are one program
    arms: int = 128,  # arms of the graph; 5000 and 10,000 are published
    nodes: int = 4,  # of a path, root and leaf included; 5, 6 and 10 are published
    sizes: tuple = (16, 32, 64, 128),  # numbers of arms of a curve; none: sizes=0
    lr: tuple = (3e-3,),  # peaks of AdamW's learning rate
    wd: tuple = (1.0,),  # decoupled weight decays
    told: tuple = (0.1,),  # weights of paths beside edges, in the loss
    layers: int = 1,  # 12 are published
    width: int = 32,  # of the stream; 384 and 784 are published
    heads: int = 2,  # of attention; 8 are published
    pauses: int = 4,  # places for pauses, of which recipes use 1 or 4
    steps: int = 300,  # of full batches
    seeds: Any = 4,  # how many seeds, or which ones (3,7)
    mamba: bool = True,  # also Mamba, on both ways of edges
    context: bool = True,  # also graphs that each sequence gives
    context_arms: tuple = (2,),  # their arms; 2, 10 and 20 are published
    context_nodes: int = 5,  # nodes of their paths, as published
    context_steps: int = 800,  # of 64 new graphs each
) -> dict[str, mj.Sweep]:
    """Recipes, numbers of arms, Mamba, and graphs in the sequence."""
    mj.one_of(tuple(RECIPES), recipe=recipe)
    mj.between(1e-3, 0.999, told=told)
    mj.inside(1, np.inf, arms=arms, context_arms=context_arms)
    net: Any = {"layers": layers, "width": width, "heads": heads}
    axes: Any = {**net, "lr": lr, "wd": wd, "told": told, "seed": mj.seeds(seeds)}
    axes |= {"arms": arms, "nodes": nodes, "pauses": pauses, "steps": steps}
    main = mj.Sweep(family.run, model="transformer", **axes, **of(recipe))
    made = {"main": main}
    if any(sizes):
        made["sizes"] = main.but(arms=sizes, **of(("both",)))
    if mamba:
        made["mamba"] = main.but(model="mamba", arms=arms, **of(("both",)))
    if context:
        given: Any = {"arms": context_arms, "nodes": context_nodes, "wd": (0.01,)}
        given |= {"steps": context_steps, "names": 50, "lr": (1e-3,)}
        given |= {**net, "seed": mj.seeds(seeds)}
        made["context"] = mj.Sweep(family.in_context, **given)
    return made


def of(recipe: Any) -> dict[str, Any]:
    """The axis of some recipes, and their numbers."""
    rows = [RECIPES[name] for name in recipe]
    columns: Any = [np.array(c, np.float32) for c in zip(*rows, strict=True)]
    return {
        "recipe": list(recipe),
        "inputs": {"recipe": mj.per("recipe", Recipe(*columns))},
    }


def claims(results: mj.Results) -> list[mj.Claim]:
    """Which recipes find unseen paths, and what graphs in the sequence do."""
    return mj.judged(__file__, results, end, first, sooner, later, apart, mj.change)


def end(results: mj.Results, sweep: str, name: str) -> xr.DataArray:
    """A quantity after the last step."""
    return results[sweep][name].isel(step=-1)


def first(results: mj.Results, sweep: str) -> xr.DataArray:
    """How often the step after the root is right, after the last step."""
    return end(results, sweep, "token").sel(place=1)


def sooner(results: mj.Results) -> xr.DataArray:
    """How much four pauses add to the accuracy on unseen paths, mean over steps."""
    of_recipe = results["main"].path.mean("step")
    return mj.at(of_recipe, recipe="pauses") - mj.at(of_recipe, recipe="both")


def later(results: mj.Results) -> xr.DataArray:
    """How far the last token is ahead of that after the root, mean over steps."""
    of_place = results["main"].token.mean("step")
    return of_place.isel(place=-1) - of_place.sel(place=1)


def apart(results: mj.Results) -> xr.DataArray:
    """How much nearer the two ends of one arm are than those of two, at the end."""
    cosine = results["main"].cosine.transpose("leaf", "first", ...)
    count = cosine.notnull().sum(["leaf", "first"]) ** 0.5  # of arms
    own = sum(cosine[i, i].fillna(0) for i in range(len(cosine.leaf))) / count
    every = cosine.sum(["leaf", "first"])
    return own - (every - own * count) / (count * (count - 1))


COURSES = {"edge": "edges", "known_path": "known paths", "path": "unseen paths"}
SHARE: dict[str, Any] = {"ylabel": "share right", "ylim": (-0.02, 1.02)}


def figure(results: mj.Results) -> Figure:
    """Recipes, courses, places of nodes, numbers of arms, and the failure."""
    canvas, panel = panels("abc;def", (11, 6.6))
    main = one(results["main"], "recipe")
    draw_recipes(panel["a"], main)
    both = main.isel(recipe=0)
    for i, (name, said) in enumerate(COURSES.items()):
        look: Any = {"color": f"C{i}", "dash": DASHES[i], "label": said}
        lines(panel["b"], both[name], "step", **look)
    frame(panel["b"], "{arms} arms of {nodes} nodes", both, xlabel="step", **SHARE)
    shown = both.isel(seed=0).cosine.transpose("leaf", "first").values
    matrix(panel["c"], shown, 1, "cosine in the embedding")
    frame(panel["c"], "leaf and first node of arms", xlabel="first", ylabel="leaf")
    draw_sizes(panel["d"], results)
    draw_tokens(panel["e"], both, "tokens of unseen paths, {arms} arms")
    if "context" in results:
        words = "{arms} arms, given in the sequence"
        draw_tokens(panel["f"], one(results["context"]), words)
    return canvas


def draw_recipes(axis: Axes, main: xr.Dataset) -> None:
    """The accuracy on unseen paths at the end, by recipe, and chance."""
    found = main.path.isel(step=-1).transpose("recipe", "seed")
    at = np.arange(len(found))
    axis.barh(at, found.mean("seed"), color="C0", alpha=0.5)
    axis.plot(found, at, "o", color="k", ms=2.5)
    axis.axvline(1 / int(main.arms), color="k", ls=":", lw=1)
    axis.set_yticks(at, [str(r).replace("_", ", ") for r in found.recipe.values])
    axis.invert_yaxis()
    xlabel = "share right; dots: seeds; dotted: chance of a step"
    frame(axis, "unseen paths, by what is learned", xlim=(0, 1.02), xlabel=xlabel)


def draw_sizes(axis: Axes, results: mj.Results) -> None:
    """The accuracy on unseen paths by number of arms."""
    made = {"sizes": "transformer", "mamba": "Mamba"}
    for i, (name, said) in enumerate((n, s) for n, s in made.items() if n in results):
        it = one(results[name], "arms").isel(step=-1)
        it = it if "arms" in it.dims else it.expand_dims("arms")
        look: Any = {"color": f"C{i}", "marker": "os"[i], "label": said}
        points(axis, it.path, "arms", join=True, **look)
        axis.plot(it.arms, 1 / it.arms, color="k", ls=":", lw=1)
    log_ticks(axis, np.ravel(results.get("sizes", results["main"]).arms.values))
    frame(axis, "unseen paths", xlabel="arms; dotted: chance of a step", **SHARE)


def draw_tokens(axis: Axes, it: xr.Dataset, title: str) -> None:
    """Each token after the right ones, against the step, and the chance of a step."""
    lines(axis, it.token, "step", color="place", label="token {place}", marks=True)
    level(axis, 1 / int(it.arms))
    frame(axis, title, it, xlabel="step", **SHARE)


if __name__ == "__main__":
    launch(__name__)
