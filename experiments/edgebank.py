"""A table of the edges seen so far predicts edges well, if it is asked easy questions.

In a graph whose edges come again, to say yes to every pair that was ever seen is right
about all that come again. Whether that looks good depends on which other pairs are
asked about: of random ones the table knows hardly any, and it looks strong; of those
that were seen earlier it knows all, and it is worse than to guess. So the order of two
methods can turn with the question.

Source: Poursafaei, Huang, Pelrine and Rabbany, arXiv 2207.10128. Their graphs are real;
the stream here is ours, and the identities that it is held against are derived.
Command: python -m experiments.edgebank
Expected: area under the curve (1 + again - density) / 2 with random negatives, and
again / 2 with those seen earlier.

100 batches of 200 edges among 200 nodes, the last 15 are the test; the table is read
before a batch is written, and goes on growing. It holds everything, what was seen in a
window of batches, or what was seen at least as often as the mean. `popular` is no
table: the more edges lead to a node, the likelier another. Negatives are one an edge:
`random` has its source, `historical` was seen earlier, `inductive` was first seen in
the test, filled up with random ones. A list of edges, a line `source destination` for
each in their order, is run by `--listed=FILE`.
"""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.datasets.temporal import Memory, empty, temporal, written
from memjax.observables.memorization import auc, binary_auc, binary_precision
from memjax.plots import BESIDE, frame, level, lines, one, panels, points

TABLES = ("all", "window", "frequent")
SAMPLERS = ("random", "historical", "inductive")
TESTED = 0.15  # of the batches
MOST_NODES = 3000  # of a list; a memory of their pairs is an array


def run(
    again: Any, half_life: Any, window: Any, seed: Any,
    *, nodes: int, batches: int, edges: int,
) -> dict[str, Any]:  # fmt: skip
    """A stream, and what tables of it are worth in its last batches."""
    keys = jax.random.split(jax.random.key(seed))
    stream = temporal(nodes, batches, edges)(keys[0], again, half_life)
    return judged(stream, window, keys[1], nodes)


def listed_run(window: Any, seed: Any, stream: Any, *, nodes: int) -> dict[str, Any]:
    """The same of a list of edges."""
    return judged(stream, window, jax.random.key(seed), nodes)


def judged(
    stream: jax.Array, window: Any, key: jax.Array, nodes: int
) -> dict[str, Any]:
    """Areas, precisions and rates of all tables with all negatives, over the test."""
    batches = len(stream)
    begin = round((1 - TESTED) * batches)

    def learn(memory: Memory, at: tuple) -> tuple[Memory, None]:
        return written(memory, *at), None

    def test(memory: Memory, at: tuple) -> tuple[Memory, dict]:
        now, t = at
        asked, filled = negatives(memory, now, begin, jax.random.fold_in(key, t), nodes)
        known = tables(memory, t, window)
        true, false = (jnp.mean(known[:, e], axis=-1) for e in (now, asked))
        rates = (true[:, None], false)  # [tables, samplers]
        popular = jnp.sum(memory.times.reshape(nodes, nodes), axis=0)
        of_popular = [auc(*(popular[e % nodes] for e in (now, a))) for a in asked]
        seen = {
            "auc": binary_auc(*rates),
            "precision": binary_precision(*rates),
            "popular": jnp.stack(of_popular),
            "true_rate": true,
            "density": jnp.sum(memory.times > 0) / (nodes * (nodes - 1)),
            "filled": filled,
        }
        return written(memory, now, t), seen

    times = jnp.arange(batches)
    memory, _ = jax.lax.scan(learn, empty(nodes), (stream[:begin], times[:begin]))
    _, seen = jax.lax.scan(test, memory, (stream[begin:], times[begin:]))
    return {name: over_batches(name, a) for name, a in seen.items()}


def over_batches(name: str, values: jax.Array) -> Any:
    """The mean over batches [batches, …], by table and sampler."""
    labels = {"table": TABLES, "sampler": SAMPLERS}
    dims = {"auc": ["table", "sampler"], "precision": ["table", "sampler"]}
    dims |= {"popular": ["sampler"], "true_rate": ["table"]}
    mean, own = jnp.mean(values, axis=0), dims.get(name)
    return mj.named(mean, *own, coords={n: labels[n] for n in own}) if own else mean


def tables(memory: Memory, t: Any, window: Any) -> jax.Array:
    """What each of the tables holds: [tables, pairs]."""
    seen = memory.times > 0
    mean = jnp.sum(memory.times) / jnp.maximum(jnp.sum(seen), 1)
    recent = seen & (t - memory.last <= window)
    return 1.0 * jnp.stack([seen, recent, seen & (memory.times >= mean)])


def negatives(
    memory: Memory, now: jax.Array, begin: int, key: jax.Array, nodes: int
) -> tuple[jax.Array, jax.Array]:
    """Pairs that are not in the batch, by sampler, and how many are truly inductive."""
    keys = jax.random.split(key, 3)
    absent = jnp.ones(nodes * nodes, bool).at[now].set(False)
    free = absent & ~jnp.eye(nodes, dtype=bool).reshape(-1)
    of_source = free.reshape(nodes, nodes)[now // nodes]
    chance = jax.random.uniform(keys[0], of_source.shape)
    other = jnp.argmax(jnp.where(of_source, chance, -1.0), axis=1)
    random = now // nodes * nodes + other
    seen = memory.times > 0
    old, _ = drawn(keys[1], seen & absent, random)
    fresh, filled = drawn(keys[2], seen & absent & (memory.first >= begin), random)
    return jnp.stack([random, old, fresh]), filled


def drawn(key: jax.Array, of: jax.Array, others: jax.Array) -> tuple:
    """Different ones of these pairs, filled up with others; and the share of them."""
    chance = jnp.where(of, jax.random.uniform(key, of.shape), -1.0)
    best, found = jax.lax.top_k(chance, len(others))
    return jnp.where(best >= 0, found, others), jnp.mean(best >= 0)


def sweeps(
    again: tuple = (0.2, 0.4, 0.6, 0.8, 0.9),  # how often an edge is one seen before
    half_life: tuple = (10.0,),  # batches after which it is half as likely
    window: tuple = (10,),  # batches that a window reaches back
    seeds: Any = 32,  # how many seeds, or which ones (3,7)
    nodes: int = 200,  # of the stream
    batches: int = 100,  # of edges
    edges: int = 200,  # in a batch
    listed: str = "",  # a file of edges, to run besides
) -> dict[str, mj.Sweep]:
    """Streams by how often edges come again; and those of a file."""
    mj.between(0, 1, again=again)
    mj.inside(0, np.inf, half_life=half_life)
    shapes: dict[str, Any] = {"nodes": nodes, "batches": batches, "edges": edges}
    numbers: dict[str, Any] = {"window": window, "seed": mj.seeds(seeds)}
    main = mj.Sweep(run, again=again, half_life=half_life, **numbers, **shapes)
    made = {"main": main}
    if listed:
        stream, count = read(listed, edges)
        given: dict[str, Any] = {"inputs": {"stream": stream}, "nodes": count}
        made["listed"] = mj.Sweep(listed_run, **numbers, **given)
    return made


def read(file: str, edges: int) -> tuple[np.ndarray, int]:
    """The edges of a file in whole batches, as flat indices, and how many nodes."""
    try:
        pairs = np.loadtxt(Path(file), usecols=(0, 1), dtype=str)
    except (OSError, ValueError) as problem:
        raise mj.BadValue("listed", f"cannot be read: {problem}") from None
    names, index = np.unique(pairs, return_inverse=True)
    count, index = len(names), index.reshape(pairs.shape)
    batches = len(pairs) // edges
    if count > MOST_NODES or batches < 10:
        raise mj.BadValue("listed", f"has {count} nodes and {batches} batches")
    flat = index[: batches * edges] @ np.array([count, 1])
    return flat.reshape(batches, edges).astype(np.int32), count


def claims(results: mj.Results) -> list[mj.Claim]:
    """What the table is worth, by question, and against another method."""
    return mj.judged(__file__, results, beside_random, beside_old)


def beside_random(results: mj.Results) -> xr.DataArray:
    """With random ones: area of the table of all less (1 + again - density) / 2."""
    seen = results["main"]
    return (
        seen.auc.sel(table="all", sampler="random")
        - (1 + seen.again - seen.density) / 2
    )


def beside_old(results: mj.Results) -> xr.DataArray:
    """With historical ones: area of the table of all less again / 2."""
    seen = results["main"]
    return seen.auc.sel(table="all", sampler="historical") - seen.again / 2


def figure(results: mj.Results) -> Figure:
    """Areas by how often edges come again, for each of the questions."""
    canvas, panel = panels("abc", (13, 3.6))
    main = one(results["main"], "again", "table", "sampler")
    for letter, sampler in zip("abc", SAMPLERS, strict=True):
        draw(panel[letter], main.sel(sampler=sampler), letter == "c")
    return canvas


def draw(axis: Axes, seen: xr.Dataset, last: bool) -> None:
    """Areas of all tables and of popularity with one kind of negatives."""
    look: dict[str, Any] = {"color": "table", "label": "table: {table}", "join": True}
    points(axis, seen.auc, "again", **look)
    points(axis, seen.popular, "again", join=True, color="k", label="popular", mfc="w")
    exact = {"random": (1 + seen.again - seen.density.mean("seed")) / 2}
    exact["historical"] = seen.again / 2
    sampler = seen.sampler.item()
    if sampler in exact:
        lines(
            axis, exact[sampler], "again", color="k", dash="--", lw=0.8, label="exact"
        )
    level(axis, 0.5, "a guess")
    y = "area under the ROC curve"
    how: dict[str, Any] = {"legend": BESIDE if last else False, "ylim": (0, 1)}
    frame(axis, "{sampler} negatives", seen, "share that comes again", y, **how)


if __name__ == "__main__":
    launch(__name__)
