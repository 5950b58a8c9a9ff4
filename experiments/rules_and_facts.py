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
against the theory of its expansion); `network` (two layers trained with AdamW; size,
width and rates are ours). Kernels have mu1 = 1, so `ratio` is mustar²/mu1².
"""

from functools import partial
from itertools import product
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

PAPER = "Farné et al., arXiv 2603.25579"
DERIVED = "closed form, from the fixed point of " + PAPER
NETWORK_DIM = 50
EXPONENTIAL_RATIO = float(np.e - 2)  # k(1) - k(0) - k'(0) for k = exp, and k'(0) = 1
STEP = 5  # standard errors of the simulation that theory may be away
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
    alpha: Any, eps: Any, lr: Any, seed: Any, *, capacity: int, width: int, steps: int
) -> mj.Legs:
    """A two-layer ReLU network trained on the square loss with AdamW."""
    teacher, data = draw(seed, alpha, eps, NETWORK_DIM, capacity)
    test_key, init_key = jax.random.split(jax.random.fold_in(jax.random.key(seed), 1))
    test = mj.datasets.rules_and_facts(NETWORK_DIM, 2000)(test_key, teacher, 2000)
    model = mj.models.mlp((NETWORK_DIM, width, 1), scheme=mj.models.he)

    def loss(params: Any, x: jax.Array, y: Any) -> jax.Array:
        return mj.losses.square(model.apply(params, x)[0], y.label)

    def observe(params: Any) -> dict[str, jax.Array]:
        def wrong(x: jax.Array, y: Any) -> jax.Array:
            return (model.apply(params, x)[0] * y.label < 0).astype(x.dtype)

        fitted = jax.vmap(lambda x: model.apply(params, x)[0])(data.x)
        return {
            "train_loss": mj.expect(partial(loss, params), data),
            "generalization": mj.expect(wrong, test),
            "memorization": facts_missed(fitted, data),
        }

    return mj.train(loss, optax.adamw(lr), observe, steps)(model.init(init_key), data)


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
    seeds: range = range(6),
    width: tuple = (512,),
    lr: tuple = (1e-3,),
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
    lr: learning rates of AdamW
    dim: input dimension of the simulations; the network's is 50
    features_alpha: sample ratio of the random features
    features_ratio: mustar²/mu1² of the random features
    network_alpha: sample ratio of the trained network
    steps: optimizer steps of the network
    """
    check(eps, lam, ratio, (*alpha, *curve, *kappa, features_alpha, network_alpha))
    fine = sorted({*lam, *np.geomspace(min(lam), max(lam), 60).tolist()})
    half = max(dim // 2, 1)
    common = {"eps": eps, "seed": seeds}
    features = {"alpha": features_alpha, "eps": eps, "ratio": features_ratio}
    return {
        "main": mj.Sweep(
            run,
            **common,
            alpha=alpha,
            lam=lam,
            ratio=ratio,
            dim=dim,
            capacity=room(alpha, dim),
        ),
        "theory": mj.Sweep(theory_run, alpha=alpha, eps=eps, lam=fine, ratio=ratio),
        "curve": mj.Sweep(
            run,
            **common,
            alpha=curve,
            lam=0.0,
            ratio=1.0,
            dim=half,
            capacity=room(curve, half),
        ),
        "curve_theory": mj.Sweep(
            theory_run,
            alpha=sorted({*curve, *np.geomspace(min(curve), max(curve), 40).tolist()}),
            eps=eps,
            lam=0.0,
            ratio=1.0,
        ),
        "optimum": mj.Sweep(
            theory_run,
            alpha=(1.0, 4.0, 16.0),
            eps=np.linspace(0, 0.6, 13).round(3),
            lam=np.geomspace(0.3, 15, 400),
            ratio=0.0,
        ),
        "exponential": mj.Sweep(
            exponential_run,
            **common,
            alpha=alpha[0],
            lam=lam,
            dim=dim,
            capacity=room(alpha[:1], dim),
        ),
        "exponential_theory": mj.Sweep(
            theory_run, alpha=alpha[0], eps=eps, lam=fine, ratio=EXPONENTIAL_RATIO
        ),
        "features": mj.Sweep(
            features_run,
            **{**features, "seed": seeds},
            lam=lam,
            kappa=kappa,
            dim=dim,
            capacity=room((features_alpha,), dim),
        ),
        "features_theory": mj.Sweep(
            features_theory_run, **features, lam=fine, kappa=kappa
        ),
        "network": mj.Sweep(
            network_run,
            **common,
            alpha=network_alpha,
            lr=lr,
            width=width,
            steps=steps,
            capacity=room((network_alpha,), NETWORK_DIM),
        ),
    }


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
