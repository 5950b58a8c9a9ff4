"""What the experiments on wrong labels share: a network for pairs, and its filter.

The network is f(a, b) = φ(u[a] + v[b]) @ w + mu, in the notation of Liu and Lu, arXiv
2605.18022. Their split of the table and their filter are not known to us: we train on
80 % of it, and filter as in `filtered`.
"""

from collections.abc import Callable, Sequence
from functools import partial
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
from memjax.models.draws import nested_each
from memjax.observables.parts import PARTS, accuracies, marked

Params = dict[str, jax.Array]
Results = dict[str, xr.Dataset]
ACTIVATIONS = {
    "relu": jax.nn.relu,
    "gelu": jax.nn.gelu,
    "square": jnp.square,
    "tanh": jnp.tanh,
    "linear": lambda z: z,
}
NETWORKS = ("trained", "filtered", "residual")
SHARE = 0.8  # of the table, trained on


# --- the network --------------------------------------------------------------------


def logits(activation: str, params: Params, x: jax.Array) -> jax.Array:
    """The network at one pair `x` [2]: one logit for every sum."""
    hidden = params["u"][x[0]] + params["v"][x[1]]  # [width]
    return ACTIVATIONS[activation](hidden) @ params["w"] + params["mu"]  # [p]


def neurons(params: Params) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The weights of each neuron, to its two inputs and from it: three [width, p]."""
    return params["u"].T, params["v"].T, params["w"]


def weights(u: jax.Array, v: jax.Array, w: jax.Array) -> Params:
    """The parameters of neurons given one a row [width, p], as `neurons` gives them."""
    return {"u": u.T, "v": v.T, "w": w}


def filtered(params: Params, keep_mean: bool = False) -> Params:
    """The network with one frequency a neuron, and without means and output bias."""
    kept = mj.observables.one_frequency(*neurons(params), keep_mean=keep_mean)
    return {**weights(*kept), "mu": keep_mean * params["mu"]}


# --- what is learned from, and how --------------------------------------------------


def tables(modulus: Sequence[int]) -> Zipped:
    """The axis of the tables of all pairs modulo p, a program each."""
    mj.between(3, np.inf, modulus=modulus)
    return mj.zipped(modulus=modulus, capacity=[p * p for p in modulus])


class Task(NamedTuple):
    """What a seed gives a run."""

    train: mj.Data
    points: mj.Data  # every pair, for `accuracies`
    start: Params
    key: jax.Array


def task(
    seed: Any, noise: Any, p: int, width: Any, most: int, *, share: Any, scale: Any
) -> Task:
    """The table modulo p with wrong labels, and normal weights of `scale²/width`.

    Of at most so many neurons those past the `width` are zero, and stay so: all
    `ACTIVATIONS` are zero at zero.
    """
    data_key, init_key, key = jax.random.split(jax.random.key(seed), 3)
    parts = mj.datasets.modular(p)(data_key, share, noise)
    drawn = nested_each(jax.random.normal, init_key, [(most, p)] * 3)
    live, std = (jnp.arange(most) < width)[:, None], scale / jnp.sqrt(width)
    each = [jnp.where(live, std * part, 0.0) for part in drawn]
    start = {**weights(*each), "mu": jnp.zeros(p)}
    return Task(mj.packed(parts.train), marked(parts), start, key)


def learn(
    given: Task, activation: str, optimizer: optax.GradientTransformation, steps: int,
    *, looks: int = 20, whole: Callable[[Params], Params] = lambda params: params,
    finish: Callable[[Params], dict] = lambda network: {},
) -> mj.Legs:  # fmt: skip
    """Full-batch training; sees the network, its filtered copy and what that leaves.

    `whole(params)` is the network that has the parameters which are trained. Each of
    the `looks`, evenly spaced in log steps, costs about as much as a step.
    """
    apply = partial(logits, activation)
    loss = mj.losses.of_model(
        lambda params, x: apply(whole(params), x), mj.losses.cross_entropy
    )

    def observe(params: Params) -> dict[str, Any]:
        network = whole(params)
        kept = filtered(network)
        rest = jax.tree.map(jnp.subtract, network, kept)
        found = [accuracies(apply, net, given.points) for net in (network, kept, rest)]
        labels = {"network": NETWORKS, "part": PARTS}
        return {"accuracy": mj.named(jnp.stack(found), *labels, coords=labels)}

    times = sorted({0, *np.geomspace(1, steps, looks).round().astype(int).tolist()})
    fit = mj.train(
        loss, optimizer, observe, times, finish=lambda params: finish(whole(params))
    )
    return fit(given.start, given.train)


def accuracy(results: Results, sweep: str, network: str, part: str) -> xr.DataArray:
    """The accuracy at the end, of one of `NETWORKS` on one of `PARTS`."""
    return results[sweep].accuracy.isel(step=-1).sel(network=network, part=part)


def frame(axis: Axes, title: str, of: Any, ylabel: str, **labels: Any) -> None:
    """The frame of a panel of accuracies."""
    plots.frame(axis, title, of, ylabel=ylabel, ylim=(-0.03, 1.03), **labels)
