"""Bits of random labels that a network stores grow with their number, then fall a bit.

Labels that nothing tells can only be stored. A network holds all bits of a small set,
and of a set that is larger than its capacity about as many as that, or somewhat fewer.
Capacity grows with the parameters; a hidden layer stores more a parameter than a linear
map, and units that are smoother or steeper than ReLU are said to store more again.

Source: Z. Liu, posts on memory 1 (linear maps) and memory 2 (one hidden layer), 2026;
for lines beside them Morris et al., arXiv 2505.24832.
Command: python -m experiments.capacity
Expected: about 0.8 bits a parameter of a linear map, 1.5 with a hidden layer.

Of the posts we know D = V = 10 without biases, Adam, and for linear maps V = 40, up to
400 samples and a rate of 0.01; widths, sizes, rates and steps of the others are chosen.
All parameters count, the head, too. What the first post calls memorized samples is not
known: here it is what its sister posts say of bits, the samples times 1 - loss / ln V,
and the number up to which 99 % are learned. (With sizes twice as large as the one
before, as tried first, the capacity lies between two of them; so they are finer.)
`sequences` is a transformer of one layer that learns random tokens, for comparison.
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
from experiments._crossing import crossing, exponent
from memjax.cli import launch
from memjax.observables.memorization import parameter_count, stored_bits
from memjax.plots import frame, lines, one, panels, points

ACTIVATIONS = ("relu", "relu2", "silu")
UNITS = {
    "relu": jax.nn.relu,
    "relu2": lambda z: jax.nn.relu(z) ** 2,
    "silu": jax.nn.silu,
}
LEARNED = 0.99  # accuracy up to which samples count as memorized
LINES = {"1": 1.0, "2.4": 2.4, "3.6, language models": 3.6}  # bits a parameter


def run(
    width: Any, size: Any, lr: Any, seed: Any,
    *, max_width: int, capacity: int, activation: str, dim: int, steps: int,
) -> mj.Legs:  # fmt: skip
    """Learn random labels by a hidden layer and a head, D → W → D → V."""
    shape, live = (dim, max_width, dim), (None, width, None)
    block = mj.models.mlp(shape, UNITS[activation], bias=False, live=live)
    head = mj.models.mlp((dim, dim), bias=False)

    def init(key: jax.Array) -> list:
        keys = jax.random.split(key)
        return [part.init(k) for part, k in zip((block, head), keys, strict=True)]

    def apply(params: list, x: jax.Array) -> jax.Array:
        return head.apply(params[1], block.apply(params[0], x))

    count = 2 * dim * width + dim**2
    model = mj.Model(init, apply)
    return memorize(model, count, dim, dim, size, capacity, lr, seed, steps)


def linear_run(
    dim: Any, size: Any, lr: Any, seed: Any,
    *, max_dim: int, capacity: int, classes: int, steps: int,
) -> mj.Legs:  # fmt: skip
    """Learn random labels by a linear map of so many inputs."""
    model = mj.models.mlp((max_dim, classes), bias=False, live=(dim, None))
    shape = (max_dim, classes, size, capacity)
    return memorize(model, dim * classes, *shape, lr, seed, steps)


def memorize(
    model: mj.Model, count: Any, dim: int, classes: int, size: Any, capacity: int,
    lr: Any, seed: Any, steps: int,
) -> mj.Legs:  # fmt: skip
    """Train on random labels of Gaussian inputs; how many bits of them are held."""
    data_key, init_key = jax.random.split(jax.random.key(seed))
    data = mj.datasets.random_labels(dim, classes, capacity)(data_key, size)
    loss = mj.losses.of_model(model.apply, mj.losses.cross_entropy)

    def observe(params: Any) -> dict[str, Any]:
        def score(x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
            logits = model.apply(params, x)
            nats = mj.losses.cross_entropy(logits, y)
            return nats, mj.observables.accuracy(logits, y)

        nats, accuracy = mj.expect(score, data)
        bits = mj.observables.memorized_bits(np.log(classes), nats, size)
        return {"bits": bits, "accuracy": accuracy, "per_parameter": bits / count}

    fit = mj.train(loss, optax.adam(lr), observe, mj.spaced(8, steps))
    return fit(model.init(init_key), data)


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
    dims: tuple = (10, 20, 30, 40),  # inputs of linear maps
    samples: tuple = (20, 40, 60, 80, 120, 160, 200, 240, 320, 400),  # for linear maps
    classes: int = 40,  # of linear maps
    sequences: tuple = (50, 100, 400),  # numbers of sequences
    symbols: int = 32,  # of a sequence
    length: int = 8,  # of a sequence
    stream: int = 16,  # width of the transformer
    sequence_steps: int = 1000,  # of Adam there
    few: Any = 2,  # seeds there
) -> dict[str, mj.Sweep]:
    """Bits by width, units and size; linear maps; and a transformer."""
    mj.one_of(ACTIVATIONS, activation=activation)
    numbers: dict[str, Any] = {"lr": lr, "seed": mj.seeds(seeds)}
    grid: dict[str, Any] = {"width": width, "activation": activation, "dim": dim}
    linear: dict[str, Any] = {"dim": dims, "classes": classes}
    tokens: dict[str, Any] = {"symbols": symbols, "length": length, "width": stream}
    own: dict[str, Any] = {"lr": 3e-3, "seed": mj.seeds(few), "steps": sequence_steps}
    made = {
        "main": mj.Sweep(run, size=size, **grid, **numbers, steps=steps),
        "linear": mj.Sweep(linear_run, size=samples, **linear, **numbers, steps=steps),
        "sequences": mj.Sweep(sequence_run, size=sequences, **tokens, **own),
    }
    square: dict[str, Any] = {"dim": (dim,), "classes": dim, "size": size}
    return made | {"one_layer": made["linear"].but(**square)}


def claims(results: mj.Results) -> list[mj.Claim]:
    """How many bits a parameter, and how many samples an input."""
    return mj.judged(__file__, results, most, memorized, up_to, by_inputs, slope, kept)


def most(results: mj.Results, sweep: str, quantity: str) -> xr.DataArray:
    """The most of a quantity over all sizes, at the end."""
    return results[sweep][quantity].isel(step=-1).max("size", skipna=False)


def memorized(results: mj.Results) -> xr.DataArray:
    """Samples that a linear map holds by its loss: its bits over those of a label."""
    found = results["linear"].bits.isel(step=-1)
    return found / np.log2(found.classes)


def up_to(results: mj.Results) -> xr.DataArray:
    """How many samples a linear map learns, up to an accuracy."""
    seen = results["linear"].accuracy.isel(step=-1)
    return crossing(-seen, "size", -LEARNED)


def by_inputs(results: mj.Results) -> xr.DataArray:
    """The exponent of samples that are learned over inputs."""
    found = up_to(results)
    return exponent(found, found.dim, "dim")


def slope(results: mj.Results) -> xr.DataArray:
    """The exponent of the most bits over parameters."""
    found = most(results, "main", "bits")
    return exponent(found, parameters(found), "width")


def kept(results: mj.Results) -> xr.DataArray:
    """Bits of each set, in units of the most over all sizes."""
    end = results["main"].bits.isel(step=-1)
    return end / end.max("size", skipna=False)


def parameters(found: xr.DataArray) -> xr.DataArray:
    """How many the networks of `main` have, by width."""
    return 2 * found.dim * found.width + found.dim**2


def figure(results: mj.Results) -> Figure:
    """Bits by those of the data, by parameters and by steps; linear maps; sequences."""
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
    linear = one(results["linear"], "dim", "size")
    look = {"color": "dim", "label": "{dim} inputs", "join": True}
    points(panel["d"], linear.accuracy.isel(step=-1), "size", **look)
    words = ("samples", "accuracy")
    frame(panel["d"], "linear maps, {classes} classes", linear, *words)
    points(panel["e"], one(memorized(results), "dim", "size"), "size", **look)
    posted = 4 * linear.dim.values
    panel["e"].plot([400] * len(posted), posted, "kx", label="in the post")
    frame(panel["e"], "linear maps", linear, "samples", "memorized, by the loss")
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
    axis.set(ylim=(0, 1.5 * float(bits.max())), xlim=(0, 1.05 * float(data.max())))
    axis.set(xlabel="bits of the data", ylabel="bits stored")


def draw_parameters(axis: Axes, bits: xr.DataArray) -> None:
    """The most bits by parameters, and lines of so many a parameter."""
    count = parameters(bits)
    how: dict[str, Any] = {"color": "activation", "label": "{activation}"}
    points(axis, bits, count, join=True, **how)
    for (name, rate), dash in zip(LINES.items(), (":", "--", "-."), strict=True):
        axis.plot(count, rate * count, color="0.5", ls=dash, lw=1, label=name)
    frame(axis, "bits a parameter", bits, "parameters", "most bits stored")


if __name__ == "__main__":
    launch(__name__)
