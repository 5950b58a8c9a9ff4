"""The list of a package's experiments: name, claim, cost."""

import importlib
import pkgutil
from types import ModuleType

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from memjax.sweep import use_all_cores
from memjax.sweep.plan import duration


def catalogue(package: ModuleType) -> str:
    """A table of the experiments in a package, from their docstrings and defaults."""
    use_all_cores()
    rows = Table(box=SIMPLE_HEAD)
    rows.add_column("experiment", no_wrap=True)
    rows.add_column("claim")
    rows.add_column("default cost")
    with Console(stderr=True).status("") as status:  # seen on a terminal only
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if found.name.rpartition(".")[2].startswith("_"):
                continue
            status.update(f"pricing {found.name}")
            module = importlib.import_module(found.name)
            claim = (module.__doc__ or "").strip().splitlines()[0]
            rows.add_row(f"python -m {found.name}", claim, cost(module))
    console = Console(width=100)
    with console.capture() as text:
        console.print(rows)
    return text.get().rstrip()


def cost(module: ModuleType) -> str:
    """The runs of an experiment's defaults, and how long they should take here."""
    sweeps = module.sweeps().values()
    seconds = sum(sweep.plan().seconds for sweep in sweeps)
    return f"{sum(map(len, sweeps))} runs, about {duration(seconds)}"
