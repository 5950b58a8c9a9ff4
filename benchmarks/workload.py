"""What is to be computed: the same runs for every variant, as numpy arrays."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

# The parameters of a transformer in W6, in their order, those of each layer first.
LAYER = tuple(
    f"{name}{kind}"
    for kind, names in {
        "": ("query", "key", "value", "out", "up", "down"),
        "_bias": ("query", "key", "value", "out", "up", "down"),
        "_norm": ("attend", "expand"),
    }.items()
    for name in names
)
SEQUENCE = (*LAYER, "embed", "position", "norm")
HEADS = 4


class Run(NamedTuple):
    """One training run: its data, its initial weights and its numbers."""

    data: tuple[np.ndarray, ...]
    params: tuple[np.ndarray, ...]
    lr: float
    wd: float
    rows: int


class Workload(NamedTuple):
    """Runs of `steps` steps of AdamW, observed before every `log_every`-th step."""

    name: str
    title: str
    axes: dict[str, Any]  # the same runs as the axes of a sweep, in the same order
    runs: tuple[Run, ...]
    steps: int
    log_every: int
    flop_per_row: int  # forward and backward, matrix products only
    shares: tuple[int, ...] = ()  # the observed values that count points
    problem: str = "mlp"  # or graph, or sequence: what peers are asked to train

    @property
    def gflop(self) -> float:
        """The work of the training steps; observing comes on top and is not counted."""
        rows = sum(run.rows for run in self.runs)
        return rows * self.flop_per_row * self.steps / 1e9

    def shorter(self, steps: float, log_every: int) -> "Workload":
        """The same runs for fewer steps, a multiple of `log_every`."""
        steps = max(1, round(steps / log_every)) * log_every
        return self._replace(steps=steps, log_every=log_every)

    def only(self, indices: Sequence[int]) -> "Workload":
        """Some of the runs; the axes are left as they were."""
        return self._replace(runs=tuple(self.runs[i] for i in indices))


def dealt(rows: Sequence[int], hands: int, most: int | None = None) -> list[list[int]]:
    """Runs to processes or devices, longest first to the lightest hand.

    No hand gets more than `most` runs.
    """
    most = len(rows) if most is None else most
    made: list[list[int]] = [[] for _ in range(hands)]
    load = [0] * hands
    for i in sorted(range(len(rows)), key=lambda i: -rows[i]):
        lightest = min(
            (h for h in range(hands) if len(made[h]) < most), key=load.__getitem__
        )
        made[lightest].append(i)
        load[lightest] += rows[i]
    return made


def evenly(runs: int, axes: int) -> tuple[int, ...]:
    """The lengths of `axes` axes whose product is `runs`, a power of two."""
    bits = runs.bit_length() - 1
    if runs != 2**bits:
        raise ValueError(f"runs must be a power of two, got {runs}")
    return tuple(2 ** ((bits + axes - 1 - a) // axes) for a in range(axes))
