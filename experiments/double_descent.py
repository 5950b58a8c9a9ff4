"""Test error peaks where features are as many as points, and descends again beyond.

Regression of minimum norm over numbers of features and of points: random features of a
smooth function, and isotropic Gaussian features, whose peak has a closed form. There
more data can hurt, the ridge of least risk takes the peak away, and what noise costs,
the train loss and the size of the model bound each other whatever the method.

Source: Belkin, Fit without fear, arXiv 2105.14368; Hastie, Montanari, Rosset,
Tibshirani, arXiv 1903.08560; Nakkiran, Venkat, Kakade, Ma, Optimal Regularization Can
Mitigate Double Descent, arXiv 2003.01897; Ghosh, Belkin, arXiv 2207.11621.
Command: python -m experiments.double_descent
Expected: 100 points, median test error .2 at 60 random features, 30 at 100, .2 at 5000.

Sweeps: `main` (Gaussian features), `large` (the same, up to 20 features a point),
`theory` (closed forms), `random` and `wide` (random features of a smooth function).
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
from memjax.plots import frame, key, lines, log_ticks, panels, points

RIDGES = (0.0, 0.1, 0.3, 1.0, 3.0)  # strengths, in units of the one of least risk
BLOCK = 200  # features that are held at a time
TESTS = 1000  # points
LOGLOG: dict[str, Any] = {"xscale": "log", "yscale": "log"}
theory = mj.theory.double_descent


def run(
    size: Any, features: Any, signal: Any, noise: Any, seed: Any,
    *, capacity: int, room: int,
) -> dict[str, Any]:  # fmt: skip
    """Fit a signal in noise on Gaussian features, along a path of ridges."""
    x_key, noise_key = jax.random.split(jax.random.key(seed))

    def block(k: jax.Array) -> jax.Array:
        drawn = jax.random.normal(jax.random.fold_in(x_key, k), (capacity, BLOCK))
        # One more point lies along the signal; where that points to does not matter.
        return jnp.concatenate([drawn, jnp.ones((1, BLOCK))])

    products = mj.kernels.pooled(block, capacity, features, room)
    gram, clean = products[:-1], products[-1] * signal / jnp.sqrt(features)
    drawn = noise * jax.random.normal(noise_key, (capacity,))
    w = mj.prefix(size, capacity)
    power = w @ drawn**2
    unit = theory.best_strength(features / size, signal, noise)
    labels = jnp.stack([clean, drawn], axis=1)  # what is linear, each on its own
    found = mj.kernels.factor(gram, w, features)
    path = mj.kernels.path(found, labels, unit * jnp.array(RIDGES))
    fitted, noisy = jnp.moveaxis(path, -1, 0)

    def square(a: jax.Array) -> jax.Array:
        return jnp.einsum("rn,nm,rm->r", a, gram, a)  # |β̂|²

    values = {
        "bias": square(fitted) - 2 * fitted @ clean + signal**2,
        "variance": square(noisy),
        "excess": square(fitted + noisy) - 2 * (fitted + noisy) @ clean + signal**2,
        "train": (train := (drawn[None, :] - noisy @ gram) ** 2 @ w),
        "bound": power * theory.tradeoff(size, features, train / power),
    }
    return {k: mj.named(v, "ridge", coords=RIDGES) for k, v in values.items()}


def theory_run(size: Any, features: Any, signal: Any, noise: Any) -> dict[str, Any]:
    """What `run` gives on average; with a ridge, in the limit of many points."""
    ratio = features / size
    strengths = theory.best_strength(ratio, signal, noise) * jnp.array(RIDGES[1:])
    bare = theory.ridgeless(size, features, signal, noise)
    limit = theory.ridge(ratio, strengths, signal, noise)
    found = jax.tree.map(lambda b, r: jnp.concatenate([b.reshape(1), r]), bare, limit)
    values = {**found._asdict(), "excess": found.bias + found.variance}
    return {k: mj.named(v, "ridge", coords=RIDGES) for k, v in values.items()}


def random_run(
    size: Any, features: Any, noise: Any, seed: Any, *, capacity: int, room: int
) -> dict[str, jax.Array]:
    """Fit a smooth function of five numbers on random cosines, by minimum norm."""
    x_key, noise_key, w_key, b_key = jax.random.split(jax.random.key(seed), 4)
    x = jax.random.normal(x_key, (capacity + TESTS, 5))
    target = jnp.sin(x[:, 0]) + x[:, 1] * x[:, 2] / 2
    block = mj.kernels.cosines(w_key, b_key, x, 2, features, BLOCK)
    products = mj.kernels.pooled(block, capacity, features, room)
    gram, across = products[:capacity], products[capacity:]
    labels = target[:capacity] + noise * jax.random.normal(noise_key, (capacity,))
    a = mj.kernels.minimum_norm(gram, labels, mj.prefix(size, capacity), features)
    error = jnp.mean((across @ a - target[capacity:]) ** 2)
    return {"error": error, "norm": jnp.sqrt(a @ gram @ a)}


def sweeps(
    size: tuple = (50, 75, 100, 150, 200),  # numbers of points
    features: tuple = (20, 50, 80, 100, 120, 150, 200, 260, 300, 360, 600, 1000),
    # numbers of Gaussian features that are fitted
    signal: float = 5**0.5,  # length of the vector that is looked for
    noise: float = 1.0,  # standard deviation of the labels
    seeds: int = 24,  # how many seeds, or which ones (3,7)
    large: tuple = (300, 4000),  # features, with the most points; () for none
    random: tuple = (10, 30, 60, 80, 90, 100, 110, 125, 150, 300),
    # numbers of random features that are fitted
    wide: tuple = (1000, 5000),  # more random features
    random_size: int = 100,  # points of the random features' fits
    random_noise: float = 0.1,  # standard deviation of their labels
    random_seeds: int = 64,  # many: what is judged are medians
) -> dict[str, mj.Sweep | None]:
    """Gaussian features with theory on a finer grid, and random features."""
    mj.inside(0, np.inf, signal=signal, noise=noise)
    mj.between(1, np.inf, features=features, large=large, random=random, wide=wide)
    # In double precision: near the peak float32 mistakes features for rounding.
    grid: dict[str, Any] = {"size": size, "features": features, "float64": True}
    grid |= {"signal": signal, "noise": noise, "seed": mj.seeds(seeds)}
    main = mj.Sweep(run, room=max(features), **grid)
    more: Any = {"size": (max(size),), "features": large, "room": max(large, default=1)}
    fine = np.geomspace(min(features), max(*features, *large), 150).round()
    every = sorted({*features, *large, *map(int, fine)})
    sizes = sorted({*size, *map(int, np.linspace(min(size), max(size), 40).round())})
    drawn: Any = {"size": random_size, "noise": random_noise}
    drawn |= {"seed": mj.seeds(random_seeds), "float64": True}
    some = mj.Sweep(random_run, features=random, room=max(random), **drawn)
    return {
        "main": main,
        "large": main.but(**more) if large else None,
        "theory": main.but(theory_run, size=sizes, features=every),
        "random": some,
        "wide": some.but(features=wide, room=max(wide)),
    }


Results = dict[str, xr.Dataset]


def claims(results: Results) -> list[mj.Claim]:
    """Peak and second descent, theory against simulation, and the trade-off."""
    return mj.judged(__file__, results, median, ratio, growth, away, tightness)


def fits(results: Results) -> xr.Dataset:
    """The fits on random features, few and many."""
    parts = [results[name].drop_vars("room") for name in ("random", "wide")]
    return xr.concat(parts, "features", join="inner").sortby("features")


def median(results: Results, quantity: str, features: str) -> mj.Estimate:
    """Of random features; means there are ruled by the worst draw."""
    return mj.claims.median(mj.at(fits(results), features=int(features))[quantity])


def ratio(results: Results, quantity: str, more: str, fewer: str) -> mj.Estimate:
    """The median over seeds of how many times a quantity grows with random features."""
    found = (mj.at(fits(results), features=int(v))[quantity] for v in (more, fewer))
    return mj.claims.median(next(found) / next(found))


def growth(results: Results, axis: str, start: str, end: str) -> xr.DataArray:
    """The decimal logarithm of how many times the excess grows along an axis."""
    found = [mj.at(results["main"].excess, **{axis: int(v)}) for v in (start, end)]
    return np.log10(found[1] / found[0])


def away(results: Results, ridge: str, share: str, size: str) -> mj.Estimate:
    """How far simulation is from theory, at worst, in units of a share of theory.

    Without a ridge that is beyond 1.4 features a point and below .7.
    """
    at = {"size": int(size), "ridge": float(ridge)}
    runs, exact = (mj.at(results[n].excess, **at) for n in ("main", "theory"))
    apart = abs(np.log(runs.features / int(size))) > np.log(1.4)
    runs = runs[apart | bool(float(ridge))]
    if not runs.size:
        raise mj.NotRun("features away from the peak")
    return mj.farthest(runs, exact, float(share) * exact)


def tightness(results: Results, sweep: str) -> xr.DataArray:
    """What noise costs over its bound, where that is least on average."""
    runs = results[sweep]
    times = (runs.variance / runs.bound).where(runs.features >= runs["size"])
    if not times.notnull().any():
        raise mj.NotRun("more features than samples")
    return times.isel(times.mean("seed").argmin(...))


def figure(results: Results) -> Figure:
    """The peak twice, over samples too, and what noise costs against its bound."""
    canvas, panel = panels("ab;cd", (10, 7.2))
    draw_random(panel["a"], fits(results))
    size, features = (results["main"][name] for name in ("size", "features"))
    near = features.sel(features=100, method="nearest")
    draw_ridges(panel["b"], results, "features", "{size} points", size=size.max())
    draw_ridges(panel["c"], results, "size", "{features} features", features=near)
    draw_bound(panel["d"], results)
    return canvas


def draw_random(axis: Axes, runs: xr.Dataset) -> None:
    """Median test error and weights of random features, with all seeds between."""
    looks = ("error", "test error", "-"), ("norm", "|weights|", "--")
    for i, (name, label, dash) in enumerate(looks):
        ends = runs[name].quantile([0.25, 0.75], "seed").transpose("quantile", ...)
        axis.fill_between(runs.features, *ends, color=f"C{i}", alpha=0.2, lw=0)
        how: dict[str, Any] = {"color": f"C{i}", "dash": dash, "label": label}
        lines(axis, runs[name].median("seed"), "features", marker="o", ms=3, **how)
    axis.axvline(int(runs["size"]), color="k", ls=":", lw=1, label="features = points")
    words: Any = {"xlabel": "random features", "ylabel": "median, quartiles"}
    frame(axis, "random cosines, {size} points", runs, **words, **LOGLOG)


def draw_ridges(axis: Axes, results: Results, x: str, title: str, **at: Any) -> None:
    """Median excess risks at three ridges, over the theory of their means."""
    at |= {"ridge": [0.0, 0.1, 1.0]}
    runs, exact = (results[name].excess.sel(at) for name in ("main", "theory"))
    lines(axis, exact.where(np.isfinite(exact)), x, color="ridge")
    points(axis, runs.median("seed"), x, color="ridge", label="{ridge:g} of best ridge")
    key(axis, "theory of the mean")
    words = {"xlabel": {"size": "points"}.get(x, x), "ylabel": "median excess risk"}
    frame(axis, title, runs, **words, **LOGLOG)
    if x == "size":
        log_ticks(axis, runs[x].values)


def draw_bound(axis: Axes, results: Results) -> None:
    """What noise costs against the bound, with as many features as points or more."""
    names = {"main": "all numbers of points", "large": "the most points"}
    for i, name in enumerate(n for n in names if results.get(n) is not None):
        runs = results[name].mean("seed")
        found = runs.where(runs.features >= runs["size"]).stack(place=[...])
        look: dict[str, Any] = {"color": f"C{i}", "marker": "os"[i], "ms": 3}
        points(axis, found.variance, found.bound, label=names[name], **look)
    axis.plot([1e-2, 1], [1e-2, 1], color="k", lw=1, label="bound met")
    words: Any = {"xlabel": "lower bound", "ylabel": "cost of noise"}
    frame(axis, "features ≥ points, every ridge", **words, **LOGLOG)


if __name__ == "__main__":
    launch(__name__)
