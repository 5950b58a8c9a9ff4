"""Which devices a sweep runs on."""

import importlib
import os
import warnings

import jax
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh
from threadpoolctl import ThreadpoolController


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


def lane_mesh() -> Mesh:
    """The devices of this process in a row, along the mesh axis `lane`.

    Other processes have lanes of their own: no lane needs a device elsewhere.
    """
    devices = jax.local_devices()
    axis = (AxisType.Auto,)
    return jax.make_mesh((len(devices),), ("lane",), axis_types=axis, devices=devices)


def wait_for_all(shard: tuple[int, int]) -> None:
    """Wait for the other processes, where the shares of a sweep are one a process."""
    if jax.process_count() > 1 and shard == (jax.process_index(), jax.process_count()):
        multihost_utils.sync_global_devices("memjax sweep")
