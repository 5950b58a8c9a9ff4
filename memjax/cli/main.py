"""`memjax`, the installed command: a verb and its words."""

import difflib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import memjax
from memjax.cli.catalogue import listing, scored
from memjax.cli.diff import diff
from memjax.cli.launch import DONE, USAGE, command, fail, leave, told_in_a_line
from memjax.cli.named import experiment, ours
from memjax.cli.new import new
from memjax.cli.slurm import script
from memjax.cli.watch import watch
from memjax.engine import BadValue

USE = """usage: memjax VERB …

  memjax list [--prices | --scoreboard]  the experiments that come with memjax
  memjax run NAME [--flag=value …]       run one; --help tells its flags
  memjax new NAME                        write an experiment, its table and its test
  memjax diff A B                        what differs between two results folders
  memjax watch FOLDER                    how far a sweep is that runs somewhere
  memjax slurm NAME [--tasks=16] [--flag=value …]
                                         print a script for a SLURM array

NAME is one of those in the list, NAME.py in this folder, or a path that ends in .py."""


def main() -> NoReturn:
    """The command `memjax`, on the words that the shell gives."""
    leave(answer(sys.argv[1:]))


def answer(words: Sequence[str]) -> int:
    """The exit code of `memjax` followed by some words."""
    if not words or words[0] in ("-h", "--help", "help"):
        print(USE)
        return DONE if words else USAGE
    if words[0] == "--version":
        print(f"memjax {memjax.__version__}")
        return DONE
    if words[0] not in VERBS:
        near = difflib.get_close_matches(words[0], VERBS, 1)
        hint = f"did you mean {near[0]}?" if near else f"verbs are {', '.join(VERBS)}"
        return fail(f"memjax {words[0]}: {hint}", USAGE)
    return told_in_a_line(lambda: VERBS[words[0]](list(words[1:])))


def _list(words: list[str]) -> int:
    if words not in ([], ["--prices"], ["--scoreboard"]):
        raise BadValue("", "memjax list takes --prices or --scoreboard, or nothing")
    scores, head = words == ["--scoreboard"], "memjax run …"
    print(scored(ours()) if scores else listing(ours(), head, bool(words)))
    return DONE


def _run(words: list[str]) -> int:
    name = _first(words, "run NAME")
    return command(experiment(name), [name, *words[1:]])


def _new(words: list[str]) -> int:
    print(new(_first(words, "new NAME", 1), Path()))
    return DONE


def _diff(words: list[str]) -> int:
    _first(words, "diff A B", 2)
    print(diff(*map(Path, words)))
    return DONE


def _watch(words: list[str]) -> int:
    watch(Path(_first(words, "watch FOLDER", 1)))
    return DONE


def _slurm(words: list[str]) -> int:
    name = _first(words, "slurm NAME")
    module = experiment(name)

    def printed() -> int:
        print(script(name, module, words[1:]))
        return DONE

    return told_in_a_line(printed, module)


def _first(words: list[str], use: str, count: int | None = None) -> str:
    """The first word after a verb that takes so many, or one and flags."""
    enough = len(words) == count if count else bool(words)
    if not enough or words[0].startswith("-"):
        raise BadValue("", f"usage: memjax {use}")
    return words[0]


VERBS: dict[str, Callable[[list[str]], int]] = {
    "list": _list,
    "run": _run,
    "new": _new,
    "diff": _diff,
    "watch": _watch,
    "slurm": _slurm,
}
