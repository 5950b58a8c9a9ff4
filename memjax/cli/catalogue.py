"""`python -m PACKAGE`: its experiments, their records, and what all of them found."""

import ast
import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from memjax.claims import BadTable, held, scoreboard
from memjax.cli.flags import define, stated
from memjax.cli.launch import DONE, USAGE, fail
from memjax.cli.named import names
from memjax.cli.records import claims_in, record, recorded
from memjax.engine import BadValue, Refused, use_all_cores
from memjax.engine.planned.words import duration

USE = """usage: python -m {name} [--prices | --record [NAME ...] | --scoreboard]

Lists the experiments, and what the last run of their defaults took and found.
  --prices            and what the defaults should take here
  --record [NAME ...] run the defaults, of all or of some, and keep what they find
  --scoreboard        the claims of all records, by kind and source"""


def catalogue(package: ModuleType, argv: list[str]) -> int:
    """The exit code of a package's command line."""
    name, known = package.__name__, names(package)
    asked, words = argv[1:2], argv[2:]
    if asked in ([], ["--prices"]) and not words:
        print(listing(package, f"python -m {name}.…", bool(asked)))
        return DONE
    if asked == ["--scoreboard"] and not words:
        print(scored(package))
        return DONE
    unknown = [word for word in words if word not in known]
    if asked == ["--record"] and not unknown:
        return max([_recorded(package, name) for name in words or known], default=DONE)
    if unknown and asked == ["--record"]:
        there = ", ".join(known)
        return fail(f"--record: no {', '.join(unknown)} in {there}", USAGE)
    print(USE.format(name=name))
    return USAGE


def listing(package: ModuleType, head: str, priced: bool = False) -> str:
    """A table of the experiments in a package: claims, and what their records say.

    `head` says how they are run. None is imported unless it is to be priced.
    """
    rows, records = Table(box=SIMPLE_HEAD), recorded(package)
    rows.add_column(head, no_wrap=True)
    for head in ("claim", "seconds", "held / judged"):
        rows.add_column(head)
    if priced:
        rows.add_column("default cost")
    for name in names(package):
        row = [name, claim(package, name)]
        told = records.get(name)
        row += [f"{sum(told['seconds'].values()):.0f}" if told else "–"]
        row += [held(claims_in(told)) if told else "–"]
        if priced:
            row += [cost(importlib.import_module(f"{package.__name__}.{name}"))]
        rows.add_row(*row)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 100
    with console.capture() as text:
        console.print(rows)
    return text.get().rstrip()


def scored(package: ModuleType) -> str:
    """The claims of all records of a package, by kind and source."""
    return scoreboard({n: claims_in(told) for n, told in recorded(package).items()})


def claim(package: ModuleType, name: str) -> str:
    """The first line of an experiment's docstring, read without importing it."""
    file = Path(package.__path__[0], f"{name}.py")
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return text.strip().partition("\n")[0]


def cost(module: ModuleType) -> str:
    """The runs of an experiment's defaults, and how long they should take here."""
    use_all_cores()
    sweeps = stated(module, define(module)).values()
    seconds = sum(sweep.plan().seconds for sweep in sweeps)
    return f"{sum(map(len, sweeps))} runs, about {duration(seconds)}"


def _recorded(package: ModuleType, name: str) -> int:
    """The exit code of one experiment's default command; its errors are one line."""
    try:
        return record(importlib.import_module(f"{package.__name__}.{name}"))
    except (BadValue, BadTable, Refused, OSError) as error:
        return fail(f"{name}: {error}", USAGE)
