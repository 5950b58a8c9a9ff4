"""Bursts of memorized sequences: what is right, what a step saw, and the measures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from experiments import pattern_bursts as bursts
from memjax.datasets.patterns import TOKENS

TINY = {"size": 3, "batch": 1, "layers": 1, "width": 8, "length": 8, "prompt": 4}
SETS = "MI MIJ Random"


def counts_on(params, tokens, *, at):
    """A model that answers with the digit after the last."""
    return jax.nn.one_hot((tokens[at] + 1) % 10, TOKENS)


@pytest.mark.long
def test_a_model_that_counts_is_right_where_every_digit_follows_the_one_before():
    names, size, prompt = SETS.split(), 200, 16
    dials = {"rate": 0.1, "own": 0.0}
    x, y = bursts.drawn(jax.random.key(0), names, 2 * size, 20, dials)
    found = bursts.completions(counts_on, names, size, x, y, prompt, None)
    told = np.asarray(x)
    follows = told[..., prompt:] == (told[..., prompt - 1 : -1] + 1) % 10
    right = follows.all(-1)
    np.testing.assert_array_equal(found["right"].value, right[:, :size])
    np.testing.assert_allclose(found["match"].value, right[:, :size].mean(1), atol=1e-6)
    np.testing.assert_allclose(
        found["unseen"].value, right[:, size:].mean(1), atol=1e-6
    )
    np.testing.assert_allclose(found["rule"].value, 1)
    assert right[0].all() and 0.5 < right[1].mean() < 0.9 and not right[2].any()


@pytest.mark.long
def test_what_was_seen_last_is_what_moved_the_parameters():
    """Adam's first step is the sign of the slope, here of one sequence."""

    @jax.jit
    def first():
        run = bursts.run(0.5, 0.0, 1e-3, 0, subsets=SETS, **TINY, steps=2, looks=2)
        return run.start, run.advance(run.start, 1), run.finish(run.start)["seen"].value

    (start, *_), (end, *_), seen = first()
    seen, moved = seen[..., 1].ravel(), jax.tree.map(jnp.subtract, end, start)
    key, _, _ = jax.random.split(jax.random.key(0), 3)
    dials = {"rate": 0.5, "own": 0.0}
    x, _ = bursts.drawn(key, SETS.split(), 6, TINY["length"], dials)
    model = mj.models.transformer(TOKENS, TINY["width"], 1, TINY["length"], 1)

    def nats(params, tokens):
        logits = jax.nn.log_softmax(model.apply(params, tokens))
        return -jnp.mean(logits[jnp.arange(len(tokens) - 1), tokens[1:]])

    tokens = x[:, :3].reshape(9, -1)
    slopes = jax.jit(jax.vmap(jax.grad(nats), (None, 0)))(start, tokens)
    along = sum(
        jnp.sum(jnp.abs(jnp.sign(s) + jnp.sign(m)[None]), axis=range(1, s.ndim))
        for s, m in zip(jax.tree.leaves(slopes), jax.tree.leaves(moved), strict=True)
    )
    assert seen.sum() == 1
    assert int(jnp.argmin(along)) == int(jnp.argmax(seen))


def test_other_sequences_are_of_the_same_map():
    names, shape = ["ICM"], (8, 40)
    for own, maps in ((0.0, 10), (1.0, 11)):
        x, _ = bursts.drawn(jax.random.key(1), names, *shape, {"rate": 0, "own": own})
        groups = np.asarray(x)[0].reshape(-1, 4)
        different = len({tuple(g) for g in groups})
        assert different <= 10 if maps == 10 else different > 20


def made():
    """Results of a tiny sweep, whose right completions are drawn by numpy."""
    sweep = bursts.sweeps(size=5, batch=2, steps=12, looks=6, brief=12, seeds=2)["main"]
    seen, rng = sweep.made_up(), np.random.default_rng(0)
    right = rng.random(seen.right.shape) < np.linspace(0, 1, 7)[:, None, None]
    sets = seen.right.dims.index("subset"), seen.right.dims.index("step")
    assert sets == (seen.right.ndim - 2, seen.right.ndim - 3)
    seen["right"] = seen.right.copy(data=right.astype(np.float32))
    seen["match"] = seen.right.mean("sequence")
    seen["seen"] = seen.seen.copy(data=rng.random(seen.seen.shape) < 0.4)
    return seen


def test_measures_are_those_of_loops():
    seen = made()
    results = {"main": seen}
    lanes = seen.isel({d: 0 for d in ("rate", "lr", "width")}).transpose("seed", ...)
    right = lanes.right.transpose("seed", "subset", "sequence", "step").values
    last = lanes.seen.transpose("seed", "subset", "sequence", "look").values
    lost = np.zeros(right.shape[:2])
    new, hit = np.zeros(len(right)), np.zeros(len(right))
    for seed, subset, sequence, k in np.ndindex(*right.shape[:3], right.shape[3] - 1):
        before, after = right[seed, subset, sequence, k : k + 2]
        lost[seed, subset] += before > after
        new[seed] += before < after
        hit[seed] += (before < after) * last[seed, subset, sequence, k + 1]
    found = bursts.forgettings(results).squeeze().transpose("seed", "subset")
    np.testing.assert_allclose(found, lost / right.shape[2], rtol=1e-6)
    np.testing.assert_allclose(
        bursts.seen_last(results).squeeze(), hit / new, rtol=1e-6
    )
    share = right.mean(2)
    first = {a: 2.0 * (share >= a).argmax(-1) for a in (0.1, 0.9, 0.95)}
    burst = bursts.burst(results).squeeze().transpose("seed", "subset")
    np.testing.assert_allclose(burst, 1 - first[0.1] / first[0.9])
    names = seen.subset.values[np.argsort(first[0.95].mean(0), kind="stable")]
    assert bursts.order(results).item() == " ".join(names)
    slower = bursts.slower(results, "main", "subset", "MI", "Random").squeeze()
    np.testing.assert_allclose(slower, np.log2(first[0.95][:, 3] / first[0.95][:, 0]))


@pytest.mark.long
def test_dials_are_numbers():
    sweeps = bursts.sweeps(rate=(0.1, 0.3), lr=(1e-3, 1e-2), seeds=2)
    programs = {name: len(sweep.plan().groups) for name, sweep in sweeps.items()}
    assert programs == {"main": 1, "maps": 1, "random": 3}
