"""Points in parts: who is trained on, and by what labels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

KEY = jax.random.key(8)


def test_mislabeled_points_are_wrong_and_the_rest_is_right():
    x, truth = mj.datasets.digits(side=4, count=400)
    half = jnp.arange(400) < 200
    parts = mj.datasets.mislabeled(
        KEY, jnp.array(x), jnp.array(truth), half, ~half, classes=10, noise=0.3
    )
    label = np.asarray(parts.train.y)
    train, clean, noisy, test = (np.asarray(part.w) > 0 for part in parts[:4])
    np.testing.assert_array_equal(train, np.arange(400) < 200)
    np.testing.assert_array_equal(train, clean ^ noisy)
    np.testing.assert_array_equal(test, ~train)
    np.testing.assert_array_equal(label != truth, noisy)
    assert 0.2 < noisy.sum() / 200 < 0.4
    assert set((label - truth)[noisy] % 10) == set(range(1, 10))
    for part in parts[:4]:
        assert float(part.w.sum()) == pytest.approx(1.0)


def test_a_wrong_label_needs_another_class():
    one, both = jnp.zeros(3, int), jnp.ones(3, bool)
    with pytest.raises(ValueError, match="2 or more classes, got 1"):
        mj.datasets.mislabeled(KEY, one, one, both, ~both, classes=1, noise=0.5)


def test_a_measure_on_a_set_is_uniform_and_on_none_is_zero():
    found = mj.datasets.uniform_on(jnp.array([True, False, True, True]))
    np.testing.assert_allclose(found, [1 / 3, 0, 1 / 3, 1 / 3])
    np.testing.assert_array_equal(mj.datasets.uniform_on(jnp.zeros(3, bool)), 0)


def test_accuracies_of_the_parts_by_counting():
    p, parts = 11, mj.datasets.modular(11)(jax.random.key(2), 0.7, 0.5)
    logits = jax.random.normal(jax.random.key(3), (p, p, p))
    points = mj.observables.parts.marked(parts)
    watch = mj.observables.parts.by_part(lambda table, x: table[x[0], x[1]], points)
    x, label, truth = (np.asarray(a) for a in (*parts.train[:2], parts.truth))
    guess = np.asarray(logits)[x[:, 0], x[:, 1]].argmax(axis=1)
    clean, noisy, test = (np.asarray(part.w) > 0 for part in parts[1:4])
    expected = [np.mean((guess == label)[m]) for m in (clean, noisy, test)]
    expected.append(np.mean((guess == truth)[noisy]))
    found = watch(logits)["accuracy"]
    np.testing.assert_allclose(found.value, expected, atol=1e-6)
    assert found.axes == (("part", ("clean", "noisy", "test", "recovered")),)


def test_means_over_each_part_have_its_name():
    train = mj.Data(jnp.array([1.0, 2.0]), jnp.zeros(2), jnp.array([0.25, 0.75]))
    test = mj.Data(jnp.array([4.0]), jnp.ones(1), jnp.ones(1))

    def score(x, y):
        return {"loss": x - y, "square": x**2}

    found = mj.observables.parts.of_each(score, train=train, test=test)
    expected = {"train_loss": 1.75, "train_square": 3.25, "test_loss": 3.0}
    assert found == {**expected, "test_square": 16.0}
