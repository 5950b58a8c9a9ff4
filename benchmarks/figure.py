"""The figures and the Markdown table of what `python -m benchmarks` has measured."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

PEERS = {
    "torch": "PyTorch loop, as most write it",
    "torch_expert": "PyTorch loop, as an expert writes it",
    "torch_vmap": "torch.func.vmap of everything",
    "jax_vmap": "jax.vmap of everything",
    "jax_each": "jax.jit, one run after another",
    "jax_batched": "JAX by hand, memjax's layout",
    "memjax": "memjax",
}
COLORS = ("#7a3b69", "#b0679b", "#d9a9cc", "#a9c7dd", "#6a9fc0", "#2f6f94", "#e08e2b")
Records = dict[str, dict[str, Any]]


def load(out: Path) -> Records:
    """The records in a directory, by name."""
    found = [json.loads(file.read_text()) for file in sorted(out.glob("W*.json"))]
    return {record["name"]: record for record in found}


# --- bars: the peers ----------------------------------------------------------------


def bars(records: Records) -> Figure:
    """The time of every peer over memjax's, one group of bars a workload."""
    canvas = Figure(figsize=(9, 3.8), layout="constrained")
    axis = canvas.subplots()
    works = [r for r in records.values() if "gflop" in r]
    shown = [
        n for n in PEERS if any(n == r["variant"] for w in works for r in w["rows"])
    ]
    width = 0.84 / max(1, len(shown))
    for i, name in enumerate(shown):
        draw_peer(axis, works, name, (i - (len(shown) - 1) / 2) * width, width)
    titles = [
        f"{w['name']} {w['title']}\n{w['runs']} runs × {w['steps']} steps"
        for w in works
    ]
    axis.set_xticks(range(len(works)), titles)
    axis.axhline(1, color="0.3", lw=0.8, zorder=0)
    axis.set(yscale="log", ylabel="time, in units of memjax's")
    axis.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}×"))
    axis.margins(y=0.12)
    axis.spines[["top", "right"]].set_visible(False)
    canvas.legend(loc="outside right center", frameon=False, fontsize=8)
    return canvas


def draw_peer(axis: Axes, works: list, name: str, shift: float, width: float) -> None:
    """One peer's bars, from 1, with the range of its repeats."""
    color = COLORS[list(PEERS).index(name)]
    label = PEERS[name]
    for at, work in enumerate(works):
        row = next((r for r in work["rows"] if r["variant"] == name), None)
        if row is None:
            continue
        times, unit = row["times_ours"], row["times_ours"] / row["seconds"]
        error = np.abs(np.array([[row["fastest"]], [row["slowest"]]]) * unit - times)
        axis.bar(
            at + shift,
            times - 1,
            0.92 * width,
            bottom=1,
            color=color,
            label=label,
            yerr=error,
            error_kw={"lw": 0.8, "ecolor": "0.25"},
        )
        label = "_nolegend_"
        text = f"{times:.2f}" if times < 2 else f"{times:.3g}"
        top = max(times, row["slowest"] * unit, 1)
        axis.annotate(
            text,
            (at + shift, top),
            (0, 2),
            textcoords="offset points",
            ha="center",
            fontsize=7,
        )


# --- growth -------------------------------------------------------------------------


def growth(record: dict[str, Any]) -> Figure:
    """Time against runs and against rows, and memory, each with its straight line."""
    canvas = Figure(figsize=(11, 3.2), layout="constrained")
    time, rows, memory = canvas.subplots(1, 3)
    lanes = record["lanes"]
    steps = record["steps"]
    base = next((p for p in lanes if p["runs"] == 256), lanes[-1])
    draw_line(time, lanes, "runs", "seconds", base)
    time.set(ylabel=f"seconds for {steps} steps", xlabel="runs of 100 rows")
    draw_line(rows, record["rows"], "rows", "seconds", record["rows"][-1])
    rows.set(
        ylabel=f"seconds for {steps} steps",
        xlabel="rows of one run (one device)",
    )
    draw_line(memory, lanes, "runs", "peak_mib", base)
    memory.set(ylabel="peak memory of the process, MiB", xlabel="runs of 100 rows")
    for axis in (time, rows, memory):
        axis.set(xscale="log", yscale="log")
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=8)
    for axis in (time, memory):
        axis.set_xscale("log", base=2)
    memory.set_ylim(bottom=100)  # far below what a process with JAX in it holds
    return canvas


def draw_line(axis: Axes, points: list, x: str, y: str, base: dict[str, Any]) -> None:
    at, height = ([p[name] for p in points] for name in (x, y))
    line = [base[y] * v / base[x] for v in at]
    axis.plot(at, line, "--", color="0.6", label=f"linear through {base[x]} {x}")
    axis.plot(at, height, "o-", color=COLORS[-1], ms=4, label="memjax")


# --- the table ----------------------------------------------------------------------


def markdown(records: Records) -> str:
    """The table of benchmarks/README.md."""
    works = [r for r in records.values() if "gflop" in r]
    lines = [
        "| | " + " | ".join(f"{w['name']} {w['title']}" for w in works) + " |",
        "|---" * (len(works) + 1) + "|",
    ]
    rows = {n: [_cell(w, n) for w in works] for n in PEERS}
    lines += [
        f"| {PEERS[n]} | " + " | ".join(cells) + " |"
        for n, cells in rows.items()
        if set(cells) != {"–"}
    ]
    for title, text in FACTS.items():
        lines.append(f"| {title} | " + " | ".join(map(text, works)) + " |")
    return "\n".join([*lines, "", *map(_growth_line, _lanes(records))]) + "\n"


def _cell(work: dict[str, Any], name: str) -> str:
    """Seconds, the range of the repeats, and the ratio; ~ marks what was scaled up."""
    row = next((r for r in work["rows"] if r["variant"] == name), None)
    if row is None:
        return "–"
    mark = "~" if row["scaled_by"] else ""
    spread = f"{row['fastest']:.3g}–{row['slowest']:.3g}"
    return f"{mark}{row['seconds']:.3g} s ({spread}), {row['times_ours']:.2f}×"


def _ours(work: dict[str, Any], text: str, name: str = "memjax") -> str:
    row = next((r for r in work["rows"] if r["variant"] == name), None)
    return "–" if row is None else text.format(**row)


FACTS = {
    "memjax, runs/s": lambda w: _ours(w, "{runs_per_second:.3g}"),
    "memjax, share of peak": lambda w: _ours(w, "{of_peak:.1%}"),
    "with a bar and a store": lambda w: _ours(w, "{times_ours:.3f}×", "memjax_kept"),
    "peak, GF/s": lambda w: f"{w['peak_gflops']:.0f} ({w['peak_by']})",
    "compile cold / cached, s": lambda w: (
        f"{w['compile_cold']:.2f} / {w['compile_cached']:.2f}"
        if "compile_cold" in w
        else "–"
    ),
}


def _lanes(records: Records) -> list[dict[str, Any]]:
    return records.get("W4", {}).get("lanes", [])


def _growth_line(p: dict[str, Any]) -> str:
    return (
        f"- {p['runs']} runs: {p['runs_per_second']:.0f} runs/s, "
        f"{p['over_linear']:.2f}× the line, {p['peak_mib']:.0f} MiB"
    )


def main(argv: list[str]) -> None:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--out", default="benchmarks/results", help="where the JSON lies")
    out = Path(made.parse_args(argv).out)
    records = load(out)
    if any("gflop" in r for r in records.values()):
        bars(records).savefig(out / "peers.png", dpi=160)
    if "W4" in records:
        growth(records["W4"]).savefig(out / "growth.png", dpi=160)
    (out / "table.md").write_text(markdown(records))
    print(f"{markdown(records)}\n{out / 'table.md'}")


if __name__ == "__main__":
    main(sys.argv[1:])
