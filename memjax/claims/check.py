"""Tables of claims against the sweeps that they are about, before anything runs."""

import contextlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from memjax.claims.calls import Call
from memjax.claims.claim import Claim
from memjax.claims.rows import BadTable, Row, table_of


class Trial(dict):
    """Made-up results by sweep, on which every line of a table is tried.

    A sweep that there is not is an error here, not a need.
    """

    def __init__(self, results: Mapping[str, Any]) -> None:
        super().__init__(results)
        self.problems: list[str] = []

    def __missing__(self, sweep: str) -> Any:
        raise KeyError(f"there is no sweep {sweep}")

    def attempt(
        self,
        rows: Sequence[Row],
        judge: Callable[[Row], Claim],
        measures: Sequence[str],
    ) -> list[Claim]:
        """No claims; what is wrong with the lines goes to `problems`."""
        for row in rows:
            try:
                # What fails for the values of made-up numbers is not the table's.
                with contextlib.suppress(ArithmeticError, ValueError, RuntimeError):
                    judge(row)
            except BadTable as problem:
                self.problems.append(str(problem))
            except Exception as problem:
                what = f"{type(problem).__name__}: {problem}"
                self.problems.append(f"{row.where}: {row.of.name}: {what}")
        used = {call.name for row in rows for call in _calls(row)}
        unused = [name for name in measures if name not in used]
        self.problems += [f"no line is of the measure {name}" for name in unused]
        return []


class Lines(Trial):
    """No results: what `judged` is handed where only the lines of its table count."""

    def __init__(self) -> None:
        super().__init__({})
        self.rows: Sequence[Row] = []

    def attempt(self, rows: Sequence[Row], *_: Any) -> list[Claim]:
        """No claims, and the lines in `rows`."""
        self.rows = rows
        return []


def lines_of(module: ModuleType) -> Sequence[Row]:
    """The lines of the table that the claims of an experiment come from, if any does.

    `BadTable` where it is not there or cannot be read.
    """
    lines = Lines()
    # What looks at results before its table finds none here, and is heard later.
    try:
        module.claims(lines)
    except (BadTable, OSError):
        raise
    except Exception:
        return []
    return lines.rows


def unknown_sweeps(rows: Sequence[Row], known: Sequence[str]) -> list[str]:
    """What is wrong with lines of a quantity of a sweep that is not known."""
    return [
        f"{row.where}: there is no sweep {sweep} among {', '.join(known)}"
        for row in rows
        for call in _calls(row)
        if (sweep := call.name.rpartition(".")[0]) and sweep not in known
    ]


def check(module: ModuleType, sweeps: Mapping[str, Any]) -> None:
    """Refuse a table that names a sweep, quantity, measure or label that is not there.

    `BadTable` names all such lines of the table of an experiment. Measures are tried on
    results of the form of `sweeps`, with random numbers and with zeros, as some ask for
    losses that are small; nothing is compiled.
    """
    random = {n: sweep.made_up() for n, sweep in sweeps.items() if sweep}
    problems: dict[str, None] = {}
    for results in (random, {n: found.map(_zero) for n, found in random.items()}):
        trial = Trial(results)
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            module.claims(trial)
        problems |= dict.fromkeys(trial.problems)
    if problems:
        name = table_of(module.__file__ or "").name
        raise BadTable("\n".join([f"{name} does not fit its sweeps:", *problems]))


def _zero(quantity: Any) -> Any:
    return quantity * 0 if quantity.dtype.kind == "f" else quantity


def _calls(row: Row) -> list[Call]:
    made = [row.of, row.published, *(term.above for term in row.terms)]
    calls = [call for call in made if isinstance(call, Call)]
    return [*calls, *(call.less for call in calls if call.less)]
