"""A claim: what was published, what was measured, and whether it holds."""

import math
from typing import Any, NamedTuple

KINDS = {
    "published": "a number printed in the cited source",
    "derived": "a closed form or an exact computation",
    "ours": "a number or bound of our own",
}
HOLDS, FAILS, OPEN = "holds", "does NOT hold", "inconclusive"
REPORTED, NOT_SHOWN = "reported", "not shown"


class Claim(NamedTuple):
    """A value that somebody stated beside the measured one.

    `kind` says who: `published` (the number is printed in the cited source), `derived`
    (a closed form or an exact computation) or `ours`, also of a source's statement that
    prints none. The margin is `tolerance` around `published`, or the closed `interval`;
    where neither is given, both must be equal. A `measured` that is a mean over seeds
    comes with the 95 % `mean_interval`: the claim holds where that lies inside the
    margin, does not where it lies outside, and is inconclusive across an edge. A
    `measured` of None says that the flags given do not cover the claim, and `needs`
    what would; a `published` of None without an interval, that there is nothing to hold
    the measured value against. `reason` tells where the margin comes from. A claim
    stays worded as published when it is refuted.
    """

    name: str
    published: float | bool | str | None
    measured: float | bool | str | None
    source: str
    tolerance: float | None = None
    interval: tuple[float, float] | None = None
    reason: str = ""
    needs: str = ""
    kind: str = "ours"
    mean_interval: tuple[float, float] | None = None
    seeds: int | None = None

    @property
    def judgeable(self) -> bool:
        """Whether there is something to hold a measured value against."""
        return self.published is not None or self.interval is not None

    @property
    def margin(self) -> tuple[float, float] | None:
        """Where the measured value may lie; None for words and where nothing is said.

        The edges give way by a rounding error, so that .81 is within .01 of .8.
        """
        if self.interval is not None:
            return self.interval
        if self.published is None or isinstance(self.published, str):
            return None
        middle, away = float(self.published), self.tolerance or 0.0
        slack = 1e-12 * max(abs(middle), away) if away else 0.0
        return middle - away - slack, middle + away + slack

    @property
    def verdict(self) -> str:
        """`holds`, `does NOT hold`, `inconclusive`, `reported` or `not shown`."""
        if self.measured is None:
            return NOT_SHOWN
        if not self.judgeable:
            return REPORTED
        if self.margin is None or isinstance(self.measured, str):
            return HOLDS if self.measured == self.published else FAILS
        low, high = self.margin
        least, most = self.mean_interval or (float(self.measured),) * 2
        if low <= least and most <= high:
            return HOLDS
        return OPEN if least <= high and most >= low else FAILS

    @property
    def holds(self) -> bool | None:
        """Whether the measured value agrees; None where that is not known."""
        return {HOLDS: True, FAILS: False}.get(self.verdict)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "Claim":
        """The claim that a record was made of."""
        known = {name: record[name] for name in cls._fields if name in record}
        for name in ("interval", "mean_interval"):
            if known.get(name) is not None:
                low, high = known[name]
                low = -math.inf if low is None else low
                known[name] = (low, math.inf if high is None else high)
        return cls(**known)

    def record(self) -> dict[str, Any]:
        """The claim as plain JSON values."""
        bounds = (
            {"interval": [plain(v) for v in self.interval]}
            if self.interval is not None
            else {"tolerance": plain(self.tolerance)}
        )
        mean = self.mean_interval
        return {
            "name": self.name,
            "kind": self.kind,
            "published": plain(self.published),
            "measured": plain(self.measured),
            "mean_interval": None if mean is None else [plain(v) for v in mean],
            "seeds": self.seeds,
            **bounds,
            "verdict": self.verdict,
            "holds": self.holds,
            "reason": self.reason,
            "source": self.source,
            "needs": self.needs,
        }


def plain(value: Any) -> Any:
    """A value that JSON has: numbers that are not finite become None."""
    if value is None or isinstance(value, bool | str):
        return value
    value = value.item() if hasattr(value, "item") else value
    return value if isinstance(value, bool | str) or math.isfinite(value) else None
