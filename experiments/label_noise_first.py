"""Trained on all rows at once, a network fits wrong sums before right ones.

With three labels in ten wrong, accuracy on the wrong ones is ahead for 200 steps; the
wider the network, the sooner. Images are said to show it in their first epoch, but the
accuracies noted for that, 0.1087 on wrong and 0.0286 on right labels, are also those of
a network that knows no wrong label and answers it by chance, (1 - 0.0286) / 9 = 0.108.

Source: Liu and Lu, Unveiling Memorization-Generalization Coexistence, 2605.18022.
Command: python -m experiments.label_noise_first
Expected: wrong labels lead by 0.17 over 300 steps at 30 % wrong labels, p = 59.

The paper shows the first 200 epochs at p = 113 and width 2049, by Adam at 1e-3.
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
from memjax.cli import launch
from memjax.observables.parts import by_part, marked
from memjax.plots import frame, keys, level, lines, one, panels, points
from . import _label_noise as ln

PUBLISHED = xr.DataArray(
    [[[0.0286, 0.1087], [0.4629, 0.0647]], [[0.0289, 0.1075], [0.4809, 0.0571]]],
    {"noise": [0.05, 0.2], "epoch": [1, 2], "part": ["clean", "noisy"]},
)


def run(
    noise: Any, width: Any, lr: Any, wd: Any, init_scale: Any, batch: Any, seed: Any,
    *, modulus: int, capacity: int, max_width: int, steps: int,
) -> mj.Legs:  # fmt: skip
    """Learn the table, each step on a share `batch` of the rows."""
    size = modulus, width, max_width
    given = ln.task(seed, noise, *size, jax.nn.relu, scale=init_scale)
    loss = mj.losses.of_model(given.apply, mj.losses.cross_entropy)
    optimizer = optax.adamw(lr, weight_decay=wd)
    observe = by_part(given.apply, given.points)
    sees, times = partial(mj.thinned, share=batch), mj.every(5, steps)
    fit = mj.train(loss, optimizer, observe, times, sees=sees)
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
    init, apply = mj.models.mlp((x.shape[1], width, width, 10))
    loss = mj.losses.of_model(apply, mj.losses.cross_entropy)
    observe = by_part(apply, marked(parts))
    fit = mj.train(loss, optax.adamw(lr, weight_decay=wd), observe, range(11))
    return fit(init(init_key), parts.train)


def sweeps(
    noise: tuple = (0.1, 0.3, 0.8),  # shares of the training labels that are wrong
    modulus: tuple = (59,),  # moduli p; each is a program of its own
    width: tuple = (128, 512),  # numbers of neurons
    lr: tuple = (1e-3,),  # learning rates of AdamW
    wd: tuple = (0.1,),  # decoupled weight decays
    init_scale: tuple = (1.0,),  # factors on initial weights of variance 1/width
    batch: tuple = (1.0,),  # shares of the rows that a step uses; 1 is full batch
    seeds: Any = 8,  # how many seeds, or which ones (3,7)
    steps: int = 300,  # optimizer steps
    images: bool = True,  # also networks on MNIST, 64 seeds
    images_noise: tuple = (0.05, 0.2),  # shares of wrong labels of MNIST
    images_lr: tuple = (1e-3,),  # learning rates of those networks
) -> dict[str, mj.Sweep]:
    """The first steps on sums, by noise and width, and on images."""
    mj.between(0, 1, noise=noise, images_noise=images_noise)
    mj.between(1e-3, 1, batch=batch)
    dials: dict[str, Any] = {"noise": noise, "lr": lr, "wd": wd, "batch": batch}
    dials |= {"init_scale": init_scale, "width": width, "steps": steps}
    made = {"main": mj.Sweep(run, ln.tables(modulus), **dials, seed=mj.seeds(seeds))}
    if images:
        x, truth = mj.datasets.digits()
        dials = {"noise": images_noise, "lr": images_lr, "wd": (0.1,), "width": (256,)}
        dials |= {"inputs": {"x": x, "truth": truth}, "seed": range(64)}
        made["digits"] = mj.Sweep(digits_run, **dials)
    return made


def claims(results: mj.Results) -> list[mj.Claim]:
    """How far wrong labels are ahead, on sums and on images."""
    return mj.judged(__file__, results, lead, mj.change, unlearned)


def lead(results: mj.Results, until: str) -> xr.DataArray:
    """How far wrong labels are ahead, on average over the first steps."""
    mj.at(results["main"], step=int(until))
    return mean_lead(results["main"].sel(step=slice(0, int(until))))


def mean_lead(seen: xr.Dataset) -> xr.DataArray:
    """How far wrong labels are ahead of right ones, on average over steps but 0."""
    parts = seen.accuracy.isel(step=slice(1, None)).mean("step")
    return parts.sel(part="noisy") - parts.sel(part="clean")


def unlearned(results: mj.Results) -> xr.DataArray:
    """How far wrong labels are ahead of the ninth of the wrong answers to them."""
    found = results["digits"].accuracy
    return found.sel(part="noisy") - (1 - found.sel(part="recovered")) / 9


def figure(results: mj.Results) -> Figure:
    """Both accuracies over steps, the lead against noise, and images."""
    images = results.get("digits")
    letters = "ab" if images is None else "abc"
    canvas, panel = panels(letters, (4 * len(letters), 3.5))
    main = one(results["main"], "noise", "width")
    near = main.sel(noise=0.3, method="nearest")
    draw_parts(panel["a"], near.accuracy.isel(part=slice(2)), "width", markevery=8)
    where = "p = {modulus}, noise {noise:g}"
    ln.frame(panel["a"], where, near, "step", "accuracy", legend={})
    leads = mean_lead(main)
    points(panel["b"], leads, "noise", True, color="width", label="width {width:g}")
    level(panel["b"], 0)
    lead, share = "lead of wrong labels, mean over steps", "share of wrong labels"
    frame(panel["b"], "p = {modulus}", leads, xlabel=share, ylabel=lead)
    if images is not None:
        draw_images(panel["c"], one(images, "noise"))
    return canvas


def draw_parts(axis: Axes, seen: xr.DataArray, by: str, **look: Any) -> None:
    """Accuracies over steps: a color and marker a part, a dash for another axis."""
    how: dict[str, Any] = {"color": "part", "dash": by, "marks": True, **look}
    lines(axis, seen, "step", label="{part}", **how)
    keys(axis, *(f"{by} {value:g}" for value in seen[by].values))


def draw_images(axis: Axes, seen: xr.Dataset) -> None:
    """Accuracies on images by epoch, and those published, by noise."""
    draw_parts(axis, seen.accuracy.isel(part=slice(3)), "noise")
    there = PUBLISHED.sel(noise=PUBLISHED.noise.isin(seen.noise))
    for i, size in enumerate((9, 5)[: there.noise.size]):
        how: dict[str, Any] = {"mfc": "w", "mec": "k", "zorder": 4, "ms": size}
        how["label"] = "" if i else "{part}, published"
        points(axis, there.isel(noise=i), "epoch", color="part", **how)
    names = "epoch (one full-batch step)", "accuracy"
    ln.frame(axis, "MNIST, width {width}", seen, *names)


if __name__ == "__main__":
    launch(__name__)
