"""All benchmarks in sequence, then their table and figures.

`python -m benchmarks --out=benchmarks/results`; the flags go to each of them.
`python -m benchmarks --machine=h100 --predict` compiles W1 to W3 for a GPU instead.
"""

import sys

from benchmarks import (
    figure,
    graph_grid,
    growth,
    leave_out,
    predict,
    ragged_sweep,
    sequence_grid,
    shapes,
    small_runs,
    solves,
)
from benchmarks.harness import parser


def main(argv: list[str]) -> None:
    known = parser(__doc__ or "")
    known.add_argument("--machine", choices=["h100"], help="what to predict for")
    known.add_argument("--predict", action="store_true", help="compile, run nothing")
    args = known.parse_args(argv)  # refused now, not minutes later
    if args.predict != bool(args.machine):
        known.error("--machine and --predict go together")
    if args.predict:
        raise SystemExit(predict.apart(args.out))
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
