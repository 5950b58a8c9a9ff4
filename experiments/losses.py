"""Which loss makes the better classifier: cross-entropy, square loss or their sum.

A small network learns ten Gaussian classes, or handwritten digits, with right labels
and with some wrong ones, by four losses from the same data and the same initial
weights. Squentropy adds to the cross-entropy the mean square of the other classes'
outputs. The papers' results are of large networks on real data; here their statements
are asked of toys, whatever the answer.

Source: Hui, Belkin, Wright, Cut your Losses with Squentropy, arXiv 2302.03952; Hui,
Belkin, arXiv 2006.07322, for the square loss. The tasks are ours.
Command: python -m experiments.losses
Expected: on Gaussian classes with right labels .81 of the test points are right after
cross-entropy, .80 after squentropy and .74 after the square loss; on digits .83, .82
and .86.

Sweeps: `main` (Gaussian classes), `digits`, and `rates` (learning rates, on Gaussian
classes). What is calibrated is the softmax of the outputs, for every loss, as it is and
at the temperature that is best on points held out.
"""

from collections.abc import Callable
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
from memjax.plots import BESIDE, frame, panels, points

CLASSES, DIM, SPREAD = 10, 50, 3.0  # of Gaussians: |mean| is near `SPREAD`
SIDE = 7  # pixels of a digit
HIGH = 15.0  # what a rescaled square loss asks of the right class
TEMPERATURES = np.geomspace(0.02, 50, 80)
LOSSES: dict[str, Callable[..., jax.Array]] = {
    "cross_entropy": mj.losses.cross_entropy,
    "squentropy": mj.losses.squentropy,
    "square": mj.losses.rescaled_square,  # at weight and height one
    "rescaled": lambda out, y: mj.losses.rescaled_square(out, y, height=HIGH),
}


def run(
    loss: jax.Array, noise: Any, lr: Any, seed: Any, start: Any,
    *, size: int, width: int, steps: int,
) -> mj.Legs:  # fmt: skip
    """Learn Gaussian classes, drawn by `seed`, from the initial weights of `start`."""
    mean_key, x_key, y_key, part_key = jax.random.split(jax.random.key(seed), 4)
    mean = SPREAD / DIM**0.5 * jax.random.normal(mean_key, (CLASSES, DIM))
    count = 5 * size  # as many again are held out, and three times that for tests
    truth = jax.random.randint(y_key, (count,), 0, CLASSES)
    x = mean[truth] + jax.random.normal(x_key, (count, DIM))
    parts = split(part_key, x, truth, noise, size, size)
    return learn(parts, lr, start, loss, width, steps)


def digits_run(
    loss: jax.Array, x: Any, truth: Any, noise: Any, lr: Any, seed: Any, start: Any,
    *, size: int, width: int, steps: int,
) -> mj.Legs:  # fmt: skip
    """The same for handwritten digits, which `seed` shuffles."""
    order_key, part_key = jax.random.split(jax.random.key(seed))
    order = jnp.argsort(jax.random.uniform(order_key, truth.shape))
    held = (len(truth) - size) // 2
    parts = split(part_key, x[order], truth[order], noise, size, held)
    return learn(parts, lr, start, loss, width, steps)


def split(
    key: jax.Array, x: jax.Array, truth: jax.Array, noise: Any, size: int, held: int
) -> tuple[mj.Data, mj.Data, mj.Data]:
    """Points to train on, some by wrong labels, points held out, and those of tests."""
    at = jnp.arange(size)
    first = mj.datasets.mislabeled(
        key, x[:size], truth[:size], at >= 0, at < 0, classes=CLASSES, noise=noise
    ).train

    def part(a: int, b: int) -> mj.Data:
        return mj.Data(x[a:b], truth[a:b], mj.prefix(b - a, b - a))

    return first, part(size, size + held), part(size + held, len(truth))


def chosen(names: tuple) -> dict[str, Any]:
    """The input of runs by these losses: of each a one among zeros, its place.

    So all losses are one program; what all but one of them cost is nothing beside the
    network.
    """
    places = [list(LOSSES).index(name) for name in names]
    return {"loss": mj.per("loss", np.eye(len(LOSSES), dtype=np.float32)[places])}


def learn(
    parts: tuple[mj.Data, ...], lr: Any, start: Any, loss: jax.Array, width: int,
    steps: int,
) -> mj.Legs:  # fmt: skip
    """Train by Adam on the first part, and test once at the end."""
    train, held, test = parts
    model = mj.models.mlp((train.x.shape[1], width, CLASSES))
    params = model.init(jax.random.fold_in(jax.random.key(7), start))

    def cost(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        outputs = model.apply(params, x)
        return loss @ jnp.stack([each(outputs, y) for each in LOSSES.values()])

    def finish(params: Any) -> dict[str, jax.Array]:
        outputs = [jax.vmap(lambda x: model.apply(params, x))(d.x) for d in parts]
        fitted = jax.vmap(mj.observables.accuracy)(outputs[0], train.y)
        return {"fitted": train.w @ fitted, **judge(outputs[1], held, outputs[2], test)}

    def norm(params: Any) -> dict[str, jax.Array]:
        return {"l2": mj.observables.l2(params)}

    made = mj.train(cost, optax.adam(lr), norm, (0, steps), finish=finish)
    return made(params, train)


def judge(
    held_out: jax.Array, held: mj.Data, outputs: jax.Array, test: mj.Data
) -> dict[str, jax.Array]:
    """Accuracy, and calibration as it is and at the best temperature held out."""

    def nats(outputs: jax.Array, data: mj.Data, heat: Any) -> jax.Array:
        return data.w @ jax.vmap(mj.losses.cross_entropy)(outputs / heat, data.y)

    tried = jnp.asarray(TEMPERATURES, outputs.dtype)
    every = jax.lax.map(lambda t: nats(held_out, held, t), tried)
    seen = {"accuracy": test.w @ jax.vmap(mj.observables.accuracy)(outputs, test.y)}
    heats: dict[str, Any] = {"": 1.0, "_scaled": tried[jnp.argmin(every)]}
    for name, heat in heats.items():
        law = jax.nn.softmax(outputs / heat)
        seen["ece" + name] = mj.observables.calibration_error(law, test.y, test.w)
        seen["nll" + name] = nats(outputs, test, heat)
    return seen


def sweeps(
    loss: tuple = tuple(LOSSES),  # which are trained with
    noise: tuple = (0.0, 0.1),  # shares of wrong labels
    lr: float = 1e-3,  # of Adam
    seeds: int = 8,  # draws of the data: how many, or which ones (3,7)
    starts: int = 3,  # initial weights, with each of them
    rates: tuple = (1e-3, 3e-3, 1e-2),  # learning rates, at the most wrong labels
    size: int = 500,  # points to train on
    width: int = 128,  # of the hidden layer
    steps: int = 200,  # of Adam, on all points
) -> dict[str, mj.Sweep]:
    """Losses and noise on Gaussian classes and on digits, and learning rates."""
    mj.one_of(tuple(LOSSES), loss=loss)
    mj.between(0, 1, noise=noise)
    mj.between(1, 900, size=size)  # of a thousand digits
    by: dict[str, Any] = {"loss": loss, "noise": noise, "lr": lr}
    by |= {"seed": mj.seeds(seeds), "start": range(starts)}
    by |= {"size": size, "width": width, "steps": steps}
    main = mj.Sweep(run, inputs=chosen(loss), **by)
    x, truth = mj.datasets.digits(SIDE)
    return {
        "main": main,
        "digits": main.but(digits_run, inputs={"x": x, "truth": truth}),
        "rates": main.but(noise=max(noise), lr=rates, start=0),
    }


def claims(results: mj.Results) -> list[mj.Claim]:
    """Accuracy, calibration and spread of each loss against another."""
    return mj.judged(__file__, results, better, less, steadier, reused)


def less(
    results: mj.Results, sweep: str, quantity: str, one: str, other: str
) -> xr.DataArray:
    """A quantity of one loss less that of another, from the same data and starts."""
    first, last = (mj.at(results[sweep][quantity], loss=n) for n in (one, other))
    return (first - last).mean("start")


def better(results: mj.Results, sweep: str, one: str, other: str) -> xr.DataArray:
    """By how much more of the test points one loss is right."""
    return less(results, sweep, "accuracy", one, other)


def steadier(results: mj.Results, sweep: str, one: str, other: str) -> xr.DataArray:
    """Deviation of the accuracy over initial weights, of one loss less of another."""
    if results[sweep].sizes["start"] < 2:
        raise mj.NotRun("two starts or more")
    sd = mj.spread(results[sweep].accuracy, "start").sd
    first, last = (mj.at(sd, loss=n) for n in (one, other))
    return first - last


def reused(results: mj.Results, loss: str) -> xr.DataArray:
    """Accuracy of a loss at the learning rate best for cross-entropy, less its best."""
    found = results["rates"].accuracy
    mean = mj.at(found, loss="cross_entropy").mean("seed")
    own = mj.at(found, loss=loss)
    best = own.isel(lr=int(own.mean("seed").argmax("lr")))
    return (own.isel(lr=int(mean.argmax("lr"))) - best).drop_vars("lr", errors="ignore")


def figure(results: mj.Results) -> Figure:
    """Every run's accuracy and calibration by loss, on both tasks, and rates."""
    results = {name: ds.assign_coords(loss=words(ds)) for name, ds in results.items()}
    canvas, panel = panels("abc;def", (13.5, 7))
    names = {"accuracy": "test accuracy", "ece": "calibration error"}
    for letters, (name, label) in zip(("ad", "be"), names.items(), strict=True):
        for letter, task in zip(letters, ("main", "digits"), strict=True):
            strips(panel[letter], results[task][name])
            title = {"main": "Gaussian classes", "digits": "digits"}[task]
            frame(panel[letter], title, ylabel=label, legend=False)
    strips(panel["c"], results["main"].ece_scaled)
    title, label = "Gaussian classes, best temperature", names["ece"]
    frame(panel["c"], title, ylabel=label, legend=BESIDE)
    rates = results["rates"].accuracy
    how: dict[str, Any] = {"color": "loss", "label": "{loss}", "join": True}
    points(panel["f"], rates, "lr", error="se", **how)
    how = {"xscale": "log", "xlabel": "learning rate", "ylabel": names["accuracy"]}
    title = "Gaussian classes, wrong labels {noise:g}"
    frame(panel["f"], title, rates, legend=BESIDE, **how)
    return canvas


def words(runs: xr.Dataset) -> list[str]:
    """The names of losses as one writes them."""
    return [str(name).replace("_", "-") for name in runs.loss.values]


def strips(axis: Axes, of: xr.DataArray) -> None:
    """A dot for every run, by loss; shares of wrong labels side by side."""
    count = of.sizes["noise"]
    for i in range(count):
        part = of.isel(noise=i)
        label, marker = f"wrong labels {float(part.noise):g}", "os^D"[i % 4]
        for j, loss in enumerate(part.loss.values):
            y = np.ravel(part.sel(loss=loss))
            middle = j + (i - (count - 1) / 2) * 0.8 / count
            x = middle + np.linspace(-0.12, 0.12, len(y))
            look: dict[str, Any] = {"color": f"C{i}", "ls": "", "ms": 3}
            axis.plot(x, y, marker, label="" if j else label, **look)
            axis.plot([middle - 0.17, middle + 0.17], [np.nanmean(y)] * 2, "k", lw=1)
    axis.set_xticks(range(of.sizes["loss"]), [str(n) for n in of.loss.values])


if __name__ == "__main__":
    launch(__name__)
