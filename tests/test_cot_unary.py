"""Strings without positions: counted by hand, groups in numpy, and one program."""

import itertools
from collections import Counter
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import memjax as mj
from experiments import cot_unary as unary
from experiments._crossing import crossing, exponent

TINY = {"symbols": 2, "length": 3, "heads": 1, "width": 4, "steps": 3}


def words(longest):
    lengths = range(1, longest + 1)
    return ["".join(w) for n in lengths for w in itertools.product("ab", repeat=n)]


def end(word):
    """What one layer sees at the last place: its symbol, and the proportions."""
    return word[-1], Fraction(word.count("a"), len(word))


def seen(word, layers, chain, positions):
    """What tells a string apart, layer on layer."""
    if positions:
        return word
    counts = word.count("a"), word.count("b")
    if layers == 1:
        return counts if chain else end(word)
    ends = Counter(end(word[: i + 1]) for i in range(len(word)))
    if chain:
        return counts, frozenset(ends.items())
    shares = {e: Fraction(n, len(word)) for e, n in ends.items()}
    return end(word), frozenset(shares.items())


@pytest.fixture(scope="module")
def apart():
    made = unary.sweeps(longest=4, width=6, heads=2, seeds=2)["apart"]
    assert len(made.plan().groups) == 2  # one for each number of layers
    return made.compute()


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("chain", [0, 1])
@pytest.mark.parametrize("positions", [0, 1])
def test_strings_are_one_where_what_is_seen_of_them_is(apart, layers, chain, positions):
    there = words(4)
    at = {"layers": layers, "chain": chain, "positions": positions}
    found = apart.same.sel(at)
    assert found.string.values.tolist() == there
    kinds = [seen(word, *at.values()) for word in there]
    expected = [[a == b for b in kinds] for a in kinds]
    for seed in found.seed:
        np.testing.assert_array_equal(found.sel(seed=seed), expected)
    told = unary.told({"apart": apart}).sel(at)
    np.testing.assert_allclose(told, len(set(kinds)))


def test_pairs_that_one_layer_tells_apart_on_one_side_only(apart):
    pairs = list(itertools.combinations(words(4), 2))
    for chain in (0, 1):
        sides = [
            [seen(a, 1, c, 0) != seen(b, 1, c, 0) for a, b in pairs]
            for c in (chain, 1 - chain)
        ]
        expected = sum(this and not other for this, other in zip(*sides, strict=True))
        found = unary.only({"apart": apart}, str(chain)).sel(layers=1, positions=0)
        np.testing.assert_allclose(found, expected)
        assert expected > 0


@pytest.mark.parametrize("told_apart", [False, True])
def test_the_best_accuracy_is_that_of_the_majority_of_each_group(told_apart):
    strings = ["a", "aa", "aaa", "b", "bb", "ab", "ba", "ab"]
    y = [0, 1, 1, 1, 0, 1, 0, 1]
    w = np.array([3, 1, 1, 1, 1, 2, 1, 2]) / 12
    x = [["ab".index(c) for c in s] + [-1] * (3 - len(s)) for s in strings]
    data = mj.Data(jnp.array(x), jnp.array(y), jnp.array(w))
    votes: dict = {}
    for string, label, weight in zip(strings, y, w, strict=True):
        one = string if told_apart or len(set(string)) > 1 else string[0]
        votes.setdefault(one, [0, 0])[label] += weight
    expected = sum(max(pair) for pair in votes.values())
    assert float(unary.best(data, told_apart)) == pytest.approx(expected, rel=1e-6)


def test_kinds_positions_chains_and_sizes_are_one_program():
    made = unary.sweeps(**TINY, size=4, widths=(4,), sizes=(2, 4), seeds=2, limits=True)
    assert [len(made[name].plan().groups) for name in ("main", "widths")] == [1, 1]


@pytest.mark.long
def test_training_keeps_strings_of_one_symbol_together():
    numbers = {"size": 4, "lr": 0.03, "seed": [0, 1], "kind": [0, 1]}
    dials = {"positions": [0, 1], "chain": [0, 1]}
    found = mj.sweep(unary.run, **numbers, **dials, **TINY, layers=2).spread
    assert float(found.sel(positions=0, chain=0).max()) < 1e-5
    assert float(found.sel(positions=1).min()) > 1e-3
    assert float(found.sel(chain=1).min()) > 1e-4


def test_crossings_rise_fall_and_may_not_be():
    size = {"size": [1, 4, 16]}
    rows = xr.DataArray(
        [[0, 0.5, 1], [0.75, 1, 0], [0, 0, 0.5]], {"row": range(3), **size}
    )
    found = crossing(rows, "size", 0.75)
    np.testing.assert_allclose(found, [8, 1, np.nan])
    np.testing.assert_allclose(crossing(-rows[1], "size", -0.5), 8)
    x = rows["size"]
    assert float(exponent(3.0 * x**-1.5, x, "size")) == pytest.approx(-1.5)
    assert np.isnan(exponent(x.where(x > 1), x, "size"))


def test_a_chain_is_written_where_the_string_ends():
    data = mj.datasets.strings.unary(3, 2, 1)(jax.random.key(0), 6, 1)
    assert data.x[:3].tolist() == [[0, 2, -1, -1], [1, 2, -1, -1], [0, 0, 2, -1]]
    with pytest.raises(mj.BadValue, match="chain"):
        unary.sweeps(chain=(2,))
