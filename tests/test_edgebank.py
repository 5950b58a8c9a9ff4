"""Tables of edges: identities by pairs, a stream in plain Python, negatives checked."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from experiments import edgebank as bank
from memjax.datasets import temporal
from memjax.observables import memorization


def test_areas_and_precisions_of_zeros_and_ones():
    """By all pairs, and by thresholds from the top, as a textbook has it."""
    for hits, false in ((8, 1), (8, 10), (0, 3), (10, 0), (0, 0)):
        members, others = np.arange(10) < hits, np.arange(10) < false
        exact = memorization.auc(1.0 * members, 1.0 * others)
        found = memorization.binary_auc(hits / 10, false / 10)
        assert found == pytest.approx(float(exact), abs=1e-6)
        steps = [(hits, hits + false), (10, 20)]
        recall, total = 0.0, 0.0
        for right, passed in steps:
            total += (right / 10 - recall) * (right / passed if passed else 0)
            recall = right / 10
        found = memorization.binary_precision(hits / 10, false / 10)
        assert float(found) == pytest.approx(total, abs=1e-6)
    assert float(memorization.binary_auc(0.8, 0.05)) == pytest.approx(0.875)
    assert float(memorization.binary_precision(0.8, 1.0)) == pytest.approx(
        0.456, abs=1e-3
    )


@pytest.fixture(scope="module")
def stream():
    made = temporal.temporal(12, 40, 10)
    return np.asarray(jax.jit(made)(jax.random.key(0), 0.7, 3.0))


def test_a_stream_repeats_as_often_as_it_says_and_no_node_meets_itself(stream):
    seen: set = set()
    old = []
    for batch in stream:
        old += [edge in seen for edge in batch.tolist()] if seen else []
        seen |= set(batch.tolist())
    assert abs(np.mean(old) - 0.7) < 0.08
    assert (stream // 12 != stream % 12).all()


def test_memories_are_those_of_a_dictionary(stream):
    memory, counts, first, last = temporal.empty(12), {}, {}, {}
    for t, batch in enumerate(stream):
        memory = temporal.written(memory, jnp.array(batch), t)
        for edge in batch.tolist():
            counts[edge] = counts.get(edge, 0) + 1
            first.setdefault(edge, t)
            last[edge] = t
    for edge in range(144):
        expected = (first.get(edge, -1), last.get(edge, -1), counts.get(edge, 0))
        assert tuple(int(a[edge]) for a in memory) == expected
    held = np.asarray(bank.tables(memory, 40, 4)) > 0
    mean = np.mean(list(counts.values()))
    for edge, n in counts.items():
        wanted = [True, 40 - last[edge] <= 4, n >= mean]
        assert held[:, edge].tolist() == wanted
    assert held.any(0).sum() == len(counts)


def test_negatives_are_absent_and_of_their_kind(stream):
    memory = temporal.empty(12)
    for t in range(30):
        memory = temporal.written(memory, jnp.array(stream[t]), t)
    now = jnp.array(stream[30])
    asked, filled = bank.negatives(memory, now, 28, jax.random.key(1), 12)
    random, old, fresh = np.asarray(asked)
    assert not np.isin(asked, now).any()
    np.testing.assert_array_equal(random // 12, stream[30] // 12)
    assert (random // 12 != random % 12).all()
    seen, first = np.asarray(memory.times) > 0, np.asarray(memory.first)
    assert seen[old].all() and len(set(old.tolist())) == 10
    there = np.flatnonzero((first >= 28) & ~np.isin(np.arange(144), now))
    count = min(len(there), 10)
    assert 0 < count < 10 and float(filled) == pytest.approx(count / 10)
    assert np.isin(fresh[:count], there).all()
    np.testing.assert_array_equal(fresh[count:], random[count:])


def test_all_is_right_about_what_comes_again_and_all_that_was(stream):
    found = jax.jit(lambda s: bank.judged(s, 4, jax.random.key(0), 12))(stream)
    begin = 34
    rates = [np.isin(stream[t], stream[:t]).mean() for t in range(begin, 40)]
    true = np.mean(rates)
    assert float(found["true_rate"].value[0]) == pytest.approx(true, abs=1e-6)
    assert float(found["auc"].value[0, 1]) == pytest.approx(true / 2, abs=1e-6)
    density = np.mean([len(np.unique(stream[:t])) / 132 for t in range(begin, 40)])
    assert float(found["density"]) == pytest.approx(density, abs=1e-6)


def test_a_list_is_read_in_whole_batches_or_refused(tmp_path):
    file = tmp_path / "edges.txt"
    rows = [f"{'abc'[i % 3]} {'xy'[i % 2]} {i}" for i in range(25)]
    file.write_text("\n".join(rows))
    stream, count = bank.read(str(file), 2)
    assert stream.shape == (12, 2) and count == 5
    np.testing.assert_array_equal(stream[0], [0 * 5 + 3, 1 * 5 + 4])
    made = bank.sweeps(seeds=2, edges=2, listed=str(file))["listed"]
    assert made.compute().auc.sizes["sampler"] == 3
    for name in (str(file), str(tmp_path / "none")):
        with pytest.raises(mj.BadValue, match="listed"):
            bank.read(name, 20)
