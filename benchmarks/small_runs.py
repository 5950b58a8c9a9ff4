"""W2, the grid of small runs: 8 learning rates, 8 weight decays, 8 seeds, 100 rows."""

import sys
from functools import partial
from typing import Any

import numpy as np

from benchmarks import jax_peers, mlp, ours
from benchmarks.harness import KEPT, Floors, Variant, benchmark, parser, torch_variants
from benchmarks.workload import Workload, evenly

FLOORS = Floors(
    {
        "torch": 10.0,
        "torch_expert": 3.8,
        "jax_vmap": 3.3,
        "jax_batched": 0.90,
    },
    of_peak=0.42,
    kept=1.03,
    compile_cold=3.0,
    compile_cached=0.4,
)


def variants() -> list[Variant]:
    """memjax and its peers; loops do some of the runs, batches some of the steps."""
    return [
        Variant("memjax", partial(ours.memjax, mlp.run, mlp.answers), 0.5),
        Variant(KEPT, partial(ours.kept, mlp.run, mlp.answers), 0.5),
        Variant("jax_batched", partial(jax_peers.batched, chunk=4, tiled=False), 0.5),
        Variant("jax_each", jax_peers.one_each, 0.06, "runs"),
        Variant("jax_vmap", jax_peers.everything, 0.05),
        *torch_variants(loop=0.02, expert=0.05, vmap=0.05, by="runs"),
    ]


def axes(runs: int, size: int = 100) -> dict[str, Any]:
    """So many runs, a power of two, over learning rate, weight decay and seed."""
    rates, decays, seeds = evenly(runs, 3)
    return {
        "size": size,
        "lr": np.geomspace(1e-4, 1e-2, rates).tolist(),
        "wd": np.geomspace(1e-3, 1.0, decays).tolist(),
        "seed": list(range(seeds)),
    }


def workload(runs: int = 512, steps: int = 1000) -> Workload:
    """The grid of so many runs."""
    return mlp.workload("W2", "small runs", axes(runs), steps)


def main(argv: list[str]) -> None:
    args = parser(__doc__ or "", runs=512, steps=1000).parse_args(argv)
    runs, steps = (min(args.runs, 16), 20) if args.small else (args.runs, args.steps)
    compiling = partial(ours.compiling, mlp.run)
    benchmark(workload(runs, steps), variants(), compiling, FLOORS, args)


if __name__ == "__main__":
    main(sys.argv[1:])
