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
    plans = [sweep.plan() for sweep in made.values()]
    assert [len(plan.groups) for plan in plans] == [1, 1, 1]
    assert len({str(plan.groups[0].shapes) for plan in plans}) == 1


def test_only_the_prompt_is_trained_and_of_it_what_is_there():
    start, end = (mj.core.walk(legs(), count=n)[0].state[0] for n in (1, 4))
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(axis=-1), start, end)
    assert (moved["prompt"][:2] > 1e-3).all()
    assert moved["prompt"][2] == 0 and (moved["unembed"] == 0).all()
    end = mj.core.walk(legs(head=1, prompted=0))[0].state[0]
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), start, end)
    assert moved["prompt"] == 0 and moved["unembed"] > 1e-3


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


def results(rows):
    """Accuracies at the end, [size, length], as a sweep has them."""
    labels = {"size": [16, 64], "prompted": [1, 2, 4, 8], "step": [0, 9]}
    found = np.stack([np.zeros_like(rows), rows], -1)[None]
    told = {"seed": [0], **labels}
    accuracy = xr.DataArray(found, told, ("seed", *labels))
    fixed = {"width": 8, "classes": 4}
    return {"main": xr.Dataset({"accuracy": accuracy}).assign_coords(fixed)}


def test_the_least_length_is_between_those_tried():
    rows = np.array([[0.6, 0.9, 1.0, 1.0], [0.5, 0.6, 0.9, 1.0]])
    found = results(rows)
    np.testing.assert_allclose(
        prompts.least(found["main"]).squeeze(), [8**0.5, 32**0.5], rtol=1e-6
    )
    np.testing.assert_allclose(prompts.slope(found), [0.5], rtol=1e-6)  # 2 of 4 octaves
    bits = [16 * 2 / (8 * 8**0.5), 64 * 2 / (8 * 32**0.5)]
    np.testing.assert_allclose(prompts.rate(found).squeeze(), bits, rtol=1e-6)


def test_what_no_prompt_learns_has_no_least_length():
    rows = np.array([[0.96, 0.9, 1.0, 1.0], [0.5, 0.6, 0.9, 0.94]])
    found = results(rows)
    np.testing.assert_allclose(prompts.least(found["main"]).squeeze(), [1, np.nan])
    assert np.isnan(prompts.slope(found)).all()


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
