"""What the experiments on wrong labels share: a network for pairs, and its accuracies.

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

import memjax as mj
from memjax.engine import Zipped

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
PARTS = ("clean", "noisy", "test", "recovered")
SHARE = 0.8  # of the table, trained on
SHARES: dict[str, Any] = {"ylim": (-0.03, 1.03)}  # of a panel of accuracies


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

    train: mj.Data  # rows without weight last, where `expect` does not go
    points: mj.Data  # every pair, for `accuracies`
    start: Params  # normal weights of variance `scale²/width`, and no bias
    key: jax.Array


def task(seed: Any, noise: Any, p: int, width: int, *, share: Any, scale: Any) -> Task:
    """The table modulo p with wrong labels, and a network that knows nothing of it."""
    data_key, init_key, key = jax.random.split(jax.random.key(seed), 3)
    parts = mj.datasets.modular(p)(data_key, share, noise)
    draw = scale * width**-0.5 * jax.random.normal(init_key, (3, width, p))
    start = {**weights(*draw), "mu": jnp.zeros(p)}
    return Task(packed(parts.train), marked(parts), start, key)


def packed(data: mj.Data) -> mj.Data:
    """The same measure, rows without weight last."""
    order = jnp.argsort(data.w == 0, stable=True)
    return jax.tree.map(lambda a: a[order], data)


def learn(
    given: Task, activation: str, optimizer: optax.GradientTransformation, steps: int,
    *, whole: Callable[[Params], Params] = lambda params: params,
    finish: Callable[[Params], dict] = lambda network: {},
) -> mj.Legs:  # fmt: skip
    """Full-batch training; sees the network, its filtered copy and what that leaves.

    `whole(params)` is the network that has the parameters which are trained.
    """
    apply = partial(logits, activation)

    def loss(params: Params, x: jax.Array, y: jax.Array) -> jax.Array:
        return mj.losses.cross_entropy(apply(whole(params), x), y)

    def observe(params: Params) -> dict[str, Any]:
        network = whole(params)
        kept = filtered(network)
        rest = jax.tree.map(jnp.subtract, network, kept)
        all_three = (accuracies(apply, n, given.points) for n in (network, kept, rest))
        labels = {"network": NETWORKS, "part": PARTS}
        found = jnp.stack([*all_three])
        return {"accuracy": mj.named(found, "network", "part", coords=labels)}

    # About 20 steps: looking at them costs little beside the training.
    times = sorted({0, *np.geomspace(1, steps, 20).round().astype(int).tolist()})
    last = lambda params: finish(whole(params))  # noqa: E731
    fit = mj.train(loss, optimizer, observe, times, finish=last)
    return fit(given.start, given.train)


# --- accuracies by part -------------------------------------------------------------


def marked(parts: mj.datasets.Parts) -> mj.Data:
    """Every point, once: a label, the truth, and its density in each of `PARTS`.

    One walk over it sees all parts; a measure for each would take four.
    """
    rows = len(parts.truth)
    measures = (parts.clean, parts.noisy, parts.test, parts.noisy)
    density = rows * jnp.stack([part.w for part in measures], axis=1)  # [rows, parts]
    labels = (parts.train.y, parts.truth, density)
    return mj.Data(parts.train.x, labels, mj.prefix(rows, rows))


def accuracies(apply: Any, params: Any, points: mj.Data) -> jax.Array:
    """The accuracy on each of `PARTS`; `recovered` counts the noisy points at which the
    network gives the right answer and not the label."""

    def right(x: jax.Array, y: tuple) -> jax.Array:
        label, truth, density = y
        guess = jnp.argmax(apply(params, x))
        return density * (guess == jnp.stack([label, label, label, truth]))

    return mj.expect(right, points)  # [parts]


def by_part(apply: Any, points: mj.Data) -> Callable[[Any], dict[str, Any]]:
    """The observation of a model's accuracies on `PARTS`."""

    def observe(params: Any) -> dict[str, Any]:
        found = accuracies(apply, params, points)
        return {"accuracy": mj.named(found, "part", coords=PARTS)}

    return observe


def accuracy(results: Results, sweep: str, network: str, part: str) -> xr.DataArray:
    """The accuracy at the end, of one of `NETWORKS` on one of `PARTS`."""
    found = results[sweep].accuracy.isel(step=-1, drop=True)
    return found.sel(network=network, part=part, drop=True)
