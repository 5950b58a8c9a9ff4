"""Which devices a sweep runs on, and how programs are compiled for them."""

import importlib
import os
import re
import warnings
from typing import Any

import jax
from jax.experimental import multihost_utils
from threadpoolctl import ThreadpoolController

from memjax.engine.planned.machines import (
    GIB,
    GRAPHS,
    IN_GRAPHS,
    SHARE,
    Machine,
    accelerator,
    cpu,
)
from memjax.engine.run import prices

LEVEL = "xla_backend_optimization_level"
PASSES = "xla_disable_hlo_passes"
EQUAL_BITS = "xla_gpu_exclude_nondeterministic_ops"
SHARING = "cpu-parallel-task-assigner"  # splits loops over the threads of all devices


def use_all_cores() -> int:
    """The number of devices, after giving JAX one CPU device per usable core.

    Call it once, before anything runs on a device: lanes spread over devices two to
    three times better than over the threads of one. A number of devices that the user
    has set (`JAX_NUM_CPU_DEVICES`, `jax_num_cpu_devices` or XLA's host-device flag) is
    left alone, and accelerators are not touched. Scipy's LAPACK, which JAX calls, is
    set to one thread, unless `OPENBLAS_NUM_THREADS` says otherwise.
    """
    asked = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if not asked and jax.config.values["jax_num_cpu_devices"] == -1:
        try:
            jax.config.update("jax_num_cpu_devices", _usable_cores())
            _one_lapack_thread()
        except RuntimeError:
            warnings.warn(
                "JAX has already started; call use_all_cores() before the first "
                "computation to get one device per core",
                stacklevel=2,
            )
    return jax.device_count()


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _one_lapack_thread() -> None:
    """Solves of several devices at once, each with threads of its own, take twice as
    long. The variable alone would come too late: scipy reads it when it is imported.
    """
    if "OPENBLAS_NUM_THREADS" in os.environ:
        return
    importlib.import_module("scipy.linalg.cython_lapack")  # loads its library
    for library in ThreadpoolController().select(user_api="blas").lib_controllers:
        if "numpy" not in library.filepath.rpartition("site-packages")[2]:
            library.set_num_threads(1)


def here() -> Machine:
    """The devices of this process.

    Other processes have lanes of their own: no lane needs a device elsewhere.
    """
    devices = tuple(jax.local_devices())
    first, count = devices[0], len(devices)
    if first.platform == "cpu":
        machine = cpu(count, options=_cpu_options(count), jax_devices=devices)
    else:
        told = first.memory_stats() or {}
        memory = int(SHARE * told.get("bytes_limit", GIB))
        options = _gpu_options() if first.platform == "gpu" else ()
        kind = first.device_kind
        machine = accelerator(kind, first.platform, count, memory, options, devices)
    return machine._replace(prices=prices.measured(machine))


def _gpu_options() -> tuple[tuple[str, Any], ...]:
    """How to compile for a GPU: as one graph, and of kernels that give equal bits.

    What the user's own flags say stays.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    wanted = {GRAPHS: IN_GRAPHS, EQUAL_BITS: True}
    return tuple((name, v) for name, v in wanted.items() if name not in flags)


def _cpu_options(devices: int) -> tuple[tuple[str, Any], ...]:
    """How to compile for a CPU: at LLVM's second level of three, devices apart.

    That level takes half the time, and the programs run as fast: their products are
    XLA's kernels, not LLVM's loops. A level in the user's own flags stays.

    Several devices do not share their loops. A device with its own loop to walk leaves
    shares of others', long done, in its queue; when that is full, some products of
    Eigen's run in an order that overwrites a factor they still need, and are wrong
    (jaxlib 0.10; `test_products_on_all_devices_are_right`).
    """
    flags = os.environ.get("XLA_FLAGS", "")
    options: dict[str, Any] = {} if LEVEL in flags else {LEVEL: 2}
    if devices > 1:
        theirs = re.findall(rf"--{PASSES}=(\S+)", flags)
        options[PASSES] = ",".join([*theirs, SHARING])
    return tuple(options.items())


def wait_for_all() -> None:
    """Wait for the other processes of a `jax.distributed` job."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices("memjax sweep")
