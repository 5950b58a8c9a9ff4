"""Interpolation of noise is benign, tempered or catastrophic by a kernel's spectrum.

Ridge regression with Gaussian features fits labels that are noise alone, of variance
one; what it predicts for new points is excess risk. Eigenvalues that fall as a power of
their place make that neither vanish nor grow with the samples; a ridge, or a spectrum
that hardly falls, lets it vanish; one that falls exponentially lets it grow. Kernels of
points on spheres are tempered, too, with constants of their own.

Modes that are not simulated act as ridge on those that are, by the sum of their
eigenvalues: so the simulated spectrum has no end. All in double precision: Gram
matrices of the exponential spectrum and of near points on a circle have condition
numbers of 10⁹ and more.

Source: Mallinar, Simon, Abedsoltan, Pandit, Belkin, Nakkiran, Benign, Tempered, or
Catastrophic: A Taxonomy of Overfitting, arXiv 2207.06569.
Command: python -m experiments.tempered
Expected: excess risk 0.5 and 1 without ridge for eigenvalues i^-1.5 and i^-2, at every
number of samples.

Sweeps: `main` (powers), `slow`, `fast` (other spectra), a theory for each, `spheres`
and `ridged` (kernels on spheres, without and with ridge), `jittered` (the Gaussian
kernel, with a ridge so small that it passes for none) and `cut` (theory of powers that
end).
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
from memjax.plots import BESIDE, frame, key, level, lines, log_ticks, panels, points

theory = mj.theory.eigenframework
PLACES, COUNT = theory.modes(1e60)  # an endless spectrum
CUT: dict[str, Any] = {"size": (50, 100, 1000, 10_000), "power": (1.5, 2.0)}
CUT |= {"ridge": (0.0, 0.1), "modes": (4000, 2_000_000)}
JITTER = 1e-11  # a ridge that solvers add to Gram matrices


def eigenvalues(places: Any, power: Any, logs: Any, rate: Any) -> jax.Array:
    """`i^-power log(i + 1)^-logs exp(-rate i)`, and none beneath 1e-290."""
    i = jnp.asarray(places)
    fall = power * jnp.log(i) + logs * jnp.log(jnp.log1p(i)) + rate * i
    return jnp.where(fall < 660, jnp.exp(-fall), 0.0)


def run(
    size: Any, power: Any, logs: Any, rate: Any, ridge: Any, seed: Any,
    *, modes: int, draws: int, capacity: int,
) -> dict[str, jax.Array]:  # fmt: skip
    """Errors on noise, over `draws` of labels for one draw of Gaussian features."""
    x_key, y_key = jax.random.split(jax.random.key(seed))
    spectrum = eigenvalues(np.arange(1.0, modes + 1), power, logs, rate)
    every = eigenvalues(PLACES, power, logs, rate)
    beyond = jnp.sum(jnp.where(PLACES > modes, COUNT * every, 0.0))
    x = jax.random.normal(x_key, (capacity, modes)) * jnp.sqrt(spectrum)[None, :]
    y = jax.random.normal(y_key, (capacity, draws))
    w = mj.prefix(size, capacity)
    gram = x @ x.T + beyond * jnp.eye(capacity)
    a = mj.kernels.ridge(gram, y, w, ridge / size)
    excess = jnp.sum(spectrum[:, None] * (x.T @ a) ** 2)
    train = w @ (gram @ a - y) ** 2
    return {"excess": excess / draws, "train": jnp.mean(train)}


def theory_run(
    size: Any, power: Any, logs: Any, rate: Any, ridge: Any
) -> dict[str, jax.Array]:
    """What `run` gives on average, by the eigenframework."""
    spectrum = eigenvalues(PLACES, power, logs, rate)
    found = theory.fit(size, spectrum, ridge=ridge, count=jnp.asarray(COUNT))
    return {"excess": found.test - 1, "train": found.train}


def cut_run(size: Any, power: Any, ridge: Any, *, modes: int) -> dict[str, jax.Array]:
    """The same for a power law that ends after so many modes."""
    places, count = theory.modes(modes)
    spectrum = theory.power(power, places)
    found = theory.fit(size, spectrum, ridge=ridge, count=jnp.asarray(count))
    return {"excess": found.test - 1}


def laplace(u: jax.Array) -> jax.Array:
    """The kernel exp(-r) at points of a sphere with inner product u."""
    return jnp.exp(-jnp.sqrt(jnp.maximum(2 - 2 * u, 0.0)))


def ntk(u: jax.Array) -> jax.Array:
    """The tangent kernel of a network with one hidden layer of ReLUs."""
    u = jnp.clip(u, -1.0, 1.0)
    angle = (jnp.pi - jnp.arccos(u)) / jnp.pi
    return u * angle + jnp.sqrt(1 - u**2) / jnp.pi + u * angle


SINGULAR = {"laplace": laplace, "ntk": ntk}
KERNELS = {**SINGULAR, "gaussian": lambda u: jnp.exp(u - 1)}  # exp(-r² / 2)


def sphere_run(
    size: Any, dim: Any, ridge: Any, seed: Any,
    *, kernel: str, largest: int, draws: int, tests: int, capacity: int,
) -> dict[str, jax.Array]:  # fmt: skip
    """Errors on noise at points of a sphere S^dim, by kernel and next neighbor."""
    x_key, y_key = jax.random.split(jax.random.key(seed))
    x = jax.random.normal(x_key, (tests + capacity, largest + 1))
    x = jnp.where(jnp.arange(largest + 1)[None, :] <= dim, x, 0.0)
    x /= jnp.linalg.norm(x, axis=1)[:, None]
    test, x = x[:tests], x[tests:]
    y = jax.random.normal(y_key, (capacity, draws))
    w = mj.prefix(size, capacity)
    a = mj.kernels.ridge(KERNELS[kernel](x @ x.T), y, w, ridge / size)
    near = test @ x.T
    closest = jnp.argmax(jnp.where(w[None, :] > 0, near, -2.0), axis=1)
    said = {"excess": KERNELS[kernel](near) @ a, "nearest": y[closest]}
    return {name: jnp.mean(f**2) for name, f in said.items()}


def sweeps(
    size: tuple = (50, 100, 200, 400),  # numbers of samples
    power: tuple = (1.5, 2.0, 3.0),  # eigenvalues fall as i^-power
    ridge: tuple = (0.0, 0.1, 1.0),  # on the kernel matrix
    rate: float = 0.05,  # the fast spectrum: exp(-rate i)
    logs: float = 2.0,  # the slow one: 1 / (i log(i + 1)^logs)
    modes: int = 2000,  # simulated; those beyond act as ridge
    seeds: int = 16,  # how many seeds, or which ones (3,7)
    draws: int = 32,  # of labels, for every draw of points
    largest_size: int = 1_000_000,  # up to which theory goes
    sphere_size: tuple = (50, 200, 800),  # points on spheres
    dim: tuple = (1, 2, 3),  # of the spheres
    kernel: tuple = tuple(SINGULAR),  # laplace, ntk; a program each
) -> dict[str, mj.Sweep]:
    """Spectra and sizes with theory on the same and on larger ones, and spheres."""
    mj.inside(1, np.inf, power=power, logs=logs)  # beneath, the kernel has no trace
    mj.between(0, np.inf, ridge=ridge)
    mj.inside(0, np.inf, rate=rate)
    mj.between(1, modes / 4, size=size)
    how: dict[str, Any] = {"seed": mj.seeds(seeds), "draws": draws, "float64": True}
    grid: dict[str, Any] = {"size": size, "modes": modes, "logs": 0.0, "rate": 0.0}
    main = mj.Sweep(run, ridge=ridge, power=power, **grid, **how)
    slow = main.but(power=1.0, logs=logs, ridge=0.0)
    fast = main.but(power=0.0, rate=rate, ridge=0.0)
    more = np.geomspace(min(size), max(largest_size, *size), 25).astype(int)
    longer = sorted({*size, 100, 10_000, *more.tolist()})
    spheres = on_spheres(sphere_size, dim, kernel, how)
    return {
        "main": main,
        "slow": slow,
        "fast": fast,
        "theory": main.but(theory_run, size=longer),
        "slow_theory": slow.but(theory_run, size=longer),
        "fast_theory": fast.but(theory_run),
        "spheres": spheres,
        "ridged": spheres.but(ridge=1.0),
        "jittered": spheres.but(kernel="gaussian", dim=1, ridge=JITTER),
        "cut": mj.Sweep(cut_run, float64=True, **CUT),
    }


def on_spheres(size: tuple, dim: tuple, kernel: tuple, how: dict) -> mj.Sweep:
    """Kernels without ridge at points of spheres."""
    mj.one_of(tuple(SINGULAR), kernel=kernel)
    mj.between(1, np.inf, dim=dim)
    at: dict[str, Any] = {"ridge": 0.0, "tests": 500, "largest": max(dim)}
    return mj.Sweep(sphere_run, size=size, dim=dim, kernel=kernel, **at, **how)


Results = dict[str, xr.Dataset]


def claims(results: Results) -> list[mj.Claim]:
    """The three regimes, theory against simulation, and kernels on spheres."""
    return mj.judged(__file__, results, growth, share, away, mj.change)


def growth(results: Results, sweep: str, few: str, many: str) -> xr.DataArray:
    """The exponent e of an excess that goes as n^e, between two sizes."""
    first, last = (mj.at(results[sweep], size=int(n)).excess for n in (few, many))
    return np.log(last / first) / np.log(float(many) / float(few))


def share(results: Results, sweep: str, few: str, many: str) -> xr.DataArray:
    """What is left at many samples of the excess at few."""
    first, last = (mj.at(results[sweep], size=int(n)).excess for n in (few, many))
    return last / first


def away(results: Results, sweep: str, exact: str, margin: str) -> mj.Estimate:
    """How far simulation is from theory, at worst, as a share in units of a margin."""
    curve = results[exact].excess
    return mj.farthest(results[sweep].excess, curve, float(margin) * curve)


LOGLOG: dict[str, Any] = {"xscale": "log", "yscale": "log", "xlabel": "samples"}
LOGLOG["ylabel"] = "excess risk / noise"


def figure(results: Results) -> Figure:
    """Excess against samples: three regimes, powers with ridge, spheres."""
    canvas, panel = panels("ab;cd", (10.5, 7))
    draw_regimes(panel["a"], results)
    for letter, ridge, legend in (("b", 0, BESIDE), ("c", -1, {})):
        runs, exact = (results[n].excess.isel(ridge=ridge) for n in ("main", "theory"))
        lines(panel[letter], exact, "size", color="power", label="i^-{power:g}, theory")
        points(panel[letter], runs, "size", color="power", error="se")
        frame(panel[letter], "ridge {ridge:g}", runs, legend=legend, **LOGLOG)
    log_ticks(panel["b"], results["main"].power.values - 1, "y")
    draw_spheres(panel["d"], results["spheres"])
    return canvas


def draw_regimes(axis: Axes, results: Results) -> None:
    """One spectrum of each kind, without ridge, and one with."""
    shown: dict[str, Any] = {
        "exp(-{rate:g} i)": ("fast", {}, "C3", "s", "-."),
        "i^-{power:g}": ("", {"ridge": 0}, "C0", "o", "-"),
        "i^-{power:g}, ridge {ridge:g}": ("", {"ridge": -1}, "C1", "D", "--"),
        "1 / (i log² i)": ("slow", {}, "C2", "^", ":"),
    }
    for label, (sweep, at, color, marker, dash) in shown.items():
        names = (sweep or "main", f"{sweep}_theory".lstrip("_"))
        first = {} if sweep else {"power": 0, **at}
        runs, exact = (results[n].excess.isel(first) for n in names)
        lines(axis, exact, "size", color=color, dash=dash)
        points(axis, runs, "size", color=color, marker=marker, label=label, error="se")
    key(axis, "theory")
    frame(axis, "spectra", **LOGLOG)


def draw_spheres(axis: Axes, runs: xr.Dataset) -> None:
    """Kernels on spheres, and the line of the next neighbor."""
    for kernel, dash in zip(runs.kernel.values, ("-", "--"), strict=False):
        how: Any = {"color": "dim", "dash": dash, "error": "se", "join": True}
        how["label"] = f"{kernel}, S^{{dim}}"
        points(axis, runs.excess.sel(kernel=kernel), "size", **how)
    level(axis, runs.nearest.mean(), "next neighbor")
    frame(axis, "points on spheres", legend=BESIDE, **LOGLOG)
    log_ticks(axis, runs["size"].values)
    log_ticks(axis, (0.3, 0.4, 0.6, 0.8, 1), "y")


if __name__ == "__main__":
    launch(__name__)
