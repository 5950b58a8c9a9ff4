"""A network that fitted wrong sums still holds the rule, in its single frequencies.

A two-layer network learns a + b modulo p from a table with up to 80 % wrong labels. It
fits every label, the wrong ones first, and its test accuracy falls to chance; the same
network with one frequency a neuron kept is nearly always right.

Source: Liu and Lu, Unveiling Memorization-Generalization Coexistence, 2605.18022.
Command: python -m experiments.label_noise_arithmetic --seeds=3
Expected: p = 59, 80 % wrong labels: test accuracy 0.01 as trained, above 0.8 filtered;
wrong labels lead by 0.18 over the first 300 steps at 30 % wrong labels.

The network is f(a, b) = relu(u[a] + v[b]) @ w + mu. The paper trains p = 113 for
200,000 steps of AdamW (learning rate 1e-3, decay 0.1); `main` takes p = 59, 300 steps,
a learning rate of 1e-2 and a decay of 1, which fit two cores and show the same, and
`published` the paper's p = 113 with them. Its split, its filter and its partition of
neurons are not known to us: we train on 80 % of the table, filter as in `filtered` and
part neurons by `strength`. The paper's sizes: --modulus=113, --width=2049, --lr=1e-3,
--wd=0.1, --steps=200000. `decays` looks for the largest weight decay that a filtered
network survives, decoupled (AdamW) and as part of the gradient (Adam with L2).

Two more of its networks are known to us by their accuracies alone. `transformer` has
one layer on the tokens a, b, =, and is read with the strongest frequencies of its
unembedding. It takes the usual shape (p = 113, width 128, 4 heads, 512 neurons, no
LayerNorm), 10 % wrong labels, and 800 steps of AdamW (3e-3 falling to 0, decay 0.1) on
1024 rows each: of 36 settings tried on one seed, all in reach of two cores, the one
that fits all labels with a test accuracy nearest the published 0.768. What the filter
gives had no part in the choice. `digits` is three layers of 256 on 500 images of MNIST,
full batch, so that an epoch is a step, with AdamW (1e-3, decay 0.1), untuned.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from matplotlib import colormaps
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
DECAYS = tuple(10.0 ** (k / 2) for k in range(-8, 4))  # half a decade apart
CONTROL: dict[str, Any] = {  # and whether an activation is said to generalize
    "activation": {"relu": True, "square": True, "tanh": False, "linear": False},
    "noise": 0.4,
    "modulus": 31,
    "width": 256,
}
FIRST = 300  # steps that decide which labels come first; no claim is made on fewer
SHOWN = 48  # neurons whose spectra are drawn
PAPER = "Liu and Lu, arXiv 2605.18022"
NOTES = PAPER + ", by notes of others"
TRANSFORMER: dict[str, Any] = {"modulus": 113, "width": 128, "heads": 4, "batch": 1024}
TRANSFORMED = {  # published accuracies, by how many frequencies are kept
    "as trained": (113 // 2, {"clean": 1.0, "noisy": 1.0, "test": 0.768}),
    "top-20 frequencies": (20, {"clean": 0.981, "noisy": 0.368, "test": 0.878}),
}
EPOCHS = {1: {"clean": 0.0286, "noisy": 0.1087}, 2: {"clean": 0.4629, "noisy": 0.0647}}
PILOT = "an earlier prototype, its extraction after 16,000 to 24,000 steps at 1e-3"


# --- the network --------------------------------------------------------------------


def initial(key: jax.Array, p: int, width: int, scale: Any) -> Params:
    """Normal weights of variance `scale²/width`, and no bias."""
    draw = scale * width**-0.5 * jax.random.normal(key, (3, width, p))
    return {**weights(*draw), "mu": jnp.zeros(p)}


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


def strength(activation: str, params: Params) -> jax.Array:
    """`|w|∞ φ(|u|∞ + |v|∞)` of each neuron: how much it can move a logit. [width]"""
    u, v, w = (jnp.max(jnp.abs(x), axis=-1) for x in neurons(params))
    return w * ACTIVATIONS[activation](u + v)


def strongest(params: Params, count: Any) -> Params:
    """The network with the `count` strongest frequencies of its unembedding [width, p].

    The mean over outputs goes too, which no guess can tell: it moves all logits alike.
    """
    table = params["unembed"]
    waves = jnp.fft.rfft(table)
    power = jnp.sum(jnp.square(jnp.abs(waves)), axis=0).at[0].set(-1.0)
    kept = jnp.argsort(jnp.argsort(-power)) < count
    return {**params, "unembed": jnp.fft.irfft(kept[None] * waves, table.shape[1])}


# --- the runs -----------------------------------------------------------------------


def run(
    noise: Any,
    lr: Any,
    wd: Any,
    coupled: Any,
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

    penalty = optax.add_decayed_weights(coupled * wd)  # where `coupled`, Adam with L2
    optimizer = optax.chain(penalty, optax.adamw(lr, weight_decay=(1 - coupled) * wd))
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
    u, v, w = (jnp.cos(angle[None] + f) for f in (*phases, phases[0] + phases[1]))
    params = {**weights(u, v, w / width), "mu": jnp.zeros(modulus)}
    table = mj.datasets.modular(modulus)(jax.random.key(0), 1.0).train

    def amplitude(x: jax.Array, y: jax.Array) -> jax.Array:
        wave = jnp.cos(angle - angle[y])
        return 2 * jnp.mean(logits("relu", params, x) * wave)

    return {"amplitude": mj.expect(amplitude, table)}


def transformer_run(
    noise: Any,
    lr: Any,
    wd: Any,
    seed: Any,
    *,
    modulus: int,
    width: int,
    heads: int,
    batch: int,
    steps: int,
) -> mj.Legs:
    """Learn the table from `batch` rows a step; look at the network and its copies."""
    data_key, init_key, step_key = jax.random.split(jax.random.key(seed), 3)
    parts = mj.datasets.modular(modulus)(data_key, SHARE, noise)
    points = marked(parts, modulus**2)
    init, apply = mj.models.transformer(modulus, width, heads)

    def objective(params: Params, data: mj.Data, key: jax.Array) -> jax.Array:
        def loss(x: jax.Array, y: jax.Array) -> jax.Array:
            return mj.losses.cross_entropy(apply(params, x), y)

        drawn = jax.random.randint(key, (batch,), 0, jnp.sum(data.w > 0))
        uniform = mj.prefix(batch, batch)
        return mj.expect(loss, mj.Data(data.x[drawn], data.y[drawn], uniform))

    def observe(params: Params) -> dict[str, Any]:
        found = accuracies(apply, params, points)
        return {"accuracy": mj.named(found, "part", coords=PARTS)}

    def finish(params: Params) -> dict[str, Any]:
        counts = range(4, modulus // 2 + 1, 4)  # 20 among them, and all where p = 113
        found = jax.lax.map(
            lambda count: accuracies(apply, strongest(params, count), points),
            jnp.array(counts),
        )
        labels = {"frequencies": counts, "part": PARTS}
        return {"filtered": mj.named(found, "frequencies", "part", coords=labels)}

    height = mj.schedules.linear(steps)
    optimizer = optax.adamw(lambda t: lr * height(t), weight_decay=wd)
    times = mj.every(max(steps // 4, 1), steps)
    fit = mj.descend(objective, optimizer, observe, times, finish=finish)
    return fit(init(init_key), packed(parts.train), step_key)


def digits_run(
    x: Any, truth: Any, noise: Any, lr: Any, wd: Any, seed: Any, *, width: int
) -> mj.Legs:
    """Learn half of some images, some by wrong labels; look at each of 10 steps."""
    data_key, init_key = jax.random.split(jax.random.key(seed))
    train = jnp.arange(len(x)) < len(x) // 2
    parts = mj.datasets.mislabeled(
        data_key, x, truth, train, ~train, classes=10, noise=noise
    )
    model, points = mj.models.mlp((x.shape[1], width, width, 10)), marked(parts, len(x))

    def loss(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return mj.losses.cross_entropy(model.apply(params, x), y)

    def observe(params: Any) -> dict[str, Any]:
        found = accuracies(model.apply, params, points)
        return {"accuracy": mj.named(found, "part", coords=PARTS)}

    fit = mj.train(loss, optax.adamw(lr, weight_decay=wd), observe, range(11))
    return fit(model.init(init_key), parts.train)


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
    noise: tuple = (0.0, 0.4, 0.8),
    modulus: tuple = (31, 59),
    width: tuple = (64, 256, 512),
    lr: tuple = (1e-2,),
    wd: tuple = (1.0,),
    init_scale: tuple = (1.0,),
    share: tuple = (SHARE,),
    activation: tuple = ("relu",),
    seeds: range = range(3),
    steps: int = 300,
    first_noise: tuple = (0.1, 0.3, 0.8),
    first_lr: tuple = (1e-3,),
    first_wd: tuple = (0.1,),
    batch: tuple = (1.0,),
    transformer_noise: tuple = (0.1,),
    transformer_lr: tuple = (3e-3,),
    transformer_wd: tuple = (0.1,),
    transformer_steps: int = 800,
    digits_lr: tuple = (1e-3,),
    published: bool = True,
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
    transformer_noise: shares of wrong labels for the transformer
    transformer_lr: its learning rates, which fall to 0
    transformer_wd: its weight decays
    transformer_steps: its steps, on 1024 rows each
    digits_lr: learning rates of AdamW on images
    published: also train on the paper's table, p = 113, at 80 % wrong labels, two
        seeds, and its two other networks, a transformer and one for images
    """
    check(modulus, activation, noise=noise, share=share, batch=batch)
    check(modulus, activation, first_noise=first_noise)
    check(modulus, activation, transformer_noise=transformer_noise)
    dials: dict[str, Any] = {"lr": lr, "wd": wd, "init_scale": init_scale}
    main = mj.Sweep(
        run,
        mj.zipped(modulus=modulus, capacity=[p * p for p in modulus]),
        noise=noise,
        width=width,
        share=share,
        activation=activation,
        tied=0,
        coupled=0,
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
        modulus=(max(modulus),),
        capacity=max(modulus) ** 2,
        width=(max(width),),
    )
    once: dict[str, Any] = {name: values[0] for name, values in dials.items()}
    once |= {"share": SHARE, "steps": steps}
    small: dict[str, Any] = {name: CONTROL[name] for name in ("noise", "modulus")}
    small |= {"width": CONTROL["width"], "capacity": CONTROL["modulus"] ** 2}
    controls = mj.Sweep(
        run,
        **once | small,
        activation=tuple(CONTROL["activation"]),
        tied=(0, 1),
        coupled=0,
        seed=seeds,
    )
    decays = mj.Sweep(
        run,
        **once | small | {"wd": DECAYS},
        activation="relu",
        tied=0,
        coupled=(0, 1),
        seed=seeds[:2],
    )
    ideal = mj.Sweep(ideal_run, frequency=(1, 5), seed=range(4), modulus=31, width=4096)
    made = {"main": main, "first": first, "controls": controls}
    made |= {"decays": decays, "ideal": ideal}
    if published:
        paper: dict[str, Any] = {"modulus": 113, "capacity": 113**2, "width": 1024}
        paper |= {"noise": 0.8, "activation": "relu", "tied": 0, "coupled": 0}
        paper |= {"steps": 100, "seed": seeds[:2]}  # filtered .99, .995 after 150
        made["published"] = mj.Sweep(run, **once | paper)
        made["transformer"] = mj.Sweep(
            transformer_run,
            noise=transformer_noise,
            lr=transformer_lr,
            wd=transformer_wd,
            seed=seeds[:2],
            steps=transformer_steps,
            **TRANSFORMER,
        )
        x, truth = mj.datasets.digits()
        made["digits"] = mj.Sweep(
            digits_run,
            inputs={"x": x, "truth": truth},
            noise=0.05,
            lr=digits_lr,
            wd=0.1,
            seed=range(16),
            width=256,
        )
    return made


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


# --- what was found -----------------------------------------------------------------


def cell(results: xr.Dataset, **at: Any) -> xr.Dataset | None:
    """One setting, seeds kept; None where the flags do not cover it."""
    at = {"init_scale": 1.0, "share": SHARE, "activation": "relu", "batch": 1.0, **at}
    at = {name: value for name, value in at.items() if name in results.dims}
    missing = any(value not in results[name].values for name, value in at.items())
    if missing or results.step.values[-1] < FIRST:
        return None
    return results.sel(at).isel(lr=0, wd=0)


def end(results: xr.Dataset, network: str, part: str) -> xr.DataArray:
    """Accuracies at the last step, of one of `NETWORKS` on one of `PARTS`."""
    return results.accuracy.isel(step=-1).sel(network=network, part=part)


def lead(results: xr.Dataset) -> xr.DataArray:
    """How far wrong labels are ahead of right ones, on average over the steps."""
    by_part = results.accuracy.isel(step=slice(1, None)).mean("step")
    return by_part.sel(part="noisy") - by_part.sel(part="clean")


def pilot(name: str, published: float, seeds: xr.DataArray | None) -> mj.Claim:
    """The mean over seeds against one earlier draw, within what one draw can be off."""
    measured = tolerance = None
    if seeds is not None and seeds.size >= 3:
        one_draw = float(seeds.std(ddof=1)) * np.sqrt(1 + 1 / seeds.size)
        measured, tolerance = float(seeds.mean()), max(2 * one_draw, 0.03)
    reason = "two standard deviations of one draw over seeds, at least 0.03 (counting)"
    return mj.Claim(name, published, measured, PILOT, tolerance, reason=reason)


def full(name: str, accuracy: xr.DataArray | None, source: str = PILOT) -> mj.Claim:
    """Every accuracy is 1, to half a per cent."""
    worst = None if accuracy is None else float(accuracy.min())
    reason = "the worst seed, to half a per cent"
    return mj.Claim(name, 1.0, worst, source, interval=(0.995, 1.001), reason=reason)


def claims(results: dict[str, xr.Dataset]) -> list[mj.Claim]:
    """Extraction, what comes first, the theory, the controls, and other networks."""
    return [
        *extraction_claims(results),
        *first_claims(results["first"]),
        *theory_claims(results),
        *control_claims(results["controls"]),
        decay_claim(results["decays"]),
        *transformer_claims(results.get("transformer")),
        *digits_claims(results.get("digits")),
    ]


def extraction_claims(results: dict[str, xr.Dataset]) -> list[mj.Claim]:
    """The filtered network against the trained one."""
    main, paper = results["main"], results.get("published")
    heavy = cell(main, modulus=59, noise=0.8)
    gain = near = raw_near = None
    if heavy is not None:
        kept, raw = (end(heavy, n, "test") for n in ("filtered", "trained"))
        gain = bool((kept - raw).isel(width=-1).mean() > 0.5)
    if paper is not None:
        near, raw_near = (
            float(end(paper, n, "test").mean()) for n in ("filtered", "trained")
        )
    what, reason = "filtered test accuracy", "by more than 0.5, at the largest width"
    name = f"{what} far above trained, p 59, noise 0.8"
    made = [mj.Claim(name, True, gain, PAPER, reason=reason)]
    name, reason = f"{what}, p 113, noise 0.8", "near 100 %: 95 % or more"
    made.append(mj.Claim(name, 1.0, near, PAPER, 0.05, reason=reason))
    name, reason = "trained test accuracy, p 113, noise 0.8", "severely degraded"
    within = (0.0, 0.5)
    made.append(mj.Claim(name, None, raw_near, PAPER, interval=within, reason=reason))
    light, heavy = (
        cell(main, modulus=p, width=width, noise=noise)
        for p, width, noise in ((31, 256, 0.4), (59, 512, 0.8))
    )
    for found, where, values in (
        (light, "p 31, width 256, noise 0.4", (0.01, 0.95)),
        (heavy, "p 59, width 512, noise 0.8", (0.016, 0.91)),
    ):
        for network, value in zip(NETWORKS, values, strict=False):
            seeds = None if found is None else end(found, network, "test")
            made.append(pilot(f"{network} test accuracy, {where}", value, seeds))
    fitted = cost = None
    if heavy is not None:
        fitted = end(heavy, "trained", "noisy")
        cost = end(heavy, "filtered", "test") - heavy.with_mean
    made.append(full(f"wrong labels fitted, {where}", fitted))
    return [*made, pilot(f"accuracy lost by keeping means, {where}", 0.13, cost)]


def first_claims(first: xr.Dataset) -> list[mj.Claim]:
    """Wrong labels are fitted before right ones."""
    at = {"modulus": 59, "width": 512}
    light, heavy = (cell(first, noise=noise, **at) for noise in (0.3, 0.8))
    leads = both = None
    if light is not None:
        leads = bool((lead(light.isel(step=slice(201))) > 0).all())
        both = light.accuracy.sel(step=300, part=["clean", "noisy"])
    name, reason = "wrong labels lead for 200 steps, noise 0.3", "on average, each seed"
    made = [mj.Claim(name, True, leads, PAPER + ", width 2049", reason=reason)]
    for found, noise, value in ((light, 0.3, 0.17), (heavy, 0.8, 0.05)):
        seeds = None if found is None else lead(found)
        made.append(pilot(f"lead of wrong labels, noise {noise}", value, seeds))
    for part, value in (("clean", 0.20), ("noisy", 0.57)):
        seeds = None if light is None else light.accuracy.sel(step=100, part=part)
        made.append(pilot(f"{part} accuracy at step 100, noise 0.3", value, seeds))
    return [*made, full("clean and noisy accuracy at step 300, noise 0.3", both)]


def theory_claims(results: dict[str, xr.Dataset]) -> list[mj.Claim]:
    """The mean logit of ideal neurons, and how strong the rule is in the labels."""
    found = results["ideal"].amplitude
    error = 3 * float(found.std(ddof=1)) / np.sqrt(found.size)
    name, value = "mean logit of ideal neurons, 4/(3π²)", 4 / (3 * np.pi**2)
    source, reason = PAPER + ", derived again", "three standard errors, and rounding"
    mean = float(found.mean())
    made = [mj.Claim(name, value, mean, source, error + 1e-5, reason=reason)]
    source = "derived: (1 − noise) √(0.8 p²)"
    reason = "wrong labels are drawn, the published value is rounded"
    for p, value in ((31, 5.5), (59, 10.5), (113, 20.0)):
        at = cell(results["main"], modulus=p, noise=0.8)
        at = results.get("published") if p == 113 else at
        ratio = None if at is None else float(at.signal_to_noise.mean())
        name = f"right labels over the root of all, p {p}, noise 0.8"
        made.append(mj.Claim(name, value, ratio, source, 0.05 * value, reason=reason))
    return made


def control_claims(controls: xr.Dataset) -> list[mj.Claim]:
    """Which activations generalize, and what tied inputs cannot fit."""
    made, reason = [], "filtered test accuracy above one half, mean over seeds"
    trained = controls.step.values[-1] >= FIRST
    for name, generalizes in CONTROL["activation"].items():
        found = end(controls.sel(activation=name, tied=0), "filtered", "test")
        works = bool(found.mean() > 0.5) if trained else None
        name = f"{name} generalizes, noise 0.4"
        made.append(mj.Claim(name, generalizes, works, PAPER, reason=reason))
    tied = end(controls.sel(tied=1, activation="relu"), "trained", "noisy")
    fits = bool(tied.max() > 0.995) if trained else None
    reason = "f(a, b) = f(b, a); best seed"
    return [*made, mj.Claim("tied inputs fit noise", False, fits, PAPER, reason=reason)]


def decay_claim(decays: xr.Dataset) -> mj.Claim:
    """How much less decay Adam with L2 takes than AdamW."""
    ratio = None
    if decays.step.values[-1] >= FIRST:
        survives = end(decays, "filtered", "test").mean("seed") > 0.8
        most = decays.wd.where(survives).max("wd")
        ratio = float(most.sel(coupled=1) / most.sel(coupled=0))
    name = "largest decay that extraction survives, Adam with L2 over AdamW"
    reason = (
        "a factor of ten each way; filtered test accuracy above 0.8, p 31, noise .4"
    )
    within = (1e-4, 1e-2)
    return mj.Claim(name, 1e-3, ratio, PAPER, interval=within, reason=reason)


def transformer_claims(found: xr.Dataset | None) -> list[mj.Claim]:
    """A transformer as trained, and with the 20 strongest frequencies."""
    found = None if found is None else cell(found, noise=0.1)
    reason = "half of the published gain in test accuracy; settings unknown, chosen by "
    reason += "the test accuracy as trained"
    made = []
    for network, (count, published) in TRANSFORMED.items():
        for part, value in published.items():
            name = f"{part} accuracy of a transformer, {network}"
            seeds = None
            if found is not None:
                seeds = found.filtered.sel(frequencies=count, part=part)
            if value == 1:
                made.append(full(name, seeds, NOTES))
                continue
            mean = None if seeds is None else float(seeds.mean())
            made.append(mj.Claim(name, value, mean, NOTES, 0.055, reason=reason))
    both = None
    if found is not None:
        change = found.filtered.sel(frequencies=20) - found.accuracy.isel(step=-1)
        gains, forgets = change.sel(part="test") > 0, change.sel(part="noisy") < 0
        both = bool((gains & forgets).all())
    name = "a transformer's top-20 frequencies gain test accuracy, lose noisy"
    return [*made, mj.Claim(name, True, both, NOTES, reason="each seed")]


def digits_claims(found: xr.Dataset | None) -> list[mj.Claim]:
    """Which labels are fitted first where the images are real."""
    by_part = None if found is None else found.accuracy.isel(lr=0)
    made, reason = [], "two standard errors of 400 wrong labels; 500 of 60,000 images"
    for epoch, published in EPOCHS.items():
        for part, value in published.items():
            name, mean = f"{part} accuracy after epoch {epoch}, MNIST", None
            if by_part is not None:
                mean = float(by_part.sel(step=epoch, part=part).mean())
            made.append(mj.Claim(name, value, mean, NOTES, 0.03, reason=reason))
    flips = None
    if by_part is not None:
        ahead = by_part.sel(part="noisy") - by_part.sel(part="clean")
        one, two = (float(ahead.sel(step=epoch).mean()) for epoch in EPOCHS)
        flips = one > 0 > two
    name = "wrong labels ahead after epoch 1, behind after epoch 2, MNIST"
    reason = "on average over seeds; an epoch is a step on 500 images"
    return [*made, mj.Claim(name, True, flips, NOTES, reason=reason)]


# --- what to look at ----------------------------------------------------------------


def figure(results: dict[str, xr.Dataset]) -> Figure:
    """Extraction and what comes first above, neurons below; other networks last."""
    columns = 5 if "transformer" in results else 4
    canvas = Figure(figsize=(3.25 * columns, 6))
    axes = canvas.subplots(2, columns)
    main = results["main"].isel(lr=0, wd=0, init_scale=0, share=0, activation=0)
    first = results["first"].isel(lr=0, wd=0, init_scale=0, modulus=0, width=0)
    largest = main.isel(modulus=-1, width=-1)
    draw_training(axes[0, 0], largest.isel(noise=-1))
    draw_noise(axes[0, 1], main.isel(width=-1))
    draw_width(axes[0, 2], main.isel(modulus=-1))
    draw_first(axes[0, 3], first.isel(batch=0))
    draw_spectra(axes[1, 0], largest.isel(noise=-1, seed=0))
    draw_density(axes[1, 1], largest.phase_error, np.linspace(0, np.pi, 31), 1 / np.pi)
    draw_density(axes[1, 2], largest.participation, np.linspace(0, 1, 41), None)
    draw_partition(axes[1, 3], largest)
    axes[1, 1].set_xlabel("phase error |φ$_u$ + φ$_v$ − φ$_w$|")
    axes[1, 2].set(xlabel="inverse participation of w (1: one frequency)", yscale="log")
    if columns > 4:
        draw_transformer(axes[0, 4], results["transformer"].isel(noise=0, lr=0, wd=0))
        draw_digits(axes[1, 4], results["digits"].isel(lr=0))
    return canvas


def band(axis: Axes, values: xr.DataArray, along: str, **style: Any) -> None:
    """The mean over seeds along a dimension, and one standard deviation around it."""
    mean, sd = values.mean("seed"), values.std("seed")
    line = axis.plot(values[along], mean, **style)[0]
    low, high = mean - sd, mean + sd
    axis.fill_between(values[along], low, high, color=line.get_color(), alpha=0.2, lw=0)


def shades(results: Any) -> list:
    """A share of wrong labels and its color, for each."""
    colors = colormaps["viridis"](np.linspace(0, 0.9, results.sizes["noise"]))
    return list(zip(results.noise.values, colors, strict=True))


def titled(axis: Axes, results: Any, what: str = "") -> None:
    """Say which setting a panel shows."""
    shown = {"modulus": "p", "width": "width", "noise": "noise"}
    words = [
        f"{w} {results[n].item():g}" for n, w in shown.items() if single(results, n)
    ]
    axis.set_title(", ".join([what] * bool(what) + words), loc="left")


def single(results: Any, name: str) -> bool:
    """Whether a setting is fixed within what is shown."""
    return name in results.coords and results[name].ndim == 0


def draw_training(axis: Axes, results: xr.Dataset) -> None:
    """Accuracy on every part against the step."""
    shown = results.isel(step=slice(1, None)).accuracy
    for part, color in (("clean", "C0"), ("noisy", "C1"), ("test", "C2")):
        one = shown.sel(network="trained", part=part)
        band(axis, one, "step", color=color, label=part)
    one = shown.sel(network="filtered", part="test")
    band(axis, one, "step", color="C2", ls="--", label="test, filtered")
    axis.set(xscale="log", xlabel="step", ylabel="accuracy", ylim=(-0.03, 1.03))
    axis.legend()
    titled(axis, results)


def draw_noise(axis: Axes, results: xr.Dataset) -> None:
    """Test accuracy at the end against the share of wrong labels."""
    for i, p in enumerate(results.modulus.values):
        style = ("-", "--", ":", "-.")[i % 4]
        for network, color in zip(NETWORKS, ("C2", "C0", "0.5"), strict=True):
            one = end(results.sel(modulus=p), network, "test")
            label = None if i else network
            band(axis, one, "noise", color=color, ls=style, marker="o", label=label)
        axis.plot([], [], color="k", ls=style, label=f"p = {p}")
    axis.set(xlabel="share of wrong labels", ylabel="test accuracy at the end")
    axis.set_ylim(-0.03, 1.03)
    axis.legend(loc=(0.48, 0.28), fontsize=7)
    titled(axis, results)


def draw_width(axis: Axes, results: xr.Dataset) -> None:
    """Filtered test accuracy against width, by noise."""
    for noise, color in shades(results):
        one = end(results.sel(noise=noise), "filtered", "test")
        band(axis, one, "width", color=color, marker="o", label=f"noise {noise:g}")
    axis.set(xscale="log", ylim=(-0.03, 1.03), xlabel="neurons")
    axis.set_xticks(results.width.values, results.width.values)
    axis.minorticks_off()
    axis.set_ylabel("filtered test accuracy")
    axis.legend(fontsize=7)
    titled(axis, results)


def draw_first(axis: Axes, results: xr.Dataset) -> None:
    """Which labels are fitted first, and by how much, against noise."""
    one = results.sel(noise=0.3, method="nearest")
    for part, color in (("clean", "C0"), ("noisy", "C1")):
        shown = one.accuracy.sel(part=part)
        band(axis, shown, "step", color=color, label=f"{part} labels")
    axis.set(xlabel="step", ylabel="training accuracy", ylim=(-0.03, 1.03))
    axis.legend(loc="upper left", fontsize=7)
    titled(axis, one)
    inset = axis.inset_axes((0.63, 0.17, 0.36, 0.34))
    band(inset, lead(results), "noise", color="k", marker="o")
    inset.axhline(0, color="0.6", lw=0.7)
    inset.set_title("mean lead of noisy", fontsize=7)
    inset.set_xlabel("noise", fontsize=7)
    inset.tick_params(labelsize=6)


def draw_spectra(axis: Axes, results: xr.Dataset) -> None:
    """The spectra of the strongest neurons, sorted by their main frequency."""
    spectra = results.spectra.values
    spectra = spectra[np.argsort(np.argmax(spectra, axis=1), kind="stable")]
    extent = (0.5, spectra.shape[1] + 0.5, len(spectra), 0)
    image = axis.imshow(spectra, extent=extent, aspect="auto", cmap="magma_r", vmin=0)
    axis.figure.colorbar(image, ax=axis, label="share of power")
    axis.set(xlabel="frequency", ylabel="strongest neurons, sorted")
    titled(axis, results)


def draw_density(
    axis: Axes, values: xr.DataArray, bins: np.ndarray, chance: float | None
) -> None:
    """How a quantity of neurons is spread, over all seeds, one outline a noise."""
    for noise, color in shades(values):
        found = values.sel(noise=noise).values.ravel()
        found = found[np.isfinite(found)].tolist()
        look: dict[str, Any] = {"histtype": "step", "color": color}
        axis.hist(found, bins.tolist(), density=True, label=f"noise {noise:g}", **look)
    if chance is not None:
        axis.axhline(chance, color="0.4", lw=0.8, ls="--", label="unrelated")
        axis.legend(fontsize=7)
    axis.set_ylabel("density of neurons")
    titled(axis, values)


def draw_partition(axis: Axes, results: xr.Dataset) -> None:
    """What the strongest neurons know alone, and what the others do."""
    for noise, color in shades(results):
        found = results.partition.sel(noise=noise, part="test")
        strong, rest = (found.sel(half=half) for half in ("strongest", "others"))
        band(axis, strong, "kept", color=color, label=f"noise {noise:g}")
        band(axis, rest, "kept", color=color, ls="--")
    axis.plot([], [], "k--", label="all others")
    axis.set(xlabel="share of neurons kept, strongest first", ylabel="test accuracy")
    axis.set_ylim(-0.03, 1.03)
    axis.legend(fontsize=7, loc=(0.66, 0.5))
    titled(axis, results)


def draw_transformer(axis: Axes, results: xr.Dataset) -> None:
    """Accuracy of a transformer against how many frequencies it is left with."""
    for part, color in (("clean", "C0"), ("noisy", "C1"), ("test", "C2")):
        one = results.filtered.sel(part=part)
        band(axis, one, "frequencies", color=color, marker=".", label=part)
        for count, published in TRANSFORMED.values():
            axis.plot(count, published[part], "x", color=color)
    axis.plot([], [], "kx", label="published")
    axis.set(xlabel="strongest frequencies kept", ylabel="accuracy")
    axis.set_ylim(-0.03, 1.03)
    axis.legend(fontsize=7)
    titled(axis, results, "transformer")


def draw_digits(axis: Axes, results: xr.Dataset) -> None:
    """Accuracy on images by epoch, right and wrong labels apart."""
    for part, color in (("clean", "C0"), ("noisy", "C1"), ("test", "C2")):
        band(axis, results.accuracy.sel(part=part), "step", color=color, label=part)
        for epoch, published in EPOCHS.items():
            if part in published:
                axis.plot(epoch, published[part], "x", color=color)
    axis.plot([], [], "kx", label="published")
    axis.set(xlabel="epoch (one full-batch step)", ylabel="accuracy")
    axis.set_ylim(-0.03, 1.03)
    axis.legend(fontsize=7)
    titled(axis, results, "MNIST")


if __name__ == "__main__":
    launch(__name__)
