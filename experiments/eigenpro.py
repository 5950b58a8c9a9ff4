"""Flattening a kernel's largest eigenvalues makes descent a hundred times faster.

Plain steps on the coefficients of a kernel machine are as long as the largest
eigenvalue allows. EigenPro takes the largest down to the next one and steps as much
longer. A few hundred points give most of that; and in batches nothing needs the whole
Gram matrix, so that it learns from more points than a direct solve can hold.

Source: Ma, Belkin, Diving into the shallows, arXiv 1703.10622; Abedsoltan, Pandit,
Rademacher, Belkin, On the Nyström Approximation for Preconditioning in Kernel Machines,
arXiv 2312.03311.
Command: python -m experiments.eigenpro
Expected: 800 points: some 2800 plain iterations until the SQUARED residual is 1 % of
its start, 15 with the top 20 eigenvalues flattened. 64,000 points in three epochs.

Sweeps: `main` (whole steps, all points as anchors), `theory` (closed form), `nystrom`
(fewer anchors), `batches` and `largest` (EigenPro and plain steps in batches) and
`direct` (the solve). Labels are sign(x₁ x₂) of Gaussian points.
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
from memjax.core import logged
from memjax.kernels import eigenpro
from memjax.plots import frame, key, level, lines, panels, points

KERNEL = mj.kernels.laplace(5.0)
DIM = 10  # of a point
LEFT = 0.01  # the share of |y|² at which iterations are counted
TESTS = 1000  # points
HELD = 4000  # points against which a batch is held at a time, at most


# --- the runs -----------------------------------------------------------------------


def drawn(seed: Any, count: int) -> tuple[jax.Array, jax.Array]:
    """So many points and their labels [count, 1]."""
    x = jax.random.normal(jax.random.key(seed), (count, DIM))
    return x, jnp.sign(x[:, :1] * x[:, 1:2])


def run(flat: Any, anchors: Any, seed: Any, *, samples: int, steps: int) -> mj.Legs:
    """Fit all samples at once, `flat` eigenvalues flattened by so many anchors."""
    x, y = drawn(seed, samples)
    gram = mj.kernels.gram(KERNEL, x, x)
    counted = (jnp.arange(samples) < anchors).astype(gram.dtype)
    flattening = eigenpro.flattening(gram, flat, counted)
    top = mj.kernels.top(eigenpro.left(flattening, gram, gram))

    def step(state: dict[str, jax.Array], t: Any) -> dict[str, jax.Array]:
        missed = gram @ state["a"] - y
        change = missed - flattening.weights @ (gram @ missed)
        more = jnp.sum(missed**2) > LEFT * samples
        return {"a": state["a"] - change / top, "count": state["count"] + more}

    def observe(state: dict[str, jax.Array]) -> dict[str, jax.Array]:
        return {"residual": jnp.sum((gram @ state["a"] - y) ** 2) / samples}

    def finish(state: dict[str, jax.Array]) -> dict[str, jax.Array]:
        done = state["count"] < steps
        count = jnp.where(done, state["count"], jnp.inf)
        return {"iterations": count, "top": top}

    start = {"a": jnp.zeros_like(y), "count": jnp.zeros(())}
    return mj.iterate(start, step, observe, steps, finish=finish)


def theory_run(flat: Any, seed: Any, *, samples: int, steps: int) -> dict[str, Any]:
    """What `run` gives with all samples as anchors, from the kernel's eigenvalues."""
    x, y = drawn(seed, samples)
    values, vectors = mj.kernels.eigh(mj.kernels.gram(KERNEL, x, x))
    parts, times = vectors.T @ y[:, 0], logged(steps)
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
    x, y = drawn(seed, samples + TESTS + 2 * anchors)
    (test, x, rest), (target, y, _) = (
        jnp.split(v, (TESTS, TESTS + samples)) for v in (x, y)
    )
    anchor, beside = rest[:anchors], rest[anchors:]
    flattening = eigenpro.flattening(mj.kernels.gram(KERNEL, anchor, anchor), flat)
    across = mj.kernels.gram(KERNEL, beside, anchor)
    own = mj.kernels.gram(KERNEL, beside, beside)
    rate = eigenpro.step_size(eigenpro.left(flattening, own, across), batch)
    block = max(b for b in range(batch, HELD + 1, batch) if samples % b == 0)
    step = eigenpro.batch_step(KERNEL, x, y, anchor, flattening, rate, batch, block)
    count = samples // batch

    def epoch(state: tuple, t: Any) -> tuple:
        machine, missed = jax.lax.scan(step, state[0], jnp.arange(count))
        return machine, jnp.mean(missed)

    def observe(state: tuple) -> dict[str, jax.Array]:
        found = eigenpro.predict(KERNEL, state[0], x, anchor, test, block)
        return {"missed": state[1], "error": jnp.mean(found * target <= 0)}

    start = eigenpro.Machine(jnp.zeros_like(y), jnp.zeros((anchors, 1)))
    times = range(epochs + 1)
    return mj.iterate((start, jnp.array(1.0)), epoch, observe, times)


def direct_run(seed: Any, *, samples: int) -> dict[str, jax.Array]:
    """Fit by a solve of the whole Gram matrix."""
    x, y = drawn(seed, samples + TESTS)
    (test, x), (target, y) = (jnp.split(v, (TESTS,)) for v in (x, y))
    every = jnp.full(samples, 1.0 / samples)
    a = mj.kernels.ridge(mj.kernels.gram(KERNEL, x, x), y, every)
    found = mj.kernels.gram(KERNEL, test, x) @ a
    return {"error": jnp.mean(found * target <= 0)}


# --- the grids ----------------------------------------------------------------------


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


# --- what was found -----------------------------------------------------------------

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
    ratio = results["main"].iterations / results["theory"].iterations
    return float(abs(ratio - 1).max())


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


# --- what to look at ----------------------------------------------------------------


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
    line = exact.residual.isel(time=slice(1, None)).mean("seed")
    lines(axis, line, "time", color="flat", dash="-")
    shown = runs.residual.isel(step=slice(1, None)).mean("seed")
    points(axis, shown, "step", color="flat", label="{flat} flattened")
    key(axis, "theory")
    level(axis, LEFT, "1 %")
    words: Any = {"xscale": "log", "yscale": "log", "ylim": (1e-3, 1.5)}
    words |= {"xlabel": "iterations, mean over seeds", "ylabel": "squared residual"}
    frame(axis, "{samples} samples, all anchors", runs, **words)


def draw_tops(axis: Axes, few: xr.Dataset, whole: xr.Dataset) -> None:
    """The largest eigenvalue that flattening leaves against anchors."""
    how: Any = {"join": True, "even": True, "color": "C0", "label": "left by anchors"}
    points(axis, few.top, "anchors", **how)
    count = int(few.flat)
    for flat, word, dash in ((0, "not flattened", "--"), (count, "all anchors", ":")):
        if flat in whole.flat:
            value = float(whole.top.sel(flat=flat).mean())
            axis.axhline(value, color="k", ls=dash, lw=1, label=word)
    words: Any = {"yscale": "log", "xlabel": "anchors"}
    frame(axis, "{flat} flattened", few.top, ylabel="largest eigenvalue", **words)


def draw_epochs(axis: Axes, results: Results) -> None:
    """Test error by epoch, flattened and plain."""
    for i, runs in enumerate(fitted(results)):
        error = runs.error.isel(step=slice(1, None))
        kept = error.mean("seed") if "seed" in error.dims else error
        how: Any = {"color": f"C{i}", "marker": "o", "ms": 3}
        lines(axis, kept.isel(flat=0), "step", dash=":", **how)
        label = f"{int(runs.samples)} samples"
        lines(axis, kept.isel(flat=-1), "step", dash="-", label=label, **how)
    key(axis, "plain steps", ":")
    axis.set_xticks(error.step.values)
    words: Any = {"xlabel": "epochs", "ylabel": "test error", "ylim": (0, 0.55)}
    frame(axis, "batches of {batch}, {flat} flattened", error.isel(flat=-1), **words)


def fitted(results: Results) -> list[xr.Dataset]:
    """The runs in batches, for each number of samples."""
    runs = results["batches"]
    found = [runs.sel(samples=n) for n in runs.samples.values]
    return found if results.get("largest") is None else [*found, results["largest"]]


def draw_costs(axis: Axes, results: Results) -> None:
    """Test error at the end against multiplications, beside the numbers of samples."""
    epochs, solved = int(results["batches"].step[-1]), results["direct"].error
    batches = [runs.error.isel(step=-1, flat=-1) for runs in fitted(results)]
    direct = [solved.sel(samples=n) for n in solved.samples.values]
    steps, solve = "EigenPro: epochs · n² · (dim + 1)", "direct: n² · dim + n³ / 3"
    for label, style, found in ((steps, "C0o-", batches), (solve, "C1s--", direct)):
        n = np.array([int(error.samples) for error in found], float)
        cost = epochs * n**2 * (DIM + 1) if label == steps else n**2 * DIM + n**3 / 3
        mean = [float(error.mean()) for error in found]
        axis.plot(cost, mean, style[2:], color=style[:2], label=label)
        place: Any = {"textcoords": "offset points", "fontsize": 7}
        for count, x, y in zip(n, cost, mean, strict=True):
            axis.annotate(f"{count:.0f}", (x, y), (0, 5), **place)
    words: Any = {"xscale": "log", "xlabel": "multiplications", "ylabel": "test error"}
    frame(axis, "what a test error costs", **words)


if __name__ == "__main__":
    launch(__name__)
