"""A network that fitted wrong sums still holds the rule, in its single frequencies.

A two-layer network learns a + b modulo p from a table with up to 80 % wrong labels. It
fits every label and its test accuracy falls to chance; the same network with one
frequency a neuron kept is nearly always right.

Source: Liu and Lu, Unveiling Memorization-Generalization Coexistence, 2605.18022.
Command: python -m experiments.label_noise_arithmetic
Expected: p = 113, 80 % wrong labels: test accuracy 0.00 as trained, 0.97 filtered.

The paper trains by full-batch AdamW, too, at widths of 17 to 4097: --modulus=113
--width=2049 --lr=1e-3 --wd=0.1 --steps=200000. `main` fits two cores; `published` takes
the paper's table at a width of 1024 and 64 of main's steps, by 40 of which all labels
are fitted.
"""

from functools import partial
from typing import Any

import jax.numpy as jnp
import optax
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.models.pairs import Params, logits
from memjax.plots import key, keys, lines, log_ticks, one, panels, points
from . import _label_noise as ln

VARIANTS = ("squares", "filtered with squares", "filtered with means")


def run(
    noise: Any, width: Any, lr: Any, wd: Any, init_scale: Any, share: Any, seed: Any,
    *, modulus: int, capacity: int, max_width: int, activation: str, steps: int,
    looks: int,
) -> mj.Legs:  # fmt: skip
    """Learn the table; look at the network, its filtered copy and what that leaves."""
    draw: dict[str, Any] = {"share": share, "scale": init_scale}
    act = mj.models.ACTIVATIONS[activation]
    given = ln.task(seed, noise, modulus, width, max_width, act, **draw)

    def finish(network: Params) -> dict[str, Any]:
        """Squares in place of the activation, and a filter that keeps means."""
        squares = partial(logits, jnp.square)
        found = [
            ln.accuracies(squares, network, given.points),
            ln.accuracies(squares, ln.filtered(network), given.points),
            ln.accuracies(given.apply, ln.filtered(network, True), given.points),
        ]
        labels = {"variant": VARIANTS, "part": ln.PARTS}
        return {"variants": mj.named(jnp.stack(found), *labels, coords=labels)}

    optimizer = optax.adamw(lr, weight_decay=wd)
    return ln.learn(given, optimizer, steps, looks=looks, finish=finish)


def sweeps(
    noise: tuple = (0.2, 0.4, 0.8),  # shares of the training labels that are wrong
    modulus: tuple = (59,),  # moduli p; each is a program of its own
    width: tuple = (32, 64, 512),  # numbers of neurons
    lr: tuple = (1e-2,),  # learning rates of AdamW
    wd: tuple = (1.0,),  # decoupled weight decays
    init_scale: tuple = (1.0,),  # factors on initial weights of variance 1/width
    share: tuple = (ln.SHARE,),  # shares of the table that are trained on
    activation: tuple = ("relu",),  # relu, gelu, square, tanh, linear …; a program each
    seeds: Any = 8,  # how many seeds, or which ones (3,7)
    steps: int = 300,  # optimizer steps
    published: bool = True,  # also the paper's p = 113, 80 % wrong labels
) -> dict[str, mj.Sweep]:
    """Noise by size of table and network, and the paper's table."""
    mj.between(0, 1, noise=noise)
    mj.between(1e-3, 1, share=share)
    mj.one_of(tuple(mj.models.ACTIVATIONS), activation=activation)
    dials: dict[str, Any] = {"lr": lr, "wd": wd, "init_scale": init_scale}
    dials |= {"noise": noise, "share": share, "seed": mj.seeds(seeds)}
    shapes: dict[str, Any] = {"width": width, "activation": activation, "steps": steps}
    made = {"main": mj.Sweep(run, ln.tables(modulus), **dials, **shapes, looks=20)}
    if published:
        dials |= {"lr": lr[:1], "wd": wd[:1], "init_scale": init_scale[:1]}
        dials |= {"noise": (0.8,), "share": (ln.SHARE,)}
        shapes = {"width": (1024,), "activation": ("relu",), "steps": 64, "looks": 2}
        made["published"] = mj.Sweep(run, ln.tables((113,)), **dials, **shapes)
    return made


def claims(results: mj.Results) -> list[mj.Claim]:
    """The filtered network against the trained one, squares for ReLU, and width."""
    return mj.judged(__file__, results, mj.change)


def figure(results: mj.Results) -> Figure:
    """What is known over training, noise and width."""
    canvas, panel = panels("abc", (13, 3.6))
    main = one(results["main"], "noise", "width")
    wide = main.isel(width=-1)
    draw_training(panel["a"], wide.isel(noise=-1))
    draw_noise(panel["b"], wide, results.get("published"))
    draw_width(panel["c"], main.accuracy.isel(step=-1).sel(part="test"))
    return canvas


def draw_training(axis: Axes, wide: xr.Dataset) -> None:
    """Accuracies over training, as trained on every part and filtered on the test."""
    seen = wide.accuracy.isel(step=slice(1, None))
    trained = seen.sel(network="trained").isel(part=slice(3))
    lines(axis, trained, "step", color="part", label="{part}")
    hidden = seen.sel(network="filtered", part="test")
    lines(axis, hidden, "step", color="k", dash="-.", label="test, filtered")
    where = "p = {modulus}, width {width}, noise {noise:g}"
    ln.frame(axis, where, wide, "step", "accuracy", xscale="log", legend={})


def draw_noise(axis: Axes, wide: xr.Dataset, paper: xr.Dataset | None) -> None:
    """Test accuracy at the end against the share of wrong labels."""
    end = wide.accuracy.isel(step=-1).sel(part="test")
    points(axis, end, "noise", True, color="network", label="{network}")
    squared = wide.variants.sel(variant="filtered with squares", part="test")
    how: dict[str, Any] = {"color": "k", "dash": "-.", "marker": "D"}
    points(axis, squared, "noise", True, label="filtered, squares for ReLU", **how)
    if paper is not None:
        there = one(paper, "noise").accuracy.isel(step=-1).sel(part="test")
        points(axis, there, "noise", color="network", ms=8, mfc="none")
        key(axis, "p = 113, width 1024", "o", ms=8, mfc="none")
    names = "share of wrong labels", "test accuracy at the end"
    ln.frame(axis, "p = {modulus}, width {width}", wide, *names)


def draw_width(axis: Axes, known: xr.DataArray) -> None:
    """Test accuracy against width, filtered and as trained, by noise."""
    how: dict[str, Any] = {"color": "noise", "dash": "network"}
    both = known.sel(network=["filtered", "trained"])
    points(axis, both, "width", True, label="noise {noise:g}", **how)
    keys(axis, "filtered", "as trained")
    ln.frame(axis, "p = {modulus}", known, "neurons", "test accuracy")
    log_ticks(axis, known.width.values)


if __name__ == "__main__":
    launch(__name__)
