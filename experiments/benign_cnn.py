"""A small convolutional network overfits without harm once n SNR^q is large enough.

Each point has two patches, a signal y µ and Gaussian noise orthogonal to it. Two layers
with activation relu(z)^q fit the labels by whichever patch they learn first: the signal
grows with the square of its length and with all n points, noise on its own point only.
So runs reach zero training loss either way, with a test error of 0 where n SNR^q is
large and of a half where it is small, SNR = |µ| / √d.

Source: Cao, Chen, Belkin, Gu, Benign Overfitting in Two-layer Convolutional Neural
Networks, NeurIPS 2022, arXiv 2202.06526: its abstract, and what others noted of its
condition.
Command: python -m experiments.benign_cnn
Expected: test error a half up to n SNR^3 = 1/4 and zero from 8 on, at 10 to 80 points,
with a fall through a quarter between 1 and 2. A run in seventy is still on the plateau.

Sweeps: `main`, `theory` (the same in the limit of noise that is orthogonal), `fourth`
(the power q = 4) and `prototype`. Test errors count only where the training loss has
become small: at small starts the power q is a plateau, and a run that is still on it
has not overfitted.
"""

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
from memjax.plots import BESIDE, frame, key, level, lines, panels, points

TRAINED = 0.01  # training loss, of 0.69 at the start
RATIOS = tuple(2.0**k for k in range(-4, 5))  # of n SNR^q
theory = mj.theory.benign_cnn
PROTOTYPE = ((20, 20, 20, 20, 80, 80, 80), (0.06, 0.45, 3.6, 12.0, 0.23, 14.0, 49.0))


def apply(params: jax.Array, point: tuple, q: int) -> jax.Array:
    """F_+ - F_- at one point, by filters [2, width, 1 + dim]; x = (signal, noise)."""
    signal, noise = point
    on_signal, on_noise = params[..., 0] * signal, params[..., 1:] @ noise
    each = jax.nn.relu(on_signal) ** q + jax.nn.relu(on_noise) ** q
    return jnp.mean(each[0]) - jnp.mean(each[1])


def draw(key: jax.Array, count: int, dim: int, length: Any) -> tuple[tuple, jax.Array]:
    """Points (y |µ|, noise in the other directions), and labels -1 or 1."""
    drawn = normals(key, count, dim)
    y = jnp.where(drawn[:, 0] > 0, 1.0, -1.0)
    return (y * length, drawn[:, 1:]), y


def normals(key: jax.Array, *shape: int) -> jax.Array:
    """Normal numbers, drawn lane after lane: a draw for all takes long to compile."""

    @mj.lane_by_lane
    def one(key: jax.Array) -> jax.Array:
        return jax.random.normal(key, shape)

    return one(key)


def run(
    size: Any, ratio: Any, init_scale: Any, lr: Any, seed: Any,
    *, q: int, dim: int, width: int, steps: int, tests: int, capacity: int,
) -> mj.Legs:  # fmt: skip
    """Fit `size` points whose n SNR^q is `ratio`, by gradient descent."""
    train_key, test_key, init_key = jax.random.split(jax.random.key(seed), 3)
    length = dim**0.5 * (ratio / size) ** (1 / q)
    train = mj.Data(*draw(train_key, capacity, dim, length), mj.prefix(size, capacity))
    test = mj.Data(*draw(test_key, tests, dim, length), mj.prefix(tests, tests))

    def loss(params: jax.Array, x: tuple, y: jax.Array) -> jax.Array:
        return jax.nn.softplus(-y * apply(params, x, q))

    def observe(params: jax.Array) -> dict[str, jax.Array]:
        def score(x: tuple, y: jax.Array) -> dict[str, jax.Array]:
            margin = y * apply(params, x, q)
            return {"loss": jax.nn.softplus(-margin), "error": 1.0 * (margin <= 0)}

        return mj.observables.parts.of_each(score, train=train, test=test)

    start = init_scale * normals(init_key, 2, width, dim)
    fit = mj.train(loss, optax.sgd(lr), observe, mj.every(100, steps))
    return fit(start, train)


def theory_run(
    size: Any, ratio: Any, init_scale: Any, lr: Any, seed: Any,
    *, q: int, dim: int, width: int, steps: int, tests: int, capacity: int,
) -> dict[str, jax.Array]:  # fmt: skip
    """What `run` ends at where noise patches are orthogonal, by what filters give."""
    keys = jax.random.split(jax.random.key(seed), 4)
    power, w = dim * (ratio / size) ** (2 / q), mj.prefix(size, capacity)
    y, label = (jax.random.rademacher(keys[0], (n,), float) for n in (capacity, tests))
    on_signal = init_scale * jnp.sqrt(power) * normals(keys[1], 2, width)
    on_noise = init_scale * dim**0.5 * normals(keys[2], 2, width, capacity)
    start = theory.Outputs(on_signal, on_noise)

    def step(t: Any, outputs: theory.Outputs) -> theory.Outputs:
        return theory.step(outputs, y, w, 1.0 * dim, power, lr, q)

    end = jax.lax.fori_loop(0, steps, step, start)
    loss = w @ jax.nn.softplus(-y * theory.values(end, y, q))
    new = theory.new_noise(keys[3], start, end, init_scale, 1.0 * dim, tests)
    margin = label * theory.values(end._replace(noise=new), label, q)
    return {"train_loss": loss, "test_error": jnp.mean(margin <= 0)}


def sweeps(
    size: tuple = (10, 20, 40, 80),  # numbers of points
    ratio: tuple = RATIOS,  # n SNR^q, which sets the length of the signal
    seeds: int = 16,  # how many seeds, or which ones (3,7)
    dim: int = 200,  # of the noise, d
    width: int = 10,  # filters of each sign
    init_scale: float = 0.01,  # standard deviation of the initial filters
    lr: float = 0.1,  # learning rate of gradient descent
    steps: int = 1500,  # of gradient descent
    tests: int = 500,  # new points
    fourth: bool = True,  # also the power q = 4, from larger initial filters
    prototype: bool = True,  # also seven settings of a prototype
) -> dict[str, mj.Sweep | None]:
    """Sizes and ratios at the power 3, some at the power 4, and a prototype's."""
    mj.inside(0, np.inf, ratio=ratio, init_scale=init_scale)
    shape: dict[str, Any] = {"dim": dim, "width": width, "tests": tests, "lr": lr}
    shape |= {"steps": steps, "seed": mj.seeds(seeds), "init_scale": init_scale}
    main = mj.Sweep(run, size=size, ratio=ratio, q=3, **shape)
    # z^4 is flatter at zero: from 0.01 it takes ten times as many steps to leave.
    ends = tuple(sorted({min(size), max(size)}))
    near = tuple(r for r in ratio if 0.1 < r < 10) or ratio
    higher = main.but(size=ends, ratio=near, q=4, init_scale=5 * init_scale)
    sizes, ratios = PROTOTYPE
    pairs = mj.zipped(ratio=ratios, size=sizes)
    return {
        "main": main,
        "fourth": higher if fourth else None,
        "theory": main.but(theory_run),
        "prototype": mj.Sweep(run, pairs, q=3, **shape) if prototype else None,
    }


Results = dict[str, xr.Dataset]


def claims(results: Results) -> list[mj.Claim]:
    """That all fit, which of them do no harm, and what decides it."""
    return mj.judged(__file__, results, fitted, ended, switch, shift)


def fitted(results: Results, sweep: str) -> mj.Estimate:
    """The share of all runs of a sweep whose training loss has become small."""
    end = results[sweep].train_loss.isel(step=-1) < TRAINED
    return mj.estimate(end.mean([d for d in end.dims if d != "seed"]))


def ended(results: Results, sweep: str, quantity: str) -> xr.DataArray:
    """A quantity at the end, of the runs that have fitted their points."""
    end = results[sweep].isel(step=-1, missing_dims="ignore")
    return end[quantity].where(end.train_loss < TRAINED)


def switch(results: Results, sweep: str) -> xr.DataArray:
    """The n SNR^q at which errors fall from a half to zero, by the area below them."""
    error = ended(results, sweep, "test_error")
    log = np.log2(error.ratio)
    if len(log) < 2 or log[0] > -2 or log[-1] < 3:
        raise mj.NotRun("ratios from .25 to 8")
    area = (2 * error).clip(max=1).assign_coords(ratio=log).integrate("ratio")
    return 2 ** (area + float(log[0]))


def shift(results: Results, sweep: str, few: str, many: str) -> xr.DataArray:
    """By how many factors of two the switch is at a larger n SNR^q with more points."""
    at = np.log2(switch(results, sweep))
    return mj.at(at, size=int(many)) - mj.at(at, size=int(few))


def figure(results: Results) -> Figure:
    """Errors over n SNR^q and over SNR, losses at the end, and one fit over steps."""
    canvas, panel = panels("ab;cd", (10.5, 7))
    error = ended(results, "main", "test_error")
    exact = ended(results, "theory", "test_error").mean("seed")
    how: dict[str, Any] = {"color": "size", "label": "n = {size}", "join": True}
    words: dict[str, Any] = {"xscale": "log", "ylabel": "test error"}
    along: dict[str, Any] = {"xlabel": "n SNR^q", "xlim": (0.05, 20), **words}
    points(panel["a"], error, "ratio", error="se", **how)
    lines(panel["a"], exact, "ratio", color="size", dash=":", lw=0.8)
    key(panel["a"], "theory, orthogonal noise", ":", lw=0.8)
    frame(panel["a"], "q = {q}", error, **along)
    snr = (error.ratio / error["size"]) ** (1 / 3)
    points(panel["b"], error, snr, error="se", **how)
    frame(panel["b"], "the same, by SNR", xlabel="SNR", legend=False, **words)
    draw_losses(panel["c"], results["main"].isel(size=-1))
    if results.get("fourth") is not None:
        error = ended(results, "fourth", "test_error")
        points(panel["d"], error, "ratio", error="se", **how)
        frame(panel["d"], "q = {q}", error, **along)
    return canvas


def draw_losses(axis: Axes, seen: xr.Dataset) -> None:
    """Training and test loss over steps, where overfitting harms and where not."""
    for at, color in ((0.25, "C0"), (8.0, "C1")):
        near = seen.sel(ratio=at, method="nearest")
        for part, dash in (("train", "-"), ("test", "--")):
            label = f"{part}, n SNR³ = {{ratio:g}}"
            look: Any = {"color": color, "dash": dash, "label": label}
            lines(axis, near[f"{part}_loss"], "step", each=True, lw=0.8, **look)
    level(axis, np.log(2), "log 2")
    words: dict[str, Any] = {"yscale": "log", "xlabel": "step", "ylabel": "loss"}
    frame(axis, "n = {size}", seen, legend=BESIDE, **words)


if __name__ == "__main__":
    launch(__name__)
