"""Programs that are made while others run."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from memjax.engine.asked.settings import settings


class Ahead(threading.Thread):
    """Does some work beside whoever enters it, one piece after another.

    Of settings that hold in the entering thread alone nothing is known here, so where
    there are some nothing is done. What fails is left: who needs it meets that, too.
    """

    def __init__(self, pieces: Iterable[Callable[[], Any]]) -> None:
        super().__init__(name="memjax ahead", daemon=True)
        self.pieces, self.wanted = pieces, True
        self.settings = settings()

    def run(self) -> None:
        if settings() != self.settings:
            return
        for piece in self.pieces:
            try:
                if self.wanted:
                    piece()
            except Exception:
                return

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, kind: type | None, *_: object) -> None:
        """Wait for the piece at hand, unless the process is to end at once."""
        self.wanted = False
        if kind is not KeyboardInterrupt:
            self.join()
