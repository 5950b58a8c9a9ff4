"""From a grid to a plan: which lanes run together, where, in which order."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from memjax.engine.asked.parameters import label
from memjax.engine.planned.group import Block, Group
from memjax.engine.planned.hands import deal, whole_chunks
from memjax.engine.planned.machines import GIB, Machine
from memjax.engine.planned.price import Price
from memjax.engine.planned.words import count, duration, size_of
from memjax.measure import TILE

CALL_SECONDS = 5.0  # a sweep returns to Python at least about this often
MANY_BYTES = 4 * GIB  # of results, from which a plan warns of them
STATE_BYTES = 2**30  # what the lanes of a call may carry from segment to segment


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
        kept = sum(g.price.result_bytes * len(g.lanes) for g in self.groups)
        if kept > MANY_BYTES:
            lines.append(f"results of {size_of(kept)} have to fit into memory")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """In a notebook: as it is printed."""
        return f"<pre>{escape(str(self))}</pre>"

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


def make_plan(
    groups: Sequence[Group], machine: Machine, chunk: int | None = None
) -> Plan:
    """The plan of groups: blocks of chunks of lanes, dealt longest first.

    A chunk holds `chunk` lanes, by default as many as suit the machine.
    A group is cut into calls of about five seconds: by lanes where they cost the same,
    by time where they do not (cutting those would unbalance the devices) or where one
    chunk takes longer. Runs that take no time are cut by lanes alone.
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
    parts, seconds = _cut(group, machine, most), group.seconds
    size, hand = whole_chunks(len(parts[0]), devices, most)
    made = []
    for part in parts:
        order, real = deal(seconds[part], devices, hand)
        mine = part[order]
        longest = float(seconds[mine].reshape(devices, hand).sum(1).max())
        longest += hand // size * float(group.price.starting(group.steps[part].max()))
        made.append(Block(group, group.lanes[mine], real, size, None, longest))
    calls = round(max(block.seconds for block in made) / CALL_SECONDS)
    legs = -(-group.price.legs // calls) if min(calls, group.price.legs) > 1 else None
    wave = _wave(group, parts, size, machine.wave)
    return [block._replace(legs=legs, wave=wave) for block in made]


def _wave(group: Group, parts: list[np.ndarray], chunk: int, most: int) -> int:
    """The row tiles of a wave, at most so many: equal waves of those of a chunk."""
    if not most:
        return 0
    tiles = max(np.sort(group.tiles[part])[-chunk:].sum() for part in parts)
    return int(-(-tiles // -(-tiles // most)))


def halves(block: Block, machine: Machine) -> list[Block]:
    """A block as two of one size, each with half of every device's lanes."""
    hand = len(block.lanes) // machine.devices
    half = -(-hand // (2 * block.chunk)) * block.chunk if hand > block.chunk else 0
    half = half or -(-hand // 2)
    made = []
    for start in (0, hand - half):  # lanes that both would have are the first one's
        places = np.arange(len(block.lanes)).reshape(machine.devices, hand)
        rows = places[:, start : start + half].ravel()
        real = block.real[rows] & ((start == 0) | (rows % hand >= half))
        part = block._replace(lanes=block.lanes[rows], real=real)
        made.append(part._replace(chunk=min(block.chunk, half)))
    return [part._replace(seconds=block.seconds / 2) for part in made]


def _cut(group: Group, machine: Machine, chunk: int) -> list[np.ndarray]:
    """Lanes, longest first, cut into what runs one after another."""
    seconds, devices = group.seconds, machine.devices
    order = np.argsort(-seconds, kind="stable")
    most = STATE_BYTES // max(1, group.price.state_bytes)
    if seconds.min() == seconds.max() or group.price.legs == 1:
        each = seconds.mean() + group.price.starting(group.steps[0]) / chunk
        most = min(most, int(CALL_SECONDS * devices / max(each, 1e-9)))
    most = devices * chunk if machine.lanes is None else max(most, devices * chunk)

    def computed(blocks: int) -> int:
        _, hand = whole_chunks(-(-len(order) // blocks), devices, chunk)
        return blocks * devices * hand

    fewest = -(-len(order) // most)  # up to twice as many, where less is filled up
    blocks = min(range(fewest, 2 * fewest + 1), key=lambda k: (computed(k), k))
    even = -(-len(order) // blocks)
    return [order[i : i + even] for i in range(0, len(order), even)]
