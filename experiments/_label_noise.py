"""What the experiments on wrong labels share: what is learned, how, and a filter.

The network is `memjax.models.pairs`, in the notation of Liu and Lu, arXiv 2605.18022.
What we know of their paper is its abstract and, where a row of a table says so, what
others noted of its text. Their split of the table and their filter are not among it: we
train on 80 % of the table, and filter as in `filtered`.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from matplotlib.axes import Axes

import memjax as mj
from memjax import plots
from memjax.engine import Zipped
from memjax.models.pairs import Activation, Params, neurons, of_neurons
from memjax.observables.parts import PARTS, accuracies, marked

NETWORKS = ("trained", "filtered", "residual")
SHARE = 0.8  # of the table, trained on


def filtered(params: Params, keep_mean: bool = False) -> Params:
    """The network with one frequency a neuron, and without means and output bias."""
    kept = mj.observables.one_frequency(*neurons(params), keep_mean=keep_mean)
    return {**of_neurons(*kept), "mu": keep_mean * params["mu"]}


def tables(modulus: Sequence[int]) -> Zipped:
    """The axis of the tables of all pairs modulo p, a program each."""
    mj.between(3, np.inf, modulus=modulus)
    return mj.zipped(modulus=modulus, capacity=[p * p for p in modulus])


class Task(NamedTuple):
    """What a seed gives a run."""

    train: mj.Data
    points: mj.Data  # every pair, for `accuracies`
    start: Params
    apply: Callable[[Params, jax.Array], jax.Array]
    key: jax.Array


def task(
    seed: Any, noise: Any, p: int, width: Any, most: int, activation: Activation,
    *, share: Any = SHARE, scale: Any = 1.0,
) -> Task:  # fmt: skip
    """The table modulo p with wrong labels, and a network at its start."""
    data_key, init_key, key = jax.random.split(jax.random.key(seed), 3)
    parts = mj.datasets.modular(p)(data_key, share, noise)
    model = mj.models.pair_network(p, most, activation, live=width)
    start = model.init(init_key, scale)
    return Task(mj.packed(parts.train), marked(parts), start, model.apply, key)


def learn(
    given: Task, optimizer: optax.GradientTransformation, steps: int,
    *, looks: int = 20, whole: Callable[[Params], Params] = lambda params: params,
    finish: Callable[[Params], dict] = lambda network: {},
) -> mj.Legs:  # fmt: skip
    """Full-batch training; sees the network, its filtered copy and what that leaves.

    `whole(params)` is the network that has the parameters which are trained. Each of
    the `looks`, evenly spaced in log steps, costs about as much as a step.
    """

    def apply(params: Params, x: jax.Array) -> jax.Array:
        return given.apply(whole(params), x)

    def observe(params: Params) -> dict[str, Any]:
        network = whole(params)
        kept = filtered(network)
        rest = jax.tree.map(jnp.subtract, network, kept)
        nets = (network, kept, rest)
        found = [accuracies(given.apply, net, given.points) for net in nets]
        labels = {"network": NETWORKS, "part": PARTS}
        return {"accuracy": mj.named(jnp.stack(found), *labels, coords=labels)}

    loss = mj.losses.of_model(apply, mj.losses.cross_entropy)
    how: Any = {"finish": lambda params: finish(whole(params))}
    fit = mj.train(loss, optimizer, observe, mj.spaced(looks, steps), **how)
    return fit(given.start, given.train)


def accuracy(results: mj.Results, sweep: str, network: str, part: str) -> xr.DataArray:
    """The accuracy at the end, of one of `NETWORKS` on one of `PARTS`."""
    return results[sweep].accuracy.isel(step=-1).sel(network=network, part=part)


def frame(axis: Axes, title: str, of: Any, x: str, y: str, **labels: Any) -> None:
    """The frame of a panel of accuracies, its legend beside it."""
    labels = {"ylim": (-0.03, 1.03), "legend": plots.BESIDE, **labels}
    plots.frame(axis, title, of, x, y, **labels)
