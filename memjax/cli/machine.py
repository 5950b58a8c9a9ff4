"""What a command asks of the machine: shares of the work, and a compile cache."""

import contextlib
import os
import platform
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import jax
from absl.flags import FlagValues

from memjax.engine import BadValue
from memjax.engine.run.prices import cache_folder


def workers(values: FlagValues) -> AbstractContextManager[Any]:
    """A client of the dask scheduler that the flags name; None without."""
    if not values.scheduler:
        return contextlib.nullcontext()
    try:
        from distributed import Client  # an extra, and a second to import
    except ImportError:
        raise BadValue("scheduler", "needs dask: pip install 'memjax[dask]'") from None
    try:
        return Client(values.scheduler, timeout="20s")
    except (OSError, ValueError) as error:
        problem = f"no scheduler answers at {values.scheduler} ({error})"
        raise BadValue("scheduler", problem) from None


SLURM = (
    "SLURM_ARRAY_TASK_COUNT",
    "SLURM_ARRAY_TASK_ID",
    "SLURM_ARRAY_TASK_MIN",
    "SLURM_STEP_NUM_TASKS",
    "SLURM_PROCID",
)


def shares(values: FlagValues) -> tuple[int, int] | None:
    """Which share of the lanes is this process's; None is one share a JAX process.

    `--distributed` joins the processes of `jax.distributed`. Independent shares come
    from `--shard_index` and `--num_shards`, from a SLURM array, from the tasks of an
    `srun`, or from those of each task of an array.
    """
    if values.distributed:
        jax.distributed.initialize(
            values.coordinator or None,
            values.num_processes or None,
            values.process_id if values.coordinator else None,
        )
        return None
    found, of = _slurm_share()
    count, index = values.num_shards or of, values.shard_index
    if index < 0:
        if of == 1 and count > 1:
            raise BadValue("shard_index", f"say which of the shares 0 to {count - 1}")
        index = found
    if not 0 <= index < count:
        raise BadValue("shard_index", f"must be 0 to {count - 1}, got {index}")
    return index, count


def _slurm_share() -> tuple[int, int]:
    """Which of how many SLURM tasks this is: of an array, an `srun` or of both."""
    of = {n: int(v) for n, v in os.environ.items() if n in SLURM and v.isdigit()}
    arrays = of.get("SLURM_ARRAY_TASK_COUNT", 1)
    array = of.get("SLURM_ARRAY_TASK_ID", 0) - of.get("SLURM_ARRAY_TASK_MIN", 0)
    tasks = of.get("SLURM_STEP_NUM_TASKS", 1)  # only there in what `srun` has started
    task = of.get("SLURM_PROCID", 0) if tasks > 1 else 0
    return array * tasks + task, arrays * tasks


def processor() -> str:
    """The name of this machine's processor."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def use_compile_cache(wanted: bool) -> None:
    """Keep compiled programs in the user's cache, unless he has set one himself."""
    if wanted and jax.config.values["jax_compilation_cache_dir"] is None:
        jax.config.update("jax_compilation_cache_dir", str(cache_folder()))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
