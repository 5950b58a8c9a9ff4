"""How far a sweep is, for whoever watches the terminal."""

import os
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

WRITING = 0.03  # of the time, at most, goes to states on the way
WRITTEN = 2e8  # bytes a second, before the first of them tells


class Silent:
    """A bar that nobody sees."""

    def __enter__(self) -> "Silent":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, predicted: float, programs: int) -> None:
        """A sweep starts that should take so many seconds, and has so many programs."""

    def reach(self, program: Hashable) -> None:
        """Runs of this program are next."""

    def advance(self, predicted: float, run_steps: float) -> None:
        """A call came back: its share of the prediction, its runs times steps."""


class Bar(Silent):
    """A bar on the terminal, with runs·steps per second and the time left."""

    def __init__(self) -> None:
        console = Console(stderr=True, no_color="NO_COLOR" in os.environ)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f}%"),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            refresh_per_second=1,  # drawing takes time from a core that computes
        )
        self.task = self.progress.add_task("compiling", total=None, speed="")
        self.done, self.began = 0.0, 0.0
        self.programs, self.reached = 0, set[Hashable]()

    def __enter__(self) -> "Bar":
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def begin(self, predicted: float, programs: int) -> None:
        self.began, self.programs = time.perf_counter(), programs
        self.progress.update(self.task, total=predicted)

    def reach(self, program: Hashable) -> None:
        if program not in self.reached:
            self.reached.add(program)
            said = f"compiling {len(self.reached)} of {self.programs}"
            self.progress.update(self.task, description=said)

    def advance(self, predicted: float, run_steps: float) -> None:
        self.done += run_steps
        rate = self.done / max(time.perf_counter() - self.began, 1e-9)
        self.progress.update(
            self.task,
            advance=predicted,
            description="running",
            speed=f"{rate:,.0f} runs·steps/s",
        )


@dataclass
class Clock:
    """Seconds spent so far."""

    compiling: float = 0.0  # that nothing ran in
    running: float = 0.0
    watch: Silent = field(default_factory=Silent)
    ran: list[dict[str, Any]] = field(default_factory=list)  # how lanes were laid out

    def note(self, **layout: Any) -> None:
        """Keep how lanes were laid out, or what did not fit, for provenance."""
        if layout not in self.ran:
            self.ran.append(layout)

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Time spent here, on traces and programs, counts as compiling."""
        began = time.perf_counter()
        yield
        self.compiling += time.perf_counter() - began


class Pace:
    """When a state of so many bytes is written: while that takes little of the time."""

    def __init__(self, size: int, now: Callable[[], float] = time.perf_counter) -> None:
        self.now, self.last, self.takes = now, now(), size / WRITTEN

    def due(self) -> bool:
        """Whether writing takes less than its share of the time since the last."""
        return self.takes < WRITING * (self.now() - self.last)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """How long this takes is what the next time should."""
        began = self.now()
        yield
        self.last = self.now()
        self.takes = self.last - began
