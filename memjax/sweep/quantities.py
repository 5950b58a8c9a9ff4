"""What a run may return: named quantities that can be told apart and labelled."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from memjax.core import Named
from memjax.sweep.grid import BadValue
from memjax.sweep.values import is_key

Dims = dict[str, tuple[int, tuple | None]]  # length, and labels where they are given


def check_walk(
    run: Callable, observed: Any, final: Any, times: tuple[int, ...], taken: set[str]
) -> None:
    """Refuse what a walk observes where it could not be labelled."""
    if "step" in taken:
        raise BadValue("step", f"is the time; {run.__name__} must name it otherwise")
    taken = {*taken, "diverged_at"}
    dims = check_quantities(run, observed, {*taken, "step"})
    if final != {}:
        dims |= {"step": (len(times), times)}
        check_quantities(run, final, {*taken, *observed}, dims)


def check_quantities(
    run: Callable, result: Any, taken: set[str], dims: Dims | None = None
) -> Dims:
    """The dimensions that quantities name; refused where names or labels clash.

    Names and dimensions of quantities are not those `taken` by axes, and what two
    quantities call the same dimension (or `dims` do) has the same labels.
    """
    name, found = run.__name__, dict(dims or {})
    if not isinstance(result, dict) or not result:
        kind = "an empty dict" if isinstance(result, dict) else type(result).__name__
        hint = "; call it with params and data" if callable(result) else ""
        raise TypeError(
            f"{name} must return a dict of named quantities, or Legs that observe one, "
            f"such as {{'loss': value}}; got {kind}{hint}"
        )
    for key, value in result.items():
        own = _dims_of(name, key, value)
        for word in (key, *own):
            if word in taken:
                raise BadValue(word, f"is taken; {name} must name {key} otherwise")
        for dim, (length, labels) in own.items():
            before, known = found.get(dim, (length, labels))
            if length != before or (labels and known and labels != known):
                raise BadValue(dim, f"has other labels in {key} than before in {name}")
            found[dim] = (length, labels or known)
    for key in found.keys() & result.keys():
        raise BadValue(key, f"is a quantity and a dimension in {name}")
    return found


def _dims_of(name: str, key: str, value: Any) -> Dims:
    """The dimensions that one quantity names."""
    if "/" in key:
        raise BadValue(key, f"files take no / in a name; {name} must name it otherwise")
    if len(jax.tree.leaves(value)) != 1 or isinstance(value, dict | list | tuple):
        kind = type(value).__name__
        raise TypeError(f"{name}: {key} must be one array, got a {kind}")
    if isinstance(value, str):
        raise TypeError(f"{name}: {key} must be one array, got a str")
    if is_key(value):
        raise TypeError(
            f"{name}: {key} is a random key; give jax.random.key_data of it"
        )
    if not isinstance(value, Named):
        return {}
    lengths = jnp.shape(value.value)[-len(value.axes) :]
    return {d: (n, ls) for (d, ls), n in zip(value.axes, lengths, strict=True)}
