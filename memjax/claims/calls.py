"""What a line of a table is of: a quantity or a measure, or how much above another."""

import shlex
from collections.abc import Sequence
from typing import Any, NamedTuple

WORDS = {"": None, "yes": True, "no": False}
LESS = "-"


class Call(NamedTuple):
    """A quantity of a sweep, `main.loss`, or a measure and words for it.

    It has the labels `at`, `main.loss kind=a`, besides those of its line, and what is
    to be taken from it, where a line is of a difference.
    """

    name: str
    words: tuple[str, ...]
    at: dict[str, Any]
    less: "Call | None" = None


def call(text: str) -> Call:
    """A quantity or a measure as it is written, or a difference, `this - that`."""
    words = shlex.split(text)
    if LESS not in words:
        return _one(words)
    cut = words.index(LESS)
    first, second = words[:cut], words[cut + 1 :]
    if not first or not second or LESS in second:
        raise ValueError(f"a difference is written 'this - that', not '{text}'")
    return _one(first)._replace(less=_one(second))


def _one(words: Sequence[str]) -> Call:
    name, *given = words
    own = labels([word for word in given if "=" in word])
    return Call(name, tuple(word for word in given if "=" not in word), own)


def labels(words: Sequence[str]) -> dict[str, Any]:
    """Labels that are written `name=value`."""
    found = {}
    for word in words:
        name, equals, told = word.partition("=")
        if not equals or not told:
            raise ValueError(f"labels are written name=value, not {word}")
        found[name] = value(told)
    return found


def value(text: str) -> Any:
    """What a cell holds: nothing, yes or no, a number, or a word."""
    try:
        return WORDS[text] if text in WORDS else float(text)
    except ValueError:
        return text
