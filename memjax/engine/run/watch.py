"""Who watches a sweep: a terminal, a notebook or nobody."""

import sys
import time
from collections.abc import Hashable
from html import escape
from typing import Any

from memjax.engine.run.clock import Bar, Silent

SECONDS = 0.5  # between two drawings at least


def kernel() -> Any:
    """The kernel that this process is, None outside of notebooks."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None)


def watcher(wanted: bool) -> Silent:
    """A bar where one is wanted and somebody can see it."""
    if wanted and kernel():
        return Cell()
    return Bar() if wanted and sys.stderr.isatty() else Silent()


class Cell(Silent):
    """A bar below a notebook's cell: one output that is written anew.

    It tells runs·steps per second and the time left, as that of a terminal does.
    """

    def __init__(self) -> None:
        from IPython.display import HTML, display

        self.html = HTML
        self.handle: Any = display(HTML(""), display_id=True)
        self.total, self.passed, self.done = 0.0, 0.0, 0.0
        self.began = self.drawn = time.perf_counter()
        self.programs, self.reached = 0, set[Hashable]()
        self.said = "preparing"

    def __enter__(self) -> "Cell":
        self.draw()
        return self

    def __exit__(self, *problem: object) -> None:
        if problem[0] is None:
            spent = time.perf_counter() - self.began
            self.said, self.passed = f"done in {spent:.1f} s", self.total
        self.draw()

    def begin(self, predicted: float, programs: int) -> None:
        self.total, self.programs = predicted, programs
        self.began = time.perf_counter()

    def reach(self, program: Hashable) -> None:
        if program not in self.reached:
            self.reached.add(program)
            self.said = f"compiling {len(self.reached)} of {self.programs}"
            self.draw()

    def advance(self, predicted: float, run_steps: float) -> None:
        self.passed, self.done = self.passed + predicted, self.done + run_steps
        spent = max(time.perf_counter() - self.began, 1e-9)
        left = spent * (self.total - self.passed) / max(self.passed, 1e-9)
        rate = f"{self.done / spent:,.0f} runs·steps/s"
        self.said = f"running, {rate}, {max(left, 0):.0f} s left"
        if time.perf_counter() - self.drawn > SECONDS:
            self.draw()

    def draw(self) -> None:
        """Show how far it is."""
        self.drawn = time.perf_counter()
        bar = f'<progress max="{self.total:.6g}" value="{self.passed:.6g}"></progress>'
        self.handle.update(self.html(f"{bar} {escape(self.said)}"))
