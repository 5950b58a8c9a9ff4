"""In a fixed dimension no bandwidth makes interpolation by a kernel consistent.

Points lie equispaced on a circle, the target is one wave, labels carry noise, and a
shift-invariant kernel interpolates them. A narrow kernel misses the wave between the
points, a wide one spreads the noise. Bandwidths that shrink as a / n keep both errors
where they are at every n, and no a, chosen in hindsight for each data set, brings their
sum near zero.

Source: Beaglehole, Belkin, Pandit, On the Inconsistency of Kernel Ridgeless Regression
in Fixed Dimensions, arXiv 2205.13525; the closed forms for the circle are derived here.
Command: python -m experiments.ridgeless_circle
Expected: excess risk 0.500 for the Laplace kernel at its best a = 2.542, noise of
variance one, at every number of points.

Sweeps: `main` (interpolation by a linear solve), `laplace` (at three more bandwidths),
and closed forms: `theory`, and `wide` for a kernel that is all but the absolute value.
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
from memjax.plots import MARKERS, frame, key, lines, panels, points

KERNELS = ("laplace", "cauchy", "gaussian")
BEST = (1.66, 1.875, 2.542)  # a of the Cauchy, Gaussian and Laplace kernels
circle, theory = mj.kernels.circle, mj.theory.circle


def run(
    size: Any, a: Any, noise: Any, wave: Any, seed: Any, *, kernel: str, capacity: int
) -> dict[str, jax.Array]:
    """Interpolate a noisy wave at `size` points; errors are means over the circle."""
    x, w, between, shares = mj.datasets.circle(size, capacity, nodes=8)

    def gram(x: jax.Array, z: jax.Array) -> jax.Array:
        apart = jnp.abs(x[:, None] - z[None, :]) % (2 * jnp.pi)
        return getattr(circle, kernel)(apart, a / size)

    def target(x: jax.Array) -> jax.Array:
        return jnp.sqrt(2.0) * jnp.cos(wave * x)

    drawn = noise * jax.random.normal(jax.random.key(seed), (capacity,))
    labels = jnp.stack([target(x), drawn], axis=1)  # what is linear, each on its own
    weights = mj.kernels.ridge(gram(x, x), labels, w)
    clean, noisy = (gram(between, x) @ weights).T
    missed = clean - target(between)
    parts = {"approximation": missed, "estimation": noisy, "excess": missed + noisy}
    return {name: jnp.sum(shares * error**2) for name, error in parts.items()}


def theory_run(
    size: Any, a: Any, noise: Any, wave: Any, *, kernel: str, capacity: int
) -> dict[str, jax.Array]:
    """What `run` gives on average over the noise."""
    found = theory.errors(getattr(theory, kernel), size, a, wave, capacity)
    missed, noisy = found.approximation, noise**2 * found.estimation
    return {"approximation": missed, "estimation": noisy, "excess": missed + noisy}


def sweeps(
    size: tuple = (16, 32, 64, 128),  # numbers of points
    a: tuple = (0.8, 1.2, *BEST, 4.0, 6.0, 10.0),  # bandwidths times points
    kernel: tuple = KERNELS,  # laplace, cauchy, gaussian; a program each
    seeds: int = 192,  # how many seeds, or which ones (3,7)
    noise: float = 1.0,  # standard deviation of the labels
    wave: int = 1,  # frequency of the target
) -> dict[str, mj.Sweep]:
    """Interpolation at several sizes and bandwidths, with theory on a finer grid."""
    mj.one_of(KERNELS, kernel=kernel)
    mj.between(0.2, 10, a=a)  # beyond, the Gaussian kernel has no digits left
    mj.between(0, np.inf, noise=noise)
    mj.between(0, min(size) - 1, wave=wave)
    grid: dict[str, Any] = {"size": size, "kernel": kernel, "noise": noise}
    grid |= {"a": a, "wave": wave, "seed": mj.seeds(seeds)}
    main = mj.Sweep(run, float64=True, **grid)
    return {
        "main": main,
        "theory": main.but(theory_run, a=mj.finely(a)),
        "laplace": main.but(kernel="laplace", a=(1.0, 2.27, 5.0)),
        "wide": main.but(theory_run, kernel="laplace", a=1000.0),
    }


def claims(results: mj.Results) -> list[mj.Claim]:
    """That the best bandwidth does not help, and theory against simulation."""
    return mj.judged(__file__, results, kept, mj.change, mj.away)


def kept(results: mj.Results, few: str, many: str) -> xr.DataArray:
    """The excess at many points less .9 of that at few, by each data set's best a."""
    best = results["main"].excess.min("a")
    return mj.at(best, size=int(many)) - 0.9 * mj.at(best, size=int(few))


def figure(results: mj.Results) -> Figure:
    """Both errors and their sum over the bandwidth, and the best sum at every size."""
    canvas, panel = panels("ab;cd", (9, 6.6))
    for letter, name in zip("abc", results["main"].kernel.values, strict=False):
        runs, exact = (results[n].sel(kernel=name) for n in ("main", "theory"))
        draw_errors(panel[letter], runs.isel(size=-1), exact)
    draw_best(panel["d"], results["main"].excess, results["theory"].excess)
    return canvas


def draw_errors(axis: Axes, runs: xr.Dataset, exact: xr.Dataset) -> None:
    """Both errors and their sum over the bandwidth; those of all sizes coincide."""
    looks = {"approximation": ":", "estimation": "--", "excess": "-"}
    for i, (name, dash) in enumerate(looks.items()):
        how: Any = {"color": f"C{i}"}
        for n in exact["size"].values:
            lines(axis, exact[name].sel(size=n), "a", dash=dash, lw=0.8, **how)
        how |= {"marker": MARKERS[i], "label": name, "error": "se"}
        points(axis, runs[name], "a", **how)
    key(axis, "theory, all sizes")
    words: Any = {"xscale": "log", "xlabel": "bandwidth × points, a", "ylabel": "error"}
    frame(axis, "{kernel} kernel, {size} points", runs, ylim=(-0.03, 1.4), **words)


def draw_best(axis: Axes, runs: xr.DataArray, exact: xr.DataArray) -> None:
    """The excess risk at the best bandwidth against the number of points."""
    how: dict[str, Any] = {"color": "kernel", "even": True}
    lines(axis, exact.min("a"), "size", label="{kernel}, theory", **how)
    points(axis, runs.min("a"), "size", error="se", **how)
    key(axis, "best for each data set", "o")
    frame(axis, "best of all bandwidths", exact, "points", "excess risk", ylim=(0, 0.8))


if __name__ == "__main__":
    launch(__name__)
