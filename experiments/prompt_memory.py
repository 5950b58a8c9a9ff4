"""How long a prompt must be for a transformer with random weights to know n labels.

The weights stay as they were drawn. Nothing but a prompt is trained, a few vectors that
stand before each of n sequences, until the last position gives each its random label.
A prompt of length Õ(√(nN)) is shown to suffice for n sequences of length N; another
bound says that what a prompt holds grows no faster than its length, so that it must be
as long as n is large in the end. Data of low rank are said to need less, and the start
of the weights to matter.

Source: Wang and Lin, Prompt Tuning Transformers for Data Memorization, NeurIPS 2025;
Meyer, Michelessa, Chaux and Tan, arXiv 2509.00421; both by their abstracts.
Command: python -m experiments.prompt_memory
Expected: the least length grows like n to the power 0.9 at rank 8, from 12 to 48.

Sizes and rates of the papers are not known to us; all are chosen: two causal layers of
width 8, read at the last of N = 4 Gaussian vectors, labels of two classes, Adam. The
least length is that at which accuracy, a mean over seeds, reaches 0.95, on a straight
line between the lengths tried, on a logarithmic axis. (Seed by seed, as it was meant
first, half of them never reach it at n = 48 with 16 vectors: networks differ much.)
`gains` has other scales of the weights; `control` no prompt, and the last layer trained
or nothing.
"""

from typing import Any

import jax
import numpy as np
import optax
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.plots import BESIDE, frame, level, lines, log_ticks, one, panels, points
from ._crossing import crossing, exponent

KNOWN = 0.95  # accuracy from which a prompt is long enough
DRAWS = 1000  # of the seeds
SETTING = {"gain": 2, "lr": 0.03, "width": 8, "heads": 2, "layers": 2, "length": 4}
SETTING |= {"classes": 2, "steps": 500}


def run(
    size: Any, prompted: Any, rank: Any, gain: Any, head: Any, lr: Any, seed: Any,
    *, capacity: int, max_prompted: int, width: int, heads: int, layers: int,
    length: int, classes: int, steps: int,
) -> mj.Legs:  # fmt: skip
    """Train a prompt, and the last layer where `head` is 1, to give random labels."""
    data_key, init_key = jax.random.split(jax.random.key(seed))
    maker = mj.datasets.vector_facts(length, width, classes, capacity)
    data = maker(data_key, size, rank)
    shape: dict[str, Any] = {
        "classes": classes,
        "prompt": max_prompted,
        "activation": jax.nn.relu,
    }
    model = mj.models.transformer(1, width, heads, length, layers, **shape)
    drawn, frozen = (model.init(init_key, scale) for scale in (width**0.5, gain))
    start = {"prompt": drawn["prompt"], "unembed": frozen["unembed"]}

    def apply(tuned: Any, x: jax.Array) -> jax.Array:
        moved = head * (tuned["unembed"] - frozen["unembed"])
        params = {**frozen, **tuned, "unembed": frozen["unembed"] + moved}
        return model.apply(params, x, at=-1, prompted=prompted)

    def right(tuned: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return mj.observables.accuracy(apply(tuned, x), y)

    def observe(tuned: Any) -> dict[str, jax.Array]:
        return {"accuracy": mj.expect(lambda x, y: right(tuned, x, y), data)}

    loss = mj.losses.of_model(apply, mj.losses.cross_entropy)
    fit = mj.train(loss, optax.adam(lr), observe, mj.spaced(12, steps))
    return fit(start, data)


def sweeps(
    size: tuple = (12, 24, 48),  # numbers n of sequences
    prompted: tuple = (1, 2, 4, 8, 16, 32),  # lengths of the prompt, from 1
    rank: tuple = (2, 8),  # how many directions the data have; at most the width
    gain: tuple = (2.0,),  # factors on weights of variance 1/inputs, which stay
    gains: tuple = (0.5, 1.0, 2.0, 4.0),  # the same for the second of n
    lr: tuple = (0.03,),  # learning rates of Adam
    seeds: Any = 8,  # how many seeds, or which ones (3,7)
    width: int = 8,  # of the stream
    heads: int = 2,  # of attention
    layers: int = 2,  # of attention and 4 times the width of ReLU units
    length: int = 4,  # of a sequence, N
    classes: int = 2,  # of labels
    steps: int = 500,  # of Adam
) -> dict[str, mj.Sweep]:
    """Accuracy by number, length and rank; by scale of weights; without a prompt."""
    mj.inside(0, np.inf, prompted=prompted, gain=gain, gains=gains)
    mj.between(1, width, rank=rank)
    shapes: dict[str, Any] = {
        "width": width,
        "heads": heads,
        "layers": layers,
        "length": length,
    }
    shapes |= {"classes": classes, "steps": steps}
    dials: dict[str, Any] = {"size": size, "prompted": prompted, "rank": rank}
    dials |= {"gain": gain, "head": 0, "lr": lr, "seed": mj.seeds(seeds)}
    main = mj.Sweep(run, **dials, **shapes)
    full, middle = rank[-1:], size[:2][-1:]
    made = {"main": main}
    if gains:
        few = tuple(length for length in prompted if length <= 16) or prompted
        made["gains"] = main.but(gain=gains, size=middle, rank=full, prompted=few)
    none: dict[str, Any] = {
        "prompted": (0,),
        "max_prompted": 1,
        "head": (0, 1),
        "rank": full,
    }
    return made | {"control": main.but(**none)}


def claims(results: mj.Results) -> list[mj.Claim]:
    """How the least length grows, and with what it changes."""
    return mj.judged(__file__, results, slope, rate, learned, mj.change)


def least(seen: xr.DataArray) -> xr.DataArray:
    """The length at which accuracy is enough; NaN where it is at none tried."""
    return crossing(seen, "prompted", KNOWN)


def slope(results: mj.Results, rank: str) -> mj.Estimate:
    """The exponent of the least length over n, and its interval over draws of seeds.

    A draw in which no length was enough has an infinite exponent.
    """
    main = mj.at(results["main"], rank=float(rank), **SETTING)
    seen = main.accuracy.isel(step=-1)
    count = seen.sizes["seed"]
    found, each = (
        exponent(least(a.mean("seed")), seen["size"], "size").values
        for a in (seen, mj.redrawn(seen, DRAWS))
    )
    if np.isnan(found):
        raise mj.NotRun("a longer prompt")
    low, high = np.sort(np.where(np.isnan(each), np.inf, each))[[25, -26]]
    return mj.Estimate(
        float(found), (float(low), float(high)) if count > 1 else None, count
    )


def rate(results: mj.Results) -> xr.DataArray:
    """Labels that the least prompt holds, in bits a trained number."""
    found = least(results["main"].accuracy.isel(step=-1).mean("seed"))
    bits = xr.apply_ufunc(np.log2, found.classes)
    return found["size"] * bits / (found * found.width)


def learned(results: mj.Results, sweep: str) -> xr.DataArray:
    """Accuracy at the end."""
    return results[sweep].accuracy.isel(step=-1)


def figure(results: mj.Results) -> Figure:
    """Accuracy over length, the least length over n, scales, and no prompt."""
    canvas, panel = panels("ab;cd", (11, 6.4))
    main = one(results["main"], "size", "prompted", "rank")
    over = {"marks": True, "label": "n = {size}", "color": "size", "shades": "viridis"}
    over["error"] = "se"
    full = main.isel(rank=-1)
    lines(panel["a"], full.accuracy.isel(step=-1), "prompted", **over)
    named_lengths(panel["a"], "rank {rank}, weights × {gain:g}", full)
    draw_least(panel["b"], main)
    if "gains" in results:
        gains = one(results["gains"], "gain", "prompted")
        over |= {"label": "weights × {gain:g}", "color": "gain"}
        lines(panel["c"], gains.accuracy.isel(step=-1), "prompted", **over)
        named_lengths(panel["c"], "n = {size}, rank {rank}", gains)
    draw_control(panel["d"], one(results["control"], "size", "head"), full)
    return canvas


def named_lengths(axis: Axes, title: str, seen: xr.Dataset) -> None:
    """A panel of accuracies over lengths of the prompt."""
    level(axis, KNOWN)
    log_ticks(axis, seen.prompted.values)
    words = {"xlabel": "length of the prompt, L", "ylabel": "accuracy"}
    frame(axis, title, seen, legend=BESIDE, **words)


def draw_least(axis: Axes, main: xr.Dataset) -> None:
    """The least length over n by rank, with exponents ½ and 1 through its first."""
    found = least(main.accuracy.isel(step=-1).mean("seed"))
    how: dict[str, Any] = {"color": "rank", "label": "rank {rank}", "dash": "-"}
    points(axis, found, "size", join=True, **how)
    n = main["size"] / main["size"].values[0]
    first = float(found.isel(rank=-1, size=0))
    for power, dash in ((0.5, ":"), (1.0, "--")):
        words = {"dash": dash, "color": "0.4", "label": f"n to the {power:g}"}
        lines(axis, first * n**power, "size", **words)
    log_ticks(axis, main["size"].values)
    log_ticks(axis, main.prompted.values, "y")
    words = {"xlabel": "sequences, n", "ylabel": f"least L with accuracy {KNOWN}"}
    frame(axis, "length {length}, width {width}", main, legend=BESIDE, **words)


def draw_control(axis: Axes, control: xr.Dataset, full: xr.Dataset) -> None:
    """Accuracy over n without a prompt, with the last layer alone, with a prompt."""
    at_end = control.accuracy.isel(step=-1)
    words = ("nothing is trained", "the last layer is, no prompt")
    for head, label in zip(control["head"].values, words, strict=True):
        look: dict[str, Any] = {"label": label, "color": f"C{int(head) + 1}"}
        points(axis, at_end.sel(head=head), "size", join=True, **look)
    longest = full.accuracy.isel(step=-1, prompted=-1)
    look = {"label": "a prompt of {prompted}", "color": "C0"}
    points(axis, longest, "size", join=True, **look)
    level(axis, 1 / float(control.classes), "chance")
    log_ticks(axis, control["size"].values)
    names: dict[str, Any] = {"xlabel": "sequences, n", "ylabel": "accuracy"}
    names |= {"legend": BESIDE, "ylim": (0.3, 1.05)}
    frame(axis, "what is trained, rank {rank}", control, **names)


if __name__ == "__main__":
    launch(__name__)
