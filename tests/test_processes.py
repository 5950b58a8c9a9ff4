"""Several processes on one sweep, and one killed among them."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import xarray as xr

ROOT = Path(__file__).parents[1]
TINY = (
    "--size=5,9",
    "--seeds=4",
    "--width=4",
    "--steps=20",
    "--published=false",
    "--fit_seeds=0",
)


def start(out: Path, *flags: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "experiments.l2_vs_size", *TINY, f"--out={out}", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "JAX_NUM_CPU_DEVICES": "1", **environment},
    )


def finish(*processes: subprocess.Popen) -> list[str]:
    outputs = [p.communicate(timeout=600) for p in processes]
    codes = [p.returncode for p in processes]
    assert not any(codes), outputs
    return [out for out, _ in outputs]


def pair(out: Path) -> list[subprocess.Popen]:
    """Two processes of one `jax.distributed` job."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    flags = ("--distributed", f"--coordinator={address}", "--num_processes=2")
    return [start(out, *flags, f"--process_id={k}") for k in (0, 1)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> xr.Dataset:
    out = tmp_path_factory.mktemp("alone") / "run"
    finish(start(out))
    return xr.load_dataset(out / "results.nc")


def wait_for(out: Path, files: str, process: subprocess.Popen) -> None:
    """Wait until a process has written into the store of the main sweep."""
    while not list(out.glob(f"sweeps/main/{files}")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def assert_same(out: Path, alone: xr.Dataset) -> None:
    found = xr.load_dataset(out / "results.nc")
    xr.testing.assert_allclose(found, alone, rtol=1e-5)
    assert (found.status == "ok").all()


@pytest.mark.long
def test_two_processes_give_what_one_does(alone, tmp_path):
    out = tmp_path / "run"
    outputs = finish(*pair(out))
    assert any("figure:" in told for told in outputs)
    blocks = {p.name.split("-")[1] for p in out.glob("sweeps/main/block-*.npz")}
    assert blocks == {"0of2", "1of2"}
    assert_same(out, alone)


@pytest.mark.long
def test_a_killed_process_is_made_up_for(alone, tmp_path):
    out = tmp_path / "run"
    processes = pair(out)
    wait_for(out, "plan-1of2-*.json", processes[1])
    processes[1].send_signal(signal.SIGKILL)
    (first,) = finish(processes[0])  # which does not share its fate
    assert "this share is done" in first
    assert not (out / "results.nc").exists()
    finish(*pair(out))
    assert_same(out, alone)


@pytest.mark.long
def test_who_is_done_leaves_and_the_last_draws(alone, tmp_path):
    """No process holds its devices while others of the same job are at work."""
    out = tmp_path / "run"
    first, second = pair(out)
    wait_for(out, "plan-1of2-*.json", second)
    second.send_signal(signal.SIGSTOP)
    (told,) = finish(first)
    assert "this share is done" in told
    second.send_signal(signal.SIGCONT)
    (told,) = finish(second)
    assert "figure:" in told
    assert_same(out, alone)


@pytest.mark.long
def test_independent_shares_merge_and_slurm_tells_which(alone, tmp_path):
    out = tmp_path / "run"
    array = {"SLURM_ARRAY_TASK_COUNT": "2", "SLURM_ARRAY_TASK_MIN": "1"}
    (first,) = finish(start(out, **array, SLURM_ARRAY_TASK_ID="1"))
    assert "this share is done" in first
    assert not (out / "results.nc").exists()
    (last,) = finish(start(out, "--num_shards=2", "--shard_index=1"))
    assert "figure:" in last
    assert_same(out, alone)
    unsaid = start(out, "--num_shards=2")
    _, problem = unsaid.communicate()
    assert problem.strip() == "error: --shard_index: say which of the shares 0 to 1"
    wrong = start(out, "--num_shards=2", "--shard_index=2")
    _, problem = wrong.communicate()
    assert wrong.returncode == 1
    assert problem.strip() == "error: --shard_index: must be 0 to 1, got 2"
