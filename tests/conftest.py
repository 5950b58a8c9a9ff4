"""Every test runs on one device per core and with shapes that must match exactly.

Programs that take long to compile are shared between the processes of one session, the
commands that tests start included.
"""

import gc
import os
import shutil
import tempfile
from pathlib import Path

import jax
import pytest

import memjax as mj

HERE = str(Path(tempfile.gettempdir(), f"memjax-tests-{os.getpid()}"))
PROGRAMS = os.environ.setdefault("MEMJAX_TEST_PROGRAMS", HERE)  # of the first process
os.environ["JAX_COMPILATION_CACHE_DIR"] = PROGRAMS  # for started commands
jax.config.update("jax_disable_most_optimizations", True)  # but for sweeps
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.2"
jax.config.update("jax_compilation_cache_dir", PROGRAMS)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
jax.config.update("jax_numpy_rank_promotion", "raise")


def pytest_configure(config: pytest.Config) -> None:
    """Long tests compile sweeps as users do, short ones in less time."""
    if config.option.markexpr == "not long":
        os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
    mj.use_all_cores()


def pytest_collection_finish() -> None:
    """What is loaded by now stays; looking for garbage in traces takes long."""
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The process that all others belong to cleans up."""
    if not hasattr(session.config, "workerinput"):
        shutil.rmtree(PROGRAMS, ignore_errors=True)
