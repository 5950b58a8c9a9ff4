"""W3, the graph grid: 256 embeddings of width 256 memorize a cycle of 64 nodes."""

import sys
from functools import partial

import numpy as np

from benchmarks import graph, jax_peers, ours
from benchmarks.harness import Floors, Variant, benchmark, parser, torch_variants
from benchmarks.workload import Workload, evenly

FLOORS = Floors(
    {
        "torch": 6.0,
        "torch_expert": 3.0,
        "jax_vmap": 3.0,
        "jax_batched": 0.90,
    },
    of_peak=0.40,
    compile_cold=1.5,
    compile_cached=0.5,
)


def variants() -> list[Variant]:
    """memjax and its peers; loops do some of the runs, batches some of the steps."""
    return [
        Variant("memjax", partial(ours.memjax, graph.run, graph.answers), 0.2),
        Variant("jax_batched", partial(jax_peers.batched, chunk=4, tiled=False), 0.2),
        Variant("jax_each", jax_peers.one_each, 0.06, "runs"),
        Variant("jax_vmap", jax_peers.everything, 0.04),
        *torch_variants(loop=0.016, expert=0.04, vmap=0.02, by="runs"),
    ]


def workload(runs: int = 256, steps: int = 5000, log_every: int = 100) -> Workload:
    """So many runs, a power of two, over learning rate, weight decay and start."""
    rates, decays, scales = evenly(runs, 3)
    axes = {
        "lr": np.geomspace(1e-4, 1e-2, rates).tolist(),
        "wd": np.geomspace(1e-4, 1e-1, decays).tolist(),
        "init_scale": np.geomspace(0.25, 2.0, scales).tolist(),
    }
    return graph.workload("W3", "graph grid", axes, steps, log_every)


def main(argv: list[str]) -> None:
    args = parser(__doc__ or "", runs=256, steps=5000).parse_args(argv)
    runs, steps = (min(args.runs, 16), 200) if args.small else (args.runs, args.steps)
    compiling = partial(ours.compiling, graph.run)
    benchmark(workload(runs, steps), variants(), compiling, FLOORS, args)


if __name__ == "__main__":
    main(sys.argv[1:])
