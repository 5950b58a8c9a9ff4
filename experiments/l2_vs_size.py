"""The weight norm of a memorizing MLP rises and then falls with the train size.

Random inputs, random labels, a network trained to memorize them: the growth of the L2
norm of all parameters over 1000 Adam steps (the gap) is an inverted U in the number of
examples, with its maximum at 3200, and a power law A n^B + C up to 1600. The post's
guess, that the maximum is where the examples are as many as the network can memorize,
fits what it does memorize in these steps: some 3000, at a bit a parameter.

Source: Z. Liu, "How does memorization affect l2?" (blog post, 2026).
Command: python -m experiments.l2_vs_size
Expected: gap 39.6 at size 3200; exponent B = 0.270 on sizes 50 to 1600 with the
published seed, where 24 others have 0.296 ± 0.011 on average. That is inside their
range, but one seed in eight has the published A, B and C.

The sweep `published` uses the published data stream (numpy's default_rng(9266)) and
initial weights (torch.manual_seed(1207), saved beside this module); `main` draws both
anew for every seed, and so does `fitted`, at the sizes of the power law.
"""

from contextlib import suppress
from functools import partial
from typing import Any

import jax
import numpy as np
import optax
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.observables import parts
from memjax.plots import BESIDE, frame, lines, one, panels, points
from . import _l2 as post
from ._l2 import CLASSES, DIM, SIZES

FITTED = SIZES[:6]  # the power law is claimed on these
REFERENCE: dict[str, Any] = {"lr": (1e-3,), "wd": (0.0,), "init_scale": (1.0,)}
REFERENCE |= {"width": (100,), "prior": ("uniform",), "steps": 1000}
PARAMETERS = 12_817  # of the published width
LAW = {"A": (6.5, 0.5), "B": (0.270, 0.01), "C": (-9.636, 0.6)}  # published, within


def run(
    size: Any, width: Any, lr: Any, wd: Any, init_scale: Any, alpha: Any, seed: Any,
    *, capacity: int, max_width: int, steps: int, prior: str,
) -> mj.Legs:  # fmt: skip
    """Memorize `size` random labels, drawn and initialized from one seed."""
    data_key, test_key, init_key = jax.random.split(jax.random.key(seed), 3)
    law = getattr(mj.datasets, prior)
    dataset = mj.datasets.random_labels(DIM, CLASSES, capacity, prior=law)
    train, test = dataset(data_key, size, alpha), dataset(test_key, size, alpha)
    model = network(max_width, width)
    start, rule = model.init(init_key, init_scale), optax.adamw(lr, weight_decay=wd)
    return memorize(model, start, train, test, rule, steps)


def published_run(
    size: Any, train: Any, test: Any, start: Any, *, capacity: int
) -> mj.Legs:
    """The published run: its data and its initial weights come as inputs."""
    w = mj.prefix(size, capacity)
    train, test = (mj.Data(x, y, w) for x, y in (train, test))
    return memorize(network(100), start, train, test, optax.adam(1e-3), 1000)


def network(most: int, width: Any = None) -> mj.Model:
    """The post's, with so many units of at most so many in each hidden layer."""
    sizes, live = (DIM, most, most, CLASSES), (None, width, width, None)
    return mj.models.mlp(sizes, live=live)


def memorize(
    model: mj.Model, start: Any, train: mj.Data, test: mj.Data, rule: Any, steps: int
) -> mj.Legs:
    """Train on `train`, with the post's observables at every tenth step."""
    apply = model.apply

    loss = mj.losses.of_model(apply, mj.losses.cross_entropy)

    def score(params: Any, x: jax.Array, y: jax.Array) -> dict[str, jax.Array]:
        logits = apply(params, x)
        accuracy = mj.observables.accuracy(logits, y)
        return {"loss": mj.losses.cross_entropy(logits, y), "accuracy": accuracy}

    def observe(params: Any) -> dict[str, jax.Array]:
        seen = {"weight_l2": mj.observables.l2(params)}
        return seen | parts.of_each(partial(score, params), train=train, test=test)

    return mj.train(loss, rule, observe, mj.every(10, steps))(start, train)


def sweeps(
    size: tuple = SIZES[:9],  # numbers of training examples, and of test examples
    lr: tuple = (1e-3,),  # learning rates of AdamW
    wd: tuple = (0.0,),  # decoupled weight decays
    init_scale: tuple = (1.0,),  # factors on PyTorch's default initial weights
    seeds: int = 4,  # how many seeds, or which ones (3,7)
    width: tuple = (100,),  # widths of both hidden layers
    prior: tuple = ("uniform",),  # label laws: uniform, power_law, exponential
    alpha: float = 1.0,  # shape of the label laws power_law and exponential
    steps: int = 1000,  # optimizer steps
    fit_seeds: int = 24,  # seeds of the published setting at sizes 50 to 1600; or 0
    published: bool = True,  # also the ten published runs, from their data and weights
) -> dict[str, mj.Sweep]:
    """Random labels over every combination of the axes, and the published runs."""
    mj.one_of(("uniform", "power_law", "exponential"), prior=prior)
    mj.between(0, 10**6, fit_seeds=fit_seeds)
    grid: dict[str, Any] = {"lr": lr, "wd": wd, "init_scale": init_scale}
    grid |= {"width": width, "prior": prior, "alpha": alpha, "steps": steps}
    made = {"main": mj.Sweep(run, size=size, seed=mj.seeds(seeds), **grid)}
    if fit_seeds:
        same: dict[str, Any] = {**REFERENCE, "seed": mj.seeds(fit_seeds)}
        made["fitted"] = made["main"].but(size=FITTED, **same)
    if published:
        train, test = (mj.per("size", part) for part in post.data())
        inputs: dict[str, Any] = {"train": train, "test": test, "start": post.weights()}
        made["published"] = mj.Sweep(published_run, inputs=inputs, size=SIZES)
    return made


def claims(results: mj.Results) -> list[mj.Claim]:
    """The post's claims, from the published seed and from the others."""
    return mj.judged(__file__, results, off, curve, law)


def ended(results: mj.Results, sweep: str, sizes: Any = SIZES[:9]) -> xr.Dataset:
    """The last step at these sizes, all of which must have run, and the gaps."""
    runs = xr.concat([mj.at(results[sweep], size=n) for n in sizes], "size")
    start = runs.weight_l2.isel(step=0, drop=True)
    return runs.assign(gap=runs.weight_l2 - start).isel(step=-1)


def off(results: mj.Results, first: str, last: str) -> xr.DataArray:
    """How far the published seed's gaps are from the post's figure, at worst."""
    away = abs(ended(results, "published", SIZES).gap - post.points())
    return away.sel(size=slice(int(first), int(last))).max("size")


def curve(results: mj.Results, sweep: str, quantity: str) -> xr.DataArray:
    """What a curve over all sizes shows, run by run."""
    end = ended(results, sweep)
    gap, n, guessing = end.gap, end["size"], np.log(CLASSES)
    memorized = (n * (1 - end.train_loss / guessing)).max("size")
    return {
        "peak": gap.idxmax("size"),
        "largest": gap.max("size"),
        "height": height(gap),
        "memorized": memorized,  # examples, at most over all sizes
        "bits": memorized * np.log2(CLASSES) / PARAMETERS,
        "peak_over_memorized": gap.idxmax("size") / memorized,
        "test_accuracy": end.test_accuracy.weighted(n).mean("size"),
        "test_loss_grows": (end.test_loss > guessing).all("size"),
    }[quantity]


def height(gap: xr.DataArray) -> xr.DataArray:
    """Maximum less minimum of the 3-point moving average, edge values repeated."""
    smooth = gap.pad(size=1, mode="edge").rolling(size=3).mean()
    return smooth.max("size") - smooth.min("size")


def law(results: mj.Results, sweep: str, quantity: str) -> xr.DataArray:
    """What the power law of a run is up to size 1600, and whether it is the post's."""
    fit = partial(mj.observables.power_law, FITTED)
    how: Any = {"input_core_dims": [["size"]], "output_core_dims": [["of"]]}
    gap = ended(results, sweep, FITTED).gap
    found = xr.apply_ufunc(fit, gap, vectorize=True, **how)
    found = found.assign_coords(of=[*LAW, "R²"])
    if quantity == "recurs":
        a, b, c = (abs(found.sel(of=k) - v) <= within for k, (v, within) in LAW.items())
        return a & b & c
    return found.sel(of="B") <= 0.27 if quantity == "below" else found.sel(of=quantity)


def figure(results: mj.Results) -> Figure:
    """The strip at size 100, the gap against size, and test loss against the norm."""
    canvas, panel = panels("abc|dde", (9, 6))
    at = results.get("published", results["main"]).sel(size=100, method="nearest")
    first = at.isel({d: 0 for d in at.dims if d != "step"})
    for letter, name in (("a", "loss"), ("b", "accuracy")):
        for part, dash, color in (("train", "-", "C0"), ("test", "--", "C1")):
            look = {"label": part, "dash": dash, "color": color}
            lines(panel[letter], first[f"{part}_{name}"], "step", **look)
        frame(panel[letter], "train size {size}", first, xlabel="step", ylabel=name)
    lines(panel["c"], first.weight_l2, "step")
    y = "L2 of all parameters"
    frame(panel["c"], "train size {size}", first, xlabel="step", ylabel=y)
    draw_gaps(panel["d"], results)
    draw_test_loss(panel["e"], results["main"].isel(step=-1))
    return canvas


def draw_gaps(axis: Axes, results: mj.Results) -> None:
    """The gap against size: published, reproduced, and over seeds at every setting."""
    same = int(results["main"].step[-1]) == REFERENCE["steps"]
    steps = "" if same else f", {REFERENCE['steps']} steps"
    if same or "published" in results:
        words = f"published{steps}"
        points(axis, post.points(), "size", color="k", mfc="w", label=words)
    if "published" in results:
        exact, words = ended(results, "published", SIZES).gap, f"same seed, here{steps}"
        points(axis, exact, "size", color="k", marker="x", label=words)
        a, b, c, _ = mj.observables.power_law(FITTED, exact.values[: len(FITTED)])
        n, words = np.geomspace(50, 1600), f"{a:.2f} n$^{{{b:.3f}}}$ − {-c:.2f}"
        axis.plot(n, a * n**b + c, "k:", lw=1, label=words)
    if "fitted" in results:
        fitted, words = ended(results, "fitted", FITTED).gap, "other seeds, up to 1600"
        lines(axis, one(fitted, "size"), "size", color="C1", dash="--", label=words)
    every = ended(results, "main", results["main"]["size"].values).gap
    settings = [d for d in every.dims if d not in ("size", "seed")]
    words = ", ".join(f"{d} {{{d}}}" for d in settings if every.sizes[d] > 1)
    stacked = every.stack(setting=settings)
    lines(axis, stacked, "size", color="setting", label=words or "other seeds")
    axis.axvline(5000, color="0.6", lw=0.8, ls=":", label="capacity in the post")
    with suppress(mj.NotRun):
        held = float(curve(results, "main", "memorized").mean())
        axis.axvline(held, color="0.6", lw=0.8, ls="--", label=f"memorized: {held:.0f}")
    axis.set(xscale="log", xlabel="train size = test size", ylim=(0, 65))
    place = {"loc": "upper left", "ncols": 2}
    frame(axis, ylabel="growth of the L2 norm", legend=place)


def draw_test_loss(axis: Axes, end: xr.Dataset) -> None:
    """Test loss against the norm at the end, one point a run, marked by size."""
    runs = end.stack(run=[d for d in end.dims if d != "size"]).reset_index("run")
    look: dict[str, Any] = {"color": "size", "shades": "viridis", "label": "n = {size}"}
    points(axis, runs.test_loss, runs.weight_l2, **look)
    x, y = "L2 at the end", "test loss at the end"
    frame(axis, yscale="log", xlabel=x, ylabel=y, legend=BESIDE)


if __name__ == "__main__":
    launch(__name__)
