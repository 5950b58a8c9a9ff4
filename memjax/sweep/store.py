"""A sweep on disk: plans, finished blocks, and the state of one that is under way.

Every file is written beside its place and renamed, so none is ever half there. A block
file holds the names of its lanes, so finished work is found again whatever was asked
for in between, and files of several processes lie side by side.
"""

import fcntl
import io
import json
import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from memjax.core import Named
from memjax.sweep.engine import Outcome
from memjax.sweep.grid import Grid, label
from memjax.sweep.identity import difference
from memjax.sweep.plan import Block, Plan

FORMAT = 1  # of the files; a store of another format is refused
WAY_OUT = "; choose another place, or delete what is there"
DAMAGE = (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile)


class Refused(Exception):
    """Going on would mix or lose results."""


class Shard(NamedTuple):
    """One of several processes that share a sweep's lanes."""

    which: int
    of: int

    def __str__(self) -> str:
        return f"{self.which}of{self.of}"


class Planned(NamedTuple):
    """A block of a stored plan, its lanes by name."""

    name: str
    keys: list[str]
    real: np.ndarray
    chunk: int
    legs: int | None
    seconds: float
    devices: int


class Segments(NamedTuple):
    """How far a block has come: legs done, what was logged, the state to go on from."""

    done: int
    keys: list[str]
    outcome: Outcome
    state: list[np.ndarray]


class Store:
    """The directory of one sweep, of which `shard` tells the files of this process."""

    def __init__(self, path: str | Path, shard: Shard) -> None:
        self.path, self.shard = Path(path), shard

    @contextmanager
    def opened(self, question: dict[str, Any]) -> Iterator[None]:
        """Hold the directory for this question, and against a second process."""
        make_writable(self.path)
        with open(self.path / f".lock-{self.shard}", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Refused(f"another process is at work in {self.path}") from None
            if not self._question.exists():
                text = json.dumps({"format": FORMAT, **question}, indent=2)
                write(self._question, lambda draft: draft.write_text(text))
            self.check(question)
            yield

    @property
    def _question(self) -> Path:
        return self.path / "question.json"

    def check(self, question: dict[str, Any]) -> None:
        """Refuse to mix with, or to read, what answers another question."""
        if not self._question.exists():
            raise Refused(f"{self.path} holds no sweep")
        stored = json.loads(self._question.read_text())
        found = difference(stored, {"format": FORMAT, **question})
        if found:
            problem = f"{self.path} answers another question ({'; '.join(found)})"
            raise Refused(problem + WAY_OUT)

    # --- plans ---

    def add_plan(self, grid: Grid, plan: Plan) -> None:
        """Keep a plan, so that what resumes it computes the same blocks."""
        blocks = [
            {
                "keys": grid.keys(block.lanes),
                "real": block.real.tolist(),
                "chunk": block.chunk,
                "legs": block.legs,
                "seconds": block.seconds,
            }
            for block in plan.blocks
        ]
        axes = {
            d: {n: [label(v) for v in vs] for n, vs in c.items()}
            for d, c in grid.axes.items()
        }
        record = {"axes": axes, "devices": plan.devices, "blocks": blocks}
        file = self.path / f"plan-{self.shard}-{len(self._plan_files()):03d}.json"
        write(file, lambda draft: draft.write_text(json.dumps(record)))

    def planned(self) -> list[Planned]:
        """The blocks of this process's plans, finished or not."""
        return [
            Planned(
                f"{file.stem.removeprefix('plan-')}-{i:05d}",
                b["keys"],
                np.array(b["real"]),
                b["chunk"],
                b["legs"],
                b["seconds"],
                plan["devices"],
            )
            for file in self._plan_files()
            for plan in [json.loads(file.read_text())]
            for i, b in enumerate(plan["blocks"])
        ]

    def _plan_files(self) -> list[Path]:
        return sorted(self.path.glob(f"plan-{self.shard}-*.json"))

    # --- blocks ---

    def write_block(self, name: str, keys: list[str], outcome: Outcome) -> None:
        """Keep a finished block and forget the state on the way to it."""
        header, arrays = pack(keys, outcome)
        write_arrays(self.path / f"block-{name}.npz", header, arrays)
        (self.path / f"state-{name}.npz").unlink(missing_ok=True)

    def write_segments(self, name: str, segments: Segments) -> None:
        """Keep how far a block has come."""
        header, arrays = pack(segments.keys, segments.outcome)
        header["done"] = segments.done
        arrays |= {f"state/{i}": a for i, a in enumerate(segments.state)}
        write_arrays(self.path / f"state-{name}.npz", header, arrays)

    def segments(self, name: str) -> Segments | None:
        """How far a block has come; None where it has not begun."""
        found = read_arrays(self.path / f"state-{name}.npz")
        if found is None:
            return None
        header, arrays = found
        count = sum(n.startswith("state/") for n in arrays)
        state = [arrays[f"state/{i}"] for i in range(count)]
        return Segments(header["done"], header["keys"], unpack(header, arrays), state)

    def blocks(self) -> Iterator[tuple[list[str], Outcome]]:
        """The finished blocks of all processes: names of lanes, and their results."""
        for file in sorted(self.path.glob("block-*.npz")):
            found = read_arrays(file)
            if found is not None:
                yield found[0]["keys"], unpack(*found)

    def underway(self) -> Iterator[tuple[list[str], Outcome]]:
        """What the unfinished blocks of all processes have logged so far."""
        for file in sorted(self.path.glob("state-*.npz")):
            found = read_arrays(file)
            if found is not None:
                yield found[0]["keys"], _seen_so_far(unpack(*found))


def _seen_so_far(outcome: Outcome) -> Outcome:
    """What was logged, at the times that have come; nothing final."""
    lengths = {np.shape(v)[1] for v in jax.tree.leaves(outcome.logged)}
    return Outcome(outcome.times[: min(lengths, default=0)], outcome.logged, {}, None)


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


def pack(keys: list[str], outcome: Outcome) -> tuple[dict, dict[str, np.ndarray]]:
    """An outcome as a JSON header and plain arrays."""
    flat = {f"logged/{n}": v for n, v in outcome.logged.items()}
    flat |= {f"final/{n}": v for n, v in outcome.final.items()}
    axes = {n: v.axes for n, v in flat.items() if isinstance(v, Named)}
    arrays: dict[str, Any] = {
        n: v.value if isinstance(v, Named) else v for n, v in flat.items()
    }
    return {"keys": keys, "times": outcome.times, "axes": axes}, arrays


def unpack(header: dict, arrays: dict[str, np.ndarray]) -> Outcome:
    """The outcome that `pack` took apart."""
    parts: dict[str, dict[str, Any]] = {"logged": {}, "final": {}, "state": {}}
    for flat, value in arrays.items():
        part, _, name = flat.partition("/")
        axes = header["axes"].get(flat)
        if axes is not None:
            named = tuple((d, None if ls is None else tuple(ls)) for d, ls in axes)
            parts[part][name] = Named(value, named)  # type: ignore[arg-type]
        else:
            parts[part][name] = value
    return Outcome(tuple(header["times"]), parts["logged"], parts["final"], None)


def block_of(planned: Planned, lanes: np.ndarray) -> Block:
    """A stored block, with its lanes as indices into the grid of today."""
    return Block(0, lanes, planned.real, planned.chunk, planned.legs, planned.seconds)
