"""What a command asks of the machine: shares of the work, and a compile cache."""

import contextlib
import os
import platform
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import jax
from absl.flags import FlagValues

from memjax.engine import BadValue, use_all_cores
from memjax.engine.planned.machines import Machine, h100
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


MACHINES = {"h100": h100}
SLURM = (
    "SLURM_ARRAY_TASK_COUNT",
    "SLURM_ARRAY_TASK_ID",
    "SLURM_ARRAY_TASK_MIN",
    "SLURM_STEP_NUM_TASKS",
    "SLURM_PROCID",
)


def shares(values: FlagValues) -> tuple[int, int]:
    """Which of how many shares of the lanes is this process's.

    They come from `--shard_index` and `--num_shards`, from a SLURM array, from the
    tasks of an `srun`, from those of each task of an array, or from `jax.distributed`.
    """
    if values.distributed:
        return _share_of_a_job(values)
    take_own_gpus()
    found, of = _slurm_share()
    count, index = values.num_shards or of, values.shard_index
    if index < 0:
        if of == 1 and count > 1:
            raise BadValue("shard_index", f"say which of the shares 0 to {count - 1}")
        index = found
    if not 0 <= index < count:
        raise BadValue("shard_index", f"must be 0 to {count - 1}, got {index}")
    return index, count


def _share_of_a_job(values: FlagValues) -> tuple[int, int]:
    """Which of how many processes of a `jax.distributed` job this is.

    They start together, and each leaves when its share is done: a job that lasted would
    hold the devices of all of them until the last one ends.
    """
    jax.distributed.initialize(
        values.coordinator or None,
        values.num_processes or None,
        values.process_id if values.coordinator else None,
    )
    use_all_cores()  # the devices here start while the job tells them apart
    share = jax.process_index(), jax.process_count()
    jax.distributed.shutdown()
    return share


def take_own_gpus() -> None:
    """Let JAX see no GPUs that are other tasks'."""
    found = len([*Path("/dev").glob("nvidia[0-9]*")])
    mine = gpus_of_task(os.environ, found)
    if mine and jax.config.values["jax_cuda_visible_devices"] == "all":
        jax.config.update("jax_cuda_visible_devices", ",".join(map(str, mine)))


def gpus_of_task(told: Mapping[str, str], found: int) -> list[int]:
    """Which of the GPUs that it sees are a SLURM task's own; none where all are.

    The tasks of an `srun` on one node see all GPUs of the node's share, unless SLURM
    has bound each to some of them (`--gpus-per-task`).
    """
    seen = told.get("CUDA_VISIBLE_DEVICES")
    count = found if seen is None else len(seen.split(","))
    bound = count < int(told.get("SLURM_GPUS_ON_NODE", 0))
    tasks, local = _tasks_of_node(told), int(told.get("SLURM_LOCALID", 0))
    if bound or tasks < 2 or count < 2:
        return []
    return [*range(count)[local::tasks]] or [local % count]


def _tasks_of_node(told: Mapping[str, str]) -> int:
    """How many tasks of an `srun` are on this node: SLURM writes `2(x3),1` for four."""
    parts = re.findall(
        r"(\d+)(?:\(x(\d+)\))?", told.get("SLURM_STEP_TASKS_PER_NODE", "")
    )
    each = [int(tasks) for tasks, nodes in parts for _ in range(int(nodes or 1))]
    node = int(told.get("SLURM_NODEID", 0))
    return each[node] if node < len(each) else 1


def _slurm_share() -> tuple[int, int]:
    """Which of how many SLURM tasks this is: of an array, an `srun` or of both."""
    of = {n: int(v) for n, v in os.environ.items() if n in SLURM and v.isdigit()}
    arrays = of.get("SLURM_ARRAY_TASK_COUNT", 1)
    array = of.get("SLURM_ARRAY_TASK_ID", 0) - of.get("SLURM_ARRAY_TASK_MIN", 0)
    tasks = of.get("SLURM_STEP_NUM_TASKS", 1)  # only there in what `srun` has started
    task = of.get("SLURM_PROCID", 0) if tasks > 1 else 0
    return array * tasks + task, arrays * tasks


def machine_to_plan(values: FlagValues) -> Machine | None:
    """The machine that a dry run is for; None is the one here."""
    name = values.machine
    if not name:
        return None
    if name not in MACHINES:
        there = ", ".join(MACHINES)
        raise BadValue("machine", f"{name} is not known; there is {there}")
    if not values.dry_run:
        raise BadValue("machine", "is for plans only; add --dry_run")
    return MACHINES[name]


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
