"""Facts as weights: laws by hand, what is kept in numpy, and one program."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from experiments import fact_capacity as facts

TINY = {"capacity": 12, "width": 4, "steps": 6}


def test_the_law_is_of_all_facts_and_zero_where_none_is_kept():
    kept = jnp.array([True, False, True, True, False])
    w = np.array([1, 0, 1 / 9, 1 / 16, 0])
    np.testing.assert_allclose(facts.law(kept, 2.0), w / w.sum(), rtol=1e-6)
    np.testing.assert_allclose(facts.law(kept, 0.0), np.array(kept) / 3, rtol=1e-6)


@pytest.mark.long
def test_nothing_pruned_is_what_is_taught_at_first():
    numbers = {"size": 10, "power": 1.0, "lr": 0.05, "seed": [0, 1]}
    shapes = {"width": 4, "steps": 6, "capacity": 12}
    plain = mj.sweep(facts.run, **numbers, **shapes).isel(step=-1)
    arms = {"keep": 10, "by_loss": [0, 1], "flat": 0}
    pruned = mj.sweep(facts.pruned_run, **arms, **numbers, **shapes)
    for name in ("known", "bits"):
        for by_loss in (0, 1):
            found = pruned[name].sel(by_loss=by_loss)
            np.testing.assert_allclose(found, plain[name], atol=1e-3)


@pytest.mark.long
def test_those_of_least_loss_are_taught():
    """By hand: a first network's losses, the least of them, a second network."""
    data, model, start = facts.drawn(10, 12, 4, 0)
    loss = mj.losses.of_model(model.apply, mj.losses.cross_entropy)

    def trained(w):
        legs = facts.taught_by(model, start, data._replace(w=w), data, 10, 0.05, 6)
        return jax.jit(lambda: mj.walk(legs)[0].state[0])()

    first = np.arange(1, 13.0) ** -1 * (np.arange(12) < 10)
    params = trained(jnp.array(first / first.sum()))
    nats = np.array(
        [loss(params, x, y) for x, y in zip(data.x[:10], data.y, strict=False)]
    )
    second = np.zeros(12)
    second[np.argsort(nats)[:4]] = 1 / 4
    params = trained(jnp.array(second))
    saved = [
        max(np.log(64) - float(loss(params, x, y)), 0)
        for x, y in zip(data.x[:10], data.y, strict=False)
    ]
    found = jax.jit(lambda: facts.pruned_run(4, 1, 1, 10, 1.0, 0.05, 0, **TINY))()
    assert float(found["bits"]) == pytest.approx(sum(saved) / np.log(2), rel=2e-3)


def test_the_best_is_that_of_means_over_seeds():
    made = facts.sweeps(size=(4, 8), keep=(2, 4), seeds=2, width=4, steps=6)
    assert [len(sweep.plan().groups) for sweep in made.values()] == [1, 1]
    results = {name: sweep.made_up() for name, sweep in made.items()}
    pruned = results["pruned"].known.squeeze()
    for arm, (by_loss, flat) in facts.ARMS.items():
        each = pruned.sel(by_loss=by_loss, flat=flat).transpose("keep", "seed").values
        expected = each[each.mean(1).argmax()]
        np.testing.assert_allclose(facts.best(results, arm).squeeze(), expected)
    known = facts.known(results).sel(power=0).squeeze().transpose("size", "seed").values
    np.testing.assert_allclose(
        facts.most(results).squeeze(), known[known.mean(1).argmax()]
    )
    more = facts.above(results, "least loss", "all")
    assert more.sizes["size"] == 1 and more.power.values.tolist() == [1]
    plain = results["main"].known.isel(step=-1).sel(size=8, power=1.0)
    expected = facts.best(results, "least loss").squeeze() - plain.squeeze()
    np.testing.assert_allclose(more.squeeze(), expected)
