"""Variants of one workload, checked equal and then timed in turns."""

import json
import multiprocessing
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Variant(NamedTuple):
    """One way to do a workload: `prepare()` compiles and returns `run()`.

    `run()` does `share` of the workload (fewer steps, or fewer runs) and returns a
    number per run that all variants agree on.
    """

    name: str
    prepare: Callable[[], Callable[[], np.ndarray]]
    share: float = 1.0


class Timing(NamedTuple):
    """The seconds of a whole workload, from a share of it, and what came first."""

    name: str
    seconds: float  # median, scaled up to the whole workload
    fastest: float
    slowest: float
    prepare: float  # compiling and warming up
    share: float


def in_turns(
    variants: Sequence[Variant], repeats: int, rtol: float = 2e-3
) -> list[Timing]:
    """Each variant's time, measured A B C A B C …, after all have agreed."""
    runs, spent, answers = {}, {}, {}
    for variant in variants:
        began = time.perf_counter()
        runs[variant.name] = variant.prepare()
        answers[variant.name] = runs[variant.name]()
        spent[variant.name] = time.perf_counter() - began
    _agree(answers, rtol)
    seconds: dict[str, list[float]] = {v.name: [] for v in variants}
    for _ in range(repeats):
        for variant in variants:
            began = time.perf_counter()
            runs[variant.name]()
            seconds[variant.name].append(time.perf_counter() - began)
    return [
        Timing(
            v.name,
            statistics.median(seconds[v.name]) / v.share,
            min(seconds[v.name]) / v.share,
            max(seconds[v.name]) / v.share,
            spent[v.name],
            v.share,
        )
        for v in variants
    ]


def _agree(answers: dict[str, np.ndarray], rtol: float) -> None:
    """All variants that ran the same runs for as many steps found the same."""
    groups: dict[tuple, list] = {}
    for name, answer in answers.items():
        groups.setdefault(np.shape(answer), []).append((name, np.asarray(answer)))
    for (first, reference), *others in groups.values():
        for name, answer in others:
            np.testing.assert_allclose(
                answer, reference, rtol=rtol, err_msg=f"{name} against {first}"
            )


# --- the machine --------------------------------------------------------------------

PEAK_LOOP = """
#include <immintrin.h>
#include <stdio.h>
#include <time.h>
int main(void) {
#ifdef __AVX512F__
  __m512 a[12]; __m512 b = _mm512_set1_ps(0.999f), c = _mm512_set1_ps(1e-7f);
  const int width = 16;
#define FMA _mm512_fmadd_ps
#define SET _mm512_set1_ps
#define SUM _mm512_reduce_add_ps
#else
  __m256 a[12]; __m256 b = _mm256_set1_ps(0.999f), c = _mm256_set1_ps(1e-7f);
  const int width = 8;
#define FMA _mm256_fmadd_ps
#define SET _mm256_set1_ps
#define SUM(x) ((float *)&x)[0]
#endif
  struct timespec t0, t1; double best = 0; volatile float keep = 0;
  for (int rep = 0; rep < 5; rep++) {
    for (int i = 0; i < 12; i++) a[i] = SET(i * 1e-3f);
    clock_gettime(CLOCK_MONOTONIC, &t0);
    const long n = 10000000;
    for (long k = 0; k < n; k++)
      for (int i = 0; i < 12; i++) a[i] = FMA(a[i], b, c);
    clock_gettime(CLOCK_MONOTONIC, &t1);
    for (int i = 0; i < 12; i++) keep += SUM(a[i]);
    double s = t1.tv_sec - t0.tv_sec + (t1.tv_nsec - t0.tv_nsec) * 1e-9;
    double g = n * 12.0 * width * 2 / s / 1e9;
    if (g > best) best = g;
  }
  printf("%f\\n", best);
  return 0;
}
"""


def peak() -> tuple[float, str]:
    """The GF/s of all cores, and how it was measured.

    A loop of fused multiply-adds in C, one process a core, where a compiler is at hand;
    else the best matrix product of JAX.
    """
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, "peak.c"), Path(folder, "peak")
        source.write_text(PEAK_LOOP)
        flags = ["-O3", "-march=native", "-funroll-loops"]
        try:
            subprocess.run(
                ["cc", *flags, str(source), "-o", str(program)],
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError):
            return _best_product(), "best sgemm"
        copies = [
            subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
            for _ in range(cores)
        ]
        return sum(float(p.communicate()[0]) for p in copies), "FMA loop"


def _best_product() -> float:
    a = jnp.ones((2048, 2048))
    product = jax.jit(lambda a: a @ a)
    product(a).block_until_ready()
    times = []
    for _ in range(10):
        began = time.perf_counter()
        product(a).block_until_ready()
        times.append(time.perf_counter() - began)
    return 2 * 2048**3 / min(times) / 1e9


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    model = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = [line.split(":")[1].strip() for line in lines if "model name" in line]
        model = names[0] if names else model
    gflops, how = peak()
    return {
        "device": jax.devices()[0].device_kind,
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "jax": jax.__version__,
        "peak_gflops": round(gflops, 1),
        "peak_by": how,
    }


# --- processes ----------------------------------------------------------------------


class Pool:
    """One pinned process a core, each doing its share of a workload's runs."""

    def __init__(self) -> None:
        self.cores = sorted(os.sched_getaffinity(0))
        context = multiprocessing.get_context("spawn")
        self.pipes, self.workers = [], []
        for core in self.cores:
            here, there = context.Pipe()
            worker = context.Process(target=_serve, args=(there, core), daemon=True)
            worker.start()
            self.pipes.append(here)
            self.workers.append(worker)

    def map(self, function: Callable, shares: Sequence[tuple]) -> list:
        """`function(*share)` on each core, side by side."""
        for pipe, share in zip(self.pipes, shares, strict=True):
            pipe.send((function, share))
        answers = [pipe.recv() for pipe in self.pipes]
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers


def _serve(pipe: Any, core: int) -> None:
    os.sched_setaffinity(0, {core})
    while True:
        function, share = pipe.recv()
        try:
            pipe.send(function(*share))
        except Exception as error:
            pipe.send(error)


# --- what is printed ----------------------------------------------------------------


def report(
    workload: str,
    timings: Sequence[Timing],
    work: float,
    ours: str,
    out: str,
    more: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Print the table of a workload of so many GFLOP, and keep it as JSON."""
    where = machine()
    mine = next(t for t in timings if t.name == ours)
    rows = [
        {
            "variant": t.name,
            "seconds": round(t.seconds, 3),
            "range": [round(t.fastest, 3), round(t.slowest, 3)],
            "times_ours": round(t.seconds / mine.seconds, 3),
            "gflops": round(work / t.seconds, 1),
            "share_of_peak": round(work / t.seconds / where["peak_gflops"], 3),
            "first_call_seconds": round(t.prepare, 2),
            "extrapolated_from": t.share,
        }
        for t in timings
    ]
    print(f"{workload}: {work:.0f} GFLOP; {where}")
    print(
        f"{'variant':34s} {'seconds':>9s} {'x ours':>7s} {'of peak':>8s} {'share run':>10s}"
    )
    for row in rows:
        print(
            f"{row['variant']:34s} {row['seconds']:9.2f} {row['times_ours']:7.2f} "
            f"{row['share_of_peak']:8.1%} {row['extrapolated_from']:10.3g}"
        )
    record = {"workload": workload, "machine": where, "rows": rows, **(more or {})}
    if out:
        path = Path(out)
        path.mkdir(parents=True, exist_ok=True)
        (path / f"{workload}.json").write_text(json.dumps(record, indent=2))
    return record
