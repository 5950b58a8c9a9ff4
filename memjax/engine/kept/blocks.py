"""Blocks on disk: finished ones, and the state of one that is under way.

A block file holds the names of its lanes and the fingerprint of the trace that made
them, so finished work is found again, and recognized, whatever was asked for in
between, and files of several processes lie side by side.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from memjax.engine.asked.grid import Grid
from memjax.engine.kept.files import read_arrays, write_arrays
from memjax.engine.planned.group import Block, Group
from memjax.engine.planned.machines import Machine
from memjax.engine.run.calls import Segments
from memjax.engine.run.outcome import Outcome
from memjax.quantities import Named

HOW = ("chunk", "legs", "seconds", "wave")  # what is kept of a block, as it is


class Made(NamedTuple):
    """By what lanes were made: the trace of their run, and the bounds it had.

    With them numbers that were shapes, for they filled their bound (`Job.full`).
    """

    trace: str
    bounds: dict[str, int]


class Kept(NamedTuple):
    """Lanes of a finished block, by name, or of one that is under way."""

    keys: list[str]
    outcome: Outcome
    made: Made | None  # None in files of an older format


def made_by(grid: Grid, group: Group) -> Made:
    """By what the lanes of a group are made."""
    known = {*grid.bounds, *grid.numbers}
    bounds = {name: int(v) for name, v in group.shapes.items() if name in known}
    return Made(group.lane.fingerprint, bounds)


class Planned(NamedTuple):
    """A block of a stored plan, its lanes by name."""

    name: str
    keys: list[str]
    real: np.ndarray  # False for the copies that fill up
    made: Made
    how: tuple  # what a block has of HOW
    machine: dict[str, Any]  # that it was planned for

    @property
    def seconds(self) -> float:
        """What it was predicted to take."""
        return dict(zip(HOW, self.how, strict=True))["seconds"]

    def suits(self, machine: Machine) -> bool:
        """Whether it gives the same bits on this machine."""
        kind, devices = self.machine.get("kind", machine.kind), self.machine["devices"]
        return (kind, devices) == (machine.kind, machine.devices)

    def block(self, group: Group, lanes: np.ndarray) -> Block:
        """The block to run, its lanes as indices into the grid of today."""
        how = dict(zip(HOW, self.how, strict=True))
        return Block(group, lanes, self.real, **how, name=self.name)


class Blocks:
    """The blocks in the directory of a sweep."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def finish(self, name: str, kept: Kept) -> None:
        """Keep a finished block and forget the state on the way to it."""
        header, arrays = pack(*kept)
        write_arrays(self.path / f"block-{name}.npz", header, arrays)
        self.forget(name)

    def forget(self, name: str) -> None:
        """Keep no state of a block any more."""
        self._state_file(name).unlink(missing_ok=True)

    def keep(self, name: str, keys: list[str], made: Made, segments: Segments) -> None:
        """Keep how far a block has come."""
        header, arrays = pack(keys, segments.outcome, made)
        header["done"] = segments.done
        arrays |= {f"state/{i}": a for i, a in enumerate(segments.state)}
        write_arrays(self._state_file(name), header, arrays)

    def segments(self, name: str) -> Segments | None:
        """How far a block has come; None where it has not begun."""
        found = read_arrays(self._state_file(name))
        if found is None:
            return None
        header, arrays = found
        count = sum(n.startswith("state/") for n in arrays)
        state = [arrays[f"state/{i}"] for i in range(count)]
        return Segments(header["done"], unpack(header, arrays).outcome, state)

    def finished(self) -> Iterator[Kept]:
        """The finished blocks of all processes."""
        for file in sorted(self.path.glob("block-*.npz")):
            found = read_arrays(file)
            if found is not None:
                yield unpack(*found)

    def underway(self) -> Iterator[Kept]:
        """What the unfinished blocks of all processes have logged so far."""
        for file in sorted(self.path.glob("state-*.npz")):
            found = read_arrays(file, without="state/")
            if found is not None:
                kept = unpack(*found)
                yield kept._replace(outcome=_seen_so_far(kept.outcome))

    def _state_file(self, name: str) -> Path:
        return self.path / f"state-{name}.npz"


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
