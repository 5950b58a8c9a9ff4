"""Sets of sequences are memorized in bursts, the more patterned ones first.

A small GPT learns four sets of sequences at once: MI (count on by one), MIJL (with
jumps, each told by a letter), MIJ (with jumps) and random digits. A sequence is
memorized when the model, given its beginning, would write the rest. Each set is said to
be memorized in a burst, in this order; sequences to be forgotten and learned again; not
to be memorized for having been seen last; and larger models to take longer on random
digits.

Source: Panwar, Weiss, Goyal, Bosselut, Transformers Seek Patterns for Memorization,
NeurIPS 2025 (OpenReview 98NrkXPRZ9).
Command: python -m experiments.pattern_bursts
Expected: MI, MIJL, MIJ and Random memorized in this order.

Sweeps: `main` on the four sets, `maps` on sequences of letters and the digits that they
are mapped to, by one map for all or one for each sequence, `random` on random digits
alone by width. The paper has one head, Adam at 1e-3, 64 sequences a step, 50,000 steps,
sequences of 100 to 300, completions of 30 after 50, and models of .5 to 12 million
parameters (layers and width 2, 144; 2, 204; 3, 235; 3, 333; 4, 408; 4, 500). Ours have
60,000, with 16 of 192 sequences a step. How theirs start is not known to us. Of 32
tokens the model is given 20, so that digits have to jump more often than at their 15 %,
where one prompt of MIJ in twenty has no jump, begins as a sequence of MI, and no model
can complete both.
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
from memjax.datasets import patterns
from memjax.plots import bars, density, frame, level, lines, one, panels

MEMORIZED = 0.95  # the share of a set at which the source calls it memorized
SUBSETS = {
    "MI": patterns.counting,
    "MIJL": patterns.lettered,
    "MIJ": patterns.jumping,
    "Random": patterns.random_digits,
    "ICM": patterns.mapped,
}
DIALS = {"MIJL": ("rate",), "MIJ": ("rate",), "ICM": ("own",)}


def run(
    rate: Any, own: Any, lr: Any, seed: Any, *, subsets: str, size: int, batch: int,
    layers: int, width: int, length: int, prompt: int, steps: int, looks: int,
) -> mj.Legs:  # fmt: skip
    """Learn all sequences; look at which completions are right, and were seen last."""
    data_key, init_key, key = jax.random.split(jax.random.key(seed), 3)
    names = subsets.split()
    x, y = drawn(data_key, names, 2 * size, length, {"rate": rate, "own": own})
    model = mj.models.transformer(patterns.TOKENS, width, 1, length, layers)
    whole = len(names) * size
    trained, told = (a[:, :size].reshape(whole, length) for a in (x, y))
    # Targets carry their numbers, by which a batch tells whose they are.
    train = mj.Data(trained, (told, jnp.arange(whole)), mj.prefix(whole, whole))

    def loss(params: Any, x: jax.Array, y: tuple) -> jax.Array:
        return mj.losses.sequence(model.apply(params, x), y[0])

    times = mj.every(steps // looks, steps)
    sees = partial(mj.minibatch, count=batch)

    def seen(params: Any) -> dict[str, Any]:
        """Which sequences the step before each look took."""
        last = jnp.maximum(jnp.array(times) - 1, 0)
        taken = jax.vmap(lambda t: sees(train, jax.random.fold_in(key, t)).y[1])(last)
        hit = jax.nn.one_hot(taken, whole).sum(1).T.reshape(len(names), size, -1)
        return {"seen": by_set(hit, names, "sequence", "look")}

    observe = partial(completions, model.apply, names, size, x, y, prompt)
    fit = mj.train(loss, optax.adam(lr), observe, times, sees=sees, finish=seen)
    return fit(model.init(init_key), train, key)


def drawn(
    key: jax.Array, names: list[str], capacity: int, length: int, dials: dict
) -> tuple[jax.Array, jax.Array]:
    """Sequences of each set, and the tokens that follow: [sets, capacity, length]."""
    made = []
    for set_key, name in zip(jax.random.split(key, len(names)), names, strict=True):
        dataset = patterns.patterned(SUBSETS[name], length, capacity)
        own = {dial: dials[dial] for dial in DIALS.get(name, ())}
        made.append(dataset(set_key, capacity, **own))
    return jnp.stack([data.x for data in made]), jnp.stack([data.y for data in made])


def by_set(values: Any, names: list[str], *dims: str) -> Any:
    """Values of each set [sets, ...], with names."""
    return mj.named(values, "subset", *dims, coords={"subset": tuple(names)})


def completions(
    apply: Any, names: list[str], size: int, x: Any, y: Any, prompt: int, params: Any
) -> dict[str, Any]:
    """Whether completions are `right`, and the share that does, their `match`.

    Of other sequences `unseen`, the share that does, letters not counted, and `rule`,
    how often a digit is told to be that before it and 1.
    """
    asked = slice(prompt - 1, x.shape[-1] - 1)

    def tried(tokens: jax.Array, y: jax.Array) -> tuple[jax.Array, ...]:
        logits = apply(params, tokens, at=asked)
        last, told = tokens[asked], y[asked]
        digits = jnp.where(told < patterns.DIGITS, told, -1)
        follows = jnp.argmax(logits, 1) == (last + 1) % patterns.DIGITS
        match = mj.observables.exact_match
        return match(logits, told), match(logits, digits), jnp.mean(follows)

    exact, of_digits, rule = jax.vmap(jax.vmap(tried))(x, y)
    right = exact[:, :size]
    told = {"match": right, "unseen": of_digits[:, size:], "rule": rule[:, size:]}
    means = {name: by_set(a.mean(1), names) for name, a in told.items()}
    return {"right": by_set(right, names, "sequence"), **means}


def sweeps(
    rate: tuple = (0.3,),  # shares of digits that jump, in MIJ and MIJL
    lr: tuple = (1e-3,),  # learning rates of Adam
    width: tuple = (48,),  # widths of the model; each is a program of its own
    layers: int = 2,  # its layers
    size: int = 48,  # sequences of each set
    batch: int = 16,  # sequences a step
    length: int = 32,  # tokens of a sequence
    prompt: int = 20,  # tokens of it that are given; the others are to be completed
    seeds: Any = 8,  # how many seeds, or which ones (3,7)
    steps: int = 1500,  # optimizer steps
    looks: int = 75,  # how often completions are looked at, evenly
    random_width: tuple = (24, 48, 96),  # widths of models of random digits alone
    few: int = 4,  # seeds of `maps` and `random`
    brief: int = 800,  # steps of these
) -> dict[str, mj.Sweep]:
    """Four sets at once, maps, and random digits by width."""
    mj.between(0, 1, rate=rate)
    mj.inside(1, length, prompt=prompt)
    mj.between(1, size, batch=batch)
    mj.between(1, min(steps, brief), looks=looks)
    shapes: dict[str, Any] = {"size": size, "batch": batch, "layers": layers}
    shapes |= {"length": length, "prompt": prompt, "steps": steps, "looks": looks}
    sets: dict[str, Any] = {"subsets": "MI MIJL MIJ Random", "own": 0.0, "rate": rate}
    main = mj.Sweep(run, seed=mj.seeds(seeds), lr=lr, width=width, **sets, **shapes)
    short = main.but(rate=rate[:1], seed=range(few), steps=brief)
    maps: dict[str, Any] = {"subsets": "ICM", "own": (0.0, 1.0), "size": 4 * size}
    return {
        "main": main,
        "maps": short.but(**maps, width=width[:1]),
        "random": short.but(subsets="Random", width=random_width),
    }


def claims(results: mj.Results) -> list[mj.Claim]:
    """In which order sets are memorized, how suddenly, and what is forgotten."""
    measures = order, slower, burst, forgettings, seen_last, mj.extreme
    return mj.judged(__file__, results, *measures)


def memorized(seen: xr.Dataset) -> xr.DataArray:
    """The first look at which a set is memorized, infinite if never."""
    return mj.first_step(seen.match, MEMORIZED)


def order(results: mj.Results) -> xr.DataArray:
    """The sets, from the one that is memorized first, on average, to the last."""
    steps = memorized(results["main"]).mean("seed").transpose(..., "subset")
    names = steps.subset.values[np.argsort(steps.values, axis=-1, kind="stable")]
    told = np.apply_along_axis(" ".join, -1, names.astype(object))
    return steps.isel(subset=0, drop=True).copy(data=told)


def slower(results: mj.Results, sweep: str, axis: str, *two: str) -> xr.DataArray:
    """How many times as long, in powers of 2, one label of an axis takes as another."""
    labels = [float(v) if v.isdigit() else v for v in two]
    first, last = (mj.at(memorized(results[sweep]), **{axis: v}) for v in labels)
    return np.log2(last / first)


def burst(results: mj.Results) -> xr.DataArray:
    """The share of its time in which a set comes from a tenth to nine tenths."""
    found = results["main"].match
    few, most = (mj.first_step(found, level) for level in (0.1, 0.9))
    return 1 - few / most


def forgettings(results: mj.Results) -> xr.DataArray:
    """How often a sequence is right at a look and wrong at the next, on average."""
    return forgotten(results["main"]).mean("sequence")


def forgotten(seen: xr.Dataset) -> xr.DataArray:
    """The number of times that each sequence is forgotten."""
    return (-seen.right.diff("step")).clip(0).sum("step", skipna=False)


def seen_last(results: mj.Results) -> xr.DataArray:
    """Of all sequences that a look finds memorized, those in the step before it."""
    return share_seen(results["main"], "step", "sequence", "subset")


def share_seen(seen: xr.Dataset, *over: str) -> xr.DataArray:
    """Of sequences wrong at a look and right at the next, those in the last step."""
    new = seen.right.diff("step") > 0
    last = seen.seen.isel(look=slice(1, None)).rename(look="step")
    return (new & (last.assign_coords(step=new.step) > 0)).sum(over) / new.sum(over)


def figure(results: mj.Results) -> Figure:
    """Bursts, their order, what is forgotten and seen last; widths, and rules."""
    canvas, panel = panels("abc;def", (12.5, 6.6))
    main = one(results["main"], "subset", "sequence", "look")
    how: dict[str, Any] = {"color": "subset", "label": "{subset}"}
    lines(panel["a"], main.match, "step", **how)
    names = {"xlabel": "step", "ylabel": "completions right"}
    frame(panel["a"], "four sets at once, width {width}", main, **names)
    steps = memorized(main)
    bars(panel["b"], steps.where(np.isfinite(steps)), "subset")
    frame(panel["b"], "95 % of completions right", ylabel="first step", legend=False)
    times = forgotten(main)
    edges = np.arange(-0.5, 1.5 + float(times.max()))
    density(panel["c"], times, edges, **how)
    names = {"xlabel": "times forgotten", "ylabel": "share of sequences"}
    frame(panel["c"], "forgotten in {steps} steps", main, **names)
    bars(panel["d"], share_seen(main, "step", "sequence"), "subset")
    level(panel["d"], main.seen.mean(), "of all sequences")
    frame(panel["d"], "newly memorized", ylabel="share seen by the last step")
    alone = one(results["random"], "width", "subset").isel(subset=0)
    look: dict[str, Any] = {"color": "width", "label": "width {width}"}
    lines(panel["e"], alone.match, "step", **look)
    names = {"xlabel": "step", "ylabel": "completions right"}
    frame(panel["e"], "random digits alone", alone, **names)
    rule = main.rule.sel(subset="MIJ")
    lines(panel["f"], rule, "step", label="MIJ: counts on", color="C2")
    maps = one(results["maps"], "own", "subset").unseen.isel(subset=0)
    words = np.where(maps.own > 0, "a map each", "one map")
    look = {"color": "own", "label": "ICM, {own}"}
    lines(panel["f"], maps.assign_coords(own=words), "step", **look)
    frame(panel["f"], "other sequences", xlabel="step", ylabel="share right")
    return canvas


if __name__ == "__main__":
    launch(__name__)
