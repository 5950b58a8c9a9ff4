"""What is seen of Recursive Feature Machines on pairs: accuracies, errors, metrics."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from memjax.observables.features import circulant_deviation, cosine, cross_block
from memjax.quantities import named


def seen(task: Any, order: Any = None, live: Any = None) -> dict[str, Any]:
    """What to see of a `kernels.pairs.machine`: at every iteration, and at the end.

    Circulant is what is so in this `order` of the numbers, the first `live` of them.
    """

    def observe(state: Any) -> dict[str, jax.Array]:
        target = jax.nn.one_hot(task.truth, state.f.shape[1])  # [p², p]
        right = jnp.argmax(state.f, axis=1) == task.truth
        square = jnp.mean((state.f - target) ** 2, axis=1)
        own = jnp.sum(state.f * target, axis=1)
        block = cross_block(state.metric, order)
        accuracy = {f"{n}_accuracy": jnp.sum(m * right) for n, m in task.tests.items()}
        return accuracy | {
            "train_accuracy": jnp.sum(task.train * right),
            "train_mse": jnp.sum(task.train * square),
            "test_mse": jnp.sum(task.tests["test"] * square),
            "test_own_coordinate": jnp.sum(task.tests["test"] * (1 - own) ** 2),
            "circulant_deviation": circulant_deviation(block, live),
        }

    return {"observe": observe, "finish": features}


def features(state: Any) -> dict[str, Any]:
    """The last metric, and its cosine with those of every iteration."""
    to_last = jax.vmap(partial(cosine, state.metric))(state.history)
    return {
        "alignment": named(to_last, "step", coords=range(len(to_last))),
        "metric": named(state.metric, "row", "column"),
    }
