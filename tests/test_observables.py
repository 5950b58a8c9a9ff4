"""Losses, observables and claims on cases small enough for a hand."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.claims import table
from memjax.datasets.rules_and_facts import Labeled


def test_cross_entropy_of_a_class_and_of_a_distribution():
    logits = jnp.log(jnp.array([0.5, 0.25, 0.25]))
    hard = mj.losses.cross_entropy(logits, jnp.int32(1))
    soft = mj.losses.cross_entropy(logits, jnp.array([0.5, 0.0, 0.5]))
    assert float(hard) == pytest.approx(math.log(4))
    assert float(soft) == pytest.approx(1.5 * math.log(2))
    far = mj.losses.cross_entropy(jnp.array([0.0, -jnp.inf]), jnp.array([1.0, 0.0]))
    assert float(far) == 0


def test_square_loss_is_half_the_distance():
    assert float(mj.losses.square(jnp.array([1.0, 2.0]), jnp.array([0.0, 0.0]))) == 2.5


def test_accuracy_and_norms():
    assert float(mj.observables.accuracy(jnp.array([0.0, 2.0, 1.0]), jnp.int32(1))) == 1
    params = [{"w": jnp.array([[3.0]])}, {"w": jnp.array([[4.0]])}]
    assert float(mj.observables.l2(params)) == 5
    layers = mj.observables.layer_l2(params)
    np.testing.assert_array_equal(layers.value, [3, 4])
    assert layers.axes == (("layer", (0, 1)),)
    zero = jax.tree.map(jnp.zeros_like, params)
    assert float(mj.observables.distance(params, zero)) == 5


def test_sign_error_is_how_often_signs_differ():
    rng = np.random.default_rng(0)
    teacher, direction = np.array([1.0, 2.0, 0.0]), np.array([0.5, 0.5, 1.0])
    x = rng.normal(size=(20000, 3))
    score = x @ direction + np.sqrt(2) * rng.normal(size=20000)
    counted = np.mean(score * (x @ teacher) < 0)
    exact = mj.observables.sign_error(jnp.array(teacher), jnp.array(direction), 2.0)
    assert abs(counted - exact) < 0.014  # four standard errors


def test_memorized_bits():
    law = jnp.array([0.5, 0.25, 0.25, 0.0])
    h = mj.observables.entropy(law)
    assert float(h) == pytest.approx(1.5 * math.log(2))
    assert float(mj.observables.memorized_bits(h, 0.0, 8)) == pytest.approx(12)
    assert float(mj.observables.memorized_bits(h, h, 8)) == 0


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        (mj.Claim("a", 1.0, 1.05, "s", tolerance=0.1), True),
        (mj.Claim("a", 1.0, 1.2, "s", tolerance=0.1), False),
        (mj.Claim("a", 1.0, float("nan"), "s", tolerance=0.1), False),
        (mj.Claim("a", 0.5, 2.0, "s", interval=(1.0, 2.0)), True),
        (mj.Claim("a", 3200, 3200, "s"), True),
        (mj.Claim("a", True, np.bool_(False), "s"), False),
        (mj.Claim("a", 1.0, None, "s", tolerance=0.1), None),
        (mj.Claim("a", None, 1.0, "s"), None),
    ],
)
def test_claims_hold_or_not(claim, holds):
    assert claim.holds is holds
    record = json.loads(json.dumps(claim.record()))
    assert {"name", "published", "measured", "holds", "source"} <= set(record)
    assert "tolerance" in record or "interval" in record
    assert claim.name in table([claim])


def test_a_row_that_is_not_measured_says_what_it_needs() -> None:
    claim = mj.Claim("images", 500.0, None, "s", needs="500 images")
    assert "images not shown: needs 500 images" in mj.claims.table([claim])
    both = mj.claims.table([claim, claim._replace(name="others")])
    assert "2 claims not shown: need 500 images" in both
    assert both.endswith("ours 2 not judged")
    assert claim.record()["needs"] == "500 images"


def test_facts_missed_are_those_of_the_wrong_sign():
    label = jnp.array([1.0, -1.0, 1.0, -1.0, 1.0])
    fact = jnp.array([True, True, True, False, True])
    data = mj.Data(jnp.zeros((5, 2)), Labeled(label, fact), mj.prefix(4, 5))
    fitted = jnp.array([0.1, 2.0, 0.3, 1.0, -1.0])  # the last does not count
    np.testing.assert_allclose(mj.observables.facts_missed(fitted, data), 1 / 3)
