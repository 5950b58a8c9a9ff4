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
outputs, 500).
"""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.kernels import pairs
from memjax.plots import BESIDE, DASHES, frame, lines, one, panels
from . import _rfm as rfm


def run(
    share: Any, lr: Any, wd: Any, seed: Any, *, p: int, width: int, coding: str,
    optimizer: str, penalty: float, batch: int, steps: int,
) -> mj.Legs:  # fmt: skip
    """Two layers with square units, trained on minibatches by AdamW or plain SGD."""
    keys = jax.random.split(jax.random.key(seed), 4)
    parts = mj.datasets.modular(p)(keys[0], share)
    code = pairs.circulant(keys[1], p) if coding == "circulant" else jnp.eye(2 * p)
    a, b = parts.train.x.T
    data = mj.Data(code[a] + code[p + b], jax.nn.one_hot(parts.truth, p), parts.train.w)
    model = mj.models.mlp((2 * p, width, p), jnp.square, bias=False)
    start, rule = model.init(keys[2]), optax.adamw(lr, b2=0.98, weight_decay=wd)
    if optimizer == "sgd":
        rule = optax.chain(optax.add_decayed_weights(wd), optax.sgd(lr))

    def objective(params: Any, data: mj.Data, key: jax.Array) -> jax.Array:
        x, y, _ = mj.resampled(data, key, batch)
        found = jax.vmap(partial(model.apply, params))(x)
        steep = penalty * mj.observables.agop_trace(params, x) if penalty else 0.0
        return jnp.mean(jnp.sum((found - y) ** 2, axis=1)) + steep

    def accuracies(params: Any) -> dict[str, jax.Array]:
        found = jax.vmap(partial(model.apply, params))(data.x)
        right = jnp.argmax(found, 1) == parts.truth
        both = {"train": parts.train.w, "test": parts.test.w}
        return {f"{name}_accuracy": jnp.sum(w * right) for name, w in both.items()}

    finish = partial(features, model, data, start)
    fit = mj.descend(objective, rule, accuracies, mj.spaced(12, steps), finish=finish)
    return fit(start, mj.packed(data), keys[3])


def features(model: mj.Model, data: mj.Data, start: Any, end: Any) -> dict[str, Any]:
    """The first layer's Gram matrix beside the root of the AGOP, before and after."""

    def compared(params: Any) -> dict[str, jax.Array]:
        slopes = jax.vmap(jax.jacrev(partial(model.apply, params)))(data.x)
        gram = params[0]["w"] @ params[0]["w"].T
        root = mj.kernels.agop_root(slopes, data.w)
        block, learned = map(mj.observables.cross_block, (gram, root))
        return {
            "gram": gram,
            "pearson": mj.observables.correlation(gram, root),
            "block_pearson": mj.observables.correlation(block, learned),
            "gram_deviation": mj.observables.circulant_deviation(block),
            "agop_deviation": mj.observables.circulant_deviation(learned),
        }

    found = jax.tree.map(lambda *two: jnp.stack(two), compared(start), compared(end))
    dims, when = {"gram": ("row", "column")}, {"when": ("start", "end")}
    return {
        n: mj.named(v, *when, *dims.get(n, ()), coords=when) for n, v in found.items()
    }


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
    mj.inside(2, np.inf, p=p)
    mj.between(0, np.inf, penalty=penalty)

    def trained(share: float, epochs: int, batch: int) -> dict[str, Any]:
        steps = epochs * math.ceil(round(share * p**2) / batch)
        return {"share": share, "batch": batch, "steps": steps}

    adamw: dict[str, Any] = {"optimizer": "adamw", "lr": 1e-3, "wd": 1.0}
    sgd: dict[str, Any] = {"optimizer": "sgd", "lr": 1.0, "wd": 0.0}
    plain: dict[str, Any] = {"p": p, "coding": "one-hot", "penalty": (0.0,)}
    half: dict[str, Any] = {"width": 1024, **trained(0.5, 50, 32)}
    main = mj.Sweep(run, seed=mj.seeds(seeds), **plain, **adamw, **half)
    starved = main.but(**trained(0.175, 3000, 32), width=few_width)
    size = {"width": penalty_width, **trained(0.4, penalty_epochs, 128)}
    return {
        "main": main,
        "starved": starved,
        "fed": starved.but(**trained(0.175, 500, 32), coding="circulant"),
        "penalized": main.but(**sgd, **size, penalty=penalty),
    }


def claims(results: mj.Results) -> list[mj.Claim]:
    """What networks learn on the pairs, from which inputs, and without decay."""
    return mj.judged(__file__, results, below)


def below(results: mj.Results, sweep: str, level: str) -> xr.DataArray:
    """Whether test accuracy stays below a level at every logged time."""
    return results[sweep].test_accuracy.max("step") < float(level)


SHOWN = {
    "main": "half of all pairs",
    "starved": ".175 of them",
    "fed": ".175, circulant inputs",
    "penalized": ".4, AGOP penalty {penalty:g}",
}


def figure(results: mj.Results) -> Figure:
    """Test accuracy against steps, and the first layer's Gram matrix."""
    canvas, panel = panels("aab", (11, 3.6))
    i = 0
    for name, label in SHOWN.items():
        it = one(results[name], "penalty")
        for penalty in it.penalty.values:
            look = {"color": f"C{i}", "dash": DASHES[i % len(DASHES)], "label": label}
            lines(panel["a"], it.test_accuracy.sel(penalty=penalty), "step", **look)
            i += 1
    scale: dict[str, Any] = {"xscale": "symlog", "legend": BESIDE, **rfm.SHARES}
    frame(panel["a"], "networks, p = {p}", it, "step", "test accuracy", **scale)
    gram = one(results["main"]).gram.isel(when=-1)
    rfm.draw_metric(panel["b"], gram, "W₁ᵀW₁, {share:.0%} of all pairs")
    return canvas


if __name__ == "__main__":
    launch(__name__)
