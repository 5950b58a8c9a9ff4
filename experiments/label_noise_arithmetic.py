"""A network that fitted wrong sums still holds the rule, in its single frequencies.

A two-layer network learns a + b modulo p from a table with up to 80 % wrong labels. It
fits every label and its test accuracy falls to chance; the same network with one
frequency a neuron kept is nearly always right.

Source: Liu and Lu, Unveiling Memorization-Generalization Coexistence, 2605.18022: its
abstract and, where a row says so, what others noted of its text.
Command: python -m experiments.label_noise_arithmetic
Expected: p = 113, 80 % wrong labels: test accuracy 0.00 as trained, 0.97 filtered.

The paper trains p = 113 at widths of 17 to 4097 for 200,000 full-batch steps of AdamW
(learning rate 1e-3, decay 0.1). `main` takes p = 59, widths to 512, 300 steps, a
learning rate of 1e-2 and a decay of 1, which fit two cores; `published` takes p = 113
at a width of 1024 and 64 such steps, by 40 of which all labels are fitted. The paper's
sizes: --modulus=113 --width=2049 --lr=1e-3 --wd=0.1 --steps=200000.
"""

from functools import partial
from typing import Any

import jax.numpy as jnp
import optax
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from experiments import _label_noise as ln
from memjax.cli import launch
from memjax.plots import BESIDE, key, keys, lines, one, panels, points

VARIANTS = ("squares", "filtered with squares", "filtered with means")


def run(
    noise: Any, width: Any, lr: Any, wd: Any, init_scale: Any, share: Any, seed: Any,
    *, modulus: int, capacity: int, max_width: int, activation: str, steps: int,
    looks: int,
) -> mj.Legs:  # fmt: skip
    """Learn the table; look at the network, its filtered copy and what that leaves."""
    given = ln.task(
        seed, noise, modulus, width, max_width, share=share, scale=init_scale
    )

    def finish(network: ln.Params) -> dict[str, Any]:
        """Squares in place of the activation, and a filter that keeps means."""
        squares, own = (partial(ln.logits, name) for name in ("square", activation))
        found = [
            ln.accuracies(squares, network, given.points),
            ln.accuracies(squares, ln.filtered(network), given.points),
            ln.accuracies(own, ln.filtered(network, keep_mean=True), given.points),
        ]
        labels = {"variant": VARIANTS, "part": ln.PARTS}
        return {"variants": mj.named(jnp.stack(found), *labels, coords=labels)}

    optimizer = optax.adamw(lr, weight_decay=wd)
    return ln.learn(given, activation, optimizer, steps, looks=looks, finish=finish)


def sweeps(
    noise: tuple = (0.2, 0.4, 0.8),  # shares of the training labels that are wrong
    modulus: tuple = (59,),  # moduli p; each is a program of its own
    width: tuple = (32, 64, 512),  # numbers of neurons
    lr: tuple = (1e-2,),  # learning rates of AdamW
    wd: tuple = (1.0,),  # decoupled weight decays
    init_scale: tuple = (1.0,),  # factors on initial weights of variance 1/width
    share: tuple = (ln.SHARE,),  # shares of the table that are trained on
    activation: tuple = ("relu",),  # relu, gelu, square, tanh, linear; a program each
    seeds: Any = 8,  # how many seeds, or which ones (3,7)
    steps: int = 300,  # optimizer steps
    published: bool = True,  # also the paper's p = 113, 80 % wrong labels
) -> dict[str, mj.Sweep]:
    """Noise by size of table and network, and the paper's table."""
    mj.between(0, 1, noise=noise)
    mj.between(1e-3, 1, share=share)
    mj.one_of(tuple(ln.ACTIVATIONS), activation=activation)
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


# --- what was found -----------------------------------------------------------------


def claims(results: ln.Results) -> list[mj.Claim]:
    """The filtered network against the trained one, squares for ReLU, and width."""
    return mj.judged(__file__, results, mj.change, swapped, lost)


def swapped(results: ln.Results, part: str) -> xr.DataArray:
    """The accuracy that squares in place of the activation add."""
    squares = results["main"].variants.sel(variant="squares", part=part)
    return squares - ln.accuracy(results, "main", "trained", part)


def lost(results: ln.Results) -> xr.DataArray:
    """The test accuracy that the filter loses where it keeps means."""
    means = results["main"].variants.sel(variant="filtered with means", part="test")
    return ln.accuracy(results, "main", "filtered", "test") - means


# --- what to look at ----------------------------------------------------------------


def figure(results: ln.Results) -> Figure:
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
    ln.frame(axis, where, wide, "accuracy", xscale="log", xlabel="step")


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
    names: dict[str, Any] = {"xlabel": "share of wrong labels", "legend": BESIDE}
    where = "p = {modulus}, width {width}"
    ln.frame(axis, where, wide, "test accuracy at the end", **names)


def draw_width(axis: Axes, known: xr.DataArray) -> None:
    """Test accuracy against width, filtered and as trained, by noise."""
    how: dict[str, Any] = {"color": "noise", "dash": "network"}
    both = known.sel(network=["filtered", "trained"])
    points(axis, both, "width", True, label="noise {noise:g}", **how)
    keys(axis, "filtered", "as trained")
    names: dict[str, Any] = {"xscale": "log", "xlabel": "neurons", "legend": BESIDE}
    ln.frame(axis, "p = {modulus}", known, "test accuracy", **names)
    axis.set_xticks(known.width.values, known.width.values)
    axis.minorticks_off()


if __name__ == "__main__":
    launch(__name__)
