"""Infinitely deep networks are one of three old classifiers, by their activation.

Points of two classes on a quarter of the circle, fitted without ridge by kernels of
infinitely wide networks. With depth these become the nearest neighbor, a vote of all
points, or a vote with weights 1/r^α at distance r. Where α is the dimension of the
data, 1 here, that is Hilbert's estimate, which errs in the limit of many points as
seldom as can be.

Kernels are computed in logs on a grid of distances and interpolated: at 200 layers they
are as small as 10^-60, or as exp(-2^200 r²/2). In double precision, for next neighbors
are 1e-6 apart, of which the inner product keeps nothing in single.

Source: Radhakrishnan, Belkin, Uhler, Wide and Deep Neural Networks Achieve Consistency
for Classification, PNAS 2023, arXiv 2204.14126: its abstract; activations, data and the
depth and size for the ReLU are what others noted of its text.
Command: python -m experiments.infinite_depth_kernel
Expected: TODO

Sweeps: `main` (over points), `depths`, `large` (1500 points), `deep` (50,000 layers)
and `shapes` (kernels over the distance, no data).
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.plots import BESIDE, frame, level, lines, panels, points

dual = mj.dual_kernels
DUALS = {
    "u7": dual.polynomial({7: 1 / 2, 1: 1 / 2}),  # α = 1
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
DISTANCES = np.geomspace(1e-4, 1.0, 41)
PRIOR = 0.4  # of the first class
LEAST = 1e-10  # the smallest distance of the grid
RIDGE = 1e-10  # far below any noise: what interpolation needs at few layers


# --- the runs -----------------------------------------------------------------------


def draw(key: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """First coordinates t of Dirichlet(1, 2) or (2, 1), and classes -1 or +1."""
    class_key, t_key = jax.random.split(key)
    first = jax.random.uniform(class_key, (count,)) < PRIOR
    root = jnp.sqrt(jax.random.uniform(t_key, (count,)))
    return jnp.where(first, 1 - root, root), jnp.where(first, -1.0, 1.0)


def of_distance(activation: str, kernel: str, depth: Any, nodes: int) -> Any:
    """The log of a kernel relative to k(x, x), as a function of the angle."""
    angle = jnp.geomspace(LEAST, jnp.pi / 2 * 0.999999, nodes)
    log_u = jnp.log1p(-2 * jnp.sin(angle / 2) ** 2)
    one = (DUALS | SINGULAR)[activation]
    both = dual.logs(one, jnp.concatenate([jnp.zeros(1), log_u]), depth)
    found = both[KERNELS.index(kernel)]
    table, step = found[1:] - found[0], jnp.log(angle[1] / angle[0])

    def log_kernel(apart: jax.Array) -> jax.Array:
        at = jnp.log(jnp.maximum(apart, LEAST) / LEAST) / step
        left = jnp.clip(jnp.floor(at).astype(int), 1, nodes - 3)
        s, near = at - left, [table[left + k] for k in (-1, 0, 1, 2)]
        outer = (s - 1) * s * ((s + 1) * near[3] - (s - 2) * near[0]) / 6
        inner = (s + 1) * (s - 2) * ((s - 1) * near[1] - s * near[2]) / 2
        return outer + inner  # the cubic through four nodes

    return log_kernel


def run(
    size: Any, depth: Any, seed: Any,
    *, activation: str, kernel: str, nodes: int, tests: int, capacity: int,
) -> dict[str, jax.Array]:  # fmt: skip
    """Interpolate, and compare labels of new points with those of old classifiers."""
    train_key, test_key = jax.random.split(jax.random.key(seed))
    (t, y), (new_t, _) = draw(train_key, capacity), draw(test_key, tests)
    w = mj.prefix(size, capacity)
    at, new = (jnp.arctan2(1 - v, v) for v in (t, new_t))
    log_kernel = of_distance(activation, kernel, depth, nodes)
    gram = jnp.exp(log_kernel(jnp.abs(at[:, None] - at[None, :])))
    gram = jnp.where(jnp.eye(capacity) > 0, 1.0, gram)
    a = mj.kernels.ridge(gram, y, w, RIDGE)
    apart = jnp.where(w > 0, jnp.abs(new[:, None] - at[None, :]), jnp.inf)
    seen = jnp.where(w > 0, log_kernel(jnp.minimum(apart, jnp.pi / 2)), -jnp.inf)
    votes = {
        "kernel": jnp.exp(seen - jnp.max(seen, axis=1, keepdims=True)) @ a,
        "bayes": new_t - 0.4,  # where both classes are as likely
        "nearest": y[jnp.argmin(apart, axis=1)],
        "hilbert": jnp.sum(y / (2 * jnp.sin(jnp.minimum(apart, 3) / 2)), 1, where=w > 0),
        "majority": jnp.full(tests, jnp.sum(w * y)),
    }
    said = {n: jnp.where(jnp.isnan(v), jnp.nan, v > 0) for n, v in votes.items()}
    chance = 1.2 * new_t / (0.8 + 0.4 * new_t)  # of the second class
    right = {n: jnp.mean(s * chance + (1 - s) * (1 - chance)) for n, s in said.items()}
    like = {n: jnp.mean(1 - jnp.abs(s - said["kernel"])) for n, s in said.items()}
    others = list(said)[1:]
    return {
        "accuracy": right["kernel"],
        "classifier": mj.named(jnp.stack([right[n] for n in others]), "of", coords=others),
        "agreement": mj.named(jnp.stack([like[n] for n in others]), "of", coords=others),
    }


def shape_run(depth: Any, *, activation: str, kernel: str) -> dict[str, Any]:
    """The log of a kernel at several distances, relative to that at one."""
    log_u = jnp.log1p(-2 * jnp.sin(DISTANCES / 2) ** 2)
    found = dual.logs((DUALS | SINGULAR)[activation], log_u, depth)
    found = found[KERNELS.index(kernel)]
    return {"log": mj.named(found - found[-1], "distance", coords=DISTANCES.tolist())}


# --- the grids ----------------------------------------------------------------------


def sweeps(
    size: tuple = (50, 150, 500),  # numbers of points
    activation: tuple = ("u7", "erf", "square", "offset"),  # a program each
    kernel: tuple = KERNELS,  # nngp, ntk; a program each
    layers: int = 200,
    depth: tuple = (10, 20, 50, 100, 200),  # of `depths`, at the most points
    seeds: int = 8,  # how many seeds, or which ones (3,7)
    tests: int = 1000,  # new points
    large: int = 1500,  # points of the largest sets; 0 leaves these out
    deepest: int = 50_000,  # layers of `deep`; 0 leaves these out
) -> dict[str, mj.Sweep | None]:
    """Activations over points and over depth, and few runs that are dearer."""
    mj.one_of(tuple(DUALS), activation=activation)
    mj.one_of(KERNELS, kernel=kernel)
    grid: dict[str, Any] = {"activation": activation, "kernel": kernel, "tests": tests}
    grid |= {"seed": mj.seeds(seeds), "nodes": 4096, "float64": True}
    main = mj.Sweep(run, size=size, depth=layers, **grid)
    pairs = mj.zipped(activation=("u7", "erf"), depth=(100, 200))
    how: dict[str, Any] = {"kernel": KERNELS, "float64": True}
    every: dict[str, Any] = {"activation": tuple(SINGULAR), "depth": layers}
    rest = {**grid, "seed": main.grid.axes["seed"]["seed"]}
    del rest["activation"]
    few: dict[str, Any] = {"size": 100, "depth": deepest, "nodes": 1024}
    few |= {"activation": ("u7", "relu"), "kernel": ("ntk",)}
    return {
        "main": main,
        "depths": main.but(size=max(size), depth=depth),
        "large": mj.Sweep(run, pairs, size=large, **rest) if large else None,
        "deep": main.but(**few) if deepest else None,
        "shapes": mj.Sweep(shape_run, **every, **how),
    }


# --- what was found -----------------------------------------------------------------

Results = dict[str, xr.Dataset]


def claims(results: Results) -> list[mj.Claim]:
    """Which classifier a deep kernel is, how often it is right, and its power."""
    return mj.judged(__file__, results, like, above, gap_fall, power)


def like(results: Results, sweep: str, other: str) -> xr.DataArray:
    """The share of new points that get the label of another classifier."""
    return results[sweep].agreement.sel(of=other, drop=True)


def above(results: Results, sweep: str, other: str) -> xr.DataArray:
    """How much more often the kernel is right than another classifier."""
    return results[sweep].accuracy - results[sweep].classifier.sel(of=other, drop=True)


def gap_fall(results: Results, few: str, many: str) -> xr.DataArray:
    """How much nearer to Bayes the kernel is with many points than with few."""
    short = -above(results, "main", "bayes")
    return mj.at(short, size=int(few)) - mj.at(short, size=int(many))


def power(results: Results) -> xr.DataArray:
    """The α of the kernel as r^-α, over distances from 1e-4 to 0.01."""
    curve = results["shapes"].log.sel(distance=slice(None, 0.0101))
    at = curve.assign_coords(distance=np.log(curve.distance))
    return -at.polyfit("distance", 1).polyfit_coefficients.sel(degree=1, drop=True)


# --- what to look at ----------------------------------------------------------------


def figure(results: Results) -> Figure:
    """Accuracy over points and depth, agreement, and kernels over distance."""
    canvas, panel = panels("ab;cd", (11, 7))
    main, depths = results["main"].isel(kernel=0), results["depths"].isel(kernel=0)
    draw_accuracy(panel["a"], main, "size", "points")
    draw_accuracy(panel["b"], depths, "depth", "layers")
    draw_agreement(panel["c"], results["depths"])
    draw_shapes(panel["d"], results["shapes"])
    return canvas


def draw_accuracy(axis: Axes, seen: xr.Dataset, along: str, name: str) -> None:
    """How often kernels are right, between lines of old classifiers."""
    for other, dash in zip(seen.of.values, ("-", "--", ":", "-."), strict=True):
        right = seen.classifier.sel(of=other).isel(activation=0).mean("seed")
        axis.plot(seen[along], right, color="0.6", ls=dash, lw=1, label=other)
    how: Any = {"color": "activation", "label": "{activation}", "error": "se"}
    points(axis, seen.accuracy, along, join=True, **how)
    words: Any = {"xscale": "log", "xlabel": name, "ylabel": "accuracy"}
    title = "{kernel}, {depth} layers" if along == "size" else "{kernel}, {size} points"
    frame(axis, title, seen.accuracy, legend=BESIDE, **words)


def draw_agreement(axis: Axes, seen: xr.Dataset) -> None:
    """Labels shared with the classifier that each activation has for its limit."""
    limits = {"square": "nearest", "offset": "majority"}
    for i, name in enumerate(seen.activation.values):
        limit = limits.get(name, "hilbert")
        part = seen.agreement.sel(activation=name, of=limit)
        how: Any = {"color": f"C{i}", "marker": "os^Dv"[i], "error": "se", "join": True}
        for kernel, dash in zip(seen.kernel.values, ("-", "--"), strict=False):
            label = f"{name} as {limit}, {kernel}"
            points(axis, part.sel(kernel=kernel), "depth", dash=dash, label=label, **how)
    words: Any = {"xscale": "log", "xlabel": "layers", "ylabel": "share of equal labels"}
    frame(axis, "{size} points", seen.agreement, legend=BESIDE, **words)


def draw_shapes(axis: Axes, shapes: xr.Dataset) -> None:
    """Kernels over the distance, and the power of their limit."""
    for i, name in enumerate(("u7", "u3", "5-d", "9-d")):
        curve = shapes.log.sel(activation=name) / np.log(10)
        alpha = dual.exponent(SINGULAR[name])
        for kernel, dash in zip(curve.kernel.values, ("-", "--"), strict=False):
            how: Any = {"color": f"C{i}", "dash": dash, "label": f"{name}, {kernel}"}
            lines(axis, curve.sel(kernel=kernel), "distance", **how)
        axis.plot(DISTANCES, -alpha * np.log10(DISTANCES), "k:", lw=1)
    axis.plot([], [], "k:", lw=1, label="r^-α")
    words: Any = {"xscale": "log", "xlabel": "distance r"}
    frame(axis, "{depth} layers", shapes, ylabel="log10 kernel", legend=BESIDE, **words)


if __name__ == "__main__":
    launch(__name__)
