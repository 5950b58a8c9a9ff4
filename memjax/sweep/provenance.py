"""What a result needs beside it to be trusted a year later."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

PACKAGES = ("memjax", "jax", "jaxlib", "flax", "optax", "numpy", "xarray")
ENVIRONMENT = (
    "JAX_PLATFORMS",
    "JAX_ENABLE_X64",
    "JAX_DEFAULT_MATMUL_PRECISION",
    "JAX_NUM_CPU_DEVICES",
    "JAX_COMPILATION_CACHE_DIR",
    "JAX_DEBUG_NANS",
    "XLA_FLAGS",
    "XLA_PYTHON_CLIENT_PREALLOCATE",
    "XLA_PYTHON_CLIENT_MEM_FRACTION",
    "SLURM_ARRAY_TASK_ID",
    "SLURM_ARRAY_TASK_COUNT",
)  # nothing else of the environment is recorded


def numerics() -> dict[str, Any]:
    """The settings that decide the last digits; part of a question's identity."""
    return {
        "float": str(jnp.zeros(()).dtype),
        "matmul_precision": jax.config.values["jax_default_matmul_precision"],
        "random": jax.config.values["jax_default_prng_impl"],
        "platform": jax.default_backend(),
    }


def provenance() -> dict[str, Any]:
    """Versions, devices, settings and the state of the code, taken now."""
    return {
        "packages": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "machine": platform.machine(),
        "devices": [d.device_kind for d in jax.devices()],
        "processes": jax.process_count(),
        "numerics": numerics(),
        "environment": {n: os.environ[n] for n in ENVIRONMENT if n in os.environ},
        "git": git_state(Path(__file__).parent),
    }


def git_state(folder: Path) -> dict[str, Any]:
    """The commit that holds `folder` and whether it is changed; None where unknown."""
    commit = _git(folder, "rev-parse", "HEAD")
    status = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": None if status is None else bool(status)}


def _git(folder: Path, *words: str) -> str | None:
    try:
        ran = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ran.stdout.strip() if ran.returncode == 0 else None


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
