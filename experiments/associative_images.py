"""A deep network that returns 500 images has them as its only attractors.

Trained by minibatches to return 500 digits, all of them attract, and no start anywhere
in the cube of pixels ends at anything else. Iterated, a little noise is taken away; but
basins are narrow: of images with noise of 0.2 a fifth return, where three quarters are
still closest to their own. A network too small to store so many images stores more of
them in one cycle, of narrower basins.

Source: Radhakrishnan, Belkin and Uhler, PNAS 2020 (arXiv 1909.12362).
Command: python -m experiments.associative_images
Expected: 500 of 500 images attract, and no start ends at anything else.

Sweeps: `main` (the published 500) and `limit` (more and more images, as samples and as
one cycle, in a smaller network; of four tried, one whose limits these sizes reach). The
images are digits of MNIST, 7 pixels wide for speed, and main has 10 layers of 256
units, x + sin(10x)/5. Its optimizer was chosen among some 25 settings by what it
stores: 3600 steps of Adam on minibatches of 100, with the squares of slopes forgotten
over some 30 steps (b2 = .97). The noise of minibatches seems to do it: after 1200 steps
and at a mean square of 8e-7 .96 of the images attracted, after 2000 steps of full
batches (and b2 = .999) and at 3e-7 .06. As far as we know `--side=28 --width=1024
--lr=1e-4`, and more steps, is nearer to the paper.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.plots import frame, images, level, lines, one, panels
from . import _attractors as family
from ._attractors import stored

attractors = mj.observables.attractors
COPIED = 100  # images of which a corrupted copy is followed
SHOWN, SHOWN_NOISE = 10, 0.1  # the images drawn
STAGES = (0, 1, 10, attractors.ITERATIONS)


def run(
    images: Any, size: Any, sequence: Any, width: Any, lr: Any, b2: Any, seed: Any,
    *, depth: int, max_width: int, batch: int, steps: int,
) -> mj.Legs:  # fmt: skip
    """Store the first `size` images, or where `sequence` is 1 the cycle through them.

    Learned from minibatches: far more images attract than after full batches.
    """
    init_key, noise_key, batch_key = jax.random.split(jax.random.key(seed), 3)
    data = mj.datasets.successors(images, size, sequence)

    def finish(f: family.Map) -> dict[str, Any]:
        return {
            "orbit": orbits(f, images, noise_key),
            **attractors.stability(f, data),
            **attractors.retrieval(f, data, size, noise_key, copied=COPIED, draws=1),
        }

    how: dict[str, Any] = {"depth": depth, "width": width, "max_width": max_width}
    how |= {"activation": mj.models.ACTIVATIONS["sine"]}
    how |= {"lr": lr, "b2": b2, "steps": steps, "batch": batch, "key": batch_key}
    return family.store(data, finish, init_key, **how)


def orbits(f: family.Map, images: jax.Array, key: jax.Array) -> Any:
    """Images, their corrupted copies, and these after more and more iterations."""
    count, dim = images[:COPIED].shape
    noise = attractors.starts_and_noise(key, count, 1, dim)[1][:SHOWN, 0]
    images = images[:SHOWN]
    path = attractors.orbit(f, images + SHOWN_NOISE * noise, max(STAGES))
    stages = jnp.concatenate([images[None], path[jnp.array(STAGES)]])
    labels = {"stage": ("stored", *map(str, STAGES))}
    return mj.named(stages, "stage", "shown", "pixel", coords=labels)


def sweeps(
    size: tuple = (500,),  # numbers of images to store, all at once; 500 published
    sequence: tuple = (0,),  # 0, each to itself; 1, each to the next, in one cycle
    lr: tuple = (1e-3,),  # first learning rates of Adam; they fall along a cosine
    b2: tuple = (0.97,),  # decays of its squares of slopes
    seeds: int = 4,  # how many seeds, or which ones (3,7)
    side: int = 7,  # side of an image in pixels: 28, 14 or 7
    depth: tuple = (10,),  # numbers of hidden layers; each is a program
    width: tuple = (256,),  # numbers of units in a layer
    batch: int = 100,  # images in a minibatch; all of them where it is larger
    steps: int = 3600,  # optimizer steps
    limit_size: tuple = (60, 120, 240),  # the same for more and more images
    limit_depth: int = 5,  # layers of the network that is to store them
    limit_width: int = 128,  # units in each of these
) -> dict[str, mj.Sweep]:
    """Images stored by a network that is large enough, and by one that is not."""
    mj.between(1, 1000, size=size)
    mj.between(2, attractors.ITERATIONS, limit_size=limit_size)
    mj.between(1, np.inf, batch=batch)
    mj.one_of((7, 14, 28), side=side)
    mj.one_of((0, 1), sequence=sequence)

    def digits(sizes: tuple) -> dict[str, Any]:
        images = mj.datasets.digits(side, max(sizes))[0]
        return {"inputs": {"images": images}, "size": sizes}

    dials: dict[str, Any] = {"lr": lr, "b2": b2, "seed": mj.seeds(seeds)}
    network: dict[str, Any] = {"depth": depth, "width": width, "batch": batch}
    network |= {"steps": steps, "sequence": sequence}
    main = mj.Sweep(run, **digits(size), **dials, **network)
    few: dict[str, Any] = {"lr": lr[:1], "b2": b2[:1], "sequence": (0, 1)}
    few |= {"depth": (limit_depth,), "width": (limit_width,)}
    return {"main": main, "limit": main.but(**few, **digits(limit_size))}


def claims(results: mj.Results) -> list[mj.Claim]:
    """Whether all images are stored and nothing else, what returns, and cycles."""
    return mj.judged(__file__, results, share, *family.MEASURES)


def share(results: mj.Results) -> xr.DataArray:
    """The share of images that attract."""
    return stored(results["main"])


def figure(results: mj.Results) -> Figure:
    """How strongly images are stored, what returns from noise, and how many can be."""
    canvas, panel = panels("abc|d", (11, 8))
    main = one(results["main"], "sequence")
    draw_radii(panel["a"], main.isel(sequence=0))
    title = "{size} images, {depth} layers of {width}"
    family.draw_recovery(panel["b"], main, title, label="returns")
    family.draw_limit(panel["c"], results["limit"], "images")
    draw_images(panel["d"], main.isel(sequence=0, seed=0).orbit)
    return canvas


def draw_radii(axis: Axes, main: xr.Dataset) -> None:
    """The spectral radii at all images, from the smallest to the largest."""
    ordered = main.radius.transpose(..., "sample")
    ordered = ordered.copy(data=np.sort(ordered))
    ordered = ordered.assign_coords(sample=1 + np.arange(ordered.sizes["sample"]))
    lines(axis, ordered, "sample", each=True, label="a line a seed")
    level(axis, 1, "attracts below")
    title = f"{100 * float(stored(main).mean()):.4g} % of {{size}} images attract"
    frame(axis, title, ordered, "images, by radius", "spectral radius", ylim=(0, None))


def draw_images(axis: Axes, orbit: xr.DataArray) -> None:
    """Images, corrupted ones, and what iterating makes of them; one in a column."""
    away = (orbit.isel(stage=-1) - orbit.isel(stage=0)).transpose("shown", "pixel")
    back = np.linalg.norm(away, axis=-1) < attractors.NEAR
    stages = ["stored", "noisy", *orbit.stage.values[2:]]
    told = orbit.assign_coords(stage=stages, shown=np.where(back, "back", "–"))
    images(axis, told, "stage", "shown")
    words = f"{SHOWN_NOISE:g}: {back.sum()} of these {back.size} return"
    frame(axis, f"a seed, noise of {words}", ylabel="iterations")


if __name__ == "__main__":
    launch(__name__)
