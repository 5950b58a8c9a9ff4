"""The settings and versions that a question is asked under."""

import importlib.metadata
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp

LAYOUT = ("--xla_force_host_platform_device_count", "--xla_dump")


@contextmanager
def precisely(float64: bool) -> Iterator[None]:
    """Double precision where it is asked for, and full precision in products.

    Accelerators would multiply float32 in fewer bits. What the user has chosen himself
    stays.
    """
    chosen = jax.config.values["jax_default_matmul_precision"]
    with ExitStack() as settings:
        if float64:
            settings.enter_context(jax.enable_x64(True))
        if chosen is None:
            settings.enter_context(jax.default_matmul_precision("highest"))
        yield


def numerics() -> dict[str, Any]:
    """The settings that decide the last digits; part of a question's identity."""
    return {
        "float": str(jnp.result_type(float)),
        "matmul_precision": jax.config.values["jax_default_matmul_precision"],
        "random": jax.config.values["jax_default_prng_impl"],
        "threefry_partitionable": jax.config.values["jax_threefry_partitionable"],
        "platform": jax.default_backend(),
        "xla_flags": _flags_of_numbers(),
    }


def settings() -> dict[str, Any]:
    """JAX's settings in this thread, but those of caches."""
    return {n: v for n, v in jax.config.values.items() if "cache" not in n}


def _flags_of_numbers() -> str:
    """XLA's flags, but those that only lay out devices or write files."""
    given = sorted(os.environ.get("XLA_FLAGS", "").split())
    return " ".join(f for f in given if not f.startswith(LAYOUT))


def versions() -> dict[str, Any]:
    """The packages whose programs compute the numbers; scipy brings LAPACK."""
    return {name: version(name) for name in ("jax", "jaxlib", "scipy")}


@cache
def version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
