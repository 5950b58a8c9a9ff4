"""A network that fitted wrong sums still holds the rule, in its single frequencies.

A two-layer network learns a + b modulo p from a table with up to 80 % wrong labels. It
fits every label, the wrong ones first, and its test accuracy falls to chance; the same
network with one frequency a neuron kept is nearly always right.

Source: Liu and Lu, Unveiling Memorization-Generalization Coexistence (arXiv 2605.18022).
Command: python -m experiments.label_noise_arithmetic --seeds=3
Expected: p = 59, 80 % wrong labels: test accuracy 0.02 as trained, above 0.9 filtered;
wrong labels lead by 0.17 in the first 300 steps at 30 % wrong labels.

The network is f(a, b) = relu(u[a] + v[b]) @ w + mu. The paper trains p = 113 for 200,000
steps of AdamW (learning rate 1e-3, decay 0.1); `main` uses p = 59 and 300 steps with a
learning rate of 1e-2 and a decay of 1, which fit two cores and show the same. Its split,
its filter and its partition of neurons are not known to us: 80 % of the table is trained
on, the filter is `filtered` below, the partition is by `strength`. The paper's sizes:
--modulus=113 --width=2049 --lr=1e-3 --wd=0.1 --steps=200000.
"""

from functools import partial
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

Params = dict[str, jax.Array]
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
KEPT = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 7 / 8, 1.0)  # shares of neurons
CONTROL: dict[str, Any] = {
    "activation": ("relu", "square", "tanh", "linear"),
    "noise": 0.4,
    "width": 256,
}
FIRST = 300  # steps that decide which labels are fitted first
SHOWN = 48  # neurons whose spectra are drawn
PAPER = "Liu and Lu, arXiv 2605.18022"
PILOT = "an earlier prototype of this experiment"


# --- the network --------------------------------------------------------------------


def initial(key: jax.Array, p: int, width: int, scale: Any) -> Params:
    """Normal weights of variance `scale²/width`, and no bias."""
    u, v, w = scale * width**-0.5 * jax.random.normal(key, (3, p, width))
    return {"u": u, "v": v, "w": w.T, "mu": jnp.zeros(p)}


def logits(activation: str, params: Params, x: jax.Array) -> jax.Array:
    """The network at one pair `x` [2]: one logit for every sum."""
    hidden = params["u"][x[0]] + params["v"][x[1]]  # [width]
    return ACTIVATIONS[activation](hidden) @ params["w"] + params["mu"]  # [p]


def neurons(params: Params) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The weights of each neuron, to its two inputs and from it: three [width, p]."""
    return params["u"].T, params["v"].T, params["w"]


def filtered(params: Params, keep_mean: bool = False) -> Params:
    """The network with one frequency a neuron, the one its three parts share most.

    Means and the output bias go, unless `keep_mean`.
    """
    k = mj.observables.dominant_frequency(*neurons(params))

    def kept(x: jax.Array) -> jax.Array:
        mean = jnp.mean(x, axis=-1, keepdims=True)
        return mj.observables.at_frequency(x, k) + keep_mean * mean

    u, v, w = map(kept, neurons(params))
    return {"u": u.T, "v": v.T, "w": w, "mu": keep_mean * params["mu"]}


def strength(activation: str, params: Params) -> jax.Array:
    """`|w|∞ φ(|u|∞ + |v|∞)` of each neuron: how much it can move a logit. [width]"""
    u, v, w = (jnp.max(jnp.abs(x), axis=-1) for x in neurons(params))
    return w * ACTIVATIONS[activation](u + v)


# --- the runs -----------------------------------------------------------------------


def run(
    noise: Any,
    lr: Any,
    wd: Any,
    init_scale: Any,
    share: Any,
    tied: Any,
    seed: Any,
    *,
    modulus: int,
    capacity: int,
    width: int,
    activation: str,
    steps: int,
) -> mj.Legs:
    """Learn the table; look at the network, its filtered copy and what that leaves."""
    data_key, init_key = jax.random.split(jax.random.key(seed))
    parts = mj.datasets.modular(modulus)(data_key, share, noise)
    apply, points = partial(logits, activation), marked(parts, capacity)

    def whole(params: Params) -> Params:
        """The network of these parameters: where `tied`, `u` serves both inputs."""
        return {**params, "v": jnp.where(tied > 0, params["u"], params["v"])}

    def loss(params: Params, x: jax.Array, y: jax.Array) -> jax.Array:
        return mj.losses.cross_entropy(apply(whole(params), x), y)

    def observe(params: Params) -> dict[str, Any]:
        network = whole(params)
        kept = filtered(network)
        rest = jax.tree.map(jnp.subtract, network, kept)
        found = jnp.stack([accuracies(apply, n, points) for n in (network, kept, rest)])
        labels = {"network": NETWORKS, "part": PARTS}
        return {"accuracy": mj.named(found, "network", "part", coords=labels)}

    def finish(params: Params) -> dict[str, Any]:
        network = whole(params)
        with_mean = accuracies(apply, filtered(network, keep_mean=True), points)
        clean, learned = jnp.sum(parts.clean.w > 0), jnp.sum(parts.train.w > 0)
        return {
            "with_mean": with_mean[PARTS.index("test")],
            "signal_to_noise": clean / jnp.sqrt(learned),
            "partition": partition(activation, network, points),
            **portrait(activation, network),
        }

    optimizer = optax.adamw(lr, weight_decay=wd)
    fit = mj.train(loss, optimizer, observe, spaced(steps), finish=finish)
    return fit(initial(init_key, modulus, width, init_scale), packed(parts.train))


def first_run(
    noise: Any,
    lr: Any,
    wd: Any,
    init_scale: Any,
    batch: Any,
    seed: Any,
    *,
    modulus: int,
    capacity: int,
    width: int,
) -> mj.Legs:
    """Learn for 300 steps, each on a share `batch` of the rows; look at every one."""
    data_key, init_key, step_key = jax.random.split(jax.random.key(seed), 3)
    parts = mj.datasets.modular(modulus)(data_key, SHARE, noise)
    apply, points = partial(logits, "relu"), marked(parts, capacity)

    def objective(params: Params, data: mj.Data, key: jax.Array) -> jax.Array:
        drawn = jax.random.uniform(key, data.w.shape) < batch

        def loss(x: jax.Array, y: jax.Array) -> jax.Array:
            return mj.losses.cross_entropy(apply(params, x), y)

        return mj.expect(loss, data._replace(w=data.w * drawn / batch))

    def observe(params: Params) -> dict[str, Any]:
        found = accuracies(apply, params, points)
        return {"accuracy": mj.named(found, "part", coords=PARTS)}

    optimizer, times = optax.adamw(lr, weight_decay=wd), range(FIRST + 1)
    fit = mj.descend(objective, optimizer, observe, times)
    start = initial(init_key, modulus, width, init_scale)
    return fit(start, packed(parts.train), step_key)


def ideal_run(frequency: Any, seed: Any, *, modulus: int, width: int) -> dict:
    """How much cos(2πk(c − a − b)/p) is in the mean logit of neurons made to add."""
    phases = 2 * jnp.pi * jax.random.uniform(jax.random.key(seed), (2, width, 1))
    angle = 2 * jnp.pi * frequency * jnp.arange(modulus) / modulus
    u, v, w = (jnp.cos(angle + f) for f in (*phases, phases[0] + phases[1]))
    params = {"u": u.T, "v": v.T, "w": w / width, "mu": jnp.zeros(modulus)}
    table = mj.datasets.modular(modulus)(jax.random.key(0), 1.0).train

    def amplitude(x: jax.Array, y: jax.Array) -> jax.Array:
        wave = jnp.cos(angle - angle[y])
        return 2 * jnp.mean(logits("relu", params, x) * wave)

    return {"amplitude": mj.expect(amplitude, table)}


def marked(parts: mj.datasets.Parts, rows: int) -> mj.Data:
    """Every point of the table, once: a label, the truth, and its density in `PARTS`.

    One walk over it sees all parts; a measure for each would take four.
    """
    measures = (parts.clean, parts.noisy, parts.test, parts.noisy)
    density = rows * jnp.stack([part.w for part in measures], axis=1)  # [rows, parts]
    labels = (parts.train.y, parts.truth, density)
    return mj.Data(parts.train.x, labels, mj.prefix(rows, rows))


def accuracies(apply: Any, params: Params, points: mj.Data) -> jax.Array:
    """The accuracy on each of `PARTS`; `recovered` counts the noisy points at which the
    network gives the sum and not the label."""

    def right(x: jax.Array, y: tuple) -> jax.Array:
        label, truth, density = y
        guess = jnp.argmax(apply(params, x))
        return density * (guess == jnp.stack([label, label, label, truth]))

    return mj.expect(right, points)  # [parts]


def packed(data: mj.Data) -> mj.Data:
    """The same measure, rows without weight last, where `expect` does not go."""
    order = jnp.argsort(data.w == 0, stable=True)
    return jax.tree.map(lambda a: a[order], data)


def partition(activation: str, params: Params, points: mj.Data) -> Any:
    """Accuracies of the strongest neurons alone, and of all others alone."""
    power = strength(activation, params)
    rank = jnp.argsort(jnp.argsort(-power)) / len(power)

    def alone(share: jax.Array) -> jax.Array:
        halves = (rank < share, rank >= share)
        nets = [{**params, "w": params["w"] * half[:, None]} for half in halves]
        apply = partial(logits, activation)
        return jnp.stack([accuracies(apply, net, points) for net in nets])

    found = jax.lax.map(alone, jnp.array(KEPT))
    labels = {"kept": KEPT, "half": ("strongest", "others"), "part": PARTS}
    return mj.named(found, "kept", "half", "part", coords=labels)


def portrait(activation: str, params: Params) -> dict[str, Any]:
    """What each neuron looks like, strongest first."""
    power = strength(activation, params)
    order = jnp.argsort(-power)
    u, v, w = (x[order] for x in neurons(params))
    k = mj.observables.dominant_frequency(u, v, w)
    spectra = jnp.mean(jnp.stack([mj.observables.spectrum(x) for x in (u, v, w)]), 0)
    each = {
        "strength": power[order],
        "participation": mj.observables.inverse_participation(w),
        "phase_error": mj.observables.phase_error(u, v, w, k),
    }
    named = {n: mj.named(x, "neuron", coords=range(len(x))) for n, x in each.items()}
    count, frequencies = min(SHOWN, len(order)), range(1, spectra.shape[1] + 1)
    labels = {"shown": range(count), "frequency": frequencies}
    return {
        **named,
        "spectra": mj.named(spectra[:count], "shown", "frequency", coords=labels),
    }


def spaced(steps: int) -> list[int]:
    """About 20 log-spaced steps: looking at them costs little beside the training."""
    return sorted({0, *np.geomspace(1, steps, 20).round().astype(int).tolist()})


def sweeps(
    noise: tuple = (0.0, 0.2, 0.4, 0.6, 0.8),
    modulus: tuple = (31, 59),
    width: tuple = (64, 256, 512),
    lr: tuple = (1e-2,),
    wd: tuple = (1.0,),
    init_scale: tuple = (1.0,),
    share: tuple = (SHARE,),
    activation: tuple = ("relu",),
    seeds: range = range(3),
    steps: int = 300,
    first_noise: tuple = (0.1, 0.3, 0.5, 0.8),
    first_lr: tuple = (1e-3,),
    first_wd: tuple = (0.1,),
    batch: tuple = (1.0,),
) -> dict[str, mj.Sweep]:
    """Noise by size of table and network, which labels come first, and controls.

    noise: shares of the training labels that are wrong
    modulus: moduli p; each is a program of its own
    width: numbers of neurons; each is a program of its own
    lr: learning rates of AdamW
    wd: decoupled weight decays
    init_scale: factors on initial weights of variance 1/width
    share: shares of the table that are trained on
    activation: relu, gelu, square, tanh, linear; each is a program of its own
    seeds: how many seeds, or which ones (3,7)
    steps: optimizer steps
    first_noise: shares of wrong labels in the look at the first 300 steps, which takes
        the largest modulus and width
    first_lr: learning rates there
    first_wd: weight decays there
    batch: shares of the rows that a step uses there; 1 is full batch
    """
    check(modulus, activation, noise=noise, share=share, batch=batch)
    check(modulus, activation, first_noise=first_noise)
    dials: dict[str, Any] = {"lr": lr, "wd": wd, "init_scale": init_scale}
    main = mj.Sweep(
        run,
        mj.zipped(modulus=modulus, capacity=[p * p for p in modulus]),
        noise=noise,
        width=width,
        share=share,
        activation=activation,
        tied=0,
        steps=steps,
        seed=seeds,
        **dials,
    )
    first = mj.Sweep(
        first_run,
        noise=first_noise,
        lr=first_lr,
        wd=first_wd,
        init_scale=init_scale,
        batch=batch,
        seed=seeds,
        modulus=max(modulus),
        capacity=max(modulus) ** 2,
        width=max(width),
    )
    controls = mj.Sweep(
        run,
        noise=CONTROL["noise"],
        share=SHARE,
        activation=CONTROL["activation"],
        tied=(0, 1),
        steps=steps,
        seed=seeds,
        modulus=min(modulus),
        capacity=min(modulus) ** 2,
        width=CONTROL["width"],
        **{name: values[0] for name, values in dials.items()},
    )
    ideal = mj.Sweep(ideal_run, frequency=(1, 5), seed=range(4), modulus=31, width=4096)
    return {"main": main, "first": first, "controls": controls, "ideal": ideal}


def check(modulus: tuple, activation: tuple, **shares: tuple) -> None:
    """Refuse a modulus below 3, an unknown activation, a share outside 0 … 1."""
    if min(modulus) < 3:
        raise mj.BadValue("modulus", f"must be 3 or more, got {min(modulus)}")
    for name in activation:
        if name not in ACTIVATIONS:
            raise mj.BadValue(
                "activation", f"one of {', '.join(ACTIVATIONS)}, not {name}"
            )
    for name, values in shares.items():
        least = 0.0 if name.endswith("noise") else 1e-3
        for value in values:
            if not least <= value <= 1:
                raise mj.BadValue(name, f"must lie in {least:g} … 1, got {value}")
