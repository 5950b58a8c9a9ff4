"""Runs that differ in length or size are one program, and padding changes nothing."""

import itertools
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import memjax as mj
from experiments import _graphs as family
from memjax.datasets import graphs
from memjax.engine.planned import buckets
from memjax.engine.planned import plan as plans
from memjax.models.draws import nested, nested_each

STEPS = [7, 60, 400]


def run(steps, lr, seed):
    """A least-squares fit for so many steps of momentum."""
    key, start = jax.random.split(jax.random.key(seed))
    x = jax.random.normal(key, (6, 3))
    data = mj.Data(x, x @ jnp.arange(3.0), mj.prefix(6, 6))

    def loss(w, x, y):
        return (x @ w - y) ** 2

    def observe(w):
        return {"w": mj.named(w, "axis", coords="abc"), "norm": jnp.linalg.norm(w)}

    fit = mj.train(loss, optax.sgd(lr, momentum=0.9), observe, steps)
    return fit(jax.random.normal(start, (3,)), data)


def fixed_run(lr, seed, *, steps):
    return run(steps, lr, seed)


def timed_run(lr, seed, *, times):
    return run(times, lr, seed)


AXES = {"lr": [1e-2, 1e-3], "seed": range(3)}


@pytest.fixture(scope="module")
def found():
    return mj.sweep(run, steps=STEPS, **AXES)


def test_budgets_are_one_program_and_end_where_fixed_ones_do(found):
    assert len(mj.Sweep(run, steps=STEPS, **AXES).plan().groups) == 1
    assert found.w.dims == ("steps", "lr", "seed", "leg", "axis")
    assert found.step.dims == ("steps", "leg")
    each = mj.sweep(fixed_run, steps=STEPS, **AXES)
    for steps in STEPS:
        last = found.sel(steps=steps).isel(leg=-1)
        assert int(last.step) == steps
        np.testing.assert_array_equal(last.w, each.w.sel(steps=steps, step=steps))


def test_every_leg_is_logged_at_its_own_step(found):
    assert (found.step.isel(leg=0) == 0).all()
    assert (found.step.diff("leg") >= 0).all()
    times = tuple(np.unique(found.step.sel(steps=400)).tolist())
    each = mj.sweep(timed_run, times=mj.labelled(same=times), **AXES)
    assert times[-1] == 400 and len(times) > 25
    for step in times:
        now = mj.at(found.norm.sel(steps=400), step=step)
        np.testing.assert_array_equal(now, each.norm.sel(times="same", step=step))


def test_a_budget_of_traced_steps_is_traced_once():
    @chex.assert_max_traces(n=1)
    def counted(steps, lr, seed):
        return run(steps, lr, seed)

    mj.sweep(counted, steps=[*STEPS, 5, 6], **AXES)


def test_longer_runs_are_priced_and_dealt_so():
    group = mj.Sweep(run, steps=STEPS, lr=1e-2, seed=0).plan().groups[0]
    least, middle, most = group.seconds
    assert (most - least) / (middle - least) == pytest.approx(393 / 53)


@pytest.mark.long
def test_traced_steps_resume_and_grow(tmp_path, monkeypatch):
    whole = mj.sweep(run, steps=STEPS, **AXES)
    longest = mj.Sweep(run, steps=STEPS, **AXES).plan().blocks[0].seconds
    monkeypatch.setattr(plans, "CALL_SECONDS", longest / 50)
    cut = mj.Sweep(run, steps=STEPS[:2], **AXES)
    assert cut.plan().blocks[0].legs is not None
    cut.compute(store=tmp_path)
    grown = mj.sweep(run, steps=STEPS, **AXES, store=tmp_path)
    np.testing.assert_allclose(grown.norm, whole.norm, rtol=1e-6)
    assert (grown.step == whole.step).all()


def test_a_label_of_runs_of_different_lengths(found):
    assert mj.at(found, step=0).norm.dims == ("steps", "lr", "seed")
    with pytest.raises(mj.NotRun, match="step 400 of every run"):
        mj.at(found, step=400)
    part = mj.at(found, steps=400)
    assert int(mj.at(part, step=400).step) == 400


def test_results_of_traced_steps_are_made_up_and_saved(tmp_path):
    sweep = mj.Sweep(run, steps=STEPS, **AXES)
    assert sweep.made_up().w.dims == sweep.compute(store=tmp_path).w.dims
    assert sweep.read(tmp_path).step.dims == ("steps", "leg")


def test_traced_times_that_are_no_number_called_steps_are_refused():
    def other(budget):
        return mj.iterate(0.0, lambda s, t: s + 1, lambda s: {"s": s}, budget)

    with pytest.raises(mj.BadValue, match="call the last of them `steps`"):
        mj.sweep(other, budget=[3, 5])
    with pytest.raises(mj.BadValue, match="times that are fixed"):
        mj.Sweep(run, steps=STEPS, **AXES).snapshots([0, 5])


def test_given_traced_times_never_fall():
    def wild(steps):
        times = jnp.array([3, 2, 5, 1]) * steps
        return mj.iterate(0, lambda s, t: s + 1, lambda s: {"s": s}, times)

    found = mj.sweep(wild, steps=[1, 2])
    np.testing.assert_array_equal(found.step, [[3, 3, 5, 5], [6, 6, 10, 10]])
    np.testing.assert_array_equal(found.s, found.step)


def test_long_budgets_are_whole():
    large = 2**24 + 3
    times = jax.jit(mj.legs.logged)(jnp.int32(large))
    assert int(times[-1]) == large and (np.diff(times) >= 0).all()


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (lambda steps: mj.every(2, steps), "goes to train or iterate as it is"),
        (lambda steps: (0, steps), "hand all of them in one jnp array"),
        (lambda steps: steps * jnp.arange(5) / 4, "round them"),
    ],
)
def test_times_that_cannot_be_traced_are_refused(times, said):
    def bad(steps):
        return mj.iterate(0, lambda s, t: s, lambda s: {"s": s}, times(steps))

    with pytest.raises(ValueError, match=said):
        mj.sweep(bad, steps=[4, 8])


def test_an_axis_cannot_be_the_time_of_such_runs():
    def other(steps, leg):
        return mj.iterate(0, lambda s, t: s + leg, lambda s: {"s": s}, steps)

    with pytest.raises(mj.BadValue, match="leg: is the time"):
        mj.sweep(other, steps=[4, 8], leg=[1, 2])


def test_measures_know_legs(found):
    late = mj.late(found).norm.sel(steps=400)
    of_one = found.norm.sel(steps=400)
    mine = of_one.where(of_one.step >= 300).mean("leg")
    np.testing.assert_allclose(late, mine)
    assert (mj.first_step(found.norm, -1.0) == 0).all()


# --- bounds of any number, and entries with names -------------------------------------


def padded(width, scale, *, max_width):
    live = jnp.arange(max_width) < width
    return {"sum": scale * live.sum(), "room": jnp.float32(max_width)}


def test_a_bound_is_the_largest_of_its_number():
    found = mj.sweep(padded, width=[2, 5], scale=[1.0, 2.0])
    np.testing.assert_array_equal(found["sum"], [[2, 4], [5, 10]])
    assert (found.room == 5).all()
    assert "max_width" not in found.coords
    with pytest.raises(mj.BadValue, match="max_width: 3 has no room for width 5"):
        mj.Sweep(padded, width=[2, 5], scale=1.0, max_width=3)


def test_a_number_that_fills_its_bound_in_all_runs_is_handed_as_it_is(tmp_path):
    """Then nothing pads, and a mask would only cost time."""

    @chex.assert_max_traces(n=2)
    def masked(width, *, max_width):
        traced = isinstance(width, jax.core.Tracer)
        return {"masked": jnp.full((), traced), "half": width / 2}

    found = mj.sweep(masked, width=[5], store=tmp_path)
    assert not found.masked.any() and found.half == 2.5
    grown = mj.Sweep(masked, width=[2, 5])
    assert grown.plan().groups[0].shapes == {"max_width": 5}
    assert grown.compute().masked.all()


def test_what_filled_its_bound_is_found_again_when_the_axis_grows(tmp_path):
    def total(width, scale, *, max_width):
        live = jnp.arange(max_width) < width
        return {"sum": scale * jnp.sum(live * jnp.arange(max_width))}

    grids = [[2], [2, 4], [2, 3, 4, 9]]
    for widths in grids:
        sweep = mj.Sweep(total, width=widths, scale=[1.0, 2.0])
        found = sweep.compute(store=tmp_path)
        xr.testing.assert_equal(found["sum"], sweep.compute()["sum"])
    assert len(list(tmp_path.glob("block-*"))) == len(grids)  # nothing ran twice
    xr.testing.assert_equal(sweep.read(tmp_path)["sum"], found["sum"])


def test_a_bound_that_does_more_than_pad_is_refused(tmp_path):
    mj.sweep(padded, width=[2], scale=1.0, store=tmp_path)
    with pytest.raises(mj.Refused, match="max_width"):
        mj.sweep(padded, width=[2, 5], scale=1.0, store=tmp_path)


@pytest.mark.parametrize("times", [(0, 1), (0, 1, 2, 3, 4, 5)])
def test_a_bound_may_grow_with_few_times_and_along_its_own_dimension(times, tmp_path):
    def summed(width, *, max_width):
        place = jnp.arange(max_width)

        def observe(s):
            seen = jnp.where(place < width, s * place, jnp.nan)
            return {"v": mj.named(seen, "node"), "s": s}

        return mj.iterate(0.0, lambda s, t: s + width, observe, times)

    mj.sweep(summed, width=[2], store=tmp_path)
    grown = mj.sweep(summed, width=[2, 4], store=tmp_path)
    wanted = mj.sweep(summed, width=[2, 4])
    np.testing.assert_array_equal(grown.v, wanted.v)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"width": [2.5, 3.0]}, "width: needs whole numbers"),
        ({"width": [2], "max_width": 9.5}, "max_width: needs whole numbers"),
    ],
)
def test_bounds_are_whole_numbers(given, said):
    with pytest.raises(mj.BadValue, match=said):
        mj.Sweep(padded, scale=1.0, **given)


def test_entries_may_be_exchanged():
    def of_row(row, scale):
        return {"sum": scale * row.sum()}

    rows, names = np.arange(6.0).reshape(3, 2), ["a", "b", "c"]
    inputs = {"row": mj.per("row", rows)}
    sweep = mj.Sweep(of_row, row=names, scale=[1.0], inputs=inputs)
    other = sweep.but(inputs={"row": mj.per("row", -rows)}).compute()
    np.testing.assert_array_equal(other["sum"][:, 0], -rows.sum(1))
    with pytest.raises(mj.BadValue, match=r"has \[3\] entries for the 2 of row"):
        sweep.but(row=names[:2])


def test_entries_with_names_are_an_axis():
    def of_row(row, scale):
        return {"sum": scale * row.sum()}

    rows, names = np.arange(6.0).reshape(3, 2), ["a", "b", "c"]
    inputs = {"row": mj.per("row", rows)}
    found = mj.sweep(of_row, row=names, scale=[1.0, 2.0], inputs=inputs)
    assert found.row.values.tolist() == names
    np.testing.assert_array_equal(found["sum"].sel(scale=2.0), 2 * rows.sum(1))
    with pytest.raises(mj.BadValue, match=r"has \[3\] entries for the 2 of row"):
        mj.Sweep(of_row, row=names[:2], scale=1.0, inputs=inputs)
    with pytest.raises(mj.BadValue, match="each value once"):
        mj.Sweep(of_row, row=["a", "a", "b"], scale=1.0, inputs=inputs)


# --- padded models and graphs ---------------------------------------------------------

GRAPHS = [graphs.parse(text) for text in ("cycle:5", "star:3:2", "grid:2:4", "path:9")]


@given(rows=st.integers(1, 9), columns=st.integers(1, 40), seed=st.integers(0, 2**31))
@settings(deadline=None, max_examples=8)
def test_smaller_draws_are_corners_of_larger_ones(rows, columns, seed):
    key = jax.random.key(seed)
    whole = nested(jax.random.normal, key, (9, 40))
    part = nested(jax.random.normal, key, (rows, columns))
    np.testing.assert_array_equal(part, whole[:rows, :columns])


@given(
    ends=st.lists(
        st.tuples(st.integers(1, 6), st.integers(1, 8)), min_size=1, max_size=4
    ),
    seed=st.integers(0, 2**31),
)
@settings(deadline=None, max_examples=8)
def test_several_draws_are_corners_each_of_its_own(ends, seed):
    key = jax.random.key(seed)
    whole = nested_each(jax.random.uniform, key, [(6, 8)] * 4)
    parts = nested_each(jax.random.uniform, key, ends)
    for part, large, (rows, columns) in zip(parts, whole, ends, strict=False):
        np.testing.assert_array_equal(part, large[:rows, :columns])
    assert not (whole[0] == whole[1]).any()


def test_a_nested_draw_is_normal():
    drawn = np.asarray(nested(jax.random.normal, jax.random.key(0), (200, 300)))
    assert abs(drawn.mean()) < 0.02 and abs(drawn.std() - 1) < 0.02
    across = np.corrcoef(drawn)  # rows know nothing of each other
    assert np.abs(across - np.eye(200)).max() < 5 * 300**-0.5


OPTIMIZERS = {
    "sgd": optax.sgd,
    "momentum": lambda lr: optax.sgd(lr, momentum=0.9),
    "adam": lambda lr: optax.adam(lr, eps=1e-4),
    "adamw": lambda lr: optax.adamw(lr, eps=1e-4, weight_decay=0.1),
}


def fit(net, data, loss, name, steps=20):
    """The parameters at the start and after some steps of an optimizer."""
    of_model = mj.losses.of_model(net.apply, loss)
    legs = mj.train(of_model, OPTIMIZERS[name](0.05), lambda p: {"p": 0}, (0, steps))
    start = net.init(jax.random.key(3), 1.0)
    return start, mj.walk(legs(start, data))[0].state[0]


def same_in_a_corner(small, large, places, within=1e-5):
    """Live parts are as without padding; what pads them is zero to the last bit.

    `places` are the live entries along each axis of each leaf.
    """
    for leaf, padded, at in zip(
        *map(jax.tree.leaves, (small, large)), places, strict=True
    ):
        leaf, padded = np.asarray(leaf), np.array(padded)
        allowed = within * np.abs(leaf).max()
        np.testing.assert_allclose(padded[np.ix_(*at)], leaf, rtol=0, atol=allowed)
        padded[np.ix_(*at)] = 0
        assert not np.frombuffer(padded.tobytes(), np.uint8).any()


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("model", ["tied", "untied", "three_matrix"])
def test_what_pads_a_model_of_graphs_stays_zero_and_changes_nothing(model, name):
    special = 2 if model == "three_matrix" else 0
    loss = mj.losses.next_token if special else mj.losses.cross_entropy

    @partial(jax.jit, static_argnames="width")
    def of(walk, nodes, columns, width):
        how = {"live": (nodes, columns)} | ({"specials": special} if special else {})
        net = getattr(mj.models.graph, model)(len(walk), width, **how)
        return fit(net, graphs.next_nodes(walk), loss, name)

    walk = graphs.transitions(GRAPHS[1])
    small, large = of(walk, 7, 4, width=4), of(np.pad(walk, (0, 5)), 7, 4, width=9)
    tokens, columns = [*range(7), *range(12, 12 + special)], range(4)
    own = {"v": (tokens, columns), "u": (tokens, columns), "b": (columns,)}
    places = [own.get(name, (columns, columns)) for name in sorted(small[0])]
    same_in_a_corner(small[0], large[0], places, within=0)
    same_in_a_corner(small[1], large[1], places)


ACTIVATIONS = {
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,  # not zero at zero
    "cosine": jnp.cos,
    "square": jnp.square,
    "wave": mj.models.wave,
}
LIVE, ROOM = (3, 5, 5, 2), (4, 9, 7, 6)  # inputs, two hidden layers, classes
POINTS = np.random.default_rng(0).normal(size=(12, ROOM[0]))
LABELS = np.arange(12) % LIVE[-1]


def fit_mlp(room, live, activation, name, **how):
    """A network on the points' first coordinates, its live counts traced."""

    @jax.jit
    def of(live):
        net = mj.models.mlp(room, ACTIVATIONS[activation], live=live, **how)
        data = mj.Data(POINTS[:, : room[0]], LABELS, mj.prefix(12, 12))
        return fit(net, data, mj.losses.cross_entropy, name)

    return of(live)


def places(small):
    return [tuple(map(range, leaf.shape)) for leaf in jax.tree.leaves(small)]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_what_pads_an_mlp_stays_zero_and_changes_nothing(activation):
    small = fit_mlp(LIVE, None, activation, "sgd")
    large = fit_mlp(ROOM, LIVE, activation, "sgd")
    for before, after in zip(small, large, strict=True):
        same_in_a_corner(before, after, places(before))


@pytest.mark.long
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_what_pads_a_network_of_pairs_stays_zero_and_changes_nothing(activation):
    pairs = np.stack(np.divmod(np.arange(25), 5), axis=1)
    data = mj.Data(pairs, pairs.sum(1) % 5, mj.prefix(25, 25))

    @partial(jax.jit, static_argnames="width")
    def of(live, width):
        act = ACTIVATIONS[activation]
        net = mj.models.pair_network(5, width, act, live=live)
        return fit(net, data, mj.losses.cross_entropy, "adamw")

    small, large = of(None, 3), of(3, 7)
    for before, after in zip(small, large, strict=True):
        same_in_a_corner(before, after, places(before))


@pytest.mark.long
@pytest.mark.parametrize(
    ("activation", "name"), [("sigmoid", n) for n in OPTIMIZERS] + [("wave", "adamw")]
)
def test_what_pads_an_mlp_changes_nothing_in_double_precision(activation, name):
    with jax.enable_x64(True):
        small = fit_mlp(LIVE, None, activation, name)[1]
        large = fit_mlp(ROOM, LIVE, activation, name)[1]
        assert small[0]["w"].dtype == np.float64
        same_in_a_corner(small, large, places(small), within=1e-10)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("scheme", ["torch_default", "lecun", "he", "xavier"])
def test_an_mlp_starts_as_the_smaller_one(scheme, bias):
    how = {"scheme": getattr(mj.models, scheme), "bias": bias}
    small, _ = fit_mlp(LIVE, LIVE, "relu", "sgd", **how)
    large, _ = fit_mlp(ROOM, LIVE, "relu", "sgd", **how)
    same_in_a_corner(small, large, places(small), within=0)


def test_classes_that_pad_have_no_probability():
    net = mj.models.mlp(ROOM, live=LIVE)
    logits = net.apply(net.init(jax.random.key(0)), jnp.ones(ROOM[0]))
    assert (jax.nn.softmax(logits)[LIVE[-1] :] == 0).all()
    padded = jnp.ones(ROOM[0]).at[LIVE[0] :].set(jnp.nan)  # is not read
    np.testing.assert_array_equal(
        net.apply(net.init(jax.random.key(0)), padded), logits
    )


DEEP = (3, 5, 5, 5, 5, 2)  # four hidden layers


def of_depth(depth, of=4, activation="relu", name="sgd", live=None, **how):
    """A network of so many hidden layers, of as many that there may be."""

    @jax.jit
    def fitted(depth, live):
        room = (DEEP[0], *DEEP[1 : 1 + of], DEEP[-1])
        units = None if live is None else (None, *[live] * of, None)
        known = {"depth": depth, "live": units}
        net = mj.models.mlp(room, ACTIVATIONS[activation], **known, **how)
        data = mj.Data(POINTS[:, : room[0]], LABELS, mj.prefix(12, 12))
        return fit(net, data, mj.losses.cross_entropy, name)

    return fitted(depth, live)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "cosine"])
def test_layers_that_are_not_there_stay_zero_and_change_nothing(depth, activation):
    small = of_depth(None, depth, activation)
    large = of_depth(depth, 4, activation)
    for i, (before, after) in enumerate(zip(small, large, strict=True)):
        live, dead = after[:depth] + after[-1:], after[depth:-1]
        same_in_a_corner(before, live, places(before), within=1e-5 if i else 0)
        for a in jax.tree.leaves(dead):
            assert not np.frombuffer(np.asarray(a).tobytes(), np.uint8).any()


@pytest.mark.long
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_layers_that_are_not_there_change_nothing_in_double_precision(name):
    with jax.enable_x64(True):
        small = of_depth(None, 2, "sigmoid", name, live=3)[1]
        large = of_depth(2, 4, "sigmoid", name, live=3)[1]
        live = large[:2] + large[-1:]
        same_in_a_corner(small, live, places(small), within=1e-10)
        assert not any(np.asarray(a).any() for a in jax.tree.leaves(large[2:-1]))


def test_depths_that_do_not_fit_are_refused():
    for depth, widths in ((0, DEEP), (5, DEEP), (1, (3, 2)), (1, (3, 5, 6, 2))):
        with pytest.raises(ValueError, match="depth"):
            mj.models.mlp(widths, depth=depth)
    static = mj.models.mlp(DEEP, depth=2).init(jax.random.key(0))
    chex.assert_trees_all_equal(
        [*static[:2], static[-1]], mj.models.mlp((3, 5, 5, 2)).init(jax.random.key(0))
    )


def descent(net, lr, seed):
    """Twenty steps of a network on the points' first coordinates."""
    data = mj.Data(POINTS[:, :3], LABELS, mj.prefix(12, 12))
    loss = mj.losses.of_model(net.apply, mj.losses.cross_entropy)

    def observe(params):
        end = {"l2": mj.observables.l2(params)}
        return {"loss": mj.expect(partial(loss, params), data), **end}

    fitted = mj.train(loss, optax.sgd(lr), observe, (0, 20))
    return fitted(net.init(jax.random.key(seed)), data)


def deep_run(depth, width, lr, seed, *, max_depth, max_width):
    widths = (3, *[max_width] * max_depth, 2)
    live = (None, *[width] * max_depth, None)
    return descent(mj.models.mlp(widths, jnp.cos, live=live, depth=depth), lr, seed)


def test_depths_and_widths_are_one_program_that_is_each_ones_own(monkeypatch):
    monkeypatch.setattr(buckets, "PROGRAM_SECONDS", 1e9)
    axes = {"depth": [1, 2, 4], "width": [3, 6], "lr": [0.01, 0.1], "seed": range(2)}
    sweep = mj.Sweep(deep_run, **axes)
    assert len(sweep.plan().groups) == 1
    found = sweep.but(chex.assert_max_traces(deep_run, n=1)).compute()
    for depth in (1, 2, 4):
        alone = sweep.but(depth=[depth]).compute()
        for name in ("loss", "l2"):
            mine = found[name].sel(depth=[depth])
            np.testing.assert_allclose(mine, alone[name], rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("live", [(3, 5, 5), (5, 5, 5, 2), (3, 0, 5, 2)])
def test_live_counts_that_do_not_fit_are_refused(live):
    with pytest.raises(ValueError, match="live"):
        mj.models.mlp(ROOM, live=live)


def of_width(width, lr, seed, *, max_width):
    net = mj.models.mlp((3, max_width, 2), jnp.cos, live=(None, width, None))
    return descent(net, lr, seed)


def test_widths_of_an_mlp_are_one_program_that_is_each_ones_own():
    dials = {"lr": [0.01, 0.1], "seed": range(2)}
    sweep = mj.Sweep(of_width, width=[3, 5, 8], **dials)
    assert len(sweep.plan().groups) == 1
    found = sweep.but(chex.assert_max_traces(of_width, n=1)).compute()
    for width in (3, 5, 8):
        alone = mj.sweep(of_width, width=[width], **dials)
        for name in ("loss", "l2"):
            mine = found[name].sel(width=[width])
            np.testing.assert_allclose(mine, alone[name], rtol=1e-5, err_msg=name)


@pytest.mark.long
def test_settings_of_three_matrices_are_one_program():
    def run(graph, lr, seed, width, *, max_width):
        on, adamw = (graph, 1, width), optax.adamw(lr, weight_decay=0.1, eps=1e-4)
        shapes = {"max_width": max_width, "steps": 20}
        return family.three_matrices(*on, adamw, 0.3, seed, **shapes)

    def on(found, widths):
        dials = {"lr": [1e-3], "seed": range(2), "width": widths}
        names, inputs = list(map(str, found)), family.along("graph", found)
        return mj.Sweep(run, graph=names, inputs=inputs, **dials)

    sweep = on(GRAPHS, [3, 8])
    assert len(sweep.plan().groups) == 1
    whole = sweep.but(chex.assert_max_traces(run, n=1)).compute()
    for graph in GRAPHS[:2]:
        alone = on([graph], [8]).compute().squeeze(["graph", "width"])
        padded = whole.sel(graph=str(graph), width=8)
        same_as_alone(padded, alone, graph.nodes)


def of_graph(graph, lr, seed, width, *, max_width):
    return family.two_matrices(
        graph, 0, width, lr, 1.0, seed, max_width=max_width, model="tied", steps=100
    )


def on(found: list, widths: list) -> mj.Sweep:
    names = [str(graph) for graph in found]
    dials = {"lr": 0.01, "seed": range(2), "width": widths}
    return mj.Sweep(of_graph, graph=names, inputs=family.along("graph", found), **dials)


@pytest.mark.long
def test_graphs_and_widths_are_one_program_that_is_each_ones_own():
    sweep = on(GRAPHS, [3, 8])
    assert len(sweep.plan().groups) == 1
    found = sweep.but(chex.assert_max_traces(of_graph, n=1)).compute()
    for graph in GRAPHS:
        for width in (3, 8):
            alone = on([graph], [width]).compute().squeeze(["graph", "width"])
            padded = found.sel(graph=str(graph), width=width)
            same_as_alone(padded, alone, graph.nodes)


def same_as_alone(padded, alone, nodes):
    """Every quantity, in units of its largest entry; NaN past the graph's own.

    Roots of eigenvalues are compared by their squares, which is what is rounded.
    """
    roots = ("projection", "residual", "strength")
    turned = ("embedding", "eigenvector")  # up to the axes that a solver chooses
    for name in set(alone.data_vars) - {"status", "diverged_at", *turned}:
        mine, wanted = padded[name], alone[name]
        for d in {"eigen", "principal", "node", "next"} & set(mine.dims):
            past = mine.isel({d: slice(nodes, None)})
            assert bool(past.isnull().all()), name
            mine = mine.isel({d: slice(nodes)})
        mine = mine.transpose(*wanted.dims)
        mine, wanted = (mine**2, wanted**2) if name in roots else (mine, wanted)
        within = 1e-5 * max(float(abs(wanted).max()), 1e-3)
        np.testing.assert_allclose(mine, wanted, atol=within, err_msg=name)


@pytest.mark.long
def test_two_hundred_nodes_beside_fifteen():
    large = graphs.parse("nx:random_regular_graph:3:200")
    found = on([graphs.parse("cycle:15"), large], [4]).compute()
    alone = on([graphs.parse("cycle:15")], [4]).compute().squeeze(["graph", "width"])
    same_as_alone(found.sel(graph="cycle:15", width=4), alone, 15)
    assert bool(found.loss.notnull().all())


# --- buckets --------------------------------------------------------------------------


@given(
    sizes=st.lists(st.integers(1, 600), min_size=1, max_size=6, unique=True).map(
        sorted
    ),
    loads=st.lists(st.floats(0, 100), min_size=6, max_size=6),
)
@settings(deadline=None)
def test_buckets_are_the_cheapest_of_all(sizes, loads):
    def cost(ends):
        total, begin = 0.0, 0
        for end in ends:
            share = sizes[end - 1] / sizes[-1]
            total += buckets.PROGRAM_SECONDS + share * sum(loads[begin:end])
            begin = end
        return total

    inner = range(1, len(sizes))
    every = itertools.chain.from_iterable(
        itertools.combinations(inner, k) for k in range(len(sizes))
    )
    least = min(cost([*ends, len(sizes)]) for ends in every)
    chosen = buckets.cheapest(sizes, loads)
    assert cost([sizes.index(s) + 1 for s in chosen]) == pytest.approx(least)


@pytest.mark.long
def test_buckets_change_nothing_and_resume(tmp_path, monkeypatch):
    sweep = on(GRAPHS[:2], [3, 4, 20])
    whole = sweep.compute()
    monkeypatch.setattr(buckets, "PROGRAM_SECONDS", 1e-6)
    plan = sweep.plan()
    assert [g.shapes["max_width"] for g in plan.groups] == [3, 4, 20]
    assert "max_width=4" in str(plan)
    cut = sweep.compute(store=tmp_path)
    np.testing.assert_allclose(cut.loss, whole.loss, rtol=1e-5)
    monkeypatch.setattr(buckets, "PROGRAM_SECONDS", 4.0)
    on(GRAPHS[:2], [3, 4, 7, 20]).compute(store=tmp_path)  # in one bucket beside them
    xr.testing.assert_equal(sweep.compute(store=tmp_path).loss, cut.loss)


def test_a_bound_that_is_given_is_not_cut(monkeypatch):
    monkeypatch.setattr(buckets, "PROGRAM_SECONDS", 1e-6)
    plan = on(GRAPHS[:1], [3, 20]).but(max_width=20).plan()
    assert [g.shapes["max_width"] for g in plan.groups] == [20]
