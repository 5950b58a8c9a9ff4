"""Linear models that memorize a graph, as in arXiv:2510.26745, and pictures of them."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from matplotlib.axes import Axes
from scipy.linalg import orthogonal_procrustes

import memjax as mj
from memjax.datasets import graphs
from memjax.observables import embedding, memory, spectral
from memjax.plots import frame, network

OF_NODES = ("eigen", "principal", "node", "next")  # dimensions as long as a graph
ASSOCIATIVE, GEOMETRIC = 0.9, 0.5  # of n - 1: participation from, and up to


class Setting(NamedTuple):
    """A row of the published study: a cycle of 15, width 512, AdamW, 10,000 steps."""

    init_scale: float
    lr: float
    wd: float = 0.0
    dropout: float = 0.0
    cosine: int = 0  # 1 where the learning rate falls along one
    self_edges: int = 0
    checkpoint: float | None = None  # participation of the published embedding


SETTINGS = {
    "1": Setting(0.02, 1e-2, self_edges=1),
    "2a": Setting(0.02, 1e-2, checkpoint=5.10),
    "2b": Setting(0.02, 1e-4, checkpoint=10.08),
    "3a": Setting(1.0, 1e-4, checkpoint=13.94),
    "3b": Setting(1.0, 1e-1, cosine=1),
    "3c": Setting(1.0, 1e-4, wd=10.0),
    "3d": Setting(1.0, 1e-3, dropout=0.4, checkpoint=10.42),
}


class Walks(NamedTuple):
    """A graph as arrays: as it is and with self edges; or several, each an entry."""

    walk: Any  # [2, n, n]
    basis: spectral.Basis


def walks_on(found: list[graphs.Graph]) -> Walks:
    """Several graphs as arrays, each an entry."""
    both = [g for graph in found for g in (graph, graphs.with_self_edges(graph))]
    walks = [graphs.transitions(graph) for graph in both]
    basis = spectral.stacked([spectral.eigenbasis(walk) for walk in walks])
    whole = Walks(graphs.stacked(walks), basis)
    return jax.tree.map(lambda a: a.reshape(-1, 2, *a.shape[1:]), whole)


def along(name: str, found: list[graphs.Graph]) -> dict[str, Any]:
    """The input of runs on these graphs, one for each value of an axis."""
    return {name: mj.per(name, walks_on(found))}


def two_matrices(
    graph: Walks, self_edges: Any, width: Any, lr: Any, init_scale: Any, seed: Any,
    *, max_width: int, model: str, steps: Any, dims: int = 2,
) -> mj.Legs:  # fmt: skip
    """Memorize a graph by gradient descent; `lr` is that of the sum over nodes."""
    walk, basis = jax.tree.map(lambda a: a[self_edges], graph)
    data, live = graphs.next_nodes(walk), (basis.live.sum(), width)
    net = getattr(mj.models.graph, model)(len(walk), max_width, live=live)
    loss = mj.losses.of_model(net.apply, mj.losses.cross_entropy)

    def observe(params: Any) -> dict[str, Any]:
        now = partial(net.apply, params), partial(loss, params), params["v"]
        return memory.by_mode(*now, data, walk, basis)

    def finish(params: Any) -> dict[str, Any]:
        return embedding.portrait(params["v"], walk, basis, dims)

    sgd = optax.sgd(lr * (data.w > 0).sum())  # of the sum over nodes, from the mean
    start = net.init(jax.random.key(seed), init_scale)
    return mj.train(loss, sgd, observe, steps, finish=finish)(start, data)


def three_matrices(
    graph: Walks, self_edges: Any, width: Any, optimizer: optax.GradientTransformation,
    init_scale: Any, seed: Any, *, max_width: int, steps: int, dropout: Any = None,
    held: tuple[str, ...] = (), bfloat16: bool = False,
) -> mj.Legs:  # fmt: skip
    """Train V, W and b, but those `held`, on the mean over edges."""
    init_key, train_key = jax.random.split(jax.random.key(seed))
    walk, basis = jax.tree.map(lambda a: jnp.asarray(a)[self_edges], graph)
    nodes, edges = graphs.next_nodes(walk), graphs.next_nodes(walk, "edge")
    how: Any = {"live": (basis.live.sum(), width), "bfloat16": bfloat16}
    net = mj.models.graph.three_matrix(len(walk), max_width, **how)
    first = net.init(init_key, init_scale)
    start, apply = mj.models.graph.freeze(net.apply, first, *held)
    loss = mj.losses.of_model(apply, mj.losses.next_token)

    def noisy(params: Any, x: jax.Array, y: jax.Array, key: jax.Array) -> jax.Array:
        keep = mj.models.graph.dropout(key, dropout, max_width)
        return mj.losses.next_token(apply(params, x, keep), y)

    def observe(params: Any) -> dict[str, Any]:
        nats = mj.expect(partial(loss, params), edges)
        v, w = ({**first, **params}[name] for name in "vw")
        seen = memory.along(partial(apply, params), v, w, first["v"], nodes, basis)
        return {"loss": nats, **seen}

    def finish(params: Any) -> dict[str, Any]:
        v = {**first, **params}["v"]
        return memory.at_end(partial(apply, params), v, walk, basis)

    task, when = loss if dropout is None else noisy, mj.spaced(20, steps, late=6)
    train = mj.train(task, optimizer, observe, when, finish=finish)
    return train(start, edges, train_key)


LOOKS = {1: ("#0072B2", ""), 0: ("0.6", ""), -1: ("#D55E00", "////")}  # by eigenvalue


def trimmed(found: xr.Dataset) -> xr.Dataset:
    """The runs of one graph, its own modes and nodes only."""
    nodes = int(found.eigenvalue.notnull().sum("eigen").max())
    return found.isel(dict.fromkeys(OF_NODES, slice(nodes)), missing_dims="ignore")


def draw_columns(axes: list[Axes], shown: dict[str, xr.Dataset]) -> None:
    """The profiles of embeddings that AdamW learned, and below each a map of it."""
    for i, (said, runs) in enumerate(shown.items()):
        ratio = float(mj.late(runs).participation.mean())
        draw_profile(axes[i], runs, f"{said}\nparticipation {ratio:.1f}")
        draw_map(axes[len(shown) + i], runs)
    axes[0].set_ylabel("‖Vᵀe‖ over the largest, ± sd")
    axes[len(shown)].set_ylabel("two principal axes\nof the embedding")


def draw_profile(axis: Axes, runs: xr.Dataset, title: str) -> None:
    """Projections by mode, each run's over its largest."""
    p = runs.projection.isel(eigen=slice(1, None))
    p = p.isel(step=-1) if "step" in p.dims else p
    mean, sd, _ = mj.spread(p / p.max("eigen"))
    value = runs.eigenvalue.isel(seed=0, eigen=slice(1, None))
    signs = np.sign(value.where(abs(value) > 1e-6, 0)).values
    colors, hatches = zip(*map(LOOKS.get, signs), strict=True)
    look: Any = {"color": colors, "hatch": hatches, "ec": "w", "lw": 0.5}
    axis.bar(p.eigen, mean, yerr=sd, error_kw={"elinewidth": 0.8}, **look)
    axis.set_xticks(range(0, p.sizes["eigen"] + 1, 5))
    frame(axis, title, runs, xlabel="mode; hatched: eigenvalue < 0", ylim=(0, 1.2))


def draw_map(axis: Axes, runs: xr.Dataset, name: str = "embedding") -> None:
    """The nodes of one run, and its edges, in the plane of two axes."""
    one = runs.isel(seed=0)
    places = one[name].transpose("node", "axis").values
    if name == "eigenvector":  # their plane is theirs, their orientation the solver's
        places = places @ orthogonal_procrustes(places, one.embedding.values)[0]
    network(axis, places, one.walk.values)
