"""`memjax diff A B`: what differs between two results folders, and by how much."""

import itertools
import json
from collections.abc import Hashable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from memjax.claims import Claim
from memjax.cli.folder import Folder
from memjax.engine import BadValue
from memjax.engine.asked.question import compared, difference
from memjax.engine.kept.store import Shard, Store
from memjax.engine.planned.words import count

SAME = "no difference in flags, questions, verdicts or values"


def diff(a: Path, b: Path) -> str:
    """Flags and questions, verdicts that moved, the largest difference per quantity."""
    one, other = (_results(path) for path in (a, b))
    lines = [*_flags(a, b), *_questions(a, b), *_verdicts(a, b)]
    for name in dict.fromkeys([*one, *other]):
        if name not in one or name not in other:
            lines.append(f"{name}: only in {a if name in one else b}")
        else:
            lines += _values(name, (a, one[name]), (b, other[name]))
    return "\n".join(lines or [SAME])


def _results(path: Path) -> dict[str, xr.Dataset]:
    found = Folder(path).load()
    if found is None:
        raise BadValue("", f"diff: {path} holds no results.nc")
    return found


def _flags(a: Path, b: Path) -> list[str]:
    before, now = (_text(path / "flags.txt").splitlines() for path in (a, b))
    gone = [line for line in before if line not in now]
    added = [line for line in now if line not in before]
    if not gone and not added:
        return []
    return [f"flags: {' '.join(gone) or '–'} is now {' '.join(added) or '–'}"]


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def _questions(a: Path, b: Path) -> Iterator[str]:
    """Where the sweeps that both folders have answer different questions."""
    for place in sorted(a.glob("sweeps/*/question.json")):
        name = place.parent.name
        other = b / "sweeps" / name / "question.json"
        if other.exists():
            asked = (json.loads(file.read_text()) for file in (place, other))
            found = difference(*asked) or _traces(place.parent, other.parent)
            yield from (f"{name}: {line}" for line in found)


def _traces(a: Path, b: Path) -> list[str]:
    """How the traces of two stores differ; none where either has all of the other's."""
    stores = [Store(path, Shard(0, 1)) for path in (a, b)]
    before, now = ({*store.traces()} for store in stores)
    if before <= now or now <= before:
        return []
    all_old, all_new = (
        [trace for name in sorted(names) if (trace := store.trace(name))]
        for store, names in zip(stores, (before, now), strict=True)
    )
    if len(all_old) < len(before) or len(all_new) < len(now):
        return ["its trace differs, and the record of it is lost"]
    for old, new in itertools.product(all_old, all_new):
        if old["shapes"] == new["shapes"] and old["text"] != new["text"]:
            return compared(old, new)
    return difference(_shapes(all_old), _shapes(all_new))


def _shapes(traces: list[dict[str, Any]]) -> dict[str, str]:
    """The values that each shape has among some traces."""
    held: dict[str, set[str]] = {}
    for trace in traces:
        for name, value in trace["shapes"].items():
            held.setdefault(name, set()).add(value)
    by_size = partial(sorted, key=lambda text: (len(text), text))
    return {name: ", ".join(by_size(values)) for name, values in held.items()}


def _verdicts(a: Path, b: Path) -> Iterator[str]:
    """Claims whose verdict moved, and those that only one folder makes."""
    before, now = (_claims(path) for path in (a, b))
    for name in dict.fromkeys([*before, *now]):
        if name not in now or name not in before:
            yield f"claim: {name}: only in {a if name in before else b}"
        elif before[name].verdict != now[name].verdict:
            yield f"claim: {name}: {_told(before[name])} is now {_told(now[name])}"


def _claims(path: Path) -> dict[str, Claim]:
    records = json.loads(_text(path / "claims.json") or "[]")
    return {record["name"]: Claim.from_record(record) for record in records}


def _told(claim: Claim) -> str:
    measured = claim.measured
    shown = f"{measured:.5g}" if isinstance(measured, float) else measured
    return f"{claim.verdict} ({shown})" if measured is not None else claim.verdict


def _values(sweep: str, *found: tuple[Path, xr.Dataset]) -> Iterator[str]:
    """The largest difference of each quantity, over the lanes that both have."""
    (_, one), (_, other) = found
    a, b = xr.align(one, other, join="inner")
    paired = a.status.size
    if paired < max(one.status.size, other.status.size):
        sizes = f"{one.status.size} and {other.status.size} runs"
        yield f"{sweep}: {count(paired, 'run')} in both, of {sizes}"
    for name in dict.fromkeys([*one.data_vars, *other.data_vars]):
        if name not in a or name not in b:
            (folder,) = (path for path, ds in found if name in ds)
            yield f"{sweep}.{name}: only in {folder}"
        elif a[name].dims != b[name].dims:
            yield f"{sweep}.{name}: dimensions {a[name].dims} are now {b[name].dims}"
        elif a[name].size:
            yield from _largest(f"{sweep}.{name}", a[name], b[name])


def _largest(name: str, a: xr.DataArray, b: xr.DataArray) -> Iterator[str]:
    if a.dtype.kind not in "iufb" or b.dtype.kind not in "iufb":
        unequal = int((a != b).sum())
        if unequal:
            yield f"{name}: {unequal} of {a.size} differ"
        return
    before, now = a.astype(float), b.astype(float)
    lost = int((before.isnull() != now.isnull()).sum())
    if lost:
        yield f"{name}: {lost} of {a.size} are a number in one only"
    away = abs(before - now).where(before != now, 0.0).fillna(0.0)
    if float(away.max()) > 0:
        at, x, y = (v.isel(away.argmax(...)) for v in (away, before, now))
        moved = f"{float(x):.6g} is now {float(y):.6g}"
        yield f"{name}: at most {float(at):.3g} ({moved}) at {_where(at, a.dims)}"


def _where(at: xr.DataArray, dims: Iterable[Hashable]) -> str:
    """The labels of one entry, along the dimensions that it stood on."""
    labels = {str(n): at[n].item() for n in dims if n in at.coords}
    return ", ".join(f"{n} {_label(v)}" for n, v in labels.items()) or "its one value"


def _label(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)
