"""Past its capacity a network knows more facts if it is taught fewer.

A fact is a random key with one of 64 values. As long as all fit, all are learned; of
more than fit, fewer are known than could be, and fewer yet where some are seen much
more often than others. To leave out those that a first network found hardest, and to
see the others equally often, gives back what is lost.

Source: Ye, Feldman and Talwar, Cram Less to Fit More, arXiv 2604.08519, by its abstract
and what is said of it. Its sizes and rates are not known to us; how facts are chosen
here is our reading, and all numbers are ours.
Command: python -m experiments.fact_capacity
Expected: of 1200 facts fewer are known than of 300, and more again if 300 are taught.

Facts are weights, `power` their law: the i-th is seen as often as i^-power. `main`
teaches all of them; `pruned` trains twice for as many steps, the second time on those
`keep` facts that had the least loss, or on as many at random, as often as before or,
where `flat`, all equally often. Known are counted among all facts. How many to keep is
chosen in hindsight, the best of those tried.
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
from memjax.observables.memorization import stored_bits
from memjax.plots import BESIDE, frame, level, lines, log_ticks, one, panels, points

DIM, VALUES = 32, 64
ARMS = {  # by loss, flat
    "random": (0, 0),
    "random, flat": (0, 1),
    "least loss": (1, 0),
    "least loss, flat": (1, 1),
}


def run(
    size: Any, power: Any, lr: Any, seed: Any, *, capacity: int, width: int, steps: int
) -> mj.Legs:
    """Teach all facts, as often as their law has it."""
    facts, model, start = drawn(size, capacity, width, seed)
    taught = facts._replace(w=law(facts.w > 0, power))
    return taught_by(model, start, taught, facts, size, lr, steps)


def drawn(size: Any, capacity: int, width: int, seed: Any) -> tuple:
    """The facts, each of the same weight, a network, and where it starts."""
    data_key, init_key = jax.random.split(jax.random.key(seed))
    facts = mj.datasets.random_labels(DIM, VALUES, capacity)(data_key, size)
    model = mj.models.mlp((DIM, width, VALUES))
    return facts, model, model.init(init_key)


def law(kept: jax.Array, power: Any) -> jax.Array:
    """The weights of facts that are kept [n]: the i-th of all has i^-power."""
    w = jnp.where(kept, jnp.arange(1.0, len(kept) + 1) ** -power, 0.0)
    return w / jnp.sum(w)


def taught_by(
    model: mj.Model, start: Any, taught: mj.Data, facts: mj.Data, size: Any, lr: Any,
    steps: int,
) -> mj.Legs:  # fmt: skip
    """Training on what is taught; what is known of all facts."""
    loss = mj.losses.of_model(model.apply, mj.losses.cross_entropy)

    def observe(params: Any) -> dict[str, jax.Array]:
        def score(x: jax.Array, y: jax.Array) -> dict[str, jax.Array]:
            logits = model.apply(params, x)
            nats = mj.losses.cross_entropy(logits, y)
            right = mj.observables.accuracy(logits, y)
            return {"known": right, "bits": stored_bits(nats, np.log(VALUES))}

        return jax.tree.map(lambda mean: size * mean, mj.expect(score, facts))

    return mj.train(loss, optax.adam(lr), observe, mj.spaced(6, steps))(start, taught)


def pruned_run(
    keep: Any, by_loss: Any, flat: Any, size: Any, power: Any, lr: Any, seed: Any,
    *, capacity: int, width: int, steps: int,
) -> dict[str, jax.Array]:  # fmt: skip
    """Teach the facts that a first network knew best, from the same start."""
    facts, model, start = drawn(size, capacity, width, seed)
    there = facts.w > 0
    first = facts._replace(w=law(there, power))
    end, _ = mj.walk(taught_by(model, start, first, facts, size, lr, steps))
    params = end.state[0]
    loss = mj.losses.of_model(model.apply, mj.losses.cross_entropy)
    nats = jax.vmap(lambda x, y: loss(params, x, y))(facts.x, facts.y)
    chance = jax.random.uniform(jax.random.fold_in(jax.random.key(seed), 2), nats.shape)
    hard = jnp.where(there, jnp.where(by_loss > 0, nats, chance), jnp.inf)
    kept = there & (jnp.argsort(jnp.argsort(hard)) < keep)
    taught = mj.packed(facts._replace(w=law(kept, power * (1 - flat))))
    _, seen = mj.walk(taught_by(model, start, taught, facts, size, lr, steps))
    return {name: found[-1] for name, found in seen.items()}


def sweeps(
    size: tuple = (75, 150, 300, 600, 1200),  # numbers of facts
    power: tuple = (0.0, 1.0),  # of the law by which they are seen
    lr: tuple = (5e-3,),  # learning rates of Adam
    seeds: Any = 5,  # how many seeds, or which ones (3,7)
    keep: tuple = (150, 300, 600, 900),  # facts that are taught, in `pruned`
    width: int = 16,  # of the network
    steps: int = 1500,  # of Adam, on all that is taught
) -> dict[str, mj.Sweep]:
    """All facts by number and law; the largest set, pruned."""
    mj.inside(-1, np.inf, power=power)
    mj.between(1, size[-1], keep=keep)
    shapes: dict[str, Any] = {"width": width, "steps": steps}
    seed = mj.seeds(seeds)
    main = mj.Sweep(run, size=size, power=power, lr=lr, seed=seed, **shapes)
    arms: dict[str, Any] = {"keep": keep, "by_loss": (0, 1), "flat": (0, 1)}
    most: dict[str, Any] = {"size": size[-1:], "power": power[-1:]}
    return {"main": main, "pruned": main.but(pruned_run, **arms, **most)}


def claims(results: mj.Results) -> list[mj.Claim]:
    """How many facts are known, of too many and of fewer."""
    return mj.judged(__file__, results, known, best, above)


def known(results: mj.Results) -> xr.DataArray:
    """How many of all facts are known at the end."""
    return results["main"].known.isel(step=-1)


def most(results: mj.Results) -> xr.DataArray:
    """How many are known of that number of facts, of which most are."""
    return highest(known(results).isel(power=0), "size").drop_vars(["size", "power"])


def best(results: mj.Results, arm: str) -> xr.DataArray:
    """How many are known where so many are kept that most are."""
    by_loss, flat = ARMS[arm]
    found = mj.at(results["pruned"].known, by_loss=by_loss, flat=flat)
    return highest(found, "keep").drop_vars(["keep", "by_loss", "flat"])


def above(results: mj.Results, this: str, that: str) -> xr.DataArray:
    """How many more are known in this case than in that: an arm, `most` or `all`."""
    plain = {"most": most, "all": known}
    first, second = (
        plain[n](results) if n in plain else best(results, n) for n in (this, that)
    )
    return first - second


def highest(found: xr.DataArray, along: str) -> xr.DataArray:
    """What is found where the mean over all else is highest."""
    others = [name for name in found.dims if name != along]
    return found.isel({along: int(found.mean(others).argmax(along))})


def figure(results: mj.Results) -> Figure:
    """What is known and stored by number of facts, and with some left out."""
    canvas, panel = panels("abc", (13, 3.6))
    main = one(results["main"], "size", "power").isel(step=-1)
    look: dict[str, Any] = {"color": "power", "label": "power {power:g}"}
    for letter, name in (("a", "known"), ("b", "bits")):
        points(panel[letter], main[name], "size", join=True, error="se", **look)
        log_ticks(panel[letter], main["size"].values)
    axis, sizes = panel["a"], main["size"].values
    axis.plot(sizes, sizes, "k:", lw=1, label="all")
    axis.set(ylim=(0, 1.3 * float(main.known.max())))
    frame(axis, "all are taught", main, "facts", "facts known")
    lines(panel["b"], main["size"] * np.log2(VALUES), "size", dash=":", color="k")
    panel["b"].set(ylim=(0, 1.3 * float(main.bits.max())))
    frame(panel["b"], "width {width}", main, "facts", "bits stored")
    draw_pruned(panel["c"], results)
    return canvas


def draw_pruned(axis: Axes, results: mj.Results) -> None:
    """Facts known of all by how many are taught, and how many at most and at first."""
    pruned = one(results["pruned"], "keep", "by_loss", "flat")
    for i, (name, (by_loss, flat)) in enumerate(ARMS.items()):
        found = pruned.known.sel(by_loss=by_loss, flat=flat)
        look: dict[str, Any] = {"label": name, "color": f"C{i}", "error": "se"}
        points(axis, found, "keep", join=True, **look)
    level(axis, most(results).mean(), "the most, of any number")
    plain = known(results).isel(size=-1, power=-1).mean()
    level(axis, plain, "all are taught", ls="--")
    log_ticks(axis, pruned.keep.values)
    words = "{size} facts, power {power:g}"
    frame(axis, words, pruned, "facts taught", "facts known", legend=BESIDE)


if __name__ == "__main__":
    launch(__name__)
