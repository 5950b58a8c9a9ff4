"""One kernel learns the rule and stores the facts; a linear model must choose.

Labels are a rule, sign(teacher · x), except for a share eps of facts, whose labels are
coin flips. Ridge regression on the inputs trades the error on the rule (E_gen) against
the share of training facts it gets wrong (E_mem); a kernel or many random features do
well on both at once. The effective ridge of least E_gen is pi/(2 (1 - eps)²) - 1 at
every sample ratio, and a kernel whose nonlinear part has that size needs no ridge.

Source: Farné, Boncoraglio, Zdeborová, The Rules-and-Facts model, arXiv 2603.25579; the
closed forms are derived from its fixed-point equations.
Command: python -m experiments.rules_and_facts
Expected: E_gen 0.187 and E_mem 0.002 at alpha 4, eps 0.2, ridge 1, kernel ratio 1.

Sweeps: `main` (kernels of any ratio, over the ridge) and its `theory`; `curve` (over
the sample ratio, no ridge) and `curve_theory`; `features` (random features) and
`features_theory`; `optimum` (theory only); `exponential` (a real kernel, exp(x·z/d),
against the theory of its expansion); `network` (two layers trained with Adam; size,
width and rates are ours). Kernels have mu1 = 1, so `ratio` is mustar²/mu1².
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
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

import memjax as mj
from memjax.cli import launch

PAPER = "Farné et al., arXiv 2603.25579"
DIGIT = "rounding of the value given"
DERIVED = "closed form, from the fixed point of " + PAPER
NETWORK_DIM = 50
EXPONENTIAL_RATIO = float(np.e - 2)  # k(1) - k(0) - k'(0) for k = exp, and k'(0) = 1
AWAY = 4
ALLOWED = f"{AWAY} standard errors of the mean over seeds, and 1/d of finite size"
BOTH = ("generalization", "memorization")
SHORT = {"generalization": "E_gen", "memorization": "E_mem", "bayes": "Bayes E_gen"}
SMALL = "; finite size beyond it: .028, .013, .010, -.001 ± .005 at d = 50 to 400"
theory = mj.theory.rules_and_facts


# --- the runs -----------------------------------------------------------------------


def run(
    alpha: Any, eps: Any, lam: Any, ratio: Any, seed: Any, *, dim: int, capacity: int
) -> dict[str, jax.Array]:
    """Ridge regression with the kernel XXᵀ/d + ratio I; its test error is exact."""
    teacher, data = draw(seed, alpha, eps, dim, capacity)
    gram = data.x @ data.x.T / dim + ratio * jnp.eye(capacity)
    a = mj.kernels.ridge(gram, data.y.label, data.w, lam / count(alpha, dim))
    return {
        "generalization": sign_error(teacher, data.x.T @ a),
        "memorization": facts_missed(gram @ a, data),
    }


def exponential_run(
    alpha: Any, eps: Any, lam: Any, seed: Any, *, dim: int, capacity: int
) -> dict[str, jax.Array]:
    """Ridge regression with the kernel exp(x·z/d), tested on as many fresh points."""
    teacher, data = draw(seed, alpha, eps, dim, capacity)
    fresh = jax.random.normal(jax.random.fold_in(jax.random.key(seed), 1), data.x.shape)
    between = partial(mj.kernels.gram, mj.kernels.inner(jnp.exp))
    scaled = data.x / jnp.sqrt(dim)
    gram = between(scaled, scaled)
    a = mj.kernels.ridge(gram, data.y.label, data.w, lam / count(alpha, dim))
    wrong = between(fresh / jnp.sqrt(dim), scaled) @ a * (fresh @ teacher) < 0
    return {
        "generalization": jnp.mean(wrong),
        "memorization": facts_missed(gram @ a, data),
    }


def features_run(
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
    count_of_features = round(kappa * dim)
    mix_key, rest_key = jax.random.split(jax.random.fold_in(jax.random.key(seed), 1))
    mix = jax.random.normal(mix_key, (dim, count_of_features)) / jnp.sqrt(dim)
    rest = jax.random.normal(rest_key, (capacity, count_of_features))
    features = data.x @ mix + jnp.sqrt(ratio) * rest
    gram = features @ features.T / count_of_features
    a = mj.kernels.ridge(gram, data.y.label, data.w, lam / count(alpha, dim))
    weights = features.T @ a
    noise = ratio * jnp.sum(weights**2)  # a fresh point brings its own `rest`
    return {
        "generalization": sign_error(teacher, mix @ weights, noise),
        "memorization": facts_missed(gram @ a, data),
    }


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
    teacher, data = draw(seed, alpha, eps, NETWORK_DIM, capacity)
    test_key, init_key = jax.random.split(jax.random.fold_in(jax.random.key(seed), 1))
    test = mj.datasets.rules_and_facts(NETWORK_DIM, 2000)(test_key, teacher, 2000)
    model = mj.models.mlp((NETWORK_DIM, width, 1), scheme=mj.models.he)

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


def theory_run(alpha: Any, eps: Any, lam: Any, ratio: Any) -> dict[str, jax.Array]:
    """What `run` tends to as d grows, and the best that anything can do."""
    errors = theory.kernel(alpha, eps, lam, 1.0, jnp.sqrt(ratio))
    return {**errors._asdict(), "bayes": theory.bayes(alpha, eps)}


def features_theory_run(
    alpha: Any, eps: Any, lam: Any, ratio: Any, kappa: Any
) -> dict[str, jax.Array]:
    """What `features_run` tends to as d grows."""
    mustar = jnp.sqrt(ratio)
    return theory.random_features(alpha, kappa, eps, lam, 1.0, mustar)._asdict()


def count(alpha: Any, dim: int) -> jax.Array:
    return jnp.round(alpha * dim)


def draw(seed: Any, alpha: Any, eps: Any, dim: int, capacity: int) -> tuple:
    """The teacher and the training set of one seed."""
    teacher_key, data_key = jax.random.split(jax.random.key(seed))
    teacher = jax.random.normal(teacher_key, (dim,))
    dataset = mj.datasets.rules_and_facts(dim, capacity)
    return teacher, dataset(data_key, teacher, count(alpha, dim), eps)


def sign_error(teacher: jax.Array, direction: jax.Array, noise: Any = 0.0) -> jax.Array:
    """How often direction·x + N(0, noise) and teacher·x differ in sign, x Gaussian."""
    size = jnp.sqrt(jnp.sum(teacher**2) * (jnp.sum(direction**2) + noise))
    return jnp.arccos(jnp.clip(teacher @ direction / size, -1, 1)) / jnp.pi


def facts_missed(fitted: jax.Array, data: mj.Data) -> jax.Array:
    """The share of training facts whose label is not the sign of the fit."""
    weight = data.w * data.y.fact
    return jnp.sum(weight * (fitted * data.y.label < 0)) / jnp.sum(weight)


# --- the grids ----------------------------------------------------------------------


def sweeps(
    eps: tuple = (0.1, 0.2, 0.3),
    lam: tuple = (0.001, 0.01, 0.1, 0.3, 1.0, 2.2057, 5.0, 20.0),
    ratio: tuple = (0.0, 1.0, 2.2057),
    alpha: tuple = (4.0,),
    curve: tuple = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0),
    kappa: tuple = (1.0, 2.0, 8.0),
    seeds: range = range(12),
    width: tuple = (512,),
    lr: tuple = (1e-3,),
    init_scale: tuple = (0.3, 1.0),
    dim: int = 200,
    features_alpha: float = 3.0,
    features_ratio: float = 0.25,
    network_alpha: float = 4.0,
    steps: int = 1000,
) -> dict[str, mj.Sweep]:
    """Kernels, random features and networks, with theory on the same grids.

    eps: shares of facts
    lam: ridges of the kernels and of the random features, positive
    ratio: kernel ratios mustar²/mu1²; 0 is a linear model, 2.2057 is best at eps 0.3
    alpha: sample ratios n/d at which the ridge is swept
    curve: sample ratios of the curves without ridge, at ratio 1 and half of --dim
    kappa: numbers of random features per dimension; each is a program of its own
    seeds: how many seeds, or which ones (3,7)
    width: widths of the trained network
    lr: learning rates of Adam
    init_scale: factors on the network's He-normal initial weights
    dim: input dimension of the simulations; the network's is 50
    features_alpha: sample ratio of the random features
    features_ratio: mustar²/mu1² of the random features
    network_alpha: sample ratio of the trained network
    steps: optimizer steps of the network
    """
    check(eps, lam, ratio, (*alpha, *curve, *kappa, features_alpha, network_alpha))
    half = max(dim // 2, 1)
    lams, alphas = finely(lam), finely(curve)
    bare: dict[str, Any] = {"eps": eps, "lam": (0.0,), "ratio": (1.0,)}
    each: dict[str, Any] = {"eps": eps, "lam": lam, "seed": seeds, "dim": (dim,)}
    one: dict[str, Any] = {"alpha": alpha[:1], "eps": eps}
    some: dict[str, Any] = {"alpha": (features_alpha,), "ratio": (features_ratio,)}
    some |= {"eps": eps, "kappa": kappa}
    best: dict[str, Any] = {
        "eps": np.linspace(0, 0.6, 13).round(3),
        "lam": np.geomspace(0.3, 15, 100),
    }
    net: dict[str, Any] = {"eps": eps, "alpha": (network_alpha,), "seed": seeds}
    net |= {"lr": lr, "init_scale": init_scale, "width": width, "steps": steps}
    at_alpha, at_curve = room(alpha, dim), room(curve, half)
    runs = {
        "main": mj.Sweep(run, **each, alpha=alpha, ratio=ratio, capacity=at_alpha),
        "curve": mj.Sweep(
            run, **bare, seed=seeds, alpha=curve, dim=(half,), capacity=at_curve
        ),
        "exponential": mj.Sweep(
            exponential_run, **each, alpha=alpha[:1], capacity=room(alpha[:1], dim)
        ),
        "features": mj.Sweep(
            features_run, **each | some, capacity=room((features_alpha,), dim)
        ),
        "network": mj.Sweep(
            network_run, **net, capacity=room((network_alpha,), NETWORK_DIM)
        ),
    }
    exact = {
        "theory": mj.Sweep(theory_run, alpha=alpha, eps=eps, lam=lams, ratio=ratio),
        "curve_theory": mj.Sweep(theory_run, alpha=alphas, **bare),
        "exponential_theory": mj.Sweep(
            theory_run, **one, lam=lams, ratio=EXPONENTIAL_RATIO
        ),
        "features_theory": mj.Sweep(features_theory_run, **some, lam=lams),
        "optimum": mj.Sweep(theory_run, **best, alpha=(1.0, 4.0, 16.0), ratio=(0.0,)),
    }
    return runs | exact


def finely(values: tuple) -> list[float]:
    """The values, and a geometric line of sixty through them."""
    return sorted({*values, *np.geomspace(min(values), max(values), 60).tolist()})


def check(eps: tuple, lam: tuple, ratio: tuple, positive: tuple) -> None:
    """Refuse shares outside [0, 1) and ridges or ratios of no meaning."""
    if not all(0 < e < 1 for e in eps):
        raise mj.BadValue("eps", f"shares of facts lie strictly in (0, 1), got {eps}")
    if min(lam) <= 0:
        raise mj.BadValue("lam", f"must be positive, got {min(lam)}")
    if min(ratio) < 0:
        raise mj.BadValue("ratio", f"must be 0 or more, got {min(ratio)}")
    if min(positive) <= 0:
        raise mj.BadValue("alpha", f"ratios must be positive, got {min(positive)}")


def room(alphas: tuple, dim: int) -> int:
    return round(max(alphas) * dim)


# --- what was found -----------------------------------------------------------------

KNOWN = (  # values of the theory: which sweep, where, and what
    ("theory", {"alpha": 4, "eps": 0.2, "lam": 1, "ratio": 1}, (0.1867, 0.0022)),
    ("theory", {"alpha": 4, "eps": 0.3, "lam": 2.2057, "ratio": 0}, (0.2160, 0.341)),
    ("theory", {"alpha": 4, "eps": 0.3, "lam": 1e-3, "ratio": 0}, (0.2256, 0.325)),
    (
        "features_theory",
        {"alpha": 3, "eps": 0.3, "lam": 0.1, "ratio": 0.25, "kappa": 2},
        (0.3372, 0.1068),
    ),
)
KNOWN_CURVE = {1: (0.284, 0.2834), 4: (0.158, 0.1384), 16: (0.078, 0.0410)}


def pick(results: xr.Dataset, **at: float) -> xr.Dataset | None:
    """The results at these coordinates (to 1e-4), None where they were not run."""
    for name, value in at.items():
        near = np.isclose(results[name].values, value, rtol=1e-4)
        if not near.any():
            return None
        results = results.isel({name: int(np.argmax(near))})
    return results.squeeze([d for d in results.dims if d == "dim"])


def mean_of(results: xr.Dataset | None, name: str) -> float | None:
    return None if results is None else float(results[name].mean())


def allowed(values: xr.DataArray | None, dim: int) -> float | None:
    """How far the mean over seeds may be from theory: 4 standard errors and 1/d."""
    if values is None or values.sizes["seed"] < 3:
        return None
    error = float(values.std("seed", ddof=1)) / values.sizes["seed"] ** 0.5
    return AWAY * error + 1 / dim


def deviation(simulated: xr.Dataset, exact: xr.Dataset, name: str) -> float | None:
    """The largest distance from theory over the grid, in units of what is allowed."""
    seeds = simulated.sizes["seed"]
    if seeds < 3:
        return None
    error = simulated[name].std("seed", ddof=1) / np.sqrt(seeds)
    on_grid = {d: simulated[d] for d in exact.dims}
    line = exact[name].sel(on_grid, method="nearest").assign_coords(on_grid)
    away = abs(simulated[name].mean("seed") - line)
    return float((away / (AWAY * error + 1 / simulated["dim"])).max())


def tangent_ratio(width: int) -> float:
    """The kernel ratio of the two-layer ReLU tangent kernel at He's initial weights.

    Its kernel is `width` arc-cosine kernels of degree 1 and `dim` of degree 0 times u.
    """
    rest = width * (0.5 - 1 / np.pi) + NETWORK_DIM * 0.5
    return float(rest / (0.5 * (width + NETWORK_DIM)))


def claims(results: dict[str, xr.Dataset]) -> list[mj.Claim]:
    """The closed form's numbers, theory against simulation, rule and facts at once."""
    return [
        *theory_claims(results),
        *optimum_claims(results),
        *simulation_claims(results),
        *at_once_claims(results["main"]),
        *network_claims(results["network"]),
    ]


def theory_claims(results: dict[str, xr.Dataset]) -> list[mj.Claim]:
    """The theory at the settings where its values are known."""
    made = []

    def known(sweep: str, at: dict, names: tuple, values: tuple) -> None:
        found = pick(results[sweep], **at)
        where = ", ".join(f"{name} {value:g}" for name, value in at.items())
        for name, value in zip(names, values, strict=True):
            rounding = 5e-4 if round(value, 3) == value else 5e-5
            what = f"theory, {SHORT[name]} at {where}"
            measured = mean_of(found, name)
            made.append(mj.Claim(what, value, measured, DERIVED, rounding, None, DIGIT))

    for sweep, at, values in KNOWN:
        known(sweep, at, BOTH, values)
    for alpha, values in KNOWN_CURVE.items():
        at = {"alpha": alpha, "eps": 0.1, "lam": 0, "ratio": 1}
        known("curve_theory", at, ("generalization", "bayes"), values)
    return made


def optimum_claims(results: dict[str, xr.Dataset]) -> list[mj.Claim]:
    """The effective ridge of least rule error, from theory and from simulation."""
    found = results["optimum"].generalization.idxmin("lam").squeeze("ratio")
    step = float(results["optimum"].lam[1] / results["optimum"].lam[0] - 1)
    off = abs(found / theory.best_ridge(found.eps) - 1)
    runs = pick(results["main"], alpha=4, eps=0.3, ratio=0)
    covered = runs is not None and pick(runs, lam=2.2057) is not None
    least = runs.generalization.mean("seed").idxmin("lam") if runs is not None else None
    best, closed = "ridge of least E_gen", "pi/(2 (1 - eps)²) - 1"
    return [
        mj.Claim(
            f"theory, {best} at eps 0.3, alpha 4",
            2.206,
            float(found.sel(eps=0.3, alpha=4)),
            DERIVED,
            2.206 * step,
            reason="one step of the grid of ridges",
        ),
        mj.Claim(
            f"theory, {best}: farthest from {closed}",
            0.0,
            float(off.max()),
            DERIVED,
            step,
            reason="one step of the grid of ridges, over 13 eps and 3 alpha",
        ),
        mj.Claim(
            f"simulation, {best} at eps 0.3, alpha 4",
            2.206,
            float(least) if covered and least is not None else None,
            DERIVED,
            1e-3,
            reason="it is one of the ridges that were run",
        ),
    ]


def simulation_claims(results: dict[str, xr.Dataset]) -> list[mj.Claim]:
    """How far theory is from every simulated point, at worst."""
    return [
        mj.Claim(
            f"simulation, {SHORT[name]}: {what}, farthest from theory",
            0.0,
            deviation(results[sweep], results[exact], name),
            DERIVED,
            1.0,
            reason=f"in units of {ALLOWED}, over the whole grid{more}",
        )
        for sweep, exact, what, more in (
            ("main", "theory", "kernels over the ridge", ""),
            ("curve", "curve_theory", "kernel over the sample ratio", ""),
            ("exponential", "exponential_theory", "kernel exp(x·z/d)", SMALL),
            ("features", "features_theory", "random features", ""),
        )
        for name in BOTH
    ]


def at_once_claims(main: xr.Dataset) -> list[mj.Claim]:
    """Rule and facts at once: one kernel has what no ridge gives a linear model."""
    linear = pick(main, alpha=4, eps=0.3, ratio=0)
    kernel = pick(main, alpha=4, eps=0.3, ratio=2.2057, lam=1e-3)
    gap = least = None
    if linear is not None and kernel is not None:
        best = linear.isel(lam=linear.generalization.mean("seed").argmin("lam").item())
        gap = kernel.generalization - best.generalization
        least = linear.memorization.mean("seed").min().item()
    dim = int(main["dim"].item())
    facts = 0.3 * 4 * dim * main.sizes["seed"]  # seeds bring facts of their own
    at = "at alpha 4, eps 0.3"
    stored = mean_of(kernel, "memorization")
    return [
        mj.Claim(f"simulation, E_mem of the best kernel {at}", 0.0, stored, PAPER),
        mj.Claim(
            f"simulation, E_gen of the best kernel less the best linear one's {at}",
            0.0,
            None if gap is None else float(gap.mean()),
            DERIVED,
            allowed(gap, dim),
            reason=ALLOWED,
        ),
        mj.Claim(
            f"simulation, least E_mem of a linear model {at}",
            0.325,
            least,
            DERIVED,
            AWAY * (0.325 * 0.675 / facts) ** 0.5 + 1 / dim,
            reason=ALLOWED,
        ),
    ]


def network_claims(network: xr.Dataset) -> list[mj.Claim]:
    """A trained network stores the facts, at the rule error of its tangent kernel."""
    end = network.isel(step=-1, width=-1)
    at = pick(end, alpha=4, eps=0.3, init_scale=0.3, lr=1e-3)
    at = at if int(end.step) >= 500 and int(end.width) >= 256 else None
    ratio = tangent_ratio(int(end.width))
    exact = theory.kernel(4.0, 0.3, 0.0, 1.0, ratio**0.5).generalization
    within = allowed(None if at is None else at.generalization, NETWORK_DIM)
    where = "after training from small weights, alpha 4, eps 0.3"
    stored = mean_of(at, "memorization")
    return [
        mj.Claim(f"network, E_mem {where}", 0.0, stored, PAPER + ", by its kernels"),
        mj.Claim(
            f"network, E_gen {where}",
            float(exact),
            mean_of(at, "generalization"),
            "theory of the tangent kernel at the start",
            within,
            reason=ALLOWED,
        ),
    ]


# --- what to look at ----------------------------------------------------------------


def figure(results: dict[str, xr.Dataset]) -> Figure:
    """Rule against facts; both over the ridge and sample ratio; the best ridge."""
    canvas = Figure(figsize=(11, 6.6))
    axes = canvas.subplots(2, 3)
    draw_trade_off(axes[0, 0], last(results["main"]), last(results["theory"]))
    draw_over_ridge(axes[0, 1], last(results["main"]), last(results["theory"]))
    draw_over_samples(axes[0, 2], results["curve"], results["curve_theory"])
    draw_optimum(axes[1, 0], results["optimum"])
    features = (last(results[name]) for name in ("features", "features_theory"))
    draw_features(axes[1, 1], *features)
    draw_network(axes[1, 2], last(results["network"]))
    for axis, letter in zip(axes.flat, "abcdef", strict=True):
        axis.set_title(f"({letter}) {axis.get_title(loc='left')}", loc="left")
    return canvas


def last(results: xr.Dataset) -> xr.Dataset:
    """One setting of a grid, the last value of each axis that has no colors here."""
    fixed = ("alpha", "eps", "dim", "width", "lr")
    return results.isel({d: -1 for d in fixed if d in results.dims})


def dots(axis: Axes, runs: xr.Dataset, x: str, y: str, **style: Any) -> None:
    """Means over seeds with their standard deviations, against `x`."""
    mean, sd = runs.mean("seed"), runs.std("seed")
    sideways = None if x in runs.coords else sd[x]
    common: dict[str, Any] = {"fmt": "o", "ms": 3.5, "elinewidth": 0.8, "zorder": 3}
    axis.errorbar(mean[x], mean[y], sd[y], sideways, **common, **style)


def draw_both(axis: Axes, runs: Any, exact: Any, color: str, label: str) -> None:
    """Both errors against the ridge: E_gen solid and filled, E_mem dashed, hollow."""
    for name, style, face in zip(BOTH, ("-", "--"), (color, "white"), strict=True):
        axis.plot(exact.lam, exact[name], style, color=color)
        dots(axis, runs, "lam", name, color=color, mfc=face)
    axis.plot([], [], color=color, label=label)
    axis.set(xscale="log", xlabel="ridge λ", ylabel="error", ylim=(-0.02, 0.55))


def draw_trade_off(axis: Axes, runs: xr.Dataset, exact: xr.Dataset) -> None:
    """E_mem against E_gen, along the ridge, for every kernel ratio."""
    for i, ratio in enumerate(runs.ratio.values):
        line = exact.sel(ratio=ratio)
        label = f"kernel ratio {ratio:.3g}" if ratio else "linear (ratio 0)"
        axis.plot(line.generalization, line.memorization, color=f"C{i}", label=label)
        dots(axis, runs.sel(ratio=ratio), *BOTH, color=f"C{i}")
    axis.axvline(exact.bayes.min().item(), color="0.5", ls=":", lw=1, label="Bayes")
    axis.set(xlabel="error on the rule, E_gen", ylabel="facts missed, E_mem")
    axis.set_title(f"along the ridge, {setting(exact)}", loc="left")
    axis.legend()


def draw_over_ridge(axis: Axes, runs: xr.Dataset, exact: xr.Dataset) -> None:
    """Both errors against the ridge."""
    for i, ratio in enumerate(runs.ratio.values):
        draw_both(axis, runs.sel(ratio=ratio), exact.sel(ratio=ratio), f"C{i}", "")
    axis.set_title(f"colors as in (a), {setting(exact)}", loc="left")
    handles = [Line2D([], [], color="0.3", ls=ls) for ls in ("-", "--")]
    handles.append(Line2D([], [], color="0.3", ls="", marker="o"))
    labels = ("E_gen, theory", "E_mem, theory", "simulation, mean ± sd")
    axis.legend(handles, labels)


def draw_over_samples(axis: Axes, runs: xr.Dataset, exact: xr.Dataset) -> None:
    """The rule error of a kernel without ridge against the sample ratio."""
    for i, eps in enumerate(runs.eps.values):
        line = exact.sel(eps=eps).squeeze()
        axis.plot(line.alpha, line.generalization, color=f"C{i}", label=f"ε = {eps:g}")
        axis.plot(line.alpha, line.bayes, ":", color=f"C{i}", lw=1)
        at = runs.sel(eps=eps).squeeze(["dim", "ratio", "lam"])
        dots(axis, at, "alpha", "generalization", color=f"C{i}")
    axis.plot([], [], ":", color="0.3", lw=1, label="Bayes")
    axis.set(xscale="log", yscale="log", xlabel="samples per dimension, n/d")
    axis.set(ylabel="error on the rule, E_gen")
    axis.set_yticks((0.04, 0.06, 0.1, 0.2, 0.4))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.set_title("ratio 1, no ridge: all facts stored", loc="left")
    axis.legend()


def draw_optimum(axis: Axes, exact: xr.Dataset) -> None:
    """The effective ridge of least rule error against the share of facts."""
    found = exact.generalization.idxmin("lam").squeeze("ratio")
    eps = np.linspace(0, found.eps.max().item(), 100)
    axis.plot(eps, theory.best_ridge(eps), color="k", label="π / (2(1 − ε)²) − 1")
    for size, alpha in zip((9, 6, 3), found.alpha.values, strict=True):
        at, label = found.sel(alpha=alpha), f"least E_gen, n/d = {alpha:g}"
        axis.plot(at.eps, at, "o", ms=size, mfc="none", label=label)
    axis.set(xlabel="share of facts ε", ylabel="effective ridge (λ + μ⋆²)/μ₁²")
    axis.set_title("best ridge or kernel ratio", loc="left")
    axis.legend()


def draw_features(axis: Axes, runs: xr.Dataset, exact: xr.Dataset) -> None:
    """Both errors of random features against the ridge."""
    for i, kappa in enumerate(runs.kappa.values):
        at, line = runs.sel(kappa=kappa), exact.sel(kappa=kappa)
        draw_both(
            axis,
            at.squeeze("ratio"),
            line.squeeze("ratio"),
            f"C{i}",
            f"p = {kappa:g} d",
        )
    axis.set_title(f"random features, {setting(exact)}", loc="left")
    axis.legend()


def draw_network(axis: Axes, runs: xr.Dataset) -> None:
    """Both errors of a trained network against the optimizer step."""
    for i, scale in enumerate(runs.init_scale.values):
        at, color = runs.sel(init_scale=scale), f"C{i}"
        for name, style in zip(BOTH, ("-", "--"), strict=True):
            mean, sd = at[name].mean("seed"), at[name].std("seed")
            axis.plot(at.step, mean, style, color=color)
            axis.fill_between(at.step, mean - sd, mean + sd, color=color, alpha=0.2)
        axis.plot([], [], color=color, label=f"initial weights × {scale:g}")
    root = tangent_ratio(int(runs.width)) ** 0.5
    exact = theory.kernel(float(runs.alpha), float(runs.eps), 0.0, 1.0, root)
    rule, label = exact.generalization.item(), "tangent kernel, E_gen"
    axis.axhline(rule, color="k", ls=":", lw=1, label=label)
    axis.set(
        xscale="log",
        xlim=(1, None),
        xlabel="Adam step",
        ylabel="error",
        ylim=(-0.02, 0.55),
    )
    axis.set_title(f"two-layer network, {setting(runs)}", loc="left")
    axis.legend()


def setting(results: xr.Dataset) -> str:
    return f"n/d = {float(results.alpha):g}, ε = {float(results.eps):g}"


if __name__ == "__main__":
    launch(__name__)
