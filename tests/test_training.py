"""Trajectories against a numpy implementation that shares no code with the library."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import memjax as mj

WIDTHS = (3, 6, 6, 4)
STEPS = 100


def numpy_training(params, x, y, update):
    """The parameters after each step of full-batch cross-entropy training."""
    memory = [np.zeros((2, *p.shape)) for p in params]
    trajectory = []
    for t in range(1, STEPS + 1):
        slopes = numpy_gradient(params, x, y)
        params = [
            update(p, g, m, t) for p, g, m in zip(params, slopes, memory, strict=True)
        ]
        trajectory.append(params)
    return trajectory


def numpy_gradient(params, x, y):
    """Back-propagation by hand through three layers, [w, b, w, b, w, b]."""
    w0, b0, w1, b1, w2, b2 = params
    h0 = x @ w0 + b0
    a0 = np.maximum(h0, 0)
    h1 = a0 @ w1 + b1
    a1 = np.maximum(h1, 0)
    z = a1 @ w2 + b2
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    dz = (p - np.eye(len(b2))[y]) / len(x)
    d1 = (dz @ w2.T) * (h1 > 0)
    d0 = (d1 @ w1.T) * (h0 > 0)
    return [x.T @ d0, d0.sum(0), a0.T @ d1, d1.sum(0), a1.T @ dz, dz.sum(0)]


def adam_step(p, g, m, t, lr, wd):
    m[0] = 0.9 * m[0] + 0.1 * g
    m[1] = 0.999 * m[1] + 0.001 * g**2
    scaled = (m[0] / (1 - 0.9**t)) / (np.sqrt(m[1] / (1 - 0.999**t)) + 1e-8)
    return p - lr * (scaled + wd * p)


def sgd_step(p, g, m, t, lr, wd):
    return p - lr * g


RULES = {
    "sgd": (lambda lr, wd: optax.sgd(lr), sgd_step, 0.1, 0.0),
    "adam": (lambda lr, wd: optax.adam(lr), adam_step, 1e-2, 0.0),
    "adamw": (lambda lr, wd: optax.adamw(lr, weight_decay=wd), adam_step, 1e-2, 0.1),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("double", "within"),
    [(True, 1e-8), pytest.param(False, 1e-3, marks=pytest.mark.long)],
)
def test_trajectories_match_numpy(rule, double, within):
    make, step, lr, wd = RULES[rule]
    with jax.enable_x64(double):
        dtype = np.float64 if double else np.float32
        model = mj.models.mlp(WIDTHS)
        data = mj.datasets.random_labels(3, 4, 12)(jax.random.key(2), 9)
        data = jax.tree.map(
            lambda a: a.astype(dtype) if a.dtype.kind == "f" else a, data
        )
        start = jax.tree.map(lambda a: a.astype(dtype), model.init(jax.random.key(1)))

        def loss(params, x, y):
            return mj.losses.cross_entropy(model.apply(params, x), y)

        def run(lr, wd):
            def observe(params):
                flat = [a for layer in params for a in (layer["w"], layer["b"])]
                return {f"p{i}": a for i, a in enumerate(flat)}

            legs = mj.train(loss, make(lr, wd), observe, range(STEPS + 1))
            return mj.walk(legs(start, data))[1]

        seen = jax.jit(run)(dtype(lr), dtype(wd))
    flat = [np.asarray(a, float) for layer in start for a in (layer["w"], layer["b"])]
    expected = numpy_training(
        flat,
        np.asarray(data.x[:9], float),
        np.asarray(data.y[:9]),
        partial(step, lr=float(dtype(lr)), wd=float(dtype(wd))),
    )
    for i in range(6):
        found = np.asarray(seen[f"p{i}"][1:], float)
        wanted = np.stack([params[i] for params in expected])
        scale = np.abs(wanted).max(axis=tuple(range(1, wanted.ndim)), keepdims=True)
        assert (np.abs(found - wanted) / scale).max() < within


def test_a_loss_with_a_key_draws_anew_for_each_step_and_point():
    data = mj.Data(jnp.zeros(4), jnp.zeros(4), mj.prefix(4, 4))

    def loss(params, x, y, key):
        return params * jax.random.normal(key, ())

    legs = mj.train(loss, optax.sgd(1.0), lambda p: {"p": p}, range(4))
    _, seen = mj.walk(legs(jnp.zeros(()), data, jax.random.key(0)))
    moves = -np.diff(seen["p"])
    for t in range(3):
        at_t = jax.random.fold_in(jax.random.key(0), t)
        each = [jax.random.normal(jax.random.fold_in(at_t, i), ()) for i in range(4)]
        np.testing.assert_allclose(moves[t], np.mean(each), rtol=1e-5)
    with pytest.raises(ValueError, match="needs train"):
        mj.walk(legs(jnp.zeros(()), data))


def squares():
    """A loss that is twice the square of a point, and six points; four count."""
    x = jnp.array([1.0, 2.0, 4.0, 8.0, 100.0, 200.0])
    data = mj.Data(x, x, mj.prefix(4, 6))
    return lambda x, y: 2 * x * y, data


def test_resampled_points_are_those_that_count_drawn_anew():
    loss, data = squares()

    def mean(rows, key):
        return mj.expect(loss, mj.resampled(data, key, rows))

    keys = jax.random.split(jax.random.key(0), 4000)
    drawn = np.asarray(jax.vmap(partial(mean, 1))(keys))
    assert set(drawn) == {2.0, 8.0, 32.0, 128.0}
    assert np.all(np.abs([np.mean(drawn == v) - 0.25 for v in set(drawn)]) < 0.03)
    means = np.asarray(jax.vmap(partial(mean, 3))(keys))
    sums = {a + b + c for a in set(drawn) for b in set(drawn) for c in set(drawn)}
    assert np.min(abs(means[:, None] - np.array([*sums]) / 3), axis=1).max() < 1e-4
    assert means.mean() == pytest.approx(2 * (1 + 4 + 16 + 64) / 4, rel=0.05)


def test_thinning_is_right_on_average():
    loss, data = squares()
    keys = jax.random.split(jax.random.key(0), 4000)

    def mean(share, key):
        return mj.expect(loss, mj.thinned(data, key, share))

    seen = np.asarray(jax.vmap(partial(mean, 0.25))(keys))
    some = {sum(8 * v for v, b in zip((1, 4, 16, 64), bits, strict=True) if b) / 4
            for bits in itertools.product((0, 1), repeat=4)}  # fmt: skip
    assert set(seen) == some  # each point 4 times, or not at all
    assert np.mean(seen >= 2 * 64) == pytest.approx(0.25, abs=0.03)  # the largest one
    assert seen.mean() == pytest.approx(2 * (1 + 4 + 16 + 64) / 4, rel=0.1)
    assert float(mean(1.0, keys[0])) == 2 * (1 + 4 + 16 + 64) / 4


def test_schedules_have_unit_height_and_take_a_traced_rate():
    shape = mj.schedules.warmup(10, then=mj.schedules.cosine(90, floor=0.1))
    values = np.array([float(shape(t)) for t in (0, 9, 10, 55, 100, 200)])
    np.testing.assert_allclose(values, [0.1, 1, 1, 0.55, 0.1, 0.1], atol=1e-6)
    line = mj.schedules.linear(4)
    np.testing.assert_allclose([line(t) for t in range(6)], [1, 0.75, 0.5, 0.25, 0, 0])
    data = mj.Data(jnp.zeros(1), jnp.zeros(1), jnp.ones(1))

    def run(lr):
        legs = mj.train(
            lambda p, x, y: p,
            optax.sgd(lambda t: lr * line(t)),
            lambda p: {"p": p},
            (0, 4),
        )
        return legs(jnp.zeros(()), data)

    moved = mj.sweep(run, lr=[1.0, 2.0]).p.isel(step=-1)
    np.testing.assert_allclose(moved, [-2.5, -5.0])


def test_minibatches_are_of_different_points_that_count():
    @jax.jit
    def some():
        data = mj.Data(jnp.arange(8.0)[:, None], jnp.zeros(8), mj.prefix(5, 8))
        keys = jax.random.split(jax.random.key(0), 20)
        few = jax.vmap(lambda key: mj.minibatch(data, key, 3))(keys)
        return few, mj.minibatch(data, keys[0], 7)  # 7 are more than there are

    drawn, many = some()
    np.testing.assert_allclose(drawn.w, 1 / 3)
    numbers = [{*x} for x in np.asarray(drawn.x)[:, :, 0].tolist()]
    assert all(len(n) == 3 for n in numbers)
    assert set.union(*numbers) == {0, 1, 2, 3, 4}
    x, w = np.asarray(many.x)[:, 0], np.asarray(many.w)
    assert {*x[w > 0].tolist()} == {0, 1, 2, 3, 4}
    np.testing.assert_allclose(w[w > 0], 1 / 5)


def test_a_step_takes_what_it_sees():
    """Plain descent on draws of one point, by hand."""
    x = jnp.array([1.0, 2.0, 4.0])
    data, key = mj.Data(x, x, mj.prefix(2, 3)), jax.random.key(5)

    def loss(params, x, y):
        return params * x

    sees = partial(mj.resampled, count=1)
    fit = mj.train(loss, optax.sgd(1.0), lambda p: {"p": p}, (0, 4), sees=sees)
    found = mj.walk(fit(jnp.zeros(()), data, key))[1]["p"][-1]
    steps = [mj.resampled(data, jax.random.fold_in(key, t), 1).x[0] for t in range(4)]
    assert float(found) == -float(sum(steps))


def test_what_a_step_sees_needs_a_key_and_points():
    data = mj.Data(jnp.ones(3), jnp.ones(3), mj.prefix(3, 3))
    sees = partial(mj.minibatch, count=2)
    fit = mj.train(
        lambda p, x, y: p * x, optax.sgd(1.0), lambda p: {"p": p}, 2, sees=sees
    )
    with pytest.raises(ValueError, match="params, data, key"):
        mj.walk(fit(jnp.zeros(()), data))
    with pytest.raises(ValueError, match="at least one point"):
        mj.minibatch(data, jax.random.key(0), -1)


def test_an_optimizer_that_is_not_made_is_told_so():
    with pytest.raises(TypeError, match=r"sgd is no optimizer of optax; call it, sgd"):
        mj.train(lambda params, x, y: x, optax.sgd, lambda params: {}, mj.every(1, 2))
    with pytest.raises(TypeError, match=r"0\.1 is no optimizer"):
        mj.descend(lambda *_: 0.0, 0.1, lambda params: {}, mj.every(1, 2))
