"""Optimized HLO of a GPU, read: kernels, operations and bytes of each loop."""

import json
import math
import re
from typing import NamedTuple

LINE = re.compile(r"^\s+(?:ROOT )?(%[\w.\-]+) = (.*?) ([a-z\-]+)\((.*)$")
ARRAY = re.compile(r"\b(pred|[a-z]+\d+)\[([\d,]*)\]")
TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
STARTED = ("fusion", "custom-call", "sort", "copy", "scatter", "reduce", "dot")
PARTS = ("gather", "dynamic-slice")  # of a larger array, which is not read whole


class Cost(NamedTuple):
    """What something does: kernels that are started, operations, bytes moved."""

    kernels: float = 0.0
    flops: float = 0.0
    bytes: float = 0.0

    def plus(self, other: "Cost", times: float = 1.0) -> "Cost":
        """This, and so many times another."""
        return Cost(*(a + times * b for a, b in zip(self, other, strict=True)))


class Op(NamedTuple):
    """A line of a computation."""

    name: str
    shape: str
    kind: str
    rest: str

    @property
    def operands(self) -> list[str]:
        return re.findall(r"%[\w.\-]+", self.rest.partition(")")[0])

    def called(self, role: str) -> str:
        found = re.search(rf"{role}=(%[\w.\-]+)", self.rest)
        return found.group(1) if found else ""

    @property
    def trips(self) -> int | None:
        """How often a loop goes round, where that is known."""
        known = TRIPS.search(self.rest)
        return int(known.group(1)) if known else None


class Module:
    """A compiled module as text, by computations."""

    def __init__(self, text: str) -> None:
        self.computations: dict[str, list[Op]] = {}
        self.entry, name = "", ""
        for line in text.splitlines():
            if line and not line.startswith(" ") and line.rstrip().endswith("{"):
                words = line.split()
                name = words[1] if words[0] == "ENTRY" else words[0]
                self.entry = name if words[0] == "ENTRY" else self.entry
                self.computations[name] = []
            elif name and (found := LINE.match(line)):
                self.computations[name].append(Op(*found.groups()))

    def loops(self, name: str = "") -> list[tuple[Op, str]]:
        """The loops below a computation, outer ones first, each with its body."""
        found = []
        for op in self.computations[name or self.entry]:
            if op.kind == "while":
                body = op.called("body")
                found += [(op, body), *self.loops(body)]
        return found

    def cost(self, name: str = "") -> Cost:
        """What a computation does; a loop of unknown length is taken to go once."""
        total = Cost()
        ops = self.computations[name or self.entry]
        shapes = {op.name: op.shape for op in ops}
        for op in ops:
            if op.kind == "while":
                body = self.cost(op.called("body"))
                total = total.plus(body, 1 if op.trips is None else op.trips)
            elif op.kind in STARTED:
                total = total.plus(self._kernel(op, shapes))
        return total

    def _kernel(self, op: Op, shapes: dict[str, str]) -> Cost:
        inner = self.computations.get(op.called("calls"), [op])
        known = {i.name: i.shape for i in inner} | shapes
        flops = sum(_flops(i, known) for i in inner)
        parts = [bytes_of(i.shape) for i in inner if i.kind in PARTS]
        parts += [
            bytes_of(known[i.operands[1]])
            for i in inner
            if i.kind == "dynamic-update-slice"
        ]
        most = max(parts, default=math.inf)
        arrays = [op.shape, *(shapes.get(name, "") for name in op.operands)]
        return Cost(1.0, flops, sum(min(most, bytes_of(a)) for a in arrays))


def bytes_of(shape: str) -> float:
    """The bytes of an array or a tuple of them."""
    found = ARRAY.findall(shape)
    return sum(_length(dims) * _width(kind) for kind, dims in found)


def _width(kind: str) -> float:
    bits = re.search(r"\d+", kind)
    return 1.0 if bits is None else int(bits.group()) / 8


def _length(dims: str) -> float:
    return math.prod(int(d) for d in dims.split(",") if d)


def _flops(op: Op, shapes: dict[str, str]) -> float:
    """Two for every product of a matrix product, and none else."""
    if op.kind == "dot":
        axes = re.search(r"lhs_contracting_dims=\{([\d,]*)\}", op.rest)
        contracted = axes.group(1).split(",") if axes else []
    elif op.kind == "custom-call" and "__cublas" in op.rest:
        dims = re.search(r'"lhs_contracting_dimensions":(\[[^\]]*\])', op.rest)
        contracted = json.loads(dims.group(1)) if dims else []
    else:
        return 0.0
    left = ARRAY.findall(shapes[op.operands[0]])[0][1].split(",")
    made = ARRAY.findall(op.shape)[0][1]
    return 2.0 * _length(made) * math.prod(int(left[int(d)]) for d in contracted)
