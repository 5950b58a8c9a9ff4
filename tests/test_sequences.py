"""Datasets of sequences against their definitions, written again in plain Python."""

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
import scipy.stats

import memjax as mj
from memjax.datasets import facts, patterns, strings, topics, vector_facts
from memjax.datasets import path_star as star

KEY = jax.random.key(2)


# --- path-stars -----------------------------------------------------------------------


def graph_of(edges):
    """Of the points that weigh, as pairs of nodes."""
    live = np.asarray(edges.w) > 0
    assert (np.asarray(edges.x[:, 0]) == star.EDGE).all()
    return list(
        zip(np.asarray(edges.x[live, 1]), np.asarray(edges.y[live]), strict=True)
    )


def test_the_edges_are_those_of_a_path_star():
    arms, nodes = 6, 5
    data = jax.jit(star.path_star(9, nodes))(KEY, arms)
    pairs = graph_of(data.edges)
    graph = nx.Graph(pairs)
    assert len(pairs) == len(set(pairs)) == 2 * arms * (nodes - 1)
    assert nx.is_tree(graph) and len(graph) == arms * (nodes - 1) + 1
    degrees = sorted(dict(graph.degree).values())
    assert degrees == [1] * arms + [2] * arms * (nodes - 2) + [arms]
    assert set(graph) == set(range(star.ROOT, star.tokens(arms, nodes)))
    assert max(dict(graph.degree), key=dict(graph.degree).get) == star.ROOT
    lengths = nx.single_source_shortest_path_length(graph, star.ROOT)
    assert max(lengths.values()) == nodes - 1
    np.testing.assert_allclose(data.edges.w.sum(), 1, rtol=1e-6)


@pytest.mark.parametrize("reverse", [0, 1])
@pytest.mark.parametrize("pauses", [0, 2])
def test_paths_are_the_shortest_ones(reverse, pauses):
    arms, nodes = 8, 4
    data = jax.jit(star.path_star(11, nodes, pauses))(KEY, arms, reverse=reverse)
    graph = nx.Graph(graph_of(data.edges))
    leaves = [v for v, degree in graph.degree if degree == 1]
    assert int((data.train.w > 0).sum()) == 6 and int((data.test.w > 0).sum()) == 2
    both = np.asarray(data.train.w + data.test.w) > 0
    assert not np.any((data.train.w > 0) & (data.test.w > 0))
    found = {}
    for x, y in zip(
        np.asarray(data.train.x)[both], np.asarray(data.train.y)[both], strict=True
    ):
        assert x[0] == star.PATH and (x[2 : 2 + pauses] == star.PAUSE).all()
        assert (y[: 1 + pauses] == -1).all() and len(x) == len(y)
        told = y[1 + pauses :]
        assert (x[2 + pauses :] == told[:-1]).all()  # teacher forcing
        found[x[1]] = told[::-1] if reverse else told
    assert sorted(found) == sorted(leaves)
    for leaf, path in found.items():
        assert list(path) == nx.shortest_path(graph, star.ROOT, leaf)


def test_weights_of_directions_and_shares():
    made = jax.jit(star.path_star(6, 4))
    forward, backward = (
        made(KEY, 6, forward=f, backward=1 - f).edges for f in (1.0, 0.0)
    )
    assert all(u < v for u, v in graph_of(forward))
    assert all(u > v for u, v in graph_of(backward))
    third = made(KEY, 6, forward=0.5).edges
    down = np.asarray(third.x[:, 1] < third.y)
    assert third.w[down].sum() == pytest.approx(1 / 3)
    few, more = (np.asarray(made(KEY, 6, share=s).train.w) > 0 for s in (0.5, 5 / 6))
    assert (few.sum(), more.sum()) == (3, 5) and (more | ~few).all()
    assert jnp.isnan(made(KEY, 7).edges.w).all()  # more arms than there are
    assert jnp.isnan(made(KEY, 6, share=1.0).test.w).all()  # nothing to test on


def test_a_larger_bound_of_arms_only_pads():
    small, large = (jax.jit(star.path_star(m, 4, 1))(KEY, 5) for m in (5, 9))
    for a, b in zip(jax.tree.leaves(small), jax.tree.leaves(large), strict=True):
        np.testing.assert_allclose(a, b[: len(a)], rtol=1e-6)
    assert all((part.w[5:] == 0).all() for part in large[1:])


def test_stars_in_context_hold_their_own_answer():
    arms, nodes, names, capacity = 3, 4, 30, 200
    data = jax.jit(star.path_star_in_context(arms, nodes, names, capacity))(
        KEY, capacity
    )
    count = arms * (nodes - 1)
    chosen, firsts, seen = [], [], set()
    for x, y in zip(np.asarray(data.x), np.asarray(data.y), strict=True):
        shown = x[: 3 * count].reshape(-1, 3)
        assert (shown[:, 0] == star.EDGE).all()
        graph = nx.DiGraph([(u, v) for _, u, v in shown])
        mark, root, leaf = x[3 * count : 3 * count + 3]
        assert (
            mark == star.PATH and graph.out_degree(root) == arms and nx.is_tree(graph)
        )
        told = y[y != -1]
        assert list(nx.shortest_path(graph, root, leaf)) == [root, *told]
        assert len(told) == nodes - 1 and (y[3 * count + 2 :] == told).all()
        assert (x[3 * count + 3 :] == told[:-1]).all()
        seen |= set(graph)
        firsts.append(int(shown[0, 1] == root))
        leaves = [v for _, _, v in shown if graph.out_degree(v) == 0]
        chosen.append(leaves.index(leaf))
    assert seen == set(range(star.ROOT, star.ROOT + names))
    assert scipy.stats.chisquare(np.bincount(chosen, minlength=arms)).pvalue > 1e-3
    assert scipy.stats.binomtest(sum(firsts), capacity, 1 / (nodes - 1)).pvalue > 1e-3
    small = jax.jit(star.path_star_in_context(arms, nodes, names, 5))(KEY, 5)
    np.testing.assert_array_equal(small.x, data.x[:5])


# --- patterns -------------------------------------------------------------------------

LENGTH, COUNT = 48, 400


def rows(pattern, **dials):
    data = jax.jit(patterns.patterned(pattern, LENGTH, COUNT))(KEY, COUNT, **dials)
    x = np.asarray(data.x)
    np.testing.assert_array_equal(data.y[:, :-1], x[:, 1:])
    assert (data.y[:, -1] == -1).all()
    assert x.min() >= 0 and x.max() < patterns.TOKENS
    return x


def uniform(values, count=10):
    return scipy.stats.chisquare(np.bincount(values, minlength=count)).pvalue > 1e-3


def test_counting_counts():
    x = rows(patterns.counting)
    assert (np.diff(x, axis=1) % 10 == 1).all() and uniform(x[:, 0])


@pytest.mark.parametrize("rate", [0.15, 0.5])
def test_jumps_are_as_frequent_as_said(rate):
    x = rows(patterns.jumping, rate=rate)
    broken = np.diff(x, axis=1) % 10 != 1  # one jump of ten goes where counting would
    assert (
        scipy.stats.binomtest(int(broken.sum()), broken.size, 0.9 * rate).pvalue > 1e-3
    )
    assert uniform(x[:, 1:][broken])
    fewer = rows(patterns.jumping, rate=rate / 2)
    assert (np.diff(fewer, axis=1) % 10 != 1).sum() < broken.sum()


def test_a_letter_stands_after_each_jump():
    rate, lettered = 0.3, rows(patterns.lettered, rate=0.3)
    jumps = 0
    for row in lettered:
        letters = row[row >= 10]
        np.testing.assert_array_equal(letters, 10 + np.arange(len(letters)) % 26)
        last = int(row[0])
        for i in range(1, LENGTH):
            if row[i] >= 10:
                assert row[i - 1] < 10
                continue
            jumped = i + 1 < LENGTH and row[i + 1] >= 10
            if not jumped and i + 1 < LENGTH:
                assert row[i] == (last + 1) % 10
            jumps += jumped
            last = int(row[i])
    digits = (lettered[:, 1:-1] < 10).sum()  # of which each may have jumped
    assert scipy.stats.binomtest(int(jumps), int(digits), rate).pvalue > 1e-3


def test_letters_are_mapped_by_one_table_or_by_their_own():
    table = {}
    for row in rows(patterns.mapped):
        for letter, *image in row.reshape(-1, 4):
            assert 10 <= letter < 20 and max(image) < 10
            assert table.setdefault(letter, image) == image
    assert len(table) == 10
    own = rows(patterns.mapped, own=1)
    tables = [{r[0]: tuple(r[1:]) for r in row.reshape(-1, 4)} for row in own]
    assert all(
        tables[i][r[0]] == tuple(r[1:])
        for i in range(COUNT)
        for r in own[i].reshape(-1, 4)
    )
    assert len({t[10] for t in tables if 10 in t}) > 100


def test_random_digits_are_and_shuffling_keeps_them():
    x = rows(patterns.random_digits)
    pairs = 10 * x[:, :-1] + x[:, 1:]
    assert uniform(x.ravel()) and uniform(pairs[:, ::2].ravel(), 100)
    mixed = rows(patterns.shuffled(patterns.jumping), rate=0.15)
    follows = np.diff(mixed, axis=1) % 10 == 1
    assert 0.05 < follows.mean() < 0.15  # a tenth by chance, less what is not put back
    plain = jax.jit(patterns.patterned(patterns.shuffled(patterns.counting), 40, 9))(
        KEY, 9
    )
    assert (np.sort(plain.x, axis=1) == np.sort(np.arange(40) % 10)).all()


@pytest.mark.parametrize("rate", [0.1, 0.6])
def test_some_digits_are_those_of_five_before(rate):
    x = rows(patterns.repeating, rate=rate)
    same = x[:, 5:] == x[:, :-5]
    share = rate + (1 - rate) / 10
    assert scipy.stats.binomtest(int(same.sum()), same.size, share).pvalue > 1e-3
    assert uniform(x.ravel())


def test_every_seventh_is_the_same_in_a_share():
    x = rows(patterns.every_seventh, share=0.3)
    same = (x[:, 6::7] == x[:, 6:7]).all(axis=1)
    assert scipy.stats.binomtest(int(same.sum()), COUNT, 0.3).pvalue > 1e-3
    assert uniform(x[:, 1::7].ravel())


def test_a_table_is_looked_up_by_sums():
    table = {}
    for row in rows(patterns.tabled):
        for i in range(8, LENGTH):
            place = int(row[i - 8 : i].sum()) % 30
            assert table.setdefault(place, row[i]) == row[i]
    assert len(table) > 20
    assert uniform(rows(patterns.tabled)[:, :8].ravel())


@pytest.mark.parametrize(
    "pattern",
    [patterns.counting, patterns.lettered, patterns.mapped, patterns.tabled],
)
def test_smaller_sets_of_patterns_are_prefixes(pattern):
    small, large = (jax.jit(patterns.patterned(pattern, 20, n))(KEY, 3) for n in (3, 8))
    np.testing.assert_array_equal(small.x, large.x[:3])
    np.testing.assert_allclose(large.w, mj.prefix(3, 8))


# --- facts and strings ----------------------------------------------------------------


def test_facts_are_functions_and_random():
    data = jax.jit(facts(4, 3, 5, 2000))(KEY, 2000)  # 64 keys, each drawn many times
    values = {}
    for x, y in zip(np.asarray(data.x), np.asarray(data.y), strict=True):
        assert values.setdefault(tuple(x), y) == y
    assert len(values) == 64
    many = jax.jit(facts(1000, 3, 5, 3000))(KEY, 3000)
    assert uniform(many.y, 5) and uniform(np.asarray(many.x).ravel() // 100)
    np.testing.assert_array_equal(jax.jit(facts(1000, 3, 5, 7))(KEY, 7).x, many.x[:7])


@pytest.mark.parametrize("rank", [2, 4, 16])
def test_vectors_have_their_rank_and_variance(rank):
    data = jax.jit(vector_facts(8, 16, 3, 500))(KEY, 500, rank)
    flat = np.asarray(data.x, np.float64).reshape(-1, 16)
    values = np.linalg.svd(flat, compute_uv=False)
    assert (values > 1e-5 * values[0]).sum() == rank
    keys = jax.vmap(jax.random.key)(jnp.arange(300))
    drawn = vector_facts(8, 16, 3, 60)
    many = jax.jit(jax.vmap(lambda key: drawn(key, 60, rank).x))(keys)
    # A mean of squares: of so many entries of directions, and of combinations.
    error = np.sqrt(2 / 300 * (1 / (16 * rank) + 1 / (60 * 8 * rank)))
    assert abs(np.mean(np.square(many)) - 1) < 4 * error
    assert uniform(data.y, 3)
    np.testing.assert_array_equal(
        jax.jit(vector_facts(8, 16, 3, 9))(KEY, 9, rank).y, data.y[:9]
    )


def test_unary_strings_are_all_of_them():
    data = jax.jit(strings.unary(16, symbols=2, thoughts=3))(KEY, 32, chain=2)
    expected = {(s,) * k + (2, 3) for s in (0, 1) for k in range(1, 17)}
    found = [tuple(row[row >= 0]) for row in np.asarray(data.x)]
    assert set(found) == expected and len(found) == 32
    assert all((row[: (row >= 0).sum()] >= 0).all() for row in np.asarray(data.x))
    assert [len(f) for f in found] == sorted(len(f) for f in found)
    drawn = jax.jit(strings.unary(16))
    labels = [drawn(jax.random.key(s), 16).y for s in range(100)]
    assert scipy.stats.binomtest(int(np.sum(labels)), 1600).pvalue > 1e-3


def test_mixed_strings_are_functions_of_all_lengths():
    data = jax.jit(strings.mixed(5, 4, 3000, thoughts=1))(KEY, 3000)
    assert data.x.shape == (3000, 6)
    values, lengths = {}, []
    for x, y in zip(np.asarray(data.x), np.asarray(data.y), strict=True):
        string = tuple(x[x >= 0])
        assert (x[len(string) :] == -1).all()
        assert values.setdefault(string, y) == y
        lengths.append(len(string) - 1)
    assert uniform(lengths, 5) and 0.4 < np.mean(list(values.values())) < 0.6
    chained = jax.jit(strings.mixed(5, 4, 3000, thoughts=1))(KEY, 3000, chain=1)
    for plain, x in zip(
        np.asarray(data.x[:50]), np.asarray(chained.x[:50]), strict=True
    ):
        assert tuple(x[x >= 0]) == (*plain[plain >= 0], 4)
    np.testing.assert_array_equal(
        jax.jit(strings.mixed(5, 4, 7, 1))(KEY, 7).x, data.x[:7]
    )


def test_topics_show_in_the_tokens_as_far_as_they_are_sharp():
    made = jax.jit(topics(20, 16, 4, 6000))
    parts = made(KEY, 4000, noise=0.1, sharpness=2.0)
    x, truth = np.asarray(parts.train.x), np.asarray(parts.truth)
    assert uniform(truth, 4) and x.min() >= 0 and x.max() < 20
    wrong = np.asarray(parts.train.y) != truth
    assert (
        not wrong[4000:].any()
        and ((parts.test.w > 0) == (np.arange(6000) >= 4000)).all()
    )
    assert scipy.stats.binomtest(int(wrong.sum()), 4000, 0.1).pvalue > 1e-3
    # Laws as they are counted, and the class of the largest likelihood by them.
    for sharpness, least, most in ((0.0, 0.2, 0.3), (2.0, 0.99, 1.0)):
        x = np.asarray(made(KEY, 4000, sharpness=sharpness).train.x)
        law = np.array(
            [
                np.bincount(x[:4000][truth[:4000] == c].ravel(), minlength=20)
                for c in range(4)
            ]
        )
        law = np.log((law + 1) / (law + 1).sum(axis=1, keepdims=True))
        guess = law[:, x[4000:]].sum(axis=2).argmax(axis=0)
        assert least <= np.mean(guess == truth[4000:]) <= most
        if sharpness == 0:
            assert uniform(x.ravel(), 20)
    small = jax.jit(topics(20, 16, 4, 50))(KEY, 50, sharpness=2.0)
    np.testing.assert_array_equal(small.train.x, parts.train.x[:50])
    np.testing.assert_array_equal(small.truth, truth[:50])


# --- what is right of a sequence ------------------------------------------------------


def test_losses_and_matches_leave_out_what_has_no_target():
    rng = np.random.default_rng(0)
    for _ in range(20):
        logits = rng.normal(size=(6, 4)).astype(np.float32)
        targets = rng.integers(-1, 4, size=6)
        exact = logits.astype(np.float64)
        told = np.flatnonzero(targets >= 0)
        nats = np.log(np.exp(exact).sum(1)) - exact[np.arange(6), targets]
        nats = np.where(targets >= 0, nats, 0)
        right = exact.argmax(1)[told] == targets[told]
        given = jnp.asarray(logits), jnp.asarray(targets)
        np.testing.assert_allclose(
            mj.losses.token_nats(*given), nats, rtol=1e-5, atol=1e-6
        )
        found = [
            f(*given)
            for f in (
                mj.losses.sequence,
                mj.observables.token_accuracy,
                mj.observables.exact_match,
            )
        ]
        expected = [nats.sum() / len(told), right.mean(), float(right.all())]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_match_by_teacher_forcing_is_what_a_model_writes_by_itself():
    model = mj.models.transformer(5, 8, 2, 9)
    apply = jax.jit(model.apply)
    params = model.init(jax.random.key(1), 3.0)
    start, matched = [1, 4, 2], 0
    written = list(start)
    for _ in range(6):
        padded = jnp.array(written + [-1] * (9 - len(written)))
        written.append(int(apply(params, padded)[len(written) - 1].argmax()))
    for change in (None, 3, 5, 8):
        sequence = np.array(written)
        if change is not None:
            sequence[change] = (sequence[change] + 1) % 5
        targets = np.append(sequence[1:], -1)
        targets[: len(start) - 1] = -1
        found = mj.observables.exact_match(
            apply(params, jnp.array(sequence)), jnp.array(targets)
        )
        assert found == (change is None)
        matched += int(found)
    assert matched == 1


def test_what_is_out_of_range_is_nan():
    logits = jnp.zeros((2, 3)).at[:, 1].set(1.0)
    for function in (
        mj.losses.sequence,
        mj.observables.token_accuracy,
        mj.observables.exact_match,
    ):
        assert jnp.isnan(function(logits, jnp.array([1, 3])))
        assert jnp.isnan(function(logits, jnp.array([-2, 1])))
        assert jnp.isnan(function(logits.at[0, 0].set(jnp.nan), jnp.array([1, 1])))
        assert jnp.isfinite(function(logits.at[0, 0].set(jnp.nan), jnp.array([-1, 1])))
