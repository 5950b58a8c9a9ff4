"""Which question a sweep answers: compared, and a difference told."""

import hashlib
import json
from typing import Any

from memjax.sweep.fingerprint import first_difference
from memjax.sweep.grid import label
from memjax.sweep.lane import Lane, does, name_of


def digest(value: Any) -> str:
    """A short name for a JSON value."""
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def difference(stored: Any, asked: Any, path: str = "") -> list[str]:
    """Where two questions differ, one line each: `fixed.lr: 0.1 is now 0.2`."""
    if isinstance(stored, dict) and isinstance(asked, dict):
        names = sorted({*stored, *asked})
        at = {n: f"{path}.{n}".lstrip(".") for n in names}
        parts = (difference(stored.get(n), asked.get(n), at[n]) for n in names)
        return [line for part in parts for line in part]
    if isinstance(stored, dict) or isinstance(asked, dict):
        return [f"{path} is {'new' if isinstance(asked, dict) else 'not asked for'}"]
    return [] if stored == asked else [f"{path}: {stored} is now {asked}"]


def record(lane: Lane, shapes: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a trace: to recognize it, and to explain a difference."""
    return {
        "shapes": {name: str(label(value)) for name, value in shapes.items()},
        "definitions": {name_of(code): does(code) for code in lane.codes},
        "text": lane.text,
    }


def explained(stored: dict[str, Any], lane: Lane, shapes: dict[str, Any]) -> list[str]:
    """How a trace differs from a stored one, for whoever has to find out why."""
    asked = record(lane, shapes)
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
