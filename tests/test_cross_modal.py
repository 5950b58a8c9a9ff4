"""Two views of personas: data, contrast and what is frozen, against numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from experiments import cross_modal

AT = {"noise": 0.1, "lr": 0.01, "seed": 0}
SHAPE = {"width": 8, "steps": 20}


def test_views_are_networks_of_a_persona_and_noise() -> None:
    views = mj.datasets.personas(400, 3, 5)
    clean = np.asarray(views(jax.random.key(0), 0.0))
    assert clean.shape == (400, 3, 2, 5)
    assert (clean == clean[:, :1]).all()  # draws differ by noise alone
    few = mj.datasets.personas(7, 3, 5)(jax.random.key(0), 0.0)
    np.testing.assert_allclose(few, clean[:7], atol=1e-6)
    apart = np.asarray(views(jax.random.key(0), 0.3)) - clean
    assert apart.std() == pytest.approx(0.3, rel=0.05) and abs(apart.mean()) < 0.02
    both = clean[:, 0].reshape(400, 10)
    assert (clean[:, 0, 0] != clean[:, 0, 1]).all()
    dims = np.linalg.matrix_rank(both - both.mean(0))
    assert dims == 10  # a view is no linear map of so few numbers, and not the other


def test_contrast_is_that_of_numpy() -> None:
    """The cross-entropy of telling who of those that weigh is whose other view."""

    def unit(params: jax.Array, x: jax.Array) -> jax.Array:
        seen = params @ x
        return seen / jnp.linalg.norm(seen)

    rng = np.random.default_rng(0)
    encoders = [jnp.asarray(a, jnp.float32) for a in rng.standard_normal((2, 4, 3))]
    x = rng.standard_normal((6, 2, 3)).astype(np.float32)
    live = np.array([1, 0, 1, 1, 0, 0], bool)
    data = mj.Data(jnp.asarray(x), jnp.arange(6), mj.datasets.uniform_on(live))
    found = cross_modal.contrast(unit)(encoders, data, None)
    views = [x[live, i] @ np.asarray(e, float).T for i, e in enumerate(encoders)]
    first, second = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in views)
    expected = 0.0
    for table in (first @ second.T, second @ first.T):
        law = np.exp(table / 0.1)
        expected -= np.log(np.diag(law) / law.sum(1)).mean() / 2
    assert float(found) == pytest.approx(expected, rel=1e-4)
    none = data._replace(w=jnp.zeros(6))
    slope = jax.grad(cross_modal.contrast(unit))(encoders, none, None)
    assert all((np.asarray(a) == 0).all() for a in slope)


def test_points_are_all_draws_by_name() -> None:
    views = jnp.arange(3 * 2 * 2 * 32.0).reshape(3, 2, 2, 32)
    data = cross_modal.points_of(views)
    assert data.y.tolist() == [0, 0, 1, 1, 2, 2]
    np.testing.assert_allclose(data.x[3], views[1, 1])
    np.testing.assert_allclose(data.w, np.full(6, 1 / 6))


@pytest.mark.long
def test_those_who_are_not_aligned_on_change_nothing() -> None:
    """Views of others, drawn or not, and personas of whom nothing is shown."""
    at = {"aligned": 3, "shown": 0, "paired": 0, "frozen": 1.0, **AT, **SHAPE}
    wide = mj.sweep(cross_modal.run, max_aligned=9, **at)
    narrow = mj.sweep(cross_modal.run, max_aligned=3, **at)
    for name in ("source", "target", "gap", "matched"):
        np.testing.assert_allclose(wide[name], narrow[name], atol=0.02)


@pytest.mark.long
def test_it_is_chance_without_alignment_and_asks_others_than_it_taught() -> None:
    at = {"aligned": 0, "shown": 0, "max_aligned": 1, **{**AT, "seed": range(3)}}
    seen = mj.sweep(cross_modal.run, paired=[0, 60], frozen=1.0, **at, width=32,
                    steps=200).squeeze()  # fmt: skip
    np.testing.assert_allclose(seen.gap, seen.source - seen.target, atol=1e-6)
    alone = seen.sel(paired=0)
    assert float(alone.source.min()) > 0.9 and float(alone.target.mean()) < 0.04
    others = seen.sel(paired=60)  # forty names and their views never met
    assert float(others.target.mean()) < 0.1
    shown = mj.sweep(cross_modal.run, paired=0, frozen=1.0, width=32, steps=200,
                     **{**at, "shown": 100}).squeeze()  # fmt: skip
    assert float(shown.target.mean()) > 0.5
