"""All benchmarks in sequence, then their table and figures.

`python -m benchmarks --out=benchmarks/results`; other flags go to each of them.
"""

import sys

from benchmarks import figure, graph_grid, growth, ragged_sweep, small_runs


def main(argv: list[str]) -> None:
    out = next((a for a in argv if a.startswith("--out=")), "--out=benchmarks/results")
    rest = [a for a in argv if not a.startswith("--out=")]
    for benchmark in (ragged_sweep, small_runs, graph_grid, growth):
        benchmark.main([out, *rest])
    figure.main([out])


if __name__ == "__main__":
    main(sys.argv[1:])
