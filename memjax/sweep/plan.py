"""From a grid to a plan: which lanes run together, where, and in which order."""

from typing import Any, NamedTuple

import numpy as np

from memjax.core import TILE
from memjax.sweep.grid import Grid

CHUNK = 8  # lanes that share a core's cache


class Group(NamedTuple):
    """Lanes of equal shapes: one compiled program."""

    shapes: dict[str, Any]
    lanes: np.ndarray  # [devices * per device], the order in which they are dealt
    real: np.ndarray  # [same], False for the copies that fill up
    chunk: int  # lanes that run in one vmap


class Plan(NamedTuple):
    """How a sweep runs; deterministic from the grid, the devices and the overrides."""

    groups: tuple[Group, ...]
    devices: int


def make_plan(grid: Grid, devices: int, chunk: int | None = None) -> Plan:
    """The plan of a grid: groups by shape, lanes dealt longest first, chunks to fit.

    Chunks hold `chunk` lanes, by default 8 where a lane's rows fit one tile. Where they
    do not, a chunk is one lane, because lanes of one vmap would all walk as many tiles
    as the longest of them.
    """
    positions = grid.positions()
    groups = []
    for shapes, lanes in grid.groups(positions):
        rows = _rows(grid, positions[lanes])
        fits = shapes.get("capacity", 0) <= TILE
        most = chunk or (CHUNK if fits else 1)
        hands = -(-len(lanes) // devices)
        size = -(-hands // -(-hands // most))  # equal chunks waste no lanes
        order, real = _deal(rows, devices, -(-hands // size) * size)
        groups.append(Group(shapes, lanes[order], real, size))
    return Plan(tuple(groups), devices)


def _rows(grid: Grid, positions: np.ndarray) -> np.ndarray:
    """The row tiles of each lane: its relative cost."""
    if "size" not in grid.numbers:
        return np.ones(len(positions))
    return np.ceil(grid.column("size", positions) / TILE)


def _deal(rows: np.ndarray, devices: int, hand: int) -> tuple[np.ndarray, np.ndarray]:
    """Lanes to devices, longest first to the lightest hand, filled up with copies."""
    hands: list[list[int]] = [[] for _ in range(devices)]
    load = np.zeros(devices)
    shortest_last = np.argsort(-rows, kind="stable")
    for lane in shortest_last:
        open_hands = [d for d in range(devices) if len(hands[d]) < hand]
        lightest = min(open_hands, key=lambda d: load[d])
        hands[lightest].append(int(lane))
        load[lightest] += rows[lane]
    spare = int(shortest_last[-1])
    order = [[*h, *[spare] * (hand - len(h))] for h in hands]
    real = [[True] * len(h) + [False] * (hand - len(h)) for h in hands]
    return np.concatenate(order).astype(int), np.concatenate(real)
