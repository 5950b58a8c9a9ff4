"""W1, the ragged sweep: ten train sizes from 50 to 25,600 in one grid."""

import sys
from functools import partial

from benchmarks import jax_peers, mlp, ours
from benchmarks.harness import Floors, Variant, benchmark, parser, torch_variants
from benchmarks.workload import Workload

FLOORS = Floors(
    {
        "torch": 3.8,
        "torch_expert": 2.7,
        "jax_vmap": 7.0,
        "jax_batched": 0.88,
    },
    of_peak=0.48,
    compile_cold=3.0,
    compile_cached=0.6,
)


def variants() -> list[Variant]:
    """memjax and its peers; a torch vmap of padded runs takes minutes whole."""
    return [
        Variant("memjax", partial(ours.memjax, mlp.run, mlp.answers), 0.5),
        Variant("jax_batched", partial(jax_peers.batched, chunk=1, tiled=True), 0.5),
        Variant("jax_each", jax_peers.one_each, 0.2),
        Variant("jax_vmap", jax_peers.everything, 0.03),
        *torch_variants(loop=0.08, expert=0.1, vmap=0.01),
    ]


def workload(runs: int = 10, steps: int = 1000) -> Workload:
    """The first `runs` of the sizes 50, 100, 200, …"""
    size = [50 * 2**k for k in range(runs)]
    axes = {"size": size, "lr": 1e-3, "wd": 0.0, "seed": 0}
    return mlp.workload("W1", "ragged sweep", axes, steps)


def main(argv: list[str]) -> None:
    args = parser(__doc__ or "", runs=10, steps=1000).parse_args(argv)
    runs, steps = (min(args.runs, 4), 20) if args.small else (args.runs, args.steps)
    compiling = partial(ours.compiling, mlp.run)
    benchmark(workload(runs, steps), variants(), compiling, FLOORS, args)


if __name__ == "__main__":
    main(sys.argv[1:])
