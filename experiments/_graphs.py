"""Linear models that memorize a graph, and its pictures, for the experiments on them.

Published: Noroozizadeh, Nagarajan, Rosenfeld, Kumar, arXiv:2510.26745.
"""

import string
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from matplotlib.axes import Axes

import memjax as mj
from memjax.datasets import graphs
from memjax.observables import spectral
from memjax.plots import frame

Results = dict[str, xr.Dataset]
OF_NODES = ("eigen", "principal", "node", "next")  # dimensions as long as a graph
ASSOCIATIVE, GEOMETRIC = 0.9, 0.5  # of n - 1: participation from, and up to


class Setting(NamedTuple):
    """A row of the published study: a cycle of 15, width 512, AdamW, 10,000 steps."""

    init_scale: float
    lr: float
    wd: float = 0.0
    dropout: float = 0.0
    cosine: bool = False
    self_edges: bool = False
    checkpoint: float | None = None  # participation of the published embedding


SETTINGS = {
    "1": Setting(0.02, 1e-2, self_edges=True),
    "2a": Setting(0.02, 1e-2, checkpoint=5.10),
    "2b": Setting(0.02, 1e-4, checkpoint=10.08),
    "3a": Setting(1.0, 1e-4, checkpoint=13.94),
    "3b": Setting(1.0, 1e-1, cosine=True),
    "3c": Setting(1.0, 1e-4, wd=10.0),
    "3d": Setting(1.0, 1e-3, dropout=0.4, checkpoint=10.42),
}


def parsed(text: str, directed: bool = False) -> graphs.Graph:
    """The graph that a flag names."""
    try:
        return graphs.parse(text, directed=directed)
    except ValueError as error:
        raise mj.BadValue("graph", str(error)) from None


# --- the runs -----------------------------------------------------------------------


def two_matrices(
    graph: graphs.Graph,
    lr: Any,
    init_scale: Any,
    seed: Any,
    width: int,
    steps: int,
    model: str = "tied",
) -> mj.Legs:
    """Memorize a graph by gradient descent; `lr` is that of the sum over nodes."""
    data, walk = graphs.next_nodes(graph), graphs.transitions(graph)
    basis = spectral.eigenbasis(walk)
    net = getattr(mj.models.graph, model)(graph.nodes, width)
    by_mode = partial(mj.named, coords=range(graph.nodes))

    def loss(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return mj.losses.cross_entropy(net.apply(params, x), y)

    def remembered(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return spectral.recall(net.apply(params, x), y, x)

    def observe(params: Any) -> dict[str, Any]:
        logits = jax.vmap(partial(net.apply, params))(data.x)
        p = spectral.projections(params["v"], basis)
        c = spectral.projections(spectral.residual(logits, walk), basis)
        return {
            "loss": mj.expect(partial(loss, params), data),
            "recall": mj.expect(partial(remembered, params), data),
            "projection": by_mode(p, "eigen"),
            "residual": by_mode(c, "eigen"),
            "strength": by_mode(spectral.principal(params["v"])[1], "principal"),
            "participation": spectral.participation(p),
            **spectral.directions(p, basis),
        }

    optimizer = optax.sgd(lr * (data.w > 0).sum())  # the sum over nodes, from the mean
    drawn = partial(portrait, walk=walk, basis=basis)
    finish = {"finish": lambda params: drawn(params["v"])}
    train = mj.train(loss, optimizer, observe, steps, **finish)
    return train(net.init(jax.random.key(seed), init_scale), data)


def three_matrices(
    graph: graphs.Graph,
    optimizer: optax.GradientTransformation,
    init_scale: Any,
    seed: Any,
    width: int,
    when: Sequence[int],
    dropout: float = 0.0,
    freeze: bool = False,
    bfloat16: bool = False,
) -> mj.Legs:
    """Train V, W and b on the mean over edges, and observe V and the logits."""
    init_key, train_key = jax.random.split(jax.random.key(seed))
    edges = graphs.next_nodes(graph, "edge")
    net = mj.models.graph.three_matrix(graph.nodes, width, bfloat16=bfloat16)
    params = net.init(init_key, init_scale)
    start, apply = params, net.apply
    if freeze:
        start, apply = mj.models.graph.freeze(net.apply, params, "v")

    def loss(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return cross_entropy(apply(params, x), y)

    def noisy(params: Any, x: jax.Array, y: jax.Array, key: jax.Array) -> jax.Array:
        keep = mj.models.graph.dropout(key, dropout, width)
        return cross_entropy(apply(params, x, keep), y)

    seen = Seen(graph, params, apply)

    def observe(trained: Any) -> dict[str, Any]:
        return {"loss": mj.expect(partial(loss, trained), edges), **seen.along(trained)}

    task = noisy if dropout else loss
    train = mj.train(task, optimizer, observe, when, finish=seen.at_end)
    return train(start, edges, train_key)


class Seen:
    """What is observed of three matrices, some of which may be held at their start."""

    def __init__(self, graph: graphs.Graph, params: Any, apply: Any) -> None:
        self.params, self.apply = params, apply
        self.nodes = graphs.next_nodes(graph)
        self.walk = graphs.transitions(graph)
        self.basis = spectral.eigenbasis(self.walk)

    def along(self, trained: Any) -> dict[str, Any]:
        """How flat the embedding is, how far it moved, and what is remembered."""
        every = {**self.params, **trained}
        v, first = (p["v"][: len(self.walk)] for p in (every, self.params))
        p = spectral.projections(v, self.basis)
        kept = spectral.geometric_logits(every["v"], every["w"])

        def score(x: jax.Array, y: jax.Array) -> dict[str, jax.Array]:
            logits, best = self.apply(trained, x), spectral.best_margin(kept[x], y, x)
            return {
                "recall": spectral.recall(logits, y, x),
                "margin": spectral.margin(logits, y, x),
                "geometric_margin": best,
                "geometric_top1": jnp.asarray(best > 0, jnp.float32),
            }

        return {
            "participation": spectral.participation(p),
            "negative_share": spectral.negative_share(p, self.basis),
            "moved": jnp.linalg.norm(v - first) / jnp.linalg.norm(first),
            **mj.expect(score, self.nodes),
        }

    def at_end(self, trained: Any) -> dict[str, Any]:
        """The profile of the embedding and of the logits between nodes, and a map."""
        n = len(self.walk)
        v = {**self.params, **trained}["v"][:n]
        p = spectral.projections(v, self.basis)
        logits = jax.vmap(partial(self.apply, trained))(np.arange(n))[:, :n]
        spectrum = spectral.logit_spectrum(logits, self.basis)
        return {
            "projection": mj.named(p, "eigen", coords=range(n)),
            "logit": mj.named(spectrum, "eigen", coords=range(n)),
            **spectral.directions(p, self.basis),
            **portrait(v, self.walk, self.basis),
        }


def cross_entropy(logits: jax.Array, law: jax.Array) -> jax.Array:
    """The loss of logits [tokens] for a law over the nodes, which come first [n]."""
    return -law @ jax.nn.log_softmax(logits)[: len(law)]


def portrait(v: jax.Array, walk: np.ndarray, basis: spectral.Basis) -> dict[str, Any]:
    """Where the nodes lie in two principal axes and in two eigenvectors, by node."""
    nodes = range(len(v))
    plane = spectral.in_plane(v, walk, basis)
    of_nodes = partial(mj.named, coords={"node": nodes, "next": nodes})
    return {
        "embedding": of_nodes(plane["embedding"], "node", "axis"),
        "eigenvector": of_nodes(plane["eigenvector"], "node", "axis"),
        "in_plane": plane["share"],
        "eigenvalue": mj.named(jnp.asarray(basis.values), "eigen", coords=nodes),
        "walk": of_nodes(jnp.asarray(walk), "node", "next"),
    }


def times(steps: int) -> tuple[int, ...]:
    """Log-spaced steps, and six even ones over the last quarter to average."""
    spaced = np.geomspace(1, steps, 20).round()
    late = np.linspace(0.75 * steps, steps, 6).round()
    return tuple(sorted({0, *spaced.astype(int).tolist(), *late.astype(int).tolist()}))


# --- what was found -----------------------------------------------------------------


def late(results: xr.Dataset) -> xr.Dataset:
    """The means over the last quarter of the steps, where AdamW still jitters."""
    logged = [name for name, a in results.items() if "step" in a.dims]
    steps = results.step >= 0.75 * results.step[-1]
    return results[logged].isel(step=np.flatnonzero(steps)).mean("step")


def trimmed(found: xr.Dataset) -> xr.Dataset:
    """The runs of one graph, its own modes and nodes only."""
    nodes = int(found.eigenvalue.notnull().sum("eigen").max())
    return found.isel({d: slice(nodes) for d in OF_NODES if d in found.dims})


# --- what to look at ----------------------------------------------------------------

UP, DOWN = "#0072B2", "#D55E00"  # of positive, negative eigenvalue


def mosaic(*rows: tuple[int, int]) -> str:
    """Letters for `panels`: rows of columns, as many rows of each as said."""
    letters = iter(string.ascii_letters)
    parts = [
        ";".join("".join(next(letters) for _ in range(columns)) for _ in range(count))
        for columns, count in rows
    ]
    return "|".join(parts)


def draw_profile(
    axis: Axes, runs: xr.Dataset, title: str, values: bool = False
) -> None:
    """Projections by mode, each run's over its largest; eigenvalues as dots."""
    p = runs.projection.isel(eigen=slice(1, None))
    p = p.isel(step=-1) if "step" in p.dims else p
    mean, sd, used = mj.spread(p / p.max("eigen"))
    value = runs.eigenvalue.isel(seed=0, eigen=slice(1, None))
    sign = np.sign(value.where(abs(value) > 1e-6, 0))
    for at, color, hatch in ((1, UP, ""), (0, "0.6", ""), (-1, DOWN, "////")):
        look: Any = {"color": color, "hatch": hatch, "ec": "w", "lw": 0.5}
        axis.bar(p.eigen[sign == at], mean[sign == at], **look)
    if int(used.max()) > 1:
        axis.errorbar(p.eigen, mean, sd, ls="", color="k", elinewidth=0.8)
    if values:
        axis.plot(p.eigen, value / value.max(), "o-", color="0.3", ms=2.5, lw=0.6)
        axis.axhline(0, color="k", lw=0.5)
        axis.axhline(0.3, color="0.6", lw=0.6, ls=":")
    least = float(value.min() / value.max()) - 0.1 if values else 0
    axis.set_xticks(range(0, p.sizes["eigen"] + 1, 5))
    frame(axis, title, xlabel="mode; hatched: eigenvalue < 0", ylim=(least, 1.2))


def draw_map(axis: Axes, runs: xr.Dataset, name: str = "embedding") -> None:
    """The nodes of one run, and its edges, in the plane of two axes."""
    one = runs.isel(seed=0)
    points = one[name].transpose("node", "axis").values
    if name == "eigenvector":  # their plane is theirs, their orientation the solver's
        u, _, vt = np.linalg.svd(points.T @ one.embedding.values)
        points = points @ u @ vt
    x, y = points.T
    for u, v in np.argwhere(np.triu(one.walk.values + one.walk.values.T, 1) > 0):
        axis.plot(x[[u, v]], y[[u, v]], color="0.75", lw=0.8, zorder=1)
    axis.scatter(x, y, c=np.arange(len(x)), s=15, cmap="twilight_shifted", zorder=2)
    near = np.hypot(*(points[:, None] - points).T) < 0.02 * np.ptp(points, axis=0).max()
    for k in {int(np.argmax(row)) for row in near if row.sum() > 1}:
        axis.annotate(f"{near[k].sum()} nodes", (x[k], y[k]), (4, 4), **BESIDE_IT)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    axis.set_aspect("equal", "datalim")


BESIDE_IT: Any = {"textcoords": "offset points", "fontsize": 6.5}
