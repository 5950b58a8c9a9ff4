"""A sweep on disk: plans, finished blocks, and the state of one that is under way.

Every file is written beside its place and renamed, so none is ever half there. A block
file holds the names of its lanes and the fingerprint of the trace that made them, so
finished work is found again, and recognized, whatever was asked for in between, and
files of several processes lie side by side.
"""

import fcntl
import gzip
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from memjax.core import Named
from memjax.sweep.files import DAMAGE, make_writable, read_arrays, write, write_arrays
from memjax.sweep.grid import Grid, label
from memjax.sweep.identity import difference, record
from memjax.sweep.job import Job
from memjax.sweep.lane import Outcome
from memjax.sweep.plan import Block, Group, Plan

FORMAT = 3  # of the files; a store of an older format is only read
# Older ones may hold wrong products of several CPU devices (CHANGELOG).
WAY_OUT = "; choose another place, or delete what is there"


class Refused(Exception):
    """Going on would mix or lose results."""


def refuse(path: Path, differences: list[str]) -> None:
    """Refuse a place that answers another question than is asked."""
    if differences:
        found = "; ".join(differences)
        raise Refused(f"{path} answers another question ({found}){WAY_OUT}")


class Shard(NamedTuple):
    """One of several processes that share a sweep's lanes."""

    which: int
    of: int

    def __str__(self) -> str:
        return f"{self.which}of{self.of}"


class Made(NamedTuple):
    """By what lanes were made: the trace of their run, and the bounds it had."""

    trace: str
    bounds: dict[str, int]


class Kept(NamedTuple):
    """Lanes of a finished block, by name, or of one that is under way."""

    keys: list[str]
    outcome: Outcome
    made: Made | None  # None in files of an older format


class Planned(NamedTuple):
    """A block of a stored plan, its lanes by name."""

    name: str
    keys: list[str]
    made: Made
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
    made: Made | None = None


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
            if not self.exists:
                text = json.dumps({"format": FORMAT, **question}, indent=2)
                write(self._question, lambda draft: draft.write_text(text))
            self.check(question)
            yield

    @property
    def exists(self) -> bool:
        return self._question.exists()

    @property
    def _question(self) -> Path:
        return self.path / "question.json"

    def check(self, question: dict[str, Any]) -> None:
        """Refuse to mix with what answers another question."""
        refuse(self.path, self.differences(question))

    def differences(self, question: dict[str, Any]) -> list[str]:
        """Where what lies here answers another question; refused where it is older."""
        stored = self._stored()
        if stored["format"] != FORMAT:
            raise Refused(
                f"{self.path} was written by an older memjax (format "
                f"{stored['format']}), so its results can only be read: Sweep.read, "
                f"--plot_only{WAY_OUT}"
            )
        return difference(stored, {"format": FORMAT, **question})

    def may_be_read(self, question: dict[str, Any]) -> bool:
        """Whether traces of now can be compared with what lies here.

        They cannot, and a word is said, where it was written by an older format or
        other versions; what answers another question is refused.
        """
        stored = self._stored()
        if stored["format"] != FORMAT:
            older = f"an older memjax (format {stored['format']})"
        else:
            self.check({**question, "versions": stored["versions"]})
            if stored["versions"] == question["versions"]:
                return True
            older = f"other versions ({_listed(stored['versions'])})"
        warnings.warn(
            f"{self.path} was written by {older}: it is read as it is, whether or not "
            "the run of today would give the same",
            stacklevel=3,
        )
        return False

    def _stored(self) -> dict[str, Any]:
        if not self.exists:
            raise Refused(f"{self.path} holds no sweep{self._elsewhere()}")
        try:
            return json.loads(self._question.read_text())
        except ValueError as error:
            raise Refused(f"{self._question} is damaged ({error}){WAY_OUT}") from None

    def _elsewhere(self) -> str:
        """Where the sweeps of a folder of results lie."""
        found = sorted(p.parent for p in self.path.glob("sweeps/*/question.json"))
        return f"; look in {', '.join(map(str, found))}" if found else ""

    # --- traces ---

    def keep_trace(self, group: Group) -> None:
        """Keep what a group's trace is recognized by, and what explains it."""
        file = self._trace_file(group.lane.fingerprint)
        if not file.exists():
            text = json.dumps(record(group.lane, group.shapes))
            write(file, lambda draft: draft.write_bytes(gzip.compress(text.encode())))

    def trace(self, fingerprint: str) -> dict[str, Any] | None:
        """What was kept of a trace; None where that is lost."""
        try:
            return json.loads(
                gzip.decompress(self._trace_file(fingerprint).read_bytes())
            )
        except DAMAGE:
            return None

    def _trace_file(self, fingerprint: str) -> Path:
        return self.path / f"trace-{fingerprint}.json.gz"

    # --- plans ---

    def add_plan(self, job: Job, plan: Plan) -> None:
        """Keep a plan, so that what resumes it computes the same blocks."""
        grid = job.grid
        blocks = [
            {
                "keys": job.keys(block.lanes),
                "made": made_by(grid, plan.groups[block.group]),
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
                Made(*b["made"]),
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

    def write_block(self, name: str, kept: Kept) -> None:
        """Keep a finished block and forget the state on the way to it."""
        header, arrays = pack(*kept)
        write_arrays(self.path / f"block-{name}.npz", header, arrays)
        (self.path / f"state-{name}.npz").unlink(missing_ok=True)

    def write_segments(self, name: str, segments: Segments) -> None:
        """Keep how far a block has come."""
        header, arrays = pack(segments.keys, segments.outcome, segments.made)
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
        kept = unpack(header, arrays)
        return Segments(header["done"], kept.keys, kept.outcome, state, kept.made)

    def blocks(self) -> Iterator[Kept]:
        """The finished blocks of all processes."""
        for file in sorted(self.path.glob("block-*.npz")):
            found = read_arrays(file)
            if found is not None:
                yield unpack(*found)

    def underway(self) -> Iterator[Kept]:
        """What the unfinished blocks of all processes have logged so far."""
        for file in sorted(self.path.glob("state-*.npz")):
            found = read_arrays(file)
            if found is not None:
                kept = unpack(*found)
                yield kept._replace(outcome=_seen_so_far(kept.outcome))


def _seen_so_far(outcome: Outcome) -> Outcome:
    """What was logged, at the times that have come; nothing final."""
    lengths = {np.shape(v)[1] for v in jax.tree.leaves(outcome.logged)}
    return Outcome(outcome.times[: min(lengths, default=0)], outcome.logged, {}, None)


def pack(
    keys: list[str], outcome: Outcome, made: Made | None
) -> tuple[dict, dict[str, np.ndarray]]:
    """An outcome as a JSON header and plain arrays."""
    flat = {f"logged/{n}": v for n, v in outcome.logged.items()}
    flat |= {f"final/{n}": v for n, v in outcome.final.items()}
    axes = {n: v.axes for n, v in flat.items() if isinstance(v, Named)}
    arrays: dict[str, Any] = {
        n: v.value if isinstance(v, Named) else v for n, v in flat.items()
    }
    header = {"keys": keys, "times": outcome.times, "axes": axes, "made": made}
    return header, arrays


def unpack(header: dict, arrays: dict[str, np.ndarray]) -> Kept:
    """The lanes that `pack` took apart."""
    parts: dict[str, dict[str, Any]] = {"logged": {}, "final": {}, "state": {}}
    for flat, value in arrays.items():
        part, _, name = flat.partition("/")
        axes = header["axes"].get(flat)
        if axes is not None:
            named = tuple((d, None if ls is None else tuple(ls)) for d, ls in axes)
            parts[part][name] = Named(value, named)  # type: ignore[arg-type]
        else:
            parts[part][name] = value
    outcome = Outcome(tuple(header["times"]), parts["logged"], parts["final"], None)
    made = header.get("made")
    return Kept(header["keys"], outcome, made and Made(*made))


def made_by(grid: Grid, group: Group) -> Made:
    """By what the lanes of a group are made."""
    bounds = {name: int(group.shapes[name]) for name in grid.bounds}
    return Made(group.lane.fingerprint, bounds)


def block_of(planned: Planned, lanes: np.ndarray) -> Block:
    """A stored block, with its lanes as indices into the grid of today."""
    return Block(0, lanes, planned.real, planned.chunk, planned.legs, planned.seconds)


def _listed(versions: dict[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
