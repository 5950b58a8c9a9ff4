"""Prompts that memorize: one program, a loop in numpy, and the least length by hand."""

import jax
import numpy as np
import pytest
import xarray as xr

import memjax as mj
from experiments import prompt_memory as prompts

TINY = {"width": 4, "heads": 2, "layers": 1, "length": 3, "classes": 2}


def legs(head=0, prompted=2, steps=5, **shapes):
    shapes = {**TINY, "capacity": 6, "max_prompted": 3, **shapes}
    return prompts.run(6, prompted, 4, 2.0, head, 0.1, 0, steps=steps, **shapes)


def test_numbers_lengths_ranks_and_scales_are_one_program():
    made = prompts.sweeps(size=(4, 6), prompted=(1, 3), rank=(1, 4), seeds=2, width=4)
    assert [len(sweep.plan().groups) for sweep in made.values()] == [1, 1, 1]


@pytest.mark.long
def test_only_the_prompt_is_trained_and_of_it_what_is_there():
    start, end = (mj.walk(legs(), count=n)[0].state[0] for n in (1, 4))
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(axis=-1), start, end)
    assert (moved["prompt"][:2] > 1e-3).all()
    assert moved["prompt"][2] == 0 and (moved["unembed"] == 0).all()
    end = mj.walk(legs(head=1, prompted=0))[0].state[0]
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), start, end)
    assert moved["prompt"] == 0 and moved["unembed"] > 1e-3


@pytest.mark.long
def test_a_prompt_learns_by_the_slope_that_differences_give():
    """The first step of Adam is `lr` times the sign of the slope of the mean loss."""
    run = legs()
    start, after = run.start[0]["prompt"], run.step(run.start, 0)[0]["prompt"]

    def loss(prompt):
        return float(
            run.step(({**run.start[0], "prompt": prompt}, *run.start[1:]), 0)[2]
        )

    for at in ((0, 1), (1, 3)):
        ends = (loss(start.at[at].add(sign * 1e-2)) for sign in (1, -1))
        upper, lower = ends
        assert np.sign(start[at] - after[at]) == np.sign(upper - lower)
        assert abs(float(start[at] - after[at])) == pytest.approx(0.1, rel=1e-3)


def results(*rows):
    """Accuracies at the end, [size, length] by seed, as a sweep has them."""
    labels = {"size": [16, 64], "prompted": [1, 2, 4, 8], "step": [0, 500]}
    found = np.stack([np.zeros_like(rows), rows], -1)[..., None]
    told = {"seed": range(len(rows)), **labels, "rank": [8]}
    accuracy = xr.DataArray(found, told)
    return {"main": xr.Dataset({"accuracy": accuracy}).assign_coords(prompts.SETTING)}


def test_the_least_length_is_between_those_tried():
    found = results([[0.6, 0.9, 1.0, 1.0], [0.5, 0.6, 0.9, 1.0]])
    one = prompts.least(found["main"].accuracy.isel(step=-1)).squeeze()
    np.testing.assert_allclose(one, [8**0.5, 32**0.5], rtol=1e-6)
    told = prompts.slope(found, "8")
    assert told.value == pytest.approx(0.5) and told.interval is None  # 1 of 2 octaves
    bits = [16 / (8 * 8**0.5), 64 / (8 * 32**0.5)]
    np.testing.assert_allclose(prompts.rate(found).squeeze(), bits, rtol=1e-6)


def test_the_interval_is_that_of_draws_of_seeds():
    """Half of the draws of two seeds mix them, the others are a seed alone, at ends."""
    first = [[0.9, 1.0, 1.0, 1.0], [0.5, 0.9, 1.0, 1.0]]
    second = [[0.9, 1.0, 1.0, 1.0], [0.5, 0.6, 0.9, 1.0]]
    low, high = (prompts.slope(results(rows), "8").value for rows in (first, second))
    found = prompts.slope(results(first, second), "8")
    assert found.interval == pytest.approx((low, high)) and found.seeds == 2
    assert low < found.value < high


def test_what_no_prompt_learns_has_no_exponent():
    reached = [[0.9, 1.0, 1.0, 1.0], [0.5, 0.6, 0.9, 1.0]]
    never = [[0.96, 0.9, 1.0, 1.0], [0.5, 0.6, 0.9, 0.94]]
    with pytest.raises(mj.NotRun, match="longer"):
        prompts.slope(results(never), "8")
    assert prompts.slope(results(reached, never), "8").interval[1] == np.inf


def test_a_rank_is_that_of_all_vectors_together():
    maker = mj.datasets.vector_facts(3, 4, 2, 5)
    for rank in (1, 3, 4):
        x = np.asarray(maker(jax.random.key(0), 5, rank).x).reshape(15, 4)
        assert np.linalg.matrix_rank(x, tol=1e-4) == rank


def test_flags_are_refused_before_anything_runs():
    with pytest.raises(mj.BadValue, match="rank"):
        prompts.sweeps(rank=(9,))
    with pytest.raises(mj.BadValue, match="prompted"):
        prompts.sweeps(prompted=(0, 2))
