"""What can be written after a flag."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memjax.cli.grammar import (
    kind_of,
    number,
    parse_axis,
    parse_seeds,
    whole,
    written,
)


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("1e-3,3e-3", number, (1e-3, 3e-3)),
        ("7", whole, (7,)),
        ("3,", whole, (3,)),
        ("1e4", whole, (10000,)),
        ("50:25600:10", whole, tuple(50 * 2**k for k in range(10))),
        ("50:3200:7", whole, tuple(50 * 2**k for k in range(7))),
        ("1e-4:1e-2:3", number, (1e-4, 1e-3, 1e-2)),
        ("lin:0:1:5", number, (0.0, 0.25, 0.5, 0.75, 1.0)),
        ("a,b:c", str, ("a", "b:c")),
        ("[(100,100)]", whole, ((100, 100),)),
    ],
)
def test_axes(text, kind, values):
    assert parse_axis(text, kind) == values


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("8", tuple(range(8))), ("3,7", (3, 7)), ("3,", (3,)), ("1", (0,))],
)
def test_seeds(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "at least one value"),
        (",", "at least one value"),
        ("1,,2", "no gaps"),
        ("x", "needs a number"),
        ("inf", "finite"),
        ("1:2", "first:last:count"),
        ("0:1:5", "positive ends"),
        ("1:2:0", "count of 2"),
        ("1:2:1", "count of 2"),
        ("[(1,", "not a list"),
    ],
)
def test_refusals(text, problem):
    with pytest.raises(ValueError, match=problem):
        parse_axis(text, number)


def test_whole_numbers_only():
    with pytest.raises(ValueError, match=r"whole numbers, got 1\.5"):
        parse_axis("1.5", whole)
    for none in ("0", "-1"):
        with pytest.raises(ValueError, match="at least one seed"):
            parse_seeds(none)


words = st.integers(-(2**31), 2**31)
values = st.one_of(
    st.lists(words, min_size=1),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1),
    st.lists(st.tuples(words, words), min_size=1),
)


@given(values)
def test_what_is_written_reads_back(axis):
    assert parse_axis(written(axis), kind_of(axis)) == tuple(axis)
