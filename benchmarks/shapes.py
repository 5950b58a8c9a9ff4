"""W5, shapes: six widths, five budgets of steps and three graphs, by eight seeds.

Runs of a tied model that memorizes a graph, from nothing to results: tracing and
compiling count. In memjax width, budget and graph are numbers below a bound, and all
runs are one program. Peers have the habit of a compiled program for every shape, or
none at all.
"""

import argparse
import importlib.util
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import memjax as mj
from benchmarks.harness import OURS, keep, parser, relative
from benchmarks.processes import machine, worker
from memjax.datasets import graphs

LR = 0.01  # on the sum over nodes


class Work(NamedTuple):
    """The grid of a measurement."""

    widths: tuple[int, ...] = (4, 8, 16, 32, 64, 128)
    steps: tuple[int, ...] = (200, 500, 1000, 2000, 4000)
    graphs: tuple[str, ...] = ("cycle:15", "grid:4:4", "clustered")
    seeds: int = 8

    @property
    def shape(self) -> tuple[int, ...]:
        return (*map(len, self[:3]), self.seeds)

    def walks(self) -> list[np.ndarray]:
        return [graphs.transitions(graphs.parse(text)) for text in self.graphs]

    def starts(self, nodes: int, width: int) -> np.ndarray:
        """The embeddings that all variants start from [seeds, nodes, width]."""
        tied = mj.models.graph.tied(nodes, width)
        keys = jax.vmap(jax.random.key)(jnp.arange(self.seeds))
        return np.asarray(jax.vmap(tied.init)(keys)["v"])

    def places(self) -> list[tuple[int, int, np.ndarray, np.ndarray]]:
        """Every width and graph, by index; the graph's walk, and where runs start."""
        return [
            (w, g, walk, self.starts(len(walk), width))
            for g, walk in enumerate(self.walks())
            for w, width in enumerate(self.widths)
        ]


def run(
    walk: jax.Array, steps: Any, width: Any, seed: Any, *, max_width: int
) -> mj.Legs:
    """Memorize a graph for so many steps; the loss at the end."""
    data = graphs.next_nodes(walk)
    nodes = jnp.sum(data.w > 0)
    net = mj.models.graph.tied(len(walk), max_width, live=(nodes, width))

    def loss(v: jax.Array) -> jax.Array:
        def one(x: jax.Array, y: jax.Array) -> jax.Array:
            return mj.losses.cross_entropy(net.apply({"v": v}, x), y)

        return mj.expect(one, data)

    def step(v: jax.Array, t: Any) -> jax.Array:
        return v - LR * nodes * jax.grad(loss)(v)

    start = net.init(jax.random.key(seed))["v"]
    ends = jnp.array([0, 1]) * steps
    return mj.iterate(start, step, lambda v: {"loss": loss(v)}, ends)


def ours(work: Work) -> Callable[[], np.ndarray]:
    mj.use_all_cores()
    stacked = mj.per("walk", graphs.stacked(work.walks()))
    axes: Any = {"width": work.widths, "steps": work.steps, "walk": work.graphs}
    sweep = mj.Sweep(run, inputs={"walk": stacked}, **axes, seed=range(work.seeds))
    return lambda: sweep.compute().loss.isel(leg=-1).values


# --- peers --------------------------------------------------------------------------


def jax_loss(walk: np.ndarray, v: jax.Array) -> jax.Array:
    products = jnp.matmul(v, v.T, precision="highest")  # as memjax asks for
    return -jnp.sum(walk * jax.nn.log_softmax(products)) / len(walk)


def descended(walk: np.ndarray, steps: Any, v: jax.Array) -> jax.Array:
    """The loss after so many steps."""
    loss = partial(jax_loss, walk)
    slope = jax.grad(loss)
    rate = LR * len(walk)
    return loss(jax.lax.fori_loop(0, steps, lambda t, v: v - rate * slope(v), v))


def jax_each(work: Work) -> Callable[[], np.ndarray]:
    """A `jax.jit` for every width, graph and budget, over all seeds."""
    places = work.places()

    def compute() -> np.ndarray:
        found = np.zeros(work.shape)
        for w, g, walk, starts in places:
            for s, steps in enumerate(work.steps):
                trained = jax.jit(jax.vmap(partial(descended, walk, steps)))
                found[w, s, g] = trained(starts)
        return found

    return compute


def jax_traced_steps(work: Work) -> Callable[[], np.ndarray]:
    """A `jax.jit` for every width and graph; the budget is traced."""
    places = work.places()

    def compute() -> np.ndarray:
        found = np.zeros(work.shape)
        for w, g, walk, starts in places:
            trained = jax.jit(jax.vmap(partial(descended, walk), (None, 0)))
            for s, steps in enumerate(work.steps):
                found[w, s, g] = trained(steps, starts)
        return found

    return compute


def torch_loop(work: Work) -> Callable[[], np.ndarray]:
    """The loop as most write it, one run after another."""
    import torch

    places = work.places()

    def trained(walk: torch.Tensor, start: np.ndarray, steps: int) -> float:
        v = torch.tensor(start, requires_grad=True)
        optimizer = torch.optim.SGD([v], lr=LR * len(walk))

        def loss() -> torch.Tensor:
            return torch.nn.functional.cross_entropy(v @ v.T, walk)

        for _ in range(steps):
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()
        return loss().item()

    trained(torch.eye(2), np.ones((2, 2), np.float32), 5)  # torch is awake

    def compute() -> np.ndarray:
        found = np.zeros(work.shape)
        for w, g, walk, starts in places:
            target = torch.tensor(walk, dtype=torch.float32)
            for i, start in enumerate(starts):
                found[w, :, g, i] = [trained(target, start, n) for n in work.steps]
        return found

    return compute


VARIANTS = (ours, jax_each, jax_traced_steps, torch_loop)
TORCH = Work(steps=(200,), seeds=1)  # what the loop is timed on


# --- timing -------------------------------------------------------------------------


def cold(make: Callable, work: Work) -> tuple[float, np.ndarray]:
    """The seconds of a fresh process from a stated grid to its results, and these.

    Peers are given where runs start, and do not pay for it.
    """
    compute = make(work)
    began = time.perf_counter()
    found = compute()
    return time.perf_counter() - began, found


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """All variants in turns, each time in a fresh process, and held to each other."""
    known = {OURS: ours} | {make.__name__: make for make in VARIANTS[1:]}
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed: its variant is left out")
        del known["torch_loop"]
    names = args.peers.split(",") if args.peers else [*known]
    whole = Work((4, 8), (20, 50), seeds=2) if args.small else Work()
    part = {"torch_loop": whole if args.small else TORCH}
    spent: dict[str, list[float]] = {name: [] for name in names}
    answers = {}
    for _ in range(args.repeats):
        for name in names:
            with worker() as one:
                seconds, answers[name] = one.call(
                    cold, known[name], part.get(name, whole)
                )
                spent[name].append(seconds)
    agree(answers)
    rows = [row(n, spent[n], share(part.get(n, whole), whole)) for n in names]
    runs = int(np.prod(whole.shape))
    about = {"name": "W5", "title": "shapes", "runs": runs, "machine": machine()}
    return {**about, "rows": relative(rows)}


def share(part: Work, whole: Work) -> float:
    """The part of all steps that a variant is timed on."""
    return sum(part.steps) * part.seeds / (sum(whole.steps) * whole.seeds)


def agree(answers: dict[str, np.ndarray]) -> None:
    """All variants end, where they share runs, at the same loss to a thousandth."""
    least = np.min([found.shape for found in answers.values()], axis=0)
    corner = tuple(map(slice, least))
    first, *others = (found[corner] for found in answers.values())
    for found in others:
        np.testing.assert_allclose(found, first, rtol=1e-3)


def row(name: str, spent: list[float], share: float) -> dict[str, Any]:
    """What is kept of a variant, its seconds scaled up to all steps."""
    return {
        "variant": name,
        "seconds": statistics.median(spent) / share,
        "fastest": min(spent) / share,
        "slowest": max(spent) / share,
        "share": share,
    }


def table(record: dict[str, Any]) -> str:
    """The times as text."""
    lines = [
        f"W5 shapes: {record['runs']} runs from cold, compiling included",
        f"{'variant':18}{'seconds':>10}{'range':>20}{'x memjax':>10}{'timed on':>20}",
    ]
    for r in record["rows"]:
        spread = f"{r['fastest']:.2f} – {r['slowest']:.2f}"
        lines.append(
            f"{r['variant']:18}{r['seconds']:10.2f}{spread:>20}{r['times_ours']:10.2f}"
            f"{r['share']:9.1%} of steps"
        )
    return "\n".join(lines)


def main(argv: list[str]) -> None:
    args = parser(__doc__ or "").parse_args(argv)
    record = measured(args)
    print(table(record), flush=True)
    keep(record, args.out, "W5")


if __name__ == "__main__":
    main(sys.argv[1:])
