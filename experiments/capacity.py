"""Bits of random labels that a network stores grow with their number, then stop.

Labels that nothing tells can only be stored. A network holds all bits of a small set,
and of a large one as many as it can: about as many a parameter, whatever its width. A
linear map learns some four labels of forty an input; with a hidden layer bits are more,
and more again for units that are smoother or steeper than ReLU.

Source: Z. Liu, posts on memory 1 (linear maps) and memory 2 (one hidden layer), 2026;
for lines beside them Morris et al., arXiv 2505.24832, and Gardner, 1988.
Command: python -m experiments.capacity
Expected: about a bit a parameter of a linear map, and more with a hidden layer.

Of the posts we know D = V = 10 without biases, Adam, and for linear maps V = 40 and its
rate of 0.01; widths, sizes, rates and steps of the others are chosen. All parameters
count, the head, too. Samples at capacity are those up to which 99 % are learned, which
is a reading of ours. Bits go on growing slowly with training, so that a toy of 2000
steps stays below what is stored in the end. `sequences` is a transformer of one layer
that learns random tokens.
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
from memjax.plots import BESIDE, frame, lines, log_ticks, one, panels, points

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
    width: tuple = (10, 20, 40),  # hidden units, W
    size: tuple = (50, 100, 200, 400, 800, 1600),  # samples
    activation: tuple = ACTIVATIONS,  # relu, relu2, silu; a program each
    lr: tuple = (1e-2,),  # learning rates of Adam
    seeds: Any = 3,  # how many seeds, or which ones (3,7)
    dim: int = 10,  # inputs, and as many classes
    steps: int = 2000,  # of Adam, on all samples
    dims: tuple = (10, 20, 30, 40),  # inputs of linear maps
    samples: tuple = (20, 40, 60, 80, 120, 160, 240, 400),  # for linear maps
    classes: int = 40,  # of linear maps
    sequences: tuple = (50, 100, 200, 400),  # numbers of sequences
    symbols: int = 32,  # of a sequence
    length: int = 8,  # of a sequence
    stream: int = 16,  # width of the transformer
    sequence_steps: int = 1000,  # of Adam there
) -> dict[str, mj.Sweep]:
    """Bits by width, units and size; linear maps; and a transformer."""
    mj.one_of(ACTIVATIONS, activation=activation)
    numbers: dict[str, Any] = {"lr": lr, "seed": mj.seeds(seeds)}
    grid: dict[str, Any] = {"width": width, "activation": activation, "dim": dim}
    linear: dict[str, Any] = {"dim": dims, "classes": classes}
    tokens: dict[str, Any] = {"symbols": symbols, "length": length, "width": stream}
    own: dict[str, Any] = {"lr": 3e-3, "seed": mj.seeds(seeds), "steps": sequence_steps}
    made = {
        "main": mj.Sweep(run, size=size, **grid, **numbers, steps=steps),
        "linear": mj.Sweep(linear_run, size=samples, **linear, **numbers, steps=steps),
        "sequences": mj.Sweep(sequence_run, size=sequences, **tokens, **own),
    }
    few: dict[str, Any] = {"dim": (dim,), "classes": dim, "size": size}
    return made | {"one_layer": made["linear"].but(**few)}


def claims(results: mj.Results) -> list[mj.Claim]:
    """How many bits a parameter, and how many samples an input."""
    return mj.judged(__file__, results, most, samples, slope, kept, longer)


def most(results: mj.Results, sweep: str, quantity: str) -> xr.DataArray:
    """The most of a quantity over all sizes, at the end."""
    return results[sweep][quantity].isel(step=-1).max("size", skipna=False)


def samples(results: mj.Results) -> xr.DataArray:
    """How many samples a linear map learns, up to an accuracy."""
    seen = results["linear"].accuracy.isel(step=-1)
    return crossing(-seen, "size", -LEARNED)


def slope(results: mj.Results) -> xr.DataArray:
    """The exponent of the most bits over parameters."""
    found = most(results, "main", "bits")
    count = 2 * found.dim * found.width + found.dim**2
    return exponent(found, count, "width")


def kept(results: mj.Results) -> xr.DataArray:
    """Bits of the largest set, in units of the most over all sizes."""
    end = results["main"].bits.isel(step=-1)
    return end.isel(size=-1) / end.max("size")


def longer(results: mj.Results) -> xr.DataArray:
    """The most bits at the end over those at about a third of the steps."""
    found = results["main"].bits.max("size")
    return found.isel(step=-1) / found.isel(step=-2)


def figure(results: mj.Results) -> Figure:
    """Bits by those of the data, by parameters and by steps; linear maps; sequences."""
    canvas, panel = panels("abc;def", (13, 6.6))
    main = one(results["main"], "width", "size", "activation")
    end = main.bits.isel(step=-1)
    draw_bits(panel["a"], end.isel(activation=0), np.log2(main.dim), "width", "W")
    frame(panel["a"], "{activation}, D = V = {dim}", end.isel(activation=0))
    draw_parameters(panel["b"], end.max("size"))
    over: dict[str, Any] = {"color": "activation", "label": "{activation}"}
    lines(panel["c"], main.per_parameter.max("size").isel(width=-1), "step", **over)
    names: dict[str, Any] = {"xscale": "symlog", "xlim": (0, main.step.max())}
    frame(
        panel["c"],
        "W = {width}",
        main.isel(width=-1),
        "step",
        "bits a parameter",
        **names,
    )
    linear = one(results["linear"], "dim", "size")
    look: dict[str, Any] = {"color": "dim", "label": "{dim} inputs"}
    points(panel["d"], linear.accuracy.isel(step=-1), "size", join=True, **look)
    log_ticks(panel["d"], linear["size"].values)
    frame(panel["d"], "linear maps, {classes} classes", linear, "samples", "accuracy")
    held = one(samples(results), "dim")
    points(panel["e"], held, "dim", join=True, label=f"{LEARNED:.0%} are learned")
    panel["e"].plot(held.dim, 4 * held.dim, "k:", lw=1, label="4 an input")
    frame(panel["e"], "linear maps", held, "inputs", "samples at capacity")
    tokens = one(results["sequences"], "size").bits
    each = tokens.length * np.log2(tokens.symbols)
    draw_bits(panel["f"], tokens, each, "step", "after")
    frame(panel["f"], "transformer of width {width}", tokens, legend=BESIDE)
    return canvas


def draw_bits(axis: Axes, bits: xr.DataArray, each: Any, color: str, word: str) -> None:
    """Bits stored by bits of the data, and a line where all are."""
    data = bits["size"] * float(each)
    look: dict[str, Any] = {"color": color, "label": f"{word} {{{color}}}"}
    lines(axis, bits, data, shades="viridis", marks=True, **look)
    axis.plot(data, data, "k:", lw=1, label="all")
    axis.set(
        xscale="log", yscale="symlog", xlabel="bits of the data", ylabel="bits stored"
    )


def draw_parameters(axis: Axes, bits: xr.DataArray) -> None:
    """The most bits by parameters, and lines of so many a parameter."""
    count = 2 * bits.dim * bits.width + bits.dim**2
    how: dict[str, Any] = {"color": "activation", "label": "{activation}"}
    points(axis, bits, count, join=True, **how)
    for (name, rate), dash in zip(LINES.items(), (":", "--", "-."), strict=True):
        axis.plot(count, rate * count, color="0.5", ls=dash, lw=1, label=name)
    names = {"xlabel": "parameters", "ylabel": "most bits stored"}
    frame(
        axis,
        "bits a parameter",
        bits,
        legend=BESIDE,
        xscale="log",
        yscale="log",
        **names,
    )


if __name__ == "__main__":
    launch(__name__)
