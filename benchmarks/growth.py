"""W4, growth: time and memory of memjax against the number of runs and of rows."""

import argparse
import statistics
import sys
from typing import Any

import memjax as mj
from benchmarks import mlp, ours
from benchmarks.harness import keep, parser
from benchmarks.processes import machine, peak_memory, worker
from benchmarks.small_runs import axes
from benchmarks.workload import Workload

WITHIN = 1.3  # of the linear line, by --check
ROWS = tuple(100 * 4**k for k in range(5))  # of a single run


def point(runs: int, size: int, steps: int, repeats: int) -> dict[str, Any]:
    """Seconds that a grid runs, compiling aside, and this process's peak memory."""
    # Only axes: the arrays that peers are given would count as memory here.
    work = Workload("W4", "growth", axes(runs, size), (), steps, 10, mlp.FLOP_PER_ROW)
    mj.use_all_cores()
    found = [ours.spent(ours.sweep(mlp.run, work)) for _ in range(repeats)]
    spent = [seconds["run_seconds"] for seconds in found]
    seconds = statistics.median(spent)
    return {
        "runs": runs,
        "rows": size,
        "seconds": seconds,
        "fastest": min(spent),
        "slowest": max(spent),
        "runs_per_second": runs / seconds,
        "peak_mib": peak_memory(),
    }


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """All points, each in a fresh process."""
    powers = range(4, args.most + 1, 2)
    steps, repeats = args.steps, args.repeats
    lanes = [fresh_point(2**k, 100, steps, repeats if k < 12 else 1) for k in powers]
    rows = [fresh_point(1, n, steps, repeats) for n in ROWS[: args.rows]]
    base = next((p for p in lanes if p["runs"] == 2**8), lanes[-1])
    longest = rows[-1]
    return {
        "name": "W4",
        "title": "growth",
        "steps": steps,
        "machine": machine(),
        "lanes": [{**p, "over_linear": over(p, base, "runs")} for p in lanes],
        "rows": [{**p, "over_linear": over(p, longest, "rows")} for p in rows],
    }


def fresh_point(*numbers: int) -> dict[str, Any]:
    with worker() as fresh:
        return fresh.call(point, *numbers)


def over(at: dict[str, Any], base: dict[str, Any], axis: str) -> float:
    """The time of a point over that of the straight line through zero and `base`."""
    return at["seconds"] / (base["seconds"] * at[axis] / base[axis])


def table(record: dict[str, Any]) -> str:
    """Both axes as text."""
    lines = [f"W4 growth: the MLP of W2 for {record['steps']} steps"]
    for axis in ("lanes", "rows"):
        name = "runs" if axis == "lanes" else "rows"
        lines.append(
            f"{name:>8}{'seconds':>10}{'runs/s':>10}{'x linear':>10}{'MiB':>8}"
        )
        lines += [
            f"{p[name]:8}{p['seconds']:10.3f}{p['runs_per_second']:10.1f}"
            f"{p['over_linear']:10.2f}{p['peak_mib']:8.0f}"
            for p in record[axis]
        ]
    return "\n".join(lines)


def main(argv: list[str]) -> None:
    made = parser(__doc__ or "", most=14, rows=len(ROWS), steps=100)
    args = made.parse_args(argv)
    if args.small:
        args.most, args.rows, args.steps, args.repeats = 6, 2, 20, 3
    record = measured(args)
    print(table(record), flush=True)
    keep(record, args.out, "W4")
    far = [p for p in record["lanes"] if p["runs"] >= 2**8]
    if args.check and any(p["over_linear"] > WITHIN for p in far):
        raise SystemExit(f"W4: more than {WITHIN}x the linear line")


if __name__ == "__main__":
    main(sys.argv[1:])
