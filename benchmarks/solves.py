"""W8, solves: the minimum-norm fits of 100 points on 10 to 5000 random features.

100 numbers of features by 100 draws are one program of memjax: it draws features block
by block, never all of a grid's (20 GB), and takes one eigendecomposition of a fit's
Gram matrix in double precision. Peers are given the features, and do not pay for them.
"""

import argparse
import contextlib
import importlib.util
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import memjax as mj
from benchmarks.harness import OURS, keep, parser, relative
from benchmarks.processes import machine, worker

POINTS, BLOCK, MOST = 100, 250, 5000
ON = {"points": POINTS, "room": MOST}


def counts(number: int) -> list[int]:
    """So many numbers of features, evenly in their logarithm but for repetitions."""
    spaced = np.geomspace(10, MOST, 2 * number).round().astype(int)
    every = np.unique(spaced)
    return every[np.linspace(0, len(every) - 1, number).round().astype(int)].tolist()


def block(seed: Any, k: Any) -> jax.Array:
    """The k-th block of features of a draw [points, block]."""
    key = jax.random.fold_in(jax.random.key(seed), k)
    return jax.random.normal(key, (POINTS, BLOCK), jnp.float32).astype(float)


def labels(seed: Any) -> jax.Array:
    return jax.random.normal(jax.random.key(seed + 10**6), (POINTS,), jnp.float32)


def run(features: Any, seed: Any, *, points: int, room: int) -> dict[str, jax.Array]:
    """The squared norm of the weights that fit the labels of a draw, and are least."""
    gram = mj.kernels.pooled(lambda k: block(seed, k), points, features, room)
    found = mj.kernels.factor(gram, jnp.ones(points), features)
    a = mj.kernels.path(found, labels(seed).astype(float), jnp.zeros(1))[0]
    return {"norm": a @ gram @ a}


def ours(features: list[int], seeds: int) -> Callable[[], np.ndarray]:
    mj.use_all_cores()
    sweep = mj.Sweep(run, features=features, seed=range(seeds), float64=True, **ON)
    return lambda: sweep.compute().norm.values


# --- peers --------------------------------------------------------------------------


def given(seeds: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The features [points, 5000] and labels of every draw, in double precision."""
    with jax.enable_x64(True):
        blocks = jax.jit(jax.vmap(block, (None, 0)))
        every = jnp.arange(MOST // BLOCK)
        return [
            (np.hstack(np.asarray(blocks(s, every))), np.asarray(labels(s), float))
            for s in range(seeds)
        ]


def lstsq(features: list[int], seeds: int) -> Callable[[], np.ndarray]:
    """The loop as most write it."""
    draws = given(seeds)

    def norm(x: np.ndarray, y: np.ndarray) -> float:
        return float(np.sum(np.linalg.lstsq(x, y, rcond=None)[0] ** 2))

    return lambda: np.array([[norm(x[:, :n], y) for x, y in draws] for n in features])


def scipy_eigh(features: list[int], seeds: int) -> Callable[[], np.ndarray]:
    """The loop as an expert writes it: Gram matrices, and scipy's eigh of each."""
    from scipy.linalg import eigh

    draws = given(seeds)

    def norm(x: np.ndarray, y: np.ndarray) -> float:
        values, vectors = eigh(x @ x.T, overwrite_a=True, check_finite=False)
        kept = values > POINTS * np.finfo(float).eps * values[-1]
        return float(np.sum((vectors.T @ y)[kept] ** 2 / values[kept]))

    return lambda: np.array([[norm(x[:, :n], y) for x, y in draws] for n in features])


def torch_batched(features: list[int], seeds: int) -> Callable[[], np.ndarray]:
    """All draws of a number of features at once, by `torch.linalg.eigh`."""
    import torch

    draws = given(seeds)
    all_x = torch.tensor(np.stack([x for x, _ in draws]))
    all_y = torch.tensor(np.stack([y for _, y in draws]))

    def norms(n: int) -> np.ndarray:
        x = all_x[:, :, :n]
        values, vectors = torch.linalg.eigh(x @ x.mT)
        kept = values > POINTS * np.finfo(float).eps * values[:, -1:]
        along = (vectors.mT @ all_y[:, :, None])[:, :, 0] ** 2
        return torch.where(kept, along / values, 0.0).sum(1).numpy()

    return lambda: np.stack([norms(n) for n in features])


VARIANTS = {  # and the share of the draws that it is timed on
    OURS: (ours, 1.0),
    "numpy_lstsq": (lstsq, 0.02),
    "scipy_eigh": (scipy_eigh, 0.05),
    "torch_batched": (torch_batched, 0.05),
}


# --- timing -------------------------------------------------------------------------

ready: list[Callable] = []


def prepare(make: Callable, features: list[int], seeds: int) -> tuple:
    """Make this process ready; the seconds of a first time, and its answers."""
    ready[:] = [make(features, seeds)]
    return again()


def again() -> tuple[float, np.ndarray]:
    began = time.perf_counter()
    found = ready[0]()
    return time.perf_counter() - began, found


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """All variants in turns, each in a process, after they have agreed."""
    known = dict(VARIANTS)
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed: its variant is left out")
        del known["torch_batched"]
    names = args.peers.split(",") if args.peers else [*known]
    features, answers, spent = counts(args.features), {}, {name: [] for name in names}
    parts = {name: max(1, round(args.draws * known[name][1])) for name in names}
    with contextlib.ExitStack() as stack:
        team = {name: stack.enter_context(worker()) for name in names}
        for name, one in team.items():
            call = one.call(prepare, known[name][0], features, parts[name])
            answers[name] = call[1]
        agree(answers)
        for _ in range(args.repeats):
            for name, one in team.items():
                spent[name].append(one.call(again)[0])
    solves = len(features) * args.draws
    rows = [row(n, spent[n], parts[n] / args.draws, solves) for n in names]
    about = {"name": "W8", "title": "solves", "solves": solves, "machine": machine()}
    return {**about, "rows": relative(rows)}


def agree(answers: dict[str, np.ndarray]) -> None:
    """All variants found, for the draws that they share, the same to a millionth."""
    fewest = min(found.shape[1] for found in answers.values())
    first, *others = (found[:, :fewest] for found in answers.values())
    for found in others:
        np.testing.assert_allclose(found, first, rtol=1e-6)


def row(name: str, spent: list[float], share: float, solves: int) -> dict[str, Any]:
    """What is kept of a variant, its seconds scaled up to all draws."""
    seconds = statistics.median(spent) / share
    return {
        "variant": name,
        "seconds": seconds,
        "fastest": min(spent) / share,
        "slowest": max(spent) / share,
        "share": share,
        "solves_per_second": solves / seconds,
    }


def table(record: dict[str, Any]) -> str:
    """The times as text."""
    lines = [
        f"W8 solves: {record['solves']} fits of {POINTS} points",
        f"{'variant':14}{'seconds':>10}{'range':>20}{'x memjax':>10}{'fits/s':>9}"
        f"{'timed on':>16}",
    ]
    for r in record["rows"]:
        spread = f"{r['fastest']:.2f} – {r['slowest']:.2f}"
        lines.append(
            f"{r['variant']:14}{r['seconds']:10.2f}{spread:>20}{r['times_ours']:10.2f}"
            f"{r['solves_per_second']:9.0f}{r['share']:10.0%} of draws"
        )
    return "\n".join(lines)


def main(argv: list[str]) -> None:
    args = parser(__doc__ or "", features=100, draws=100).parse_args(argv)
    if args.small:
        args.features, args.draws = 5, 2
    record = measured(args)
    print(table(record), flush=True)
    keep(record, args.out, "W8")


if __name__ == "__main__":
    main(sys.argv[1:])
