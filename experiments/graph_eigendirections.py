"""A wide two-layer model memorizes a graph with a minimal set of eigendirections.

Logits `V Vᵀ`, cross-entropy, plain gradient descent, no regularizer: the embedding V
ends in few eigenvectors of the graph's walk, two for a cycle, at every width and scale
of the start. The model cannot rank neighbors above the node itself, so the loss stays
far above the entropy of the next node; a graph is remembered when neighbors rank above
all other nodes.

Source: Noroozizadeh, Nagarajan, Rosenfeld, Kumar, arXiv:2510.26745, and their thread of
26 May 2026; no number for "minimal" was published.
Command: python -m experiments.graph_eigendirections
Expected: cycle of 15: ‖Vᵀe‖ = 6.751 twice and below 0.02 elsewhere, loss 1.43492.

`lr` is the step size on the SUM over nodes of the mean over a node's neighbors, as
published: 0.01 is 0.15 on the mean over 15 nodes. The sweep `cycles` trains cycles of
many sizes, for as long as the closed form says (`memjax.theory.cycles`). The derived
values of other graphs are those of a convex problem (`memjax.theory.convex`).
"""

from functools import cache, partial
from typing import Any

import jax
import numpy as np
import optax
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import memjax as mj
from memjax.cli import launch
from memjax.datasets import graphs
from memjax.observables import spectral

STEPS = 10_000
SIZES = (8, 10, 12, 15, 20, 30)  # of the cycles held against the closed form
LOOPED = (8, 10, 15, 20)  # of those with self edges, three times as slow
LEFT = 1e-3  # the decay of the slowest frequency that a cycle is trained for
CONVEX = 40  # nodes up to which the convex problem is solved
PAPER = "Noroozizadeh et al., arXiv:2510.26745"
NOTES = "checkpoint of the authors' repository, recomputed"
DERIVED = "closed form for cycles"
SEPARATE = "convex problem, float64 interior-point solver"


# --- the runs -----------------------------------------------------------------------


def run(
    lr: Any,
    init_scale: Any,
    seed: Any,
    *,
    graph: graphs.Graph,
    self_edges: int,
    width: int,
    model: str,
    steps: int,
) -> mj.Legs:
    """Memorize a graph by gradient descent; `lr` is that of the sum over nodes."""
    graph = graphs.with_self_edges(graph) if self_edges else graph
    data, walk = graphs.next_nodes(graph), graphs.transitions(graph)
    basis = spectral.eigenbasis(walk)
    net = getattr(mj.models.graph, model)(graph.nodes, width)
    mode, node = range(graph.nodes), {"node": range(graph.nodes)}

    def loss(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return mj.losses.cross_entropy(net.apply(params, x), y)

    def score(params: Any, x: jax.Array, y: jax.Array) -> tuple[jax.Array, ...]:
        logits = net.apply(params, x)
        return (
            mj.losses.cross_entropy(logits, y),
            spectral.recall(logits, y, x),
            spectral.margin(logits, y, x),
        )

    def observe(params: Any) -> dict[str, Any]:
        value, recall, margin = mj.expect(partial(score, params), data)
        logits = jax.vmap(partial(net.apply, params))(data.x)
        p = spectral.projections(params["v"], basis)
        c = spectral.projections(spectral.residual(logits, walk), basis)
        return {
            "loss": value,
            "recall": recall,
            "margin": margin,
            "projection": mj.named(p, "eigen", coords=mode),
            "residual": mj.named(c, "eigen", coords=mode),
            "participation": spectral.participation(p),
            **spectral.directions(p, basis),
        }

    def finish(params: Any) -> dict[str, Any]:
        points, shares = spectral.principal(params["v"], 2)
        return {
            "edge_cosine": spectral.edge_cosine(params["v"], walk),
            "embedding": mj.named(points, "node", "axis", coords=node),
            "variance": mj.named(shares, "axis"),
            "eigenvalue": mj.named(basis.values, "eigen", coords=mode),
            "eigenvector": mj.named(
                basis.vectors[:, 1:3], "node", "axis", coords=node
            ),
            "walk": mj.named(walk, "node", "next", coords={**node, "next": mode}),
        }

    points = (data.w > 0).sum()
    optimizer = optax.sgd(lr * points)  # the sum over nodes, from the mean
    train = mj.train(loss, optimizer, observe, steps, finish=finish)
    return train(net.init(jax.random.key(seed), init_scale), data)


def sweeps(
    graph: tuple = ("cycle", "grid", "star", "irregular"),
    self_edges: tuple = (0, 1),
    width: tuple = (15, 100, 512),
    init_scale: tuple = (0.01, 1.0),
    lr: tuple = (0.01,),
    seeds: range = range(3),
    model: tuple = ("tied",),
    directed: bool = False,
    steps: int = STEPS,
    theory: bool = True,
) -> dict[str, mj.Sweep]:
    """Graphs by width, initial scale and seed, and cycles of many sizes.

    graph: graphs: cycle:15, path:15, grid:4:4, star:arms:length, tree:branching:depth,
      irregular, clustered:blocks:size, file:edges.txt (two names a line), or a networkx
      generator such as nx:hypercube_graph:4
    self_edges: 0 as it is, 1 every node is also a next node of itself
    width: widths of the embedding; each is a program of its own
    init_scale: standard deviations of the initial embedding
    lr: learning rates, on the sum over nodes
    seeds: how many seeds, or which ones (3,7)
    model: tied (V Vᵀ) or untied (V Uᵀ)
    directed: learn each edge only in the direction in which it is listed
    steps: steps of gradient descent
    theory: also train cycles of many sizes, to hold against the closed form
    """
    for name in model:
        if name not in ("tied", "untied"):
            raise mj.BadValue("model", f"tied or untied, not {name}")
    if not set(self_edges) <= {0, 1}:
        raise mj.BadValue("self_edges", f"0 or 1, not {self_edges}")
    main = mj.Sweep(
        run,
        graph=[parsed(text, directed) for text in graph],
        self_edges=self_edges,
        width=width,
        init_scale=init_scale,
        lr=lr,
        seed=seeds,
        model=model,
        steps=steps,
    )
    return {"main": main, "cycles": cycles(seeds)} if theory else {"main": main}


def parsed(text: str, directed: bool) -> graphs.Graph:
    """The graph that a flag names."""
    try:
        return graphs.parse(text, directed=directed)
    except ValueError as error:
        raise mj.BadValue("graph", str(error)) from None


def cycles(seeds: Any) -> mj.Sweep:
    """Cycles with and without self edges, each trained until two directions remain."""
    cases = [(n, False) for n in SIZES] + [(n, True) for n in LOOPED]
    rings = [graphs.cycle(n) for n, _ in cases]
    looped = [loops for _, loops in cases]
    length = [mj.theory.cycles.steps_to(LEFT, n, 0.01, loops) for n, loops in cases]
    tied = mj.zipped(
        graph=[
            graphs.with_self_edges(g) if loops else g
            for g, loops in zip(rings, looped, strict=True)
        ],
        steps=[round(steps) for steps in length],
    )
    fixed = {"lr": 0.01, "init_scale": 1.0, "width": 100, "self_edges": 0}
    return mj.Sweep(run, tied, seed=seeds, model="tied", **fixed)
