"""A sweep on disk: plans, finished blocks, and the state of one that is under way.

Every file is written beside its place and renamed, so none is ever half there. A block
file holds the names of its lanes and the fingerprint of the trace that made them, so
finished work is found again, and recognized, whatever was asked for in between, and
files of several processes lie side by side.
"""

import errno
import gzip
import json
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock, Timeout

from memjax.engine.asked.grid import names_of
from memjax.engine.asked.question import difference, record
from memjax.engine.kept.blocks import HOW, Blocks, Made, Planned, made_by
from memjax.engine.kept.files import DAMAGE, make_writable, write
from memjax.engine.kept.spans import numbers, spans
from memjax.engine.planned.group import Group
from memjax.engine.planned.job import Job
from memjax.engine.planned.plan import Plan

FORMAT = 3  # of the files; a store of an older format is only read
# Older ones may hold wrong products of several CPU devices (CHANGELOG).
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # some NFS and Lustre
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


class Store:
    """The directory of one sweep, of which `shard` tells the files of this process."""

    def __init__(self, path: str | Path, shard: Shard) -> None:
        self.path, self.shard = Path(path), shard
        self.blocks = Blocks(self.path)

    @contextmanager
    def opened(self, question: dict[str, Any]) -> Iterator[None]:
        """Hold the directory for this question, and against a second process."""
        make_writable(self.path)
        with self._locked():
            if not self.exists:
                text = json.dumps({"format": FORMAT, **question}, indent=2)
                write(self._question, lambda draft: draft.write_text(text))
            self.check(question)
            yield

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep a second process out, where the file system has locks."""
        lock = FileLock(self.path / f".lock-{self.shard}", fallback_to_soft=False)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise Refused(f"another process is at work in {self.path}") from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            warnings.warn(
                f"{self.path} is on a file system without locks ({error.strerror}): "
                "nothing keeps a second process with the same share out",
                stacklevel=5,
            )
        try:
            yield
        finally:
            lock.release()

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

    def traces(self) -> list[str]:
        """The fingerprints of the traces that were kept."""
        files = self.path.glob(self._trace_file("*").name)
        return sorted(f.name.removeprefix("trace-").split(".")[0] for f in files)

    def _trace_file(self, fingerprint: str) -> Path:
        return self.path / f"trace-{fingerprint}.json.gz"

    # --- plans ---

    def add_plan(self, job: Job, plan: Plan) -> None:
        """Keep a plan, so that what resumes it computes the same blocks."""
        blocks = [
            {
                "lanes": spans(block.lanes),
                "copies": spans(np.flatnonzero(~block.real)),
                "made": made_by(job.grid, block.group),
                **{name: getattr(block, name) for name in HOW},
            }
            for block in plan.blocks
        ]
        axes = {
            d: {n: _shortly(labels) for n, labels in c.items()}
            for d, c in job.labels.items()
        }
        machine = plan.machine._replace(jax_devices=())._asdict()
        record = {"axes": axes, "machine": machine, "blocks": blocks}
        file = self.path / f"plan-{self.shard}-{len(self._plan_files()):03d}.json"
        write(file, lambda draft: draft.write_text(json.dumps(record)))

    def planned(self) -> list[Planned]:
        """The blocks of this process's plans, finished or not."""
        return [
            block
            for file in self._plan_files()
            for block in _blocks_of(
                json.loads(file.read_text()), file.stem.removeprefix("plan-")
            )
        ]

    def lanes(self) -> int:
        """How many runs the sweep has that was planned last, by whatever process."""
        files = sorted(self.path.glob("plan-*.json"), key=lambda f: f.stat().st_mtime)
        axes = json.loads(files[-1].read_text())["axes"] if files else {"": {"": []}}
        return math.prod(len(_in_full(next(iter(c.values())))) for c in axes.values())

    def _plan_files(self) -> list[Path]:
        return sorted(self.path.glob(f"plan-{self.shard}-*.json"))


def _blocks_of(plan: dict[str, Any], name: str) -> Iterator[Planned]:
    """The blocks of a stored plan."""
    axes = plan["axes"].items()
    labels = {d: {n: _in_full(of) for n, of in c.items()} for d, c in axes}
    for i, block in enumerate(plan["blocks"]):
        if "keys" in block:  # of plans that listed every name
            keys, real = block["keys"], np.array(block["real"])
        else:
            lanes = numbers(block["lanes"])
            keys, real = names_of(labels, lanes), np.ones(len(lanes), bool)
            real[numbers(block["copies"])] = False
        how = tuple(block.get(name, 0) for name in HOW)
        machine = plan.get("machine", plan)
        yield Planned(f"{name}-{i:05d}", keys, real, Made(*block["made"]), how, machine)


def _shortly(labels: list) -> Any:
    """Labels for a file: whole numbers, of which there may be a million, as spans."""
    whole = all(type(label) is int and abs(label) < 2**62 for label in labels)
    return {"spans": spans(labels)} if whole else labels


def _in_full(labels: Any) -> list:
    """The labels that `_shortly` kept."""
    return numbers(labels["spans"]).tolist() if isinstance(labels, dict) else labels


def _listed(versions: dict[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
