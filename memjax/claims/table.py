"""Claims as text: a table by kind, and how many hold."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from textwrap import fill, wrap
from typing import Any

from memjax.claims.claim import FAILS, HOLDS, KINDS, NOT_SHOWN, OPEN, REPORTED, Claim

WIDTH = 96
COLORS = {HOLDS: "#1a7f37", FAILS: "#c0271c", OPEN: "#9a6700"}
HEADER = ("claim", "published", "measured", "within", "verdict")


def table(claims: Sequence[Claim], width: int = WIDTH) -> str:
    """The claims as text by kind, what was not shown by what it needs, and totals."""
    seen = [c for c in claims if c.verdict != NOT_SHOWN]
    widths = _widths(seen, width)
    lines = [_line(HEADER, widths), "-" * (sum(widths) + 8)] if seen else []
    for kind, meaning in KINDS.items():
        own = [c for c in seen if c.kind == kind]
        lines += [f"{kind}: {meaning}"] if own else []
        lines += [line for c in own for line in _wrapped(c, widths)]
    lines += [fill(text, width, subsequent_indent="  ") for text in below(claims)]
    return "\n".join(lines)


def below(claims: Sequence[Claim]) -> list[str]:
    """What stands below a table: what ± is, what was not shown, and totals."""
    words = meant(claims), *not_shown(claims), totals(claims)
    return [text for text in words if text]


def meant(claims: Sequence[Claim]) -> str:
    """What ± is after what was measured, if it is after any."""
    means = any(c.mean_interval for c in claims if c.verdict != NOT_SHOWN)
    return "measured ±: half the 95 % interval of a mean over seeds" if means else ""


class Claims(list[Claim]):
    """Claims that print as their table, and are one in a notebook."""

    def __str__(self) -> str:
        return table(self)

    def _repr_html_(self) -> str:
        heads = "".join(f"<th>{head}" for head in HEADER)
        rows = "".join(
            f"<tr>{_row(claim)}" for claim in self if claim.verdict != NOT_SHOWN
        )
        words = "".join(f"<p>{escape(text)}</p>" for text in below(self))
        return f"<table><tr>{heads}{rows}</table>{words}"


def _row(claim: Claim) -> str:
    color = COLORS.get(claim.verdict, "inherit")
    style = ["text-align: left"] * 4 + [f"color: {color}"]
    pairs = zip(style, cells(claim), strict=True)
    return "".join(f'<td style="{look}">{escape(text)}' for look, text in pairs)


def scoreboard(experiments: Mapping[str, Sequence[Claim]], width: int = WIDTH) -> str:
    """The claims of all experiments by kind and source, and totals of both."""
    every = [claim for claims in experiments.values() for claim in claims]
    widths = _widths(every, width)
    lines = [_line(HEADER, widths), "-" * (sum(widths) + 8)]
    for kind, meaning in KINDS.items():
        lines += (
            ["", f"{kind}: {meaning}"] if any(c.kind == kind for c in every) else []
        )
        for (source, name), own in _by_source(experiments, kind).items():
            head = f"{source} ({name}): {_total(own).removeprefix(f'{kind} ')}"
            lines += ["", fill(head, width, subsequent_indent="  ")]
            lines += [line for claim in own for line in _wrapped(claim, widths)]
    return "\n".join([*lines, "", fill(totals(every), width)])


def _by_source(
    experiments: Mapping[str, Sequence[Claim]], kind: str
) -> dict[tuple[str, str], list[Claim]]:
    found: dict[tuple[str, str], list[Claim]] = {}
    for name, claims in experiments.items():
        for claim in claims:
            if claim.kind == kind:
                found.setdefault((claim.source, name), []).append(claim)
    return dict(sorted(found.items()))


def held(claims: Sequence[Claim]) -> str:
    """How many claims hold, of all that could: `published 18/20, ours 2/3`."""
    found = []
    for kind in KINDS:
        tested = [c.verdict for c in claims if c.kind == kind and c.judgeable]
        if tested:
            found.append(f"{kind} {tested.count(HOLDS)}/{len(tested)}")
    return ", ".join(found) or "–"


def _widths(claims: Sequence[Claim], width: int) -> list[int]:
    """The widths of columns; the words of a claim have what the others leave."""
    rows = [HEADER, *map(cells, claims)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [max(min(widths[0], width - sum(widths[1:]) - 8), 24), *widths[1:]]


def cells(claim: Claim) -> tuple[str, ...]:
    """A claim as the words below `HEADER`."""
    measured = _shown(claim.measured)
    if claim.mean_interval is not None:
        low, high = claim.mean_interval
        measured += f" ± {(high - low) / 2:.2g}"
    published = _shown(claim.published)
    return (claim.name, published, measured, _within(claim), claim.verdict)


def _wrapped(claim: Claim, widths: Sequence[int]) -> Iterator[str]:
    """A row; its words go on below where they are longer than their column."""
    row = cells(claim)
    first, *more = wrap(row[0], widths[0], break_long_words=False) or [""]
    yield _line((first, *row[1:]), widths)
    yield from (f"  {text}" for text in more)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(map(str.ljust, row, widths)).rstrip()


def not_shown(claims: Sequence[Claim]) -> list[str]:
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
    look better; but where none of a kind was judged, none is said to fail.
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
        hold += f" ({', '.join(rest)})" if rest else ""
        parts.append(f"{unseen} not judged" if unseen == tested.total() else hold)
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
