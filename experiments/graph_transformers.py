"""A transformer puts a small graph into few eigenvectors, zigzags among them.

One layer learns the edges of a graph of 15 to 17 nodes. The embedding of the nodes ends
in some of the eigenvectors of the graph's walk, as that of the model `V Vᵀ` does, but
in more of them, and in negative ones, in which neighbors have opposite signs: these
cancel the logit of the node itself. With self edges there is less to cancel. Mamba's
embedding, with the same rate and steps, is between that and one that is held.

Source: Noroozizadeh, Nagarajan, Rosenfeld, Kumar, arXiv:2510.26745, and the notebooks
and checkpoints of their repository: one seed a graph.
Command: python -m experiments.graph_transformers
Expected: cycle of 15: participation ratio 4.3 of 14, cosine of neighbors 0.35; one way
5.2 and 0.67.

As published: `edge u` in, the next of all nodes and 9 more tokens out, mean over edges;
one layer and head, width 32, weights N(0, 0.02²), positions N(0, 1), AdamW at 0.01, a
cosine to a tenth, 500 steps (star, grid), 700 (cycle) or 2500 (irregular). Mamba with
these is ours, from its own start: of it only shapes are known (8 states, window 4,
twice the channels). So is `frozen`, an embedding held at N(0, 1).
"""

import itertools
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
from memjax.datasets import graphs
from memjax.models.graph import SPECIALS
from memjax.models.mlp import normal
from memjax.models.padding import FAR
from memjax.observables import embedding, memory, spectral
from memjax.plots import panels
from . import _graph_transformers as shared
from . import _graphs as family

STEPS = {"star": 500, "grid": 500, "cycle": 700, "irregular": 2500}
EDGE = 7  # which of the tokens after the nodes says that an edge is asked for


def along(names: Any) -> dict[str, Any]:
    """The input of runs on some graphs: both ways, with self edges, and one way."""
    found: list[Any] = []
    for name in names:
        both, ahead = graphs.parse(name), graphs.parse(name, directed=True)
        found += map(graphs.transitions, (both, graphs.with_self_edges(both), ahead))
    of = [found[i - 2 if i % 3 == 2 else i] for i in range(len(found))]  # both ways
    bases = spectral.stacked([*map(spectral.eigenbasis, of)])
    whole = family.Walks(graphs.stacked(found), bases)
    each = jax.tree.map(lambda a: a.reshape(-1, 3, *a.shape[1:]), whole)
    return {"graph": mj.per("graph", each)}


def run(
    graph: family.Walks, edges: Any, lr: Any, wd: Any, init_scale: Any, frozen: Any,
    steps: Any, seed: Any,
    *, model: str, layers: int, width: int, heads: int, states: int, expand: int,
) -> mj.Legs:  # fmt: skip
    """Learn a graph's edges, each as a sequence of two tokens."""
    walk, basis = jax.tree.map(lambda a: a[edges], graph)
    n, scale = len(walk), jnp.where(frozen > 0, 1.0, init_scale)
    shapes = model, layers, width, heads, states, expand
    net, start = begun(jax.random.key(seed), scale, n + SPECIALS, *shapes)
    real = jnp.append(basis.live, jnp.ones(SPECIALS, bool))

    def placed(params: Any) -> jax.Array:
        return jnp.where(frozen > 0, start["embed"], params["embed"])

    def apply(params: Any, node: jax.Array) -> jax.Array:
        asked = jnp.stack([jnp.asarray(n + EDGE), node])
        logits = net.apply({**params, "embed": placed(params)}, asked, at=-1)
        return jnp.where(real, logits, FAR)

    loss = mj.losses.of_model(apply, mj.losses.next_token)
    data, nodes = graphs.next_nodes(walk, "edge"), graphs.next_nodes(walk)

    def observe(params: Any) -> dict[str, Any]:
        known = mj.expect(lambda x, y: memory.recall(apply(params, x), y, x), nodes)
        nats = mj.expect(partial(loss, params), data)
        return {"loss": nats, "recall": known, **used(placed(params)[:n], walk, basis)}

    def finish(params: Any) -> dict[str, Any]:
        v = placed(params)[:n]
        p = spectral.own(spectral.projections(v, basis), basis)
        of_modes = mj.named(p, "eigen", coords=range(n))
        return {"projection": of_modes, **embedding.portrait(v, walk, basis, dims=3)}

    rate = mj.schedules.cosine(steps, 0.1)
    adamw = optax.adamw(lambda t: lr * rate(t), weight_decay=wd)
    return mj.train(loss, adamw, observe, steps, finish=finish)(start, data)


def begun(
    key: jax.Array, scale: Any, tokens: int, model: str, layers: int, width: int,
    heads: int, states: int, expand: int,
) -> tuple[mj.Model, Any]:  # fmt: skip
    """A model of sequences of two tokens, and its start."""
    if model == "mamba":
        net = mj.models.mamba(tokens, width, layers, states=states, expand=expand)
        return net, net.init(key, embed=scale * width**0.5)
    shapes = tokens, width, heads, 2, layers
    net = mj.models.transformer(*shapes, scheme=normal(0.02))
    return net, net.init(key, embed=scale / 0.02, position=1 / 0.02)


def used(v: jax.Array, walk: Any, basis: spectral.Basis) -> dict[str, jax.Array]:
    """Which eigenvectors an embedding [n, m] uses, and how it joins neighbors."""
    p = spectral.projections(v, basis)
    return {
        "participation": spectral.participation(p),
        "negative_share": spectral.negative_share(p, basis),
        "edge_cosine": embedding.edge_cosine(v, walk),
    }


def sweeps(
    graph: tuple = ("cycle:15", "grid:4:4", "star:4:4", "irregular"),  # as published
    edges: tuple = (0, 1, 2),  # 0 both ways, 1 with self edges, 2 only ahead
    lr: tuple = (0.01,),  # peaks of AdamW's learning rate
    wd: tuple = (0.0,),  # decoupled weight decays
    init_scale: tuple = (0.02,),  # deviations of the initial embedding
    frozen: tuple = (0, 1),  # 1: the embedding stays N(0, 1)
    layers: int = 1,  # of both models
    width: int = 32,  # of both models
    heads: int = 1,  # of attention; 8 in the paper's first version
    states: int = 8,  # of Mamba, a channel
    expand: int = 2,  # channels of Mamba over its width
    steps: int = 0,  # of AdamW; 0: as published, by graph
    seeds: Any = 8,  # how many seeds, or which ones (3,7)
    mamba: bool = True,  # also Mamba
    tied_steps: int = 10_000,  # of gradient descent of the model V Vᵀ, or 0
) -> dict[str, mj.Sweep]:
    """The transformer, its embedding free or held, Mamba, and the model V Vᵀ."""
    mj.one_of((0, 1, 2), edges=edges)
    mj.one_of((0, 1), frozen=frozen)
    mj.parsed(graphs.parse, graph=graph)
    net: Any = {"layers": layers, "width": width, "heads": heads}
    net |= {"states": states, "expand": expand, "lr": lr, "wd": wd}
    lengths = [steps or STEPS.get(name.partition(":")[0], 700) for name in graph]
    each = mj.zipped(graph=list(graph), steps=lengths)
    axes: Any = {"inputs": along(graph), "edges": edges, "seed": mj.seeds(seeds)}
    free: Any = {"init_scale": init_scale, "frozen": frozen}
    main = mj.Sweep(run, each, model="transformer", **net, **axes, **free)
    made = {"main": main}
    if mamba:
        made["mamba"] = main.but(model="mamba", edges=(0,), frozen=(0,))
    if tied_steps:
        plain: Any = {"lr": (0.01,), "init_scale": (1.0,), "width": (100,), "dims": 3}
        plain |= {"steps": tied_steps, "model": "tied", "self_edges": (0,)}
        given: Any = {"graph": graph, "inputs": along(graph), "seed": mj.seeds(seeds)}
        made["tied"] = mj.Sweep(family.two_matrices, **given, **plain)
    return made


def claims(results: mj.Results) -> list[mj.Claim]:
    """What the checkpoints have of the cycle, and directions and zigzags of all."""
    return mj.judged(__file__, results, final, count, relative, excess, least_recall)


def final(results: mj.Results, sweep: str, name: str) -> xr.DataArray:
    """A quantity at the end of training."""
    return ended(results[sweep])[name]


def count(results: mj.Results, share: str, sign: str = "0") -> xr.DataArray:
    """How many modes are above a share of the largest; of eigenvalues of a sign."""
    found = results["main"].isel(eigen=slice(1, None))
    above = found.projection > float(share) * found.projection.max("eigen")
    signs = np.sign(found.eigenvalue.where(abs(found.eigenvalue) > 1e-6, 0))
    return (above & ((sign == "0") | (signs == float(sign)))).sum("eigen")


def relative(results: mj.Results, sweep: str) -> xr.DataArray:
    """The participation ratio at the end over n - 1, its largest value."""
    return by_size(ended(results[sweep]))


def by_size(found: xr.Dataset) -> xr.DataArray:
    """The participation ratio over n - 1, of graphs of n nodes."""
    nodes = found.eigenvalue.notnull().sum("eigen")
    return found.participation / (nodes - 1)


def least_recall(results: mj.Results, sweep: str) -> float:
    """The least recall at the end of all graphs and seeds, the embedding not held."""
    return float(ended(mj.at(results[sweep], lr=0.01, frozen=0)).recall.min())


def ended(found: xr.Dataset) -> xr.Dataset:
    """What there is at the last step."""
    return found.isel({d: -1 for d in ("leg", "step") if d in found.dims})


def excess(results: mj.Results) -> xr.DataArray:
    """The loss at the end above the entropy of the next node, mean over edges."""
    return ended(results["main"]).loss - shared.entropy(results["main"].walk)


MODELS = {"tied": "V Vᵀ", "main": "transformer", "mamba": "Mamba"}
EDGES = ("both ways", "and self edges", "one way")
AXES = ("edges", "frozen", "lr", "wd", "init_scale", "width", "self_edges")


def figure(results: mj.Results) -> Figure:
    """Embeddings by model and graph, profiles of transformers, and what they use."""
    models, shown = by_model(results), results["main"].graph.values[:4]
    layout = shared.in_rows(len(shown), len(models) + 1)
    canvas, panel = panels(layout, (11, 2.2 * len(models) + 5))
    axes = iter(panel.values())
    for (said, runs), graph in itertools.product(models.items(), shown):
        its = family.trimmed(runs.sel(graph=graph))
        shared.draw_space(next(axes), its, f"{said}, {graph}")
    for graph in shown:
        runs = family.trimmed(models["transformer"].sel(graph=graph))
        words = f"{graph}, participation {float(runs.participation.mean()):.1f}"
        family.draw_profile(next(axes), runs, words)
    ratios = {said: by_size(runs) for said, runs in models.items()}
    title = "participation over n - 1"
    shared.draw_graphs(next(axes), ratios, title, family.GEOMETRIC)
    kinds = {EDGES[int(e)]: e for e in results["main"].edges.values}
    main = first(ended(results["main"]), "edges")
    for name in ("negative_share", "edge_cosine"):
        each = {said: main[name].sel(edges=e) for said, e in kinds.items()}
        words = f"transformer: {name}".replace("_", " ")
        shared.draw_graphs(next(axes), each, words, 0)
    return canvas


def by_model(results: mj.Results) -> dict[str, xr.Dataset]:
    """The ends of runs [graph, seed] by model, and those of held embeddings."""
    ends = {name: ended(results[name]) for name in MODELS if name in results}
    held = ends["main"].sel(frozen=ends["main"].frozen > 0)
    found = {MODELS[name]: first(runs) for name, runs in ends.items()}
    return found | ({"V held": first(held)} if held.sizes["frozen"] else {})


def first(runs: xr.Dataset, *keep: str) -> xr.Dataset:
    """The runs at the first value of every axis but graph, seed and these."""
    return runs.isel({d: 0 for d in AXES if d in runs.dims and d not in keep})


if __name__ == "__main__":
    launch(__name__)
