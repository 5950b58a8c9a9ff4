"""Rare kinds of points are memorized, and what is lost without them is theirs.

Two hundred groups are as frequent as 1/k, each with a random label of its own; 400
points are drawn. Nothing tells the label of a group but its points. Models trained on
random parts of them tell how memorized each point is: how much oftener a model that saw
it is right about it. A point that is alone in its group is right one time in ten where
it was not seen. So a learner that does not memorize it loses its group, and to remove
the most memorized points costs more than to remove as many at random.

Source: Feldman, arXiv 1906.05271; Feldman and Zhang, arXiv 2008.03703. The statements
are theirs; the data are a toy of ours, and every number and bound below is ours.
Command: python -m experiments.long_tail
Expected: memorization 0.9 of a point alone in its group, 0 where there are ten others.

`main` trains 400 models on each of six data sets, 70 % of the points each. `noisy` has
wrong labels, `removed` ranks points by 100 models of its own and trains without the
most memorized ones, `exact` is kernel regression, whose answers without a point are
exact. Thresholds of what is memorized (0.25) and influential (0.15) are those that
Feldman and Zhang are said to use.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import spearmanr

import memjax as mj
from memjax.cli import launch
from memjax.observables.memorization import influence, memorization
from memjax.plots import density, frame, key, level, lines, one, panels, points
from . import _long_tail as tail
from ._long_tail import CLASSES, DIM, GROUPS

PILOT, STARTS = 100, 8  # models that rank, and that are compared
REMOVED = (0.0, 0.1, 0.2, 0.3)  # shares of the points
MEMORIZED, INFLUENTIAL = 0.25, 0.15


def run(
    mask: Any, share: Any, alpha: Any, spread: Any, noise: Any, lr: Any, seed: Any,
    *, size: int, tests: int, steps: int,
) -> mj.Legs:  # fmt: skip
    """Train a model on the points of its mask; at the end, what it gets right."""
    seen = tail.table(seed, alpha, spread, noise, size, tests)
    held = tail.drawn(seen, mask, share)
    group = seen.train.y.group
    absent = jnp.all(seen.test.y.group[:, None] != group[None], axis=1)
    unseen = seen.test._replace(w=absent / jnp.sum(absent))

    def finish(params: Any) -> dict[str, Any]:
        known, tested = (tail.answers(params, part) for part in (seen.train, seen.test))
        alike = jnp.sum(group[:, None] == group[None], axis=1)
        each = {"held": 1.0 * held, "right": known, "count": 1.0 * alike}
        found = {
            n: mj.named(a, "point") for n, a in {**each, "wrong": seen.wrong}.items()
        }
        found["right_test"] = mj.named(tested, "test")
        return found | {"unseen": mj.expect(partial(tail.right, params), unseen)}

    return tail.legs(seen, held, mask, lr, steps, finish=finish)


def exact_run(
    alpha: Any, spread: Any, seed: Any, *, size: int, tests: int
) -> dict[str, Any]:
    """The groups, and which points kernel regression is right about without them."""
    train, test = (seen := tail.table(seed, alpha, spread, 0.0, size, tests))[:2]
    squares = jnp.sum((train.x[:, None] - train.x[None]) ** 2, axis=-1)
    labels = jax.nn.one_hot(train.y.label, CLASSES)
    without = mj.kernels.left_out(jnp.exp(-squares / (2 * DIM)), labels)
    outside = jnp.argmax(without, axis=1) == seen.train.y.label
    found = {"group": train.y.group, "ridge": 1.0 * outside}
    group = mj.named(test.y.group, "test")
    return {n: mj.named(a, "point") for n, a in found.items()} | {"group_test": group}


def removed_run(
    alpha: Any, spread: Any, share: Any, lr: Any, seed: Any,
    *, size: int, tests: int, steps: int,
) -> dict[str, Any]:  # fmt: skip
    """Accuracy without the most memorized points, and without as many at random.

    `covered` is the share of tests whose group still has a point.
    """
    seen = tail.table(seed, alpha, spread, 0.0, size, tests)

    def trained(held: jax.Array, start: Any) -> Any:
        return mj.walk(tail.legs(seen, held, start, lr, steps))[0].state[0]

    def pilot(mask: Any) -> tuple[jax.Array, jax.Array]:
        held = tail.drawn(seen, mask, share)
        return held, tail.answers(trained(held, mask), seen.train)

    score = memorization(*tail.in_chunks(pilot, jnp.arange(PILOT))).value
    chance = jax.random.uniform(jax.random.fold_in(seen.mask_key, PILOT), (size,))
    place = jnp.stack([jnp.argsort(jnp.argsort(-a)) for a in (score, chance)])
    removed = tuple(round(part * size) for part in REMOVED)
    kept = place[:, None] >= jnp.array(removed)[None, :, None]
    kept = kept.reshape(-1, size)  # [by × removed, point]

    def tested(case: tuple) -> jax.Array:
        return jnp.mean(tail.answers(trained(*case), seen.test))

    starts = PILOT + jnp.tile(jnp.arange(STARTS), len(kept))
    found = tail.in_chunks(tested, (jnp.repeat(kept, STARTS, axis=0), starts))
    there = jax.vmap(jnp.zeros(GROUPS).at[seen.train.y.group].max)(1.0 * kept)
    covered = jnp.mean(there[:, seen.test.y.group], axis=1)
    labels = {"by": ("memorized", "random"), "removed": removed}
    each = {"accuracy": found.reshape(-1, STARTS).mean(1), "covered": covered}
    return {
        name: mj.named(a.reshape(2, -1), *labels, coords=labels)
        for name, a in each.items()
    }


def sweeps(
    masks: int = 400,  # models of a data set, each with a mask of its own
    share: float = 0.7,  # of the points, that a model sees
    alpha: tuple = (1.0,),  # the k-th group is as frequent as k to the -alpha
    spread: tuple = (0.3,),  # deviation of points within their group
    noise: float = 0.1,  # share of wrong labels in `noisy`
    noisy_masks: int = 100,  # models of a data set in `noisy`
    lr: tuple = (1e-3,),  # learning rates of Adam
    seeds: Any = 6,  # how many data sets, or which ones (3,7)
    size: int = 400,  # points to train on
    tests: int = 2000,  # points to test on
    steps: int = 500,  # of Adam, on all points of a mask
) -> dict[str, mj.Sweep]:
    """Models by mask, the same with wrong labels, exact ones, and points removed."""
    mj.inside(0, 1, share=share)
    mj.between(0, 1, noise=noise)
    grid: dict[str, Any] = {"alpha": alpha, "spread": spread}
    grid |= {"seed": mj.seeds(seeds), "size": size, "tests": tests}
    trained: dict[str, Any] = {"lr": lr, "share": share, "steps": steps}
    main = mj.Sweep(run, mask=range(masks), noise=0.0, **grid, **trained)
    return {
        "main": main,
        "noisy": main.but(noise=noise, mask=range(noisy_masks)),
        "exact": mj.Sweep(exact_run, **grid),
        "removed": mj.Sweep(removed_run, **grid, **trained),
    }


def claims(results: mj.Results) -> list[mj.Claim]:
    """Who is memorized, what it is worth, and what is lost without."""
    mine = (among, unseen, rank, of_its_own, beyond_cover)
    return mj.judged(__file__, results, *mine)


def known(results: mj.Results, sweep: str) -> xr.Dataset:
    """Of each point of a data set: how memorized, how often right where not seen.

    `count` are the points of its group, `ridge` says whether kernel regression is right
    without it, where labels are.
    """
    seen = one(results[sweep], "mask").transpose("seed", "mask", ...)
    same = seen.isel(mask=0, drop=True)[["count", "wrong"]]
    found, _ = jax.vmap(memorization)(seen.held.values, seen.right.values)
    outside = seen.right.where(seen.held == 0).mean("mask")
    made = same.assign(memorized=same.wrong.copy(data=found), outside=outside)
    return made.assign(ridge=one(results["exact"]).ridge.drop_vars(["alpha", "spread"]))


def among(
    results: mj.Results, sweep: str, quantity: str, few: str, many: str, *wrong: str
) -> xr.DataArray:
    """The mean over points in groups of so many, with right labels or `wrong` ones."""
    seen = known(results, sweep)
    there = (seen["count"] >= float(few)) & (seen["count"] <= float(many))
    there &= (seen.wrong > 0) == bool(wrong)
    return seen[quantity].where(there).mean("point")


def unseen(results: mj.Results) -> xr.DataArray:
    """Accuracy at tests whose group has no point at all."""
    return results["main"].unseen.mean("mask")


def rank(results: mj.Results) -> xr.DataArray:
    """Spearman's correlation of memorization and the size of a point's group."""
    seen = known(results, "main")
    how: Any = {"input_core_dims": [["point"]] * 2, "vectorize": True}
    of = (seen.memorized, seen["count"])
    return xr.apply_ufunc(lambda a, b: spearmanr(a, b).statistic, *of, **how)


def of_its_own(results: mj.Results) -> xr.DataArray:
    """Of influences of memorized points, the share of those on their own group."""
    seen = one(results["main"], "mask").transpose("seed", "mask", ...)
    told, memorized = one(results["exact"]), known(results, "main").memorized
    own = (told.group == told.group_test).transpose("seed", "point", "test")
    found, _ = jax.vmap(influence)(seen.held.values, seen.right_test.values)
    large = own.copy(data=found >= INFLUENTIAL) & (memorized >= MEMORIZED)
    over = ["point", "test"]
    return (large & own).sum(over) / large.sum(over)


def beyond_cover(results: mj.Results) -> xr.DataArray:
    """Accuracy above what it is if exactly the covered tests are known."""
    seen = results["removed"]
    return seen.accuracy - (seen.covered + (1 - seen.covered) / CLASSES)


def figure(results: mj.Results) -> Figure:
    """Memorization by size of the group and by label, and accuracy without points."""
    canvas, panel = panels("abc", (13, 3.6))
    draw_counts(panel["a"], known(results, "main"))
    draw_removed(panel["b"], one(results["removed"], "by", "removed"))
    seen = known(results, "noisy")
    each = [seen.memorized.where((seen.wrong > 0) == wrong) for wrong in (False, True)]
    both = xr.concat(each, xr.Variable("label", ["right", "wrong"]))
    density(panel["c"], both, np.linspace(-1, 1, 41), "label", label="{label} label")
    names = {"xlabel": "memorization", "ylabel": "density of points"}
    frame(panel["c"], "{noise:g} of the labels are wrong", seen, **names)
    return canvas


def draw_counts(axis: Axes, seen: xr.Dataset) -> None:
    """How memorized points are, and how often right unseen, by size of their group."""
    sizes = xr.DataArray(np.arange(1, 11), {"size": np.arange(1, 11)})
    each = seen.where(seen["count"] == sizes).mean("point")
    words = {"memorized": "memorization", "outside": "accuracy where not seen"}
    words["ridge"] = "the same, kernel regression"
    for i, (name, label) in enumerate(words.items()):
        look: dict[str, Any] = {"color": f"C{i}", "label": label, "join": True}
        points(axis, each[name], "size", error="se", **look)
    level(axis, 1 - 1 / CLASSES, "known by heart, or guessed")
    level(axis, 1 / CLASSES)
    names: dict[str, Any] = {"xlabel": "points of its group", "ylim": (-0.05, 1.6)}
    frame(axis, "groups as frequent as 1/k", seen, **names)


def draw_removed(axis: Axes, seen: xr.Dataset) -> None:
    """Accuracy without points, and what it is if exactly covered tests are known."""
    cover = seen.covered + (1 - seen.covered) / CLASSES
    lines(axis, cover.mean("seed"), "removed", color="by", dash=":")
    how: dict[str, Any] = {"color": "by", "label": "removed: {by}", "error": "se"}
    points(axis, seen.accuracy, "removed", join=True, **how)
    key(axis, "right where the group has a point", ":")
    frame(axis, "{size} points", seen, "points removed", "test accuracy")


if __name__ == "__main__":
    launch(__name__)
