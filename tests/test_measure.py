"""The measure and the walk: padding, tiles, derivatives, legs."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.engine.asked.jaxprs import equations
from memjax.lanes import wide
from memjax.legs import Legs, arrive, logged

KEY = jax.random.key(0)


@pytest.fixture
def tiles_of_four(monkeypatch):
    monkeypatch.setattr("memjax.measure.TILE", 4)


def points(count: int) -> tuple[jax.Array, jax.Array]:
    return jax.random.normal(KEY, (count, 3)), jnp.arange(count) % 2


def f(w: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.sum(jnp.tanh(x @ w) ** 2) + y * jnp.sum(w)


def padded(w: jax.Array, size, capacity: int = 10) -> jax.Array:
    data = mj.Data(*points(capacity), mj.prefix(size, capacity))
    return mj.expect(partial(f, w), data)


def exact(w: jax.Array, size: int) -> jax.Array:
    x, y = points(10)
    return jnp.mean(jax.vmap(partial(f, w))(x[:size], y[:size]))


W = jax.random.normal(jax.random.key(1), (3, 2))


@pytest.mark.parametrize(("tile", "heavy"), [(4, 9), (5, 9), (100, 9), (5, 1)])
@pytest.mark.parametrize(
    "take",
    [lambda g: g, jax.grad, pytest.param(jax.hessian, marks=pytest.mark.long)],
)
def test_padding_and_tiles_change_nothing(monkeypatch, tile, heavy, take):
    monkeypatch.setattr("memjax.measure.TILE", tile)
    # The product of a point makes 2 numbers.
    monkeypatch.setattr("memjax.measure.HEAVY", heavy)
    monkeypatch.setattr("memjax.measure.IN_CACHE", 6)
    sizes = [1, 4, 5, 10]
    found = jax.jit(jax.vmap(take(padded), (None, 0)))(W, jnp.array(sizes))
    for size, value in zip(sizes, found, strict=True):
        np.testing.assert_allclose(value, take(exact)(W, size), rtol=1e-5, atol=1e-6)


def test_traced_sizes_share_a_program(tiles_of_four):
    slopes = jax.jit(jax.vmap(jax.grad(padded), (None, 0)))(W, jnp.array([2, 7]))
    np.testing.assert_allclose(slopes[0], jax.grad(exact)(W, 2), rtol=1e-5)
    np.testing.assert_allclose(slopes[1], jax.grad(exact)(W, 7), rtol=1e-5)


def test_rows_without_weight_are_not_walked(tiles_of_four):
    """A walk over dead tiles would meet the NaN in the last row."""
    x, y = points(12)
    x = x.at[-1].set(jnp.nan)
    value = mj.expect(partial(f, W), mj.Data(x, y, mj.prefix(3, 12)))
    assert jnp.isfinite(value)


@pytest.mark.parametrize(("cache", "few"), [(2, 1), (9, 4), (64, 16)])
def test_of_heavy_points_few_are_evaluated_at_once(monkeypatch, cache, few):
    monkeypatch.setattr("memjax.measure.HEAVY", 1)
    monkeypatch.setattr("memjax.measure.IN_CACHE", cache)
    trace = jax.make_jaxpr(jax.value_and_grad(padded), static_argnums=2)(W, 9, 16)
    made = {e.outvars[0].aval.shape for e in equations(trace.jaxpr)}
    assert (few, 2) in made  # x @ w of a part
    assert few == 16 or (16, 2) not in made


def test_side_by_side_a_tile_of_heavy_points_stays_whole(monkeypatch):
    monkeypatch.setattr("memjax.measure.HEAVY", 1)
    monkeypatch.setattr("memjax.measure.IN_CACHE", 2)
    with wide(1):
        trace = jax.make_jaxpr(padded, static_argnums=2)(W, 9, 16)
    assert (16, 2) in {e.outvars[0].aval.shape for e in equations(trace.jaxpr)}


def test_packing_rows_keeps_the_measure_and_puts_weight_first():
    w = jnp.array([0.0, 0.5, 0.0, 0.25, 0.25])
    data = mj.packed(mj.Data({"a": jnp.arange(5)}, 10 * jnp.arange(5), w))
    np.testing.assert_array_equal(data.x["a"], [1, 3, 4, 0, 2])
    np.testing.assert_array_equal(data.y, [10, 30, 40, 0, 20])
    np.testing.assert_array_equal(data.w, [0.5, 0.25, 0.25, 0, 0])


def test_gradients_in_the_data(tiles_of_four):
    x, y = points(10)

    def of_weights(w):
        return mj.expect(lambda x, y: jnp.sum(x), mj.Data(x, y, w))

    np.testing.assert_allclose(
        jax.grad(of_weights)(jnp.full(10, 0.1)), x.sum(1), rtol=1e-6
    )

    def of_inputs(x):
        return mj.expect(partial(f, W), mj.Data(x, y, mj.prefix(10, 10)))

    def direct(x):
        return jnp.mean(jax.vmap(partial(f, W))(x, y))

    np.testing.assert_allclose(
        jax.grad(of_inputs)(x), jax.grad(direct)(x), rtol=1e-5, atol=1e-7
    )


def test_trees_integers_and_keys_inside(tiles_of_four):
    """`f` may close over keys and whole numbers and return a tree."""
    data = mj.Data(*points(9), mj.prefix(6, 9))

    def tree(key, count):
        def one(x, y):
            noise = jax.random.normal(jax.random.fold_in(key, y), ())
            return {"a": y == count, "b": x * noise}

        return mj.expect(one, data)

    keys, counts = jax.random.split(KEY, 2), jnp.array([0, 1])
    found = jax.jit(jax.vmap(tree))(keys, counts)
    assert found["b"].shape == (2, 3)
    np.testing.assert_allclose(found["a"], [0.5, 0.5], rtol=1e-6)
    slope = jax.grad(lambda s: jnp.sum(mj.expect(lambda x, y: s * x, data)))(1.0)
    np.testing.assert_allclose(slope, jnp.mean(data.x[:6], 0).sum(), rtol=1e-5)


def test_names_survive_transformations():
    def quantity(v):
        return mj.named(v * jnp.arange(3.0), "eigen", coords=[4, 5, 6])

    out = jax.jit(jax.vmap(quantity))(jnp.arange(2.0))
    assert out.axes == (("eigen", (4, 5, 6)),)
    assert out.value.shape == (2, 3)


@pytest.mark.parametrize(
    ("dims", "coords"), [(("a", "b"), None), (("a",), [1, 2]), ((), None)]
)
def test_wrong_names_are_refused(dims, coords):
    with pytest.raises(ValueError, match=r"labels|names"):
        mj.named(jnp.zeros(3), *dims, coords=coords)


def doubling(times, **options) -> Legs:
    return mj.iterate(1.0, lambda s, t: 2 * s, lambda s: {"s": s}, times, **options)


def test_a_walk_sees_the_state_at_each_time():
    _, seen = mj.walk(doubling((0, 1, 4, 6)))
    np.testing.assert_array_equal(seen["s"], [1, 2, 16, 64])


def test_segments_are_the_whole_walk():
    legs = doubling((0, 1, 4, 6))
    carry, first = mj.walk(legs, count=3)
    carry, second = mj.walk(legs, carry, first=3, count=3)
    np.testing.assert_array_equal(first["s"], [1, 2, 16])
    np.testing.assert_array_equal(second["s"], [64, 64, 64])
    assert carry.state == 64


def test_a_walk_that_leaves_the_numbers_is_nan_from_there():
    legs = doubling((0, 100, 128, 200), finish=lambda s: {"end": s, "count": 7})
    carry, seen = mj.walk(legs)
    np.testing.assert_array_equal(seen["s"], [1, 2.0**100, np.nan, np.nan])
    end = arrive(legs, carry)
    assert jnp.isnan(end["end"])
    assert end["count"] == 7
    assert end["diverged_at"] == 128


def test_times():
    assert mj.every(10, 25) == (0, 10, 20, 25)
    spaced = logged(1000)
    assert spaced[0] == 0
    assert spaced[-1] == 1000
    assert np.diff(spaced[5:]).min() >= 1
    assert logged(0) == (0,)
    assert mj.spaced(5, 100) == (0, 1, 3, 10, 32, 100)  # half a decade apart
    assert mj.spaced(2, 100, late=6) == (0, 1, 75, 80, 85, 90, 95, 100)
    with pytest.raises(ValueError, match="0 steps"):
        mj.spaced(5, 0)
    for wrong in ((1, 2), (0, 2, 2), ()):
        with pytest.raises(ValueError, match="increase strictly from 0"):
            doubling(wrong)
