"""Token frequencies: entropies in closed form, losses in numpy, one number a token."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import memjax as mj
from experiments import unigram

EULER, STIELTJES = 0.5772156649015329, -0.0728158454836767
SHAPE = {"steps": 30, "looks": 4, "spectra": False}


def power_law(count: int, alpha: float) -> np.ndarray:
    p = np.arange(1.0, count + 1) ** -alpha
    return p / p.sum()


def divergence(p: np.ndarray, logits: np.ndarray) -> float:
    """The mean over rows, which are as frequent as p, of how far a row is from p."""
    rows = np.exp(logits - logits.max(1, keepdims=True))
    rows /= rows.sum(1, keepdims=True)
    return float(p @ (p * np.log(p / rows)).sum(1))


def test_the_entropy_of_many_tokens_has_its_expansion() -> None:
    """Sums of 1/i and of log i / i by Euler and Maclaurin."""
    n = 50_304
    harmonic = np.log(n) + EULER + 1 / (2 * n)
    logs = np.log(n) ** 2 / 2 + STIELTJES + np.log(n) / (2 * n)
    found = unigram.floor_run(n, 1.0, max_vocab=60_000)["entropy"]
    assert float(found) == pytest.approx(np.log(harmonic) + logs / harmonic, abs=1e-4)


@pytest.mark.parametrize("form", unigram.FORMS)
def test_excess_is_a_divergence_in_numpy(form) -> None:
    width = 3 if form == "normed" else 2
    shape = {"max_vocab": 7, "max_width": 3, "form": form, **SHAPE}
    legs = unigram.run(5, 1.3, width, 0.01, 1.0, 0.8, 0, **shape)
    params = legs.start[0]
    v = np.asarray(params["v"])
    assert (v[5:] == 0).all() and (v[:, width:] == 0).all()
    left, right = v[:5], np.asarray(params.get("u", v))[:5]
    if form == "normed":
        apart = left - left.mean(1, keepdims=True)
        left = apart / np.sqrt((apart**2).mean(1, keepdims=True) + 1e-5)
    expected = divergence(power_law(5, 1.3), left @ right.T)
    found = jax.jit(legs.observe)(legs.start)["excess"]
    assert float(found) == pytest.approx(expected, abs=1e-5)
    assert expected > 0.1


@pytest.mark.parametrize("c", [3.0, 10.0])
def test_one_tied_number_a_token_nears_the_floor(c) -> None:
    """By c + log p / c a row is p to the power 1 + log p / c², normed."""
    p = power_law(10, 1.0)
    shape = {"max_vocab": 10, "max_width": 1, "form": "tied", **SHAPE}
    legs = unigram.run(10, 1.0, 1, 0.01, 1.0, 0.02, 0, **shape)
    params = {"v": jnp.asarray(c + np.log(p) / c, jnp.float32)[:, None]}
    found = jax.jit(legs.observe)((params, *legs.start[1:]))["excess"]
    powers = (1 + np.log(p) / c**2)[:, None] * np.log(p)
    assert float(found) == pytest.approx(divergence(p, powers), rel=0.02)
    assert float(found) < (0.02 if c == 3 else 2e-4)


def test_new_pairs_are_independent_and_of_the_law() -> None:
    p = unigram.law(3, 1.0, 4)
    np.testing.assert_allclose(p, [6 / 11, 3 / 11, 2 / 11, 0], rtol=1e-6)
    data = mj.Data(jnp.arange(4), jnp.arange(4), p)
    keys = jax.random.split(jax.random.key(0), 200)
    drawn = jax.jit(jax.vmap(lambda key: unigram.new_pairs(data, key)))(keys)
    count = np.zeros((4, 4))
    np.add.at(count, (drawn.x.ravel(), drawn.y.ravel()), 1)
    share = count / count.sum()
    expected = np.outer(p, p)
    error = np.sqrt(expected * (1 - expected) / count.sum())
    assert count.sum() == 200 * unigram.BATCH and count[3].sum() == 0
    assert (abs(share - expected) <= 4 * error).all()


def test_directions_are_counted_as_in_numpy() -> None:
    rng = np.random.default_rng(0)
    v = rng.standard_normal((9, 4)) * [3, 1, 1, 0.1]
    square = np.linalg.svd(v - v.mean(0), compute_uv=False) ** 2
    share = square / square.sum()
    expected = np.exp(-(share * np.log(share)).sum())
    found = mj.observables.embedding.effective_dimension
    assert float(found(v)) == pytest.approx(expected, rel=1e-4)
    padded = np.concatenate([v, np.full((2, 4), 7.0)])
    live = np.arange(11) < 9
    assert float(found(padded, live)) == pytest.approx(expected, rel=1e-4)
    even = np.concatenate([np.eye(3), -np.eye(3)])
    assert float(found(even)) == pytest.approx(3, rel=1e-4)


@pytest.mark.long
def test_the_rate_decays_over_the_last_third() -> None:
    shape = {"max_vocab": 5, "max_width": 2, "form": "tied", "spectra": False}
    at = {"vocab": 5, "alpha": 1.0, "width": 2, "lr": 0.05, "init_scale": 0.3}
    runs = {"floor": [1.0, 0.1], "seed": 0, "steps": 90, "looks": 60}
    seen = mj.sweep(unigram.run, **at, **shape, **runs).excess.squeeze()
    plain, decayed = seen.transpose("floor", "step").values
    same = seen.step.values <= 61  # that step's rate is the last that is the same
    np.testing.assert_array_equal(plain[same], decayed[same])
    assert (plain[~same] != decayed[~same]).all()


def test_measures_are_by_hand() -> None:
    made = unigram.sweeps(vocab=(3, 5), width=4, rates=(0.1,), widths=(2,), seeds=2)
    results = {name: sweep.made_up() for name, sweep in made.items()}
    main = results["main"]
    late = main.step.where(main.step >= 300, 7) ** -0.6
    results["main"] = main.assign(excess=late.broadcast_like(main.excess))
    np.testing.assert_allclose(unigram.rate_of_fall(results), 0.6, rtol=1e-6)
    twice = xr.where(results["decay"].floor == 1, 2.0, 1.0)
    decay = results["decay"]
    results["decay"] = decay.assign(excess=twice.broadcast_like(decay.excess))
    np.testing.assert_allclose(unigram.without(results), 2)
    narrow = results["narrow"]
    number = xr.DataArray(3 - 2 * np.log([1, 2, 3]), dims="token")
    results["narrow"] = narrow.assign(number=number.broadcast_like(narrow.number))
    np.testing.assert_allclose(unigram.in_order(results), 1)
