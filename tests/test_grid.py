"""What an axis may hold; every refusal names the parameter and what was found."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import memjax as mj
from memjax.engine.planned.group import Group, tiles_of
from memjax.engine.planned.plan import Plan, make_plan
from memjax.engine.planned.price import Price


def run(size, lr, seed, wd=0.0, *, capacity, width=10, activation=None):
    raise AssertionError("a refused sweep runs nothing")


REFUSED = [
    ({"lr": []}, "lr", "at least one value"),
    ({"size": [0, 5]}, "size", "at least 1, got 0"),
    ({"size": -5}, "size", "at least 1, got -5"),
    ({"size": [1.5]}, "size", "whole numbers, got 1.5"),
    ({"lr": [-1e-3]}, "lr", "0 or more"),
    ({"lr": [1e-3, 1e-3]}, "lr", "each value once"),
    (
        {"lr": [0.2, 0.1, 0.1 + 1e-12]},
        "lr",
        "0.1 and 0.10000000000100.* are one number",
    ),
    ({"lr": float("nan")}, "lr", "NaN"),
    ({"lr": "fast"}, "lr", "needs a number, got 'fast'"),
    ({"lr": np.ones((2, 2))}, "lr", "hand arrays in by inputs="),
    ({"seed": [2**31]}, "seed", "32 bits"),
    ({"capacity": 3}, "capacity", "no room for size 5"),
    ({"width": (100, 0)}, "width", "at least 1, got 0"),
    ({"lr": {1e-3, 1e-2}}, "lr", "not a set"),
    ({"lr": (rate for rate in (1e-3, 1e-2))}, "lr", "not a generator"),
    ({"lr": {"slow": 1e-3}}, "lr", "not a dict"),
    ({"lr": pd.DataFrame({"a": [1.0]})}, "lr", "one dimension"),
    ({"seed": jax.random.split(jax.random.key(0), 2)}, "seed", "not random keys"),
    ({"seed": [jax.random.key(0)]}, "seed", "not random keys"),
    ({"depth": 3}, "depth", "no such parameter"),
]


@pytest.mark.parametrize(("given", "name", "problem"), REFUSED)
def test_refusals(given, name, problem):
    with pytest.raises(mj.BadValue, match=problem) as refused:
        mj.Sweep(run, **{"size": 5, "lr": 1e-3, "seed": 0, **given})
    assert refused.value.name == name


@pytest.mark.parametrize("kind", [np.array, pd.Series, pd.Index, xr.DataArray])
def test_arrays_of_any_library_are_axes(kind):
    sweep = mj.Sweep(run, size=5, lr=kind([1e-3, 1e-2]), seed=kind([3, 7]))
    assert sweep.grid.axes == {"lr": {"lr": (1e-3, 1e-2)}, "seed": {"seed": (3, 7)}}
    assert {type(v) for v in sweep.grid.axes["seed"]["seed"]} == {int}


def test_a_plan_warns_of_results_that_may_not_fit_into_memory():
    def wide(a):
        return {"x": mj.named(jnp.full(10**6, a), "place")}

    few, many = (mj.Sweep(wide, a=np.linspace(0, 1, n)).plan() for n in (10, 10**5))
    assert "results of 373 GiB have to fit into memory" in str(many)
    assert "have to fit" not in str(few)


def test_a_missing_parameter_is_named():
    with pytest.raises(mj.BadValue, match="lr: run needs a value"):
        mj.Sweep(run, size=5, seed=0)


def test_options_and_stars_are_no_parameters():
    with pytest.raises(mj.BadValue, match="option of sweep"):
        mj.Sweep(lambda chunk: {}, chunk=3)
    with pytest.raises(mj.BadValue, match="must name its parameters"):
        mj.Sweep(lambda **numbers: {}, lr=3)


def test_zipped_axes_need_equal_lengths():
    with pytest.raises(mj.BadValue, match="equal lengths"):
        mj.zipped(lr=[1, 2], wd=[1])
    with pytest.raises(mj.BadValue, match="given twice"):
        mj.Sweep(run, mj.zipped(lr=[1, 2], wd=[1, 2]), lr=[3], size=5, seed=0)


def test_inputs_must_fit_their_axis():
    def fed(size, rows):
        return {}

    with pytest.raises(mj.BadValue, match="not an axis here"):
        mj.Sweep(fed, size=5, inputs={"rows": mj.per("size", np.ones(3))})
    with pytest.raises(mj.BadValue, match="entries for the 2 of size"):
        mj.Sweep(fed, size=[5, 6], inputs={"rows": mj.per("size", np.ones(3))})


def test_capacity_is_the_largest_size():
    grid = mj.Sweep(run, size=[5, 9], lr=1e-3, seed=0).grid
    assert grid.fixed["capacity"] == 9
    assert grid.fixed["wd"] == 0.0


def plan_of(sweep: mj.Sweep, devices: int, chunk=None, seconds=1e-3) -> Plan:
    """A plan for other devices than there are, at a made-up price per tile."""
    positions, groups = sweep.grid.positions(), []
    for shapes, lanes in sweep.grid.groups(positions):
        tiles = tiles_of(sweep.grid, shapes, positions[lanes])
        steps = np.full(len(lanes), 100)
        priced = partial(Price, 0.0, tiles * seconds / 100, 11, 1000, 10)
        groups.append(Group(shapes, lanes, tiles, steps, priced, None))
    return make_plan(groups, mj.machines.cpu(devices), chunk)


@settings(deadline=None, max_examples=50)
@given(
    lengths=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    shapes=st.integers(1, 3),
    devices=st.integers(1, 3),
    chunk=st.one_of(st.none(), st.integers(1, 9)),
    seconds=st.sampled_from([1e-3, 0.3, 5.0, 60.0]),
)
def test_a_plan_holds_every_lane_once(lengths, shapes, devices, chunk, seconds):
    names = ["size", "lr", "seed"][: len(lengths)]
    axes = {n: list(range(1, k + 1)) for n, k in zip(names, lengths, strict=True)}
    rest = {n: 1 for n in ("size", "lr", "seed") if n not in names}
    sweep = mj.Sweep(run, **axes, **rest, width=list(range(1, shapes + 1)))
    plan = plan_of(sweep, devices, chunk, seconds)
    assert len(plan.groups) == shapes
    seen = list(itertools.chain(*(b.lanes[b.real] for b in plan.blocks)))
    assert sorted(seen) == list(range(len(sweep)))
    for block in plan.blocks:
        assert len(block.lanes) % (devices * block.chunk) == 0
        assert block.chunk <= (chunk or 4)
        assert block.real.any()
    for group in plan.groups:  # one program each
        kinds = {
            (len(b.lanes), b.chunk, b.legs) for b in plan.blocks if b.group is group
        }
        assert len(kinds) == 1


def test_equal_shapes_of_a_zipped_axis_are_one_group():
    tied = mj.zipped(lr=[1e-3, 1e-2, 1e-1, 1.0], width=[5, 7, 5, 7])
    plan = plan_of(mj.Sweep(run, tied, size=1, seed=range(2)), 1)
    assert [g.shapes["width"] for g in plan.groups] == [5, 7]
    assert [g.lanes.tolist() for g in plan.groups] == [[0, 1, 4, 5], [2, 3, 6, 7]]


def test_long_lanes_are_dealt_to_the_lightest_device():
    sizes = [50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600]
    (block,) = plan_of(mj.Sweep(run, size=sizes, lr=1e-3, seed=0), 2).blocks
    loads = np.array(sizes)[block.lanes].reshape(2, -1).sum(1)
    assert sorted(loads) == [24800, 26350]
    assert block.chunk == 1


def test_a_plan_calls_about_every_five_seconds():
    alike = mj.Sweep(run, size=5, lr=1e-3, seed=range(512))
    plan = plan_of(alike, 2, seconds=0.1)  # 50 of them a device in five seconds
    assert {len(b.lanes) for b in plan.blocks} == {64}  # 96 would compute 64 twice
    assert all(b.legs is None for b in plan.blocks)
    assert plan.seconds == pytest.approx(512 / 2 * 0.1)
    long = plan_of(alike, 2, seconds=5.0)  # a chunk of 4 takes 20 s: cut by time
    assert {len(b.lanes) for b in long.blocks} == {8}
    assert {b.legs for b in long.blocks} == {3}
    mixed = mj.Sweep(run, size=[50, 25600], lr=1e-3, seed=0)
    (block,) = plan_of(mixed, 2, seconds=0.5).blocks  # 50 tiles: 25 s
    assert block.legs == 3
    assert "2 runs in 1 compiled program on 2 devices" in str(plan_of(mixed, 2))


def test_a_run_without_a_size_is_priced_for_its_whole_capacity():
    def table(lr, *, capacity):
        return {}

    plan = plan_of(mj.Sweep(table, lr=[1e-3], capacity=[100, 5120]), 1)
    small, large = (block.seconds for block in plan.blocks)
    assert large == pytest.approx(10 * small)
