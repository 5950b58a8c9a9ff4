"""A walk over lists of arrays, whatever trees a user's states are."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from memjax.lanes import Tree
from memjax.legs import Legs


def flattened(legs: Legs) -> Legs:
    """Legs whose state is given as a list of arrays.

    So nothing that is compiled knows of a user's own kinds of trees.
    """
    leaves, structure = jax.tree.flatten(legs.start)

    def whole(leaves: list) -> Tree:
        return jax.tree.unflatten(structure, leaves)

    return Legs(
        start=_settled(legs, leaves),
        step=lambda leaves, t: legs.step(whole(leaves), t),
        observe=lambda leaves: legs.observe(whole(leaves)),
        times=legs.times,
        finish=lambda leaves: legs.finish(whole(leaves)),
        check=lambda leaves: legs.check(whole(leaves)),
        keep=lambda leaves: leaves,
    )


def _settled(legs: Legs, start: list) -> list:
    """A start that has the types a step returns, where its own are weak.

    A loop over steps would settle them so, and trace the step once more.
    """
    if not any(jax.typeof(leaf).weak_type for leaf in start):
        return start
    after = jax.tree.leaves(jax.eval_shape(legs.step, legs.start, _first_time(legs)))
    if len(after) != len(start):
        return start  # refused in a moment
    return [
        jnp.asarray(leaf, then.dtype) if jax.typeof(leaf).weak_type else leaf
        for leaf, then in zip(start, after, strict=True)
    ]


def _first_time(legs: Legs) -> jax.Array:
    return jnp.array(legs.times)[0]


def _walked_by(legs: Legs) -> dict[str, tuple]:
    """The functions that walk a run, and what each is given."""
    state = legs.start
    return {
        "step": (state, _first_time(legs)),
        "observe": (state,),
        "finish": (state,),
        "check": (state,),
    }


def _check_step(run: Callable, start: Tree, after: Tree) -> None:
    """Refuse a step that returns another kind of state than it is given."""
    before, then = _kinds(start), _kinds(after)
    if before != then:
        paths = [p for p in {**before, **then} if before.get(p) != then.get(p)]
        told = "; ".join(
            f"state{p}: {then.get(p, 'nothing')} for {before.get(p, 'nothing')}"
            for p in paths[:3]
        )
        raise TypeError(f"{run.__name__}: a step returns another state, {told}")


def _kinds(tree: Tree) -> dict[str, str]:
    return {
        jax.tree_util.keystr(path): f"{jnp.result_type(a)}{list(jnp.shape(a))}"
        for path, a in jax.tree_util.tree_leaves_with_path(tree)
    }
