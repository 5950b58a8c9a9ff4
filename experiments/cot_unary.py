"""Without positions all strings of one symbol are one; a chain of thought parts them.

A causal transformer without positions gives a, aa, aaa … the same answer, as attention
mixes what is all the same. So random labels of such strings are known to their majority
at best, at any size. Any other finite set can be memorized, it is said; with a chain of
thought the condition is another, neither implies the other, and the parameters needed
grow like the number of strings with and without.

Source: Yu, Gao and Zhang, Analyzing the Power of Chain of Thought through Memorization
Capabilities, arXiv 2511.01190: its abstract, and the first condition as others note it.
Command: python -m experiments.cot_unary
Expected: outputs on a, aa, … agree to rounding; one layer tells 20 of 62 strings apart.

A chain is one token after the string, the same for all: a thought that depends on the
string could carry more. One layer then tells strings apart by their counts of symbols;
without it by their last symbol and the proportions. The source has no experiment: sizes
and rates are chosen. `main` learns random labels of strings of one of four symbols, up
to eight long, or of mixed ones; `apart` compares outputs of random weights in double
precision; `--limits` looks for how many mixed strings some parameters hold, without
positions (`widths`, 4 minutes; there only width 4 holds fewer than 128, so that larger
ones need `--sizes`). Best is what the majority among strings that are one allows.
"""

import itertools
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
from memjax.datasets.strings import mixed, unary, written
from memjax.plots import bars, frame, level, one, panels, points
from ._crossing import crossing, exponent

ROUNDING = 1e-9  # in double precision
THOUGHTS = 1  # tokens of a chain, at most
KNOWN = 0.95  # accuracy, of the best one, up to which strings are held


def run(
    kind: Any, size: Any, positions: Any, chain: Any, lr: Any, seed: Any,
    *, capacity: int, symbols: int, length: int, layers: int, width: int, heads: int,
    steps: int,
) -> mj.Legs:  # fmt: skip
    """Learn labels of strings of one symbol, where `kind` is 0, or of mixed ones."""
    unary_key, mixed_key, init_key = jax.random.split(jax.random.key(seed), 3)
    same = unary(length, symbols, THOUGHTS)(unary_key, symbols * length, chain)
    random = mixed(length, symbols, capacity, THOUGHTS)(mixed_key, size, chain)
    data = joined(same, random, kind)
    model = reader(symbols, length, layers, width, heads)
    start = model.init(init_key)
    count = sum(a.size for a in jax.tree.leaves(start)) - start["position"].size

    def apply(params: Any, x: jax.Array) -> jax.Array:
        return model.apply(params, x, at=jnp.sum(x >= 0) - 1, positions=positions)

    def observe(params: Any) -> dict[str, jax.Array]:
        def right(x: jax.Array, y: jax.Array) -> jax.Array:
            return mj.observables.accuracy(apply(params, x), y)

        return {"accuracy": mj.expect(right, data)}

    def finish(params: Any) -> dict[str, jax.Array]:
        found = jax.vmap(lambda x: apply(params, x))(same.x)
        found = found.reshape(length, symbols, -1)  # the shortest stand first
        told = {"best": best(data, positions + chain > 0), "parameters": count}
        return {**told, "spread": jnp.max(jnp.ptp(found, axis=0))}

    loss = mj.losses.of_model(apply, mj.losses.cross_entropy)
    fit = mj.train(loss, optax.adam(lr), observe, mj.spaced(20, steps), finish=finish)
    return fit(start, data)


def reader(symbols: int, length: int, layers: int, width: int, heads: int) -> mj.Model:
    """The model: tokens are the symbols and the thoughts, answers one of two."""
    size = (symbols + THOUGHTS, width, heads, length + THOUGHTS, layers)
    return mj.models.transformer(*size, classes=2, activation=jax.nn.relu)


def joined(first: mj.Data, second: mj.Data, share: Any) -> mj.Data:
    """All points of both; of the second so large a share of the weight."""
    both = jax.tree.map(lambda *parts: jnp.concatenate(parts), first, second)
    return both._replace(w=jnp.append((1 - share) * first.w, share * second.w))


def best(data: mj.Data, told_apart: Any) -> jax.Array:
    """The accuracy of the majority among equal strings, or also those of one symbol."""
    x, y, w = data
    alike = jnp.all(x[:, None] == x[None], axis=2)
    pure = jnp.all((x < 0) | (x == x[:, :1]), axis=1)
    one_symbol = pure[:, None] & pure[None] & (x[:, :1] == x[None, :, 0])
    votes = (alike | (one_symbol & ~told_apart)) @ (w * (2 * y - 1))
    return jnp.sum(w * jnp.where(votes == 0, 0.5, (votes > 0) == y))


def apart_run(
    positions: Any, chain: Any, seed: Any,
    *, symbols: int, longest: int, layers: int, width: int, heads: int,
) -> dict[str, Any]:  # fmt: skip
    """Which of all strings up to the longest get the same outputs of random weights."""
    lengths = range(1, longest + 1)
    words = [w for n in lengths for w in itertools.product(range(symbols), repeat=n)]
    long = jnp.array([len(word) for word in words])
    tokens = jnp.array([[*word, *[0] * (longest - len(word))] for word in words])
    x = written(tokens, long, symbols, THOUGHTS, chain)
    model = reader(symbols, longest, layers, width, heads)
    params = model.init(jax.random.key(seed))

    def output(x: jax.Array) -> jax.Array:
        return model.apply(params, x, at=jnp.sum(x >= 0) - 1, positions=positions)

    found = jax.vmap(output)(x)
    far = jnp.max(jnp.abs(found[:, None] - found[None]), axis=-1)
    names = ["".join("abcdefgh"[letter] for letter in word) for word in words]
    coords = dict.fromkeys(("string", "other"), names)
    return {"same": mj.named(1.0 * (far < ROUNDING), "string", "other", coords=coords)}


def sweeps(
    chain: tuple = (0, 1),  # lengths of the chain of thought, 0 or 1
    positions: tuple = (0, 1),  # whether there are positions
    layers: tuple = (2,),  # numbers of layers that learn; a program each
    size: int = 32,  # number of mixed strings
    lr: tuple = (3e-3,),  # learning rates of Adam
    seeds: Any = 8,  # how many seeds, or which ones (3,7)
    symbols: int = 4,  # of the strings that are learned
    length: int = 8,  # of the longest of them
    width: int = 16,  # of the stream
    heads: int = 2,  # of attention
    steps: int = 800,  # of Adam
    limits: bool = False,  # also `widths`
    widths: tuple = (4, 8, 12),  # of the stream, in `widths`; a program each
    sizes: tuple = (16, 32, 64, 128),  # numbers of mixed strings, in `widths`
    few: Any = 4,  # seeds of `widths`
    apart_layers: tuple = (1, 2),  # numbers of layers of `apart`; a program each
    longest: int = 5,  # of the strings of two symbols in `apart`
) -> dict[str, mj.Sweep]:
    """What is learned, what random weights tell apart, and how many strings fit."""
    mj.between(0, THOUGHTS, chain=chain)
    mj.between(0, 1, positions=positions)
    shapes: dict[str, Any] = {"symbols": symbols, "length": length, "heads": heads}
    dials: dict[str, Any] = {"positions": positions, "chain": chain, "lr": lr}
    main = mj.Sweep(
        run, kind=(0, 1), size=size, **dials, seed=mj.seeds(seeds), **shapes,
        layers=layers, width=width, steps=steps,
    )  # fmt: skip
    many: dict[str, Any] = {"kind": 1, "size": sizes, "width": widths}
    many |= {"seed": mj.seeds(few), "positions": (0,)}
    del dials["lr"], shapes["length"]
    shapes |= {"symbols": 2, "longest": longest, "layers": apart_layers, "width": width}
    exact = {"seed": mj.seeds(seeds), **shapes, "float64": True}
    made = {"main": main, "apart": mj.Sweep(apart_run, **dials, **exact)}
    return made | {"widths": main.but(**many)} if limits else made


def claims(results: mj.Results) -> list[mj.Claim]:
    """What collapses, what is learned, what is told apart, and what it takes."""
    return mj.judged(__file__, results, over_best, told, only, slope)


def over_best(results: mj.Results, sweep: str) -> xr.DataArray:
    """How far accuracy is above the best that is possible, at the end."""
    return results[sweep].accuracy.isel(step=-1) - results[sweep].best


def told(results: mj.Results) -> xr.DataArray:
    """How many strings are told apart."""
    group = results["apart"].same.sum("other")
    return (1 / group).sum("string").round(6)  # whole, but for rounding of thirds


def only(results: mj.Results, chain: str) -> xr.DataArray:
    """Pairs of strings that are told apart at this length of the chain alone."""
    same = results["apart"].same
    this, other = (mj.at(same, chain=c) for c in (int(chain), 1 - int(chain)))
    return ((1 - this) * other).sum(["string", "other"]) / 2


def held(results: mj.Results) -> xr.DataArray:
    """The number of strings up to which accuracy is near the best that is possible."""
    seen = results["widths"]
    near = seen.accuracy.isel(step=-1) / seen.best
    return crossing(-near, "size", -KNOWN)


def slope(results: mj.Results) -> xr.DataArray:
    """The exponent of parameters over the number of strings that they hold."""
    count = results["widths"].parameters.isel(size=0)
    return 1 / exponent(held(results), count, "width")


SETTINGS = ("neither", "chain", "positions", "both")


def figure(results: mj.Results) -> Figure:
    """Accuracies, outputs on one symbol, strings told apart, and parameters."""
    letters = "ab;cd" if "widths" in results else "abc"
    canvas, panel = panels(letters, (8.8, 6.4) if "d" in letters else (13, 3.4))
    main = settings(one(results["main"], "kind", "positions", "chain"))
    draw_learned(panel["a"], main)
    spread = main.spread.isel(kind=0)
    points(panel["b"], spread, "setting", even=True)
    level(panel["b"], np.finfo(np.float32).eps, "rounding")
    names = {"ylabel": "largest difference of a logit", "yscale": "log"}
    frame(panel["b"], "strings of one symbol, to {length}", spread, **names)
    found = settings(one(told(results), "layers", "positions", "chain"))
    bars(panel["c"], found, "setting", color="layers", label="layers: {layers}")
    level(panel["c"], results["apart"].sizes["string"], "all strings of a and b")
    frame(panel["c"], "random weights", ylabel="strings told apart", ylim=(0, 85))
    if "widths" in results:
        many = one(results["widths"], "width", "chain", "size")
        count = many.parameters.isel(size=0).mean("seed")
        look: dict[str, Any] = {"color": "chain", "label": "chain of {chain}"}
        points(panel["d"], count, held({"widths": many}), join=True, **look)
        names = {"xlabel": "strings held", "ylabel": "parameters"}
        words = "layers: {layers}, no positions"
        frame(panel["d"], words, many, **names, xscale="log", yscale="log")
    return canvas


def settings(seen: Any) -> Any:
    """The same with one axis of both dials, in words."""
    both = seen.stack(setting=("positions", "chain"))
    names = [SETTINGS[int(2 * p + c)] for p, c in both.setting.values]
    return both.drop_vars(["setting", "positions", "chain"]).assign_coords(
        setting=names
    )


def draw_learned(axis: Axes, main: xr.Dataset) -> None:
    """Accuracies by what there is, and the best that is possible."""
    end = main.isel(step=-1).assign_coords(kind=["of one symbol", "mixed"])
    bars(axis, end.accuracy, "setting", color="kind", label="{kind}")
    top = end.best.mean("seed").transpose("kind", "setting").values
    place = np.arange(top.shape[1])
    for row, shift in zip(top, (-0.2, 0.2), strict=True):
        axis.hlines(row, place + shift - 0.2, place + shift + 0.2, color="k", lw=1.2)
    axis.plot([], [], "k-", lw=1.2, label="best possible")
    frame(axis, "{layers} layers", end, ylabel="accuracy", ylim=(0, 1.5))


if __name__ == "__main__":
    launch(__name__)
