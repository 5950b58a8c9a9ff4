"""W6, the sequence grid: 64 transformers memorize 256 sequences of 48 digits each."""

import sys
from functools import partial
from typing import Any

import numpy as np

from benchmarks import jax_peers, ours, sequences
from benchmarks.harness import Floors, Variant, benchmark, parser, torch_variants
from benchmarks.workload import Workload, evenly

FLOORS = Floors(
    {"torch": 1.0, "torch_expert": 1.0, "jax_vmap": 1.0, "jax_batched": 0.90},
    of_peak=0.10,
    compile_cold=12.0,
    compile_cached=2.0,
)


def variants() -> list[Variant]:
    """memjax and its peers, each on some of the runs or of the steps."""
    torch = torch_variants(loop=0.04, expert=0.04, vmap=0.0, by="runs")
    how: dict[str, Any] = {"chunk": 4, "tiled": False}
    return [
        Variant("memjax", partial(ours.memjax, sequences.run, sequences.answers), 0.25),
        Variant("jax_batched", partial(jax_peers.batched, **how), 0.25),
        Variant("jax_each", jax_peers.one_each, 0.06, "runs"),
        # A vmap of all 64 runs would need 18 GiB.
        Variant("jax_vmap", jax_peers.everything, 0.125, "runs"),
        *(v for v in torch if v.name != "torch_vmap"),
    ]


def workload(runs: int = 64, steps: int = 20, log_every: int = 5) -> Workload:
    """So many runs, a power of two, over learning rate, weight decay and seed."""
    rates, decays, seeds = evenly(runs, 3)
    axes = {
        "lr": np.geomspace(1e-4, 3e-3, rates).tolist(),
        "wd": np.geomspace(1e-4, 1e-1, decays).tolist(),
        "seed": list(range(seeds)),
    }
    return sequences.workload("W6", "sequence grid", axes, steps, log_every)


def main(argv: list[str]) -> None:
    args = parser(__doc__ or "", runs=64, steps=20).parse_args(argv)
    runs, steps = (min(args.runs, 4), 10) if args.small else (args.runs, args.steps)
    compiling = partial(ours.compiling, sequences.run)
    benchmark(workload(runs, steps), variants(), compiling, FLOORS, args)


if __name__ == "__main__":
    main(sys.argv[1:])
