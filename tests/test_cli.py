"""The command: as a process of its own, and where that says no more, in this one."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
import types
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import matplotlib.image
import pytest
import xarray as xr

import memjax as mj
from experiments import l2_vs_size
from memjax.cli.folder import Folder
from memjax.cli.launch import command

ROOT = Path(__file__).parents[1]
TINY = (
    "--size=5,9",
    "--lr=1e-3,3e-3",
    "--seeds=2",
    "--width=4",
    "--steps=20",
    "--published=false",
    "--fit_seeds=0",
)
FILES = {
    "results.nc",
    "claims.json",
    "provenance.json",
    "flags.txt",
    "figure.png",
    "figure.pdf",
    "report.html",
    "question.json",
    "sweeps",
}


def run(*flags: str, cwd: Path = ROOT, module: str = "experiments.l2_vs_size"):
    return subprocess.run(
        [sys.executable, "-m", module, *flags],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def here(*flags: str, cwd: Path = ROOT):
    """The same in this process, which has JAX and its programs at hand."""
    out, err = StringIO(), StringIO()
    with chdir(cwd), redirect_stdout(out), redirect_stderr(err):
        code = command(l2_vs_size, ["l2_vs_size", *flags])
    arguments = ["l2_vs_size", *flags]
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("results") / "run"
    ran = run(*TINY, f"--out={out}")
    assert ran.returncode == 0, ran.stderr
    assert f"figure: {out / 'figure.png'}" in ran.stdout
    assert "published 15 not judged" in ran.stdout
    return out


def test_a_command_leaves_its_files(finished):
    assert {p.name for p in finished.iterdir()} == FILES
    results = xr.open_dataset(finished / "results.nc")
    names = {"train_loss", "test_loss", "train_accuracy", "test_accuracy", "weight_l2"}
    assert names <= set(results.data_vars)
    assert results.sizes["size"] == results.sizes["lr"] == results.sizes["seed"] == 2
    assert results.step.values.tolist() == [0, 10, 20]
    assert matplotlib.image.imread(finished / "figure.png").std() > 0
    records = json.loads((finished / "claims.json").read_text())
    keys = {"name", "published", "measured", "holds", "source"}
    assert all(keys <= set(r) for r in records)
    assert all(r["holds"] is None for r in records)  # the tiny grid covers none
    record = json.loads((finished / "provenance.json").read_text())
    assert len(record["sweeps"]["main"]["fingerprints"]) == 1
    assert "l2_vs_size.run" in record["sweeps"]["main"]["source"]
    assert "--steps=20" in record["flags"]
    assert record["sweeps"]["main"]["compile_seconds"] > 0


def test_asked_again_it_is_loaded(finished):
    before = (finished / "results.nc").stat().st_mtime_ns
    again = here(f"--flagfile={finished / 'flags.txt'}", f"--out={finished}")
    assert again.returncode == 0, again.stderr
    assert "loaded" in again.stdout
    assert (finished / "results.nc").stat().st_mtime_ns == before


def test_a_figure_is_drawn_again_without_running(finished):
    (finished / "figure.png").unlink()
    drawn = here("--plot_only", f"--out={finished}")
    assert drawn.returncode == 0, drawn.stderr
    assert (finished / "figure.png").exists()


def test_another_question_is_refused(finished):
    refused = here(*TINY, "--steps=30", f"--out={finished}")
    assert refused.returncode == 4
    assert one_line(refused.stderr)
    assert "main.steps: 20 is now 30" in refused.stderr


@pytest.mark.parametrize("at", [1, 2])
def test_a_process_that_begins_meanwhile_is_not_in_the_way(at, tmp_path, monkeypatch):
    first, second = Folder(tmp_path), Folder(tmp_path)
    look, looks = second._sweeps, itertools.count(1)

    def looked():
        seen = look()
        if next(looks) == at:
            first.claim({}, resume=True, overwrite=False)
            first.write_text("flags.txt", "")
        return seen

    monkeypatch.setattr(second, "_sweeps", looked)
    second.claim({}, resume=True, overwrite=False)


def test_results_are_not_touched_without_resume(finished):
    refused = here(*TINY, "--noresume", f"--out={finished}")
    assert refused.returncode == 4
    assert "--resume" in refused.stderr


def test_a_dry_run_prints_the_plan_and_leaves_nothing(tmp_path):
    told = here(*TINY, "--dry_run", cwd=tmp_path)
    assert told.returncode == 0
    for word in ("size: 5, 9", "8 runs", "chunks of", "steps=20", "about", "results/"):
        assert word in told.stdout, told.stdout
    assert not list(tmp_path.iterdir())


def test_a_dry_run_can_be_for_another_machine(tmp_path):
    told = here(*TINY, "--dry_run", "--machine=h100", cwd=tmp_path)
    assert told.returncode == 0
    assert "on 1 NVIDIA H100 80GB HBM3\n" in told.stdout
    assert "of 47.5 GiB of a device's memory" in told.stdout
    assert not list(tmp_path.iterdir())


def test_a_diverged_run_is_told_and_can_fail_the_command(tmp_path):
    wild = [*TINY, "--lr=1e-3,1e30", "--fail_on_diverged", f"--out={tmp_path / 'run'}"]
    ran = here(*wild)
    assert ran.returncode == 3
    assert "4 runs diverged" in ran.stdout
    results = xr.open_dataset(tmp_path / "run" / "results.nc")
    assert (results.status.sel(lr=1e30) == "diverged").all()
    assert (results.diverged_at.sel(lr=1e30) == 10).all()
    assert (results.status.sel(lr=1e-3) == "ok").all()


# A suite started in the background hands down that interrupts are ignored.
HEARING = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("experiments.l2_vs_size", None, "__main__", True)
"""


@pytest.mark.long
def test_an_interrupt_keeps_what_is_finished(tmp_path):
    out = tmp_path / "run"
    long = ("--size=50:800:5", "--seeds=20", *TINY[-2:], f"--out={out}")
    process = subprocess.Popen(
        [sys.executable, "-c", HEARING, *long],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    while not list(out.glob("sweeps/main/[bs]*.npz")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, problem = process.communicate(timeout=60)
    assert process.returncode == 130
    assert one_line(problem), problem
    assert "the same command goes on" in problem
    assert list(out.glob("sweeps/main/[bs]*.npz"))
    assert not (out / "results.nc").exists()


def one_line(text: str) -> bool:
    return len(text.strip().splitlines()) == 1


REFUSED = {
    "an unknown flag": (["--siez=5"], 1, r"--siez: .*did you mean --size"),
    "a bad value": (["--lr=fast"], 1, r"--lr: needs a number, got 'fast'"),
    "an empty axis": (["--lr="], 1, r"--lr: .*at least one value"),
    "size 0": (["--size=0,5"], 1, r"--size: must be at least 1, got 0"),
    "half a point": (["--size=1.5"], 1, r"--size: needs whole numbers, got 1.5"),
    "no seeds": (["--seeds=0"], 1, r"--seeds: needs at least one seed"),
    "stray words": (["--lr=1e-3,", "3e-3"], 1, r"stray words .*3e-3"),
    "a file for a folder": (["--out=a_file/results"], 1, r"--out: cannot write"),
    "a negative size": (["--size=-5"], 1, r"--size: must be at least 1, got -5"),
    "a negative seed": (["--seeds=-1,2"], 1, r"--seeds: must be 0 or more"),
    "a seed twice": (["--seeds=1,1"], 1, r"--seeds: .*each value once"),
    "a bad law": (["--prior=normal"], 1, r"--prior: .*not normal"),
    "a bad scalar": (["--steps=ten"], 1, r"--steps: needs a number"),
    "a bad switch": (
        ["--published=perhaps"],
        1,
        r"--published: needs true or false, got perhaps$",
    ),
    "seeds of a fit": (["--fit_seeds=-1"], 1, r"--fit_seeds: .* got -1"),
    "a file to write to": (["--out=a_file"], 1, r"--out: a_file is a file, not a"),
    "more than a sweep has": (
        ["--size=1:9999:9999", "--seeds=9999", "--max_runs=0"],
        1,
        r"error: a grid of \d+ runs is more than the 10000000 .* ask for parts",
    ),
    "a bad chunk": (["--chunk=-1"], 1, r"--chunk: must be 0 or more"),
    "an unknown machine": (
        ["--dry_run", "--machine=h1000"],
        1,
        r"--machine: h1000 is not known; there is h100",
    ),
    "a machine to run on": (["--machine=h100"], 1, r"--machine: .*add --dry_run"),
    "no flag file": (
        ["--flagfile=nowhere.txt"],
        1,
        r"--flagfile: .*read: No such.*nowhere",
    ),
    "nothing to draw": (["--plot_only"], 1, r"--plot_only: no results"),
    "other files there": (["--out=."], 4, r"--out: .*not results"),
    "a share over all": (
        ["--overwrite", "--num_shards=2", "--shard_index=0"],
        1,
        r"--overwrite: 2 processes",
    ),
    "too many runs": (["--max_runs=5"], 4, r"--max_runs: 190 runs"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case, tmp_path):
    flags, code, problem = REFUSED[case]
    (tmp_path / "a_file").touch()
    ran = here(*flags, cwd=tmp_path)
    assert re.search(problem, ran.stderr)
    assert one_line(ran.stderr), ran.stderr
    assert ran.returncode == code
    assert ran.stdout == ""
    assert {p.name for p in tmp_path.iterdir()} == {"a_file"}


@pytest.mark.long
def test_a_reader_that_has_seen_enough_is_no_error(tmp_path):
    line = f"{sys.executable} -m experiments.l2_vs_size --dry_run --out={tmp_path}"
    ended = subprocess.run(
        f"{line} | head -n 1", shell=True, capture_output=True, text=True
    )
    assert ended.stdout.count("\n") == 1 and not ended.stderr


@pytest.mark.long
def test_a_process_that_is_refused_ends_in_one_line(tmp_path):
    ran = run("--siez=5", "--lr=fast", cwd=tmp_path)
    assert one_line(ran.stderr), ran.stderr
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert not list(tmp_path.iterdir())


def test_help_lists_every_flag():
    shown = run("--help")
    assert shown.returncode == 0
    for flag in ("--size=50,100", "--seeds=4", "--out", "--plot_only", "--flagfile"):
        assert flag in shown.stdout
    assert "learning rates of AdamW" in shown.stdout


def test_the_list_of_experiments():
    shown = run(module="experiments")
    assert shown.returncode == 0
    assert "python -m experiments.…" in shown.stdout
    assert "l2_vs_size" in shown.stdout
    assert "weight norm" in shown.stdout


OWN = '''
"""Doubling doubles.

Command: python -m mine
"""
import memjax as mj
from matplotlib.figure import Figure
from memjax.cli import launch


def run(a, seed):
    return {"twice": 2 * a}


def sweeps(a=(1.0, 2.0), seeds=range(1)):
    """a: what to double"""
    return {"main": mj.Sweep(run, a=a, seed=seeds)}


def figure(results):
    canvas = Figure()
    canvas.subplots().plot(results["main"].a, results["main"].twice.isel(seed=0))
    return canvas


def claims(results):
    last = results["main"].twice.isel(a=-1, seed=0)
    return [mj.Claim("twice the last", 8.0, float(last), "arithmetic")]


if __name__ == "__main__":
    launch(__name__)
'''


def test_an_experiment_of_ones_own_is_a_command(tmp_path):
    (tmp_path / "mine.py").write_text(OWN)
    ran = run("--a=1,4", cwd=tmp_path, module="mine")
    assert ran.returncode == 0, ran.stderr
    (found,) = (tmp_path / "results" / "mine").iterdir()
    assert {p.name for p in found.iterdir()} == FILES
    assert json.loads((found / "claims.json").read_text())[0]["holds"] is True


def test_fewer_runs_than_before_are_told(tmp_path):
    out = f"--out={tmp_path / 'run'}"
    assert here(*TINY, out).returncode == 0
    less = here(*TINY, "--lr=1e-3", out)
    assert less.returncode == 0, less.stderr
    assert "main: results.nc is without 4 runs that it had; they stay in" in less.stdout
    assert "without" not in here(*TINY, out).stdout  # which brings them back


def test_a_dry_run_says_what_would_be_refused(finished):
    told = here(*TINY, "--steps=30", "--dry_run", f"--out={finished}")
    assert told.returncode == 0
    assert "--out would refuse, for it differs: main.steps: 20 is now 30" in told.stdout
    assert "refuse" not in here(*TINY, "--dry_run", f"--out={finished}").stdout


CONTRACT = {
    "figure = None": "nothing has no function figure",
    "def sweeps(): return {}": "sweeps() has no main",
    "own = sweeps\ndef sweeps(): return own() | {'a': own()['main']}": "the sweep a is",
}


@pytest.mark.parametrize("change", CONTRACT)
def test_what_is_no_experiment_is_refused_before_it_runs(change, tmp_path, capsys):
    module = types.ModuleType("nothing")
    module.__file__ = "nothing.py"
    exec(OWN.replace("launch(__name__)", "pass"), module.__dict__)
    exec(change, module.__dict__)
    with chdir(tmp_path):
        assert command(module, ["nothing"]) == 1
    assert CONTRACT[change] in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


HEAD = "claim,kind,published,within,of,at,source,reason\n"
TABLES = {
    "none": (None, r"there is no table .*nothing\.csv"),
    "another": ("claim,measured\n", r"nothing\.csv:1: the columns are claim,kind"),
    "a sweep": (
        HEAD + "a,ours,8,,mian.twice,a=2 seed=0,s,\n",
        r"nothing\.csv:2: there is no sweep mian among main",
    ),
    "a word": (
        HEAD + "a,ours,half,,main.twice,a=2 seed=0,s,\n",
        r"nothing\.csv:2: published is a number, yes or no, not 'half'",
    ),
    "bytes": (b"\xff\xfe" + HEAD.encode(), r"nothing\.csv is not in UTF-8"),
}


@pytest.mark.parametrize("case", TABLES)
@pytest.mark.parametrize("flags", [[], ["--dry_run"]])
def test_a_table_that_cannot_be_read_is_refused_before_it_runs(
    case, flags, tmp_path, capsys
):
    table, problem = TABLES[case]
    module = tabled(tmp_path, table)
    assert command(module, ["nothing", *flags, f"--out={tmp_path / 'run'}"]) == 1
    shown = capsys.readouterr()
    assert re.search(problem, shown.err) and one_line(shown.err), shown.err
    assert shown.out == "" and not (tmp_path / "run").exists()


def tabled(folder: Path, table: str | bytes | None) -> types.ModuleType:
    module = types.ModuleType("nothing")
    module.__file__ = str(folder / "nothing.py")
    exec(OWN.replace("launch(__name__)", "pass"), module.__dict__)
    module.claims = lambda results: mj.judged(module.__file__, results)
    if table is not None:
        (folder / "published").mkdir()
        told = table if isinstance(table, bytes) else table.encode()
        (folder / "published" / "nothing.csv").write_bytes(told)
    return module


def test_a_figure_that_fails_says_that_results_are_kept(tmp_path, capsys):
    module = types.ModuleType("nothing")
    module.__file__ = "nothing.py"
    exec(OWN.replace("launch(__name__)", "pass"), module.__dict__)
    module.figure = lambda results: None
    assert command(module, ["nothing", f"--out={tmp_path / 'run'}"]) == 1
    shown = capsys.readouterr()
    assert "figure() returned None, not a matplotlib Figure" in shown.err
    assert "--plot_only" in shown.out and (tmp_path / "run" / "results.nc").exists()
