"""A language of pairs: a network fits every entry of its table, so needs V² pairs.

The next token depends on this one only, by a table whose logits have a low rank. The
best loss is the entropy of the next token given this one. An embedding of as many
numbers a token as the rank has it exactly, one of fewer does not. Of finite data a
network learns more than is there: its loss on new pairs is above that on its own. Were
every entry of a table of V tokens fitted freely, that gap would be V (V - 1) / n of n
pairs; if the rank were made use of, far less.

Source: Z. Liu, Data efficiency of Bi-gram data, post of May 2026, and Bigram 3, post of
January 2026. Their curves are pictures; numbers are the critical dimension, which is
the rank (3 of 10 tokens), and an exponent of -1 below it (rank 20 of 100 tokens).
Command: python -m experiments.bigram
Expected: a gap of 0.1 nats left by 12 to 14 times V^2 pairs, and the excess of a free
table; below the rank the excess falls as N^-0.6 first, then faster.

The first post's settings are known: rank 4, a tied embedding of 64 numbers around two
ReLU layers of 64, Adam at 0.001 for 1000 steps on all pairs, 20 tokens and 10,000 pairs
in its base run. Of the second the embedding without ties or biases is known, its batch,
rate, steps and start are not; here it learns from the law itself. A seed has a language
of its own. Losses on new pairs are over the law. Sweeps: `main` (networks by tokens and
pairs), `critical` and `below` (embeddings).
"""

from functools import partial
from typing import Any

import jax
import numpy as np
import optax
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.datasets import bigrams
from memjax.plots import frame, key, level, lines, log_ticks, one, panels, points
from ._crossing import crossing, exponent

LEARNED = 0.1  # nats of a gap at which pairs are enough


def run(
    vocab: Any, size: Any, lr: Any, seed: Any,
    *, max_vocab: int, capacity: int, rank: int, width: int, steps: int,
) -> mj.Legs:  # fmt: skip
    """Learn the next token from so many pairs; loss on them and on the law."""
    keys = jax.random.split(jax.random.key(seed), 3)
    every = bigrams.languages(max_vocab, rank)(keys[0], vocab)
    train = bigrams.pairs(capacity)(keys[1], every, size)
    model = network(vocab, max_vocab, width)
    loss = mj.losses.of_model(model.apply, mj.losses.cross_entropy)

    def observe(params: Any) -> dict[str, jax.Array]:
        own, new = (mj.expect(partial(loss, params), part) for part in (train, every))
        known = {"train_loss": own, "loss": new, "gap": new - own}
        above = {"excess": new - entropy(every), "unfit": own - entropy(train)}
        return known | above | {"entropy": entropy(every)}

    fit = mj.train(loss, optax.adam(lr), observe, mj.every(50, steps))
    return fit(model.init(keys[2]), train)


def entropy(pairs: mj.Data) -> jax.Array:
    """The entropy of the next token given this one, in nats."""
    return pairs.w @ jax.vmap(mj.observables.entropy)(pairs.y)


def network(vocab: Any, max_vocab: int, width: int) -> mj.Model:
    """Two hidden layers between an embedding and itself, as the matrix of logits."""
    body = mj.models.mlp((width,) * 4)
    head = mj.models.mlp((width, max_vocab), live=(None, vocab))

    def init(key: jax.Array) -> list:
        keys = jax.random.split(key)
        return [part.init(k) for part, k in zip((body, head), keys, strict=True)]

    def apply(params: list, token: jax.Array) -> jax.Array:
        own = params[1][0]["w"][:, token]
        return head.apply(params[1], body.apply(params[0], own))

    return mj.Model(init, apply)


def table_run(
    width: Any, lr: Any, seed: Any,
    *, vocab: int, rank: int, max_width: int, steps: int,
) -> mj.Legs:  # fmt: skip
    """Learn the law itself by products of vectors of so many numbers."""
    data_key, init_key = jax.random.split(jax.random.key(seed))
    every = bigrams.languages(vocab, rank)(data_key, vocab)
    model = mj.models.graph.untied(vocab, max_width, live=(None, width))
    loss = mj.losses.of_model(model.apply, mj.losses.cross_entropy)

    def observe(params: Any) -> dict[str, jax.Array]:
        return {"excess": mj.expect(partial(loss, params), every) - entropy(every)}

    fit = mj.train(loss, optax.adam(lr), observe, mj.spaced(9, steps))
    return fit(model.init(init_key, 0.1), every)


def sweeps(
    vocab: tuple = (10, 20, 40),  # tokens of a language, V
    size: tuple = (100, 200, 400, 1000, 2000, 4000, 10_000, 20_000, 50_000),  # pairs
    lr: float = 1e-3,  # learning rate of the networks on pairs
    seeds: Any = 8,  # how many seeds, or which ones (3,7)
    rank: int = 4,  # of the logits of a language
    width: int = 64,  # of the embedding and of both layers
    steps: int = 1000,  # of Adam, on all pairs
    numbers: tuple = (1, 2, 3, 4, 5, 6),  # numbers of a token, N, in `critical`
    few_tokens: int = 10,  # of the language in `critical`
    few_rank: int = 3,  # of the logits in `critical`
    more_numbers: tuple = (1, 2, 3, 5, 8, 10, 12, 16, 19, 20),  # the same in `below`
    many_tokens: int = 100,  # of the language in `below`
    many_rank: int = 20,  # of the logits in `below`
    rate: float = 1e-2,  # learning rate on the law itself, in both of these
    law_steps: int = 3000,  # of Adam, in both of these
) -> dict[str, mj.Sweep]:
    """Networks by tokens and pairs, and embeddings by numbers a token."""
    mj.inside(0, np.inf, size=size)
    shapes: dict[str, Any] = {"rank": rank, "width": width, "steps": steps}
    seen: dict[str, Any] = {"vocab": vocab, "size": size, "lr": lr}
    seen["seed"] = mj.seeds(seeds)
    common: dict[str, Any] = {"lr": rate, "seed": seen["seed"], "steps": law_steps}
    few: dict[str, Any] = {"vocab": few_tokens, "rank": few_rank, "width": numbers}
    critical = mj.Sweep(table_run, **few, **common)
    below = critical.but(vocab=many_tokens, rank=many_rank, width=more_numbers)
    main = mj.Sweep(run, **seen, **shapes)
    return {"main": main, "critical": critical, "below": below}


def claims(results: mj.Results) -> list[mj.Claim]:
    """How many pairs a table needs, and how many numbers a token."""
    return mj.judged(__file__, results, end, entries, growth, dimension, fall)


def end(results: mj.Results, sweep: str, quantity: str) -> xr.DataArray:
    """What a quantity is after all steps."""
    return results[sweep][quantity].isel(step=-1)


def entries(results: mj.Results) -> xr.DataArray:
    """Free numbers that would have as much excess, in units of all of a table's.

    Of k that are fitted freely, n pairs leave k / 2n of excess.
    """
    excess = end(results, "main", "excess")
    return 2 * excess["size"] * excess / free(excess)


def free(found: xr.DataArray) -> xr.DataArray:
    """How many numbers a table of laws has."""
    return found.vocab * (found.vocab - 1)


def needed(results: mj.Results) -> xr.DataArray:
    """How many pairs it takes until the gap is small."""
    gap = end(results, "main", "gap").clip(min=LEARNED / 100)
    return crossing(xr.apply_ufunc(np.log, LEARNED / gap), "size", 0)


def growth(results: mj.Results) -> xr.DataArray:
    """The exponent of those over tokens."""
    return exponent(needed(results), results["main"].vocab, "vocab")


def dimension(results: mj.Results, sweep: str) -> xr.DataArray:
    """The least numbers a token that leave less than a hundredth of what one does."""
    excess = end(results, sweep, "excess")
    return excess.width.where(excess < excess.isel(width=0) / 100).min("width")


def fall(results: mj.Results, most: str) -> xr.DataArray:
    """The exponent at which the excess falls, up to so many numbers a token."""
    excess = end(results, "below", "excess")
    kept = excess.isel(width=np.flatnonzero(excess.width <= float(most)))
    return -exponent(kept, kept.width, "width")


def figure(results: mj.Results) -> Figure:
    """Gaps, what they would be of free tables, pairs needed; and excess by numbers."""
    canvas, panel = panels("abc;def", (13, 6.8))
    main = one(results["main"], "vocab", "size")
    draw_gaps(panel["a"], panel["b"], results, main)
    draw_needed(panel["c"], results)
    many = main.isel(size=slice(-3, None)).isel(size=0)
    draw_training(panel["d"], many.sel(vocab=20, method="nearest"))
    critical = one(results["critical"], "width").excess.isel(step=-1)
    points(panel["e"], critical, "width", join=True)
    panel["e"].axvline(float(critical["rank"]), color="0.5", ls="--", label="rank")
    words: dict[str, Any] = {"x": "numbers a token, N", "y": "excess, nats"}
    frame(panel["e"], "V = {vocab}, rank {rank}", critical, **words, ylim=0)
    draw_below(panel["f"], one(results["below"], "width"))
    frame(panel["f"], "V = {vocab}, rank {rank}", results["below"], **words)
    return canvas


def draw_gaps(gaps: Axes, tables: Axes, results: mj.Results, main: xr.Dataset) -> None:
    """The gap by pairs, and the excess in units of that of a free table."""
    look: dict[str, Any] = {"color": "vocab", "label": "V = {vocab}", "join": True}
    gap, least = main.gap.isel(step=-1), LEARNED / 100
    points(gaps, gap.where(gap.mean("seed") > least), "size", **look)
    lines(gaps, free(gap) / gap["size"], "size", color="vocab", dash=":", lw=1)
    key(gaps, "V (V - 1) / n", ":", lw=1)
    words: dict[str, Any] = {"xscale": "log", "xlabel": "pairs, n"}
    low = {"yscale": "log", "ylim": (least, 40)}
    frame(gaps, "loss on new pairs - own", gap, ylabel="gap, nats", **words, **low)
    points(tables, one(entries(results), "vocab", "size"), "size", **look)
    level(tables, 1)
    words["ylabel"] = "2 n excess / V (V - 1)"
    frame(tables, "free numbers, of V (V - 1)", gap, **words)


def draw_needed(axis: Axes, results: mj.Results) -> None:
    """Pairs until the gap is small by tokens, beside the square of these."""
    found = one(needed(results), "vocab")
    points(axis, found, "vocab", join=True, label="in networks")
    axis.plot(found.vocab, found.vocab**2, "k:", lw=1, label="V²")
    axis.plot(found.vocab, free(found) / LEARNED, "k--", lw=1, label="of a free table")
    frame(axis, f"gap of {LEARNED:g} nats", found, "V", "pairs", yscale="log")
    log_ticks(axis, found.vocab.values)


def draw_training(axis: Axes, seen: xr.Dataset) -> None:
    """Losses over steps, on its own pairs and on new ones, above the entropy."""
    own, new = seen.train_loss - seen.entropy, seen.loss - seen.entropy
    lines(axis, own, "step", color="C0", label="its own pairs")
    lines(axis, new, "step", color="C1", label="new pairs")
    level(axis, 0)
    names = ("step", "loss - entropy, nats")
    low, high = (1.2 * float(part.isel(step=-1).mean()) for part in (own, new))
    ends = min(-0.1, low), max(0.4, high)
    frame(axis, "V = {vocab}, {size} pairs", seen, *names, ylim=ends)


def draw_below(axis: Axes, seen: xr.Dataset) -> None:
    """Excess by numbers a token, as far as these are fewer than the rank, and 1 / N."""
    few = np.flatnonzero(seen.width < seen["rank"])
    excess = seen.excess.isel(step=-1, width=few)
    if not excess.size:
        return
    points(axis, excess, "width", join=True, label="trained")
    first = float(excess.isel(width=0).mean("seed"))
    axis.plot(excess.width, first / excess.width, "k:", lw=1, label="1 / N")
    axis.set(xscale="log", yscale="log")


if __name__ == "__main__":
    launch(__name__)
