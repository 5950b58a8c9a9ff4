"""A smooth kernel, random features and networks learn the rule and store the facts.

Labels are a rule, sign(teacher · x), except for a share eps of facts, whose labels are
coin flips. Enough random features store every fact; below that, ridge and nonlinearity
decide which errors a model of that size makes, on the rule (E_gen) or on its training
facts (E_mem). The kernel exp(x·z/d) tends to what theory has for its expansion. A
trained two-layer network of some width stores all facts, too.

Source: Farné, Boncoraglio, Zdeborová, The Rules-and-Facts model, arXiv 2603.25579; the
closed forms are derived from its fixed-point equations.
Command: python -m experiments.rules_and_facts_models
Expected: no fact missed by 8 d random features and ridge 0.001 at alpha 3, eps 0.3, or
by a network of 512 units after 500 steps at alpha 4, eps 0.3.

Sweeps: `main` (random features) and its `theory`, `exponential` (the kernel) and its
`exponential_theory`, `network` (trained with Adam; size, width and rates are ours).
Features have mu1 = 1, so `ratio` is mustar²/mu1².
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
from memjax.plots import level, lines, one, panels, points
from . import _rules as rules

DIM = 50  # input dimension of the network
EXPONENTIAL_RATIO = float(np.exp(1) - 2)  # k(1) - k(0) - k'(0), k = exp; k'(0) = 1
theory = mj.theory.rules_and_facts


def run(
    alpha: Any, eps: Any, lam: Any, ratio: Any, seed: Any,
    *, dim: int, capacity: int, kappa: float,
) -> dict[str, jax.Array]:  # fmt: skip
    """Ridge regression on kappa d random features; its test error is exact."""
    teacher, data = rules.draw(seed, alpha, eps, dim, capacity)
    features = round(kappa * dim)
    mix_key, rest_key = jax.random.split(rules.fresh(seed))
    mix = jax.random.normal(mix_key, (dim, features)) / jnp.sqrt(dim)
    rest = jax.random.normal(rest_key, (capacity, features))
    seen = data.x @ mix + jnp.sqrt(ratio) * rest
    gram = seen @ seen.T / features
    a = rules.fit(gram, data, lam, alpha, dim)
    weights = seen.T @ a
    noise = ratio * jnp.sum(weights**2)  # a fresh point brings its own `rest`
    return {
        "generalization": mj.observables.sign_error(teacher, mix @ weights, noise),
        "memorization": mj.observables.facts_missed(gram @ a, data),
    }


def theory_run(
    alpha: Any, eps: Any, lam: Any, ratio: Any, kappa: Any
) -> dict[str, jax.Array]:
    """What `run` tends to as d grows."""
    mustar = jnp.sqrt(ratio)
    return theory.random_features(alpha, kappa, eps, lam, 1.0, mustar)._asdict()


def exponential_run(
    alpha: Any, eps: Any, lam: Any, seed: Any, *, dim: int, capacity: int
) -> dict[str, jax.Array]:
    """Ridge regression with the kernel exp(x·z/d), tested on as many fresh points."""
    teacher, data = rules.draw(seed, alpha, eps, dim, capacity)
    test = jax.random.normal(rules.fresh(seed), data.x.shape)
    between = partial(mj.kernels.gram, mj.kernels.inner(jnp.exp))
    scaled = data.x / jnp.sqrt(dim)
    gram = between(scaled, scaled)
    a = rules.fit(gram, data, lam, alpha, dim)
    wrong = between(test / jnp.sqrt(dim), scaled) @ a * (test @ teacher) < 0
    return {
        "generalization": jnp.mean(wrong),
        "memorization": mj.observables.facts_missed(gram @ a, data),
    }


def exponential_theory_run(alpha: Any, eps: Any, lam: Any) -> dict[str, jax.Array]:
    """What `exponential_run` tends to as d grows."""
    return theory.kernel(alpha, eps, lam, 1.0, EXPONENTIAL_RATIO**0.5)._asdict()


def network_run(
    alpha: Any, eps: Any, width: Any, lr: Any, init_scale: Any, seed: Any,
    *, capacity: int, max_width: int, steps: int,
) -> mj.Legs:  # fmt: skip
    """A two-layer ReLU network trained on the square loss with Adam."""
    teacher, data = rules.draw(seed, alpha, eps, DIM, capacity)
    test_key, init_key = jax.random.split(rules.fresh(seed))
    test = mj.datasets.rules_and_facts(DIM, 2000)(test_key, teacher, 2000)
    live = None, width, None
    model = mj.models.mlp((DIM, max_width, 1), scheme=mj.models.he, live=live)

    def output(params: Any, x: jax.Array) -> jax.Array:
        return model.apply(params, x)[0]

    def loss(params: Any, x: jax.Array, y: Any) -> jax.Array:
        return mj.losses.square(output(params, x), y.label)

    def observe(params: Any) -> dict[str, jax.Array]:
        def wrong(x: jax.Array, y: Any) -> jax.Array:
            return (output(params, x) * y.label < 0).astype(x.dtype)

        fitted = jax.vmap(partial(output, params))(data.x)
        return {
            "train_loss": mj.expect(partial(loss, params), data),
            "generalization": mj.expect(wrong, test),
            "memorization": mj.observables.facts_missed(fitted, data),
        }

    start = model.init(init_key, init_scale)
    return mj.train(loss, optax.adam(lr), observe, steps)(start, data)


def sweeps(
    eps: tuple = (0.3,),  # shares of facts
    lam: tuple = (0.001, 0.1, 0.3, 1.0, 5.0, 20.0),  # ridges, positive
    ratio: tuple = (0.25, 1.0),  # ratios mustar²/mu1² of the features' nonlinearity
    kappa: tuple = (1.0, 2.0, 8.0),  # random features per dimension, a program each
    seeds: int = 192,  # how many seeds, or which ones (3,7); a half for networks
    width: tuple = (2, 8, 32, 512),  # widths of the trained network
    lr: tuple = (1e-3,),  # learning rates of Adam
    init_scale: tuple = (0.3, 1.0),  # factors on the network's He-normal weights
    dim: int = 200,  # input dimension, and of the kernel also half and a quarter of it
    alpha: float = 3.0,  # sample ratio n/d of the random features and the kernel
    network_alpha: float = 4.0,  # sample ratio of the trained network
    steps: int = 500,  # optimizer steps of the network
) -> dict[str, mj.Sweep]:
    """Features and kernels over the ridge, with theory; networks of several widths."""
    every = mj.seeds(seeds)
    mj.inside(0, 1, eps=eps)
    mj.inside(0, np.inf, lam=lam, kappa=kappa, alpha=alpha, network_alpha=network_alpha)
    mj.between(0, np.inf, ratio=ratio)
    mj.between(4, np.inf, dim=dim)
    grid: dict[str, Any] = {"eps": eps, "lam": lam, "ratio": ratio, "seed": every}
    grid |= {"kappa": kappa, "alpha": alpha, "dim": dim}
    net: dict[str, Any] = {"eps": eps, "lr": lr, "init_scale": init_scale}
    net |= {"seed": every[::2], "width": width, "steps": steps, "alpha": network_alpha}
    main, lams = mj.Sweep(run, **grid, capacity=round(alpha * dim)), mj.finely(lam)
    dims = (dim // 4, dim // 2, dim)
    sizes = mj.zipped(dim=dims, capacity=[round(alpha * d) for d in dims])
    return {
        "main": main,
        "theory": main.but(theory_run, lam=lams),
        "exponential": main.but(exponential_run, sizes),
        "exponential_theory": main.but(exponential_theory_run, lam=lams),
        "network": mj.Sweep(network_run, **net, capacity=round(network_alpha * DIM)),
    }


def claims(results: mj.Results) -> list[mj.Claim]:
    """What size, nonlinearity and ridge do; theory against simulation; networks."""
    return mj.judged(__file__, results, mj.change, shrunk, mj.away)


def shrunk(results: mj.Results) -> xr.DataArray:
    """How far exp(x·z/d) is above theory in E_gen at d = 200, less half that at 50."""
    runs, exact = results["exponential"], results["exponential_theory"]
    line = exact.generalization.sel(lam=runs.lam, method="nearest")
    above = (runs.generalization - line.assign_coords(lam=runs.lam)).mean("lam")
    return mj.at(above, dim=200) - mj.at(above, dim=50) / 2


def figure(results: mj.Results) -> Figure:
    """Features by size and nonlinearity, a kernel, networks over training and width."""
    canvas, panel = panels("aabbcc;dddeee", (11, 6.6))

    def both(color: str, name: str = "", **at: int) -> tuple[xr.Dataset, xr.Dataset]:
        runs, exact = results[name or "main"], results[f"{name}_theory".strip("_")]
        return one(runs.isel(at), "lam", color), one(exact.isel(at), "lam", color)

    how = {"title": "random features, ratio {ratio:g}", "label": "p = {kappa:g} d"}
    rules.draw_errors(panel["a"], *both("kappa", ratio=0), color="kappa", **how)
    middle = results["main"].kappa.size // 2
    how = {"title": "p = {kappa:g} d", "label": "ratio {ratio:g}"}
    rules.draw_errors(panel["b"], *both("ratio", kappa=middle), color="ratio", **how)
    draw_smooth(panel["c"], *both("dim", "exponential"))
    draw_over_steps(panel["d"], one(results["network"], "init_scale"))
    draw_over_width(panel["e"], one(results["network"], "init_scale", "width"))
    return canvas


def draw_smooth(axis: Axes, runs: xr.Dataset, exact: xr.Dataset) -> None:
    """Both errors of exp(x·z/d) at several input dimensions, and where they tend to."""
    lines(axis, rules.errors(exact), "lam", dash="error", color="k")
    how: dict[str, Any] = {"color": "dim", "label": "d = {dim}", "error": "se"}
    points(axis, rules.errors(runs), "lam", dash="error", **how)
    rules.frame_errors(axis, "kernel exp(x·z/d)", exact, ", d → ∞")


def draw_over_steps(axis: Axes, runs: xr.Dataset) -> None:
    """Both errors of the widest network against the optimizer step."""
    how = {"color": "init_scale", "label": "initial weights × {init_scale:g}"}
    lines(axis, rules.errors(runs), "step", dash="error", **how)
    level(axis, tangent_rule(runs), "tangent kernel, E_gen")
    names: dict[str, Any] = {"xlabel": "Adam step", "xlim": (1, None)}
    rules.frame_errors(axis, "network of {width} units", runs, **names)


def draw_over_width(axis: Axes, runs: xr.Dataset) -> None:
    """Both errors at the end of training against the width."""
    end = runs.isel(step=-1)
    how: dict[str, Any] = {"color": "init_scale", "label": "weights × {init_scale:g}"}
    points(axis, rules.errors(end), "width", True, dash="error", error="se", **how)
    level(axis, tangent_rule(end.isel(width=-1)))
    rules.frame_errors(axis, "after {step} steps", end, xlabel="width")


def tangent_rule(runs: xr.Dataset) -> jax.Array:
    """The E_gen of a network's tangent kernel at its start."""
    root = np.sqrt(theory.tangent_ratio(int(runs.width), DIM))
    return theory.kernel(float(runs.alpha), float(runs.eps), 0.0, 1.0, root)[0]


if __name__ == "__main__":
    launch(__name__)
