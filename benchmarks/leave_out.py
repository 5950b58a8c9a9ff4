"""W7, leave-out: 4,096 networks, each without a random part of the same 400 points."""

import sys
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import memjax as mj
from benchmarks import ours
from benchmarks.harness import Floors, Variant, benchmark, parser, torch_variants
from benchmarks.mlp import OBSERVED, SHARES, answers
from benchmarks.workload import Run, Workload

DIM, WIDTH, CLASSES = 32, 64, 10
SIZE, HELD = 400, 280  # points, and those that a network sees
FLOP_PER_ROW = 6 * (DIM * WIDTH + WIDTH * CLASSES)
LR = 1e-3
FLOORS = Floors(
    {"torch": 8.0, "torch_expert": 2.0},
    of_peak=0.05,
    compile_cold=4.0,
    compile_cached=1.0,
)
model = mj.models.mlp((DIM, WIDTH, CLASSES))


def variants() -> list[Variant]:
    """memjax, and PyTorch's loops on some of the runs; those train on 280 rows only."""
    torch = torch_variants(loop=0.01, expert=0.02, vmap=0.0, by="runs")
    whole = Variant("memjax", partial(ours.memjax, run, answers), 0.1)
    return [whole, *(v for v in torch if v.name != "torch_vmap")]


def loss(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
    return mj.losses.cross_entropy(model.apply(params, x), y)


def draw(mask: Any) -> tuple[mj.Data, jax.Array, Any]:
    """The points, which of them a network sees, and its initial weights."""
    keys = jax.random.split(jax.random.key(0), 3)
    points = mj.datasets.random_labels(DIM, CLASSES, SIZE)(keys[0], SIZE)
    mask_key, init_key = (jax.random.fold_in(key, mask) for key in keys[1:])
    held = mj.datasets.subset(mask_key, points.w > 0, HELD)
    return points, held, model.init(init_key)


def run(mask: Any, *, steps: int, log_every: int) -> mj.Legs:
    """A network that sees the points of its mask; others have weight zero."""
    points, held, params = draw(mask)
    train = points._replace(w=held / HELD)

    def observe(params: Any) -> dict[str, jax.Array]:
        def score(x: Any, y: Any) -> list[jax.Array]:
            logits = model.apply(params, x)
            nats = mj.losses.cross_entropy(logits, y)
            return [nats, mj.observables.accuracy(logits, y)]

        (fitted, known), (nats, right) = (mj.expect(score, d) for d in (train, points))
        found = (fitted, nats, known, right, mj.observables.l2(params))
        return dict(zip(OBSERVED, found, strict=True))

    fit = mj.train(loss, optax.adam(LR), observe, mj.every(log_every, steps))
    return fit(params, train)


def workload(runs: int = 4096, steps: int = 500, log_every: int = 10) -> Workload:
    """So many networks; the peers are handed the points that each of them sees."""
    points, held, params = jax.jit(jax.vmap(draw, out_axes=(None, 0, 0)))(
        jnp.arange(runs)
    )
    x, y = np.asarray(points.x), np.asarray(points.y)
    layers = [np.asarray(layer[name]) for layer in params for name in ("w", "b")]

    def one(i: int, held: np.ndarray) -> Run:
        data = (x[held], y[held], x, y)
        return Run(data, tuple(a[i] for a in layers), LR, 0.0, HELD)

    made = tuple(one(i, part) for i, part in enumerate(np.asarray(held)))
    size = (steps, log_every, FLOP_PER_ROW, SHARES)
    return Workload("W7", "leave-out", {"mask": list(range(runs))}, made, *size)


def main(argv: list[str]) -> None:
    args = parser(__doc__ or "", runs=4096, steps=500).parse_args(argv)
    runs, steps = (min(args.runs, 16), 20) if args.small else (args.runs, args.steps)
    compiling = partial(ours.compiling, run)
    # Among thousands of runs some have parted by two points after twenty steps.
    work = workload(runs, steps)
    benchmark(work, variants(), compiling, FLOORS, args, check_steps=5)


if __name__ == "__main__":
    main(sys.argv[1:])
