"""How much a trace computes, and how much it holds, read before it is compiled."""

import math
from functools import lru_cache
from typing import Any, NamedTuple

from jax.extend.core import Jaxpr, Literal

from memjax.engine.planned.machines import Prices
from memjax.lanes import inner_jaxprs

# What is compiled to kernels of its own; what stands around it is fused into these.
KERNELS = tuple(
    "dot_general conv reduce_ arg cum sort scatter gather cholesky eigh svd lu geqrf "
    "householder triangular fft".split()
)
# What is not vectorized on a CPU, or not well, in exponentials: for each element made.
SLOW = {
    **dict.fromkeys("exp exp2 log log1p expm1 tanh logistic erf".split(), 1.0),
    **dict.fromkeys(
        "sin cos tan cosh sinh atan2 erf_inv erfc lgamma digamma".split(), 4.0
    ),
    **dict.fromkeys("div sqrt rsqrt cbrt".split(), 0.2),
    **dict.fromkeys("gather scatter scatter-add".split(), 1.0),
    "pow": 10.0,
    "random_bits": 9.0,
}
FOLDS = tuple(
    "reduce_sum reduce_max reduce_min reduce_prod reduce_and reduce_or arg".split()
)
READ, FOLDED, SORTED = 1.3, 13.0, 30.0  # a number that is folded; a fold; a comparison
CUMULATED = 10.0
# A product takes as long as its operations or, where they are few, as so many for each
# number of its three matrices; and a small one is slow to begin.
EDGE, BEGUN = 26.0, 250.0
# So long must the sides of a matrix be for a factorization at full speed.
SIDE = 350.0
# Floating-point operations of a factorization [m, n], over m·n·min(m, n), as a Cholesky
# one does them: they are what it takes, not what textbooks count.
FACTORS = {
    "cholesky": 1 / 3,
    "lu": 2 / 3,
    "geqrf": 4 / 3,
    "householder_product": 4 / 3,
    "triangular_solve": 1,
    "eigh": 6,
    "svd": 10,
    "eig": 25,
}


class Work(NamedTuple):
    """What is computed; in double precision operations count twice."""

    flops: float = 0.0  # of products
    elements: float = 0.0  # that anything else fills
    slow: float = 0.0  # what is not vectorized, as exponentials
    factors: float = 0.0  # floating-point operations of factorizations
    kernels: float = 0.0  # about as many as are started

    def times(self, count: float) -> "Work":
        """So many times the same."""
        return Work(*(count * part for part in self))

    def plus(self, other: "Work") -> "Work":
        """This and more."""
        return Work(*(a + b for a, b in zip(self, other, strict=True)))

    def seconds(self, prices: Prices) -> float:
        """What it takes, but for the starts of kernels."""
        taken = self.flops / prices.flops + self.factors / prices.factors
        return taken + self.elements / prices.elements + self.slow / prices.slow


@lru_cache(maxsize=2**10)  # one that stands inside several others
def work(jaxpr: Jaxpr, tiles: int = 1) -> Work:
    """What a trace computes.

    A loop with a traced length is a walk over row tiles; its kernels are started once.
    """
    total = Work()
    for equation in jaxpr.eqns:
        name, parameters = equation.primitive.name, equation.params
        inner = [work(j, tiles) for j in inner_jaxprs(parameters)]
        if name == "cond":
            found = max(
                inner, key=lambda w: w.flops + w.elements + w.slow, default=Work()
            )
        elif name == "while":
            once = inner[0].plus(inner[1])
            found = once.times(tiles)._replace(kernels=once.kernels)
        elif name == "scan":
            found = inner[0].times(parameters["length"])
        elif inner and name not in FACTORS:
            found = inner[0]
        else:
            found = _alone(name, equation)
        total = total.plus(found)
    return total


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
        size = 1.0 * first[-1] * first[-2] * min(first[-2:])
        if name == "triangular_solve":
            size = first[-1] * math.prod(shapes[1][-2:])
        each = max(double * size, SIDE * size ** (2 / 3))
        many = math.prod(first[:-2])
        return Work(factors=FACTORS[name] * many * each, kernels=kernels)
    slow = SLOW.get(name, 0.0) * made
    if name == "sort":
        length = max(2, first[equation.params["dimension"]])
        slow = SORTED * math.log2(length) * made
    elif name.startswith(FOLDS):
        slow = READ * math.prod(first) + FOLDED * made
    elif name.startswith("cum"):
        slow = CUMULATED * made
    return Work(elements=double * made, slow=double * slow, kernels=kernels)


def _products(equation: Any, shapes: list, double: int) -> Work:
    """A product, or those of a batch: each of a matrix [m, k] and one [k, n]."""
    (contracted, _), (batch, _) = equation.params["dimension_numbers"]
    first, second = shapes
    many = math.prod(first[d] for d in batch)
    made = math.prod(_shape(equation.outvars[0]))
    numbers = (math.prod(first) + math.prod(second) + made) / max(1, many)
    flops = 2.0 * made / max(1, many) * math.prod(first[d] for d in contracted)
    each = max(double * flops, EDGE * numbers)
    return Work(many * each, 0.0, many * min(BEGUN, flops / 2), 0.0, 1.0)


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
