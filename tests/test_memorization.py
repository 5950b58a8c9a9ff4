"""Metrics of memorization by hand, by counting, by numpy and by closed forms."""

import itertools
import math
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import memjax as mj
from memjax.observables import memorization as known

PAGE = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text()


# --- from a table of masks ------------------------------------------------------------

HELD = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1], [0, 0, 1]], bool)
RIGHT = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 0], [1, 0, 1.0]])


def test_memorization_is_by_hand():
    found = known.memorization(HELD, RIGHT)
    np.testing.assert_allclose(found.value, [1 - 1 / 2, 1 - 0, 2 / 3 - 0], rtol=1e-6)
    errors = [math.sqrt(1 / 4 / 2), 0, math.sqrt(2 / 9 / 3)]
    np.testing.assert_allclose(found.error, errors, rtol=1e-5)


def test_influence_is_that_of_every_pair():
    rng = np.random.default_rng(0)
    held, score = rng.random((30, 5)) < 0.7, rng.normal(size=(30, 4))
    found = known.influence(held, score)
    for i, j in itertools.product(range(5), range(4)):
        near, far = score[held[:, i], j], score[~held[:, i], j]
        assert found.value[i, j] == pytest.approx(near.mean() - far.mean(), abs=1e-5)
        error = math.sqrt(near.var() / len(near) + far.var() / len(far))
        assert found.error[i, j] == pytest.approx(error, rel=1e-4)
    own = known.influence(HELD, RIGHT)
    of_itself = [np.diag(part) for part in own]
    np.testing.assert_allclose(of_itself, known.memorization(HELD, RIGHT), rtol=1e-6)


def test_a_point_that_all_saw_has_no_score():
    found = known.memorization(HELD[:2], RIGHT[:2])
    assert np.isnan(found.value[0]) and np.isfinite(found.value[1])


def test_errors_are_how_far_tables_scatter():
    rng = np.random.default_rng(1)
    held = rng.random((500, 40, 1)) < 0.7
    right = rng.random((500, 40, 1)) < np.where(held, 0.9, 0.4)
    value, error = jax.vmap(known.memorization)(held, right)
    assert np.mean(value) == pytest.approx(0.5, abs=0.03)
    assert np.std(value) == pytest.approx(float(np.mean(error)), rel=0.15)


def test_consistency_is_a_mean_over_sizes():
    held = np.stack([HELD, ~HELD])
    right = np.stack([RIGHT, RIGHT])
    expected = [(1 / 2 + 1) / 2, (0 + 1) / 2, (0 + 2 / 3) / 2]
    np.testing.assert_allclose(known.consistency(held, right), expected, rtol=1e-6)


def test_a_subset_is_so_many_of_the_members_and_nested():
    member = jnp.arange(12) < 9
    parts = [mj.datasets.subset(jax.random.key(0), member, n) for n in (3, 6, 9, 20)]
    assert [int(jnp.sum(part)) for part in parts] == [3, 6, 9, 9]
    for small, large in itertools.pairwise(parts):
        assert not jnp.any(small & ~large)
    keys = jax.random.split(jax.random.key(1), 4000)
    held = jax.vmap(lambda key: mj.datasets.subset(key, member, 6))(keys)
    np.testing.assert_allclose(held.mean(0), np.where(member, 6 / 9, 0), atol=0.03)


def test_ridge_without_a_point_is_that_of_a_fit_without_it():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))
    gram = np.exp(-((x[:, None] - x[None]) ** 2).sum(-1))
    for ridge in (0.0, 0.3):
        with jax.enable_x64(True):
            found = np.asarray(
                mj.kernels.left_out(jnp.array(gram), jnp.array(y), ridge)
            )
        for i in range(8):
            rest = np.delete(np.arange(8), i)
            system = gram[np.ix_(rest, rest)] + ridge * np.eye(7)
            expected = gram[i, rest] @ np.linalg.solve(system, y[rest])
            np.testing.assert_allclose(found[i], expected, rtol=1e-9)


# --- who can tell ---------------------------------------------------------------------


def test_the_area_is_the_share_of_pairs():
    rng = np.random.default_rng(3)
    members, others = rng.integers(0, 6, 40), rng.integers(0, 5, 30)
    apart = members[:, None] - others[None]
    expected = np.mean((apart > 0) + (apart == 0) / 2)
    assert float(known.auc(members, others)) == pytest.approx(expected, abs=1e-6)
    assert np.isnan(known.auc(jnp.array([1.0, jnp.nan]), jnp.zeros(3)))


def test_true_positives_at_a_false_rate():
    others = np.arange(200.0)
    members = np.array([300.0, 198.5, 197.5, 0.0])
    for rate, expected in ((0.0, 1 / 4), (0.01, 3 / 4), (0.005, 2 / 4)):
        found = known.true_positive_rate(members, others, rate)
        assert float(found) == expected, rate
    few = known.true_positive_rate(members, others[:50] + 180)  # none of 50 may pass
    assert float(few) == 1 / 4


def test_lira_is_a_ratio_of_two_gaussians():
    rng = np.random.default_rng(4)
    held = rng.random((20, 3)) < 0.5
    scores, score = rng.normal(held, 1), rng.normal(size=3)
    found = known.lira(score, held, scores)
    for i in range(3):
        laws = [
            stats.norm(part.mean(), part.std(ddof=1))
            for part in (scores[held[:, i], i], scores[~held[:, i], i])
        ]
        inside, outside = (law.logpdf(score[i]) for law in laws)
        assert float(found[i]) == pytest.approx(inside - outside, abs=1e-4)
    all_saw = held | (np.arange(3) == 0)
    assert np.isnan(known.lira(score, all_saw, scores)).tolist() == [True, False, False]


def test_log_odds_of_a_label():
    logits = jnp.log(jnp.array([0.7, 0.2, 0.1]))
    found = known.logit_confidence(logits, 0)
    assert float(found) == pytest.approx(math.log(0.7 / 0.3), rel=1e-5)
    sure = known.logit_confidence(jnp.array([0.0, 90.0]), 1)
    assert float(sure) == 90  # where 1 - p is rounding
    assert np.isnan(known.logit_confidence(logits, 3))


def test_exposure_of_the_first_the_last_and_on_average():
    space = np.random.default_rng(5).permutation(1024).astype(float)
    assert float(known.exposure(jnp.array(0.0), space)) == 10
    assert float(known.exposure(jnp.array(1023.0), space)) == 0
    each = jax.vmap(lambda loss: known.exposure(loss, space))(jnp.array(space))
    exact = 10 - math.lgamma(1025) / math.log(2) / 1024
    assert float(each.mean()) == pytest.approx(exact, abs=1e-4)
    assert exact == pytest.approx(1 / math.log(2), abs=0.01)
    same = known.exposure(jnp.array(1.0), jnp.ones(4))
    assert float(same) == pytest.approx(
        2 - math.log2(2.5)
    )  # a mean rank, not the first
    assert np.isnan(known.exposure(jnp.array(0.5), space))


def test_copies_are_below_zero_as_scipy_ranks_them():
    rng = np.random.default_rng(6)
    near, far = rng.random(40), 0.3 + rng.random(50)
    count = stats.mannwhitneyu(near, far).statistic
    expected = (count - 40 * 50 / 2) / math.sqrt(40 * 50 * 91 / 12)
    assert float(known.data_copying(near, far)) == pytest.approx(expected, rel=1e-5)
    assert expected < -3
    law = [float(known.data_copying(*rng.random((2, 30)))) for _ in range(300)]
    assert np.mean(law) == pytest.approx(0, abs=0.2)
    assert np.std(law) == pytest.approx(1, abs=0.15)


# --- slopes ---------------------------------------------------------------------------


def test_forgetting_is_from_right_to_wrong():
    right = np.array([[0, 1, 0, 1], [1, 0, 0, 1], [0, 1, 0, 1], [1, 0, 0, 1]])
    np.testing.assert_array_equal(known.forgetting(right), [1, 2, np.inf, 0])


def square(params, x, y):
    """Its slope in `w` is (w·x - y) x, its curvature in x is |w|²."""
    return 0.5 * (params["w"] @ x - y) ** 2


def test_slopes_and_curvature_of_a_line():
    w, x, y = np.array([1.0, -2.0]), np.array([3.0, 1.0]), 0.5
    z, u = np.array([-1.0, 1.0]), -1.0
    params = {"w": jnp.array(w)}
    error, other = w @ x - y, w @ z - u
    norm = abs(error) * np.linalg.norm(x)
    assert float(known.grand(square, params, x, y)) == pytest.approx(norm)
    assert float(known.curvature(square, params, jnp.array(x), y)) == pytest.approx(5)
    steps = {"w": jnp.stack([jnp.array(w), jnp.zeros(2)])}
    lr = jnp.array([0.1, 0.2])
    expected = 0.1 * error * other * (x @ z) + 0.2 * y * u * (x @ z)
    found = known.tracin(square, steps, lr, (x, y), (z, u))
    assert float(found) == pytest.approx(expected, rel=1e-5)
    own = known.tracin(square, params | {"w": steps["w"][:1]}, lr[:1], (x, y), (x, y))
    assert float(own) == pytest.approx(0.1 * norm**2, rel=1e-5)


@pytest.mark.long
def test_random_signs_find_the_curvature():
    model = mj.models.mlp((4, 6, 3), jnp.tanh)
    params, x = model.init(jax.random.key(0)), jnp.array([0.3, -1.0, 0.5, 2.0])
    loss = mj.losses.of_model(model.apply, mj.losses.cross_entropy)
    exact = float(jax.jit(lambda x: known.curvature(loss, params, x, 1))(x))
    many = jax.jit(lambda key: known.hutchinson(loss, params, x, 1, key, 4000))
    assert float(many(jax.random.key(1))) == pytest.approx(exact, rel=0.1)
    near = x[None] + 0.1 * np.concatenate([np.eye(4), -np.eye(4), np.zeros((1, 4))])
    values = jax.vmap(lambda x: loss(params, x, 1))(near)
    by_hand = (values[:8].sum() - 8 * values[8]) / 0.01
    assert exact == pytest.approx(float(by_hand), rel=0.02)


def test_errors_of_probabilities():
    logits = jnp.log(jnp.array([0.5, 0.25, 0.25]))
    exact = math.sqrt(0.25 + 2 / 16)
    assert float(known.el2n(logits, 0)) == pytest.approx(exact, rel=1e-5)
    first = jax.grad(mj.losses.cross_entropy)(logits, 0)  # the slope in the logits
    assert float(jnp.linalg.norm(first)) == pytest.approx(exact, rel=1e-5)


# --- bits and capacity ----------------------------------------------------------------


def test_bits_are_saved_never_lost():
    nats = jnp.array([0.0, math.log(2), math.log(8)])
    found = known.stored_bits(nats, math.log(4))
    np.testing.assert_allclose(found, [2, 1, 0], rtol=1e-6)
    assert known.parameter_count(mj.models.mlp((2, 3, 4)).init(jax.random.key(0))) == 25


def test_separable_is_covers_count():
    for n, d in ((1, 3), (3, 3), (5, 2), (12, 6), (40, 15)):
        count = sum(math.comb(n - 1, k) for k in range(d)) / 2 ** (n - 1)
        found = float(mj.theory.capacity.separable(n, d))
        assert found == pytest.approx(min(count, 1), rel=1e-4)
    assert float(mj.theory.capacity.separable(60, 30)) == pytest.approx(0.5, rel=1e-4)


def test_patterns_per_weight_are_gardners_integral():
    t = np.linspace(-1, 12, 200_001)
    law = np.exp(-(t**2) / 2) / math.sqrt(2 * math.pi)
    integral = np.trapezoid(law * (t + 1) ** 2, t)
    found = mj.theory.capacity.patterns_per_weight
    assert float(found()) == pytest.approx(2)
    assert float(found(1.0)) == pytest.approx(1 / integral, rel=1e-5)


# --- their page -----------------------------------------------------------------------


def test_the_page_names_every_metric_and_its_example_runs(capsys):
    named = re.findall(r"`mj\.([\w.]+)\(", PAGE)
    for name in named:
        found = mj
        for part in name.split("."):
            found = getattr(found, part)
        assert callable(found), name
    here = {name.rpartition(".")[2] for name in named}
    assert {n for n in dir(known) if callable(getattr(known, n))} - {"Known"} <= here
    code, shown = re.search(
        r"```python\n(.*?)```\n\n```\n(.*?)```", PAGE, re.S
    ).groups()
    exec(compile(code, "metrics.md", "exec"), {})
    found, expected = (
        re.split(r"([\d.]+)", text.strip()) for text in (capsys.readouterr().out, shown)
    )
    assert found[::2] == expected[::2]
    np.testing.assert_allclose(
        *(np.array(a[1::2], float) for a in (found, expected)), atol=0.02
    )
