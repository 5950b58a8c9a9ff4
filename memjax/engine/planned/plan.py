"""From a grid to a plan: which lanes run together, where, in which order."""

from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np

from memjax.core import TILE
from memjax.engine.asked.grid import Grid
from memjax.engine.asked.lane import Lane
from memjax.engine.asked.parameters import label
from memjax.engine.planned.price import Price

CHUNK = 4  # lanes that share a core's cache
CALL_SECONDS = 5.0  # a sweep returns to Python at least about this often
STATE_BYTES = 2**30  # what the lanes of a call may carry from segment to segment


class Group(NamedTuple):
    """Lanes of equal shapes: one compiled program."""

    shapes: dict[str, Any]
    lanes: np.ndarray  # indices into the grid
    tiles: np.ndarray  # the row tiles of each lane
    steps: np.ndarray  # of each lane
    price: Price
    lane: Lane

    @property
    def seconds(self) -> np.ndarray:
        """What each lane should take."""
        return self.price.seconds(self.tiles, self.steps)


class Block(NamedTuple):
    """Lanes that run in one call, or in one call per segment of time."""

    group: Group
    lanes: np.ndarray  # [devices * hand]: each device's hand in turn
    real: np.ndarray  # [same], False for the copies that fill up
    chunk: int  # lanes that run in one vmap
    legs: int | None  # legs of a call; None is the whole run
    seconds: float  # predicted, of the longest hand
    name: str = ""  # in a store


class Plan(NamedTuple):
    """How a sweep runs; deterministic from grid, devices and overrides."""

    groups: tuple[Group, ...]
    blocks: tuple[Block, ...]
    devices: int

    @property
    def seconds(self) -> float:
        """The predicted run time, compiling aside."""
        return sum(block.seconds for block in self.blocks)

    def __str__(self) -> str:
        lines = [
            f"{count(sum(len(g.lanes) for g in self.groups), 'run')} in "
            f"{count(len(self.groups), 'compiled program')} on "
            f"{count(self.devices, 'device')}"
        ]
        for group in self.groups:
            lines += self._describe(group, [b for b in self.blocks if b.group is group])
        lines.append(f"about {duration(self.seconds)} to run, besides compiling")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """In a notebook: as it is printed."""
        return f"<pre>{escape(str(self))}</pre>"

    def _describe(self, group: Group, blocks: list[Block]) -> list[str]:
        hand, chunk = len(blocks[0].lanes) // self.devices, blocks[0].chunk
        named = ", ".join(f"{n}={label(v)}" for n, v in group.shapes.items())
        price = group.price
        segments = -(-price.legs // (blocks[0].legs or price.legs))
        held = price.state_bytes * len(blocks[0].lanes)
        kept = price.result_bytes * len(group.lanes)
        return [
            f"  {named or 'no shapes'}: {count(len(group.lanes), 'run')}",
            f"    {count(len(blocks), 'block')} of {hand} a device, chunks of {chunk}, "
            f"up to {count(int(group.tiles.max()), 'tile')} of {TILE} rows a run",
            f"    {count(segments, 'call')} a block, {_size(held)} of state, "
            f"{_size(kept)} of results",
        ]


def count(number: int, noun: str) -> str:
    """A number of things: `1 run`, `2 runs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 100:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} GiB"


def tiles_of(grid: Grid, shapes: dict[str, Any], positions: np.ndarray) -> np.ndarray:
    """How many row tiles lanes walk: as their size says, or else at most.

    That is all of their capacity, and one tile where there is none.
    """
    rows = np.full(len(positions), shapes.get("capacity", 1))
    if "capacity" in shapes and "size" in {*grid.numbers, *grid.shapes}:
        rows = grid.column("size", positions)
    return np.ceil(rows / TILE)


def make_plan(groups: Sequence[Group], devices: int, chunk: int | None = None) -> Plan:
    """The plan of groups: blocks of chunks of lanes, dealt longest first.

    A chunk holds `chunk` lanes, by default 4 where a lane's rows fit one tile, and one
    lane where they do not: the lanes of a vmap all walk as many tiles as the longest.
    A group is cut into calls of about five seconds: by lanes where they cost the same,
    by time where they do not (cutting those would unbalance the devices) or where one
    chunk takes longer.
    """
    blocks = [block for g in groups for block in _blocks(g, devices, chunk)]
    return Plan(tuple(groups), tuple(blocks), devices)


def _blocks(group: Group, devices: int, chunk: int | None) -> list[Block]:
    """The blocks of a group, all of one size, so that they share a program."""
    fits = group.shapes.get("capacity", 0) <= TILE
    most = chunk or (CHUNK if fits else 1)
    parts = _cut(group, devices, most)
    size, hand = _chunks(len(parts[0]), devices, most)
    made = []
    for part in parts:
        order, real = _deal(group.seconds[part], devices, hand)
        mine = part[order]
        longest = float(group.seconds[mine].reshape(devices, hand).sum(1).max())
        made.append(Block(group, group.lanes[mine], real, size, None, longest))
    calls = round(max(block.seconds for block in made) / CALL_SECONDS)
    legs = None if calls <= 1 else -(-group.price.legs // calls)
    return [block._replace(legs=legs) for block in made]


def _cut(group: Group, devices: int, chunk: int) -> list[np.ndarray]:
    """Lanes, longest first, cut into what runs one after another."""
    seconds = group.seconds
    order = np.argsort(-seconds, kind="stable")
    most = STATE_BYTES // max(1, group.price.state_bytes)
    if seconds.min() == seconds.max():
        most = min(most, int(CALL_SECONDS * devices / max(seconds[0], 1e-9)))
    most = max(most, devices * chunk)

    def computed(blocks: int) -> int:
        _, hand = _chunks(-(-len(order) // blocks), devices, chunk)
        return blocks * devices * hand

    fewest = -(-len(order) // most)  # up to twice as many, where less is filled up
    blocks = min(range(fewest, 2 * fewest + 1), key=lambda k: (computed(k), k))
    even = -(-len(order) // blocks)
    return [order[i : i + even] for i in range(0, len(order), even)]


def _chunks(lanes: int, devices: int, most: int) -> tuple[int, int]:
    """A chunk's lanes, `most` or less, and those of a device: whole, equal chunks."""
    fair = -(-lanes // devices)
    size = -(-fair // -(-fair // most))
    return size, -(-fair // size) * size


def _deal(
    seconds: np.ndarray, devices: int, hand: int
) -> tuple[np.ndarray, np.ndarray]:
    """Lanes to devices, longest first to the lightest hand, filled up with copies."""
    hands: list[list[int]] = [[] for _ in range(devices)]
    load = np.zeros(devices)
    longest_first = np.argsort(-seconds, kind="stable")
    for lane in longest_first.tolist():
        open_hands = [d for d in range(devices) if len(hands[d]) < hand]
        lightest = min(open_hands, key=lambda d: load[d])
        hands[lightest].append(lane)
        load[lightest] += seconds[lane]
    spare = int(longest_first[-1])
    order = [[*h, *[spare] * (hand - len(h))] for h in hands]
    real = [[True] * len(h) + [False] * (hand - len(h)) for h in hands]
    return np.concatenate(order).astype(int), np.concatenate(real)
