"""Whole numbers as a few even spans: `[first, step, count]` each."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


def spans(numbers: Any) -> list[list[int]]:
    """The spans that numbers are, in their order: 0, 2, 4, 1, 3 is two."""
    array = np.asarray(numbers, int)
    steps = np.diff(array)
    turns = [*(np.flatnonzero(np.diff(steps)) + 1).tolist(), len(steps)]
    found, start, turn = [], 0, 0
    while start < len(array):
        while turn < len(turns) - 1 and turns[turn] <= start:
            turn += 1
        end = max(turns[turn], start)  # the last place of this span
        step = int(steps[start]) if end > start else 0
        found.append([int(array[start]), step, end - start + 1])
        start = end + 1
    return found


def numbers(of: Iterable[Sequence[int]]) -> np.ndarray:
    """The numbers that spans are."""
    parts = [first + step * np.arange(count) for first, step, count in of]
    return np.concatenate([np.empty(0, int), *parts])
