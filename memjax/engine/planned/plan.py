"""From a grid to a plan: which lanes run together, where, in which order."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from memjax.core import TILE
from memjax.engine.asked.grid import Grid
from memjax.engine.asked.lane import Lane
from memjax.engine.asked.parameters import label
from memjax.engine.planned.hands import deal, whole_chunks
from memjax.engine.planned.machines import GIB, Machine
from memjax.engine.planned.price import Price
from memjax.engine.planned.words import count, duration, size_of

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
    """How a sweep runs; deterministic from grid, machine and overrides."""

    groups: tuple[Group, ...]
    blocks: tuple[Block, ...]
    machine: Machine

    @property
    def seconds(self) -> float:
        """The predicted run time, compiling aside."""
        return sum(block.seconds for block in self.blocks)

    def __str__(self) -> str:
        lines = [
            f"{count(sum(len(g.lanes) for g in self.groups), 'run')} in "
            f"{count(len(self.groups), 'compiled program')} on {self.machine}"
        ]
        for group in self.groups:
            lines += self._describe(group, [b for b in self.blocks if b.group is group])
        lines.append(f"about {duration(self.seconds)} to run, besides compiling")
        return "\n".join(lines)

    def _describe(self, group: Group, blocks: list[Block]) -> list[str]:
        hand, chunk = len(blocks[0].lanes) // self.machine.devices, blocks[0].chunk
        named = ", ".join(f"{n}={label(v)}" for n, v in group.shapes.items())
        price = group.price
        segments = -(-price.legs // (blocks[0].legs or price.legs))
        held = price.state_bytes * len(blocks[0].lanes)
        kept = price.result_bytes * len(group.lanes)
        lines = [
            f"  {named or 'no shapes'}: {count(len(group.lanes), 'run')}",
            f"    {count(len(blocks), 'block')} of {hand} a device, chunks of {chunk}, "
            f"up to {count(int(group.tiles.max()), 'tile')} of {TILE} rows a run",
            f"    {count(segments, 'call')} a block, {size_of(held)} of state, "
            f"{size_of(kept)} of results",
        ]
        if self.machine.memory is not None:
            needed = held_bytes(price, hand, chunk)
            of = f"of {size_of(self.machine.memory)} of a device's memory"
            lines.append(f"    about {size_of(needed)} {of}")
        return lines


def tiles_of(grid: Grid, shapes: dict[str, Any], positions: np.ndarray) -> np.ndarray:
    """How many row tiles lanes walk: as their size says, or else at most.

    That is all of their capacity, and one tile where there is none.
    """
    rows = np.full(len(positions), shapes.get("capacity", 1))
    if "capacity" in shapes and "size" in {*grid.numbers, *grid.shapes}:
        rows = grid.column("size", positions)
    return np.ceil(rows / TILE)


def make_plan(
    groups: Sequence[Group], machine: Machine, chunk: int | None = None
) -> Plan:
    """The plan of groups: blocks of chunks of lanes, dealt longest first.

    A chunk holds `chunk` lanes, by default as many as suit the machine.
    A group is cut into calls of about five seconds: by lanes where they cost the same,
    by time where they do not (cutting those would unbalance the devices) or where one
    chunk takes longer.
    """
    blocks = [block for g in groups for block in _blocks(g, machine, chunk)]
    return Plan(tuple(groups), tuple(blocks), machine)


def lanes_that_suit(group: Group, machine: Machine) -> int:
    """How many lanes share a vmap.

    On a CPU those that share a core's cache, and one lane where rows do not fit one
    tile: the lanes of a vmap all walk as many tiles as the longest there. Elsewhere
    those that memory holds and a call has time for.
    """
    if machine.lanes is not None:
        return machine.lanes if group.shapes.get("capacity", 0) <= TILE else 1
    price = group.price
    room = (machine.memory or GIB) // max(1, held_bytes(price, 1, 1))
    # Enough of them that the starts of their kernels are a small part.
    time = max(CALL_SECONDS, 4 * float(price.starting(group.steps.max())))
    return max(1, min(room, int(time / max(group.seconds.mean(), 1e-12))))


def held_bytes(price: Price, hand: int, chunk: int) -> int:
    """What a device holds of a block, at most: lanes' states and results, and more of
    those in a vmap.
    """
    held = 2 * price.state_bytes + price.result_bytes
    return hand * held + chunk * price.live_bytes


def _blocks(group: Group, machine: Machine, chunk: int | None) -> list[Block]:
    """The blocks of a group, all of one size, so that they share a program."""
    devices, most = machine.devices, chunk or lanes_that_suit(group, machine)
    parts = _cut(group, machine, most)
    size, hand = whole_chunks(len(parts[0]), devices, most)
    made = []
    for part in parts:
        order, real = deal(group.seconds[part], devices, hand)
        mine = part[order]
        longest = float(group.seconds[mine].reshape(devices, hand).sum(1).max())
        longest += hand // size * float(group.price.starting(group.steps[part].max()))
        made.append(Block(group, group.lanes[mine], real, size, None, longest))
    calls = round(max(block.seconds for block in made) / CALL_SECONDS)
    legs = None if calls <= 1 else -(-group.price.legs // calls)
    return [block._replace(legs=legs) for block in made]


def _cut(group: Group, machine: Machine, chunk: int) -> list[np.ndarray]:
    """Lanes, longest first, cut into what runs one after another."""
    seconds, devices = group.seconds, machine.devices
    order = np.argsort(-seconds, kind="stable")
    most = STATE_BYTES // max(1, group.price.state_bytes)
    if seconds.min() == seconds.max():
        each = seconds[0] + group.price.starting(group.steps[0]) / chunk
        most = min(most, int(CALL_SECONDS * devices / max(each, 1e-9)))
    most = devices * chunk if machine.lanes is None else max(most, devices * chunk)

    def computed(blocks: int) -> int:
        _, hand = whole_chunks(-(-len(order) // blocks), devices, chunk)
        return blocks * devices * hand

    fewest = -(-len(order) // most)  # up to twice as many, where less is filled up
    blocks = min(range(fewest, 2 * fewest + 1), key=lambda k: (computed(k), k))
    even = -(-len(order) // blocks)
    return [order[i : i + even] for i in range(0, len(order), even)]
