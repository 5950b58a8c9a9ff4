"""Bits of random labels that a network stores grow with their number, then fall a bit.

Labels that nothing tells can only be stored. A network holds all bits of a small set,
and of a set that is larger than its capacity about as many as that, or somewhat fewer.
Capacity grows with the parameters; a hidden layer stores more a parameter than a linear
map, a second one fewer, for they are said to count by its width alone; and units that
are smoother or steeper than ReLU are said to store more again.

Source: Z. Liu, How many bits does each parameter store, post on memory 2, March 2026;
for lines beside it Morris et al., arXiv 2505.24832.
Command: python -m experiments.capacity
Expected: about 0.8 bits a parameter of a linear map, 1.5 with a hidden layer.

Of the post we know networks D, W, D or D, W, W, D and a head, D = V = 10, no biases,
Adam, and how bits are counted; widths, sizes, rates and steps are chosen. All
parameters count, the head, too. (With sizes twice as large as the one before, as tried
first, the capacity lies between two of them; so they are finer.) `one_layer` is a
linear map, `deep` has two hidden layers; `sequences` is a transformer of one layer that
learns random tokens, for comparison. Samples that linear maps hold, by the post before,
are `linear_capacity`.
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
from memjax.observables.memorization import parameter_count, stored_bits
from memjax.plots import frame, lines, log_ticks, one, panels, points
from ._capacity import linear_run, memorize, most
from ._crossing import exponent

ACTIVATIONS = ("relu", "relu2", "silu")
UNITS = {
    "relu": jax.nn.relu,
    "relu2": lambda z: jax.nn.relu(z) ** 2,
    "silu": jax.nn.silu,
}
LINES = {"1": 1.0, "2.4": 2.4, "3.6, language models": 3.6}  # bits a parameter


def run(
    width: Any, size: Any, lr: Any, seed: Any,
    *, max_width: int, capacity: int, activation: str, depth: int, dim: int, steps: int,
) -> mj.Legs:  # fmt: skip
    """Learn random labels by hidden layers and a head, D → W → … → D → V."""
    shape, live = (dim, *[max_width] * depth, dim), (None, *[width] * depth, None)
    block = mj.models.mlp(shape, UNITS[activation], bias=False, live=live)
    head = mj.models.mlp((dim, dim), bias=False)

    def init(key: jax.Array) -> list:
        keys = jax.random.split(key)
        return [part.init(k) for part, k in zip((block, head), keys, strict=True)]

    def apply(params: list, x: jax.Array) -> jax.Array:
        return head.apply(params[1], block.apply(params[0], x))

    model, count = mj.Model(init, apply), parameters(dim, width, depth)
    return memorize(model, count, dim, dim, size, capacity, lr, seed, steps)


def parameters(dim: Any, width: Any, depth: Any) -> Any:
    """How many a network has, with its head."""
    return 2 * dim * width + (depth - 1) * width**2 + dim**2


def sequence_run(
    size: Any, lr: Any, seed: Any,
    *, capacity: int, symbols: int, length: int, width: int, steps: int,
) -> mj.Legs:  # fmt: skip
    """Learn random sequences by a transformer; bits are of all their tokens."""
    data_key, init_key = jax.random.split(jax.random.key(seed))
    data = mj.datasets.facts(symbols, length, 1, capacity)(data_key, size)
    model = mj.models.transformer(symbols + 1, width, 4, length)  # one token to start
    start = model.init(init_key)

    def nats(params: Any, x: jax.Array, _: Any) -> jax.Array:
        before = jnp.concatenate([jnp.full(1, symbols), x[:-1]])
        return jnp.sum(mj.losses.token_nats(model.apply(params, before), x))

    def observe(params: Any) -> dict[str, Any]:
        def stored(x: jax.Array, y: jax.Array) -> jax.Array:
            return stored_bits(nats(params, x, y), length * np.log(symbols))

        bits = size * mj.expect(stored, data)
        return {"bits": bits, "per_parameter": bits / parameter_count(start)}

    fit = mj.train(nats, optax.adam(lr), observe, mj.spaced(8, steps))
    return fit(start, data)


def sweeps(
    width: tuple = (20, 40, 80),  # hidden units, W
    size: tuple = (100, 200, 300, 400, 500, 600, 800, 1000, 1600),  # samples
    activation: tuple = ACTIVATIONS,  # relu, relu2, silu; a program each
    lr: tuple = (1e-2,),  # learning rates of Adam
    seeds: Any = 8,  # how many seeds, or which ones (3,7)
    dim: int = 10,  # inputs, and as many classes
    steps: int = 1000,  # of Adam, on all samples
    widths: tuple = (10, 20, 40),  # units of each of two layers
    sizes: tuple = (100, 200, 300, 400, 600, 800, 1200, 1600),  # samples, of two layers
    few: Any = 4,  # seeds of two layers
    sequences: tuple = (50, 100, 400),  # numbers of sequences
    symbols: int = 32,  # of a sequence
    length: int = 8,  # of a sequence
    stream: int = 16,  # width of the transformer
    sequence_steps: int = 1000,  # of Adam, on sequences
    fewest: Any = 2,  # seeds of sequences
) -> dict[str, mj.Sweep]:
    """Bits by width, units and size; linear maps; two layers; and a transformer."""
    mj.one_of(ACTIVATIONS, activation=activation)
    numbers: dict[str, Any] = {"lr": lr, "seed": mj.seeds(seeds), "steps": steps}
    grid: dict[str, Any] = {"width": width, "activation": activation, "dim": dim}
    linear: dict[str, Any] = {"dim": (dim,), "classes": dim}
    tokens: dict[str, Any] = {"symbols": symbols, "length": length, "width": stream}
    tokens |= {"lr": 3e-3, "seed": mj.seeds(fewest), "steps": sequence_steps}
    main = mj.Sweep(run, size=size, depth=1, **grid, **numbers)
    deep: dict[str, Any] = {"width": widths, "size": sizes, "depth": 2}
    return {
        "main": main,
        "deep": main.but(activation="relu", seed=mj.seeds(few), **deep),
        "one_layer": mj.Sweep(linear_run, size=size, **linear, **numbers),
        "sequences": mj.Sweep(sequence_run, size=sequences, **tokens),
    }


def claims(results: mj.Results) -> list[mj.Claim]:
    """How many bits, by parameters and units, and whether they stop growing."""
    return mj.judged(__file__, results, most, slope, by_width, kept)


def slope(results: mj.Results) -> xr.DataArray:
    """The exponent of the most bits over parameters, with one hidden layer."""
    found = most(results, "main", "bits")
    return exponent(found, parameters(found.dim, found.width, 1), "width")


def by_width(results: mj.Results) -> xr.DataArray:
    """The exponent of the most bits over width, with two hidden layers."""
    found = most(results, "deep", "bits")
    return exponent(found, found.width, "width")


def kept(results: mj.Results) -> xr.DataArray:
    """Bits of each set, in units of the most over all sizes."""
    end = results["main"].bits.isel(step=-1)
    return end / end.max("size", skipna=False)


def figure(results: mj.Results) -> Figure:
    """Bits by those of the data, by parameters and by steps; deeper; sequences."""
    canvas, panel = panels("abc;def", (13, 6.6))
    main = one(results["main"], "width", "size", "activation")
    end = main.bits.isel(step=-1)
    first = end.isel(activation=0)
    look: dict[str, Any] = {"color": "width", "label": "W = {width}"}
    draw_bits(panel["a"], first, float(np.log2(first.dim)), **look)
    frame(panel["a"], "{activation}, D = V = {dim}", first)
    draw_parameters(panel["b"], end.max("size"))
    over: dict[str, Any] = {"color": "activation", "label": "{activation}"}
    widest = main.isel(width=-1)
    lines(panel["c"], widest.per_parameter.max("size"), "step", **over)
    names: dict[str, Any] = {"xscale": "symlog", "xlim": (0, main.step.max())}
    frame(panel["c"], "W = {width}", widest, "step", "most bits a parameter", **names)
    deep = one(results["deep"], "width", "size").bits.isel(step=-1)
    draw_bits(panel["d"], deep, float(np.log2(deep.dim)), **look)
    frame(panel["d"], "two layers of W", deep)
    draw_widths(panel["e"], end.max("size").isel(activation=0), deep.max("size"))
    tokens = one(results["sequences"], "size").bits.isel(step=-1)
    each = tokens.length * np.log2(tokens.symbols)
    draw_bits(panel["f"], tokens, float(each), color="C3", label="stored")
    frame(panel["f"], "transformer of width {width}", tokens)
    return canvas


def draw_bits(axis: Axes, bits: xr.DataArray, each: float, **look: Any) -> None:
    """Bits stored by bits of the data, and a line where all are."""
    data = bits["size"] * each
    points(axis, bits, data, join=True, **look)
    axis.plot(data, data, "k:", lw=1, label="all")
    axis.set(xlim=(0, 1.05 * float(data.max())))
    axis.set_ylim(0, max(1.5 * float(bits.max()), 1.0))  # nothing may be stored at all
    axis.set(xlabel="bits of the data", ylabel="bits stored")


def draw_parameters(axis: Axes, bits: xr.DataArray) -> None:
    """The most bits by parameters, and lines of so many a parameter."""
    count = parameters(bits.dim, bits.width, 1)
    how: dict[str, Any] = {"color": "activation", "label": "{activation}"}
    points(axis, bits, count, join=True, **how)
    for (name, rate), dash in zip(LINES.items(), (":", "--", "-."), strict=True):
        axis.plot(count, rate * count, color="0.5", ls=dash, lw=1, label=name)
    frame(axis, "bits a parameter", bits, "parameters", "most bits stored")


def draw_widths(axis: Axes, one_layer: xr.DataArray, two: xr.DataArray) -> None:
    """The most bits by width, with one hidden layer and with two."""
    for found, color, words in ((one_layer, "C0", "one"), (two, "C1", "two")):
        label = f"{words} hidden"
        points(axis, found, "width", color=color, label=label, join=True)
    guide = two.mean("seed").isel(width=0) * two.width / two.width[0]
    axis.plot(two.width, guide, "k:", lw=1, label="as the width")
    names = ("W", "most bits stored")
    frame(axis, "ReLU", None, *names, xscale="log", yscale="log")
    log_ticks(axis, sorted({*one_layer.width.values, *two.width.values}))


if __name__ == "__main__":
    launch(__name__)
