"""The lines of a table of claims, read and checked; `judged` tells their grammar."""

import csv
import shlex
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

from memjax.claims.calls import Call, call, labels, value
from memjax.claims.claim import KINDS

COLUMNS = ["claim", "kind", "published", "within", "of", "at", "source", "reason"]
AS_ABOVE = "…"
SEEDS = "seeds"  # among labels: how many a mean has to be over


class BadTable(Exception):
    """A line of a table of claims cannot be read, or names what is not there."""


class Term(NamedTuple):
    """A part of a margin: a number over a number or a label, or a measure's value."""

    above: float | Call
    below: float | str = 1.0


class Row(NamedTuple):
    """One line of a table, taken apart."""

    where: str  # file and line
    claim: str
    kind: str
    published: Any  # a value, or the `Call` that gives it
    interval: tuple[float, float] | None
    terms: tuple[Term, ...]  # of the tolerance
    digits: bool  # whether that is half of the last one printed
    of: Call
    at: dict[str, Any]
    source: str
    reason: str

    @property
    def labels(self) -> dict[str, Any]:
        """Where to look, which how many seeds there have to be is not."""
        return {name: label for name, label in self.at.items() if name != SEEDS}


def table_of(experiment: str | Path) -> Path:
    """The table of an experiment: `published/NAME.csv` beside it."""
    file = Path(experiment)
    return file.parent / "published" / f"{file.stem}.csv"


def read(file: Path) -> list[Row]:
    """The lines of a table; `BadTable` names the first that cannot be read."""
    lines = csv.DictReader(_text(file).splitlines())
    rows: list[Row] = []
    if lines.fieldnames != COLUMNS:
        raise BadTable(f"{file.name}:1: the columns are {','.join(COLUMNS)}")
    for cells in lines:
        where = f"{file.name}:{lines.line_num}"
        try:
            rows.append(_row(where, cells, rows[-1] if rows else None))
            if rows[-1].claim in (row.claim for row in rows[:-1]):
                raise ValueError(f"there is a claim {rows[-1].claim} above")
        except ValueError as problem:
            raise BadTable(f"{where}: {problem}") from None
    return rows


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")  # spreadsheets write the mark
    except FileNotFoundError:
        told = f"there is no table {file}, which has a line for every claim"
        raise BadTable(f"{told}: {','.join(COLUMNS)}") from None
    except OSError as problem:
        raise BadTable(f"cannot read {file}: {problem.strerror}") from None
    except UnicodeDecodeError as problem:
        raise BadTable(f"{file.name} is not in UTF-8: {problem.reason}") from None


def _row(where: str, cells: dict, above: Row | None) -> Row:
    if None in cells or None in cells.values():
        raise ValueError(f"needs {len(COLUMNS)} cells; quote one that has a comma")
    cells = {name: text.strip() for name, text in cells.items()}
    kind = cells["kind"] or (above.kind if above else "")
    if kind not in KINDS:
        raise ValueError(f"the kind is {', '.join(KINDS)}, not '{kind}'")
    if above and kind != above.kind and not cells["source"]:
        raise ValueError(f"says whose the {kind} value is: a new kind, a new source")
    source, reason = (
        cells[n] or (getattr(above, n) if above else "") for n in ("source", "reason")
    )
    reason = "" if reason == "-" else reason
    if source in ("", "-"):
        raise ValueError("needs a source")
    interval, terms = _within(cells["within"], cells["published"])
    if (interval or terms) and not reason:
        raise ValueError("needs a reason for what is within")
    if not cells["claim"] or not cells["of"]:
        raise ValueError("needs a claim, and what it is of")
    of = call(cells["of"])
    _can_fail(interval, terms, cells, of)
    at = _at(cells["at"], above.at if above else {})
    published = _published(cells["published"])
    if isinstance(published, str) and "." in of.name:  # a measure may return words
        raise ValueError(f"published is a number, yes or no, not '{published}'")
    head = (where, cells["claim"], kind, published, interval, terms)
    return Row(*head, cells["within"] == "digits", of, at, source, reason)


def _at(text: str, above: dict[str, Any]) -> dict[str, Any]:
    """Labels `name=value`; after `…`, those of the line above and these."""
    given = above if text.startswith(AS_ABOVE) else {}
    return {**given, **labels(shlex.split(text.removeprefix(AS_ABOVE)))}


def _published(text: str) -> Any:
    return call(text[1:]) if text.startswith("=") else value(text)


def _within(text: str, published: str) -> tuple[Any, tuple[Term, ...]]:
    """The interval of a margin, or the terms of a tolerance."""
    if not text:
        return None, ()
    if "…" in text:
        return _interval(text), ()
    if value(published) is None:
        raise ValueError(f"nothing is published for within {text} of it")
    if text == "digits":
        return None, (Term(_half_digit(published)),)
    terms = tuple(_term(part.strip()) for part in text.split("+"))
    if all(isinstance(t.above, float) and t.above <= 0 for t in terms):
        raise ValueError("a tolerance is above 0; leave it out where both are equal")
    return None, terms


def _interval(text: str) -> tuple[float, float]:
    """`0 … 1`, `0.9 …` or `… 0.5`."""
    low, high = (part.strip() for part in text.split("…", 1))
    if not low and not high:
        raise ValueError("an interval needs an end")
    ends = _finite(low or "0"), _finite(high or "0")
    if low and high and ends[0] > ends[1]:
        raise ValueError(f"the interval {text} is empty")
    return ends[0] if low else -float("inf"), ends[1] if high else float("inf")


def _can_fail(interval: Any, terms: tuple[Term, ...], cells: dict, of: Call) -> None:
    """Refuse a margin with room for every accuracy, or none for the published value."""
    told = value(cells["published"])
    away = sum(
        term.above / term.below
        for term in terms
        if isinstance(term.above, float) and isinstance(term.below, float)
    )
    if interval is None and isinstance(told, float):
        interval = told - away, told + away
    if interval is None:
        return
    low, high = interval
    if "accuracy" in of.name and not of.less and low <= 0 and high >= 1:
        raise ValueError(f"no accuracy could miss {cells['within']}")
    if isinstance(told, float) and not low <= told <= high:
        raise ValueError(f"the published value is not within {cells['within']}")


def _half_digit(published: str) -> float:
    """Half a unit of the last digit printed."""
    try:
        return 0.5 * 10.0 ** int(Decimal(published).as_tuple().exponent)
    except InvalidOperation:
        raise ValueError(f"digits are those of a number, not of {published}") from None


def _term(text: str) -> Term:
    """`0.02`, `3/31`, `1/dim`, or a measure and words for it."""
    if text.split()[-1:] in (["sd"], ["se"]):
        raise ValueError(
            f"{text}: a wider spread would make the claim easier; the interval of the "
            "mean is judged already, so write a number and its reason"
        )
    above, _, below = (part.strip() for part in text.partition("/"))
    if not above:
        raise ValueError("a term of within is empty")
    if not isinstance(value(above), float):
        return Term(call(text))
    if below and not isinstance(value(below), float):
        return Term(_finite(above), below)
    return Term(_finite(above), _finite(below or "1"))


def _finite(text: str) -> float:
    number = value(text)
    if not isinstance(number, float) or abs(number) == float("inf") or number != number:
        raise ValueError(f"within needs finite numbers, not {text}")
    return number
