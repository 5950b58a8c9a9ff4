"""What is out of range gives NaN or an error, never another value."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.measure import entry

LOGITS = jnp.array([0.5, -1.0, 2.0])
ce, accuracy = mj.losses.cross_entropy, mj.observables.accuracy


@pytest.mark.parametrize("target", [-1, 3, 7])
def test_a_class_outside_of_the_logits_costs_nan(target):
    assert jnp.isnan(ce(LOGITS, jnp.array(target)))
    assert jnp.isnan(accuracy(LOGITS, jnp.array(target)))
    assert np.isfinite(ce(LOGITS, jnp.array(2)))


@pytest.mark.parametrize(
    "target", [1.0, jnp.array([1]), jnp.ones(2), jnp.ones((3, 1)), jnp.array(True)]
)
def test_a_target_of_another_kind_is_refused(target):
    with pytest.raises(TypeError, match="takes a class"):
        ce(LOGITS, target)


def test_losses_never_fall_below_the_entropy_of_the_target():
    law = jax.nn.softmax(LOGITS)
    assert float(ce(jnp.log(law), law)) == pytest.approx(mj.observables.entropy(law))
    assert jnp.isnan(ce(LOGITS, jnp.array([1.5, -0.5, 0.0])))


def test_a_run_on_wrong_labels_is_diverged_and_not_ok():
    model = mj.models.mlp((2, 2))

    def run(lr):
        import optax

        data = mj.Data(jnp.ones((2, 2)), jnp.array([-1, 1]), jnp.ones(2) / 2)
        loss = lambda p, x, y: ce(model.apply(p, x), y)  # noqa: E731
        seen = lambda p: {"l2": mj.observables.l2(p)}  # noqa: E731
        return mj.train(loss, optax.sgd(lr), seen, (0, 2))(
            model.init(jax.random.key(0)), data
        )

    assert mj.sweep(run, lr=[0.1]).status.values.tolist() == ["diverged"]


def test_the_accuracy_of_nan_is_nan():
    for i in range(3):
        assert jnp.isnan(accuracy(LOGITS.at[1].set(jnp.nan), jnp.array(i)))


def test_a_measure_of_no_points_or_of_too_few_is_nan():
    one = lambda size: mj.expect(  # noqa: E731
        lambda x, y: 1.0, mj.Data(jnp.ones(4), jnp.ones(4), mj.prefix(size, 4))
    )
    assert [float(one(n)) for n in (1, 4)] == [1, 1]
    assert all(jnp.isnan(one(n)) for n in (0, 5))


def test_an_empty_part_is_nan():
    parts = mj.datasets.modular(5)(jax.random.key(0), 0.5, noise=0.0)
    assert jnp.isnan(mj.expect(lambda x, y: 1.0, parts.noisy))
    assert float(mj.expect(lambda x, y: 1.0, parts.clean)) == pytest.approx(1)


def test_no_row_stands_in_for_one_that_is_not_there():
    table = jnp.arange(6.0).reshape(3, 2)
    found = entry(table, jnp.array([0, 2, 3, -1]))
    np.testing.assert_array_equal(found[:2], table[jnp.array([0, 2])])
    assert jnp.isnan(found[2:]).all()
    assert jnp.isnan(mj.datasets.one_hot_pair(jnp.array([0, 3]), 3)).any()
    assert jnp.isnan(mj.datasets.one_hot_pair(jnp.array([-1, 2]), 3)).any()


@pytest.mark.parametrize(
    "model",
    [
        mj.models.graph.tied(4, 3),
        mj.models.graph.untied(4, 3),
        mj.models.graph.three_matrix(4, 3),
    ],
)
def test_models_know_only_their_own_nodes(model):
    params = model.init(jax.random.key(0))
    assert np.isfinite(model.apply(params, jnp.array(3))).all()
    for wrong in (4, -1):
        assert jnp.isnan(model.apply(params, jnp.array(wrong))).any()


@pytest.mark.long
def test_datasets_make_no_label_outside_of_the_classes():
    key = jax.random.key(3)
    for prior in (mj.datasets.uniform, mj.datasets.power_law, mj.datasets.exponential):
        made = mj.datasets.random_labels(2, 5, 300, prior=prior)
        for alpha, noise in ((0.0, 0.0), (3.0, 0.5), (30.0, 1.0)):
            y = made(key, 300, alpha, noise).y
            assert 0 <= y.min() <= y.max() < 5
    for operation in (
        mj.datasets.modular_sum,
        mj.datasets.modular_difference,
        mj.datasets.modular_product,
        mj.datasets.modular_quotient,
    ):
        parts = mj.datasets.modular(7, operation)(key, 0.5, 0.7)
        for y in (parts.truth, parts.train.y):
            assert 0 <= y.min() <= y.max() < 7
