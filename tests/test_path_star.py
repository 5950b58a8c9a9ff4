"""Paths of a star, asked for: what is asked, what is right, and what is told apart."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from experiments import _path_star as family
from experiments import path_star as it
from memjax.datasets import path_star as star
from memjax.observables.embedding import cross_cosine

NODES, PAUSES, ARMS = 4, 3, 5


@pytest.fixture(scope="module")
def task():
    return star.path_star(ARMS, NODES, PAUSES)(jax.random.key(0), ARMS, 0.6)


def test_a_question_has_as_many_pauses_as_its_recipe(task):
    few = family.asked(task.train, family.Recipe(pauses=1.0), PAUSES)
    x, whole = np.array(few.x), np.array(task.train.x)
    assert (x[:, 2:4] == -1).all() and (x[:, 4] == star.PAUSE).all()
    np.testing.assert_array_equal(np.delete(x, [2, 3], 1), np.delete(whole, [2, 3], 1))
    np.testing.assert_array_equal(few.y, task.train.y)
    most = family.asked(task.train, family.Recipe(pauses=float(PAUSES)), PAUSES)
    np.testing.assert_array_equal(most.x, task.train.x)


def test_the_hardest_token_is_the_first_node_of_the_arm(task):
    alone = family.asked(task.train, family.Recipe(hardest=1.0), PAUSES)
    told = np.array(alone.y)
    assert ((told >= 0).sum(1) == 1).all()
    arm = np.arange(ARMS)
    first = star.ROOT + 1 + arm * (NODES - 1)
    np.testing.assert_array_equal(told.max(1), first)
    place = told.argmax(1)
    asked = np.array(task.train.x)[arm, place]
    np.testing.assert_array_equal(asked, star.ROOT)  # after the root is told


def test_who_knows_the_star_is_right_and_who_knows_one_arm_is_not(task):
    tokens = star.tokens(ARMS, NODES)
    table = np.zeros((tokens, tokens))
    for _, u in np.array(task.edges.x):
        for v in np.array(task.edges.y)[np.array(task.edges.x)[:, 1] == u]:
            table[u, v] = 1

    def knows(arm: int | None):
        def answer(x, at=None):
            logits = jnp.asarray(table)[x]
            if at is not None:
                return logits[-1]
            leaf = x[1] if arm is None else star.ROOT + (arm + 1) * (NODES - 1)
            path = leaf - NODES + 2 + jnp.arange(NODES - 1)
            path = jnp.append(star.ROOT, path)
            first = jnp.zeros((2 + PAUSES - 1, tokens))
            return jnp.concatenate([first, jax.nn.one_hot(path, tokens)])

        return answer

    found = family.seen(knows(None), task, PAUSES)
    assert [float(found[n]) for n in ("edge", "known_path", "path")] == pytest.approx(
        [1, 1, 1]
    )
    np.testing.assert_allclose(found["token"].value, 1)
    held = np.flatnonzero(np.array(task.test.w) > 0)
    found = family.seen(knows(int(held[0])), task, PAUSES)
    assert float(found["path"]) == pytest.approx(1 / len(held))
    assert float(found["known_path"]) == 0
    np.testing.assert_allclose(found["token"].value[0], 1)  # all begin at the root


def test_an_edge_is_known_whose_target_is_among_as_many_as_there_are(task):
    """By hand: logits fall with the token, so a node knows its lowest neighbors."""
    tokens = star.tokens(ARMS, NODES)
    fall = jnp.arange(tokens, 0.0, -1.0)

    def answer(x, at=None):
        return fall if at is not None else jnp.tile(fall, (len(x), 1))

    u, v = np.array(task.edges.x)[:, 1], np.array(task.edges.y)
    known = []
    for node, target in zip(u, v, strict=True):
        rest = [t for t in range(tokens) if t != node][: (u == node).sum()]
        known.append(target in rest)
    found = family.seen(answer, task, PAUSES)
    assert float(found["edge"]) == pytest.approx(np.mean(known))

    def nodes_first(x, at=None):
        sign = jnp.sign(jnp.arange(tokens) - star.ROOT + 0.5)
        return answer(x, at) * (sign if at is not None else sign[None])

    known = []
    for node, target in zip(u, v, strict=True):
        rest = [t for t in range(star.ROOT, tokens) if t != node][: (u == node).sum()]
        known.append(target in rest)
    assert 0 < np.mean(known) < 1
    found = family.seen(nodes_first, task, PAUSES)
    assert float(found["edge"]) == pytest.approx(np.mean(known))


def test_cosines_are_those_by_hand_of_what_lives():
    u, v = np.random.default_rng(0).normal(size=(2, 5, 3))
    live = np.arange(5) < 4
    found = np.array(cross_cosine(jnp.array(u), jnp.array(v), jnp.array(live)))
    a, b = (x[:4] - x[:4].mean(0) for x in (u, v))
    norms = np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
    np.testing.assert_allclose(found[:4, :4], a @ b.T / norms, rtol=1e-5)
    assert np.isnan(found[4]).all() and np.isnan(found[:, 4]).all()


@pytest.fixture(scope="module")
def tiny():
    sweeps = it.sweeps(
        arms=4, nodes=3, sizes=(0,), width=8, steps=40, seeds=2, mamba=False,
        context=False, recipe=("both", "frozen", "hardest"),
    )  # fmt: skip
    return sweeps["main"].compute().squeeze()


@pytest.mark.long
def test_a_frozen_embedding_is_the_one_of_the_start_and_others_are_not(tiny):
    key = jax.random.split(jax.random.key(1))[1]
    net = mj.models.transformer(star.tokens(4, 3), 8, 2, 8, 1)  # path leaf, 4, 2 nodes
    arms = np.array(net.init(key)["embed"])[star.ROOT + 1 :].reshape(4, 2, 8)
    leaf, first = (v - v.mean(0) for v in (arms[:, -1], arms[:, 0]))
    norms = np.outer(np.linalg.norm(leaf, axis=1), np.linalg.norm(first, axis=1))
    found = tiny.cosine.sel(seed=1).transpose("recipe", "leaf", "first")
    off = abs(found - leaf @ first.T / norms).max(["leaf", "first"])
    assert off.sel(recipe="frozen") < 1e-5 and off.sel(recipe="both") > 0.1


@pytest.mark.long
def test_how_near_ends_of_an_arm_are_is_a_mean_over_arms(tiny):
    cosine = tiny.cosine.sel(recipe="both", seed=0).transpose("leaf", "first").values
    own = np.diag(cosine).mean()
    other = (cosine.sum() - np.trace(cosine)) / (4 * 3)
    found = it.apart({"main": tiny}).sel(recipe="both", seed=0)
    assert float(found) == pytest.approx(own - other, abs=1e-5)


def test_all_recipes_and_rates_are_one_program():
    dials = {"lr": (1e-3, 3e-3), "wd": (0.1, 1.0), "told": (0.05, 0.1)}
    sweeps = it.sweeps(seeds=2, arms=4, sizes=(3, 4), width=8, steps=9, **dials)
    found = {name: len(sweeps[name].plan().groups) for name in ("main", "context")}
    assert found == {"main": 1, "context": 1}
