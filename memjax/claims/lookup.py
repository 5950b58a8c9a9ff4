"""From labelled results to what a claim is about: at these labels, over seeds."""

from typing import Any, NamedTuple

import numpy as np
from scipy.special import stdtrit
from scipy.stats import binom

from memjax.statistics import mean_interval

DRAWS = 10_000  # of the bootstrap


class NotRun(Exception):
    """The flags given do not cover what a claim is about; its text says what would."""


class Ran(dict):
    """Results by sweep; to ask for one that was not asked for is `NotRun`."""

    def __missing__(self, sweep: str) -> Any:
        raise NotRun(f"the sweep {sweep}")


def at(results: Any, **labels: Any) -> Any:
    """The results at these labels; `NotRun` tells all of them that were not run.

    Labels are those of axes, of dimensions that observables name, and the values of
    what was fixed.
    """
    missing = []
    for name, value in labels.items():
        if name not in getattr(results, "coords", {}):
            raise KeyError(f"there is no label {name}")
        same = _same(np.atleast_1d(results[name].values), value)
        if not np.any(same):
            missing.append(f"{name} {shown(value)}")
        elif results[name].ndim > 1:
            results = _each_at(results, name, same, missing, value)
        elif results[name].ndim:
            results = results.isel({results[name].dims[0]: int(np.argmax(same))})
    if missing:
        raise NotRun(", ".join(missing))
    return results


def _each_at(
    results: Any, name: str, same: np.ndarray, missing: list[str], value: Any
) -> Any:
    """The results where each run has a label of its own, such as its last step."""
    along = results[name].dims[-1]
    found = results[name].copy(data=same)
    if not bool(found.any(along).all()):
        missing.append(f"{name} {shown(value)} of every run")
        return results
    return results.isel({along: found.argmax(along)})


def over(which: str, found: Any, **labels: Any) -> Any:
    """The `max`, `min`, `all` … over axes of which all these labels were run."""
    for name, values in labels.items():
        for value in values:
            at(found, **{name: value})
    return getattr(found, which)([*labels])


def first_step(found: Any, level: float) -> Any:
    """The first logged step at which a quantity reaches a level, infinite if never."""
    time = "leg" if "leg" in found.dims else "step"
    return found.step.where(found >= level).min(time).fillna(np.inf)


def _same(known: np.ndarray, value: Any) -> np.ndarray:
    if known.dtype.kind not in "iuf":
        return np.array([str(k) == shown(value) for k in known])
    if isinstance(value, str):
        return np.zeros(known.shape, bool)
    return np.isclose(known, value, rtol=1e-6, atol=0)


def shown(value: Any) -> str:
    """A label as text."""
    if isinstance(value, bool | str):
        return str(value)
    return f"{value:.10g}"


# --- means over seeds ---------------------------------------------------------------


class Estimate(NamedTuple):
    """A value and the 95 % interval that it is known to; None where it is exact."""

    value: Any
    interval: tuple[float, float] | None = None
    seeds: int | None = None


def estimate(found: Any) -> Estimate:
    """What was found as one value: a mean over seeds with its 95 % interval.

    What has no dimension `seed` is a value of its own, as is a mean that is infinite.
    Seeds that diverged are left out of mean and count. Words are one word where all
    seeds agree.
    """
    if isinstance(found, Estimate):
        return found
    if not hasattr(found, "dims"):
        return Estimate(_plain(found))
    found = _over_seeds(found)
    values = np.atleast_1d(found.values)
    if "seed" not in found.dims or values.dtype.kind not in "biuf":
        words = dict.fromkeys(map(str, values))
        one = found.ndim == 0 or len(words) == 1
        return Estimate(values[0].item() if one else " or ".join(words))
    values = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    if not len(values):
        raise NotRun("a run that does not diverge")
    known = len(values) > 1 and np.all(np.isfinite(values))
    interval = mean_interval(values.astype(float)) if known else None
    return Estimate(float(np.mean(values)), interval, len(values))


def two_seeds(asked: int) -> NotRun:
    """What a mean over so many seeds needs, of which one at most did not diverge."""
    if asked > 1:
        return NotRun(f"two seeds that do not diverge, of {asked} here")
    return NotRun("two seeds or more (--seeds=2)")


def _over_seeds(found: Any) -> Any:
    """A quantity over seeds only; `NotRun` where another axis has several values."""
    found = found.squeeze([d for d, n in found.sizes.items() if n == 1 and d != "seed"])
    several = [str(d) for d in found.dims if d != "seed"]
    if several:
        raise NotRun(f"one value of {several[0]}")
    return found


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def median(values: Any) -> Estimate:
    """The median over seeds, and the interval between two of them that covers it."""
    ranked = np.sort(values.transpose("seed").values)
    count = len(ranked)
    if count < 6:
        raise NotRun("six seeds or more (--seeds=6)")
    skip = int(binom.ppf(0.025, count, 0.5)) - 1
    ends = float(ranked[skip]), float(ranked[-1 - skip])
    return Estimate(float(np.median(ranked)), ends, count)


def farthest(runs: Any, exact: Any, allowed: Any = 1.0) -> Estimate:
    """How far means over seeds are from `exact`, at worst, in units of `allowed`.

    `exact` has a value near every label of the runs, over the dimensions that it has.
    The interval holds for all places at once (Student's t, its level shared among
    them), so that a claim of 1 at most holds where every mean is known to be near
    enough, and does not where one is known not to be.
    """
    labels = {d: runs[d] for d in exact.dims}
    line = exact.sel(labels, method="nearest").assign_coords(labels)
    count = runs.notnull().sum("seed")
    if int(count.min()) < 2:
        raise two_seeds(runs.sizes["seed"])
    error = runs.std("seed", ddof=1) / np.sqrt(count)
    half = stdtrit(count - 1, 1 - 0.025 / error.size) * error
    away = abs(runs.mean("seed") - line)
    low, high = ((away + side * half) / allowed for side in (-1, 1))
    ends = max(float(low.max()), 0.0), float(high.max())
    return Estimate(float((away / allowed).max()), ends, int(count.min()))


def vertex(x: Any, values: np.ndarray) -> Estimate:
    """Where a parabola in log `x` [n] through means of `values` [n, seeds] is least.

    Infinite where it has no least place. The interval is that of the bootstrap.
    """

    def least(means: np.ndarray) -> np.ndarray:
        curved, slope, _ = np.polyfit(np.log(x), means, 2)
        return np.where(curved > 0, np.exp(-slope / (2 * abs(curved))), np.inf)

    seeds = values.shape[1]
    drawn = np.random.default_rng(0).integers(seeds, size=(DRAWS, seeds))
    each = np.sort(least(values[:, drawn].mean(2)))
    ends = (float(each[250]), float(each[-251])) if seeds > 1 else None
    return Estimate(float(least(values.mean(1))), ends, seeds)
