"""Which question a sweep answers: compared, and a difference told."""

import hashlib
import json
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from types import CodeType
from typing import Any

from jax.extend.core import Jaxpr

from memjax.engine.asked.jaxprs import equations
from memjax.engine.asked.lane import Lane
from memjax.engine.asked.parameters import label
from memjax.engine.asked.text import fingerprint, first_difference


def digest(value: Any) -> str:
    """A short name for a JSON value."""
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


MISSING = object()


def difference(stored: Any, asked: Any, path: str = "") -> list[str]:
    """Where two questions differ, one line each: `fixed.lr: 0.1 is now 0.2`."""
    if isinstance(stored, dict) and isinstance(asked, dict):
        names = sorted({*stored, *asked})
        at = {n: f"{path}.{n}".lstrip(".") for n in names}
        parts = (
            difference(stored.get(n, MISSING), asked.get(n, MISSING), at[n])
            for n in names
        )
        return [line for part in parts for line in part]
    if stored is MISSING or isinstance(asked, dict):
        return [f"{path} is new" + ("" if isinstance(asked, dict) else f": {asked}")]
    if asked is MISSING or isinstance(stored, dict):
        return [f"{path} is not asked for"]
    return [] if stored == asked else [f"{path}: {stored} is now {asked}"]


def record(lane: Lane, shapes: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a trace: to recognize it, and to explain a difference."""
    return {
        "shapes": {name: str(label(value)) for name, value in shapes.items()},
        "definitions": {
            name_of(code): does(code) for code in codes_of(lane.traced.jaxprs)
        },
        "text": lane.text,
    }


def explained(stored: dict[str, Any], lane: Lane, shapes: dict[str, Any]) -> list[str]:
    """How a trace differs from a stored one, for whoever has to find out why."""
    return compared(stored, record(lane, shapes))


def compared(stored: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    """How one trace differs from another, by what was kept of both."""
    found = difference(stored["shapes"], asked["shapes"])
    if found:
        return found
    before, now = stored["definitions"], asked["definitions"]
    changed = sorted(n for n in {*before, *now} if before.get(n) != now.get(n))
    if changed:
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        found.append(f"changed since: {', '.join(changed[:5])}{more}")
    old, new = first_difference(stored["text"], asked["text"])
    return [*found, f"first in the trace: {_apart(old, new)}"]


def _apart(old: str, new: str) -> str:
    """Two lines from where they part, in few words."""
    at = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
    start = max(0, old.rfind(" ", 0, max(0, at - 20)))
    return f"`{_short(old[start:])}` is now `{_short(new[start:])}`"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:60]} …"


# --- code behind a trace ------------------------------------------------------------

PLACES = ("stdlib", "platstdlib", "purelib", "platlib")
INSTALLED = tuple(sysconfig.get_path(place) for place in PLACES)


def codes_of(jaxprs: Iterable[Jaxpr]) -> list[CodeType]:
    """The functions that these traces went through, but for those of packages."""
    found: set[CodeType] = set()
    for jaxpr in jaxprs:
        for equation in equations(jaxpr):
            found |= _behind(equation.source_info.traceback)
    own = (c for c in found if not c.co_filename.startswith((*INSTALLED, "<")))
    return sorted(own, key=name_of)


def _behind(traceback: Any) -> set[CodeType]:
    return set() if traceback is None else set(traceback.raw_frames()[0])


def name_of(code: CodeType) -> str:
    """A function's name, after that of its file."""
    return f"{Path(code.co_filename).stem}.{code.co_qualname}"


def does(code: CodeType) -> str:
    """What a function's code does, whatever its comments, docstring and place."""

    def text(value: Any) -> str:
        if isinstance(value, frozenset):  # in another order in every process
            return str(sorted(map(repr, value)))
        return does(value) if isinstance(value, CodeType) else repr(value)

    constants = sorted(map(text, code.co_consts)) if code.co_consts else []
    version = sys.version_info[:2]
    return fingerprint([str(version), code.co_code.hex(), *code.co_names, *constants])
