"""All benchmarks in sequence, then their table and figures.

`python -m benchmarks --out=benchmarks/results`; the flags go to each of them.
"""

import sys

from benchmarks import (
    figure,
    graph_grid,
    growth,
    leave_out,
    ragged_sweep,
    sequence_grid,
    shapes,
    small_runs,
    solves,
)
from benchmarks.harness import parser


def main(argv: list[str]) -> None:
    args = parser(__doc__ or "").parse_args(argv)  # refused now, not minutes later
    out = f"--out={args.out or 'benchmarks/results'}"
    short = []
    of_peers = (ragged_sweep, small_runs, graph_grid, sequence_grid, leave_out)
    for benchmark in (*of_peers, growth, shapes, solves):
        try:
            benchmark.main([*argv, out])
        except SystemExit as error:
            short.append(str(error))
    figure.main([out])
    if short:
        raise SystemExit("\n".join(short))


if __name__ == "__main__":
    main(sys.argv[1:])
