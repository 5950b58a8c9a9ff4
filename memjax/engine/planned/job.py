"""A sweep that is to be done now: its run, traced where it is needed, and no more."""

import inspect
import linecache
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from types import CodeType
from typing import Any

import jax
import numpy as np

from memjax.engine.asked.axes import Per
from memjax.engine.asked.grid import Grid, names_of
from memjax.engine.asked.lane import Kinds, Lane, kinds_of
from memjax.engine.asked.parameters import BadValue, bare, label
from memjax.engine.asked.question import codes_of, name_of
from memjax.engine.asked.settings import numerics, versions
from memjax.engine.asked.trace import Moment, Traced, moment, trace, uncollected
from memjax.engine.asked.values import tree_text
from memjax.engine.planned.group import Group, tiles_of
from memjax.engine.planned.known import MOST, Value
from memjax.engine.planned.machines import Machine
from memjax.engine.planned.price import price

UNCUT = ("capacity", "max_steps")  # no time goes to rows or steps that pad
LIBRARY = Path(__file__).parents[2]


class Job:
    """What is mapped over what, on which machine, at one moment.

    What a run names may change between two moments, so at each it is traced anew;
    within a job, each choice of shapes is traced once.
    """

    def __init__(
        self,
        run: Any,
        grid: Grid,
        inputs: Mapping[str, Any],
        machine: Machine,
        at: Moment | None = None,
    ) -> None:
        self.run, self.grid, self.inputs = run, grid, dict(inputs)
        self.machine = machine
        self._lanes: dict[tuple, Lane] = {}
        self.plans: dict[tuple, Any] = {}  # of some of its lanes, made once each
        self.moment = (at or moment())._replace(wide=machine.wave)
        self._tracing = self._in_xla = 0.0

    def on(self, machine: Machine) -> "Job":
        """The same on another machine, which may not be here."""
        return Job(self.run, self.grid, self.inputs, machine)

    def lane(self, shapes: dict[str, Any]) -> Lane:
        """The trace that lanes of these shapes share."""
        plain = int | float | str
        key = tuple(
            (n, v if isinstance(v, plain) else id(bare(v))) for n, v in shapes.items()
        )
        if key not in self._lanes:
            began, of = time.perf_counter(), self.kinds.numbers
            settled = {
                n: of[n].dtype.type(v) if n in of else v for n, v in shapes.items()
            }
            left = {n: kind for n, kind in of.items() if n not in shapes}
            kinds = self.kinds._replace(numbers=left)
            traced = trace(self.run, settled, left, kinds.inputs, self.moment)
            self._tracing += time.perf_counter() - began
            self._lanes[key] = Lane(traced, kinds)
        return self._lanes[key]

    def groups(
        self, lanes: np.ndarray, bounds: Mapping[str, Any] | None = None
    ) -> list[Group]:
        """The groups of some lanes, at the bounds that are told or those of the grid.

        Of the grid, numbers that fill their bound in all lanes are shapes.
        """
        positions = self.grid.positions()[lanes]
        found = []
        for shapes, members in self.grid.groups(positions):
            told = self.full(shapes, positions[members]) if bounds is None else bounds
            shapes |= told
            tiles = tiles_of(self.grid, shapes, positions[members])
            with uncollected():
                lane = self.lane(shapes)
                given = self._given(lane.kinds, lanes[members])
                has_memory, prices = self.machine.lanes is None, self.machine.prices
                priced = partial(
                    price, lane.traced, prices, tiles, given, held=has_memory
                )
            steps = self._steps(lane.traced, positions[members])
            found.append(Group(shapes, lanes[members], tiles, steps, priced, lane))
        return found

    def full(self, shapes: Mapping[str, Any], positions: np.ndarray) -> dict[str, Any]:
        """The numbers that fill their bound in all of these lanes.

        Nothing pads there, and a run that is handed such a number as it is masks
        nothing.
        """
        return {
            name: shapes[bound]
            for bound, name in self.grid.bounds.items()
            if bound not in UNCUT and name in self.grid.numbers
            if (self.grid.column(name, positions) == shapes[bound]).all()
        }

    def _steps(self, traced: Traced, positions: np.ndarray) -> np.ndarray:
        """How many steps lanes take: their last logged time, or the number `steps`."""
        if not traced.paced:
            return np.full(len(positions), max(traced.times, default=0))
        if "steps" not in self.grid.numbers:
            problem = f"{self.run.__name__} logs at traced times; call the last of them"
            raise BadValue("steps", f"{problem} `steps`, a number before the *")
        return self.grid.column("steps", positions)

    def numbers(self, lanes: np.ndarray) -> dict[str, np.ndarray]:
        """The numbers of some lanes, and their places along axes that inputs follow."""
        positions = self.grid.positions()[lanes]
        values = {n: self.grid.column(n, positions) for n in self.grid.numbers}
        values["@lane"] = np.arange(len(lanes))  # so that there is something to map
        for given in self.inputs.values():
            if isinstance(given, Per):
                dimension = list(self.grid.axes).index(given.axis)
                values[f"@{given.axis}"] = positions[:, dimension]
        return {name: host_array(v) for name, v in values.items()}

    def _given(self, kinds: Kinds, lanes: np.ndarray) -> list[Callable[[], Value]]:
        """What lanes are handed, to be asked for: numbers, and inputs that are few."""
        numbers = self.numbers(lanes)

        def entries(name: str) -> Any:
            input_of = self.arrays[name]
            if not isinstance(input_of, Per):
                return jax.tree.map(lambda a: partial(_small, a[None], [0]), input_of)
            places = numbers[f"@{input_of.axis}"]
            return jax.tree.map(lambda a: partial(_small, a, places), input_of.tree)

        told = {name: partial(numbers.get, name) for name in kinds.numbers}
        return jax.tree.leaves((told, {name: entries(name) for name in kinds.inputs}))

    @cached_property
    def arrays(self) -> dict[str, Any]:
        """The inputs as arrays."""
        return jax.tree.map(host_array, self.inputs)

    @cached_property
    def kinds(self) -> Kinds:
        """The types of what a lane is handed."""
        numbers = self.numbers(np.arange(1))
        plain = {n: numbers[n] for n in self.grid.numbers}
        return kinds_of(plain, self.arrays)

    @contextmanager
    def in_xla(self) -> Iterator[None]:
        """Time spent here is XLA's: it compiles, or reads what it has compiled."""
        began = time.perf_counter()
        yield
        self._in_xla += time.perf_counter() - began

    def question(self) -> dict[str, Any]:
        """What results depend on besides traces and the values of axes."""
        fixed = {n: v for n, v in self.grid.fixed.items() if n in self.grid.numbers}
        shared = {n: v for n, v in self.arrays.items() if n not in self.kinds.own}
        return {
            "axes": {
                n: _kind(vs) for c in self.grid.axes.values() for n, vs in c.items()
            },
            "fixed": {n: repr(v) for n, v in sorted(fixed.items())},
            "inputs": {n: tree_text(v) for n, v in sorted(shared.items())},
            "numerics": numerics(),
            "versions": versions(),
        }

    def told(self) -> dict[str, Any]:
        """The traces of this job, and the user's functions that they went through."""
        lanes = self._lanes.values()
        codes = {code: None for lane in lanes for code in codes_of(lane.traced.jaxprs)}
        own = [c for c in codes if LIBRARY not in Path(c.co_filename).parents]
        return {
            "fingerprints": [lane.fingerprint for lane in lanes],
            "trace_seconds": round(self._tracing, 3),
            "fingerprint_seconds": round(sum(lane.seconds for lane in lanes), 3),
            "xla_seconds": round(self._in_xla, 3),
            "source": {name_of(c): _source(c) for c in own},
        }

    def keys(self, lanes: np.ndarray) -> list[str]:
        """Names of lanes by what is their own, the same in every job."""
        return names_of(self.labels, lanes)

    @cached_property
    def index(self) -> dict[str, int]:
        """The lanes of the grid by their names."""
        names = self.keys(np.arange(self.grid.lanes))
        return {name: lane for lane, name in enumerate(names)}

    @cached_property
    def labels(self) -> dict[str, dict[str, list]]:
        """Along each dimension, what names a lane: of values, and of inputs there."""
        axes = self.grid.axes.items()
        told = {d: {n: [label(v) for v in vs] for n, vs in c.items()} for d, c in axes}
        return {d: columns | self._marks.get(d, {}) for d, columns in told.items()}

    @cached_property
    def _marks(self) -> dict[str, dict[str, list[str]]]:
        """Along each dimension, the entries of the inputs that follow it, as texts."""
        marks: dict[str, dict[str, list[str]]] = {}
        for name in sorted(self.kinds.own):
            given = self.arrays[name]
            length = len(next(iter(self.grid.axes[given.axis].values())))
            entries = (jax.tree.map(lambda a: a[i], given.tree) for i in range(length))  # noqa: B023
            texts = [str(tree_text(entry)) for entry in entries]
            marks.setdefault(given.axis, {})[f"@{name}"] = texts
        return marks


def _source(code: CodeType) -> str | None:
    """The lines of a function, which `inspect` would look for in every module."""
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
    return "".join(inspect.getblock(lines)) if lines else None


def _kind(values: tuple) -> str:
    kind = np.asarray(values).dtype.kind if np.ndim(values[0]) == 0 else "O"
    return {"i": "whole numbers", "f": "real numbers"}.get(kind, "values")


def _small(a: Any, places: Any) -> Value:
    """The entries of an array at some places, if they are numbers and few."""
    if not isinstance(a.dtype, np.dtype) or a[0].size * len(places) > MOST:
        return None
    return np.asarray(a)[places]


def host_array(a: Any) -> Any:
    """An array of the type that JAX gives it; numpy's stay in the host's memory.

    To convert them there compiles nothing.
    """
    if isinstance(a, jax.Array):
        return a
    a = np.asarray(a)
    return a.astype(jax.dtypes.result_type(a), copy=False)
