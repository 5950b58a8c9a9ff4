"""What a result needs beside it to be trusted a year later."""

import hashlib
import inspect
import os
import platform
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax

from memjax.engine.asked.settings import numerics, version
from memjax.engine.asked.trace import Moment

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
HEAD = "# branch.oid "  # what git writes before the commit


def provenance(run: Callable[..., Any], at: Moment) -> dict[str, Any]:
    """Versions, devices, settings, and the state of the code, asked once a moment.

    Of the host only a digest, by which its results are known from another's.
    """
    return {
        "packages": {name: version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "machine": platform.machine(),
        "devices": [d.device_kind for d in jax.devices()],
        "processes": jax.process_count(),
        "numerics": numerics(),
        "environment": {n: os.environ[n] for n in ENVIRONMENT if n in os.environ},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": hashlib.sha256(platform.node().encode()).hexdigest()[:8],
        "git": _git_state_at(at, _file_of(run)),
        "memjax_git": _git_state_at(at, Path(__file__)),
    }


def _file_of(run: Callable[..., Any]) -> Path | None:
    """Where a run is written; None for one that was typed at a prompt."""
    try:
        return Path(inspect.getfile(inspect.unwrap(getattr(run, "func", run))))
    except (TypeError, OSError):
        return None


@lru_cache(maxsize=64)
def _git_state_at(moment: Moment, file: Path | None) -> dict[str, Any]:
    return git_state(file)


def git_state(file: Path | None) -> dict[str, Any]:
    """The commit that holds a file, and whether it has changed since; None: unknown.

    `untracked` for a file that no commit holds.
    """
    if file is None or not file.exists():
        return {"commit": None, "dirty": None}
    tracked = _git(file.parent, "ls-files", "--error-unmatch", file.name)
    if tracked is None:
        inside = _git(file.parent, "rev-parse", "--is-inside-work-tree")
        return {"commit": None, "dirty": "untracked" if inside else None}
    asked = "status", "--porcelain=v2", "--branch", "--untracked-files=no"
    status = _git(file.parent, *asked)
    if status is None:
        return {"commit": None, "dirty": None}
    lines = status.splitlines()
    named = [line.removeprefix(HEAD) for line in lines if line.startswith(HEAD)]
    commit = None if named == ["(initial)"] else named[0]
    return {"commit": commit, "dirty": any(not li.startswith("#") for li in lines)}


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
