"""What would be wrong in silence is said, refused or computed again."""

import functools
import gzip
import json
import random
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import chex
import flax.linen as nn
import jax
import jax.interpreters.batching
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import tiny

import memjax as mj
from memjax.engine.kept import padding, resume
from memjax.engine.kept.provenance import git_state
from memjax.engine.run.program import program


class Net(nn.Module):
    hidden: int

    @nn.compact
    def __call__(self, x):
        return nn.Dense(1)(nn.relu(nn.Dense(self.hidden)(x)))


def norm_of(model: mj.Model):
    def run(seed):
        return {"l2": mj.observables.l2(model.init(jax.random.key(seed)))}

    return run


def test_a_store_never_answers_for_another_model(tmp_path):
    small, large = (mj.models.linen(Net(h), jnp.zeros(3)) for h in (8, 512))
    found = mj.sweep(norm_of(small), seed=[0], store=tmp_path)
    assert found.l2.item() == pytest.approx(2.449, abs=1e-3)
    with pytest.raises(mj.Refused, match="answers another question"):
        mj.sweep(norm_of(large), seed=[0], store=tmp_path)
    elsewhere = mj.sweep(norm_of(large), seed=[0], store=tmp_path / "large")
    assert elsewhere.l2.item() == pytest.approx(22.5, abs=0.05)


class Study:
    """A run that is a method."""

    def __init__(self, k: float) -> None:
        self.k = k

    def run(self, a):
        return {"y": a * self.k}


def test_a_field_that_changes_is_noticed_in_memory_and_in_a_store(tmp_path):
    study = Study(2.0)
    assert mj.sweep(study.run, a=[1.0], store=tmp_path).y == 2
    study.k = 3.0
    assert mj.sweep(study.run, a=[1.0]).y == 3
    with pytest.raises(mj.Refused):
        mj.sweep(study.run, a=[1.0], store=tmp_path)


def activation(a, *, f):
    return {"y": f(a)}


def test_functions_on_an_axis_have_names_of_their_own(tmp_path):
    for pair in ([lambda x: 3 * x, lambda x: 4 * x], [Study(1.0), Study(2.0)]):
        with pytest.raises(
            mj.BadValue, match=r"f: .* no name for a value.*mj.labelled"
        ):
            mj.sweep(activation, a=[1.0], f=pair)

    def make(k):
        def scaled(x):
            return k * x

        return scaled

    with pytest.raises(mj.BadValue, match="f: scaled is the name of two values"):
        mj.sweep(activation, a=[1.0], f=[make(3), make(4)])
    named = mj.labelled(three=make(3), four=lambda x: 4 * x)
    found = mj.sweep(activation, a=[1.0], f=named, store=tmp_path)
    assert found.f.values.tolist() == ["three", "four"]
    assert found.y.values.tolist() == [[3.0, 4.0]]
    only = mj.labelled(three=lambda x: x * 30)
    with pytest.raises(mj.Refused):
        mj.sweep(activation, a=[1.0], f=only, store=tmp_path)
    plain = mj.sweep(activation, a=[1.0], f=[jnp.sin, jnp.tanh])
    assert plain.f.values.tolist() == ["sin", "tanh"]


def test_a_lambda_that_is_fixed_is_part_of_the_question(tmp_path):
    mj.sweep(activation, a=[1.0], f=lambda x: x, store=tmp_path)
    assert mj.sweep(activation, a=[1.0], f=lambda x: 1 * x, store=tmp_path / "b").y == 1
    with pytest.raises(mj.Refused):
        mj.sweep(activation, a=[1.0], f=lambda x: 2 * x, store=tmp_path)


class Doubler:
    def __call__(self, a):
        return {"y": 2 * a}


def test_partial_functions_and_callable_objects_are_runs(tmp_path):
    part = functools.partial(lambda a, b: {"y": a * b}, b=3.0)
    for run, expected in ((part, 3), (Doubler(), 2), (jax.jit(Doubler()), 2)):
        assert mj.sweep(run, a=[1.0]).y == expected
    mj.sweep(Doubler(), a=[1.0], store=tmp_path)
    assert mj.sweep(Doubler(), a=[1.0], store=tmp_path).run == "Doubler"
    with pytest.raises(mj.Refused):
        mj.sweep(part, a=[1.0], store=tmp_path)


def test_a_damaged_question_is_refused(tmp_path):
    mj.sweep(Doubler(), a=[1.0], store=tmp_path)
    (tmp_path / "question.json").write_text("{")
    with pytest.raises(mj.Refused, match="is damaged"):
        mj.sweep(Doubler(), a=[1.0], store=tmp_path)


def test_values_of_any_kind_are_an_axis_by_name():
    def run(a, *, c):
        return {"y": a * c["k"]}

    with pytest.raises(mj.BadValue, match=r"got a dict; name others: c=mj.labelled"):
        mj.sweep(run, a=[1.0], c=[{"k": 1}, {"k": 2}])
    found = mj.sweep(run, a=[1.0], c=mj.labelled(one={"k": 1}, two={"k": 2}))
    assert found.y.sel(c="two").item() == 2


# --- traces and programs ------------------------------------------------------------


@pytest.mark.long
def test_one_trace_a_call_and_one_more_for_a_stored_bound(tmp_path):
    calls = []

    def run(size, lr, wd, init_scale, seed, *, capacity, steps):
        calls.append(capacity)
        return tiny.run(size, lr, wd, init_scale, seed, capacity=capacity, steps=steps)

    def made(**changes):
        calls.clear()
        before = program.cache_info().misses
        mj.sweep(run, **{**tiny.AXES, "wd": 0.25, **changes}, store=tmp_path)
        return list(calls), program.cache_info().misses - before

    assert made() == ([12], 1)
    assert made() == ([12], 0)  # loaded: traced, to be sure of it
    assert made(lr=[1e-3, 1e-2, 0.1])[0] == [12]
    # At the new bound for what is missing, at the old one for what is there; one
    # program for the lanes, and one for the lane that is computed again.
    assert made(size=[5, 12, 20]) == ([12, 20], 2)
    assert made(size=[5, 12, 20])[0] == [12, 20]


def test_unchanged_runs_compile_nothing_again():
    def sweep():
        return mj.Sweep(tiny.run, **{**tiny.AXES, "wd": 0.125}).compute()

    first = sweep()
    before = program.cache_info().misses
    assert sweep().loss.equals(first.loss)
    assert program.cache_info().misses == before


def test_a_prefix_of_sizes_is_read_without_running(tmp_path, monkeypatch):
    whole = mj.sweep(tiny.run, **tiny.AXES, store=tmp_path)

    def refuse(*_: object) -> None:
        raise AssertionError("nothing is left to run")

    monkeypatch.setattr(resume, "run_block", refuse)
    monkeypatch.setattr(padding, "first_legs", refuse)
    part = mj.sweep(tiny.run, **{**tiny.AXES, "size": [5]}, store=tmp_path)
    assert part.loss.equals(whole.loss.sel(size=[5]))


def test_inputs_along_an_axis_may_grow_with_it(tmp_path):
    def run(size, row):
        return {"s": row.sum() * size}

    rows = np.arange(6.0).reshape(3, 2)
    inputs = {"row": mj.per("size", rows[:2])}
    mj.sweep(run, size=[1, 2], inputs=inputs, store=tmp_path)
    grown = mj.sweep(
        run, size=[1, 2, 3], inputs={"row": mj.per("size", rows)}, store=tmp_path
    )
    assert grown.s.values.tolist() == [1, 10, 27]
    assert len(list(tmp_path.glob("block-*"))) == 2


# --- purity -------------------------------------------------------------------------


def unseeded() -> float:
    return np.random.default_rng().normal()


@pytest.mark.parametrize("draw", [np.random.rand, random.random, unseeded])
def test_draws_of_the_host_are_refused(draw):
    with pytest.raises(mj.BadValue, match=r"draws from .*random.*, once for all runs"):
        mj.sweep(lambda seed: {"u": seed + draw()}, seed=[0, 1])


def test_a_generator_with_a_seed_is_a_constant():
    def run(seed):
        return {"u": seed + np.random.default_rng(0).normal()}

    found = mj.sweep(run, seed=[0, 1]).u.values
    np.testing.assert_allclose(found, np.random.default_rng(0).normal() + np.arange(2))


def test_draws_of_other_threads_are_none_of_the_run(tmp_path):
    done = threading.Event()

    def draw():
        while not done.is_set():
            random.random()
            time.sleep(1e-4)

    other = threading.Thread(target=draw)
    other.start()
    try:
        found = mj.sweep(tiny.run, **tiny.AXES)
        with pytest.raises(mj.BadValue, match=r"draws from random, once for all runs"):
            mj.sweep(lambda seed: {"u": seed + random.gauss()}, seed=[0, 1])
    finally:
        done.set()
        other.join()
    assert found.equals(mj.sweep(tiny.run, **tiny.AXES))


def shout(x):
    jax.debug.print("{}", x)
    return x


def ask_the_host(x):
    return jax.pure_callback(lambda v: v, jax.ShapeDtypeStruct((), jnp.float32), x)


@pytest.mark.parametrize("impure", [shout, ask_the_host])
def test_callbacks_and_effects_are_refused(impure):
    with pytest.raises(mj.BadValue, match="is not pure, it holds"):
        mj.sweep(lambda a: {"y": impure(a)}, a=[1.0])


def test_what_has_no_stable_text_is_refused():
    strange = jax.extend.core.Primitive("strange")
    strange.def_abstract_eval(lambda x: x)
    batchers = jax.interpreters.batching.primitive_batchers
    batchers[strange] = lambda values, axes: (strange.bind(*values), axes[0])
    with pytest.raises(TypeError, match="no stable text for the primitive strange"):
        mj.Sweep(lambda a: {"y": strange.bind(a)}, a=[1.0]).identity()


def test_arrays_that_are_closed_over_are_named():
    large = np.ones((1200, 1000), np.float32)
    with pytest.warns(UserWarning, match=r"closes over 5 MiB.*inputs="):
        mj.sweep(lambda a: {"y": a * jnp.asarray(large).sum()}, a=[1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mj.sweep(lambda a, x: {"y": a * x.sum()}, a=[1.0], inputs={"x": large})


# --- stores -------------------------------------------------------------------------


def test_two_threads_on_one_store_one_works_and_the_other_is_told(tmp_path):
    inside, done = threading.Event(), threading.Event()
    told: list[str] = []

    def slow(a):
        inside.set()
        done.wait(30)
        return {"y": a}

    def first():
        mj.sweep(slow, a=[1.0], store=tmp_path)

    def second():
        inside.wait(30)
        try:
            mj.sweep(lambda a: {"y": a}, a=[1.0], store=tmp_path)
        except mj.Refused as refused:
            told.append(str(refused))
        done.set()

    threads = [threading.Thread(target=f) for f in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1
    assert "another process is at work" in told[0]


def rewritten(store: Path, **changes: object) -> None:
    file = store / "question.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"format": 1}, "older memjax \\(format 1\\)"),
        ({"versions": {"jax": "0.1"}}, "other versions \\(jax 0.1\\)"),
    ],
)
def test_an_older_store_is_read_with_a_word_and_never_mixed(tmp_path, changes, word):
    sweep = mj.Sweep(tiny.run, **tiny.AXES)
    kept = sweep.compute(store=tmp_path)
    rewritten(tmp_path, **changes)
    with pytest.warns(UserWarning, match=word):
        assert sweep.read(tmp_path).loss.equals(kept.loss)
    with pytest.raises(mj.Refused):
        sweep.compute(store=tmp_path)


def test_a_lost_record_of_a_trace_is_no_reason_to_trust(tmp_path):
    mj.sweep(lambda a: {"y": 2 * a}, a=[1.0], store=tmp_path)
    (record,) = tmp_path.glob("trace-*.json.gz")
    record.write_bytes(gzip.compress(b"{}")[:9])
    assert mj.sweep(lambda a: {"y": 2 * a}, a=[1.0], store=tmp_path).y == 2
    with pytest.raises(mj.Refused, match="the record of it is lost"):
        mj.sweep(lambda a: {"y": 3 * a}, a=[1.0], store=tmp_path)


def test_a_folder_of_results_says_where_its_sweeps_lie(tmp_path):
    sweep = mj.Sweep(lambda a: {"y": 2 * a}, a=[1.0])
    sweep.compute(store=tmp_path / "sweeps" / "main")
    with pytest.raises(mj.Refused, match=r"holds no sweep; look in .*sweeps/main"):
        sweep.read(tmp_path)


# --- snapshots ----------------------------------------------------------------------


def layered(seed, lr, *, depth, width):
    model = mj.models.mlp((2, *[width] * depth, 1))
    data = mj.Data(jnp.ones((3, 2)), jnp.ones((3, 1)), jnp.ones(3) / 3)
    loss = lambda p, x, y: mj.losses.square(model.apply(p, x), y)  # noqa: E731
    legs = mj.train(loss, optax.sgd(lr), lambda p: {"l2": mj.observables.l2(p)}, (0, 2))
    return legs(model.init(jax.random.key(seed)), data)


@pytest.mark.long
def test_snapshots_over_shapes_have_each_its_own(tmp_path):
    sweep = mj.Sweep(layered, seed=[0, 1], lr=[0.1], depth=[1, 2], width=[3, 5])
    snapshots = sweep.snapshots([2], seed=1)
    params = snapshots.at(depth=2, width=3)
    assert [p["w"].shape for p in params] == [(2, 3), (3, 3), (3, 1)]
    assert [p["w"].shape for p in snapshots.at(depth=1, width=5)] == [(2, 5), (5, 1)]
    norm = sweep.compute().l2.sel(seed=1, depth=2, width=3, step=2)
    np.testing.assert_allclose(mj.observables.l2(params), norm.squeeze(), rtol=1e-5)
    names = snapshots.parts[-1].leaves.data_vars
    assert {"params.0.w", "params.2.b"} <= set(names)
    with pytest.raises(mj.BadValue, match="width: say which one"):
        snapshots.at(depth=2)
    snapshots.save(tmp_path / "s.nc")

    def like(depth, width):
        return mj.models.mlp((2, *[width] * depth, 1)).init(jax.random.key(0))

    loaded = mj.Snapshots.load(tmp_path / "s.nc", like)
    chex.assert_trees_all_equal(loaded.at(depth=2, width=3), params)


# --- what tracing goes through ------------------------------------------------------


def test_tracing_has_room_on_the_stack_and_errors_pass():
    rooms = []

    def run(x):
        frame = sys._getframe()
        while frame is not None:
            rooms.append(frame.f_code.co_stacksize)
            frame = frame.f_back
        return {"y": x}

    assert mj.sweep(run, x=[1.0, 2.0]).y.values.tolist() == [1.0, 2.0]
    assert max(rooms) == 2**16
    with pytest.raises(ZeroDivisionError):
        mj.sweep(lambda x: {"y": x + 1 // 0}, x=[1.0])


# --- provenance ---------------------------------------------------------------------


def test_provenance_names_the_file_of_the_run_and_what_it_reached(tmp_path):
    results = mj.sweep(tiny.run, **tiny.AXES)
    told = json.loads(results.attrs["provenance"])
    assert "def run(" in told["source"]["tiny.run"]
    assert "cross_entropy" in told["source"]["tiny.loss"]
    assert len(told["fingerprints"]) == 1
    assert {"trace_seconds", "fingerprint_seconds"} <= told.keys()
    assert told["date"][:2] == "20"
    assert told["devices"]
    assert len(told["host"]) == 8
    assert told["git"]["commit"] == git_state(Path(tiny.__file__))["commit"]


def test_the_state_of_a_file_is_that_of_its_own_repository(tmp_path):
    def git(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True)

    script = tmp_path / "study.py"
    script.write_text("x = 1\n")
    assert git_state(script) == {"commit": None, "dirty": None}
    git("init", "-q")
    assert git_state(script) == {"commit": None, "dirty": "untracked"}
    git("add", ".")
    assert git_state(script) == {"commit": None, "dirty": True}
    git("commit", "-qm", "one")
    assert git_state(script)["dirty"] is False
    script.write_text("x = 2\n")
    assert git_state(script)["dirty"] is True
    assert len(git_state(script)["commit"]) == 40
