"""Modular arithmetic: the table, its parts, and how they nest."""

import jax
import numpy as np
import pytest

import memjax as mj

KEY = jax.random.key(3)
OPERATIONS = {
    "modular_sum": lambda a, b, p: (a + b) % p,
    "modular_difference": lambda a, b, p: (a - b) % p,
    "modular_product": lambda a, b, p: (a * b) % p,
    "modular_quotient": lambda a, b, p: -1 if b == 0 else a * pow(b, -1, p) % p,
}


def members(data: mj.Data) -> np.ndarray:
    return np.asarray(data.w) > 0


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_table_holds_every_pair_with_its_result(name):
    p = 7
    parts = mj.datasets.modular(p, getattr(mj.datasets, name))(KEY, 0.5)
    pairs = [(a, b) for a in range(p) for b in range(p)]
    np.testing.assert_array_equal(parts.train.x, pairs)
    wanted = [max(OPERATIONS[name](*x, p), 0) for x in pairs]  # 0 where undefined
    np.testing.assert_array_equal(parts.truth, wanted)
    undefined = np.array([OPERATIONS[name](*x, p) < 0 for x in pairs])
    assert undefined.sum() == (p if name == "modular_quotient" else 0)
    assert not (undefined & (members(parts.train) | members(parts.test))).any()


def test_parts_are_uniform_and_cover_the_table_once():
    parts = mj.datasets.modular(11)(KEY, 0.8, 0.4)
    train, clean, noisy, test = (members(d) for d in parts[:4])
    assert train.sum() == round(0.8 * 121)
    np.testing.assert_array_equal(train, ~test)
    np.testing.assert_array_equal(train, clean | noisy)
    assert not (clean & noisy).any()
    for data in parts[:4]:
        w = np.asarray(data.w)
        np.testing.assert_allclose(w[w > 0], 1 / (w > 0).sum(), rtol=1e-6)


def test_wrong_labels_are_wrong_and_uniform_and_only_on_the_noisy_part():
    p = 5
    dataset = jax.jit(mj.datasets.modular(p))
    shifts = []
    for seed in range(60):
        parts = dataset(jax.random.key(seed), 1.0, 0.6)
        shift = (np.asarray(parts.train.y) - np.asarray(parts.truth)) % p
        np.testing.assert_array_equal(shift > 0, members(parts.noisy))
        shifts.append(shift)
    counts = np.bincount(np.concatenate(shifts), minlength=p)
    total = 60 * p * p
    assert abs(counts[1:].sum() / total - 0.6) < 4 * np.sqrt(0.24 / total)
    each = counts[1:].sum() / (p - 1)
    assert np.sum((counts[1:] - each) ** 2 / each) < 16.3  # chi², 3 degrees, p = .001


def test_larger_shares_and_noise_only_add():
    dataset = jax.jit(mj.datasets.modular(13))
    base = dataset(KEY, 0.4, 0.3)
    for other in (dataset(KEY, 0.7, 0.3), dataset(KEY, 0.4, 0.9)):
        assert (members(base.train) <= members(other.train)).all()
        assert (members(base.noisy) <= members(other.noisy)).all()
        kept = members(base.noisy)
        np.testing.assert_array_equal(base.train.y[kept], other.train.y[kept])


@pytest.mark.parametrize("shift", [0, 2])
def test_a_reflection_keeps_sums_and_moves_all_but_one_pair_a_sum(shift):
    p = 7
    found = jax.tree.map(np.asarray, mj.datasets.reflection(p, shift))
    for row, (a, b) in enumerate(np.ndindex(p, p)):
        assert (found.a[row], found.b[row]) == (a, b)
        there = divmod(int(found.mirror[row]), p)
        assert there == ((b - shift) % p, (a + shift) % p)
        assert sum(there) % p == (a + b) % p
        assert found.fixed[row] == (there == (a, b))
    assert found.fixed.sum() == p
    np.testing.assert_array_equal(found.mirror[found.mirror], range(p * p))


def test_pairs_held_out_are_fixed_points_and_others_alone_or_with_their_images():
    table = mj.datasets.reflection(7, 1)
    fixed, mirror = np.asarray(table.fixed), np.asarray(table.mirror)

    def held_out(moved, paired):
        return np.asarray(mj.datasets.held_out(KEY, table, moved, paired))

    np.testing.assert_array_equal(held_out(0, 0), fixed)
    few, more = held_out(3, 0), held_out(8, 0)
    assert (few.sum(), more.sum()) == (7 + 3, 7 + 8) and (few <= more).all()
    for moved, count in ((3, 4), (4, 4), (8, 8)):
        both = held_out(moved, 1)
        assert both.sum() == 7 + count and (both == both[mirror]).all()


def test_a_pair_as_unit_vectors():
    x = np.zeros(14)
    x[[3, 7 + 5]] = 1
    np.testing.assert_array_equal(mj.datasets.one_hot_pair(np.array([3, 5]), 7), x)


def test_division_needs_a_prime():
    with pytest.raises(ValueError, match="prime"):
        mj.datasets.modular(9, mj.datasets.modular_quotient)(KEY, 0.5)
