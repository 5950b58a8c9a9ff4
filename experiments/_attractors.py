"""What the experiments on attractors share: networks, training, and what is stored.

A sample is stored where the spectral radius of the Jacobian at it is below 1, and a
cycle where that of the map once around it is. A sample is recovered where iterations
from a corrupted copy end within 0.01 of it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from matplotlib.axes import Axes

import memjax as mj
from memjax.plots import frame, key, one, points

Map = Callable[[jax.Array], jax.Array]
Results = dict[str, xr.Dataset]

ITERATIONS, NEAR = 500, 1e-2
CORRUPTIONS = (0.05, 0.1, 0.2, 0.4)  # standard deviations, in every coordinate
STARTS = 64  # starts anywhere in the cube


def wave(z: jax.Array) -> jax.Array:
    """z + sin(10z)/5, by the series of the sine in the half turn around 0.

    As exact as float32; on a CPU eight times as fast as XLA's sine and cosine, of which
    training would be made for the most part.
    """
    half_turns = jnp.round(10 * z / np.pi)
    r = 10 * z - half_turns * np.pi
    series: Any = 1.0
    for k in range(14, 0, -2):  # 1 - r²/(2·3) (1 - r²/(4·5) (1 - …))
        series = 1 - r * r * series / (k * (k + 1))
    return z + (1 - 2 * (half_turns % 2)) * r * series / 5


ACTIVATIONS = {
    "relu": jax.nn.relu,
    "elu": jax.nn.elu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "sine": wave,
}


# --- to store -----------------------------------------------------------------------


def to_return(x: jax.Array, size: Any, sequence: Any) -> mj.Data:
    """Points to be mapped to themselves, or where `sequence` is 1 each to the next.

    The first `size` of them count; the last of these is followed by the first.
    """
    target = (jnp.arange(len(x)) + sequence) % size
    return mj.Data(x, x[target], mj.prefix(size, len(x)))


def network(dim: int, depth: int, width: int, activation: str) -> mj.Model:
    """`depth` hidden layers between `dim` inputs and as many outputs."""
    widths = (dim, *[width] * depth, dim)
    return mj.models.mlp(widths, ACTIVATIONS[activation])


def store(
    model: mj.Model,
    params: Any,
    data: mj.Data,
    finish: Callable[[Map], dict],
    *,
    lr: Any,
    steps: int,
    b2: Any = 0.999,
    batch: int | None = None,
    key: jax.Array | None = None,
) -> mj.Legs:
    """Train by Adam to zero loss, the learning rate falling to 0 along a cosine.

    On all of the data, or with a `key` on minibatches of so many points, drawn anew at
    every step. `finish` is of the learned map.
    """
    shape = mj.schedules.cosine(steps)
    optimizer = optax.adam(lambda t: lr * shape(t), b2=b2)

    def loss(params: Any, data: mj.Data) -> jax.Array:
        def one(x: jax.Array, y: jax.Array) -> jax.Array:
            return mj.losses.square(model.apply(params, x), y)

        return mj.expect(one, data)

    def objective(params: Any, data: mj.Data, key: jax.Array | None) -> jax.Array:
        drawn = data if batch is None else some_of(data, key, batch)
        return loss(params, drawn)

    learn = mj.descend(
        objective,
        optimizer,
        lambda params: {"loss": loss(params, data)},
        steps,
        finish=lambda params: finish(partial(model.apply, params)),
    )
    return learn(params, data, key)


def some_of(data: mj.Data, key: Any, count: int) -> mj.Data:
    """So many different points of those that weigh, or all, each of the same weight."""
    draw = jnp.where(data.w > 0, jax.random.uniform(key, data.w.shape), 2.0)
    drawn = jnp.argsort(draw)[:count]
    w = jnp.sign(data.w[drawn])
    return mj.Data(data.x[drawn], data.y[drawn], w / jnp.sum(w))


# --- what is stored -----------------------------------------------------------------


def stability(f: Map, data: mj.Data) -> dict[str, Any]:
    """Spectral radii at each point, and of the map once around all of them, a step."""
    radii, rate = mj.observables.along(f, data.x, data.w > 0)
    labels = range(len(data.w))
    return {"radius": mj.named(radii, "sample", coords=labels), "cycle_rate": rate}


def retrieval(
    f: Map,
    data: mj.Data,
    size: Any,
    key: jax.Array,
    copied: int | None = None,
    draws: int = 4,
) -> dict[str, Any]:
    """Shares of corrupted samples that return, and of starts that end elsewhere.

    The first `copied` samples are corrupted, `draws` times each, and iterated as often
    as makes whole cycles of `size`. `closest` is the share of copies that are closer to
    their sample than to any other.
    """
    x, w = data.x[:copied], data.w[:copied]
    (n, dim), count = x.shape, len(CORRUPTIONS)
    anywhere, noise = drawn(key, n, draws, dim)
    corruption = jnp.array(CORRUPTIONS)[:, None, None, None]
    copies = (x[None, :, None] + corruption * noise[None]).reshape(-1, dim)
    rounds = mj.observables.iterated(f, ITERATIONS // size * size)
    ends = which(jax.vmap(rounds)(jnp.concatenate([anywhere, copies])), data, NEAR)

    def share(found: jax.Array) -> Any:
        right = found.reshape(count, n, draws) == jnp.arange(n)[None, :, None]
        weighted = jnp.mean(right, axis=2) @ w / jnp.sum(w)
        return mj.named(weighted, "corruption", coords=CORRUPTIONS)

    return {
        "recovered": share(ends[STARTS:]),
        "closest": share(which(copies, data, jnp.inf)),
        "spurious": jnp.mean(ends[:STARTS] < 0),
    }


def drawn(key: jax.Array, n: int, draws: int, dim: int) -> tuple[jax.Array, jax.Array]:
    """Starts anywhere in the unit cube, and noise of unit size for `n` samples.

    From one draw, for it is their compilation that takes time.
    """
    normal = jax.random.normal(key, (STARTS + n * draws, dim))
    starts = jax.scipy.special.ndtr(normal[:STARTS])
    return starts, normal[STARTS:].reshape(n, draws, dim)


def which(points: jax.Array, data: mj.Data, within: float) -> jax.Array:
    """The sample closest to each point, or -1 where none is within that distance."""
    samples = jnp.where(data.w[:, None] > 0, data.x, jnp.inf)
    near = partial(mj.observables.nearest, points=samples, within=within)
    return jax.lax.map(near, points)  # one after another: there may be many


# --- what was found -----------------------------------------------------------------


def stored(results: xr.Dataset) -> xr.DataArray:
    """The share of samples that attract."""
    radii = results.radius
    return (radii < 1).sum("sample") / radii.notnull().sum("sample")


def number_stored(results: xr.Dataset) -> xr.DataArray:
    """How many samples attract; in a sequence all, where its cycle is stable."""
    cycles = xr.DataArray(results.cycle_rate < 1)
    return results["size"] * xr.where(results.sequence == 0, stored(results), cycles)


def most(results: Results, sequence: str) -> xr.DataArray:
    """The largest number stored, of all sizes tried, as "samples" or in one "cycle"."""
    number = {"samples": 0, "cycle": 1}[sequence]
    found = mj.at(number_stored(results["limit"]), sequence=number).sortby("size")
    most = found["size"].values[-1]
    if sequence == "samples" and (found.isel(size=-1) == most).any():
        raise mj.NotRun(f"more than {most:g} of them (--limit_size)")
    return found.max("size")


def longer(results: Results) -> xr.DataArray:
    """Whether more are stored in one cycle than as samples."""
    return most(results, "cycle") > most(results, "samples")


def recovered_more(results: Results) -> xr.DataArray:
    """By how much more of a cycle returns from noise than of as many samples."""
    shares = results["limit"].recovered
    return mj.at(shares, sequence=1) - mj.at(shares, sequence=0)


def elsewhere(results: Results) -> xr.DataArray:
    """The largest share of starts, of any seed, that end at no sample."""
    return results["main"].spurious.max("seed", skipna=False)


MEASURES = (longer, most, recovered_more, elsewhere)


# --- what to look at ----------------------------------------------------------------

SHARES: dict[str, Any] = {
    "ylim": (-0.05, 1.5),
    "yticks": (0, 0.2, 0.4, 0.6, 0.8, 1),
    "legend": {"loc": "upper left", "ncols": 2},
}


def draw_limit(axis: Axes, results: xr.Dataset, what: str) -> None:
    """How many of so many are stored, as samples and in one cycle."""
    shown = one(results, "size", "sequence")
    found = number_stored(shown).assign_coords(sequence=["as samples", "in one cycle"])
    sizes = found["size"].values
    axis.plot(sizes, sizes, color="0.6", lw=1, label="all")
    points(axis, found, "size", join=True, color="sequence", label="{sequence}")
    labels: dict[str, Any] = {"xscale": "log", "xlabel": what, "ylabel": "stored"}
    frame(axis, "{depth} layers of {width}", found, **labels)
    axis.set_xticks(sizes, [f"{n:g}" for n in sizes])
    axis.minorticks_off()


def draw_recovery(axis: Axes, results: xr.Dataset, title: str, **look: Any) -> None:
    """Shares of corrupted samples that return, alone and in a cycle, against the noise.

    And of those that are closest to their own sample, of any network's.
    """
    how: dict[str, Any] = {"join": True, "even": True}
    closest = one(results.closest.isel(sequence=0), "corruption", index=0)
    label = "closest to its own"
    points(axis, closest, "corruption", color="0.5", dash=":", label=label, **how)
    for sequence, dash in ((0, "-"), (1, "--")):
        if sequence in results.sequence:
            shares = results.recovered.sel(sequence=sequence)
            points(axis, shares, "corruption", dash=dash, **how, **look)
            look.pop("label", None)
    if 1 in results.sequence:
        key(axis, "in a cycle", "--o", mfc="w")
    labels = {"xlabel": "noise (sd)", "ylabel": "share that returns", **SHARES}
    frame(axis, title, results.recovered, **labels)
