"""Random pairs of runs that look alike: the same trace means the same bits."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from grammar import AXIS, CONSTANTS, PLACES, expressions, measured, value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HERE = Path(__file__).parent
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]


@st.composite
def pairs(draw: Any) -> tuple[Any, Any]:
    """An expression, and the same but for constants, or where they are found."""
    tree = draw(expressions().filter(lambda t: any(p in str(t) for p in PLACES)))

    def changed(part: Any) -> Any:
        if part == "a":
            return part
        name, *rest = part
        if name in PLACES:
            k, kind = rest[0], draw(st.sampled_from(["constant", "constant", "place"]))
            name = draw(st.sampled_from(PLACES)) if kind == "place" else name
            if kind == "constant":
                k = draw(st.sampled_from([c for c in CONSTANTS if c != k]))
            return (name, k, changed(rest[1]))
        return (name, *map(changed, rest))

    return tree, changed(tree)


def listed(tree: Any) -> Any:
    return json.loads(json.dumps(tree))


def fuzzed(count: int) -> list[tuple[Any, Any]]:
    """So many pairs; as they are found, none is computed."""
    found: list[tuple[Any, Any]] = []

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=QUIET,
    )
    @given(pairs())
    def collect(pair: tuple[Any, Any]) -> None:
        found.append(listed(pair))

    collect()
    return found


def in_a_fresh_process(trees: list[Any]) -> list[Any]:
    ran = subprocess.run(
        [sys.executable, HERE / "grammar.py"],
        input=json.dumps(trees),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
    )
    assert ran.returncode == 0, ran.stderr
    return [tuple(found) for found in json.loads(ran.stdout.splitlines()[-1])]


def checked(found: list[tuple[Any, Any]]) -> tuple[int, int]:
    """How many pairs have the same trace, and how many another, all of them sound."""
    fresh = in_a_fresh_process([tree for pair in found for tree in pair])
    same = 0
    for i, pair in enumerate(found):
        (trace, bits), (other, other_bits) = map(measured, pair)
        assert (trace, bits) == fresh[2 * i]
        assert (other, other_bits) == fresh[2 * i + 1]
        for tree, told in zip(pair, (bits, other_bits), strict=True):
            wanted = value(tree, np.array(AXIS))
            np.testing.assert_allclose(
                [float.fromhex(b) for b in told], wanted, rtol=2e-5, atol=2e-5
            )
        if trace == other:
            assert bits == other_bits
        if bits != other_bits:
            assert trace != other
        same += trace == other
    return same, len(found) - same


@pytest.mark.long
def test_a_few_random_pairs():
    assert sum(checked(fuzzed(12))) == 12


@pytest.mark.long
def test_hundreds_of_random_pairs_that_look_alike():
    same, others = checked(fuzzed(300))
    assert same >= 10
    assert others >= 200
