"""Programs made ahead: those that runs need, once each, while earlier ones run."""

import json
import threading
from types import ModuleType

import jax
import pytest
import tiny
import xarray as xr
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli.launch import command
from memjax.engine.planned import plan as plans
from memjax.engine.run import program as programs
from memjax.engine.run import shelf
from memjax.engine.run.ahead import Ahead
from memjax.engine.run.calls import prepare
from memjax.engine.run.program import program

STEPS = (6, 7, 8)  # each is a program


@pytest.fixture
def lowered(monkeypatch):
    """The threads that programs are lowered in, one entry a program; none is known."""
    threads, real = [], programs.lower

    def told(*given):
        threads.append(threading.current_thread().name)
        return real(*given)

    monkeypatch.setattr(programs, "lower", told)
    monkeypatch.setattr(shelf, "place", lambda *_: None)
    program.cache_clear()
    yield threads
    program.cache_clear()


@pytest.mark.parametrize("float64", [False, True])
@pytest.mark.parametrize("seconds", [plans.CALL_SECONDS, 1e-6])
@pytest.mark.parametrize("stored", [False, True])
def test_what_is_prepared_is_what_runs(
    float64, seconds, stored, lowered, monkeypatch, tmp_path
):
    """Whole runs and segments of them, in memory and in a store."""
    monkeypatch.setattr(plans, "CALL_SECONDS", seconds)
    sweep = mj.Sweep(tiny.run, **{**tiny.AXES, "steps": STEPS}, float64=float64)
    whole = sweep.compute()
    program.cache_clear()
    lowered.clear()
    job = sweep.job()
    sweep.prepare(job=job)
    made = [*lowered]
    assert len(made) == len(STEPS)
    again = sweep.compute(job=job, store=tmp_path / "store" if stored else None)
    assert lowered == made
    xr.testing.assert_equal(again, whole)


def test_a_share_is_prepared_as_it_runs(lowered, tmp_path):
    sweep = mj.Sweep(tiny.run, **tiny.AXES)
    job = sweep.job()
    sweep.prepare(job=job, shard=(1, 3))
    assert len(lowered) == 1
    sweep.compute(job=job, shard=(1, 3), store=tmp_path / "store")
    assert len(lowered) == 1


def test_threads_that_need_a_program_make_it_once(lowered):
    job = mj.Sweep(tiny.run, **tiny.AXES).job()
    block = mj.Sweep(tiny.run, **tiny.AXES).plan(job=job).blocks[0]
    threads = [threading.Thread(target=prepare, args=(job, block)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lowered) == 1


def test_who_needs_a_program_waits_for_whoever_makes_it(lowered, monkeypatch):
    job = mj.Sweep(tiny.run, **tiny.AXES).job()
    block = mj.Sweep(tiny.run, **tiny.AXES).plan(job=job).blocks[0]
    begun, go_on, real = threading.Event(), threading.Event(), programs.lower

    def slow(*given):
        begun.set()
        go_on.wait(60)
        return real(*given)

    monkeypatch.setattr(programs, "lower", slow)
    maker = threading.Thread(target=prepare, args=(job, block))
    maker.start()
    begun.wait(60)
    threading.Timer(0.1, go_on.set).start()
    found = mj.Sweep(tiny.run, **tiny.AXES).compute(job=job)
    maker.join()
    assert len(lowered) == 1 and (found.status == "ok").all()


def pair() -> ModuleType:
    """An experiment of two sweeps of three programs each."""
    made = ModuleType("pair")
    made.__doc__, made.__file__ = "Two sweeps.", __file__

    def sweeps(lr: tuple = (0.1,)) -> dict[str, mj.Sweep]:
        main = mj.Sweep(tiny.run, **{**tiny.AXES, "steps": STEPS, "lr": lr})
        return {"main": main, "other": main.but(steps=tuple(s + 4 for s in STEPS))}

    made.sweeps = sweeps
    made.figure = lambda results: Figure()
    made.claims = lambda results: []
    return made


def test_a_command_makes_its_programs_beside_what_runs(lowered, tmp_path):
    """None twice, and what each sweep had of XLA's time is told."""
    out = tmp_path / "out"
    assert command(pair(), ["pair", f"--out={out}"]) == 0
    assert len(lowered) == 2 * len(STEPS)
    assert "memjax ahead" in lowered
    told = json.loads((out / "provenance.json").read_text())["sweeps"]
    assert all(told[name]["xla_seconds"] > 0 for name in ("main", "other"))


def test_what_is_stored_already_is_not_made(lowered, tmp_path):
    out = f"--out={tmp_path / 'out'}"
    assert command(pair(), ["pair", out]) == 0
    program.cache_clear()
    lowered.clear()
    assert command(pair(), ["pair", out]) == 0
    assert lowered == []
    assert command(pair(), ["pair", "--lr=0.1,0.2", out]) == 0
    assert lowered == ["MainThread"] * 2 * len(STEPS)


def test_pieces_are_done_in_order_until_one_fails():
    done = []
    pieces = [lambda: done.append(1), lambda: done.append(2), lambda: 1 / 0]
    ahead = Ahead([*pieces, lambda: done.append(4)])
    with ahead:
        ahead.join()
    assert done == [1, 2]


def test_nothing_is_begun_after_its_end():
    begun, go_on = threading.Event(), threading.Event()
    done = []

    def waits():
        begun.set()
        go_on.wait(60)
        done.append("at hand")

    with Ahead([waits, lambda: done.append("next")]):
        begun.wait(60)
        threading.Timer(0.1, go_on.set).start()
    assert done == ["at hand"]


def test_an_interrupt_waits_for_nothing():
    go_on = threading.Event()
    ahead = Ahead([lambda: go_on.wait(60)])
    with pytest.raises(KeyboardInterrupt), ahead:
        raise KeyboardInterrupt
    assert ahead.is_alive()
    go_on.set()
    ahead.join()


def test_settings_of_the_callers_own_thread_leave_all_to_it():
    done = []
    with jax.numpy_rank_promotion("allow"):
        ahead = Ahead([lambda: done.append(1)])
        with ahead:
            ahead.join()
    assert done == []


def test_where_programs_are_kept_is_known_while_another_is_made():
    machine = mj.Sweep(tiny.run, **tiny.AXES).job().machine
    asked = shelf.place("0", (), (), machine)
    assert asked is not None
    with shelf.anew():
        assert shelf.place("0", (), (), machine) == asked
