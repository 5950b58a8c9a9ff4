"""Tables of claims against the sweeps that they are about, before anything runs."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from memjax.claims.claim import Claim
from memjax.claims.rows import BadTable, Call, Row, table_of


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


def check(module: ModuleType, sweeps: Mapping[str, Any]) -> None:
    """Refuse a table that names a sweep, quantity, measure or label that is not there.

    `BadTable` names all such lines of the table of an experiment. Measures are tried on
    results of the form of `sweeps` with random numbers; nothing is compiled.
    """
    trial = Trial({n: sweep.made_up() for n, sweep in sweeps.items() if sweep})
    module.claims(trial)
    if trial.problems:
        name = table_of(module.__file__ or "").name
        raise BadTable("\n".join([f"{name} does not fit its sweeps:", *trial.problems]))


def _calls(row: Row) -> list[Call]:
    made = [row.of, row.published, *(term.above for term in row.terms)]
    return [call for call in made if isinstance(call, Call)]
