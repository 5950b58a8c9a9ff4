"""Trained on all rows at once, a network fits wrong sums before right ones.

With three labels in ten wrong, accuracy on the wrong ones is ahead for 200 steps; the
wider the network, the sooner. Images are said to show it in their first epoch, but the
accuracies noted for that, 0.1087 on wrong and 0.0286 on right labels, are also those of
a network that knows no wrong label and answers it by chance, (1 - 0.0286) / 9 = 0.108.

Source: Liu and Lu, Unveiling Memorization-Generalization Coexistence, 2605.18022: its
abstract and, where a row says so, what others noted of its text.
Command: python -m experiments.label_noise_first
Expected: wrong labels lead by 0.17 over 300 steps at 30 % wrong labels, p = 59.

The paper shows the first 200 epochs at p = 113 and width 2049 (200,000 steps of Adam at
1e-3); `main` takes p = 59 and widths to 512, with AdamW at 1e-3 and a decay of 0.1.
`digits` is three layers of 256 on 500 images of MNIST, full batch, so that an epoch is
a step, with AdamW (1e-3, decay 0.1), untuned; the paper's has 60,000 images.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from experiments import _label_noise as ln
from experiments._label_noise import PARTS, Results
from memjax.cli import launch
from memjax.plots import BESIDE, DASHES, frame, level, lines, one, panels, points

EPOCHS = {  # accuracy on right and on wrong labels that was published, by noise
    0.05: {1: (0.0286, 0.1087), 2: (0.4629, 0.0647)},
    0.2: {1: (0.0289, 0.1075), 2: (0.4809, 0.0571)},
}
LOOKS = {"clean": ("C0", "o"), "noisy": ("C1", "s"), "test": ("C2", "^")}


# --- the runs -----------------------------------------------------------------------


def run(
    noise: Any, lr: Any, wd: Any, init_scale: Any, batch: Any, seed: Any,
    *, modulus: int, capacity: int, width: int, steps: int,
) -> mj.Legs:  # fmt: skip
    """Learn the table, each step on a share `batch` of the rows."""
    given = ln.task(seed, noise, modulus, width, share=ln.SHARE, scale=init_scale)
    apply = partial(ln.logits, "relu")

    def objective(params: ln.Params, data: mj.Data, key: jax.Array) -> jax.Array:
        drawn = jax.random.uniform(key, data.w.shape) < batch

        def loss(x: jax.Array, y: jax.Array) -> jax.Array:
            return mj.losses.cross_entropy(apply(params, x), y)

        return mj.expect(loss, data._replace(w=data.w * drawn / batch))

    optimizer, observe = (
        optax.adamw(lr, weight_decay=wd),
        ln.by_part(apply, given.points),
    )
    fit = mj.descend(objective, optimizer, observe, mj.every(5, steps))
    return fit(given.start, given.train, given.key)


def digits_run(
    x: Any, truth: Any, noise: Any, lr: Any, wd: Any, seed: Any, *, width: int
) -> mj.Legs:
    """Learn half of some images, some by wrong labels; look at each of 10 steps."""
    data_key, init_key = jax.random.split(jax.random.key(seed))
    train = jnp.arange(len(x)) < len(x) // 2
    parts = mj.datasets.mislabeled(
        data_key, x, truth, train, ~train, classes=10, noise=noise
    )
    model = mj.models.mlp((x.shape[1], width, width, 10))

    def loss(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return mj.losses.cross_entropy(model.apply(params, x), y)

    observe = ln.by_part(model.apply, ln.marked(parts))
    fit = mj.train(loss, optax.adamw(lr, weight_decay=wd), observe, range(11))
    return fit(model.init(init_key), parts.train)


def sweeps(
    noise: tuple = (0.1, 0.3, 0.8),  # shares of the training labels that are wrong
    modulus: tuple = (59,),  # moduli p; each is a program of its own
    width: tuple = (128, 512),  # numbers of neurons; each is a program of its own
    lr: tuple = (1e-3,),  # learning rates of AdamW
    wd: tuple = (0.1,),  # decoupled weight decays
    init_scale: tuple = (1.0,),  # factors on initial weights of variance 1/width
    batch: tuple = (1.0,),  # shares of the rows that a step uses; 1 is full batch
    seeds: Any = 8,  # how many seeds, or which ones (3,7)
    steps: int = 300,  # optimizer steps
    images: bool = True,  # also networks on MNIST, 64 seeds
    images_noise: tuple = (0.05, 0.2),  # shares of wrong labels there
    images_lr: tuple = (1e-3,),  # learning rates there
) -> dict[str, mj.Sweep]:
    """The first steps on sums, by noise and width, and on images."""
    mj.between(0, 1, noise=noise, images_noise=images_noise)
    mj.between(1e-3, 1, batch=batch)
    dials: dict[str, Any] = {"noise": noise, "lr": lr, "wd": wd, "batch": batch}
    dials |= {"init_scale": init_scale, "width": width, "steps": steps}
    main = mj.Sweep(run, ln.tables(modulus), **dials, seed=mj.seeds(seeds))
    if not images:
        return {"main": main}
    x, truth = mj.datasets.digits()
    dials = {"noise": images_noise, "lr": images_lr, "wd": (0.1,), "width": (256,)}
    given = {"x": x, "truth": truth}
    digits = mj.Sweep(digits_run, inputs=given, **dials, seed=range(64))
    return {"main": main, "digits": digits}


# --- what was found -----------------------------------------------------------------


def claims(results: Results) -> list[mj.Claim]:
    """How far wrong labels are ahead, on sums and on images."""
    return mj.judged(__file__, results, lead, part, sooner, ahead, unlearned)


def lead(results: Results, until: str) -> xr.DataArray:
    """How far wrong labels are ahead, on average over the first steps."""
    mj.at(results["main"], step=int(until))
    return mean_lead(results["main"].sel(step=slice(0, int(until))))


def mean_lead(seen: xr.Dataset) -> xr.DataArray:
    """How far wrong labels are ahead of right ones, on average over steps but 0."""
    parts = seen.accuracy.isel(step=slice(1, None)).mean("step")
    return parts.sel(part="noisy", drop=True) - parts.sel(part="clean", drop=True)


def part(results: Results, sweep: str, name: str) -> xr.DataArray:
    """The accuracy on one of `PARTS`."""
    return results[sweep].accuracy.sel(part=name, drop=True)


def sooner(results: Results) -> xr.DataArray:
    """The accuracy on wrong labels that 512 neurons have more than 128."""
    found = part(results, "main", "noisy")
    large, small = (mj.at(found, width=w).drop_vars("width") for w in (512, 128))
    return large - small


def ahead(results: Results) -> xr.DataArray:
    """How far wrong labels are ahead of right ones, on images."""
    return part(results, "digits", "noisy") - part(results, "digits", "clean")


def unlearned(results: Results) -> xr.DataArray:
    """How far wrong labels are ahead of the ninth of the wrong answers to them."""
    noisy, right = (part(results, "digits", name) for name in ("noisy", "recovered"))
    return noisy - (1 - right) / 9


# --- what to look at ----------------------------------------------------------------


def figure(results: Results) -> Figure:
    """Both accuracies over steps, the lead against noise, and images."""
    images = results.get("digits")
    letters = "ab" if images is None else "abc"
    canvas, panel = panels(letters, (4 * len(letters), 3.5))
    draw_steps(panel["a"], one(results["main"], "noise", "width"))
    leads = one(results["main"], "noise", "width").pipe(mean_lead)
    how: dict[str, Any] = {"color": "width", "label": "width {width:g}", "join": True}
    points(panel["b"], leads, "noise", **how)
    level(panel["b"], 0)
    labels: dict[str, Any] = {"xlabel": "share of wrong labels"}
    labels["ylabel"] = "lead of wrong labels, mean over steps"
    frame(panel["b"], "p = {modulus}", leads, **labels)
    if images is not None:
        draw_images(panel["c"], one(images, "noise"))
    return canvas


def draw_steps(axis: Axes, seen: xr.Dataset) -> None:
    """Both accuracies on what is learned from against the step, by width."""
    near = seen.sel(noise=0.3, method="nearest")
    draw_parts(axis, near.accuracy, "width", PARTS[:2], markevery=8)
    labels = {"xlabel": "step", "ylabel": "accuracy", **ln.SHARES}
    frame(axis, "p = {modulus}, noise {noise:g}", near, **labels)


def draw_images(axis: Axes, seen: xr.Dataset) -> None:
    """Accuracies on images by epoch, and those published, by noise."""
    draw_parts(axis, seen.accuracy, "noise", PARTS[:3])
    look: dict[str, Any] = {"ls": "", "mfc": "w", "mec": "k", "zorder": 4}
    for noise, size in zip(seen.noise.values, (9, 5), strict=False):
        for epoch, both in EPOCHS.get(noise, {}).items():
            for value, (_, marker) in zip(both, LOOKS.values(), strict=False):
                axis.plot(epoch, value, marker=marker, ms=size, **look)
    for part in PARTS[:2]:
        axis.plot([], [], marker=LOOKS[part][1], **look, label=f"{part}, published")
    labels: dict[str, Any] = {"xlabel": "epoch (one full-batch step)", **ln.SHARES}
    where = "MNIST, width {width}"
    frame(axis, where, seen, ylabel="accuracy", **labels, legend=BESIDE)


def draw_parts(
    axis: Axes, seen: xr.DataArray, by: str, parts: Any, **look: Any
) -> None:
    """Accuracies over steps: a color and marker a part, a dash for another axis."""
    for part in parts:
        color, marker = LOOKS[part]
        how: dict[str, Any] = {"color": color, "marker": marker, "dash": by, **look}
        lines(axis, seen.sel(part=part), "step", label=part, **how)
    for value, dash in zip(seen[by].values, DASHES, strict=False):
        axis.plot([], [], ls=dash, color="0.3", label=f"{by} {value:g}")


if __name__ == "__main__":
    launch(__name__)
