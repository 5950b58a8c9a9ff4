"""What lanes returned, on the host: cut, joined, and a carry as plain arrays."""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from memjax.engine.asked.values import is_key
from memjax.lanes import Tree
from memjax.legs import Carry


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["logged", "final", "carry"],
    meta_fields=["times"],
)
@dataclass(frozen=True)
class Outcome:
    """What lanes returned: quantities logged at `times`, and final ones."""

    times: tuple[int, ...]
    logged: dict[str, Any]  # [lanes, legs, ...]
    final: dict[str, Any]  # [lanes, ...]
    carry: Carry | None  # where the next segment goes on


class Piece(NamedTuple):
    """A part of a sweep's results: some lanes, by index, and what they returned."""

    lanes: np.ndarray
    outcome: Outcome  # of numpy arrays


def on_host(outcome: Outcome) -> Outcome:
    """The quantities of an outcome in the host's memory."""
    logged, final = jax.tree.map(_array, (outcome.logged, outcome.final))
    return Outcome(outcome.times, logged, final, None)


def _array(a: jax.Array) -> np.ndarray:
    # Files hold no bfloat16 and its like, which numpy has no kinds for.
    found = np.asarray(a if a.dtype.kind in "biufc" else a.astype(jnp.float32))
    return found.view(found.dtype.type)  # numpy's own; programs on disk have copies


def joined(parts: list[Outcome]) -> Outcome:
    """Consecutive segments as one; final quantities are those of the last."""
    logged = jax.tree.map(
        lambda *several: np.concatenate(several, axis=1), *(p.logged for p in parts)
    )
    return Outcome(parts[-1].times, logged, parts[-1].final, None)


def cut(outcome: Outcome, legs: int) -> Outcome:
    """The first legs; a last segment may reach past the end."""
    logged = jax.tree.map(lambda a: a[:, :legs], outcome.logged)
    return Outcome(outcome.times, logged, outcome.final, None)


def only(outcome: Outcome, rows: Any) -> Outcome:
    """Some lanes of an outcome."""
    logged, final = jax.tree.map(lambda a: a[rows], (outcome.logged, outcome.final))
    return Outcome(outcome.times, logged, final, None)


def plain(carry: Carry | None) -> list[np.ndarray]:
    """A carry as plain arrays, keys included."""
    leaves = jax.tree.leaves(carry)
    return [np.asarray(jax.random.key_data(a) if is_key(a) else a) for a in leaves]


def restored(leaves: list[np.ndarray], like: Tree) -> Any:
    """The carry that `plain` took apart."""
    wanted, structure = jax.tree.flatten(like)
    made = [
        jax.random.wrap_key_data(jnp.asarray(a)) if is_key(w) else a.view(w.dtype)
        for a, w in zip(leaves, wanted, strict=True)
    ]
    return jax.tree.unflatten(structure, made)
