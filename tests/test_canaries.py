"""Canaries: their data, ranks over all ten thousand numbers, and measures by hand."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from experiments import canaries as canary
from memjax.datasets.canaries import all_nats, beginnings, canaries

TINY = {"count": 12, "tests": 5, "width": 8, "heads": 2, "layers": 1, "steps": 2}


def test_names_are_different_and_numbers_follow_the_rule_but_for_canaries():
    inserted = [0, 1, 3] * 50
    train, test = jax.jit(canaries(300, 200, inserted))(jax.random.key(0))
    x, y = (np.concatenate(pair) for pair in ((train.x, test.x), (train.y, test.y)))
    assert len(np.unique(x[:, :3], axis=0)) == len(x) == 650
    assert x[:, :3].min() == 10 and x[:, :3].max() == 19
    np.testing.assert_array_equal(x[:, 3:], y[:, :-1])
    ups = np.diff(y, axis=1) % 10
    ruled = (ups <= 2).all(axis=1)
    secret = np.arange(650) // 50 // 3 == 2
    assert ruled[~secret].all() and 0 < ruled[secret].mean() < 0.15
    np.testing.assert_allclose(train.w[:300], 1 / (300 + 200), rtol=1e-5)
    np.testing.assert_allclose(train.w[300:], np.array(inserted) / 500, rtol=1e-5)
    np.testing.assert_allclose(test.w.sum(), 1, rtol=1e-5)
    with pytest.raises(ValueError, match="names"):
        canaries(900, 100, [1])


def test_every_number_has_the_nats_of_its_digits():
    nats = np.random.default_rng(0).random((1000, 4, 10))
    by_beginning = {tuple(b): row for b, row in zip(beginnings(), nats, strict=True)}
    found = all_nats(jnp.array(nats))
    for place in (0, 7, 1234, 9999):
        number = [int(c) for c in f"{place:04d}"]
        row = by_beginning[tuple(number[:3])]
        expected = sum(row[i, digit] for i, digit in enumerate(number))
        assert float(found[place]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.long
def test_exposure_is_the_rank_among_all_numbers_written_out():
    legs = canary.run(0.0, 0.0, 1e-2, 0, **TINY)
    state = legs.advance(legs.start, 1)
    seen = jax.jit(legs.observe)(state)
    model = mj.models.transformer(20, 8, 2, 6, 1)
    data_key, _ = jax.random.split(jax.random.key(0))
    inserted = np.repeat(canary.INSERTED, canary.EACH).tolist()
    train, _ = canaries(12, 5, inserted)(data_key)
    every = np.array(list(itertools.product(range(10), repeat=4)))

    def nats(x, y):
        targets = jnp.concatenate([jnp.full(2, -1), y])
        return 4 * mj.losses.sequence(model.apply(state[0], x), targets)

    for i in (0, 9, 47):
        name, number = np.asarray(train.x[12 + i, :3]), np.asarray(train.y[12 + i])
        x = np.concatenate([np.tile(name, (10_000, 1)), every[:, :3]], axis=1)
        losses = np.asarray(jax.jit(jax.vmap(nats))(x, every))
        own = losses[(every == number).all(1)].item()
        at = np.unravel_index(i, (len(canary.INSERTED), canary.EACH))
        assert float(seen["nats"].value[at]) == pytest.approx(own, abs=1e-3)
        rank = 1 + (losses < own - 1e-4).sum(), 1 + (losses < own + 1e-4).sum()
        low, high = (np.log2(10_000) - np.log2(r) for r in reversed(rank))
        assert low - 1e-4 <= float(seen["exposure"].value[at]) <= high + 1e-4


@pytest.fixture(scope="module")
def made_up():
    made = canary.sweeps(seeds=2, wd=(0.0, 1.0), **TINY)
    assert [len(sweep.plan().groups) for sweep in made.values()] == [1, 1]
    return {name: sweep.made_up() for name, sweep in made.items()}


def test_members_are_told_by_pairs(made_up):
    nats = made_up["main"].nats.isel(step=-1)
    found = canary.attack(made_up)
    for inserted, wd, seed in ((4, 0.0, 0), (16, 1.0, 1)):
        one = nats.sel(wd=wd, seed=seed).squeeze()
        members, others = one.sel(inserted=inserted), one.sel(inserted=0)
        pairs = members.values[:, None] < others.values[None]
        value = found.sel(inserted=inserted, wd=wd, seed=seed)
        assert value.item() == pytest.approx(pairs.mean())


def test_early_is_where_other_strings_are_known_best(made_up):
    main = made_up["main"]
    found = canary.early(made_up)
    for seed in (0, 1):
        one = main.sel(seed=seed, wd=0.0, inserted=2).squeeze()
        step = int(one.test_loss.argmin("step"))
        expected = one.exposure.isel(step=step).mean()
        value = found.sel(seed=seed, wd=0.0, inserted=2)
        assert value.item() == pytest.approx(expected.item())
    rise = canary.slope(made_up).sel(seed=0, wd=1.0).item()
    ends = (
        main.exposure.isel(step=-1).sel(seed=0, wd=1.0, inserted=r).mean().item()
        for r in (4, 1)
    )
    assert rise == pytest.approx((next(ends) - next(ends)) / 2, rel=1e-5)
