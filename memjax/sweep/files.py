"""Files that are whole or not there, and that tell when they are damaged."""

import io
import json
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

DAMAGE = (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile)


def make_writable(path: Path) -> None:
    """Make a directory and prove that files can be written there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OSError(f"cannot write to {path}: {error.strerror}") from None


def write(file: Path, how: Callable[[Path], Any]) -> None:
    """Write a file whole or not at all: `how` fills a draft, which is renamed."""
    draft = file.with_name(f".draft-{os.getpid()}-{file.name}")
    try:
        how(draft)
        with open(draft, "rb") as done:
            os.fsync(done.fileno())
        os.replace(draft, file)
    except OSError as error:
        what = error.strerror or str(error)
        raise OSError(
            f"cannot write {file}: {what}; what is finished is kept"
        ) from None
    finally:
        draft.unlink(missing_ok=True)


def write_arrays(file: Path, header: dict, arrays: dict[str, np.ndarray]) -> None:
    """Arrays and a JSON header as one npz file, whose checksums guard its content."""
    buffer = io.BytesIO()
    everything: dict[str, Any] = {"header": np.array(json.dumps(header)), **arrays}
    np.savez(buffer, **everything)
    write(file, lambda draft: draft.write_bytes(buffer.getbuffer()))


def read_arrays(file: Path) -> tuple[dict, dict[str, Any]] | None:
    """What `write_arrays` wrote; None, and a word about it, where it is damaged."""
    if not file.exists():
        return None
    try:
        with np.load(file) as saved:
            arrays = {n: saved[n] for n in saved.files}
        return json.loads(str(arrays.pop("header"))), arrays
    except DAMAGE as error:
        aside = file.with_suffix(".damaged")
        file.replace(aside)
        print(f"{aside} is damaged ({error}); it is computed again", file=sys.stderr)
        return None
