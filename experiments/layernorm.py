"""Gains and shifts of LayerNorm can be held, and models memorize all the same.

Transformers learn classes of sequences, a few of which have wrong labels, with the
norms' gains and shifts trained, or held at 1 and 0 in all layers or in a third (the
normalization stays). Without them, a Pre-LN model is said to learn less and to memorize
on, a Post-LN model to learn on, to memorize no more and to answer the true labels;
early layers are said to matter most. But those of a Pre-LN model can be folded into the
weights that read them, so that what it can compute is the same without.

Source: Singhal and Kim, Impact of Layer Norm on Memorization and Generalization in
Transformers, NeurIPS 2025, arXiv 2511.10566; known to us by notes of others.
Command: python -m experiments.layernorm
Expected: wrong labels memorized by both models, with gains and shifts or without.

The paper tunes 13 pretrained models on six data sets with 1 % wrong labels at a rate of
2e-5, 16 points a step, for 40 epochs (Post-LN) or 70 (Pre-LN), to 100 %. Here a class
is a law of tokens, the softmax of `focus` times a Gaussian. A model is trained from its
start or, after `first` steps on other points of the classes with right labels and all
gains and shifts, tuned at a rate that is `slower` times as large. That, 5 % wrong
labels, three layers of width 32, no causal mask, an answer at the last place and Adam
are choices of ours. Gradients are those of the biases whose sums the norms read.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.datasets import uniform_on
from memjax.observables.parts import PARTS, accuracies, marked
from memjax.plots import bars, frame, lines, one, panels

HELD = ("none", "early", "middle", "late", "all")  # where gains and shifts are held
LABELS = {"label": ("right", "wrong")}


def run(
    noise: Any, focus: Any, lr: Any, slower: Any, held: Any, seed: Any,
    *, norm: str, first: int, size: int, batch: int, classes: int, tokens: int,
    length: int, layers: int, width: int, steps: int, looks: int,
) -> mj.Legs:  # fmt: skip
    """Learn some sequences, from a start or tuned; `held` is 0 where a norm is held."""
    x_key, label_key, init_key, key = jax.random.split(jax.random.key(seed), 4)
    x, truth = classed(x_key, focus, 3 * size, classes, tokens, length)
    third = jnp.arange(3 * size) // size
    parts = mj.datasets.mislabeled(
        label_key, x, truth, third == 0, third == 1, classes=classes, noise=noise
    )
    shape: dict[str, Any] = {"classes": classes, "norm": norm, "causal": False}
    model = mj.models.transformer(tokens, width, 1, length, layers, **shape)
    sees, tuned = partial(mj.minibatch, count=batch), optax.adam(slower * lr)
    start = model.init(init_key)
    if first:
        other = mj.Data(x, truth, uniform_on(third == 2))
        whole: Any = loss_of(model, 1.0), optax.adam(lr), lambda params: {}, (0, first)
        before = mj.train(*whole, sees=sees)(start, other, label_key)
        start = before.advance(before.start, 1)[0]
    observe = partial(observed, model, held, parts, size)
    times = mj.spaced(looks, steps)
    fit = mj.train(loss_of(model, held), tuned, observe, times, sees=sees)
    return fit(start, parts.train, key)


def loss_of(model: mj.Model, live: Any) -> Any:
    """The loss of a sequence whose class is answered at its last place."""
    apply = partial(model.apply, at=-1, norms=live)
    return mj.losses.of_model(apply, mj.losses.cross_entropy)


def classed(
    key: jax.Array, focus: Any, count: int, classes: int, tokens: int, length: int
) -> tuple[jax.Array, jax.Array]:
    """Sequences [count, length], tokens by the law of a class, and their classes."""

    @jax.custom_batching.sequential_vmap
    def draw(key: jax.Array, focus: jax.Array) -> tuple[jax.Array, jax.Array]:
        law_key, class_key, token_key = jax.random.split(key, 3)
        laws = focus * jax.random.normal(law_key, (classes, 1, tokens))
        truth = jax.random.randint(class_key, (count,), 0, classes)
        return jax.random.categorical(
            token_key, laws[truth], -1, (count, length)
        ), truth

    return draw(key, jnp.asarray(focus, float))


def observed(
    model: mj.Model, live: Any, parts: Any, size: int, params: Any
) -> dict[str, Any]:
    """Accuracies by part; and how large gradients are, of right and of wrong labels.

    Of each label, where what is added to the stream enters the next norm, by layer.
    """
    apply = partial(model.apply, at=-1, norms=live)
    found = accuracies(apply, params, marked(parts))
    shares = jnp.stack([part.w[:size] for part in (parts.clean, parts.noisy)], 1)

    def slope(x: jax.Array, y: jax.Array) -> jax.Array:
        layers = jax.grad(loss_of(model, live))(params, x, y)["layers"]
        both = jnp.stack([layers["out_bias"], layers["down_bias"]])
        return jnp.sqrt(jnp.sum(both**2, axis=(0, 2)))  # [layers]

    each = jax.vmap(slope)(parts.train.x[:size], parts.train.y[:size])
    return {
        "accuracy": mj.named(found, "part", coords=PARTS),
        "gradient": mj.named(shares.T @ each, "label", "layer", coords=LABELS),
    }


def sweeps(
    held: tuple = HELD,  # where gains and shifts are held, by thirds of the layers
    norm: tuple = ("pre", "post"),  # norms before or after; a program each
    noise: tuple = (0.05,),  # shares of wrong labels
    focus: float = 1.5,  # how far the laws of classes are from uniform
    lr: tuple = (1e-3,),  # learning rates of Adam
    first: int = 200,  # steps on other points, before a model is tuned
    slower: float = 0.3,  # its rate then, in learning rates
    classes: int = 8,  # classes of sequences
    tokens: int = 16,  # different tokens
    length: int = 12,  # tokens of a sequence
    size: int = 128,  # sequences trained on, and as many tested and tuned before
    batch: int = 16,  # sequences a step
    layers: int = 3,  # layers of the model, a third of them early
    width: int = 32,  # its width
    seeds: Any = 4,  # how many seeds, or which ones (3,7)
    steps: int = 500,  # optimizer steps
    looks: int = 10,  # how often it is looked at, evenly in log steps
) -> dict[str, mj.Sweep]:
    """Models trained from a start, and tuned, with gains and shifts or without."""
    mj.one_of(HELD, held=held)
    mj.one_of(("pre", "post"), norm=norm)
    mj.between(0, 1, noise=noise)
    mj.inside(1, np.inf, layers=layers, classes=classes)
    mj.between(1, size, batch=batch)
    data: Any = {"noise": noise, "focus": focus, "classes": classes, "tokens": tokens}
    data |= {"length": length, "size": size, "batch": batch, "seed": mj.seeds(seeds)}
    model: Any = {"norm": norm, "layers": layers, "width": width}
    live = {"held": mj.per("held", np.stack([live_norms(h, layers) for h in held]))}
    how: dict[str, Any] = {"lr": lr, "steps": steps, "looks": looks, "held": held}
    main = mj.Sweep(run, inputs=live, **data, **model, **how, first=0, slower=1.0)
    return {"main": main, "tuned": main.but(first=first, slower=slower)}


def live_norms(held: str, layers: int) -> np.ndarray:
    """1 for every layer, and the norm at the end, that is trained, 0 for one held."""
    third = np.arange(layers + 1) * 3 // layers  # the end is after the last third
    if held == "all":
        return np.zeros(layers + 1)
    return 1.0 - (np.minimum(third, 2) == HELD.index(held) - 1)


def claims(results: mj.Results) -> list[mj.Claim]:
    """What is learned, memorized and answered rightly without gains and shifts."""
    return mj.judged(__file__, results, end, cost, unlike, mean_ratio, neither)


def end(results: mj.Results, sweep: str, part: str) -> xr.DataArray:
    """The accuracy on a part after the last step."""
    return results[sweep].accuracy.sel(part=part).isel(step=-1)


def cost(results: mj.Results, sweep: str, part: str, held: str) -> xr.DataArray:
    """How much less of a part is right at the end where gains and shifts are held."""
    found = end(results, sweep, part)
    return mj.at(found, held="none") - mj.at(found, held=held)


def unlike(results: mj.Results, sweep: str, part: str) -> xr.DataArray:
    """How much more of a part a Post-LN model has right at the end than Pre-LN."""
    found = end(results, sweep, part)
    return mj.at(found, norm="post") - mj.at(found, norm="pre")


def mean_ratio(results: mj.Results, sweep: str) -> xr.DataArray:
    """Gradients of right labels over those of wrong ones, each a mean over looks."""
    mean = results[sweep].gradient.mean(["step", "layer"])
    return mean.sel(label="right") / mean.sel(label="wrong")


def neither(results: mj.Results, sweep: str) -> xr.DataArray:
    """The share of wrong labels' points answered neither by label nor by truth."""
    return 1 - end(results, sweep, "noisy") - end(results, sweep, "recovered")


def figure(results: mj.Results) -> Figure:
    """Accuracies at the end, by where gains and shifts are held, and memorizing."""
    canvas, panel = panels("abc;def", (11.5, 6))
    words = {"main": "from a start", "tuned": "tuned"}
    for row, norm in zip(("abc", "def"), results["main"].norm.values, strict=False):
        for letter, (sweep, how) in zip(row, words.items(), strict=False):
            part = one(results[sweep].sel(norm=norm), "held", "part")
            draw_ends(panel[letter], part, f"{str(norm).title()}-LN, {how}")
        it = one(results["tuned"].sel(norm=norm), "held", "label", "part")
        memorized = it.accuracy.sel(part="noisy")
        lines(panel[row[2]], memorized, "step", color="held", label="held: {held}")
        names: dict[str, Any] = {"xscale": "symlog", "ylim": (-0.03, 1.03)}
        names |= {"xlabel": "step", "ylabel": "wrong labels memorized"}
        frame(panel[row[2]], f"{str(norm).title()}-LN, tuned", it, **names)
    return canvas


def draw_ends(axis: Any, seen: xr.Dataset, title: str) -> None:
    """Bars of accuracies after the last step."""
    shown = seen.accuracy.isel(step=-1).sel(part=["test", "noisy", "recovered"])
    bars(axis, shown, "held", color="part", label="{part}")
    labels: dict[str, Any] = {
        "ylim": (0, 1.4),
        "xlabel": "gains and shifts held",
        "ylabel": "share",
    }
    labels["legend"] = {"loc": "upper center", "ncols": 2}
    frame(axis, title, seen, **labels)


if __name__ == "__main__":
    launch(__name__)
