"""A curve of the risk has as many peaks as one likes, wherever one likes.

Regression of minimum norm on labels that are noise, with blocks of Gaussian features of
different scale. Each block whose features meet the points that larger blocks leave for
it makes a peak: over features, if each new block is larger than those before it, and
over points, if each is smaller. Features of one scale have one peak.

And with more features than points each further one can raise the risk or lower it: a
mixture of two Gaussians raises it, by the few draws that know one of its halves alone,
and a Gaussian lowers it. With fewer features than points any raises it.

Source: Chen, Min, Belkin, Karbasi, Multiple Descent: Design Your Own Generalization
Curve, arXiv 2008.01036: its abstract, and mixtures as others noted of its text; the
blocks and their closed form are derived here.
Command: python -m experiments.multiple_descent
Expected: 20 points, blocks of 30 features: peaks at 20, 50 and 80 features.

Sweeps: `main` (over features), `points` (over points), closed forms for scales that are
far apart (`theory`, `points_theory`), `designed` (a feature of its own kind at a time)
and `prototype` (the same by other kinds).
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
from memjax.plots import BESIDE, MARKERS, frame, key, panels, points

RISING = (30, 30, 30)  # features of blocks that grow in scale
FALLING = (20, 40, 60)  # and of blocks that shrink
FEATURES = (5, 10, 15, 18, 20, 22, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 80, 90)
SAMPLES = (5, 10, 15, 20, 25, 30, 40, 50, 55, 60, 65, 70, 80, 90, 100, 110, 120, 150)
BLOCKS = {"rising": RISING, "falling": FALLING}
KINDS = {  # of features: their deviation, and the distance of a mixture's two halves
    "S": (1.0, 0.0),
    "C": (5.0, 0.0),
    "W": (3.0, 100.0),
    "B": (100.0, 0.0),
    "M": (0.001, 1.0),
}
DESIGN, PROTOTYPE = "SSSSSSSWCWCWC", "SSSSSSSSSSSSBBBBMMBBMM"
CLIP = 1e6  # of what one draw costs


def run(
    size: Any, features: Any, apart: Any, seed: Any, *, order: str, capacity: int
) -> dict[str, jax.Array]:
    """Fit noise on the first features of blocks whose scales are `apart`."""
    x_key, y_key = jax.random.split(jax.random.key(seed))
    block = np.repeat(np.arange(len(BLOCKS[order])), BLOCKS[order])
    power = block[::-1] if order == "rising" else block  # the largest scale is one
    scale = apart ** jnp.asarray(power.astype(float))
    scale = jnp.where(jnp.arange(len(block)) < features, scale, 0.0)[None, :]
    x = scale * jax.random.normal(x_key, (capacity, len(block)))
    y = jax.random.normal(y_key, (capacity,))
    a = mj.kernels.minimum_norm(x @ x.T, y, mj.prefix(size, capacity), features)
    weights = a @ x
    return {"excess": jnp.sum((scale[0] * weights) ** 2)}


def theory_run(size: Any, features: Any, *, order: str) -> dict[str, jax.Array]:
    """The mean of `run` where scales are equal, and where they are far apart."""
    widths = np.array(BLOCKS[order])
    counts = jnp.clip(features - (np.cumsum(widths) - widths), 0, jnp.asarray(widths))
    falling = counts[::-1] if order == "rising" else counts
    separate = mj.theory.multiple_descent.separate
    equal = separate(size, jnp.reshape(jnp.sum(counts), 1))
    return {"equal": equal, "separate": separate(size, falling)}


def designed_run(
    features: Any, seed: Any, *, pattern: str, size: int, draws: int
) -> dict[str, jax.Array]:
    """Fit noise on the first features, each of its kind; its mean over all labels."""
    deviation, gap = np.transpose([KINDS[kind] for kind in pattern])[:, None]
    shape, counted = (size, len(pattern)), jnp.arange(len(pattern)) < features
    w = mj.prefix(size, size)

    def cost(key: jax.Array) -> jax.Array:
        x_key, half_key = jax.random.split(key)
        halves = gap * jax.random.bernoulli(half_key, shape=shape)
        x = (deviation * jax.random.normal(x_key, shape) + halves) * counted[None, :]
        weights = mj.kernels.minimum_norm(x @ x.T, jnp.eye(size), w, features).T @ x
        spread = jnp.sum((deviation**2 + gap**2 / 4) * weights**2)
        return spread + jnp.sum(jnp.sum(gap / 2 * weights, axis=1) ** 2)

    each = jax.vmap(cost)(jax.random.split(jax.random.key(seed), draws))
    return {"excess": jnp.mean(jnp.minimum(each, CLIP))}


def sweeps(
    features: tuple = FEATURES,  # in blocks of 30, 90 at most
    size: int = 20,  # points with these features
    apart: tuple = (1.0, 0.3, 0.03),  # scale of a block over the next larger one
    samples: tuple = SAMPLES,  # with all of 20, 40 and 60 features
    seeds: int = 128,  # how many seeds, or which ones (3,7)
    draws: int = 160,  # of designed features, for each seed; a fifth of a prototype's
) -> dict[str, mj.Sweep]:
    """Risk over blocks of features, over points, and over features one by one."""
    mj.between(1, sum(RISING), features=features)
    # Squares of the third block's scale are to stay above rounding.
    mj.between(0.01, 1, apart=apart)
    at: dict[str, Any] = {"apart": apart, "seed": mj.seeds(seeds), "float64": True}
    main = mj.Sweep(run, size=size, features=features, order="rising", **at)
    total: Any = {"features": sum(FALLING), "order": "falling"}
    more = mj.Sweep(run, size=samples, **total, **at)
    each: dict[str, Any] = {
        "pattern": DESIGN,
        "size": 5,
        "draws": draws,
        "seed": mj.seeds(seeds),
    }
    one = mj.Sweep(designed_run, features=places(DESIGN), float64=True, **each)
    other: dict[str, Any] = {"pattern": PROTOTYPE, "features": places(PROTOTYPE)}
    fine = range(min(features), max(features) + 1)
    every = range(min(samples), max(samples) + 1)
    return {
        "main": main,
        "theory": main.but(theory_run, features=list(fine)),
        "points": more,
        "points_theory": more.but(theory_run, size=list(every)),
        "designed": one,
        "prototype": one.but(size=10, draws=-(-draws // 5), **other),
    }


def places(pattern: str) -> list[int]:
    """How many features there may be of a pattern."""
    return list(range(1, len(pattern) + 1))


Results = dict[str, xr.Dataset]


def claims(results: Results) -> list[mj.Claim]:
    """That peaks are where they were put, and theory against simulation."""
    return mj.judged(__file__, results, growth, away, mj.change)


def growth(results: Results, sweep: str, start: str, end: str) -> xr.DataArray:
    """The decimal logarithm of how many times the excess grows along the sweep."""
    axis = {"main": "features", "points": "size"}[sweep]
    found = [mj.at(results[sweep].excess, **{axis: int(v)}) for v in (start, end)]
    return np.log10(found[1] / found[0])


def away(results: Results, sweep: str, limit: str, apart: str, share: str) -> Any:
    """How far simulation is from theory, at worst, in units of a share of theory.

    That is where theory is 2.5 or less: nearer a peak a few draws rule the mean.
    """
    runs = mj.at(results[sweep].excess, apart=float(apart))
    exact = results["theory" if sweep == "main" else "points_theory"][limit]
    axis = next(str(d) for d in exact.dims)
    exact = exact.sel({axis: runs[axis]})
    kept = (exact <= 2.5).values
    if not kept.any():
        raise mj.NotRun("features or points away from the peaks")
    exact, runs = exact.isel({axis: kept}), runs.isel({axis: kept})
    return mj.farthest(runs, exact, float(share) * exact)


def figure(results: Results) -> Figure:
    """The risk over blocks and points at several scales, and feature by feature."""
    canvas, panel = panels("ab;cc", (11, 7.4))
    runs, exact = results["main"], results["theory"]
    draw(panel["a"], runs.excess, exact, "features", np.cumsum(RISING))
    words: Any = {"yscale": "log", "ylabel": "median excess risk", "ylim": (0.02, 400)}
    title = "each block of features larger, {size} points"
    frame(panel["a"], title, runs, xlabel="features", legend=False, **words)
    runs, exact = results["points"], results["points_theory"]
    draw(panel["b"], runs.excess, exact, "size", np.cumsum(FALLING))
    title = "each block smaller, {features} features"
    frame(panel["b"], title, runs, xlabel="points", legend=BESIDE, **words)
    draw_designed(panel["c"], results["designed"])
    return canvas


def draw_designed(axis: Axes, runs: xr.Dataset) -> None:
    """The mean as features of three kinds are added, each with the name of its kind."""
    points(axis, runs.excess, "features", join=True, error="se")
    looks = {"S": "N(0, 1)", "W": "mixture of N(0, 9), N(100, 9)", "C": "N(0, 25)"}
    mean = runs.excess.mean("seed").values
    for i, (kind, name) in enumerate(looks.items()):
        at = np.array([k == kind for k in str(runs.pattern.item())])
        how: dict[str, Any] = {"color": f"C{i + 1}", "ms": 7, "zorder": 4}
        axis.plot(runs.features[at], mean[at], MARKERS[i + 1], label=name, **how)
    axis.axvline(int(runs["size"]), color="k", ls=":", lw=1, label="features = points")
    words: Any = {"yscale": "log", "xlabel": "features, the last of them marked"}
    words |= {"ylabel": "mean excess risk, clipped", "xticks": runs.features}
    frame(
        axis, "one feature after another, {size} points", runs, legend=BESIDE, **words
    )


def draw(axis: Axes, runs: xr.DataArray, exact: xr.Dataset, x: str, ends: Any) -> None:
    """Medians at every distance of scales, over both limits of the mean."""
    for name, dash in (("equal", ":"), ("separate", "-")):
        line = exact[name].where(np.isfinite(exact[name]))
        axis.plot(line[x], line, color="0.5", ls=dash, lw=1)
    how: dict[str, Any] = {"color": "apart", "label": "scales apart by {apart:g}"}
    points(axis, runs.median("seed"), x, **how)
    for end in ends:
        axis.axvline(end, color="0.8", lw=0.8, zorder=0)
    key(axis, "theory of the mean, scales far apart")
    key(axis, "theory of the mean, scales equal", ":")
    key(axis, "a block is complete", color="0.8")


if __name__ == "__main__":
    launch(__name__)
