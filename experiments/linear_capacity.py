"""A linear map memorizes all of a few random labels, and a fixed number of many.

Samples are memorized if their label is predicted. Up to a capacity in proportion to the
inputs all of them are; of more, said to be four an input for forty classes. Near it the
loss becomes sharp, so that a rate that is right for few inputs is too high for many,
and what is memorized of a large set falls below the most that there was. Which samples
are memorized is not told by their loss at the start.

Source: Z. Liu, How much do linear layers memorize, post on memory 1, February 2026.
Command: python -m experiments.linear_capacity
Expected: 60, 116, 184 and 337 samples of 400 by 10 to 40 inputs after 1000 steps, which
is more than in the post and more than in proportion; it has as many by step 52.

Of the post we know 40 classes, 10 to 40 inputs, 5 to 400 samples and Adam at 0.01; its
steps are not known, nor how it reads a capacity off its curves: here that is what is
memorized of 400. The loss is convex, so that in the end a rate is of no matter where it
has converged. Sharpness is the largest eigenvalue of the Hessian, by iteration.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import xarray as xr
from jax.flatten_util import ravel_pytree
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.plots import frame, key, level, lines, one, panels, points
from ._capacity import linear_run
from ._crossing import crossing, exponent

LEARNED = 0.99  # accuracy up to which all samples count as memorized
AN_INPUT = 4  # samples that the post has memorized an input
POSTED = 400  # of so many
ROUNDS = 60  # of the iteration to the largest eigenvalue


def run(
    dim: Any, size: Any, lr: Any, seed: Any,
    *, max_dim: int, capacity: int, classes: int, steps: int,
) -> mj.Legs:  # fmt: skip
    """Learn random labels; at the end, how sharp the loss is, and who had a low one."""

    def finish(start: Any, params: Any, loss: Any, data: mj.Data) -> dict[str, Any]:
        first, last = (jax.vmap(partial(loss, p))(*data[:2]) for p in (start, params))
        flat, tree = ravel_pytree(params)

        def mean(flat: jax.Array) -> jax.Array:
            return mj.expect(lambda x, y: loss(tree(flat), x, y), data)

        return {
            "sharpness": sharpness(mean, flat),
            "told": correlation(first, last, data.w),
        }

    shapes: dict[str, Any] = {"max_dim": max_dim, "capacity": capacity, "steps": steps}
    return linear_run(dim, size, lr, seed, classes=classes, finish=finish, **shapes)


def sharpness(f: Any, at: jax.Array) -> jax.Array:
    """The largest eigenvalue of the Hessian of `f`, which is convex, by iteration."""

    def turned(_: Any, v: jax.Array) -> jax.Array:
        moved = jax.jvp(jax.grad(f), (at,), (v,))[1]
        return moved / jnp.linalg.norm(moved)

    v = jax.lax.fori_loop(0, ROUNDS, turned, jnp.sin(1.0 + jnp.arange(len(at))))
    return v @ jax.jvp(jax.grad(f), (at,), (v,))[1]


def correlation(a: jax.Array, b: jax.Array, w: jax.Array) -> jax.Array:
    """Pearson's correlation of two quantities [n] over points of these weights."""
    a, b = (x - w @ x for x in (a, b))
    return (w @ (a * b)) / jnp.sqrt((w @ a**2) * (w @ b**2))


def sweeps(
    dim: tuple = (10, 20, 30, 40),  # inputs
    size: tuple = (20, 40, 60, 80, 120, 160, 200, 240, 320, 400),  # samples
    lr: tuple = (3e-3, 1e-2, 3e-2),  # learning rates of Adam
    seeds: Any = 8,  # how many seeds, or which ones (3,7)
    classes: int = 40,  # of the labels
    steps: int = 1000,  # of Adam, on all samples
) -> dict[str, mj.Sweep]:
    """Linear maps by inputs, samples and rates."""
    grid: dict[str, Any] = {"dim": dim, "size": size, "lr": lr}
    shapes: dict[str, Any] = {"classes": classes, "steps": steps}
    return {"main": mj.Sweep(run, seed=mj.seeds(seeds), **grid, **shapes)}


def claims(results: mj.Results) -> list[mj.Claim]:
    """How many samples are memorized, how sharply, and whether it is told before."""
    mine = (memorized, posted, up_to, by_inputs, by_learned, lost, sharper)
    return mj.judged(__file__, results, *mine)


def memorized(results: mj.Results) -> xr.DataArray:
    """How many samples are predicted right after all steps."""
    right = results["main"].accuracy.isel(step=-1)
    return right * right["size"]


def posted(results: mj.Results) -> xr.DataArray:
    """The first logged step at which as many are memorized as in the post."""
    right = results["main"].accuracy
    return mj.first_step(right * right["size"] / right.dim, AN_INPUT)


def up_to(results: mj.Results) -> xr.DataArray:
    """How many samples can be had of which all but a few are."""
    seen = results["main"].accuracy.isel(step=-1)
    return crossing(-seen, "size", -LEARNED)


def by_inputs(results: mj.Results) -> xr.DataArray:
    """The exponent, over inputs, of what is memorized of the largest set."""
    found = memorized(results).isel(size=-1)
    return exponent(found, found.dim, "dim")


def by_learned(results: mj.Results) -> xr.DataArray:
    """The exponent over inputs of the samples up to which all are memorized."""
    found = up_to(results)
    return exponent(found, found.dim, "dim")


def lost(results: mj.Results) -> xr.DataArray:
    """How many samples fewer are memorized of the largest set than of the best."""
    found = memorized(results)
    return found.max("size", skipna=False) - found.isel(size=-1)


def sharper(results: mj.Results, few: str, many: str) -> xr.DataArray:
    """How many times as sharp the loss of many samples is as that of few."""
    found = results["main"].sharpness
    return mj.at(found, size=int(many)) / mj.at(found, size=int(few))


def figure(results: mj.Results) -> Figure:
    """Samples memorized, sharpness, and rates; and initial losses."""
    canvas, panel = panels("ab;cd", (10, 7))
    main = one(results["main"], "dim", "size", "lr").sel(lr=1e-2, method="nearest")
    found = memorized(results).sel(lr=1e-2, method="nearest")
    draw_memorized(panel["a"], found)
    look: dict[str, Any] = {"color": "dim", "label": "{dim} inputs", "join": True}
    points(panel["b"], main.sharpness, "size", **look)
    names: dict[str, Any] = {"x": "samples", "y": "largest eigenvalue", "yscale": "log"}
    frame(panel["b"], "sharpness of the loss", main, **names)
    largest = main.accuracy.isel(size=-1) * main["size"].isel(size=-1)
    draw_steps(panel["c"], largest)
    points(panel["d"], main.told, "size", **look)
    level(panel["d"], 0)
    names = {"x": "samples", "y": "correlation", "ylim": (-1, 1)}
    frame(panel["d"], "loss at the start and at the end", main, **names)
    return canvas


def draw_memorized(axis: Axes, found: xr.DataArray) -> None:
    """Samples memorized by samples given, and how many the post has."""
    how: dict[str, Any] = {"color": "dim", "label": "{dim} inputs", "join": True}
    points(axis, found, "size", **how)
    axis.plot(found["size"], found["size"], "k:", lw=1, label="all")
    posted = AN_INPUT * found.dim.values
    if POSTED in found["size"]:
        axis.plot([POSTED] * len(posted), posted, "kx", label="in the post")
    title = "{classes} classes, rate {lr:g}"
    frame(axis, title, found, "samples", "memorized")


def draw_steps(axis: Axes, found: xr.DataArray) -> None:
    """Samples memorized of the largest set over steps, and how many the post has."""
    lines(axis, found, "step", color="dim", label="{dim} inputs")
    if found["size"] == POSTED:
        for i, inputs in enumerate(found.dim.values):
            level(axis, AN_INPUT * inputs, color=f"C{i}")
        key(axis, "in the post", ":")
    names: dict[str, Any] = {"xscale": "symlog", "xlim": (0, found.step.max())}
    frame(axis, "of {size}, rate {lr:g}", found, "step", "memorized", **names)


if __name__ == "__main__":
    launch(__name__)
