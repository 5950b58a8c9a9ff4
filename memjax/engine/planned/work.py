"""How much a trace computes, and how much it holds, read before it is compiled."""

import math
from typing import Any, NamedTuple

import numpy as np
from jax.extend.core import Jaxpr, Literal

from memjax.engine.planned.known import Known
from memjax.engine.planned.machines import Prices
from memjax.engine.planned.turns import turns
from memjax.lanes import inner_jaxprs

# What is compiled to kernels of its own; what stands around it is fused into these.
KERNELS = tuple(
    "dot_general conv reduce_ arg cum sort scatter gather cholesky eigh svd lu geqrf "
    "householder triangular fft".split()
)
# What takes many operations, in exponentials: for each element made.
SLOW = {
    **dict.fromkeys("exp exp2 log logistic tanh erf".split(), 1.0),
    **dict.fromkeys("log1p expm1 erfc".split(), 2.0),
    **dict.fromkeys("sin cos sinh cosh asin acos atan erf_inv".split(), 4.0),
    **dict.fromkeys("asinh acosh atanh".split(), 4.0),
    **dict.fromkeys("tan atan2 cbrt lgamma digamma".split(), 16.0),
    **dict.fromkeys("sqrt rsqrt".split(), 0.4),
    "div": 0.2,
    "pow": 10.0,
    "random_bits": 9.0,
}
DOUBLE = 3.0  # of these in double precision: half as many at a time, and longer
# What is done one by one: a number that is looked up; one that is put or added.
LOOKED_UP, PUT = 1.0, 5.0
FOLDS = tuple(
    "reduce_sum reduce_max reduce_min reduce_prod reduce_and reduce_or".split()
)
READ, FOLDED, SORTED = 0.3, 20.0, 30.0  # a number that is folded; a fold; a comparison
PICKED, CUMULATED = 10.0, 10.0  # a number that an arg-max reads; one of a running sum
# A product takes as long as its operations or, where they are few, as so many for each
# number of its three matrices, which are packed; those of a product with a vector are
# not, and read once. A small one is slow to begin.
PACKED, STREAMED, BEGUN = 26.0, 8.0, 500.0
# So many numbers of a lane leave the cache of a core that four lanes share.
LARGE = 2**16
# Operations of a factorization [m, n] as a Cholesky one does them: so many times
# m·n·min(m, n), what grows faster at full speed, and so many times (m·n·min(m, n))^⅔.
FACTORS = {
    "cholesky": (1 / 3, 70.0),
    "lu": (2 / 3, 120.0),
    "geqrf": (4 / 3, 350.0),
    "householder_product": (4 / 3, 350.0),
    "triangular_solve": (1.0, 30.0),
    "eigh": (1.8, 3100.0),
    "svd": (4.0, 5000.0),
    "eig": (10.0, 9000.0),
}


class Work(NamedTuple):
    """What is computed, by one lane or by each; in double precision operations count
    twice.
    """

    flops: Any = 0.0  # of products
    elements: Any = 0.0  # that anything else fills
    slow: Any = 0.0  # what takes many operations, in exponentials
    single: Any = 0.0  # what is done one by one
    factors: Any = 0.0  # floating-point operations of factorizations
    kernels: Any = 0.0  # about as many as are started
    large: Any = 0.0  # elements of arrays that leave the cache

    def times(self, count: Any) -> "Work":
        """So many times the same."""
        return Work(*(count * part for part in self))

    def plus(self, other: "Work") -> "Work":
        """This and more."""
        return Work(*(a + b for a, b in zip(self, other, strict=True)))

    def in_all(self, length: int) -> "Work":
        """The sum over the steps of a scan: the last axis, where steps differ."""

        def total(part: Any) -> Any:
            if not np.ndim(part):
                return length * part
            return part.sum(-1) * (length / part.shape[-1])

        return Work(*map(total, self))

    def seconds(self, prices: Prices) -> Any:
        """What it takes, but for the starts of kernels."""
        taken = self.flops / prices.flops + self.factors / prices.factors
        passes = self.elements / prices.elements + self.large / prices.large
        return taken + passes + self.slow / prices.slow + self.single / prices.single


def work(jaxpr: Jaxpr, tiles: Any = 1, known: Known | None = None) -> Work:
    """What a trace computes, in each lane where its numbers or `tiles` are those of
    several.

    A loop that counts up to what is not known is a walk over row tiles; its kernels are
    started once.
    """
    known, every = known or Known(jaxpr), [Work()]
    for equation in jaxpr.eqns:
        name, inner = equation.primitive.name, inner_jaxprs(equation.params)
        if name == "cond":
            found = max(
                (work(j, tiles, known.in_a_call(equation, j)) for j in inner),
                key=lambda w: np.mean(w.flops + w.elements + w.slow + w.single),
                default=Work(),
            )
        elif name == "while":
            found = _loop(equation, tiles, known)
        elif name == "scan":
            deeper = tiles[..., None] if np.ndim(tiles) else tiles
            step = work(inner[0], deeper, known.in_a_scan(equation))
            found = step.in_all(equation.params["length"])
        elif inner and not name.startswith((*FACTORS, "scatter")):
            found = work(inner[0], tiles, known.in_a_call(equation, inner[0]))
        else:
            found = _alone(name, equation)
        every.append(found)
    return Work(*map(sum, zip(*every, strict=True)))


def _loop(equation: Any, tiles: Any, known: Known) -> Work:
    """What a loop does whose length is traced."""
    cond, inside = equation.params["cond_jaxpr"].jaxpr, known.in_a_loop(equation)
    once = work(cond, tiles).plus(work(inside.jaxpr, tiles, inside))
    count = turns(equation, known)
    if count is None:
        return once.times(tiles)._replace(kernels=once.kernels)
    return once.times(count)


def _alone(name: str, equation: Any) -> Work:
    """What one equation computes that has no trace inside."""
    shapes = [_shape(v) for v in equation.invars]
    made = 1.0 * sum(math.prod(_shape(v)) for v in equation.outvars)
    first = shapes[0] if shapes else ()
    double = 2 if _double(equation.outvars) else 1
    kernels = float(name.startswith(KERNELS))
    if name == "dot_general":
        return _products(equation, shapes, double)
    if name == "conv_general_dilated":
        window = (
            math.prod(shapes[1]) / shapes[1][equation.params["dimension_numbers"][1][0]]
        )
        return Work(flops=2.0 * double * made * window, kernels=kernels)
    if name in FACTORS:
        return Work(factors=_factored(name, shapes, double), kernels=kernels)
    size = math.prod(first) if name.startswith((*FOLDS, "arg")) else made
    found = Work(elements=double * made, kernels=kernels)
    found = found._replace(large=double * size if size >= LARGE else 0.0)
    if name in SLOW:
        each = SLOW[name] * (1.0 if double == 1 else DOUBLE)
        return found._replace(slow=each * made)
    return found._replace(single=_one_by_one(name, equation, made, double))


def _one_by_one(name: str, equation: Any, made: float, double: int) -> float:
    """What of an equation is done for one number after another."""
    shapes = [_shape(v) for v in equation.invars]
    read = math.prod(shapes[0]) if shapes else 0
    if name == "gather":
        return LOOKED_UP * made
    if name.startswith("scatter"):
        return PUT * math.prod(shapes[-1])
    if name == "sort":
        length = max(2, shapes[0][equation.params["dimension"]])
        return SORTED * math.log2(length) * made
    if name.startswith(FOLDS):
        return double * (READ * read + FOLDED * made)
    if name.startswith("arg"):
        return PICKED * read
    return CUMULATED * made if name.startswith("cum") else 0.0


def _factored(name: str, shapes: list, double: int) -> float:
    """The operations of factorizations, or of solves with triangular matrices."""
    fast, slow = FACTORS[name]
    rows, columns = shapes[0][-2:]
    size = 1.0 * rows * columns * min(rows, columns)
    side = size ** (2 / 3)
    if name == "triangular_solve":
        size = columns * math.prod(shapes[1][-2:])
    return math.prod(shapes[0][:-2]) * (fast * double * size + slow * side)


def _products(equation: Any, shapes: list, double: int) -> Work:
    """A product, or those of a batch: each of a matrix [m, k] and one [k, n]."""
    (contracted, _), (batch, _) = equation.params["dimension_numbers"]
    first, second = shapes
    many = math.prod(first[d] for d in batch)
    made = math.prod(_shape(equation.outvars[0]))
    numbers = (math.prod(first) + math.prod(second) + made) / max(1, many)
    contracts = math.prod(first[d] for d in contracted)
    flops = 2.0 * made / max(1, many) * contracts
    sides = [math.prod(s) / max(1, many * contracts) for s in (first, second)]
    each = max(double * flops, (STREAMED if min(sides) <= 1 else PACKED) * numbers)
    return Work(many * each, single=many * min(BEGUN, 4 * flops), kernels=1.0)


def _double(variables: Any) -> bool:
    kinds = [getattr(v.aval, "dtype", None) for v in variables]
    return any(kind in ("float64", "complex128") for kind in kinds)


def _shape(variable: Any) -> tuple[int, ...]:
    return getattr(variable.aval, "shape", ())


# --- memory ---------------------------------------------------------------------------


def live_bytes(jaxpr: Jaxpr) -> int:
    """The most bytes that a trace holds at a time, each array until its last use.

    What it closes over stays.
    """
    last = {v: i for i, e in enumerate(jaxpr.eqns) for v in _variables(e.invars)}
    stay = [*jaxpr.constvars, *_variables(jaxpr.outvars)]
    last |= {v: len(jaxpr.eqns) for v in stay}
    held = most = bytes_of([*jaxpr.constvars, *jaxpr.invars])
    for i, equation in enumerate(jaxpr.eqns):
        inside = max(map(live_bytes, inner_jaxprs(equation.params)), default=0)
        made = bytes_of(equation.outvars)
        most = max(most, held + max(made, inside - bytes_of(equation.invars)))
        dead = [v for v in {*_variables(equation.invars)} if last[v] == i]
        unused = [v for v in equation.outvars if v not in last]
        held += made - bytes_of(dead) - bytes_of(unused)
    return most


def _variables(found: Any) -> list[Any]:
    return [v for v in found if not isinstance(v, Literal)]


def bytes_of(variables: Any) -> int:
    """What these variables of a trace hold."""
    kinds: list[Any] = [v.aval for v in variables]
    return sum(a.size * a.dtype.itemsize for a in kinds if hasattr(a, "dtype"))
