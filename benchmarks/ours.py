"""memjax's own variant: the public call, nothing else."""

import json
import os
import tempfile
import threading
from collections.abc import Callable
from contextlib import redirect_stderr, suppress
from typing import Any

import jax
import numpy as np
import xarray as xr

import memjax as mj
from benchmarks.workload import Workload


def sweep(run: Callable, workload: Workload, **options: Any) -> xr.Dataset:
    """The whole grid, from numbers to labelled results."""
    steps: dict[str, Any] = {"steps": workload.steps, "log_every": workload.log_every}
    return mj.sweep(run, **workload.axes, **steps, **options)


def memjax(
    run: Callable, answers: Callable[[xr.Dataset], np.ndarray], workload: Workload
) -> Any:
    """The variant: later calls find the compiled program of the first."""
    mj.use_all_cores()
    return lambda: answers(sweep(run, workload))


def kept(
    run: Callable, answers: Callable[[xr.Dataset], np.ndarray], workload: Workload
) -> Any:
    """The same with a bar, on a terminal that nobody sees, and an empty store."""
    mj.use_all_cores()
    read, write = os.openpty()
    threading.Thread(target=_drain, args=(read,), daemon=True).start()
    terminal = open(write, "w")

    def once() -> np.ndarray:
        with redirect_stderr(terminal), tempfile.TemporaryDirectory() as folder:
            return answers(sweep(run, workload, store=folder, progress=True))

    return once


def _drain(terminal: int) -> None:
    with suppress(OSError):  # nobody writes any more
        while os.read(terminal, 4096):
            pass


def spent(found: xr.Dataset) -> dict[str, float]:
    """The seconds that a sweep says it took: `compile_seconds` and `run_seconds`."""
    return json.loads(found.attrs["provenance"])


def compiling(run: Callable, workload: Workload, cache: str) -> float:
    """The seconds of compiling, with a persistent cache in a directory."""
    mj.use_all_cores()
    jax.config.update("jax_compilation_cache_dir", cache)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    return spent(sweep(run, workload))["compile_seconds"]
