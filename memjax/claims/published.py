"""Claims from a table of what was published: one line a claim, in a csv file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from memjax.claims.claim import Claim
from memjax.claims.lookup import Estimate, NotRun, at, estimate, sweeps_of
from memjax.claims.rows import BadTable, Call, Row, Term, read, table_of

Measures = dict[str, Callable[..., Any]]


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
    - `within`: `digits` (half a unit of the last one printed), an interval `0 … 1`,
      `0.9 …` or `… 0.5`, or a sum such as `0.02 + 1/dim`, of numbers, numbers over a
      label, and measures; nothing where both must be equal;
    - `of`: a quantity, `sweep.name`, or a measure and words for it;
    - `at`: labels, `alpha=4 kernel=gaussian`; after `…`, those above and these;
    - `source` and `reason`: empty for that of the line above; `-` for no reason.

    What is found over seeds is judged by the 95 % interval of its mean, and needs two
    seeds; what has no dimension `seed` by its value. So a measure leaves seeds in,
    unless its claim is about the worst one or about all together.
    """
    known = {measure.__name__: measure for measure in measures}
    ran = sweeps_of(results)
    return [_claim(row, ran, known) for row in read(table_of(experiment))]


def _claim(row: Row, results: Mapping, known: Measures) -> Claim:
    """The claim of one line."""
    needs, found, published, tolerance = "", Estimate(None), row.published, None
    if isinstance(published, Call):
        published = None
    try:
        found, tolerance = _measured(row, results, known)
        if isinstance(row.published, Call):
            published = estimate(_found(row, row.published, results, known)).value
        unsure = found.interval is None and found.seeds == 1
        if unsure and (published is not None or row.interval):
            raise NotRun("two seeds or more (--seeds=2)")
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
    if not row.terms:
        return found, None
    return found, sum(_size(row, term, raw, results, known) for term in row.terms)


def _found(row: Row, what: Call, results: Mapping, known: Measures) -> Any:
    """What a line is about, over seeds."""
    try:
        if what.sweep:
            return at(results[what.sweep], **row.at)[what.name.partition(".")[2]]
        if what.name not in known:
            raise KeyError(f"there is no measure {what.name}")
        found = known[what.name](results, *what.words)
        return at(found, **row.at) if row.at else found
    except (KeyError, AttributeError) as problem:
        raise BadTable(f"{row.where}: {problem.args[0]}") from problem


def _size(row: Row, term: Term, raw: Any, results: Mapping, known: Measures) -> float:
    """A part of a tolerance as a number."""
    if isinstance(term.above, Call):
        return float(estimate(_found(row, term.above, results, known)).value)
    if not isinstance(term.below, str):
        return term.above / term.below
    if term.below not in getattr(raw, "coords", {}):
        raise BadTable(f"{row.where}: there is no label {term.below}")
    return term.above / float(raw.coords[term.below])
