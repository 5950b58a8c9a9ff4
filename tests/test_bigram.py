"""Tables of next tokens: laws and counts in numpy, best tables by another optimizer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy.optimize import minimize

import memjax as mj
from experiments import bigram

bigrams = mj.datasets.bigrams


def softmax(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def test_a_language_has_its_rank_and_its_frequencies() -> None:
    padded = bigrams.languages(9, 3)(jax.random.key(1), 6)
    own = bigrams.languages(6, 3)(jax.random.key(1), 6)
    law, often = np.asarray(own.y, float), np.asarray(own.w, float)
    np.testing.assert_allclose(padded.y[:6, :6], law, rtol=1e-5)
    np.testing.assert_allclose(padded.w, [*often, 0, 0, 0], rtol=1e-5)
    values, vectors = np.linalg.eig(law.T)
    stationary = vectors[:, np.argmax(values.real)].real
    np.testing.assert_allclose(often, stationary / stationary.sum(), rtol=1e-4)
    logits = np.log(law)
    strength = np.linalg.svd(logits - logits.mean(1, keepdims=True), compute_uv=False)
    assert strength[2] > 0.1 and strength[3] < 1e-5


def test_logits_have_variance_one() -> None:
    law = np.asarray(bigrams.languages(100, 20)(jax.random.key(0), 100).y)
    logits = np.log(law)
    spread = (logits - logits.mean(1, keepdims=True)).std()
    assert spread == pytest.approx(1, abs=0.1)


def test_pairs_are_prefixes_and_of_the_law() -> None:
    language = bigrams.languages(5, 2)(jax.random.key(0), 4)
    key = jax.random.key(3)
    many, few = (bigrams.pairs(20_000)(key, language, n) for n in (20_000, 300))
    alone = bigrams.pairs(300)(key, language, 300)
    np.testing.assert_allclose(few.w, alone.w, rtol=1e-6)
    np.testing.assert_allclose(few.y, alone.y, rtol=1e-6)
    joint = np.asarray(many.w)[:, None] * np.asarray(many.y)
    expected = np.asarray(language.w)[:, None] * np.asarray(language.y)
    error = np.sqrt(expected * (1 - expected) / 20_000)
    assert joint.sum() == pytest.approx(1, abs=1e-5)
    assert (abs(joint - expected) <= 4 * error + 1e-7).all()
    assert (joint[4] == 0).all() and (joint[:, 4] == 0).all()


def test_the_network_and_its_losses_are_those_of_numpy() -> None:
    """The post's model: an embedding that is the weight of the last layer."""
    shape = {"max_vocab": 7, "capacity": 50, "rank": 2, "width": 4, "steps": 3}
    legs = bigram.run(5, 40, 1e-3, 0, **shape)
    body, (head,) = jax.tree.map(lambda a: np.asarray(a, float), legs.start[0])
    hidden = head["w"][:, :5].T
    for i, layer in enumerate(body):
        hidden = hidden @ layer["w"] + layer["b"]
        hidden = hidden if i == 2 else np.maximum(hidden, 0)
    nats = -np.log(softmax(hidden @ head["w"][:, :5] + head["b"][:5]))
    keys = jax.random.split(jax.random.key(0), 3)
    language = bigrams.languages(7, 2)(keys[0], 5)
    parts = {"train_loss": bigrams.pairs(50)(keys[1], language, 40), "loss": language}
    seen = jax.jit(legs.observe)(legs.start)
    for name, above in (("train_loss", "unfit"), ("loss", "excess")):
        w, law = (np.asarray(a, float)[:5] for a in (parts[name].w, parts[name].y))
        law = law[:, :5]
        expected = float(w @ (law * nats).sum(1))
        least = -float(w @ (law * np.log(np.where(law > 0, law, 1))).sum(1))
        assert float(seen[name]) == pytest.approx(expected, abs=1e-5)
        assert float(seen[above]) == pytest.approx(expected - least, abs=1e-5)
        assert expected > least
    assert float(seen["gap"]) == pytest.approx(float(seen["loss"] - seen["train_loss"]))


@pytest.mark.long
def test_counts_leave_half_a_nat_for_each_free_number_in_all_pairs() -> None:
    """What free tables gain on their own pairs, of many: V (V - 1) / 2n."""
    n, v = 20_000, 10

    def gained(seed: jax.Array) -> jax.Array:
        keys = jax.random.split(jax.random.key(seed))
        language = bigrams.languages(v, 4)(keys[0], v)
        pairs = bigrams.pairs(n)(keys[1], language, n)
        nats = pairs.w @ jnp.sum(jax.scipy.special.xlogy(pairs.y, language.y), axis=1)
        return -nats - bigram.entropy(pairs)

    found = np.asarray(jax.lax.map(jax.jit(gained), jnp.arange(60)))
    error = found.std(ddof=1) / np.sqrt(60)
    assert abs(found.mean() - v * (v - 1) / (2 * n)) < 4 * error
    assert error < 0.03 * found.mean()


@pytest.mark.long
@pytest.mark.parametrize(("vocab", "rank", "width"), [(10, 3, 2), (30, 6, 3)])
def test_no_other_embedding_of_so_many_numbers_is_better(vocab, rank, width) -> None:
    """The least excess of several starts by L-BFGS is what training ends at."""
    shape = {"vocab": vocab, "rank": rank, "max_width": width, "steps": 3000}
    ends = mj.sweep(bigram.table_run, width=width, lr=1e-2, seed=0, **shape)
    data_key, _ = jax.random.split(jax.random.key(0))
    language = bigrams.languages(vocab, rank)(data_key, vocab)
    law, often = np.asarray(language.y, float), np.asarray(language.w, float)

    def excess(flat: np.ndarray) -> tuple[float, np.ndarray]:
        v, u = flat.reshape(2, vocab, width)
        rows = softmax(v @ u.T)
        slope = often[:, None] * (rows - law)
        value = often @ (law * np.log(law / rows)).sum(1)
        return value, np.concatenate([slope @ u, slope.T @ v]).ravel()

    rng = np.random.default_rng(0)
    starts = 0.3 * rng.standard_normal((12, 2 * vocab * width))
    found = [minimize(excess, s, jac=True, options={"maxiter": 5000}) for s in starts]
    least = min(f.fun for f in found)
    assert float(ends.excess.isel(step=-1).squeeze()) == pytest.approx(least, rel=0.02)
    assert least > 0.01


@pytest.mark.parametrize("numbers", [(1, 2), (20,)])  # below the rank, and at it
def test_the_figure_of_a_few_values_is_drawn(numbers) -> None:
    few = {"vocab": (10,), "size": (100,), "numbers": (1,), "seeds": 1}
    made = bigram.sweeps(**few, more_numbers=numbers)
    bigram.figure({name: sweep.made_up() for name, sweep in made.items()})


def test_measures_are_by_hand() -> None:
    few = {"vocab": (10, 20), "size": (100, 1000, 10_000), "width": 4, "seeds": 2}
    made = bigram.sweeps(**few, more_numbers=(1, 2, 4, 8), steps=50)
    results = {name: sweep.made_up() for name, sweep in made.items()}
    main = results["main"]
    ideal = bigram.free(main.excess) / main["size"]
    ideal = xr.broadcast(ideal, main.excess)[0]
    results["main"] = main.assign(gap=ideal, excess=ideal / 2)
    np.testing.assert_allclose(bigram.entries(results), 1)
    for vocab, pairs in ((10, 900), (20, 3800)):
        needed = bigram.needed(results).sel(vocab=vocab)
        np.testing.assert_allclose(needed, pairs, rtol=1e-6)
    np.testing.assert_allclose(bigram.growth(results), np.log2(3800 / 900))
    below = results["below"]
    fall = xr.broadcast(3 / below.width, below.excess)[0]
    results["below"] = below.assign(excess=fall.where(below.width < 8, 1e-4))
    np.testing.assert_allclose(bigram.fall(results, "4"), 1)
    np.testing.assert_allclose(bigram.dimension(results, "below"), 8)
