"""Models of a finite size learn the rule and store the facts where they are large.

Labels are a rule, sign(teacher · x), except for a share eps of facts, whose labels are
coin flips. Random features store every fact once there are more of them than examples;
below that, ridge and nonlinearity decide which errors a model of that size makes: on
the rule (E_gen) or on its training facts (E_mem). A trained two-layer network of some
width stores all facts, too, at about the E_gen of its tangent kernel.

Source: Farné, Boncoraglio, Zdeborová, The Rules-and-Facts model, arXiv 2603.25579; the
closed forms are derived from its fixed-point equations.
Command: python -m experiments.rules_and_facts_networks
Expected: no fact missed by 8 d random features and ridge 0.001 at alpha 3, eps 0.3, or
by a network of 512 units after 1000 steps at alpha 4, eps 0.3.

Sweeps: `main` (random features, over the ridge) and its `theory`; `network` (two
layers trained with Adam; size, width and rates are ours). Features have mu1 = 1, so
`ratio` is mustar²/mu1².
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
from experiments._rules import (
    RIDGE,
    WHERE,
    Results,
    away,
    change,
    draw,
    draw_errors,
    errors,
    facts_missed,
    finely,
    fit,
    fresh,
    sign_error,
)
from memjax.cli import launch
from memjax.plots import frame, key, level, lines, one, panels, points

DIM = 50  # input dimension of the network
theory = mj.theory.rules_and_facts


# --- the runs -----------------------------------------------------------------------


def run(
    alpha: Any,
    eps: Any,
    lam: Any,
    ratio: Any,
    seed: Any,
    *,
    dim: int,
    capacity: int,
    kappa: float,
) -> dict[str, jax.Array]:
    """Ridge regression on kappa d random features; its test error is exact."""
    teacher, data = draw(seed, alpha, eps, dim, capacity)
    features = round(kappa * dim)
    mix_key, rest_key = jax.random.split(fresh(seed))
    mix = jax.random.normal(mix_key, (dim, features)) / jnp.sqrt(dim)
    rest = jax.random.normal(rest_key, (capacity, features))
    seen = data.x @ mix + jnp.sqrt(ratio) * rest
    gram = seen @ seen.T / features
    a = fit(gram, data, lam, alpha, dim)
    weights = seen.T @ a
    noise = ratio * jnp.sum(weights**2)  # a fresh point brings its own `rest`
    return {
        "generalization": sign_error(teacher, mix @ weights, noise),
        "memorization": facts_missed(gram @ a, data),
    }


def theory_run(
    alpha: Any, eps: Any, lam: Any, ratio: Any, kappa: Any
) -> dict[str, jax.Array]:
    """What `run` tends to as d grows."""
    mustar = jnp.sqrt(ratio)
    return theory.random_features(alpha, kappa, eps, lam, 1.0, mustar)._asdict()


def network_run(
    alpha: Any,
    eps: Any,
    lr: Any,
    init_scale: Any,
    seed: Any,
    *,
    capacity: int,
    width: int,
    steps: int,
) -> mj.Legs:
    """A two-layer ReLU network trained on the square loss with Adam."""
    teacher, data = draw(seed, alpha, eps, DIM, capacity)
    test_key, init_key = jax.random.split(fresh(seed))
    test = mj.datasets.rules_and_facts(DIM, 2000)(test_key, teacher, 2000)
    model = mj.models.mlp((DIM, width, 1), scheme=mj.models.he)

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
            "memorization": facts_missed(fitted, data),
        }

    start = model.init(init_key, init_scale)
    return mj.train(loss, optax.adam(lr), observe, steps)(start, data)


# --- the grids ----------------------------------------------------------------------


def sweeps(
    eps: tuple = (0.3,),  # shares of facts
    lam: tuple = (0.001, 0.01, 0.1, 0.3, 1.0, 2.2057, 5.0, 20.0),  # ridges, positive
    ratio: tuple = (0.25, 1.0),  # ratios mustar²/mu1² of the features' nonlinearity
    kappa: tuple = (1.0, 2.0, 8.0),  # random features per dimension, a program each
    seeds: range = range(48),  # how many seeds, or which ones (3,7)
    width: tuple = (2, 8, 32, 512),  # widths of the trained network, a program each
    lr: tuple = (1e-3,),  # learning rates of Adam
    init_scale: tuple = (0.3, 1.0),  # factors on the network's He-normal weights
    dim: int = 200,  # input dimension of the random features; the network's is 50
    alpha: float = 3.0,  # sample ratio n/d of the random features
    network_alpha: float = 4.0,  # sample ratio of the trained network
    steps: int = 1000,  # optimizer steps of the network
) -> dict[str, mj.Sweep]:
    """Random features over the ridge, with theory, and networks of several widths."""
    mj.inside(0, 1, eps=eps)
    mj.inside(0, np.inf, lam=lam, kappa=kappa, alpha=alpha, network_alpha=network_alpha)
    mj.between(0, np.inf, ratio=ratio)
    grid: dict[str, Any] = {"eps": eps, "lam": lam, "ratio": ratio, "seed": seeds}
    grid |= {"kappa": kappa, "alpha": alpha, "dim": dim}
    net: dict[str, Any] = {"eps": eps, "lr": lr, "init_scale": init_scale}
    net |= {"seed": seeds, "width": width, "steps": steps, "alpha": network_alpha}
    main = mj.Sweep(run, **grid, capacity=round(alpha * dim))
    return {
        "main": main,
        "theory": main.but(theory_run, lam=finely(lam)),
        "network": mj.Sweep(network_run, **net, capacity=round(network_alpha * DIM)),
    }


# --- what was found -----------------------------------------------------------------


def claims(results: Results) -> list[mj.Claim]:
    """What size, nonlinearity and ridge do; theory against simulation; networks."""
    return mj.judged(__file__, results, change, away)


# --- what to look at ----------------------------------------------------------------


def figure(results: Results) -> Figure:
    """Features by size and nonlinearity; networks over training and width."""
    canvas, panel = panels("ab;cd", (9, 6.6))
    runs, exact = (results[name].isel(ratio=0) for name in ("main", "theory"))
    how = {"color": "kappa", "label": "p = {kappa:g} d"}
    key(panel["a"], "E_gen")
    key(panel["a"], "E_mem", "--")
    title = f"random features, ratio {{ratio:g}}, {WHERE}"
    keep = ("lam", "kappa")
    draw_errors(panel["a"], one(runs, *keep), one(exact, *keep), title, **how)
    middle = results["main"].sizes["kappa"] // 2
    runs, exact = (results[name].isel(kappa=middle) for name in ("main", "theory"))
    how, keep = {"color": "ratio", "label": "ratio {ratio:g}"}, ("lam", "ratio")
    title = f"p = {{kappa:g}} d, {WHERE}"
    draw_errors(panel["b"], one(runs, *keep), one(exact, *keep), title, **how)
    draw_over_steps(panel["c"], one(results["network"], "init_scale"))
    draw_over_width(panel["d"], one(results["network"], "init_scale", "width"))
    return canvas


def draw_over_steps(axis: Axes, runs: xr.Dataset) -> None:
    """Both errors of the widest network against the optimizer step."""
    how = {"color": "init_scale", "label": "initial weights × {init_scale:g}"}
    lines(axis, errors(runs), "step", dash="error", **how)
    level(axis, tangent_rule(runs), "tangent kernel, E_gen")
    names = {**RIDGE, "xlabel": "Adam step", "xlim": (1, None)}
    frame(axis, f"network of {{width}} units, {WHERE}", runs, **names)


def draw_over_width(axis: Axes, runs: xr.Dataset) -> None:
    """Both errors at the end of training against the width."""
    end = runs.isel(step=-1)
    how = {"color": "init_scale", "dash": "error", "error": "se"}
    points(axis, errors(end), "width", True, **how)
    level(axis, tangent_rule(end.isel(width=-1)))
    names = {**RIDGE, "xlabel": "width"}
    frame(axis, f"after {{step}} steps, {WHERE}", end, **names)


def tangent_rule(runs: xr.Dataset) -> jax.Array:
    """The E_gen of a network's tangent kernel at its start."""
    root = np.sqrt(theory.tangent_ratio(int(runs.width), DIM))
    return theory.kernel(float(runs.alpha), float(runs.eps), 0.0, 1.0, root)[0]


if __name__ == "__main__":
    launch(__name__)
