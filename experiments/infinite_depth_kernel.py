"""Infinitely deep networks are one of three old classifiers, by their activation.

Points of two classes on a quarter of the circle, fitted without ridge by kernels of
infinitely wide networks. With depth these become the nearest neighbor, a vote of all
points, or a vote with weights r^-p at distance r. Where p is the dimension of the data,
1 here, that is Hilbert's estimate, which of many points errs as seldom as can be.

Kernels are computed in logs, as functions of the angle between two points: at 200
layers they are as small as 10^-60, or as exp(-2^200 r²/2). In double precision, for
next neighbors are 1e-6 apart, of which the inner product keeps nothing in single.

Source: Radhakrishnan, Belkin, Uhler, Wide and Deep Neural Networks Achieve Optimality
for Classification (PNAS 2023), arXiv 2204.14126: its abstract; the
activations, data, and depth and size for the ReLU are what others noted of its text.
Command: python -m experiments.infinite_depth_kernel
Expected: with 1500 points of a noisy task (Bayes .761) the dual u^7/2 + u/2 is right in
.738, as Hilbert's estimate, and the nearest neighbor in .681. Tangent kernels get there
only when layers are many more than 1/r^2: at 200 they are still a nearest neighbor.

Sweeps: `main` (over points), `depths`, `large` (1500 points), `deep` (50,000 layers)
and `shapes` (kernels over the distance, no data).
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.plots import BESIDE, MARKERS, frame, key, lines, log_ticks, panels, points

dual = mj.kernels.dual
DUALS = {
    "u7": dual.polynomial({7: 1 / 2, 1: 1 / 2}),  # p = 1
    "erf": dual.erf(),  # .89
    "sine": dual.sine(),  # 1.19
    "u3": dual.polynomial({3: 1 / 2, 1: 1 / 2}),  # 2
    "square": dual.polynomial({2: 1.0}),  # f(0) = f'(0) = 0: the nearest neighbor
    "offset": dual.polynomial({3: 3 / 4, 0: 1 / 4}),  # f(0) > 0: a vote of all
    "relu": dual.relu(),  # f(0) > 0
}
SINGULAR = {  # on spheres of 2, 4 and 8 dimensions
    **{name: DUALS[name] for name in ("u7", "erf", "sine", "u3")},
    "5-d": dual.polynomial({3: 1 / 4, 2: 1 / 2, 1: 1 / 4}),
    "9-d": dual.polynomial({3: 1 / 16, 2: 7 / 8, 1: 1 / 16}),
    "sine 3-d": dual.sine(2.676),
    "sine 5-d": dual.sine(6.135),
    "sine 9-d": dual.sine(13.826),
}
KERNELS = ("nngp", "ntk")
FORMULAS = {  # of duals, where their names are short for one
    "u7": "u⁷/2 + u/2",
    "u3": "u³/2 + u/2",
    "square": "u²",
    "offset": "3u³/4 + 1/4",
    "5-d": "u³/4 + u²/2 + u/4",
    "9-d": "u³/16 + 7u²/8 + u/16",
}
DISTANCES = np.geomspace(1e-4, 1.0, 41)
PRIOR = 0.4  # of the first class
RIDGE = 1e-8  # at few layers Gram matrices are singular to rounding without one


def run(
    size: Any, depth: Any, seed: Any, activation: Any,
    *, names: tuple, tests: int, capacity: int, nodes: int = 4096,
) -> dict[str, Any]:  # fmt: skip
    """Interpolate, and compare labels of new points with those of old classifiers.

    An activation is its place in `names`, so that all of those are one program.
    """
    train_key, test_key = jax.random.split(jax.random.key(seed))
    t, y = mj.datasets.overlapping(train_key, capacity, PRIOR)
    new_t, _ = mj.datasets.overlapping(test_key, tests, PRIOR)
    w = mj.prefix(size, capacity)
    at, new = (jnp.arctan2(1 - v, v) for v in (t, new_t))
    apart = jnp.abs(new[:, None] - at[None, :])
    duals = [DUALS[name] for name in names]
    log_kernels = dual.by_angle(partial(dual.logs_at, activation, duals, depth), nodes)
    among = log_kernels(jnp.abs(at[:, None] - at[None, :]))
    across = log_kernels(apart)
    votes = [dual.vote(among[..., k], across[..., k], y, w, RIDGE) for k in (0, 1)]
    said = jnp.stack([mj.kernels.chosen(v) for v in votes])  # [kernels, tests]
    old = {
        "bayes": new_t - PRIOR,  # by the classes' densities 2(1 - t) and 2t
        "nearest": mj.kernels.nearest(apart, y, w),
        "hilbert": mj.kernels.hilbert(2 * jnp.sin(apart / 2), y, w),
        "majority": jnp.full(tests, jnp.sum(w * y)),
    }
    others = jnp.stack([mj.kernels.chosen(v) for v in old.values()])
    chance = (1.2 * new_t / (0.8 + 0.4 * new_t))[None, :]  # of the second class

    def right(says: jax.Array) -> jax.Array:
        return jnp.mean(says * chance + (1 - says) * (1 - chance), axis=1)

    alike = jnp.mean(1 - jnp.abs(said[:, None] - others[None]), axis=2)
    named = {"kernel": KERNELS, "of": tuple(old)}
    return {
        "accuracy": mj.named(right(said), "kernel", coords=KERNELS),
        "classifier": mj.named(right(others), "of", coords=tuple(old)),
        "agreement": mj.named(alike, "kernel", "of", coords=named),
    }


def deep_run(
    size: Any, seed: Any,
    *, depth: int, activation: str, nodes: int, tests: int, capacity: int,
) -> dict[str, Any]:  # fmt: skip
    """As `run`, with what is no axis there: all seeds share one recursion."""
    shapes: dict[str, Any] = {"nodes": nodes, "tests": tests, "capacity": capacity}
    return run(size, depth, seed, 0, names=(activation,), **shapes)


def shape_run(depth: Any, activation: Any, *, names: tuple) -> dict[str, Any]:
    """The logs of the kernels at several distances, relative to those at one."""
    log_u = jnp.log1p(-2 * jnp.sin(DISTANCES / 2) ** 2)
    duals = [SINGULAR[name] for name in names]
    found = jnp.stack(dual.logs_at(activation, duals, depth, log_u))
    along = {"kernel": KERNELS, "distance": DISTANCES.tolist()}
    return {"log": mj.named(found - found[:, -1:], "kernel", "distance", coords=along)}


def sweeps(
    size: tuple = (50, 150, 500),  # numbers of points
    activation: tuple = ("u7", "erf", "square", "offset"),  # or sine, u3, relu
    layers: int = 200,  # of the kernels over points
    depth: tuple = (50, 70, 100, 140, 200),  # numbers of layers, in `depths`
    depth_size: int = 150,  # points of those
    seeds: int = 8,  # how many seeds, or which ones (3,7)
    tests: int = 500,  # new points
    large: int = 1500,  # points of the largest sets; 0 leaves these out
    deepest: int = 50_000,  # layers of `deep`; 0 leaves these out
) -> dict[str, mj.Sweep | None]:
    """Activations over points and over depth, and few runs that are dearer."""
    mj.one_of(tuple(DUALS), activation=activation)
    how: dict[str, Any] = {"seed": mj.seeds(seeds), "tests": tests, "float64": True}
    main = mj.Sweep(**by(run, activation), size=size, depth=layers, **how)
    both = by(run, ("u7", "erf"))
    pairs = mj.zipped(activation=both.pop("activation"), depth=(100, 200))
    few: dict[str, Any] = {"size": 100, "depth": deepest, "activation": ("u7", "relu")}
    most = partial(mj.Sweep, both.pop("run"), pairs, size=large, **both, **how)
    return {
        "main": main,
        "depths": main.but(size=depth_size, depth=depth),
        "large": most() if large else None,
        "deep": mj.Sweep(deep_run, **how | few | {"nodes": 1024}) if deepest else None,
        "shapes": main.but(**by(shape_run, tuple(SINGULAR))),
    }


def by(run: Any, names: tuple) -> dict[str, Any]:
    """Runs by these activations, which are numbers, their places: one program."""
    place = {"activation": mj.per("activation", np.arange(len(names)))}
    return {"run": partial(run, names=names), "activation": names, "inputs": place}


def claims(results: mj.Results) -> list[mj.Claim]:
    """Which classifier a deep kernel is, how often it is right, and its power."""
    return mj.judged(__file__, results, old, like, above, nearer, power)


def old(results: mj.Results, sweep: str, other: str) -> xr.DataArray:
    """How often an old classifier is right."""
    return results[sweep].classifier.sel(of=other, drop=True)


def like(results: mj.Results, sweep: str, other: str) -> xr.DataArray:
    """The share of new points that get the label of another classifier."""
    return results[sweep].agreement.sel(of=other, drop=True)


def above(results: mj.Results, sweep: str, other: str) -> xr.DataArray:
    """How much more often the kernel is right than another classifier."""
    return results[sweep].accuracy - old(results, sweep, other)


def nearer(results: mj.Results, few: str, many: str) -> xr.DataArray:
    """How much nearer to Bayes the kernel is with many points than with few."""
    short = -above(results, "main", "bayes")
    return mj.at(short, size=int(few)) - mj.at(short, size=int(many))


def power(results: mj.Results) -> xr.DataArray:
    """The p of the kernel as r^-p, over distances from 1e-4 to 0.01."""
    curve = results["shapes"].log.sel(distance=slice(None, 0.0101))
    at = curve.assign_coords(distance=np.log(curve.distance))
    slope = at.polyfit("distance", 1).polyfit_coefficients.sel(degree=1, drop=True)
    return -slope.assign_coords(depth=curve.depth)


def figure(results: mj.Results) -> Figure:
    """Accuracy over points and depth, agreement, and kernels over distance."""
    canvas, panel = panels("ab;cd", (11, 7))
    main, depths = (results[n].sel(kernel="nngp") for n in ("main", "depths"))
    draw_accuracy(panel["a"], main, "size", "NNGP, {depth} layers")
    draw_accuracy(panel["b"], depths, "depth", "NNGP, {size} points")
    draw_agreement(panel["c"], results["depths"])
    draw_shapes(panel["d"], results["shapes"])
    return canvas


def draw_accuracy(axis: Axes, seen: xr.Dataset, along: str, title: str) -> None:
    """How often kernels are right, between lines of old classifiers."""
    for other, dash in zip(seen.of.values, ("-", "--", ":", "-."), strict=True):
        right = seen.classifier.sel(of=other).isel(activation=0).mean("seed")
        lines(axis, right, along, color="0.6", dash=dash, lw=1, label=other)
    names = [FORMULAS.get(str(n), str(n)) for n in seen.activation.values]
    right = seen.accuracy.assign_coords(activation=names)
    how: Any = {"color": "activation", "label": "{activation}", "error": "se"}
    points(axis, right, along, join=True, **how)
    words = {"xlabel": {"size": "points", "depth": "layers"}[along]}
    frame(axis, title, seen.accuracy, ylabel="accuracy", legend=BESIDE, **words)
    log_ticks(axis, seen[along].values)


def draw_agreement(axis: Axes, seen: xr.Dataset) -> None:
    """Labels shared with the classifier that each activation has for its limit."""
    limits = {"square": "nearest", "offset": "majority"}
    for i, name in enumerate(seen.activation.values):
        limit = limits.get(name, "hilbert")
        part = seen.agreement.sel(activation=name, of=limit)
        how: Any = {"color": f"C{i}", "marker": MARKERS[i], "error": "se", "join": True}
        how["label"] = f"{FORMULAS.get(str(name), name)} as {limit}"
        points(axis, part, "depth", dash="kernel", **how)
    key(axis, "NTK", "o--", mfc="w")
    words: Any = {"xlabel": "layers", "ylabel": "share of equal labels"}
    frame(axis, "{size} points", seen.agreement, legend=BESIDE, **words)
    log_ticks(axis, seen.depth.values)


def draw_shapes(axis: Axes, shapes: xr.Dataset) -> None:
    """Kernels over the distance, and the power of their limit."""
    for i, n in enumerate(("u7", "u3", "5-d", "9-d")):
        curve = shapes.log.sel(activation=n) / np.log(10)
        lines(axis, curve, "distance", color=f"C{i}", dash="kernel", label=FORMULAS[n])
        axis.plot(DISTANCES, -dual.exponent(SINGULAR[n]) * np.log10(DISTANCES), "k:")
    key(axis, "NTK", "--")
    key(axis, "r^-p", ":")
    words: Any = {"xscale": "log", "xlabel": "distance r", "ylabel": "log10 kernel"}
    frame(axis, "{depth} layers", shapes, legend=BESIDE, **words)


if __name__ == "__main__":
    launch(__name__)
