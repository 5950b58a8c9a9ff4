"""How frequent tokens are is enough to learn for scaling laws, collapse and decay.

The next token does not depend on this one; all that there is to learn are frequencies,
the i-th as i^-alpha. The loss has a floor, their entropy, and one number a token is
enough to come near it. Such a model is said to show what is known of large ones: its
excess over the floor falls as a power of the steps, slower for more tokens and lighter
tails; of many directions its embedding uses few, at high rates fewer; and to let the
rate decay helps, wide embeddings more.

Source: Z. Liu, Unigram toy model is surprisingly rich, post of January 2026. Its curves
are pictures; the one number is the entropy of 50,304 tokens, 7.57 nats.
Command: python -m experiments.unigram
Expected: 7.57 nats; excess as steps^-0.6 to -0.8, here not slower for more tokens;
without decay 1.7 times the excess at width 10, 2.7 times at width 100.

Of the post we know the model (an embedding that is also the unembedding), 128 new pairs
a step, width 100 and a rate of 0.001 for scaling, width and tokens 100 for collapse,
and for decay 2000 steps at 0.01, then 1000 on a line down to 0.001. Its start is not
known, nor are optimizer (here Adam) and other steps, rates and sizes. Losses are over
the law itself, not over a sample. Collapse depends on the start, so there are two.

Sweeps: `main` (scaling), `narrow` (one number a token, in three forms), `collapse` (by
rate and start), `decay` (by width, with and without) and `floors` (entropies).
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
from memjax.models.tokens import no_norm, normed
from memjax.plots import frame, lines, log_ticks, one, panels, points
from ._crossing import exponent

FORMS = ("tied", "untied", "normed")
BATCH = 128  # pairs that a step sees
LARGE = 50_304  # tokens of nanoGPT


def run(
    vocab: Any, alpha: Any, width: Any, lr: Any, floor: Any, init_scale: Any, seed: Any,
    *, max_vocab: int, max_width: int, form: str, steps: int, looks: int, spectra: bool,
) -> mj.Legs:  # fmt: skip
    """Learn from new pairs of tokens at every step; how far it is from the best.

    Over the last third of the steps the rate falls to `floor` times what it was.
    """
    init_key, draw_key = jax.random.split(jax.random.key(seed))
    frequency = law(vocab, alpha, max_vocab)
    model = embedding(form, vocab, width, max_vocab, max_width)
    loss = mj.losses.of_model(model.apply, mj.losses.cross_entropy)
    tokens = jnp.arange(max_vocab)
    next_law = jnp.broadcast_to(frequency, (max_vocab, max_vocab))
    every = mj.Data(tokens, next_law, frequency)

    def observe(params: dict[str, jax.Array]) -> dict[str, Any]:
        nats = mj.expect(lambda x, y: loss(params, x, y), every)
        seen = {"excess": nats - mj.observables.entropy(frequency)}
        if spectra:  # takes an eigendecomposition
            found = mj.observables.embedding.effective_dimension
            seen["dimension"] = found(params["v"], tokens < vocab)
        return seen

    def finish(params: dict[str, jax.Array]) -> dict[str, Any]:
        first = params["v"][:, 0] * jnp.sign(jnp.sum(params["v"][:, 0]))
        return {"number": mj.named(jnp.where(tokens < vocab, first, jnp.nan), "token")}

    shape = mj.schedules.linear(steps / 3, floor)
    optimizer = optax.adam(lambda t: lr * shape(t - 2 * steps / 3))
    how: dict[str, Any] = {"sees": new_pairs, "finish": finish}
    fit = mj.train(loss, optimizer, observe, mj.spaced(looks, steps), **how)
    return fit(model.init(init_key, init_scale), every, draw_key)


def law(vocab: Any, alpha: Any, max_vocab: int) -> jax.Array:
    """How frequent tokens are: the i-th as i^-alpha, and none past the vocabulary."""
    rank = jnp.arange(1.0, max_vocab + 1)
    return jax.nn.softmax(jnp.where(rank <= vocab, -alpha * jnp.log(rank), -jnp.inf))


def new_pairs(data: mj.Data, key: jax.Array) -> mj.Data:
    """Pairs of tokens of the law, all independent."""
    u = jax.random.uniform(key, (2 * BATCH,))
    x, y = mj.datasets.classes_at(u, data.w).reshape(2, BATCH)
    return mj.Data(x, y, mj.prefix(BATCH, BATCH))


def embedding(form: str, vocab: Any, width: Any, max_vocab: int, most: int) -> mj.Model:
    """Products of vectors as logits: `tied`, `untied`, or tied but `normed` one side.

    A norm takes the mean over all columns, so there all of them have to live.
    """
    live = (vocab, width)
    if form == "untied":
        return mj.models.graph.untied(max_vocab, most, live=live)
    tied = mj.models.graph.tied(max_vocab, most, live=live)
    if form == "tied":
        return tied

    def init(key: jax.Array, scale: Any) -> dict[str, jax.Array]:
        return tied.init(key, scale) | {"norm": no_norm(most)}

    def apply(params: dict[str, jax.Array], token: jax.Array) -> jax.Array:
        logits = normed(params["v"], params["norm"], 1.0)[token] @ params["v"].T
        return jnp.where(jnp.arange(max_vocab) < vocab, logits, mj.models.padding.FAR)

    return mj.Model(init, apply)


def floor_run(vocab: Any, alpha: Any, *, max_vocab: int) -> dict[str, jax.Array]:
    """The least loss there is, in nats."""
    return {"entropy": mj.observables.entropy(law(vocab, alpha, max_vocab))}


def sweeps(
    vocab: tuple = (10, 30, 100),  # tokens
    alpha: tuple = (0.5, 1.0, 1.5),  # the i-th token is as frequent as i^-alpha
    lr: float = 1e-3,  # of Adam, for scaling
    init_scale: float = 0.02,  # deviation of what embeddings start from
    width: int = 100,  # of the embedding
    rates: tuple = (1e-3, 3e-3, 1e-2, 3e-2),  # for collapse
    starts: tuple = (0.02, 1.0),  # deviations that collapse starts from
    widths: tuple = (10, 30, 100),  # for decay
    rate: float = 1e-2,  # for one number a token, and for decay
    seeds: Any = 8,  # how many seeds, or which ones (3,7)
    steps: int = 3000,  # of Adam
) -> dict[str, mj.Sweep]:
    """Tokens and tails; forms at width 1; rates and starts; decay by width; floors."""
    mj.inside(0, np.inf, init_scale=init_scale, starts=starts)
    shapes: dict[str, Any] = {"steps": steps, "spectra": False}
    numbers: dict[str, Any] = {"init_scale": init_scale, "floor": 1.0}
    numbers |= {"seed": mj.seeds(seeds), "width": width, "lr": lr}
    plain: dict[str, Any] = {**numbers, **shapes, "looks": 30, "form": "tied"}
    main = mj.Sweep(run, vocab=vocab, alpha=alpha, **plain)
    narrow: dict[str, Any] = {"vocab": min(vocab), "alpha": 1.0, "width": 1, "lr": rate}
    common: dict[str, Any] = {"vocab": max(vocab), "alpha": 1.0, "looks": 10}
    seen: dict[str, Any] = {"init_scale": starts, "spectra": True}
    both: dict[str, Any] = {"width": widths, "lr": rate, "floor": (1.0, 0.1)}
    return {
        "main": main,
        "narrow": main.but(form=FORMS, **narrow),
        "collapse": main.but(lr=rates, **common, **seen),
        "decay": main.but(**common, **both),
        "floors": mj.Sweep(floor_run, vocab=(*vocab, LARGE), alpha=alpha),
    }


def claims(results: mj.Results) -> list[mj.Claim]:
    """The floor, how fast it is neared, what of an embedding is used, and decay."""
    return mj.judged(__file__, results, end, rate_of_fall, in_order, without)


def end(results: mj.Results, sweep: str, quantity: str) -> xr.DataArray:
    """What a quantity is after all steps."""
    return results[sweep][quantity].isel(step=-1)


def rate_of_fall(results: mj.Results) -> xr.DataArray:
    """The exponent at which the excess falls over the last tenfold of the steps."""
    excess = results["main"].excess
    late = excess.isel(step=np.flatnonzero(excess.step >= excess.step[-1] / 10))
    return -exponent(late, late.step, "step")


def in_order(results: mj.Results) -> xr.DataArray:
    """The correlation of tokens' one number with the log of how frequent they are."""
    number = one(results["narrow"].sel(form="tied")).number
    rank = xr.DataArray(np.arange(1.0, number.sizes["token"] + 1), dims="token")
    return xr.corr(number, -np.log(rank), "token")


def without(results: mj.Results) -> xr.DataArray:
    """How many times the excess is without decay what it is with it."""
    found = end(results, "decay", "excess")
    return found.sel(floor=1.0) / found.sel(floor=0.1)


def figure(results: mj.Results) -> Figure:
    """Excess over steps, its exponents, one number a token, collapse and decay."""
    canvas, panel = panels("abc;def", (13, 6.8))
    draw_scaling(panel["a"], panel["b"], results)
    narrow = one(results["narrow"], "form")
    lines(panel["c"], narrow.excess, "step", color="form", label="{form}")
    words: dict[str, Any] = {"x": "step", "xscale": "log", "yscale": "log"}
    frame(
        panel["c"], "D = 1, V = {vocab}, alpha = 1", narrow, y="excess, nats", **words
    )
    draw_numbers(panel["d"], narrow.sel(form="tied"))
    collapse = one(results["collapse"], "lr", "init_scale")
    look: dict[str, Any] = {"color": "lr", "dash": "init_scale", "label": "rate {lr:g}"}
    lines(panel["e"], collapse.dimension, "step", **look)
    names: dict[str, Any] = {"x": "step", "y": "directions used", "xscale": "symlog"}
    start = ", ".join(f"{scale:g}" for scale in collapse.init_scale.values)
    frame(panel["e"], f"from {start} (dashed), D = {{width}}", collapse, **names)
    decay = one(results["decay"], "width", "floor").excess.isel(step=-1)
    label = "last rate {floor:g} of the first"
    points(panel["f"], decay, "width", color="floor", label=label, join=True)
    frame(panel["f"], "V = {vocab}, rate {lr:g}", decay, "D", "excess, nats")
    log_ticks(panel["f"], decay.width.values)
    panel["f"].set_ylim(0)
    return canvas


def draw_scaling(curves: Axes, rates: Axes, results: mj.Results) -> None:
    """Excess over steps by tokens, and its exponents by tokens and tails."""
    main = one(results["main"], "vocab", "alpha")
    shown = main.sel(alpha=1.0, method="nearest")
    lines(curves, shown.excess, "step", color="vocab", label="V = {vocab}")
    words: dict[str, Any] = {"x": "step", "xscale": "log", "yscale": "log"}
    frame(curves, "alpha = {alpha:g}, D = {width}", shown, y="excess, nats", **words)
    found = rate_of_fall(results)
    look: dict[str, Any] = {
        "color": "alpha",
        "label": "alpha = {alpha:g}",
        "join": True,
    }
    points(rates, one(found, "vocab", "alpha"), "vocab", **look)
    names = ("V", "exponent, last tenfold of steps")
    frame(rates, "excess falls as steps to the minus", main, *names)
    log_ticks(rates, main.vocab.values)


def draw_numbers(axis: Axes, tied: xr.Dataset) -> None:
    """Tokens' one number by how frequent they are, a line a seed."""
    frequency = law(int(tied.vocab), 1.0, int(tied.vocab))
    at = xr.DataArray(np.asarray(frequency), dims="token")
    lines(axis, tied.number, at, each=True, marker="o", ms=3, lw=0.6)
    names: dict[str, Any] = {"x": "frequency", "y": "number", "xscale": "log"}
    frame(axis, "tied, D = 1: a line a seed", tied, **names)


if __name__ == "__main__":
    launch(__name__)
