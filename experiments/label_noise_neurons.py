"""The rule inside a network that fitted wrong sums is in all neurons, not in some.

Neurons ranked by how much they can move a logit are cut in two. With few wrong labels
the stronger ones alone know the test a little better than all together, with many no
part does; both are far behind a filter that keeps one frequency of every neuron.

Source: Liu and Lu, Unveiling Memorization-Generalization Coexistence, 2605.18022.
Command: python -m experiments.label_noise_neurons
Expected: p = 59, 20 % wrong labels: test accuracy 0.42 of all neurons, 0.48 of the
stronger ones, 1 filtered; with 80 %, near chance both, and 0.82.

Where the paper parts its neurons is not known to us; we take the best of seven shares,
by the test accuracy itself, on average over seeds.
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
from memjax.models import pairs
from memjax.models.pairs import Params
from memjax.plots import density, frame, keys, level, one, panels, points
from . import _label_noise as ln

KEPT = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 7 / 8, 1.0)  # shares of neurons
HALVES = ("strongest", "others", "strongest, filtered")


def run(
    noise: Any, width: Any, lr: Any, wd: Any, seed: Any,
    *, modulus: int, capacity: int, max_width: int, activation: str, steps: int,
) -> mj.Legs:  # fmt: skip
    """Learn the table, then look at the neurons."""
    act = mj.models.ACTIVATIONS[activation]
    given = ln.task(seed, noise, modulus, width, max_width, act)

    def finish(network: Params) -> dict[str, Any]:
        parted = partition(act, network, width, given.points)
        return {"partition": parted, **portrait(network, width)}

    optimizer = optax.adamw(lr, weight_decay=wd)
    return ln.learn(given, optimizer, steps, finish=finish)


def partition(
    act: pairs.Activation, params: Params, width: Any, points: mj.Data
) -> Any:
    """Accuracies of strong neurons alone, of all others, of strong ones filtered."""
    power = pairs.strength(act, params)
    rank = jnp.argsort(jnp.argsort(-power)) / width  # neurons that pad are weakest
    apply, clean = partial(pairs.logits, act), ln.filtered(params)

    def alone(share: jax.Array) -> jax.Array:
        strong = (rank < share)[:, None]
        some = [{**params, "w": params["w"] * half} for half in (strong, ~strong)]
        nets = [*some, {**clean, "w": clean["w"] * strong}]
        return jnp.stack([ln.accuracies(apply, net, points) for net in nets])

    found = jax.lax.map(alone, jnp.array(KEPT))
    labels = {"kept": KEPT, "half": HALVES, "part": ln.PARTS}
    return mj.named(found, *labels, coords=labels)


def portrait(params: Params, width: Any) -> dict[str, Any]:
    """Phases and frequencies of neurons, and what `w` holds by what `u` and `v` do.

    There a peak cannot be one by choice, as the frequency is that of other weights.
    """
    u, v, w = pairs.neurons(params)
    main = mj.observables.dominant_frequency
    told = mj.observables.spectra_by_frequency(w, u, v)
    errors = mj.observables.phase_error(u, v, w, main(u, v, w))
    sharp, live = mj.observables.inverse_participation(w), jnp.arange(len(w)) < width
    errors, sharp = (jnp.where(live, found, jnp.nan) for found in (errors, sharp))
    each, frequencies = {"neuron": range(len(w))}, range(1, len(told) + 1)
    labels = {"heard": frequencies, "told": frequencies}
    return {
        "phase_error": mj.named(errors, *each, coords=each),
        "participation": mj.named(sharp, *each, coords=each),
        "spectra": mj.named(told, *labels, coords=labels),
    }


def sweeps(
    noise: tuple = (0.0, 0.2, 0.4, 0.8),  # shares of the training labels that are wrong
    modulus: tuple = (59,),  # moduli p; each is a program of its own
    width: tuple = (512,),  # numbers of neurons
    lr: tuple = (1e-2,),  # learning rates of AdamW
    wd: tuple = (1.0,),  # decoupled weight decays
    activation: tuple = ("relu",),  # relu, gelu, square, tanh, linear …; a program each
    seeds: Any = 8,  # how many seeds, or which ones (3,7)
    steps: int = 300,  # optimizer steps
) -> dict[str, mj.Sweep]:
    """Networks that are taken apart after training, by noise."""
    mj.between(0, 1, noise=noise)
    mj.one_of(tuple(mj.models.ACTIVATIONS), activation=activation)
    dials: dict[str, Any] = {"noise": noise, "lr": lr, "wd": wd}
    dials |= {"width": width, "activation": activation, "steps": steps}
    return {"main": mj.Sweep(run, ln.tables(modulus), **dials, seed=mj.seeds(seeds))}


def claims(results: mj.Results) -> list[mj.Claim]:
    """What a part of the neurons knows, and what all of them look like."""
    return mj.judged(__file__, results, known, phases, peak)


def known(results: mj.Results, name: str) -> xr.DataArray:
    """The test accuracy of one of `ln.NETWORKS`, or of one of `HALVES`.

    The half is parted where the strong neurons know the test best, on average.
    """
    if name in ln.NETWORKS:
        return ln.accuracy(results, "main", name, "test")
    parts = results["main"].partition.sel(part="test", kept=list(KEPT[:-1]))
    strong = parts.sel(half="strongest").mean("seed").fillna(0)
    return parts.sel(half=name).isel(kept=strong.argmax("kept"))


def phases(results: mj.Results) -> xr.DataArray:
    """The median over neurons of the phase error |φ_u + φ_v - φ_w|."""
    return results["main"].phase_error.median("neuron")


def peak(results: mj.Results) -> xr.DataArray:
    """The share of `w` at the main frequency of u and v, over what noise would have."""
    spectra = results["main"].spectra
    own = spectra.where(spectra.heard == spectra.told).mean(["heard", "told"])
    return own * spectra.sizes["told"]


WHERE = "p = {modulus}, width {width}"


def figure(results: mj.Results) -> Figure:
    """What a part of the neurons knows; their frequencies and phases."""
    canvas, panel = panels("ab;cd", (10, 7.4))
    wide = one(results["main"], "noise")
    draw_partition(panel["a"], wide.partition.sel(part="test", half=list(HALVES[:2])))
    draw_spectra(panel["b"], wide.isel(noise=-1))
    how: dict[str, Any] = {"color": "noise", "label": "noise {noise:g}"}
    density(panel["c"], wide.phase_error, np.linspace(0, np.pi, 31), **how)
    level(panel["c"], 1 / np.pi, "unrelated", color="0.4")
    words, many = "phase error |φ$_u$ + φ$_v$ − φ$_w$|", "density of neurons"
    frame(panel["c"], WHERE, wide, words, many, yscale="log", ylim=(1e-2, None))
    density(panel["d"], wide.participation, np.linspace(0, 1, 41), **how)
    words = "inverse participation of w (1: one frequency)"
    frame(panel["d"], WHERE, wide, words, many, yscale="log")
    return canvas


def draw_partition(axis: Axes, parts: xr.DataArray) -> None:
    """What the strongest neurons know alone, and what the others do."""
    how: dict[str, Any] = {"color": "noise", "dash": "half", "label": "noise {noise:g}"}
    points(axis, parts, "kept", True, **how)
    keys(axis, "strongest", "all others")
    ln.frame(axis, WHERE, parts, "share counted as strongest", "test accuracy")


def draw_spectra(axis: Axes, wide: xr.Dataset) -> None:
    """The spectra of output weights, by the main frequency of input weights."""
    mean = mj.spread(wide.spectra).mean.transpose("heard", "told")
    image = axis.pcolormesh(mean.told, mean.heard, mean, cmap="magma_r")
    axis.figure.colorbar(image, ax=axis, label="mean share of power")
    labels = {"xlabel": "frequency in w", "ylabel": "main frequency of u and v"}
    frame(axis, f"{WHERE}, noise {{noise:g}}", wide, **labels)


if __name__ == "__main__":
    launch(__name__)
