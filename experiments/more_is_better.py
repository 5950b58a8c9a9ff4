"""With the best ridge, more features and more samples help, and overfitting is a must.

Ridge regression on random features of Gaussian data, whose eigenvalues and target fall
as powers. A small ridge makes a peak where there are as many features as samples; the
best ridge leaves none, and both more features and more samples lower the test error.
Close to the best test error, the train error is far below it. What it is at the best
ridge has a closed form where samples are many. All in double precision: at the smallest
ridge Gram matrices have condition numbers of 10⁶.

Source: Simon, Karkada, Ghosh, Belkin, More is Better in Modern Machine Learning: when
Infinite Overparameterization is Optimal and Overfitting is Obligatory, arXiv
2311.14646.
Command: python -m experiments.more_is_better
Expected: test error falls with every doubling of features and of samples; train error
is 0.13 of the test error at the best ridge, for eigenvalues i^-2, a target i^-1.8 and
noise of half the error without it.

Sweeps: `main` (simulation), `theory` (the same grid), `ratios` (train over test error
at the best ridge, by search and in closed form).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.plots import cells, frame, key, lines, log_ticks, one, panels, points

theory = mj.theory.eigenframework
RIDGES = (0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
PLACES, COUNT = theory.modes(1e12)
MANY = 10_000  # samples of the closed form
SECTIONS = 60  # of the search for the best ridge
LOGLOG: dict[str, Any] = {"xscale": "log", "yscale": "log"}


def run(
    size: Any, features: Any, alpha: Any, beta: Any, noise: Any, seed: Any,
    *, modes: int, widest: int, capacity: int,
) -> dict[str, mj.quantities.Named]:  # fmt: skip
    """Errors of regression on `features` random features, at every ridge."""
    keys = jax.random.split(jax.random.key(seed), 3)
    places = jnp.arange(1.0, modes + 1)
    target, w = places ** (-beta / 2), mj.prefix(size, capacity)
    x = jax.random.normal(keys[0], (capacity, modes))
    y = x @ target + jnp.sqrt(noise) * jax.random.normal(keys[1], (capacity,))
    mix = jax.random.normal(keys[2], (modes, widest)) * places[:, None] ** (-alpha / 2)
    mix *= jnp.sqrt(mj.prefix(features, widest))[None, :]
    seen = x @ mix
    gram = seen @ seen.T

    def errors(ridge: jax.Array) -> tuple[jax.Array, jax.Array]:
        a = mj.kernels.ridge(gram, y, w, ridge / size)
        missed = mix @ (seen.T @ a) - target
        return missed @ missed + noise, w @ (gram @ a - y) ** 2

    return over_ridges(errors)


def over_ridges(errors: Callable[[jax.Array], tuple]) -> dict[str, mj.quantities.Named]:
    """Test and train errors at each of the ridges."""
    both = zip(("test", "train"), jax.lax.map(errors, jnp.array(RIDGES)), strict=True)
    return {name: mj.named(v, "ridge", coords=RIDGES) for name, v in both}


def theory_run(
    size: Any, features: Any, alpha: Any, beta: Any, noise: Any, *, modes: int
) -> dict[str, mj.quantities.Named]:
    """What `run` gives on average, by the eigenframework."""
    places = jnp.arange(1.0, modes + 1)

    def errors(ridge: jax.Array) -> tuple[jax.Array, jax.Array]:
        spectrum, target = places**-alpha, places**-beta
        found = theory.fit(size, spectrum, target, noise, ridge, features)
        return found.test, found.train

    return over_ridges(errors)


def ratio_run(alpha: Any, beta: Any, share: Any) -> dict[str, jax.Array]:
    """Train over test error at the best ridge of a kernel, searched and in closed form.

    The variance of the labels is `share` of the test error without noise and ridge.
    """
    spectrum, target = (jnp.asarray(PLACES) ** -power for power in (alpha, beta))
    count = jnp.asarray(COUNT)
    noise = share * theory.fit(MANY, spectrum, target, 0.0, count=count).test

    def at(log: jax.Array) -> mj.theory.eigenframework.Fit:
        return theory.fit(MANY, spectrum, target, noise, jnp.exp(log), count=count)

    def narrow(_: Any, ends: tuple) -> tuple:
        low, high = ends
        third = (high - low) / 3
        better = at(low + third).test < at(high - third).test
        low = jnp.where(better, low, low + third)
        return low, jnp.where(better, high - third, high)

    start = jnp.float64(-25.0), jnp.float64(3.0)  # below, a ridge changes no digit
    best = at(jax.lax.fori_loop(0, SECTIONS, narrow, start)[0])
    closed = theory.fitting_ratio(alpha, beta, share)
    return {"searched": best.train / best.test, "closed": closed}


def sweeps(
    size: tuple = (50, 100, 200),  # numbers of samples
    features: tuple = (25, 50, 100, 200, 400, 800),  # numbers of random features
    alpha: float = 1.5,  # eigenvalues fall as i^-alpha
    beta: float = 1.5,  # and the power of the target as i^-beta
    noise: float = 0.04,  # variance of the labels
    seeds: int = 16,  # how many seeds, or which ones (3,7)
    modes: int = 2000,  # of the data
    steep: tuple = (1.8, 2.5, 3.0),  # targets of the closed form
    share: tuple = (0.0, 0.25, 0.5, 1.0, 2.0, 3.0),  # noise of the closed form
) -> dict[str, mj.Sweep]:
    """Features and samples at all ridges, and the closed form at i^-2."""
    mj.inside(1, np.inf, alpha=alpha, beta=beta, steep=steep)
    mj.between(0, np.inf, noise=noise, share=share)
    mj.between(1, modes / 2, size=size, features=features)
    grid: dict[str, Any] = {"size": size, "features": features, "noise": noise}
    grid |= {"alpha": alpha, "beta": beta, "modes": modes, "seed": mj.seeds(seeds)}
    main = mj.Sweep(run, widest=max(features), float64=True, **grid)
    ratios = mj.Sweep(ratio_run, alpha=2.0, beta=steep, share=share, float64=True)
    return {"main": main, "theory": main.but(theory_run), "ratios": ratios}


Results = dict[str, xr.Dataset]


def claims(results: Results) -> list[mj.Claim]:
    """More is better, overfitting is obligatory, and theory against simulation."""
    return mj.judged(__file__, results, step, gain, fitted, hump, apart, away)


def best(results: Results) -> xr.Dataset:
    """The errors at the ridge that is best on average, for each size."""
    mean = results["main"].test.mean("seed")
    return results["main"].isel(ridge=mean.argmin("ridge"))


def step(results: Results, axis: str) -> float:
    """Theory's least decrease of the best test error, as a share, over an axis."""
    error = results["theory"].test.min("ridge")
    if error.sizes[axis] < 2:
        raise mj.NotRun(f"two values of {axis}")
    return float((1 - error.shift({axis: -1}) / error).min())


def gain(results: Results, axis: str, few: str, many: str) -> xr.DataArray:
    """By how much, as a share, more of something lowers the best test error."""
    first, last = (mj.at(best(results).test, **{axis: int(n)}) for n in (few, many))
    return 1 - last / first.mean("seed")


def fitted(results: Results, within: str) -> xr.DataArray:
    """Train over test error, at most, where test error is close to its best."""
    mean = results["main"].mean("seed")
    near = mean.test <= (1 + float(within)) * mean.test.min("ridge")
    return (mean.train / mean.test).where(near).max("ridge")


def hump(results: Results) -> xr.DataArray:
    """Test error at as many features as samples, over that at a quarter of them."""
    samples = [n for n in results["main"]["size"].values if n >= 100]
    if not samples:
        raise mj.NotRun("size 100")

    def grown(n: int) -> xr.DataArray:
        small = mj.at(results["main"].test, ridge=RIDGES[0], size=n)
        return mj.at(small, features=n) / mj.at(small, features=n // 4)

    return xr.concat(map(grown, samples), "size", coords="minimal", compat="override")


def apart(results: Results) -> float:
    """How far the closed form is from the search, at worst."""
    return float(abs(results["ratios"].searched - results["ratios"].closed).max())


def away(results: Results, quantity: str, margin: str) -> mj.Estimate:
    """How far simulation is from theory, at worst, as a share in units of a margin."""
    runs, exact = (results[name][quantity] for name in ("main", "theory"))
    return mj.farthest(runs, exact, float(margin) * exact)


def figure(results: Results) -> Figure:
    """Best error over both sizes, the peak, errors over the ridge, and the ratio."""
    canvas, panel = panels("ab;cd", (9.5, 7))
    image = cells(panel["a"], best(results).test, "features", "size", cmap="viridis")
    canvas.colorbar(image, ax=panel["a"], label="test error")
    frame(panel["a"], "best ridge", xlabel="random features", ylabel="samples")
    draw_peak(panel["b"], results)
    draw_ridges(panel["c"], results)
    found = results["ratios"]
    lines(panel["d"], found.closed, "share", color="beta", label="target i^-{beta:g}")
    points(panel["d"], found.searched, "share", color="beta")
    key(panel["d"], "best of all ridges", "o")
    labels: Any = {"xlabel": "noise / error without it", "ylabel": "train / test error"}
    frame(panel["d"], "at the best ridge, closed form", **labels)
    return canvas


def draw_peak(axis: Axes, results: Results) -> None:
    """Test error over features at the smallest and at the best ridge."""
    kept = "features", "ridge"
    runs, exact = (one(results[name].test, *kept) for name in ("main", "theory"))
    for label, ridge, color, marker, dash in (
        (f"ridge {RIDGES[0]:g}", 0, "C3", "s", "--"),
        ("best ridge", exact.argmin("ridge"), "C0", "o", "-"),
    ):
        lines(axis, exact.isel(ridge=ridge), "features", color=color, dash=dash)
        how: Any = {"color": color, "marker": marker, "label": label, "error": "se"}
        points(axis, runs.isel(ridge=ridge), "features", **how)
    key(axis, "theory")
    words: Any = {"xlabel": "random features", "ylabel": "test error", **LOGLOG}
    frame(axis, "{size} samples", exact, **words)
    log_ticks(axis, exact.features.values)


def draw_ridges(axis: Axes, results: Results) -> None:
    """Train and test error over the ridge at the largest sizes."""
    runs, exact = (one(results[name], "ridge") for name in ("main", "theory"))
    for name, color, dash in (("test", "C0", "-"), ("train", "C1", "--")):
        lines(axis, exact[name], "ridge", color=color, dash=dash)
        points(axis, runs[name], "ridge", color=color, label=name, error="se")
    key(axis, "theory")
    words = "{size} samples, {features} features"
    frame(axis, words, exact.test, xlabel="ridge", ylabel="error", **LOGLOG)


if __name__ == "__main__":
    launch(__name__)
