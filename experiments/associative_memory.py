"""Networks trained to return their input store it: iterated, they fall back to it.

An overparameterized autoencoder trained to zero loss on a few samples makes them fixed
points, and, if it is deep and wide enough, attracting ones: iterated from a corrupted
sample it retrieves the sample. Trained to map each sample to the next, it stores the
whole sequence as a limit cycle, and more of it than of single samples.

Source: Radhakrishnan, Belkin and Uhler, PNAS 2020 (arXiv 1909.12362).
Command: python -m experiments.associative_memory
Expected: 10 samples in 16 dimensions, x + sin(10x)/5: about 0.4 of them stored at
depth 1, nearly all at depth 6; in a smaller network a cycle of 40 is stable, where at
most 12 samples are stored, of however many.

Sweeps: `main` (activations and depths), `widths`, `limit` (more and more points, as
samples and as one cycle), `basins` (in the plane) and `lone` (one sample, for which
there is a formula). Samples are random points of the unit cube; for images see
`associative_images`.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.plots import frame, key, level, lines, one, panels, points, regions
from . import _attractors as family

ROUNDS = 240  # iterations, at most, to the picture of basins
DRIVES = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)  # where a lone sample first drives its units
KINDS, UNITS = ("relu", "tanh", "sigmoid", "sine"), 16  # of its network
TRAINED = 1e-8  # a loss at which we speak of storage
LOOK: dict[str, Any] = {"even": True, "color": "activation"}
attractors, radius = mj.observables.attractors, mj.theory.autoencoder.radius


def run(
    size: Any, sequence: Any, width: Any, lr: Any, init_scale: Any, seed: Any,
    *, capacity: int, dim: int, depth: int, max_width: int, activation: str, steps: int,
    pixels: int,  # a side of the picture of basins, of points in the plane; or 0
) -> mj.Legs:  # fmt: skip
    """Store `size` samples, or where `sequence` is 1 the cycle through them."""
    data_key, init_key, noise_key = jax.random.split(jax.random.key(seed), 3)
    x = jax.random.uniform(data_key, (capacity, dim))
    data = mj.datasets.successors(x, size, sequence)

    def finish(f: family.Map) -> dict[str, Any]:
        found = attractors.stability(f, data)
        found |= attractors.retrieval(f, data, size, noise_key)
        if pixels:
            found |= attractors.basins(f, data, size, pixels, ROUNDS)
        return found

    how: dict[str, Any] = {"lr": lr, "steps": steps, "init_scale": init_scale}
    how |= {"depth": depth, "width": width, "max_width": max_width}
    how |= {"activation": mj.models.ACTIVATIONS[activation]}
    return family.store(data, finish, init_key, **how)


def lone_run(drive: Any, lr: Any, seed: Any, activation: Any, *, steps: int) -> mj.Legs:
    """Store ONE sample in A φ(B x), from A = 0 and equal rows of B; its eigenvalue.

    An activation is its place in `KINDS`, so that all are one program.
    """
    act = mj.models.activation_at(activation, KINDS)
    x, row = jax.random.uniform(jax.random.key(seed), (2, UNITS))
    b = jnp.tile((drive * row / (row @ x))[:, None], UNITS)
    params = {"b": b, "a": jnp.zeros((UNITS, UNITS))}

    def apply(params: Any, x: jax.Array) -> jax.Array:
        return act(x @ params["b"]) @ params["a"]

    def finish(params: Any) -> dict[str, jax.Array]:
        u = x @ params["b"][:, 0]
        found = mj.observables.spectral_radius(jax.jacfwd(partial(apply, params))(x))
        return {"u": u, "radius": found, "theory": radius(act, u)}

    alone = mj.Data(x[None], x[None], jnp.ones(1))
    loss = mj.losses.of_model(apply, mj.losses.square)
    seen, times = lambda params: {"loss": loss(params, x, x)}, (0, steps)
    return mj.train(loss, optax.sgd(lr), seen, times, finish=finish)(params, alone)


def sweeps(
    activation: tuple = ("relu", "elu", "tanh", "sine"),  # relu, elu, tanh, sigmoid,
    # sine (x + sin(10x)/5); each is a program
    depth: tuple = (1, 3, 6),  # numbers of hidden layers; each is a program
    width: tuple = (128,),  # numbers of units in a layer
    size: tuple = (10,),  # numbers of samples, or lengths of the sequence
    dim: tuple = (16,),  # dimensions of a sample; each is a program
    lr: tuple = (1e-3,),  # first learning rates of Adam; they fall along a cosine
    init_scale: tuple = (1.0,),  # factors on PyTorch's default initial weights
    seeds: int = 8,  # how many seeds, or which ones (3,7)
    steps: int = 6000,  # optimizer steps
    beside: tuple = (32, 256),  # widths at the middle depth, with the last activation
    limit_size: tuple = (10, 20, 40, 80),  # the same for more and more points
    limit_width: int = 64,  # units in a layer that are to store them
    samples: int = 6,  # points of the plane in the basins, at the largest depth
) -> dict[str, mj.Sweep]:
    """Samples and sequences stored by networks of every kind, depth and width."""
    every = mj.seeds(seeds)
    mj.one_of([*mj.models.ACTIVATIONS], activation=activation)
    mj.between(2, attractors.ITERATIONS, size=size, limit_size=limit_size)
    mj.between(2, ROUNDS, samples=samples)
    grid: dict[str, Any] = {"size": size, "lr": lr, "init_scale": init_scale}
    grid |= {"depth": depth, "width": width, "dim": dim, "activation": activation}
    main = mj.Sweep(run, **grid, sequence=(0, 1), seed=every, steps=steps, pixels=0)
    single = {name: values[:1] for name, values in grid.items()}
    middle = (sorted(depth)[len(depth) // 2],)
    last = main.but(**single | {"depth": middle, "activation": activation[-1:]})
    plane: dict[str, Any] = {"dim": (2,), "size": (samples,), "depth": (max(depth),)}
    lone: dict[str, Any] = {"seed": range(3), "lr": (5e-3,), "steps": 3000}
    lone |= {"activation": KINDS, "inputs": alone()}
    return {
        "main": main,
        "widths": last.but(width=beside, sequence=(0,)),
        "limit": last.but(size=limit_size, width=(limit_width,)),
        "basins": last.but(**plane, pixels=80, seed=every[:1]),
        "lone": mj.Sweep(lone_run, drive=DRIVES, **lone),
    }


def alone() -> dict[str, Any]:
    """The input of runs by all `KINDS`."""
    return {"activation": mj.per("activation", np.arange(len(KINDS)))}


def claims(results: mj.Results) -> list[mj.Claim]:
    """What the paper says of samples and sequences, and the lone sample's formula."""
    measures = (share, shrunk, grown, stable_more, off)
    return mj.judged(__file__, results, *measures, *family.MEASURES)


def trained(results: mj.Results, sweep: str) -> xr.Dataset:
    """A sweep, if all of its networks got to the loss at which we speak of storage."""
    found = results[sweep]
    if not found.loss.isel(step=-1).max() < TRAINED:
        raise mj.NotRun(f"losses below {TRAINED:g} (--steps)")
    return found


def share(results: mj.Results) -> xr.DataArray:
    """The share of samples stored, of networks trained to return them."""
    return mj.at(family.stored(trained(results, "main")), sequence=0)


def shrunk(results: mj.Results, sweep: str, along: str, few: str, many: str) -> Any:
    """The median radius at the second of two values of an axis over that at the first.

    Of several activations that which has the largest, for each seed.
    """
    radii = trained(results, sweep).radius.sel(sequence=0).median("sample")
    before, after = (mj.at(radii, **{along: float(n)}) for n in (few, many))
    ratio = after / before
    return ratio.max("activation") if ratio.sizes["activation"] > 1 else ratio


def grown(results: mj.Results, few: str, many: str) -> xr.DataArray:
    """The share stored at the second depth less at the first, least of activations."""
    before, after = (mj.at(share(results), depth=float(n)) for n in (few, many))
    return (after - before).min("activation")


def stable_more(results: mj.Results) -> xr.DataArray:
    """Cycles stable less share of samples stored: mean over activations and depths."""
    stable = xr.DataArray(mj.at(results["main"], sequence=1).cycle_rate < 1)
    return (stable - share(results)).mean(["activation", "depth"])


def off(results: mj.Results) -> float:
    """The largest distance of a lone sample's radius from the formula."""
    return float(abs(results["lone"].radius - results["lone"].theory).max())


def figure(results: mj.Results) -> Figure:
    """What is stored, how strongly, and where the plane falls to."""
    canvas, panel = panels("abcd|efg", (14, 7))
    main = one(results["main"], "sequence", "activation", "depth")
    draw_stored(panel["a"], main)
    rate, axis = main.cycle_rate.sel(sequence=1), panel["b"]
    points(axis, rate, "depth", join=True, label="{activation}", **LOOK)
    level(axis, 1, "stable below")
    axis.set(xlabel="hidden layers", ylabel="radius once around, a step")
    frame(axis, "cycles of {size}", rate, ylim=(0, None))
    last = one(main, "sequence", "depth")
    look = {"color": "depth", "label": "depth {depth}"}
    family.draw_recovery(panel["c"], last, "{activation}, {size} samples", **look)
    family.draw_limit(panel["d"], results["limit"], "points of the cube")
    plane = one(results["basins"], "sequence").isel(seed=0)
    draw_basins(panel["e"], plane.sel(sequence=0), "samples")
    draw_basins(panel["f"], plane.sel(sequence=1), "cycle, by phase")
    draw_lone(panel["g"], results["lone"])
    return canvas


def draw_stored(axis: Axes, main: xr.Dataset) -> None:
    """Share of samples stored against depth, and of cycles stable."""
    stable = xr.DataArray(main.cycle_rate.sel(sequence=1) < 1).mean("seed")
    share = family.stored(main.sel(sequence=0))
    points(axis, share, "depth", join=True, label="{activation}", **LOOK)
    points(axis, stable, "depth", dash=" ", ms=6, **LOOK)
    key(axis, "cycle stable", "o", mfc="w")
    names = "hidden layers", "share stored"
    frame(axis, "{size} samples", share, *names, **family.SHARES)


def draw_basins(axis: Axes, basins: xr.Dataset, what: str) -> None:
    """Where each point of the plane ends; white where at no sample."""
    ends = basins.basin.transpose("row", "column")
    regions(axis, ends, basins.point.transpose("sample", "axis").values)
    what += ", white: none" if (ends < 0).any() else ""
    frame(axis, f"basins of the {what}", xlabel="x₁", ylabel="x₂", aspect="equal")


def draw_lone(axis: Axes, lone: xr.Dataset) -> None:
    """The eigenvalue at a lone sample against where it drives its units."""
    u, names = np.linspace(0.02, 3.2, 400), lone.activation.values
    curves = [jax.vmap(partial(radius, mj.models.ACTIVATIONS[n]))(u) for n in names]
    theory = xr.DataArray(np.array(curves), [("activation", names), ("u", u)])
    runs = lone.stack(run=("drive", "seed")).isel(lr=0).reset_index("run")
    lines(axis, theory, "u", color="activation", lw=1)
    points(axis, runs.radius, runs.u, color="activation", label="{activation}")
    key(axis, "|φ'(u)u/φ(u)|")
    axis.set(xlabel="u, the input of a unit", ylabel="spectral radius")
    frame(axis, "one sample, one layer", ylim=(-0.1, 5.4), legend={"ncols": 2})


if __name__ == "__main__":
    launch(__name__)
