"""Claims from a table of what was published: one line a claim, in a csv file."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from memjax.claims.calls import Call
from memjax.claims.check import Trial
from memjax.claims.claim import Claim
from memjax.claims.lookup import Estimate, NotRun, Ran, at, estimate, two_seeds
from memjax.claims.rows import SEEDS, BadTable, Row, Term, read, table_of
from memjax.claims.table import Claims

Measures = dict[str, Callable[..., Any]]
Results = dict[str, xr.Dataset]  # by sweep: what figures and measures are made of


def judged(
    experiment: str | Path, results: Mapping[str, Any], *measures: Callable[..., Any]
) -> list[Claim]:
    """The claims in `published/NAME.csv` beside an experiment, `judged(__file__, …)`.

    `measures` are the functions that it names, of the results and of words. A line has
    the columns

    - `claim`: its words;
    - `kind`: published, derived or ours; a new kind needs a new source;
    - `published`: a number, yes, no, a word, nothing, or `=` and what gives it, which
      is written as in `of` and looked up at the same labels;
    - `within`: `digits` (half a unit of the last one printed; not for means over
      seeds), an interval `0 … 1`,
      `0.9 …` or `… 0.5`, or a sum such as `0.02 + 1/dim`, of numbers, numbers over a
      label, and measures; nothing where both must be equal;
    - `of`: a quantity, `sweep.name`, or a measure and words for it, each with labels of
      its own, if any; or how much one is above another, `main.loss kind=a - bound`;
    - `at`: labels, `alpha=4 kernel=gaussian`; after `…`, those above and these; and
      `seeds=64` where the margin is for a mean over so many or more;
    - `source` and `reason`: empty for that of the line above; `-` for no reason.

    What is found over seeds is judged by the 95 % interval of its mean, and needs two
    seeds; what has no dimension `seed` by its value. So a measure leaves seeds in,
    unless its claim is about the worst one or about all together.
    """
    known = {measure.__name__: measure for measure in measures}
    rows = read(table_of(experiment))
    if isinstance(results, Trial):
        return results.attempt(rows, lambda row: claim(row, results, known), [*known])
    ran = Ran(results)
    return Claims(claim(row, ran, known) for row in rows)


def claim(row: Row, results: Mapping, known: Measures) -> Claim:
    """The claim of one line."""
    needs, found, published, tolerance = "", Estimate(None), row.published, None
    if isinstance(published, Call):
        published = None
    try:
        found, tolerance = _measured(row, results, known)
        if isinstance(row.published, Call):
            published = estimate(_found(row, row.published, results, known)).value
        if row.digits and found.seeds is not None:
            problem = "half a digit is for what has no seeds; a mean needs a margin"
            raise BadTable(f"{row.where}: {problem}")
    except NotRun as missing:
        needs, found = str(missing), Estimate(None)
    return Claim(
        row.claim,
        published,
        found.value,
        row.source,
        tolerance=tolerance,
        interval=row.interval,
        reason=row.reason,
        needs=needs,
        kind=row.kind,
        mean_interval=found.interval,
        seeds=found.seeds,
    )


def _measured(
    row: Row, results: Mapping, known: Measures
) -> tuple[Estimate, float | None]:
    """What was measured, and how near it has to be."""
    raw = _found(row, row.of, results, known)
    found = estimate(raw)
    judged = row.published is not None or row.interval
    if judged and found.interval is None and found.seeds == 1:
        raise two_seeds(getattr(raw, "sizes", {}).get("seed", 1))
    _has_seeds(row, found.seeds)
    if isinstance(row.published, str) and _is_number(raw):
        told = f"published is a number, yes or no, not '{row.published}'"
        raise BadTable(f"{row.where}: {told}, for {row.of.name} is a number")
    if not row.terms:
        return found, None
    return found, sum(_size(row, term, raw, results, known) for term in row.terms)


def _has_seeds(row: Row, seeds: int | None) -> None:
    """`NotRun` where a line asks for more seeds than were found."""
    least = row.at.get(SEEDS, 0)
    if least and (seeds is None or not isinstance(least, float)):
        raise BadTable(f"{row.where}: seeds={least} is for a mean over seeds: a count")
    if seeds is not None and seeds < least:
        raise NotRun(f"{least:g} seeds that do not diverge (--seeds={least:g})")


def _found(row: Row, what: Call, results: Mapping, known: Measures) -> Any:
    """What a line is about, over seeds."""
    found = _one(row, what, results, known)
    return found if what.less is None else found - _one(row, what.less, results, known)


def _one(row: Row, what: Call, results: Mapping, known: Measures) -> Any:
    """A quantity or what a measure finds, at its labels."""
    sweep, _, quantity = what.name.partition(".")
    try:
        if quantity:
            return at(results[sweep], **_labels(row, what, results[sweep]))[quantity]
        found = _measure(row, what, known)(results, *what.words)
        return at(found, **labels) if (labels := _labels(row, what, found)) else found
    except (KeyError, AttributeError) as problem:
        raise BadTable(f"{row.where}: {what.name}: {problem.args[0]}") from problem


def _labels(row: Row, what: Call, found: Any) -> dict[str, Any]:
    """Where to look; what is held against, at those labels only that it has."""
    if what is row.of or what is row.of.less:
        return row.labels | what.at
    coords = getattr(found, "coords", {})
    return {n: v for n, v in row.labels.items() if n in coords} | what.at


def _measure(row: Row, what: Call, known: Measures) -> Callable[..., Any]:
    """The measure that a line names, if it takes these words."""
    if what.name not in known:
        raise BadTable(f"{row.where}: there is no measure {what.name}")
    try:
        inspect.signature(known[what.name]).bind({}, *what.words)
    except TypeError as problem:
        raise BadTable(f"{row.where}: {what.name}: {problem}") from None
    return known[what.name]


def _size(row: Row, term: Term, raw: Any, results: Mapping, known: Measures) -> float:
    """A part of a tolerance as a number."""
    if isinstance(term.above, Call):
        return float(estimate(_found(row, term.above, results, known)).value)
    if not isinstance(term.below, str):
        return term.above / term.below
    label = getattr(raw, "coords", {}).get(term.below)
    if label is None or label.size > 1:
        raise BadTable(f"{row.where}: there is no one label {term.below}")
    return term.above / float(label.item())


def _is_number(found: Any) -> bool:
    return hasattr(found, "dtype") and found.dtype.kind in "biuf"
