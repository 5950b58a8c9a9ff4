"""Processes that variants live in, and the machine they run on."""

import contextlib
import multiprocessing
import os
import platform
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.workload import Workload, dealt

# Several processes share an accelerator, so none may take all of its memory.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")


def cores() -> list[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


class Worker:
    """A fresh process that calls what it is sent, pinned to a core or free."""

    def __init__(self, core: int | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, there = context.Pipe()
        self.process = context.Process(target=_serve, args=(there, core), daemon=True)
        self.process.start()
        there.close()  # so that a dead worker is an EOFError here, not a wait

    def send(self, function: Callable, *arguments: Any) -> None:
        self.pipe.send((function, arguments))

    def receive(self) -> Any:
        answer = self.pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def call(self, function: Callable, *arguments: Any) -> Any:
        self.send(function, *arguments)
        return self.receive()

    def close(self) -> None:
        self.pipe.close()
        self.process.join(10)
        if self.process.is_alive():
            self.process.terminate()


def _serve(pipe: Any, core: int | None) -> None:
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    with contextlib.suppress(EOFError):
        while True:
            function, arguments = pipe.recv()
            try:
                pipe.send(function(*arguments))
            except Exception as error:
                pipe.send(RuntimeError(f"{type(error).__name__}: {error}"))


@contextlib.contextmanager
def worker() -> Iterator[Worker]:
    """A worker that is gone afterwards."""
    made = Worker()
    try:
        yield made
    finally:
        made.close()


class Team:
    """One process, or one pinned to each core, among which the runs are dealt."""

    def __init__(self, pinned: bool) -> None:
        self.workers = [Worker(c) for c in cores()] if pinned else [Worker()]
        self.hands: list[list[int]] = []

    def prepare(self, prepare: Callable, workload: Workload) -> None:
        """Make everybody ready for his share of a workload."""
        hands = dealt([run.rows for run in workload.runs], len(self.workers))
        self.hands = [sorted(hand) for hand in hands]
        shares = [workload.only(hand) for hand in self.hands]
        for one, share in zip(self.workers, shares, strict=True):
            one.send(_prepare, prepare, share)
        for one in self.workers:
            one.receive()

    def run(self) -> tuple[float, dict[int, Any]]:
        """The seconds until the last one was done, and the answer for each run."""
        began = time.perf_counter()
        for one in self.workers:
            one.send(_run)
        found = [one.receive() for one in self.workers]
        seconds = time.perf_counter() - began
        pairs = zip(self.hands, found, strict=True)
        return seconds, {
            i: row for hand, rows in pairs for i, row in zip(hand, rows, strict=True)
        }

    def close(self) -> None:
        for one in self.workers:
            one.close()


ready: list[Callable] = []  # what this worker process does next, when told to run


def _prepare(prepare: Callable, workload: Workload) -> None:
    ready[:] = [prepare(workload) if workload.runs else list]


def _run() -> Any:
    return ready[0]()


def peak_memory() -> float:
    """The most MiB that this process has held."""
    status = Path("/proc/self/status")
    if status.exists():  # the resource module would count a parent before `exec` too
        lines = status.read_text().splitlines()
        return next(int(x.split()[1]) for x in lines if x.startswith("VmHWM")) / 2**10
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if platform.system() == "Darwin" else 2**10)


# --- the machine --------------------------------------------------------------------


def machine() -> dict[str, Any]:
    """What the numbers are measured on."""
    with worker() as fresh:
        return {"cpu": _cpu(), "cores": len(cores()), **fresh.call(_libraries)}


def _cpu() -> str:
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.exists() else []
    named = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return named[0] if named else platform.processor()


def _libraries() -> dict[str, Any]:
    import jax

    found = {"device": jax.devices()[0].device_kind, "jax": jax.__version__}
    with contextlib.suppress(ImportError):
        import torch

        found["torch"] = torch.__version__
    return found


def peak(device: str) -> tuple[float, str]:
    """The most GF/s that the machine is seen to do now, and how that was measured.

    On a CPU a loop of fused multiply-adds in C, one process a core, where a compiler is
    at hand; else the best of JAX's single-precision matrix products.
    """
    if device == "cpu":
        with tempfile.TemporaryDirectory() as folder:
            program = _compiled(Path(folder))
            if program is not None:
                return _together(program), "FMA loop in C"
    with worker() as fresh:
        return fresh.call(_best_product), "best sgemm of JAX"


def _compiled(folder: Path) -> Path | None:
    source = Path(__file__).with_name("peak.c")
    command = ["cc", "-O3", "-march=native", "-funroll-loops", str(source)]
    try:
        subprocess.run(
            [*command, "-o", str(folder / "peak")], check=True, capture_output=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return folder / "peak"


def _together(program: Path) -> float:
    started: Sequence[subprocess.Popen] = [
        subprocess.Popen([program], stdout=subprocess.PIPE, text=True) for _ in cores()
    ]
    return sum(float(one.communicate()[0]) for one in started)


def _best_product() -> float:
    import jax
    import jax.numpy as jnp

    best = 0.0
    for size in (1024, 2048, 4096):
        a = jnp.ones((size, size))
        product = jax.jit(lambda a: jnp.matmul(a, a, precision="highest"))
        product(a).block_until_ready()
        for _ in range(5):
            began = time.perf_counter()
            product(a).block_until_ready()
            best = max(best, 2e-9 * size**3 / (time.perf_counter() - began))
    return best
