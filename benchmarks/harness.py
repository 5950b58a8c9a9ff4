"""Variants of one workload, held to the same answers and then timed in turns."""

import argparse
import importlib.util
import json
import math
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.processes import Team, cores, machine, peak, worker
from benchmarks.workload import Workload

OURS = "memjax"
HEAVY = 100  # GFLOP a step of all runs
KEPT = "memjax_kept"  # the same with a bar and a store
Answers = dict[int, np.ndarray]  # by run


class Variant(NamedTuple):
    """One way to do a workload, in a process of its own.

    `prepare(workload)` returns a function that does it and returns, for each run, the
    norm of the last weights and what was observed last before them. A slow variant does
    a `share` of the steps or (`by="runs"`) of the runs; its time is scaled up by work.
    """

    name: str
    prepare: Callable[[Workload], Callable[[], np.ndarray]]
    share: float = 1.0
    by: str = "steps"
    pinned: bool = False  # one process on each core, among which the runs are dealt

    def part(self, workload: Workload) -> Workload:
        """The part of a workload that this variant is timed on."""
        if self.by == "steps":
            return workload.shorter(workload.steps * self.share, workload.log_every)
        runs = len(workload.runs)
        count = min(runs, max(len(cores()), round(runs * self.share)))
        return workload.only(
            np.linspace(0, runs - 1, count).round().astype(int).tolist()
        )


def parser(description: str, **sizes: int) -> argparse.ArgumentParser:
    """The flags of a benchmark: those of all, and its own sizes."""
    made = argparse.ArgumentParser(description=description)
    for name, default in sizes.items():
        made.add_argument(f"--{name}", type=int, default=default)
    made.add_argument("--repeats", type=int, default=3)
    made.add_argument("--small", action="store_true", help="seconds, for CI")
    made.add_argument("--peers", default="", help="variants to run, with commas")
    made.add_argument("--out", default="", help="directory for JSON and figure")
    made.add_argument("--check", action="store_true", help="fail below the floors")
    return made


def torch_variants(
    loop: float, expert: float, vmap: float, by: str = "steps"
) -> list[Variant]:
    """PyTorch's three, timed on these shares; none where it is not installed."""
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed: its variants are left out")
        return []
    return [
        Variant("torch", _torch_loop, loop, by),
        Variant("torch_expert", _torch_expert, expert, by, pinned=True),
        Variant("torch_vmap", _torch_vmap, vmap),
    ]


# Imported in the workers only, so that no other process loads PyTorch.


def _torch_loop(workload: Workload) -> Callable[[], np.ndarray]:
    from benchmarks import torch_peers

    return torch_peers.loop(workload)


def _torch_expert(workload: Workload) -> Callable[[], np.ndarray]:
    from benchmarks import torch_peers

    return torch_peers.expert(workload)


def _torch_vmap(workload: Workload) -> Callable[[], np.ndarray]:
    from benchmarks import torch_peers

    return torch_peers.vmapped(workload)


def chosen(variants: Sequence[Variant], args: argparse.Namespace) -> list[Variant]:
    """The variants that were asked for and can run here, whole where it is small."""
    known = [v.name for v in variants]
    wanted = args.peers.split(",") if args.peers else known
    if unknown := set(wanted) - set(known):
        raise SystemExit(f"--peers: {sorted(unknown)} not among {', '.join(known)}")
    found = [v for v in variants if v.name in wanted]
    return [v._replace(share=1.0) for v in found] if args.small else found


# --- agreeing and timing ------------------------------------------------------------


def agree(
    workload: Workload,
    answers: dict[str, Answers],
    rtol: float = 1e-3,
    atol: float = 1e-3,
) -> None:
    """All variants found, for every run, what the first of them found.

    In a share of points, one point that stands between two classes may fall either way.
    """
    (first, reference), *others = answers.items()
    for name, found in others:
        for i, row in found.items():
            slack = np.full(len(row), atol)
            slack[list(workload.shares)] += 1 / workload.runs[i].rows
            away = np.abs(row - reference[i]) - rtol * np.abs(reference[i])
            assert (away <= slack).all(), (
                f"{name} against {first}, run {i}: {row} is not {reference[i]}"
            )


def compare(
    workload: Workload,
    variants: Sequence[Variant],
    repeats: int,
    check_steps: int = 20,
) -> dict[str, Any]:
    """The times of all variants, in turns, after all have agreed over a few steps."""
    where = machine()
    peaks = [peak(where["device"])]
    teams = {v.name: Team(v.pinned) for v in variants}
    try:
        agree_first(workload, variants, teams, check_steps)
        parts = {v.name: v.part(workload) for v in variants}
        first = {}
        for v in variants:
            teams[v.name].prepare(v.prepare, parts[v.name])
            first[v.name] = teams[v.name].run()[0]
        spent: dict[str, list[float]] = {v.name: [] for v in variants}
        for _ in range(repeats):
            for v in variants:
                spent[v.name].append(teams[v.name].run()[0])
    finally:
        for team in teams.values():
            team.close()
    peaks.append(peak(where["device"]))
    best = max(peaks)
    shares = {name: part.gflop / workload.gflop for name, part in parts.items()}
    rows = [
        row(v, spent[v.name], first[v.name], shares[v.name], workload, best[0])
        for v in variants
    ]
    return {
        "name": workload.name,
        "title": workload.title,
        "gflop": workload.gflop,
        "runs": len(workload.runs),
        "steps": workload.steps,
        "machine": where,
        "peak_gflops": best[0],
        "peak_by": best[1],
        "peaks": [p for p, _ in peaks],
        "rows": relative(rows),
    }


def agree_first(
    workload: Workload,
    variants: Sequence[Variant],
    teams: dict[str, Team],
    check_steps: int,
) -> None:
    """Hold all variants to the same answers over the same first steps.

    Where a step costs much, fewer of them, and of peers fewer runs.
    """
    heavy = workload.gflop > HEAVY * workload.steps
    steps = min(4 if heavy else check_steps, workload.steps)
    few = workload.shorter(steps, min(workload.log_every, max(1, steps // 2)))
    part = few.only(range(min(8, len(few.runs)))) if heavy else few
    answers = {}
    for v in variants:
        teams[v.name].prepare(v.prepare, few if v.name in (OURS, KEPT) else part)
        answers[v.name] = teams[v.name].run()[1]
    agree(few, answers)


def row(
    variant: Variant,
    spent: list[float],
    first: float,
    share: float,
    workload: Workload,
    peak_gflops: float,
) -> dict[str, Any]:
    """What is kept of a variant, its seconds scaled up to the whole workload."""
    seconds = statistics.median(spent) / share
    return {
        "variant": variant.name,
        "seconds": seconds,
        "fastest": min(spent) / share,
        "slowest": max(spent) / share,
        "first_call": first,
        "share": share,
        "scaled_by": variant.by if share < 1 else None,
        "runs_per_second": len(workload.runs) / seconds,
        "gflops": workload.gflop / seconds,
        "of_peak": workload.gflop / seconds / peak_gflops,
    }


def relative(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with their time over memjax's, or over the first row's without it."""
    base = next((r for r in rows if r["variant"] == OURS), rows[0])["seconds"]
    return [{**r, "times_ours": r["seconds"] / base} for r in rows]


def compile_seconds(
    compiling: Callable[[Workload, str], float], few: Workload, repeats: int
) -> dict[str, float]:
    """What memjax's program takes to compile: in a first process, and in a second.

    The second one finds the persistent cache that the first has filled. Medians over
    so many pairs.
    """
    spent: dict[str, list[float]] = {"compile_cold": [], "compile_cached": []}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            for seconds in spent.values():
                with worker() as fresh:
                    seconds.append(fresh.call(compiling, few, folder))
    return {name: statistics.median(seconds) for name, seconds in spent.items()}


# --- what is said and kept ----------------------------------------------------------


def table(record: dict[str, Any]) -> str:
    """The times of a workload as text."""
    where = record["machine"]
    lines = [
        f"{record['name']} {record['title']}: {record['runs']} runs of "
        f"{record['steps']} steps, {record['gflop']:.0f} GFLOP",
        f"{where['cpu']}, {where['cores']} cores, {where['device']}, jax {where['jax']}"
        f", torch {where.get('torch', '–')}; "
        f"peak {record['peak_gflops']:.0f} GF/s by {record['peak_by']}",
        f"{'variant':14}{'seconds':>10}{'range':>20}{'x memjax':>10}{'runs/s':>9}"
        f"{'of peak':>9}{'timed on':>16}",
    ]
    for r in record["rows"]:
        spread = f"{r['fastest']:.2f} – {r['slowest']:.2f}"
        part = f"{r['share']:.1%} of {r['scaled_by']}" if r["scaled_by"] else "all"
        lines.append(
            f"{r['variant']:14}{r['seconds']:10.2f}{spread:>20}{r['times_ours']:10.2f}"
            f"{r['runs_per_second']:9.2f}{r['of_peak']:9.1%}{part:>16}"
        )
    if "compile_cold" in record:
        cold, cached = record["compile_cold"], record["compile_cached"]
        lines.append(f"memjax compiles in {cold:.2f} s, from its cache in {cached:.2f}")
    return "\n".join(lines)


def keep(record: dict[str, Any], out: str, name: str) -> None:
    """Write a record as `out/name.json`; nowhere if `out` is empty."""
    if out:
        Path(out).mkdir(parents=True, exist_ok=True)
        Path(out, f"{name}.json").write_text(json.dumps(record, indent=2) + "\n")


class Floors(NamedTuple):
    """What `--check` asks of a workload, on two quiet cores."""

    times: dict[str, float]  # a peer's time over memjax's, at least
    of_peak: float
    compile_cold: float  # seconds, at most
    compile_cached: float
    kept: float = math.inf  # time with a bar and a store, over time without, at most


def missed(record: dict[str, Any], floors: Floors) -> list[str]:
    """The floors that a record does not reach, in words."""
    found = []
    for r in record["rows"]:
        name, times = r["variant"], r["times_ours"]
        if times < floors.times.get(name, 0):
            found.append(f"{times:.2f}x {name}, below {floors.times[name]}x")
        if name == KEPT and times > floors.kept:
            found.append(f"{times:.3f}x with a bar and a store, above {floors.kept}x")
        if name == OURS and r["of_peak"] < floors.of_peak:
            found.append(f"{r['of_peak']:.1%} of peak, below {floors.of_peak:.0%}")
    for name in ("compile_cold", "compile_cached"):
        most = getattr(floors, name)
        if record.get(name, 0.0) > most:
            found.append(f"{name} {record[name]:.2f} s, above {most} s")
    return found


def benchmark(
    workload: Workload,
    variants: Sequence[Variant],
    compiling: Callable[[Workload, str], float],
    floors: Floors,
    args: argparse.Namespace,
    check_steps: int = 20,
) -> dict[str, Any]:
    """Compare, print, keep and, where asked to, check a workload."""
    wanted = chosen(variants, args)
    record = compare(workload, wanted, args.repeats, check_steps)
    if any(v.name == OURS for v in wanted):
        few = workload.shorter(2 * workload.log_every, workload.log_every)
        record |= compile_seconds(compiling, few, args.repeats)
    print(table(record), flush=True)
    keep(record, args.out, workload.name)
    if args.check and (short := missed(record, floors)):
        raise SystemExit(f"{workload.name}: " + "; ".join(short))
    return record
