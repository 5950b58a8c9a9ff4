"""A sweep on the workers of a dask scheduler, one of which is killed in its midst."""

import json
import os
import signal
import socket
import threading
import time
from pathlib import Path

import cloudpickle
import pytest
import tiny
import xarray as xr

import memjax as mj
from experiments import l2_vs_size
from memjax.cli.folder import Folder
from memjax.cli.launch import command
from memjax.engine.asked.settings import precisely
from memjax.engine.kept import cluster
from memjax.engine.kept.store import Shard, Store
from memjax.engine.planned import plan as plans

AXES = {**tiny.AXES, "seed": range(6)}  # 48 runs


@pytest.fixture
def many_blocks(monkeypatch):
    monkeypatch.setattr(plans, "STATE_BYTES", 1)


def same(a: xr.Dataset, b: xr.Dataset) -> None:
    """The same bits, whatever is NaN included."""
    xr.testing.assert_identical(a.drop_attrs(), b.drop_attrs())


def planned(sweep: mj.Sweep, folder: Path):
    """A store with the plan of a sweep, its question, and the blocks."""
    with precisely(False):
        job, store = sweep.job(), Store(folder, Shard(0, 1))
        with store.opened(job.question()):
            plan = sweep.plan(job=job)
            for group in plan.groups:
                store.keep_trace(group)
            store.add_plan(job, plan)
        return store, job.question(), store.planned()


def test_a_worker_computes_a_block_of_the_plan_as_this_process_does(
    many_blocks, tmp_path
):
    sweep = mj.Sweep(tiny.run, **AXES)
    store, question, blocks = planned(sweep, tmp_path)
    assert len(blocks) > 3
    for block in blocks:  # as a worker does, in this process
        found = cluster.computed(cloudpickle.dumps(sweep), question, block)
        store.blocks.finish(block.name, cluster.unpack(*found[:2]))
    same(sweep.read(tmp_path), sweep.compute())


def test_a_worker_refuses_another_question(many_blocks, tmp_path):
    sweep = mj.Sweep(tiny.run, **AXES)
    _, question, (block, *_) = planned(sweep, tmp_path)
    other = cloudpickle.dumps(sweep.but(another))
    with pytest.raises(mj.Refused, match="its run computes something else"):
        cluster.computed(other, question, block)
    text = cloudpickle.dumps(sweep)
    old = {**question, "versions": {**question["versions"], "jax": "0.1"}}
    with pytest.raises(mj.Refused, match=r"versions\.jax: 0\.1 is now"):
        cluster.computed(text, old, block)
    with pytest.raises(mj.Refused, match="7 devices are"):
        cluster.computed(
            text, question, block._replace(machine={**block.machine, "devices": 7})
        )


def another(size, lr, wd, init_scale, seed, *, capacity, steps):
    return tiny.run(size, 2 * lr, wd, init_scale, seed, capacity=capacity, steps=steps)


def test_a_client_needs_a_store():
    with pytest.raises(mj.BadValue, match="client: needs a store"):
        mj.Sweep(tiny.run, **AXES).compute(client=object())


@pytest.mark.long
def test_a_killed_worker_changes_nothing(many_blocks, tmp_path):
    from distributed import Client, LocalCluster

    sweep = mj.Sweep(tiny.run, **{**AXES, "seed": range(24), "steps": 200})
    whole = sweep.compute(store=tmp_path / "alone")
    store, killed = tmp_path / "cluster", []
    with LocalCluster(2, threads_per_worker=1, dashboard_address=None) as local:
        with Client(local) as client:
            pids = client.run(os.getpid)

            def kill() -> None:
                while not list(store.glob("block-*.npz")):
                    time.sleep(0.01)
                killed.append(len(list(store.glob("block-*.npz"))))
                os.kill(next(iter(pids.values())), signal.SIGKILL)

            killer = threading.Thread(target=kill)
            killer.start()
            found = sweep.compute(store=store, client=client)
            killer.join()
    blocks = len(list(store.glob("block-*.npz")))
    assert 0 < killed[0] < blocks
    same(found, whole)
    assert not list(store.glob("state-*"))


@pytest.mark.long
def test_a_command_has_a_scheduler_compute(tmp_path, capsys):
    from distributed import LocalCluster

    tiny = ["--size=5,9", "--seeds=2", "--width=4", "--steps=20", "--nopublished"]
    asked = ["l2_vs_size", *tiny, "--fit_seeds=0"]
    with LocalCluster(1, threads_per_worker=1, dashboard_address=None) as local:
        there = f"--scheduler={local.scheduler_address}"
        assert command(l2_vs_size, [*asked, there, f"--out={tmp_path / 'there'}"]) == 0
    assert command(l2_vs_size, [*asked, f"--out={tmp_path / 'here'}"]) == 0
    found, right = (Folder(tmp_path / name).load() for name in ("there", "here"))
    assert found is not None and right is not None
    same(found["main"], right["main"])
    assert json.loads(found["main"].attrs["provenance"])["run_seconds"] > 0


@pytest.mark.long
def test_a_scheduler_that_is_not_there_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    assert command(l2_vs_size, ["l2_vs_size", f"--scheduler={address}"]) == 1
    problem = capsys.readouterr().err
    assert problem.startswith(f"error: --scheduler: no scheduler answers at {address}")
    assert len(problem.splitlines()) == 1
