"""Flattening a kernel's largest eigenvalues makes descent a hundred times faster.

Plain steps on the coefficients of a kernel machine are as long as its top eigenvalue
allows. EigenPro takes the largest down to the next one and steps as much longer; a few
hundred points give most of that. In batches nothing needs the whole Gram matrix, so
that it learns from more points than a direct solve can hold.

Source: Ma, Belkin, Diving into the shallows, arXiv 1703.10622; Abedsoltan, Pandit,
Rademacher, Belkin, On the Nyström Approximation for Preconditioning in Kernel Machines,
arXiv 2312.03311.
Command: python -m experiments.eigenpro
Expected: 800 points: some 2800 plain iterations until the SQUARED residual is 1 % of
its start, 15 with the top 20 eigenvalues flattened. 64,000 points in three epochs.

Sweeps: `main` (whole steps, all points as anchors), `theory`, `nystrom` (few anchors),
`batches` and `largest` (in batches), `direct` (a solve). Labels are sign(x₁ x₂).
"""

from typing import Any

import jax
import jax.numpy as jnp
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch
from memjax.kernels import eigenpro
from memjax.plots import BESIDE, frame, key, level, lines, panels, points

KERNEL = mj.kernels.laplace(5.0)
DIM = 10  # of a point
LEFT = 0.01  # the share of |y|² at which iterations are counted
TESTS = 1000  # points
HELD = 4000  # points against which a batch is held at a time, at most


def drawn(seed: Any, count: int) -> tuple[jax.Array, jax.Array]:
    """So many points and their labels [count, 1]."""
    x = jax.random.normal(jax.random.key(seed), (count, DIM))
    return x, jnp.sign(x[:, :1] * x[:, 1:2])


def run(flat: Any, anchors: Any, seed: Any, *, samples: int, steps: int) -> mj.Legs:
    """Fit all samples at once, `flat` eigenvalues flattened by so many anchors."""
    x, y = drawn(seed, samples)
    gram = mj.kernels.gram(KERNEL, x, x)
    counted = (jnp.arange(samples) < anchors).astype(gram.dtype)
    return eigenpro.descend(gram, y, flat, counted, LEFT, steps)


def theory_run(flat: Any, seed: Any, *, samples: int, steps: int) -> dict[str, Any]:
    """What `run` gives with all samples as anchors, from the kernel's eigenvalues."""
    x, y = drawn(seed, samples)
    values, vectors = mj.kernels.eigh(mj.kernels.gram(KERNEL, x, x))
    parts, times = vectors.T @ y[:, 0], mj.legs.logged(steps)
    share = jax.vmap(lambda t: mj.theory.eigenpro.residual(values, parts, flat, t))
    return {
        "residual": mj.named(share(jnp.array(times)), "time", coords=times),
        "iterations": mj.theory.eigenpro.iterations(values, parts, flat, LEFT),
        "top": values[samples - 1 - flat],
    }


def batch_run(
    flat: Any, seed: Any, *, samples: int, anchors: int, batch: int, epochs: int
) -> mj.Legs:
    """Fit in batches, with as many points beside the anchors that set the step."""
    both, ends = drawn(seed, samples + TESTS + 2 * anchors), (TESTS, TESTS + samples)
    (test, x, rest), (target, y, _) = (jnp.split(v, ends) for v in both)
    known = x, y, rest[:anchors], rest[anchors:]
    start, epoch, predict = eigenpro.in_batches(KERNEL, *known, flat, batch, HELD)

    def observe(state: tuple) -> dict[str, jax.Array]:
        wrong = predict(state[0], test) * target <= 0
        return {"missed": state[1], "error": jnp.mean(wrong)}

    return mj.iterate(start, epoch, observe, range(epochs + 1))


def direct_run(seed: Any, *, samples: int) -> dict[str, jax.Array]:
    """Fit by a solve of the whole Gram matrix."""
    x, y = drawn(seed, samples + TESTS)
    (test, x), (target, y) = (jnp.split(v, (TESTS,)) for v in (x, y))
    every = jnp.full(samples, 1.0 / samples)
    a = mj.kernels.ridge(mj.kernels.gram(KERNEL, x, x), y, every)
    found = mj.kernels.gram(KERNEL, test, x) @ a
    return {"error": jnp.mean(found * target <= 0)}


def sweeps(
    samples: int = 800,  # that are fitted whole
    flat: tuple = (0, 5, 20, 80),  # how many eigenvalues are flattened
    anchors: tuple = (50, 100, 200, 400),  # points that they are learned from
    some: int = 20,  # eigenvalues flattened by so few anchors
    steps: int = 4000,  # whole ones
    seeds: int = 8,  # how many seeds, or which ones (3,7)
    batches: tuple = (1000, 4000, 16000),  # samples fitted in batches; a program each
    batch_seeds: int = 4,  # and how many seeds of theirs
    largest: int = 64_000,  # samples of one more run, or 0; memory for batch · 4000
    many: int = 160,  # eigenvalues flattened in batches, by 1000 anchors
    batch: int = 500,  # samples in a batch; divides the others
    epochs: int = 3,  # times that batches see every sample
    direct: tuple = (1000, 2000, 4000),  # samples of direct solves; a program each
) -> dict[str, mj.Sweep | None]:
    """Whole steps with all anchors and few, and batches up to many samples."""
    mj.between(0, samples - 1, flat=flat, some=some)
    mj.between(some + 1, samples, anchors=anchors)
    mj.between(1, HELD, batch=batch)
    mj.between(0, 999, many=many)
    mj.one_of([0, *range(batch, 10**7, batch)], batches=batches, largest=largest)
    grid: dict[str, Any] = {"seed": mj.seeds(seeds), "samples": samples, "steps": steps}
    main = mj.Sweep(run, flat=flat, anchors=samples, **grid)
    known: dict[str, Any] = {"anchors": 1000, "batch": batch, "epochs": epochs}
    known |= {"flat": (0, many), "seed": mj.seeds(batch_seeds)}
    fitted = mj.Sweep(batch_run, samples=batches, **known)
    return {
        "main": main,
        "theory": main.but(theory_run),
        "nystrom": main.but(flat=some, anchors=anchors),
        "batches": fitted,
        "largest": fitted.but(samples=largest, seed=0) if largest else None,
        "direct": mj.Sweep(direct_run, samples=direct, seed=mj.seeds(batch_seeds)),
    }


Results = dict[str, xr.Dataset]


def claims(results: Results) -> list[mj.Claim]:
    """Iterations against theory, few anchors against all, batches against the solve."""
    return mj.judged(__file__, results, speedup, off, slower, beyond, gain)


def speedup(results: Results, flat: str) -> xr.DataArray:
    """How many times fewer iterations there are, over the ratio of the eigenvalues."""
    plain, fast = (mj.at(results["main"], flat=f) for f in (0, int(flat)))
    return plain.iterations / fast.iterations / (plain.top / fast.top)


def off(results: Results) -> float:
    """By which share iterations differ from theory's, at worst."""
    runs, exact = (results[name].iterations for name in ("main", "theory"))
    return float(abs(runs / exact - 1).max())


def slower(results: Results, anchors: str) -> xr.DataArray:
    """How many times more iterations so few anchors need than all samples."""
    few = mj.at(results["nystrom"], anchors=int(anchors))
    return few.iterations / mj.at(results["main"], flat=int(few.flat)).iterations


def beyond(results: Results, samples: str) -> xr.DataArray:
    """How much larger EigenPro's test error is at its end than the direct solve's."""
    solved = mj.at(results["direct"].error, samples=int(samples))
    return last(results["batches"], int(samples)) - solved


def gain(results: Results, fewer: str, more: str) -> xr.DataArray:
    """By how much the test error falls up to the samples of the largest run."""
    return last(results["batches"], int(fewer)) - last(results["largest"], int(more))


def last(results: xr.Dataset, samples: int) -> xr.DataArray:
    """EigenPro's test error at its end."""
    return mj.at(results.error, samples=samples).isel(step=-1, flat=-1)


def figure(results: Results) -> Figure:
    """Residuals, what few anchors leave, errors by epoch, and what an error costs."""
    canvas, panel = panels("ab;cd", (10, 7.2))
    draw_residuals(panel["a"], results["main"], results["theory"])
    draw_tops(panel["b"], results["nystrom"], results["main"])
    draw_epochs(panel["c"], results)
    draw_costs(panel["d"], results)
    return canvas


def draw_residuals(axis: Axes, runs: xr.Dataset, exact: xr.Dataset) -> None:
    """The squared residual against iterations, over the closed form."""
    lines(axis, exact.residual[..., 1:].mean("seed"), "time", color="flat", dash="-")
    shown = runs.residual[..., 1:].mean("seed")
    points(axis, shown, "step", color="flat", label="{flat} flattened")
    key(axis, "theory")
    level(axis, LEFT, "1 %")
    words: Any = {"xscale": "log", "yscale": "log", "ylim": (1e-3, 1.5)}
    words |= {"xlabel": "iterations, mean over seeds", "ylabel": "squared residual"}
    frame(axis, "{samples} samples, all anchors", runs, legend=BESIDE, **words)


def draw_tops(axis: Axes, few: xr.Dataset, whole: xr.Dataset) -> None:
    """The largest eigenvalue that flattening leaves against anchors."""
    points(axis, few.top, "anchors", join=True, even=True, label="left by anchors")
    for word, ls, flat in (("not flattened", "--", 0), ("all anchors", ":", few.flat)):
        if int(flat) in whole.flat:
            level(axis, whole.top.sel(flat=flat).mean(), word, ls=ls)
    words: Any = {"yscale": "log", "xlabel": "anchors"}
    frame(axis, "{flat} flattened", few.top, ylabel="largest eigenvalue", **words)


def draw_epochs(axis: Axes, results: Results) -> None:
    """Test error by epoch, flattened and plain."""
    error = learned(results)[..., 1:]
    how: dict[str, Any] = {"color": "samples", "marker": "o", "ms": 3, "even": True}
    lines(axis, error.isel(flat=0), "step", dash=":", **how)
    lines(axis, error.isel(flat=-1), "step", dash="-", label="{samples} samples", **how)
    key(axis, "plain steps", ":")
    words: Any = {"xlabel": "epochs", "ylabel": "test error", "ylim": (0, 0.55)}
    title = "batches of {batch}, {flat} flattened"
    frame(axis, title, error.isel(flat=-1), legend=BESIDE, **words)


def learned(results: Results) -> xr.DataArray:
    """Test errors of batches for every number of samples, a mean over seeds."""
    found, more = results["batches"].error.mean("seed"), results.get("largest")
    both = [found] if more is None else [found, more.error]
    return xr.concat(both, "samples", join="inner", coords="minimal")


def draw_costs(axis: Axes, results: Results) -> None:
    """Test error at the end against multiplications, beside the numbers of samples."""
    error, solved = learned(results), results["direct"].error.mean("seed")
    n, m, epochs = 1.0 * error.samples, 1.0 * solved.samples, int(error.step[-1])
    end = error.isel(step=-1, flat=-1)
    ways: dict[str, Any] = {
        "EigenPro: epochs · n² · (dim + 1)": ("C0o-", end, epochs * n**2 * (DIM + 1)),
        "direct: n² · dim + n³ / 3": ("C1s--", solved, m**2 * DIM + m**3 / 3),
    }
    for label, (look, y, cost) in ways.items():
        axis.plot(cost, y, look[2:], color=look[:2], label=label)
        for k, u, v in zip(y.samples.values, cost.values, y.values, strict=True):
            axis.text(u, v, f" {k}", va="bottom", fontsize=7)
    words: Any = {"xscale": "log", "xlabel": "multiplications", "ylabel": "test error"}
    frame(axis, "what a test error costs", **words)


if __name__ == "__main__":
    launch(__name__)
