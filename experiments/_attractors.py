"""What the experiments on attractors share: networks, training, and what is stored.

What stored and recovered mean is told in `memjax.observables.attractors`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import optax
import xarray as xr
from matplotlib.axes import Axes

import memjax as mj
from memjax.plots import frame, key, log_ticks, one, points

Map = Callable[[jax.Array], jax.Array]
SHARES: dict[str, Any] = {
    "ylim": (-0.05, 1.5),
    "yticks": (0, 0.2, 0.4, 0.6, 0.8, 1),
    "legend": {"loc": "upper left", "ncols": 2},
}


def store(
    data: mj.Data, finish: Callable[[Map], dict], init_key: jax.Array,
    *, depth: int, width: Any, max_width: int, activation: Any, lr: Any, steps: int,
    init_scale: Any = 1.0, b2: Any = 0.999, batch: int | None = None, key: Any = None,
) -> mj.Legs:  # fmt: skip
    """Train `depth` hidden layers by Adam to map the points of `data` to their targets.

    To zero loss, the learning rate falling to 0 along a cosine. On all of the data, or
    with a `key` on minibatches of so many points. `finish` is of the learned map.
    """
    widths = (data.x.shape[1], *[max_width] * depth, data.x.shape[1])
    live = None, *[width] * depth, None
    model = mj.models.mlp(widths, activation, live=live)
    start, shape = model.init(init_key, init_scale), mj.schedules.cosine(steps)
    loss = mj.losses.of_model(model.apply, mj.losses.square)

    def observe(params: Any) -> dict[str, jax.Array]:
        return {"loss": mj.expect(partial(loss, params), data)}

    rule = optax.adam(lambda t: lr * shape(t), b2=b2)
    how: Any = {"sees": partial(mj.minibatch, count=batch) if batch else None}
    how["finish"] = lambda params: finish(partial(model.apply, params))
    return mj.train(loss, rule, observe, steps, **how)(start, data, key)


def stored(results: xr.Dataset) -> xr.DataArray:
    """The share of samples that attract."""
    radii = results.radius
    return (radii < 1).sum("sample") / radii.notnull().sum("sample")


def number_stored(results: xr.Dataset) -> xr.DataArray:
    """How many samples attract; in a sequence all, where its cycle is stable."""
    cycles = xr.DataArray(results.cycle_rate < 1)
    return results["size"] * xr.where(results.sequence == 0, stored(results), cycles)


def most(results: mj.Results, sequence: str) -> xr.DataArray:
    """The largest number stored, of all sizes tried, as "samples" or in one "cycle"."""
    number = {"samples": 0, "cycle": 1}[sequence]
    found = mj.at(number_stored(results["limit"]), sequence=number)
    largest = found.sel(size=found["size"].max())
    if sequence == "samples" and (largest == largest["size"]).any():
        raise mj.NotRun(f"more than {largest['size']:g} of them (--limit_size)")
    return found.max("size")


def longer(results: mj.Results) -> xr.DataArray:
    """Whether more are stored in one cycle than as samples."""
    return most(results, "cycle") > most(results, "samples")


MEASURES = (longer, most, mj.change, mj.extreme)


def draw_limit(axis: Axes, results: xr.Dataset, what: str) -> None:
    """How many of so many are stored, as samples and in one cycle."""
    found = number_stored(one(results, "size", "sequence"))
    found = found.assign_coords(sequence=["as samples", "in one cycle"])
    sizes = found["size"].values
    axis.plot(sizes, sizes, color="0.6", lw=1, label="all")
    points(axis, found, "size", join=True, color="sequence", label="{sequence}")
    frame(axis, "{depth} layers of {width}", found, what, "stored")
    log_ticks(axis, sizes)


def draw_recovery(axis: Axes, results: xr.Dataset, title: str, **look: Any) -> None:
    """Shares of corrupted samples that return, alone and in a cycle, against the noise.

    And of those that are closest to their own sample, of any network's.
    """
    how: dict[str, Any] = {"join": True, "even": True}
    closest = one(results.closest.isel(sequence=0), "corruption", index=0)
    label = "closest to its own"
    points(axis, closest, "corruption", color="0.5", dash=":", label=label, **how)
    shares = results.recovered.reindex(sequence=[0, 1])  # NaN where not asked for
    points(axis, shares, "corruption", dash="sequence", **how, **look)
    if 1 in results.sequence:
        key(axis, "in a cycle", "--o", mfc="w")
    frame(axis, title, shares, "noise (sd)", "share that returns", **SHARES)
