"""Lanes that run by one program, and those that run in one call of it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from memjax.engine.asked.grid import Grid
from memjax.engine.asked.lane import Lane
from memjax.engine.planned.price import Price
from memjax.measure import TILE


@dataclass(frozen=True, eq=False)
class Group:
    """Lanes of equal shapes: one compiled program."""

    shapes: dict[str, Any]
    lanes: np.ndarray  # indices into the grid
    tiles: np.ndarray  # the row tiles of each lane
    steps: np.ndarray  # of each lane
    priced: Callable[[], Price]
    lane: Lane

    @cached_property
    def price(self) -> Price:
        """What lanes cost, read from their trace where it is asked for."""
        return self.priced()

    @property
    def seconds(self) -> np.ndarray:
        """What each lane should take."""
        return np.broadcast_to(self.price.seconds(self.steps), self.lanes.shape)


class Layout(NamedTuple):
    """What a program is made for, besides a run and the types of its arguments."""

    chunk: int
    legs: int | None
    wave: int


class Block(NamedTuple):
    """Lanes that run in one call, or in one call per segment of time."""

    group: Group
    lanes: np.ndarray  # [devices * hand]: each device's hand in turn
    real: np.ndarray  # [same], False for the copies that fill up
    chunk: int  # lanes that run in one vmap
    legs: int | None  # legs of a call; None is the whole run
    seconds: float  # predicted, of the longest hand
    wave: int = 0  # row tiles of lanes that are walked side by side
    name: str = ""  # in a store

    @property
    def layout(self) -> Layout:
        """How its program lays lanes out."""
        return Layout(self.chunk, self.legs, self.wave)


def tiles_of(grid: Grid, shapes: dict[str, Any], positions: np.ndarray) -> np.ndarray:
    """How many row tiles lanes walk: as their size says, or else at most.

    That is all of their capacity, and one tile where there is none.
    """
    rows = np.full(len(positions), shapes.get("capacity", 1))
    if "capacity" in shapes and "size" in {*grid.numbers, *grid.shapes}:
        rows = grid.column("size", positions)
    return np.ceil(rows / TILE)
