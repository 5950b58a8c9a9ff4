"""A trace as text that is the same in every process, and changes with its numbers.

Names of functions and variables, places in files and rules that the trace has followed
already are left out; every equation, parameter, constant and type is in. What has no
stable text is refused, so that nothing is passed over in silence.
"""

import enum
import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, jaxpr_as_fun, primitives

from memjax.engine.asked.jaxprs import equations
from memjax.engine.asked.values import array_text, is_key_type

PRIMITIVES = {v.name for v in vars(primitives).values() if hasattr(v, "name")} | set(
    # JAX's own, too, though its list of primitives leaves them out
    "broadcast_to custom_vmap_call cholesky_update composite dimension_size empty "
    "from_edtype geqp3 geqrf iota_2x32_shape linear_call lu_pivots_to_permutation "
    "mulhi optimization_barrier ormqr philox2x32 philox4x32 pin platform_index pvary "
    "ragged_dot_general random_clone random_unwrap random_wrap remat_opt scatter-sub "
    "split stack symmetric_product threefry4x32 tie tile to_edtype unpin "
    "unstack".split()
)
LEFT_OUT = {  # what names, places or differentiates; none of it changes a number here
    "jit": "name donated_invars keep_unused inline ctx_mesh in_shardings out_shardings "
    "in_layouts out_layouts",
    "custom_jvp_call": "jvp_jaxpr_fun num_consts symbolic_zeros",
    "custom_vjp_call": "fwd_jaxpr_thunk bwd num_consts out_trees symbolic_zeros",
    "custom_vmap_call": "rule in_tree out_tree",  # the lane under a vmap is read too
    "remat2": "policy prevent_cse differentiated name",
    "reduce": "computation",  # its jaxpr is there
    "name": "name",
}
PLAIN = {type(None), bool, int, float, complex, str, bytes}
GROUPS = "jax._src.flattree"  # which values a loop carries, from JAX 0.11 on
PLACING = {"sharding", "out_sharding"}  # the engine places lanes
RULED = {name: {*words.split(), *PLACING} for name, words in LEFT_OUT.items()}


def canonical(jaxpr: Jaxpr, closed: Sequence[Any] = ()) -> list[str]:
    """The lines of a trace, and of the arrays that it closes over."""
    return _Writer().whole(jaxpr, closed)


def fingerprint(lines: Iterable[str]) -> str:
    """A short name for a text."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


class _Writer:
    """Writes traces, one that stands inside several others from memory."""

    def __init__(self) -> None:
        self.written: dict[int, tuple[Jaxpr, str]] = {}  # kept, so that ids stay

    def whole(self, jaxpr: Jaxpr, constants: Any) -> list[str]:
        """A trace and the arrays it closes over, one line an equation."""
        numbers: dict[Any, int] = {}

        def new(variables: Any) -> str:
            for v in variables:
                numbers[v] = len(numbers)
            return " ".join(f"{numbers[v]}:{_kind(v.aval)}" for v in variables)

        def used(v: Any) -> str:
            if isinstance(v, Literal):
                return f"{self.value(v.val)}:{_kind(v.aval)}"
            return str(numbers[v])

        lines = [f"closes over {new(jaxpr.constvars)} = {self.value(tuple(constants))}"]
        lines += [f"takes {new(jaxpr.invars)}"]
        for equation in jaxpr.eqns:
            name = equation.primitive.name
            if name not in PRIMITIVES:
                raise TypeError(f"has no stable text for the primitive {name}")
            taken = " ".join(map(used, equation.invars))
            how = self.parameters(name, equation.params)
            lines.append(f"{new(equation.outvars)} = {name}{how} {taken}")
        return [*lines, f"returns {' '.join(map(used, jaxpr.outvars))}"]

    def parameters(self, name: str, given: dict[str, Any]) -> str:
        left_out = RULED.get(name, PLACING)
        kept = sorted(given.keys() - left_out)
        return "".join(f" {k}={self.value(given[k], name, k)}" for k in kept)

    def inner(self, jaxpr: Jaxpr, constants: Any) -> str:
        """A trace inside another; the same one is often used many times."""
        if id(jaxpr) not in self.written:
            text = "\n  ".join(self.whole(jaxpr, ()))
            self.written[id(jaxpr)] = jaxpr, text
        closed = self.value(tuple(constants)) if constants else ""
        return f"{{{self.written[id(jaxpr)][1]}}}{closed}"

    def value(self, v: Any, *place: str) -> str:
        """A parameter or constant."""
        if type(v) in PLAIN:
            return repr(v)
        if isinstance(v, enum.Enum):  # before int: some are both
            return f"{type(v).__name__}.{v.name}"
        if isinstance(v, int):
            return repr(int(v))
        if isinstance(v, float):
            return repr(float(v))
        if isinstance(v, ClosedJaxpr):
            return self.inner(v.jaxpr, v.consts)
        if isinstance(v, Jaxpr):
            return self.inner(v, ())
        if isinstance(v, np.ndarray | np.generic | jax.Array):
            return array_text(v)
        if isinstance(v, np.dtype) or (hasattr(v, "itemsize") and is_key_type(v)):
            return str(v)
        if isinstance(v, dict):
            pairs = sorted((self.value(k), self.value(x, *place)) for k, x in v.items())
            return f"{{{', '.join(': '.join(p) for p in pairs)}}}"
        if type(v).__name__ == "PRNGImpl":  # a kind of random keys
            return v.name
        fields = getattr(v, "_fields", None) or getattr(v, "__dataclass_fields__", None)
        if fields and not isinstance(v, type):
            parts = (f"{n}={self.value(getattr(v, n), *place, n)}" for n in fields)
            return f"{type(v).__name__}({', '.join(parts)})"
        if isinstance(v, tuple | list):
            return f"({', '.join(self.value(x, *place) for x in v)})"
        if isinstance(v, frozenset | set):
            return f"{{{', '.join(sorted(self.value(x, *place) for x in v))}}}"
        if isinstance(v, type):
            return v.__qualname__
        if type(v).__module__ == GROUPS and " at 0x" not in repr(v):
            return repr(v)
        where = " ".join(place) or "a constant"
        raise TypeError(f"has no stable text for a {type(v).__name__} ({where})")


@lru_cache(maxsize=4096)
def _kind(aval: Any) -> str:
    """The type of a variable."""
    if not hasattr(aval, "shape"):
        return str(aval)
    weak = "~" if getattr(aval, "weak_type", False) else ""
    return f"{weak}{aval.dtype}{list(aval.shape)}".replace(" ", "")


def first_difference(before: list[str], now: list[str]) -> tuple[str, str]:
    """The first line that two texts do not share: as it was, and as it is."""
    for old, new in zip(before, now, strict=False):
        if old != new:
            return old, new
    count = min(len(before), len(now))
    return "".join(before[count : count + 1]), "".join(now[count : count + 1])


def written(
    jaxpr: Jaxpr, closed: Sequence[Any] | None = None, own: Sequence[bool] = ()
) -> list[str]:
    """A trace as text, also batched where it has rules for that of the user's own.

    `own` tells which arguments differ from lane to lane; all do, also what the trace
    closes over, where that is not given.
    """
    alone = canonical(jaxpr, closed or ())
    if not any(map(_has_its_own_rule, equations(jaxpr))):
        return alone
    constants = jaxpr.constvars if closed is None else []
    avals: list[Any] = [v.aval for v in (*constants, *jaxpr.invars)]
    kinds = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in avals]
    own = own or [True] * len(kinds)
    pair = [_twice(k) if d else k for k, d in zip(kinds, own, strict=True)]

    def flat(*given: Any) -> list:
        count = len(constants)
        held = given[:count] if closed is None else closed
        return jaxpr_as_fun(ClosedJaxpr(jaxpr, held))(*given[count:])

    along = tuple(0 if differs else None for differs in own)
    batched = jax.make_jaxpr(jax.vmap(flat, along, axis_size=2))(*pair)
    return [*alone, *canonical(batched.jaxpr, batched.consts)]


def _has_its_own_rule(equation: Any) -> bool:
    """Whether a rule of batching is not JAX's, as that of `sequential_vmap` is."""
    if equation.primitive.name != "custom_vmap_call":
        return False
    rule = equation.params["rule"]
    code = getattr(getattr(rule, "rule", rule), "__code__", None)
    return code not in jax.custom_batching.sequential_vmap.__code__.co_consts


def _twice(kind: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((2, *kind.shape), kind.dtype)
