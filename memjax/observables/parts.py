"""Accuracies on points in parts: right labels, wrong ones, and points to test on."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from memjax.measure import Data, expect, prefix
from memjax.quantities import named

PARTS = ("clean", "noisy", "test", "recovered")


def marked(parts: Any) -> Data:
    """Every point, once: a label, the truth, and its density in each of `PARTS`.

    `parts` are those of `mj.datasets.mislabeled`. One walk over what is returned sees
    all parts; a measure for each would take four.
    """
    rows = len(parts.truth)
    measures = (parts.clean, parts.noisy, parts.test, parts.noisy)
    density = rows * jnp.stack([part.w for part in measures], axis=1)  # [rows, parts]
    labels = (parts.train.y, parts.truth, density)
    return Data(parts.train.x, labels, prefix(rows, rows))


def accuracies(apply: Callable[..., Any], params: Any, points: Data) -> jax.Array:
    """The accuracy on each of `PARTS`, from the `marked` points.

    `recovered` counts the noisy points at which a model gives the right answer and not
    the label. Logits are taken to be numbers: those of a run that has not diverged.
    """

    def right(x: Any, y: tuple) -> jax.Array:
        label, truth, density = y
        guess = jnp.argmax(apply(params, x))
        return density * (guess == jnp.stack([label, label, label, truth]))

    return expect(right, points)  # [parts]


def of_each(score: Callable[..., dict], **parts: Data) -> dict[str, Any]:
    """The means over each part of what `score(x, y)` returns: `train_loss` …"""
    means = {part: expect(score, data) for part, data in parts.items()}
    return {f"{part}_{n}": v for part, seen in means.items() for n, v in seen.items()}


def by_part(apply: Callable[..., Any], points: Data) -> Callable[[Any], dict[str, Any]]:
    """The observation of a model's accuracies on `PARTS`."""

    def observe(params: Any) -> dict[str, Any]:
        found = accuracies(apply, params, points)
        return {"accuracy": named(found, "part", coords=PARTS)}

    return observe
