"""Interpolation classifies well where it fails as regression, and rests on all points.

Minimum norm fits one strong feature among very many weak ones, or its sign. As points
grow, the weight of the feature goes to zero wherever the strong features hold too small
a share of the variance: as regression the fit is no better than none. Its sign comes
out right as long as that weight is larger than all others together, which it is up to a
smaller share. And with a few times n ln n features every point is a support vector: the
classifier of largest margin is that of minimum norm.

A Gram matrix of weak features is drawn as such, so that millions of them cost nothing.

Source: Muthukumar, Narang, Subramanian, Belkin, Hsu, Sahai, Classification vs
regression in overparameterized regimes, arXiv 2005.08054; Cao, Gu, Belkin, arXiv
2104.13628, for the mixture. Closed forms are derived here.
Command: python -m experiments.classification_vs_regression
Expected: 800 points, 800^2.5 features, q = 1.4: 4 % of signs wrong, risk near 0.87.

Sweeps: `main` (one strong feature), `several` (more), `isotropic` (random labels),
`mixture` (two classes), a theory for each; `limit` is theory at many points.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import norm

import memjax as mj
from memjax.cli import launch
from memjax.plots import frame, key, level, lines, panels, points

theory = mj.theory.classification
MANY = (1e6, 1e9)  # points where theory shows its limit


def run(
    p: Any, q: Any, r: Any, seed: Any, *, size: int, room: int
) -> dict[str, jax.Array]:
    """Fit the first strong feature of a bi-level ensemble, and its sign."""
    strong_key, weak_key = jax.random.split(jax.random.key(seed))
    (strong, weak), (high, low) = theory.bilevel(1.0 * size, p, q, r)
    drawn = jax.random.normal(strong_key, (size, room))
    z = jnp.where(jnp.arange(room)[None, :] < strong, drawn, 0.0)
    rest = mj.datasets.gaussian_gram(weak_key, size, weak)
    y = jnp.stack([z[:, 0], jnp.sign(z[:, 0])], axis=1)
    w = mj.prefix(size, size)
    a = mj.kernels.ridge(high * z @ z.T + low * rest, y, w)
    own = high * z.T @ a  # the weights of strong features, in units of their deviation
    others = jnp.sum(own[1:] ** 2, axis=0) + low**2 * jnp.sum(a * (rest @ a), axis=0)
    return {
        "risk": (own[0, 0] - 1) ** 2 + others[0],
        "error": jnp.arctan2(jnp.sqrt(others[1]), own[0, 1]) / jnp.pi,
        **mj.observables.supported(y[:, 1] * a[:, 1], w),
    }


def isotropic_run(ratio: Any, seed: Any, *, size: int) -> dict[str, jax.Array]:
    """Fit random signs on `ratio` n ln n features of variance one."""
    x_key, y_key = jax.random.split(jax.random.key(seed))
    gram = mj.datasets.gaussian_gram(x_key, size, theory.features(size, ratio))
    y = jax.random.rademacher(y_key, (size,), float)
    w = mj.prefix(size, size)
    return mj.observables.supported(y * mj.kernels.ridge(gram, y, w), w)


def mixture_run(
    size: Any, features: Any, signal: Any, seed: Any, *, capacity: int
) -> dict[str, jax.Array]:
    """Fit the classes of points y μ + noise, |μ| = `signal`."""
    y_key, toward_key, rest_key = jax.random.split(jax.random.key(seed), 3)
    y = jax.random.rademacher(y_key, (capacity,), float)
    toward = signal * y + jax.random.normal(toward_key, (capacity,))  # along μ
    rest = mj.datasets.gaussian_gram(rest_key, capacity, features - 1)
    w = mj.prefix(size, capacity)
    a = mj.kernels.ridge(toward[:, None] * toward[None, :] + rest, y, w)
    along = toward @ a
    length = jnp.sqrt(along**2 + a @ rest @ a)
    error = jax.scipy.stats.norm.cdf(-signal * along / length)
    return {"error": error, **mj.observables.supported(y * a, w)}


def theory_run(size: Any, p: Any, q: Any, r: Any) -> dict[str, jax.Array]:
    """What `run` gives on average."""
    found = theory.on_levels(size, theory.bilevel(size, p, q, r))
    return {"risk": found.risk, "error": found.error}


def isotropic_theory_run(size: Any, ratio: Any) -> dict[str, jax.Array]:
    """What `isotropic_run` gives on average."""
    at = size, theory.features(size, ratio)
    return {"support": theory.support(*at), "all": theory.all_support(*at)}


def mixture_theory_run(size: Any, features: Any, signal: Any) -> dict[str, jax.Array]:
    """What `mixture_run` gives on average."""
    return {"error": theory.mixture(size, features, signal)}


def sweeps(
    size: tuple = (50, 150, 800),  # numbers of points, a program each
    p: tuple = (1.6, 2.5),  # there are n^p features
    q: tuple = (0.6, 0.8, 1.0, 1.1, 1.25, 1.4, 1.6, 2.0),  # strong: a share n^-q
    r: float = 0.3,  # of the variance, in one feature or, in `several`, in n^r
    seeds: int = 16,  # how many seeds, or which ones (3,7)
    few: tuple = (16, 64, 256),  # points with random labels
    ratio: tuple = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0),  # features: ratio n ln n
    draws: int = 512,  # of random labels, and of two classes
    signal: tuple = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0),  # means of two classes
    features: int = 2000,  # of the two classes
    classes_size: tuple = (20, 80, 160),  # points of the two classes
) -> dict[str, mj.Sweep]:
    """Every share of the strong features, random labels, and two classes."""
    mj.inside(1, np.inf, p=p, size=size, few=few)
    mj.inside(0, np.inf, q=q, signal=signal, ratio=ratio)
    mj.between(0, 0.9, r=r)
    mj.between(1, features / 2, classes_size=classes_size)
    grid: dict[str, Any] = {"p": p, "q": q, "seed": mj.seeds(seeds), "float64": True}
    main = mj.Sweep(run, size=size, r=0.0, room=1, **grid)
    ends: Any = {"size": sorted({min(size), max(size)}), "room": round(max(size) ** r)}
    several = main.but(r=r, p=(min(p),), **ends)
    drawn: dict[str, Any] = {"seed": range(draws), "float64": True}
    many = mj.Sweep(isotropic_run, size=few, ratio=ratio, **drawn)
    at: dict[str, Any] = {"signal": signal, "features": features, **drawn}
    mixture = mj.Sweep(mixture_run, size=classes_size, **at)
    bare = main.but(theory_run)
    fine = finer(q)
    return {
        "main": main,
        "several": several,
        "isotropic": many,
        "mixture": mixture,
        "theory": bare.but(q=fine),
        "several_theory": several.but(theory_run),
        "isotropic_theory": many.but(isotropic_theory_run, ratio=finer(ratio)),
        "mixture_theory": mixture.but(mixture_theory_run, signal=finer(signal)),
        "limit": bare.but(size=MANY, r=(0.0, r), q=fine),
    }


def finer(values: tuple) -> list[float]:
    """The values of an axis and others between them, for theory."""
    between = np.linspace(min(values), max(values), 57).round(3)
    return sorted({*values, *between.tolist()})


Results = dict[str, xr.Dataset]


def claims(results: Results) -> list[mj.Claim]:
    """Where both tasks fail, who supports the classifier, and theory by simulation."""
    return mj.judged(__file__, results, growth, more, turn, away, tilted)


def growth(
    results: Results, sweep: str, quantity: str, few: str, many: str
) -> xr.DataArray:
    """The exponent e of a quantity that goes as n^e, between two numbers of points."""
    found = results[sweep][quantity]
    first, last = (mj.at(found, size=int(n)) for n in (few, many))
    return np.log(last / first) / np.log(int(many) / int(few))


def more(results: Results, few: str, many: str) -> xr.DataArray:
    """How much more often all points are support vectors, of many than of few."""
    found = results["isotropic"]["all"]
    first, last = (mj.at(found, size=int(n)) for n in (few, many))
    return last - first


def turn(results: Results, quantity: str) -> xr.DataArray:
    """The least q at which theory, at many points, no longer falls with them."""
    few, many = (results["limit"][quantity].sel(size=n) for n in MANY)
    rise = xr.DataArray(np.log(many / few))

    def crossing(rise: np.ndarray) -> float:
        after = int(np.argmax(rise > 0))
        ends = slice(after - 1, after + 1)
        return float(np.interp(0, rise[ends], q[ends])) if after else np.nan

    q = rise.q.values
    return xr.apply_ufunc(crossing, rise, input_core_dims=[["q"]], vectorize=True)


def away(results: Results, sweep: str, quantity: str, margin: str) -> mj.Estimate:
    """How far simulation is from theory, at worst, in units of a margin."""
    exact = results["theory" if sweep == "main" else f"{sweep}_theory"][quantity]
    return mj.farthest(results[sweep][quantity], exact, float(margin))


def tilted(results: Results, margin: str) -> mj.Estimate:
    """The same for a mixture's means, in deviations from the middle, as a share."""
    runs, exact = (norm.ppf(results[n].error) for n in ("mixture", "mixture_theory"))
    line = results["mixture_theory"].error.copy(data=exact)
    share = results["mixture"].error.copy(data=runs) / line
    return mj.farthest(share, xr.ones_like(line), float(margin))


def figure(results: Results) -> Figure:
    """Signs and risks against the share of the strong feature; supports; a mixture."""
    canvas, panel = panels("abc;def", (13, 7.4))
    for letters, quantity in (("ab", "error"), ("de", "risk")):
        for letter, side in zip(letters, (0, -1), strict=True):
            draw_task(panel[letter], results, quantity, side)
    draw(panel["c"], results, "isotropic", "all", "ratio")
    panel["c"].axvline(2, color="0.6", lw=0.8)
    words: dict[str, Any] = {"ylabel": "share of draws", "ylim": (-0.03, 1.03)}
    title = "all points are support vectors"
    frame(panel["c"], title, xlabel="features / (n ln n)", **words)
    draw(panel["f"], results, "mixture", "error", "signal")
    words = {"xlabel": "|mean| of both classes", "ylabel": "share of wrong signs"}
    title = "two classes, {features} features"
    frame(panel["f"], title, results["mixture"], yscale="log", **words)
    return canvas


def draw(axis: Axes, results: Results, sweep: str, quantity: str, x: str) -> None:
    """Simulation on theory, for every number of points."""
    exact = "theory" if sweep == "main" else f"{sweep}_theory"
    lines(axis, results[exact][quantity], x, color="size")
    how: dict[str, Any] = {"color": "size", "label": "n = {size}", "error": "se"}
    points(axis, results[sweep][quantity], x, **how)
    key(axis, "theory")


def draw_task(axis: Axes, results: Results, quantity: str, side: int) -> None:
    """One task at one number of features, and where both cease to be learned."""
    given = {name: results[name].isel(p=side) for name in ("main", "theory")}
    draw(axis, given, "main", quantity, "q")
    p, r = (float(given["main"][name]) for name in ("p", "r"))
    fails = {":": "regression fails beyond", "-": "signs fail beyond"}
    for end, (style, word) in zip(theory.thresholds(p, r), fails.items(), strict=False):
        axis.axvline(end, color="0.6", ls=style, lw=0.8, label=word)
    level(axis, {"error": 0.5, "risk": 1}[quantity])
    label = {"error": "share of wrong signs", "risk": "risk of regression"}[quantity]
    words = {"xlabel": "q", "ylabel": label}
    clear: Any = {"loc": "upper left", "bbox_to_anchor": (0.02, 0.9), "frameon": True}
    clear |= {"framealpha": 1, "edgecolor": "w"}
    legend = clear if quantity == "error" and side else False  # one for four panels
    frame(axis, "n^{p:g} features", given["main"], legend=legend, **words)


if __name__ == "__main__":
    launch(__name__)
