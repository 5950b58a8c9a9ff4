"""Kernel machines that learn features grok modular arithmetic, without any network.

A Recursive Feature Machine fits a kernel machine in a metric M, sets M to the square
root of its average gradient outer product (AGOP), and repeats. On sums, differences,
products and quotients its train loss is zero throughout; its test accuracy stays at
chance and its test losses stand still, then it is right. What moves before are the
features, which become circulant. A fit in a random circulant metric is right without
learning any feature.

Source: Mallinar, Beaglehole, Zhu, Radhakrishnan, Pandit, Belkin, Emergence in
non-neural models: grokking modular arithmetic via AGOP, arXiv 2407.20199.
Command: python -m experiments.rfm_grokking
Expected: test accuracy 1 within 30 iterations at p = 61, half of all pairs.

Sweeps: `published` (the published p = 61 and half of all pairs, every operation),
`main` (sums at a small p, by kernel and train share), `raw` (the AGOP not centered) and
two of one fit in the metric of a random circulant matrix, `circulant` at the small p
and `published_circulant`.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.kernels import pairs
from memjax.observables.machines import seen
from memjax.plots import BESIDE, DASHES, frame, lines, one, panels
from . import _rfm as rfm

OPERATIONS = ("sum", "difference", "product", "quotient")


def run(
    share: Any, bandwidth: Any, ridge: Any, seed: Any, operation: Any,
    *, p: int, kernel: str, features: str, capacity: int, iterations: int,
) -> mj.Legs:  # fmt: skip
    """A random share of all pairs is trained on, the others are the test.

    `features` are learned, by the AGOP as it is (raw) or centered, or, where there are
    no iterations, those of a random circulant matrix.
    """
    key = jax.random.key(seed)
    parts = mj.datasets.modular(p, lambda *_: operation["table"])(key, share)
    task = pairs.Task(parts.truth, parts.train.w, {"test": parts.test.w})
    start = jnp.eye(2 * p)
    if features == "circulant":
        start = pairs.circulant(jax.random.fold_in(key, 1), p)
    gaussian, size = mj.kernels.gaussian(bandwidth), (capacity, iterations)
    made = gaussian if kernel == "gaussian" else mj.kernels.quadratic
    how = seen(task, operation["order"], operation["live"])
    how["centered"] = features != "raw"
    return pairs.machine(made, task, ridge, start, *size, **how)


def tables(names: tuple, p: int) -> dict[str, Any]:
    """The input of these operations: their tables, and in which order of how many
    numbers they are circulant. So all of them are one program.
    """
    a, b = np.divmod(np.arange(p * p), p)
    orders = [mj.observables.pair_order(p, name) for name in names]
    entries = {
        "table": [getattr(mj.datasets, f"modular_{name}")(a, b, p) for name in names],
        "order": [np.resize(order, p) for order in orders],  # the rest is not looked at
        "live": [len(order) for order in orders],
    }
    whole = {name: np.array(of, np.int32) for name, of in entries.items()}
    return {"operation": mj.per("operation", whole)}


def sweeps(
    share: tuple = (0.3, 0.4, 0.5, 0.6, 0.8),  # shares of all pairs that are trained on
    kernel: tuple = rfm.KERNELS,  # gaussian, quadratic; each is a program of its own
    bandwidth: tuple = (2.5,),  # bandwidths L of the Gaussian kernel exp(-d²/2L²)
    seeds: Any = 8,  # how many seeds, or which ones (3,7)
    p: int = 31,  # modulus, and number of classes
    iterations: int = 30,  # fits of the kernel machine after the first
    ridge: float = 1e-6,  # ridge of every fit
    operation: tuple = OPERATIONS,  # sum, difference, product, quotient, in the
    # published setting; elsewhere sums
    published_p: int = 61,  # modulus of the published setting, half of all pairs and
    # four seeds; 0 leaves it out
) -> dict[str, mj.Sweep]:
    """Train shares and kernels, two controls, and the published setting."""
    mj.inside(0, 1, share=share)
    mj.one_of(OPERATIONS, operation=operation)
    rfm.check(kernel, bandwidth, p, published_p)
    factors = [q for q in range(2, published_p) if published_p % q == 0]
    if factors and {"product", "quotient"} & set(operation):
        problem = f"products and quotients need a prime, got {published_p}"
        raise mj.BadValue("published_p", problem)
    seeds = mj.seeds(seeds)
    dials: dict[str, Any] = {"bandwidth": bandwidth, "ridge": ridge, "seed": seeds}
    dials |= {"kernel": kernel, "operation": ("sum",), "iterations": iterations}
    dials["inputs"] = tables(("sum",), p)
    main = mj.Sweep(run, **dials, **trained_on(share, p), features="centered")
    gaussian: dict[str, Any] = {"kernel": ("gaussian",)}
    random: dict[str, Any] = {"features": "circulant", "iterations": 0}
    made = {
        "main": main,
        "raw": main.but(**trained_on((0.6,), p), **gaussian, features="raw"),
        "circulant": main.but(**trained_on({0.15, *share}, p), **random),
    }
    if published_p:
        paper: dict[str, Any] = trained_on((0.5,), published_p) | {"seed": seeds[:4]}
        paper |= {"operation": operation, "inputs": tables(operation, published_p)}
        made["published"] = main.but(**paper, **gaussian)
        paper |= {"operation": ("sum",), "inputs": tables(("sum",), published_p)}
        made["published_circulant"] = main.but(**paper, **random)
    return made


def trained_on(shares: Any, p: int) -> dict[str, Any]:
    """Shares of the pairs of numbers modulo p, and room for the largest."""
    room = math.ceil(max(shares) * p**2)
    return {"share": tuple(sorted(shares)), "p": (p,), "capacity": room}


def claims(results: mj.Results) -> list[mj.Claim]:
    """The transition and what precedes it, accuracy by share, and two controls."""
    measures = (mj.extreme, progress, monotone, mj.reached, lead)
    return mj.judged(__file__, results, *measures)


def progress(results: mj.Results, quantity: str, which: str) -> xr.DataArray:
    """The share of a change made by iteration 5, most or least of any operation."""
    it = results["published"][quantity]
    start, second, fifth, end = (mj.at(it, step=k) for k in (0, 1, 5, 30))
    start = start.fillna(second)  # the identity has no circulant part or other
    return mj.over(which, (fifth - start) / (end - start), operation=OPERATIONS)


def monotone(results: mj.Results, quantity: str, way: str) -> xr.DataArray:
    """Whether a quantity falls or rises at every iteration at chance, three or more."""
    it = results["published"]
    early = it.step < mj.first_step(it.test_accuracy, 0.05)  # one pair in twenty
    early = early.isel(step=slice(2, None))  # of learned metrics, all but the first
    moves = it[quantity].diff("step") * {"falls": -1, "rises": 1}[way] > 0
    always = (moves | ~early).all("step") & (early.sum("step") >= 3)
    return mj.over("all", always, operation=OPERATIONS)


def lead(results: mj.Results) -> xr.DataArray:
    """The lead in test accuracy of random features over learned ones, by any kernel."""
    random = mj.at(results["circulant"], step=0).test_accuracy
    return (random - mj.at(results["main"], step=30).test_accuracy).min("kernel")


SETTING = "p = {p}, {share:.0%} of all pairs"
ITERATION = {"xlabel": "iteration", **rfm.SHARES}


def figure(results: mj.Results) -> Figure:
    """The transition of four operations, accuracy against share, feature matrices."""
    canvas, panel = panels("abc|def", (13, 6.6))
    it = one(results.get("published", results["main"]).isel(kernel=[0]), "operation")
    draw_transition(panel["a"], it.isel(operation=0))
    every = {"color": "operation", "label": "{operation}"}
    lines(panel["b"], it.test_accuracy, "step", **every)
    frame(panel["b"], SETTING, it, ylabel="test accuracy", **ITERATION)
    ends = {"main": "{kernel},\nlearned", "circulant": "{kernel},\nrandom circulant"}
    names = {"xlabel": "share of all pairs trained on", **rfm.SHARES, "legend": BESIDE}
    end = rfm.draw_ends(panel["c"], results, "test_accuracy", "share", ends)
    frame(panel["c"], "sum, p = {p}", end, ylabel="test accuracy at the end", **names)
    shown = (it.isel(operation=0), it.isel(operation=-1), one(results["main"], index=0))
    for letter, those in zip("def", shown, strict=True):
        rfm.draw_metric(panel[letter], those.metric, f"M, {{operation}}, {SETTING}")
    return canvas


def draw_transition(axis: Axes, it: xr.Dataset) -> None:
    """Accuracy, losses, deviation and alignment against iteration."""
    losses = it[["test_mse", "test_own_coordinate"]] / it.isel(step=0)
    curves = {
        "train accuracy": ("0.6", it.train_accuracy),
        "test accuracy": ("C0", it.test_accuracy),
        "test MSE / first": ("C3", losses.test_mse),
        "loss of the correct\ncoordinate / first": ("C4", losses.test_own_coordinate),
        "circulant deviation": ("C1", it.circulant_deviation.isel(step=slice(1, None))),
        "alignment with\nthe last features": ("C2", it.alignment),
    }
    for dash, (label, (color, values)) in zip(DASHES, curves.items(), strict=True):
        lines(axis, values, "step", color=color, dash=dash, label=label)
    frame(axis, f"{{operation}}, {SETTING}", it, **ITERATION, legend=BESIDE)


if __name__ == "__main__":
    launch(__name__)
