"""`memjax watch FOLDER`: how far a sweep is, from its files alone, on any machine."""

import functools
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.text import Text

from memjax.engine import BadValue
from memjax.engine.kept.blocks import Kept, Planned, unpack
from memjax.engine.kept.files import read_arrays
from memjax.engine.kept.store import Shard, Store
from memjax.engine.planned.plan import count, duration
from memjax.quantities import Named

SECONDS = 2.0  # between two looks
UNTOLD = ("diverged_at", "step")


def watch(folder: Path) -> None:
    """Say how far the sweeps in a folder are; on a terminal, until they are done."""
    console = Console(highlight=False)
    if not console.is_terminal:
        print(told(look(folder)))
        return
    with Live(console=console, auto_refresh=False) as live:
        while True:
            found = look(folder)
            live.update(Text(told(found)), refresh=True)
            if all(seen and seen.ended == seen.asked for seen in found.values()):
                return
            time.sleep(SECONDS)


class Seen(NamedTuple):
    """How far one sweep is."""

    asked: int
    ended: int
    begun: int  # runs under way
    diverged: int
    left: float  # seconds
    written: float | None  # seconds since anything was
    medians: dict[str, float]  # of what was logged last

    def __str__(self) -> str:
        parts = [f"{self.ended} of {count(self.asked, 'run')} done"]
        parts += [f"{self.begun} under way"] if self.begun else []
        parts += [f"{self.diverged} diverged"] if self.diverged else []
        parts += [f"about {duration(self.left)} left"] if self.left else []
        if self.ended < self.asked and self.written is not None:
            parts.append(f"last written {duration(self.written)} ago")
        return ", ".join(parts)


def told(found: dict[str, Seen | None]) -> str:
    """A line a sweep, and one for the medians of its runs."""
    lines = []
    for name, seen in found.items():
        lines.append(f"{name}: {seen or 'has not begun'}")
        if seen and seen.medians:
            medians = (f"{n} {value:.4g}" for n, value in seen.medians.items())
            lines.append(f"  medians: {', '.join(medians)}")
    return "\n".join(lines)


def look(folder: Path) -> dict[str, Seen | None]:
    """How far each sweep of a results folder is, or the one of a store."""
    asked = folder / "question.json"
    if not asked.exists():
        raise BadValue("", f"watch: no sweep has begun in {folder}")
    names = json.loads(asked.read_text()).get("sweeps")
    if names is None:  # a store
        return {folder.name: seen_in(folder)}
    places = {name: folder / "sweeps" / name for name in names}
    begun = {n for n, place in places.items() if (place / "question.json").exists()}
    return {n: seen_in(p) if n in begun else None for n, p in places.items()}


def seen_in(store: Path) -> Seen:
    """How far the sweep in a store is."""
    blocks = Store(store, Shard(0, 1)).blocks
    kept = [k for f in sorted(store.glob("block-*.npz")) if (k := _finished(f))]
    ended = {key for keys, _, _ in kept for key in keys}
    underway = list(blocks.underway())
    planned = {shard: Store(store, shard).planned() for shard in _shards(store)}
    wanted = {key for blocks in planned.values() for b in blocks for key in _keys(b)}
    return Seen(
        asked=max(len(wanted | ended), Store(store, Shard(0, 1)).lanes()),
        ended=len(ended),
        begun=len({key for keys, _, _ in underway for key in keys} - ended),
        diverged=sum(map(_diverged, kept)),
        left=max((_left(store, b, ended) for b in planned.values()), default=0.0),
        written=_since_written(store),
        medians=_medians([*kept, *underway]),
    )


@functools.cache
def _finished(file: Path) -> Kept | None:
    """A finished block, which does not change any more."""
    found = read_arrays(file)
    return unpack(*found) if found else None


def _shards(store: Path) -> Iterator[Shard]:
    """The processes that have planned their share: of `plan-0of2-000.json`, 0 of 2."""
    for name in sorted({f.name.split("-")[1] for f in store.glob("plan-*.json")}):
        which, _, of = name.partition("of")
        yield Shard(int(which), int(of))


def _keys(block: Planned) -> list[str]:
    """The lanes of a block, without the copies that fill it up."""
    return [key for key, real in zip(block.keys, block.real, strict=True) if real]


def _left(store: Path, blocks: list[Planned], ended: set[str]) -> float:
    """Seconds that one process needs for its blocks, at the speed that it had."""
    ahead = [b for b in blocks if not ended.issuperset(_keys(b))]
    predicted = sum(b.seconds * (1 - _share(store, b)) for b in ahead)
    return predicted * _slower(store, blocks)


def _since_written(store: Path) -> float | None:
    """Seconds since a result or a state was; many where nobody is at work."""
    files = itertools.chain(store.glob("block-*.npz"), store.glob("state-*.npz"))
    last = max((file.stat().st_mtime for file in files), default=None)
    return None if last is None else max(0.0, time.time() - last)


def _share(store: Path, block: Planned) -> float:
    """How much of a block's steps are done."""
    try:
        with np.load(store / f"state-{block.name}.npz") as saved:
            header = json.loads(str(saved["header"]))
    except FileNotFoundError:
        return 0.0
    return header["done"] / len(header["times"])


def _slower(store: Path, blocks: list[Planned]) -> float:
    """How many times longer than predicted blocks took, at the median; 1 if unknown."""
    written = []
    for block in blocks:
        file = store / f"block-{block.name}.npz"
        if file.exists():
            written.append((file.stat().st_mtime, block.seconds))
    written.sort()
    pairs = itertools.pairwise(written)
    ratios = [(b - a) / seconds for (a, _), (b, seconds) in pairs if seconds > 0]
    return float(np.median(ratios)) if ratios else 1.0


def _diverged(kept: Kept) -> int:
    return int((np.asarray(kept.outcome.final.get("diverged_at", -1)) >= 0).sum())


def _medians(kept: list[Kept]) -> dict[str, float]:
    """Over the runs that are numbers, of what has one value a run, as logged last."""
    found: dict[str, list[np.ndarray]] = {}
    for _, outcome, _ in kept:
        last = {n: v[:, -1] for n, v in outcome.logged.items() if _plain(v, 2)}
        final = {n: v for n, v in outcome.final.items() if _plain(v, 1)}
        for name, values in {**last, **final}.items():
            found.setdefault(name, []).append(values.astype(float))
    every = {n: np.concatenate(v) for n, v in found.items() if n not in UNTOLD}
    known = {n: v[~np.isnan(v)] for n, v in every.items()}
    return {n: float(np.median(v)) for n, v in known.items() if len(v)}


def _plain(value: Any, dims: int) -> bool:
    return not isinstance(value, Named) and value.ndim == dims and value.shape[-1] > 0
