"""A claim: what was published, what was measured, and whether it holds."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple


class Claim(NamedTuple):
    """A published (or derived) value beside the measured one.

    It holds within `tolerance` of `published`, or inside the closed `interval`; where
    neither is given, when both are equal. A `measured` of None says that the flags
    given do not cover the claim; a `published` of None that there is nothing to hold
    the measured value against. `reason` tells where the tolerance comes from,
    `source` where the published value does, and `needs` what it would take to measure
    what these flags do not. A claim stays worded as published when it is refuted.
    """

    name: str
    published: float | bool | str | None
    measured: float | bool | str | None
    source: str
    tolerance: float | None = None
    interval: tuple[float, float] | None = None
    reason: str = ""
    needs: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the measured value agrees; None where the flags do not cover it."""
        unjudged = self.published is None and self.interval is None
        if self.measured is None or unjudged:
            return None
        if self.interval is not None:
            return bool(self.interval[0] <= float(self.measured) <= self.interval[1])
        if self.tolerance is not None and self.published is not None:
            away = abs(float(self.measured) - float(self.published))
            return bool(away <= self.tolerance)
        return bool(self.measured == self.published)

    def record(self) -> dict[str, Any]:
        """The claim as plain JSON values."""
        bounds = (
            {"interval": list(self.interval)}
            if self.interval is not None
            else {"tolerance": self.tolerance}
        )
        return {
            "name": self.name,
            "published": _plain(self.published),
            "measured": _plain(self.measured),
            **bounds,
            "holds": self.holds,
            "reason": self.reason,
            "source": self.source,
            "needs": self.needs,
        }


def table(claims: Sequence[Claim]) -> str:
    """The claims as a text table, one row each."""
    rows = [("claim", "published", "measured", "within", "verdict")]
    rows += [
        (c.name, _shown(c.published), _shown(c.measured), _within(c), _verdict(c))
        for c in claims
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _verdict(claim: Claim) -> str:
    if claim.holds is not None:
        return "holds" if claim.holds else "does NOT hold"
    if claim.measured is not None:
        return "reported"
    return f"not shown: needs {claim.needs}" if claim.needs else "not covered"


def _within(claim: Claim) -> str:
    if claim.interval is not None:
        return f"{_shown(claim.interval[0])} … {_shown(claim.interval[1])}"
    if claim.tolerance is not None:
        return f"± {_shown(claim.tolerance)}"
    judged = claim.measured is not None and claim.published is not None
    return "equal" if judged else "–"


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return f"{value:.5g}" if math.isfinite(value) else str(value)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    value = value.item() if hasattr(value, "item") else value
    return value if math.isfinite(value) else None
