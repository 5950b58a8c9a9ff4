"""From the signature of an experiment's `sweeps` to its command-line flags."""

import difflib
import inspect
import re
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

from absl import flags

from memjax.claims import BadTable, lines_of, unknown_sweeps
from memjax.cli.comments import parameter_help
from memjax.cli.grammar import (
    GRAMMAR,
    kind_of,
    number,
    parse_axis,
    parse_seeds,
    whole,
    written,
)
from memjax.engine import BadValue, Sweep
from memjax.engine.asked.grid import MOST_RUNS

SHARED = {
    "out": ("", "directory for the results; default results/NAME/<identity>"),
    "dry_run": (False, "say what would run, where, and for how long; run nothing"),
    "machine": ("", "one that a --dry_run is for, here or not: h100"),
    "resume": (True, "go on where an earlier run stopped; --noresume refuses to"),
    "overwrite": (False, "start again where results lie already"),
    "plot_only": (False, "draw figure and claims again from saved results"),
    "chunk": (0, "lanes that run in one vmap; 0 chooses"),
    "max_runs": (
        0,
        f"refuse more runs than this; 0 is no limit; {MOST_RUNS} a sweep at most",
    ),
    "fail_on_diverged": (False, "exit with 3 where a run diverged"),
    "cache": (True, "keep compiled programs in the user's cache directory"),
    "num_shards": (0, "share the runs among so many processes; 0 asks SLURM, or is 1"),
    "shard_index": (-1, "which share is this process's, from 0; -1 asks SLURM"),
    "scheduler": ("", "address:port of a dask scheduler whose workers run it"),
    "distributed": (False, "share the runs among the processes of jax.distributed"),
    "coordinator": ("", "address:port of its first process, where nobody tells"),
    "num_processes": (0, "how many processes it has, where nobody tells"),
    "process_id": (0, "which of them this is, where nobody tells"),
}
REPEATED = ("chunk", "max_runs", "fail_on_diverged", "cache")  # part of a flags.txt


class Reader(flags.ArgumentParser):
    """An absl parser around one function from text to value."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        self.read = read

    def parse(self, argument: Any) -> Any:
        return self.read(argument) if isinstance(argument, str) else argument


class Writer(flags.ArgumentSerializer):
    """Writes an axis as a flag that reads back as it was."""

    def serialize(self, value: Any) -> str:
        return written(value)


def define(module: ModuleType) -> flags.FlagValues:
    """The flags of an experiment: one a parameter of `sweeps`, and shared ones."""
    values = flags.FlagValues()
    helps = parameter_help(module)
    for name, parameter in inspect.signature(module.sweeps).parameters.items():
        if name in SHARED:
            raise BadValue(name, "is a shared flag; sweeps() needs another name for it")
        _define_one(values, name, parameter.default, helps.get(name, ""))
    for name, (default, text) in SHARED.items():
        _define_one(values, name, default, text)
    return values


def _define_one(values: flags.FlagValues, name: str, default: Any, text: str) -> None:
    options: Any = {"flag_values": values, "module_name": "experiment"}
    if name == "seeds" and type(default) is int:
        default = range(default)
    if isinstance(default, bool):
        flags.DEFINE_boolean(name, default, text, **options)
    elif isinstance(default, str):
        flags.DEFINE_string(name, default, text, **options)
    elif isinstance(default, int | float):
        read = whole if isinstance(default, int) else number
        flags.DEFINE(
            Reader(read),
            name,
            default,
            text,
            serializer=flags.ArgumentSerializer(),
            **options,
        )
    elif isinstance(default, tuple | list | range):
        if name == "seeds":
            read_axis: Callable = parse_seeds
        else:
            kind = kind_of(default)
            read_axis = lambda written: parse_axis(written, kind)  # noqa: E731
        flags.DEFINE(
            Reader(read_axis),
            name,
            tuple(default),
            text,
            serializer=Writer(),
            **options,
        )
    else:
        raise BadValue(name, f"needs a default to be a flag, got {default!r}")


def parse(module: ModuleType, argv: list[str]) -> flags.FlagValues:
    """The flags as given; a `BadValue` names the first one that cannot be read."""
    values = define(module)
    try:
        rest = values(argv)
    except flags.UnrecognizedFlagError as error:
        problem = _nearest(error.flagname, list(values))
        raise BadValue("", f"--{error.flagname}: {problem}") from None
    except flags.IllegalFlagValueError as error:
        raise _bad_value(error) from None
    except flags.CantOpenFlagFileError as error:
        problem = str(error).partition("[Errno ")[2].partition("] ")[2]
        raise BadValue("flagfile", f"cannot be read: {problem or error}") from None
    except flags.Error as error:
        problem = str(error).splitlines()[0]
        name = problem.partition("Missing value for flag --")[2]
        problem = "needs a value: --name=value" if name else problem
        raise BadValue(name or "flagfile", problem) from None
    if len(rest) > 1:
        problem = "a list is written without blanks, every flag as --name=value"
        raise BadValue(
            "", f"stray words after the flags: {' '.join(rest[1:])} ({problem})"
        )
    return values


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    hint = f"did you mean --{near[0]}?" if near else "see --help"
    return f"unknown flag; {hint}"


def _bad_value(error: Exception) -> BadValue:
    found = re.match(r"flag --(\w+)=(.*?): (.*)", str(error), re.DOTALL)
    if found is None:
        return BadValue("", str(error).splitlines()[0])
    problem = found[3].splitlines()[0]
    if "Non-boolean argument" in problem:
        problem = f"needs true or false, got {found[2]}"
    if "," in found[2] and problem == f"needs a number, got '{found[2]}'":
        problem = f"takes one value, got {found[2]}; the default of an axis is a tuple"
    return BadValue(found[1], problem)


def config(module: ModuleType, values: flags.FlagValues) -> dict[str, Any]:
    """The arguments of `sweeps`, from its flags."""
    return {
        name: values[name].value for name in inspect.signature(module.sweeps).parameters
    }


def stated(module: ModuleType, values: flags.FlagValues) -> dict[str, Sweep]:
    """The sweeps of an experiment for its flags, without those that are None.

    Its table of claims is read, too: `BadTable` where it names a sweep that no flags
    would have.
    """
    sweeps = _made(module, values)
    lines = lines_of(module)
    if unknown_sweeps(lines, [*sweeps]):
        wrong = unknown_sweeps(lines, [*sweeps, *stated_in_full(module)])
        if wrong:
            raise BadTable("; ".join(wrong))
    return sweeps


def _made(module: ModuleType, values: flags.FlagValues) -> dict[str, Sweep]:
    given = config(module, values)
    changed = [n for n in given if not values[n].using_default_value]
    try:
        sweeps = module.sweeps(**given)
    except BadValue:
        raise
    except Exception as error:  # of what the experiment makes of its flags
        if not changed:
            raise
        line = traceback.extract_tb(error.__traceback__)[-1]
        problem = f"{error} ({type(error).__name__}, {line.name}:{line.lineno})"
        raise BadValue(changed[0] if len(changed) == 1 else "", problem) from error
    return {name: sweep for name, sweep in sweeps.items() if sweep is not None}


def stated_in_full(module: ModuleType) -> dict[str, Sweep]:
    """Every sweep of an experiment: its defaults with every switch off, then on."""
    made: dict[str, Sweep] = {}
    for on in (False, True):
        values = define(module)
        for name in config(module, values):
            if isinstance(values[name].value, bool):
                values[name].value = on
        made |= _made(module, values)
    return made | _made(module, define(module))


def as_text(module: ModuleType, values: flags.FlagValues) -> str:
    """The flags as a file that `--flagfile=` reads."""
    names = [*config(module, values), *REPEATED]
    return "".join(values[n].serialize() + "\n" for n in names)


def help_text(module: ModuleType, command: str) -> str:
    """What `--help` prints."""
    values = define(module)
    lines = [
        inspect.cleandoc(module.__doc__ or ""),
        "",
        f"usage: {command} [--flag=value ...]",
    ]
    lines += ["", f"Flags of this experiment. An axis takes {GRAMMAR}."]
    lines += [_row(values, n) for n in config(module, values)]
    lines += ["", "Flags of every experiment."]
    lines += [_row(values, n) for n in SHARED]
    lines += [
        "  --flagfile=FILE\n      read flags from a file, such as a flags.txt of a run"
    ]
    return "\n".join(lines)


def _row(values: flags.FlagValues, name: str) -> str:
    flag = values[name]
    default = flag.default
    if isinstance(default, tuple):
        counted = name == "seeds" and default == tuple(range(len(default)))
        shown = str(len(default)) if counted else written(default)
    else:
        shown = str(default).lower() if isinstance(default, bool) else str(default)
    return f"  --{name}={shown}\n      {flag.help}"
