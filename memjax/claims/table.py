"""Claims as text: a table by kind, and how many hold."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from textwrap import fill, wrap
from typing import Any

from memjax.claims.claim import HOLDS, KINDS, NOT_SHOWN, OPEN, REPORTED, Claim

WIDTH = 96
HEADER = ("claim", "published", "measured", "within", "verdict")


def table(claims: Sequence[Claim], width: int = WIDTH) -> str:
    """The claims as text by kind, what was not shown by what it needs, and totals."""
    seen = [c for c in claims if c.verdict != NOT_SHOWN]
    cells = [(_cells(c), c.kind) for c in seen]
    widths = [max(len(row[i]) for row, _ in [*cells, (HEADER, "")]) for i in range(5)]
    widths[0] = max(min(widths[0], width - sum(widths[1:]) - 8), 24)
    lines = [_line(HEADER, widths), "-" * (sum(widths) + 8)]
    for kind, meaning in KINDS.items():
        own = [row for row, its in cells if its == kind]
        lines += [f"{kind}: {meaning}"] if own else []
        lines += [line for row in own for line in _wrapped(row, widths)]
    below = [*_not_shown(claims), totals(claims)]
    lines += [fill(text, width, subsequent_indent="  ") for text in below if text]
    return "\n".join(lines)


def _cells(claim: Claim) -> tuple[str, ...]:
    measured = _shown(claim.measured)
    if claim.mean_interval is not None:
        low, high = claim.mean_interval
        measured += f" ± {(high - low) / 2:.2g}"
    published = _shown(claim.published)
    return (claim.name, published, measured, _within(claim), claim.verdict)


def _wrapped(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    """A row; its words go on below where they are longer than their column."""
    first, *more = wrap(row[0], widths[0], break_long_words=False) or [""]
    yield _line((first, *row[1:]), widths)
    yield from (f"  {text}" for text in more)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(map(str.ljust, row, widths)).rstrip()


def _not_shown(claims: Sequence[Claim]) -> list[str]:
    """A line for every need: how many claims would be shown, or which one."""
    needs: dict[str, list[str]] = {}
    for claim in claims:
        if claim.verdict == NOT_SHOWN:
            needs.setdefault(claim.needs or "other flags", []).append(claim.name)
    return [
        f"{names[0]} not shown: needs {need}"
        if len(names) == 1
        else f"{len(names)} claims not shown: need {need}"
        for need, names in needs.items()
    ]


def totals(claims: Sequence[Claim]) -> str:
    """How many claims hold, of all that could: `published 18 of 20 hold, …`.

    Those that are inconclusive or not shown are among all, so that fewer runs never
    look better.
    """
    return ", ".join(
        text
        for kind in KINDS
        if (text := _total([c for c in claims if c.kind == kind]))
    )


def _total(claims: Sequence[Claim]) -> str:
    if not claims:
        return ""
    tested = Counter(c.verdict for c in claims if c.judgeable)
    open_, unseen = tested[OPEN], tested[NOT_SHOWN]
    told = Counter(c.verdict for c in claims if not c.judgeable)
    parts = []
    if tested:
        rest = [f"{open_} inconclusive"] if open_ else []
        rest += [f"{unseen} not shown"] if unseen else []
        hold = f"{tested[HOLDS]} of {tested.total()} hold"
        parts.append(hold + (f" ({', '.join(rest)})" if rest else ""))
    parts += [f"{told[REPORTED]} reported"] if told[REPORTED] else []
    return f"{claims[0].kind} {' and '.join(parts)}" if parts else ""


def _within(claim: Claim) -> str:
    if claim.interval is not None:
        low, high = (_shown(v) if math.isfinite(v) else "" for v in claim.interval)
        return f"{low} … {high}".strip()
    if claim.tolerance is not None:
        return f"± {claim.tolerance:.3g}"
    return "equal" if claim.judgeable else "–"


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return f"{value:.5g}" if math.isfinite(value) else str(value)
