"""memjax's own variant: the public call, nothing else."""

import json
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import xarray as xr

import memjax as mj
from benchmarks.workload import Workload


def sweep(run: Callable, workload: Workload) -> xr.Dataset:
    """The whole grid, from numbers to labelled results."""
    steps: dict[str, Any] = {"steps": workload.steps, "log_every": workload.log_every}
    return mj.sweep(run, **workload.axes, **steps)


def memjax(
    run: Callable, answers: Callable[[xr.Dataset], np.ndarray], workload: Workload
) -> Any:
    """The variant: later calls find the compiled program of the first."""
    mj.use_all_cores()
    return lambda: answers(sweep(run, workload))


def spent(found: xr.Dataset) -> dict[str, float]:
    """The seconds that a sweep says it took: `compile_seconds` and `run_seconds`."""
    return json.loads(found.attrs["provenance"])


def compiling(run: Callable, workload: Workload, cache: str) -> float:
    """The seconds of compiling, with a persistent cache in a directory."""
    mj.use_all_cores()
    jax.config.update("jax_compilation_cache_dir", cache)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    return spent(sweep(run, workload))["compile_seconds"]
