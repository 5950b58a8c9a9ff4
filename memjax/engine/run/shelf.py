"""Compiled programs on disk, so that a later process neither maps nor lowers them.

They lie in the folder of JAX's compile cache and take its place: it recognizes what is
lowered, these are recognized by what they are made from. Whoever may write there may
run code here, as with JAX's own. Only programs for CPUs are kept.
"""

import gzip
import hashlib
import os
import pickle
import platform
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental.compilation_cache import compilation_cache
from jax.experimental.serialize_executable import deserialize_and_load, serialize

from memjax.engine.asked.settings import settings, versions
from memjax.engine.planned.machines import Machine
from memjax.engine.run.prices import cache_folder

MOST = 2**30  # bytes of programs; those unused for longest go first
LIBRARY = Path(__file__).parents[2]
ONE_AT_A_TIME = threading.Lock()


def _digest(files: Iterable[Path]) -> str:
    content = hashlib.sha256()
    for file in sorted(files):
        content.update(file.read_bytes())
    return content.hexdigest()


# The rooms that a lane goes through on its way to a program, as they are imported: they
# may be edited while a process lasts.
ROOMS = ("*.py", "engine/asked/*.py", "engine/run/*.py")
SOURCE = _digest(file for room in ROOMS for file in LIBRARY.glob(room))


def place(
    fingerprint: str, layout: tuple, arguments: tuple, machine: Machine
) -> Path | None:
    """Where the program of a lane is kept, by all that it is made from.

    None where it is not: on accelerators, and where JAX keeps none, or not in a folder.
    """
    folder = jax.config.values["jax_compilation_cache_dir"]
    kept = folder and "://" not in folder
    wanted = jax.config.values["jax_enable_compilation_cache"]
    kept = kept and (wanted or ONE_AT_A_TIME.locked())
    if machine.platform != "cpu" or not kept:
        return None
    ids = [device.id for device in machine.jax_devices]
    made_for = fingerprint, layout, arguments, machine.options, ids
    asked = *made_for, sorted(settings().items()), *_here()
    name = hashlib.sha256(repr(asked).encode()).hexdigest()
    return cache_folder() / "programs" / name


def least() -> float:
    """The seconds that a program takes to make, from which on it is kept."""
    return jax.config.values["jax_persistent_cache_min_compile_time_secs"]


@cache
def _here() -> tuple:
    """Who compiles, and for which processor."""
    return SOURCE, sorted(versions().items()), _processor(), os.cpu_count()


def _processor() -> str:
    """What a processor can do, in its own words; else which computer this is."""
    try:
        told = Path("/proc/cpuinfo").read_text().partition("\n\n")[0].splitlines()
    except OSError:
        told = []
    kinds = ("model name", "flags", "Features", "CPU implementer", "CPU part")
    words = [line for line in told if line.startswith(kinds)]
    return "\n".join([platform.machine(), *(words or [platform.node()])])


@contextmanager
def anew() -> Iterator[None]:
    """What is compiled here is not from JAX's compile cache, nor written there, too.

    XLA cannot write a program for CPUs that it has itself read: files of it load, and
    lack functions when they are called (jaxlib 0.10).
    """
    with ONE_AT_A_TIME:
        _use_jaxs_cache(False)
        try:
            yield
        finally:
            _use_jaxs_cache(True)


def _use_jaxs_cache(wanted: bool) -> None:
    jax.config.update("jax_enable_compilation_cache", wanted)
    compilation_cache.reset_cache()  # it asks for the setting only once


def keep(compiled: Any, file: Path) -> None:
    """Keep a program, if it can be kept and there is room for it."""
    try:
        program, _, returns = serialize(compiled)
    except (ValueError, NotImplementedError):
        return
    # Places instead of arrays: JAX's structures themselves do not go into files.
    returned = jax.tree.unflatten(returns, range(returns.num_leaves))
    content = gzip.compress(pickle.dumps((program, returned)), 1)  # and a checksum
    draft = file.with_suffix(f".{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        draft.replace(file)
        _make_room(file.parent)
    except OSError:
        pass  # compiled again by the next process, then


def _make_room(folder: Path) -> None:
    """Remove the programs that were not used for longest, while there are too many."""
    files = [(file, file.stat()) for file in folder.iterdir()]
    held = sum(told.st_size for _, told in files)
    for file, told in sorted(files, key=lambda f: f[1].st_mtime):
        if held <= MOST:
            break
        file.unlink(missing_ok=True)
        held -= told.st_size


def kept(file: Path, arguments: tuple, machine: Machine) -> Any:
    """The program that is kept; None where there is none that is whole."""
    if not file.exists():
        return None
    _load_lapack()
    takes = jax.tree.structure((jax.tree.unflatten(arguments[1], arguments[0]), {}))
    try:
        program, returned = pickle.loads(gzip.decompress(file.read_bytes()))
        returns, on = jax.tree.structure(returned), machine.jax_devices
        found = deserialize_and_load(program, takes, returns, execution_devices=on)
    except Exception:  # whatever it is, the program can be compiled
        return None
    with suppress(OSError):  # the folder may be another's
        os.utime(file)
    return found


@cache
def _load_lapack() -> None:
    """Have JAX find scipy's LAPACK, which it does where a call of it is lowered.

    A program that is read, and calls what was not found, ends the process.
    """
    one = jax.ShapeDtypeStruct((1, 1), np.float32)
    jax.jit(jax.lax.linalg.cholesky).lower(one)
