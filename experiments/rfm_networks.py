"""A network with square units learns the features that a kernel machine learns.

A two-layer network with square units on the pairs of modular addition ends with a first
layer whose Gram matrix is circulant and near the root of the average gradient outer
product (AGOP). On .175 of the pairs it does not reach 100 % of the test, unless its
inputs are turned by a random circulant matrix; a penalty on the trace of the AGOP
replaces weight decay.

Source: Mallinar, Beaglehole, Zhu, Radhakrishnan, Pandit, Belkin, Emergence in
non-neural models: grokking modular arithmetic via AGOP, arXiv 2407.20199.
Command: python -m experiments.rfm_networks
Expected: test accuracy 1 on half of the pairs after 50 epochs.

Sweeps: `main` on half of the pairs of p = 61, `starved` on .175 of them, `fed` on the
same from circulant inputs, and `penalized`, with a penalty and without, on .4 of them,
by plain SGD and in neither case with weight decay. The start, the scale of the loss and
the epochs of `fed` and `penalized` are not known to us (PyTorch's, squares summed over
outputs, 500). The correlation of Gram matrix and AGOP is as high before training as
after, also that of the blocks across both numbers; how circulant they are is not.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from matplotlib.figure import Figure

import memjax as mj
from experiments import _rfm as rfm
from memjax.cli import launch
from memjax.plots import BESIDE, DASHES, frame, lines, one, panels

Params = Any


# --- the runs -----------------------------------------------------------------------


def run(
    share: Any,
    lr: Any,
    wd: Any,
    seed: Any,
    *,
    p: int,
    width: int,
    coding: str,
    optimizer: str,
    penalty: float,
    batch: int,
    steps: int,
) -> mj.Legs:
    """Two layers with square units on pairs of numbers, trained on minibatches.

    By AdamW, or by plain SGD; with a `penalty` on the trace of the AGOP.
    """
    keys = jax.random.split(jax.random.key(seed), 4)
    parts = mj.datasets.modular(p)(keys[0], share)
    code = jnp.eye(2 * p) if coding == "one-hot" else rfm.random_circulant(keys[1], p)
    a, b = parts.train.x.T
    data = mj.Data(code[a] + code[p + b], jax.nn.one_hot(parts.truth, p), parts.train.w)
    model = mj.models.mlp((2 * p, width, p), jnp.square, bias=False)
    start, rule = model.init(keys[2]), optax.adamw(lr, b2=0.98, weight_decay=wd)
    if optimizer == "sgd":
        rule = optax.chain(optax.add_decayed_weights(wd), optax.sgd(lr))
    objective = on_minibatches(model, data.w, batch, penalty)
    observe = partial(accuracies, model, data.x, parts)
    finish = partial(features, model, data, start)
    times = sorted({0, *np.geomspace(1, steps, 12).round().astype(int).tolist()})
    fit = mj.descend(objective, rule, observe, times, finish=finish)
    return fit(start, data, keys[3])


def on_minibatches(
    model: mj.Model, w: jax.Array, batch: int, penalty: float
) -> Callable[[Params, mj.Data, jax.Array], jax.Array]:
    """The objective on points drawn anew: squares summed over outputs, and penalty."""
    rows = jnp.argsort(w == 0, stable=True)  # trained on, first
    learned = jnp.sum(w > 0)

    def objective(params: Params, data: mj.Data, key: jax.Array) -> jax.Array:
        drawn = rows[jax.random.randint(key, (batch,), 0, learned)]
        x, y = data.x[drawn], data.y[drawn]
        found = jax.vmap(partial(model.apply, params))(x)
        steep = penalty * agop_trace(params, x) if penalty else 0.0
        return jnp.mean(jnp.sum((found - y) ** 2, axis=1)) + steep

    return objective


def accuracies(
    model: mj.Model, x: jax.Array, parts: mj.datasets.Parts, params: Params
) -> dict[str, jax.Array]:
    """How many pairs are right, of those trained on and of the others."""
    right = jnp.argmax(jax.vmap(partial(model.apply, params))(x), 1) == parts.truth
    return {
        "train_accuracy": jnp.sum(parts.train.w * right),
        "test_accuracy": jnp.sum(parts.test.w * right),
    }


def features(
    model: mj.Model, data: mj.Data, start: Params, end: Params
) -> dict[str, Any]:
    """The first layer's Gram matrix beside the root of the AGOP, before and after."""

    def compared(params: Params) -> dict[str, jax.Array]:
        slopes = jax.vmap(jax.jacrev(partial(model.apply, params)))(data.x)
        gram = params[0]["w"] @ params[0]["w"].T
        root = mj.kernels.agop_root(slopes, data.w)
        block, learned = rfm.cross_block(gram), rfm.cross_block(root)
        return {
            "gram": gram,
            "pearson": pearson(gram, root),
            "block_pearson": pearson(block, learned),
            "gram_deviation": mj.observables.circulant_deviation(block),
            "agop_deviation": mj.observables.circulant_deviation(learned),
        }

    both = jax.tree.map(lambda *two: jnp.stack(two), compared(start), compared(end))
    gram, when = both.pop("gram"), {"when": ("start", "end")}
    found = {name: mj.named(two, *when, coords=when) for name, two in both.items()}
    return {**found, "gram": mj.named(gram, *when, "row", "column", coords=when)}


def pearson(a: jax.Array, b: jax.Array) -> jax.Array:
    """The correlation between the entries of two matrices."""
    return jnp.corrcoef(a.ravel(), b.ravel())[0, 1]


def agop_trace(params: Params, x: jax.Array) -> jax.Array:
    """The mean over points `x` [n, 2p] of the network's squared slopes, all together.

    Of outputs Σ_j v_j (u_j·x)² the products of slopes need u·u and v·v only, not the
    Jacobian at every point, which costs ten times as much.
    """
    first, second = (layer["w"] for layer in params)
    between = own_products(first) * own_products(second.T)  # [width, width]
    return jnp.sum(own_products(2 * x @ first) * between) / len(x)


@jax.custom_vjp
def own_products(x: jax.Array) -> jax.Array:
    """`x.T @ x`, whose derivative JAX would take twice, once for each factor."""
    return x.T @ x


own_products.defvjp(
    lambda x: (x.T @ x, x),
    lambda x, slope: (x @ (slope + slope.T),),
)


def sweeps(
    seeds: Any = 4,  # how many seeds, or which ones (3,7)
    p: int = 61,  # modulus, and number of classes
    penalty: tuple = (0.0, 1e-3),  # penalties on the trace of the AGOP, in place of
    # weight decay; a program each
    penalty_width: int = 512,  # units of the network that is penalized
    penalty_epochs: int = 500,  # and its epochs
    few_width: int = 256,  # units of the networks on .175 of the pairs, as in the
    # authors' code; 1024 in their text
) -> dict[str, mj.Sweep]:
    """Networks on the published pairs, by AdamW, and with a penalty by plain SGD."""
    seeds = mj.seeds(seeds)
    mj.inside(2, np.inf, p=p)
    mj.between(0, np.inf, penalty=penalty)

    def trained(share: float, epochs: int, batch: int) -> dict[str, Any]:
        steps = epochs * math.ceil(round(share * p**2) / batch)
        return {"share": share, "batch": batch, "steps": steps}

    adamw: dict[str, Any] = {
        "optimizer": "adamw",
        "lr": 1e-3,
        "wd": 1.0,
        "penalty": (0.0,),
    }
    sgd: dict[str, Any] = {"optimizer": "sgd", "lr": 1.0, "wd": 0.0}
    plain: dict[str, Any] = {"p": p, "coding": "one-hot", "seed": seeds}
    main = mj.Sweep(run, **plain, **adamw, **trained(0.5, 50, 32), width=1024)
    starved = main.but(**trained(0.175, 3000, 32), width=few_width)
    size = {"width": penalty_width, **trained(0.4, penalty_epochs, 128)}
    return {
        "main": main,
        "starved": starved,
        "fed": starved.but(**trained(0.175, 500, 32), coding="circulant"),
        "penalized": main.but(**sgd, **size, penalty=penalty),
    }


# --- what was found -----------------------------------------------------------------


def claims(results: rfm.Results) -> list[mj.Claim]:
    """What networks learn on the pairs, from which inputs, and without decay."""
    return mj.judged(__file__, results, below, feature)


def below(results: rfm.Results, sweep: str, level: str) -> xr.DataArray:
    """Whether test accuracy stays below a level at every logged time."""
    return results[sweep].test_accuracy.max("step") < float(level)


def feature(results: rfm.Results, quantity: str, when: str) -> xr.DataArray:
    """What is found of the features of a network on half of the pairs."""
    return results["main"][quantity].sel(when=when)


# --- what to look at ----------------------------------------------------------------

SHOWN = {
    "main": "half of all pairs",
    "starved": ".175 of them",
    "fed": ".175, circulant inputs",
    "penalized": ".4, AGOP penalty {penalty:g}",
}


def figure(results: rfm.Results) -> Figure:
    """Test accuracy against steps, and the first layer's Gram matrix."""
    canvas, panel = panels("aab", (11, 3.6))
    shown = [
        (one(results[n], "penalty").isel(penalty=k), label)
        for n, label in SHOWN.items()
        for k in range(results[n].sizes["penalty"])
    ]
    for i, (it, label) in enumerate(shown):
        look = {"color": f"C{i}", "dash": DASHES[i % len(DASHES)]}
        lines(panel["a"], it.test_accuracy, "step", label=label, **look)
    names: dict[str, Any] = {
        "xscale": "symlog",
        "xlabel": "step",
        "ylabel": "test accuracy",
    }
    names |= {"ylim": (-0.03, 1.06), "legend": BESIDE}
    frame(panel["a"], "networks, p = {p}", it, **names)
    gram = one(results["main"]).gram.isel(seed=0, when=-1)
    rfm.draw_metric(panel["b"], gram, "W₁ᵀW₁, {share:.0%} of all pairs")
    return canvas


if __name__ == "__main__":
    launch(__name__)
