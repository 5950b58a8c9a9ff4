"""`memjax`, the installed command: its verbs, and what a wheel brings along."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from contextlib import chdir
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import jax
import pytest
import tiny
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

import memjax as mj
from experiments import l2_vs_size
from memjax.claims import table
from memjax.cli.diff import diff
from memjax.cli.flags import parse
from memjax.cli.folder import Folder
from memjax.cli.launch import command
from memjax.cli.machine import gpus_of_task, shares
from memjax.cli.main import answer
from memjax.cli.named import names, ours
from memjax.cli.page import page
from memjax.cli.records import claims_in
from memjax.cli.report import colored, show
from memjax.cli.watch import look, told
from memjax.engine.kept import blocks
from memjax.engine.kept.store import Shard, Store
from memjax.engine.planned import plan as plans

ROOT = Path(__file__).parents[1]


def said(words: list[str], capsys, code: int = 0) -> str:
    """What `memjax` prints, on whichever stream its exit code belongs to."""
    assert answer(words) == code
    out, err = capsys.readouterr()
    return err if code else out


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with an experiment that `memjax new` has written, and two results."""
    place = tmp_path_factory.mktemp("mine")
    with chdir(place):
        assert answer(["new", "growing"]) == 0
        few = ["--size=10,40", "--seeds=3"]
        assert answer(["run", "growing", *few, "--out=one"]) == 0
        more = ["--size=40,80", "--seeds=2", "--dim=10", "--out=other"]
        assert answer(["run", "growing.py", *more]) == 0
    return place


@pytest.mark.long
def test_a_new_experiment_passes_its_test_as_it_stands(folder):
    files = {"growing.py", "test_growing.py", "published"}
    assert files <= {file.name for file in folder.iterdir()}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout
    assert "3 passed" in ran.stdout


def test_nothing_is_written_over_or_hidden(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    for name, problem in {
        "growing": "is there already",
        "l2_vs_size": "one of the experiments of memjax",
        "json": "would hide the module json",
        "a-b": "cannot be the name of a module",
    }.items():
        code = 4 if name == "growing" else 1
        assert problem in said(["new", name], capsys, code)
    assert not (folder / "json.py").exists()


def test_the_list_has_every_experiment(capsys):
    shown = said(["list"], capsys)
    files = {file.stem for file in (ROOT / "experiments").glob("[a-z]*.py")}
    assert set(names(ours())) == files
    for name in files:
        assert f"  {name}  " in shown
    assert "published 15/15" in shown


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["rn"], "memjax rn: did you mean run?"),
        (["xyzzy"], "memjax xyzzy: verbs are list, run, new"),
        (["run"], "usage: memjax run NAME"),
        (["run", "l2_vs_sise"], "did you mean l2_vs_size?"),
        (["run", "nowhere.py"], "there is no file nowhere.py"),
        (["run", "l2_vs_size", "--siez=3"], "--siez: unknown flag; did you mean"),
        (["list", "--what"], "memjax list takes"),
        (["diff", "a"], "usage: memjax diff A B"),
        (["diff", "a", "b"], "a holds no results.nc"),
        (["watch", "a"], "no sweep has begun in a"),
        (["slurm", "l2_vs_size", "--tasks=0"], "--tasks: must be 1 or more"),
        (["slurm", "l2_vs_size", "--lr=x"], "--lr: needs a number"),
    ],
)
def test_what_is_wrong_is_one_line(words, problem, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = said(words, capsys, 1)
    assert line.startswith("error: ") and len(line.splitlines()) == 1
    assert problem in line
    assert not list(tmp_path.iterdir())


def test_help_and_version(capsys):
    assert "memjax slurm NAME" in said(["--help"], capsys)
    assert said(["--version"], capsys) == f"memjax {mj.__version__}\n"


# --- diff -------------------------------------------------------------------------


def test_a_folder_does_not_differ_from_itself(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    assert said(["diff", "one", "one"], capsys).startswith("no difference")


def test_a_difference_is_told_by_question_verdict_and_lane(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    shown = said(["diff", "one", "other"], capsys)
    assert shown.startswith("flags: --size=10,40 --seeds=0,1,2 --dim=20 is now --size=")
    assert "main: dim: 20 is now 10" in shown
    assert "10 labels and 20 weights: none is left: holds (" in shown
    assert "is now not shown" in shown
    assert "main: 2 runs in both, of 6 and 4 runs" in shown
    a, b = (Folder(folder / name).load()["main"].loss for name in ("one", "other"))
    away = abs(a.sel(size=40, seed=[0, 1]) - b.sel(size=40)).max()
    (line,) = [n for n in shown.splitlines() if n.startswith("main.loss: ")]
    assert f"at most {float(away):.3g} (" in line
    assert "at size 40, lr 0.1, seed " in line and "step" in line


def test_sweeps_of_other_shapes_differ_by_all_that_they_have(tmp_path):
    for name, dim in ("a", [10, 20]), ("b", [20, 30]):
        sweep = mj.Sweep(lambda lr, *, dim: {"s": lr * dim}, lr=[1.0, 2.0], dim=dim)
        folder = Folder(tmp_path / name)
        folder.save({"main": sweep.compute(store=folder.store("main"))})
    shown = diff(tmp_path / "a", tmp_path / "b").splitlines()
    told = "main: dim: 10, 20 is now 20, 30", "main: 2 runs in both, of 4 and 4 runs"
    assert shown == [*told]


# --- watch ------------------------------------------------------------------------


def test_watch_tells_how_far_a_sweep_is(tmp_path, monkeypatch):
    sweep = mj.Sweep(tiny.run, **{**tiny.AXES, "lr": [1e-2, 1e30], "seed": range(6)})
    longest = sweep.plan().blocks[0].seconds
    monkeypatch.setattr(plans, "CALL_SECONDS", longest / 20)
    keep, kept = blocks.Blocks.keep, []

    def stop(*words):
        keep(*words)
        kept.append(words)
        if len(kept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(blocks.Blocks, "keep", stop)
    with pytest.raises(KeyboardInterrupt):
        sweep.compute(store=tmp_path)
    (seen,) = look(tmp_path).values()
    assert (seen.asked, seen.ended, seen.diverged) == (len(sweep), 0, 0)
    _, name, keys, _, segments = kept[-1]
    assert seen.begun == len(set(keys))
    share = segments.done / len(segments.outcome.times)
    ahead = {b.name: b.seconds for b in Store(tmp_path, Shard(0, 1)).planned()}
    predicted = sum(ahead.values()) - share * ahead[name]
    assert seen.left == pytest.approx(predicted)
    monkeypatch.setattr(blocks.Blocks, "keep", keep)
    found = sweep.compute(store=tmp_path)
    (seen,) = look(tmp_path).values()
    assert (seen.ended, seen.begun, seen.left) == (len(sweep), 0, 0)
    assert seen.diverged == int((found.status == "diverged").sum()) > 0
    at_end = found.loss.isel(step=-1)
    assert seen.medians["loss"] == pytest.approx(float(at_end.median()))
    assert told({"main": seen, "next": None}).endswith("next: has not begun")


def test_watch_knows_of_shares_that_have_not_begun(tmp_path):
    sweep = mj.Sweep(tiny.run, **tiny.AXES)
    sweep.compute(store=tmp_path, shard=(0, 2))
    (seen,) = look(tmp_path).values()
    assert (seen.asked, seen.ended) == (len(sweep), len(sweep) // 2)
    some = f"{len(sweep) // 2} of {len(sweep)} runs done"
    assert re.fullmatch(rf"{some}, last written \S+ s ago", str(seen))


def test_watch_of_a_folder_in_a_pipe(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    shown = said(["watch", "one"], capsys)
    assert shown.startswith("main: 6 of 6 runs done\n  medians: loss ")


# --- slurm ------------------------------------------------------------------------


@pytest.mark.long
def test_a_slurm_script_runs_its_share_and_requeues(folder, capsys, tmp_path):
    with chdir(folder):
        words = ["slurm", "growing", "--tasks=2", "--size=10,40", "--seeds=2"]
        script = said([*words, "--out=shared"], capsys)
    assert "#SBATCH --array=0-1\n" in script and "#SBATCH --requeue" in script
    called = "import sys; from memjax.cli.main import main; main()"
    (tmp_path / "memjax").write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "{called}" "$@"'
    )
    (tmp_path / "memjax").chmod(0o755)
    outputs = []
    for task in ("0", "1"):
        environment = {
            **os.environ,
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "SLURM_ARRAY_JOB_ID": "7",
            "SLURM_ARRAY_TASK_ID": task,
            "SLURM_ARRAY_TASK_MIN": "0",
            "SLURM_ARRAY_TASK_COUNT": "2",
        }
        ran = subprocess.run(
            ["bash"], input=script, cwd=folder, env=environment,
            capture_output=True, text=True,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        outputs.append(ran.stdout)
    assert "this share is done" in outputs[0] and "figure:" in outputs[1]


@pytest.mark.parametrize(
    ("environment", "share"),
    [
        ({}, (0, 1)),
        ({"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}, (0, 1)),  # a script of sbatch
        ({"SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "3"}, (3, 8)),  # srun -n 8
        ({"COUNT": "4", "ID": "3", "MIN": "1"}, (2, 4)),
        (
            {"COUNT": "4", "ID": "3", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"},
            (7, 8),
        ),
    ],
)
def test_tasks_of_slurm_are_shares(environment, share, monkeypatch):
    for name, value in environment.items():
        whole = name if name.startswith("SLURM") else f"SLURM_ARRAY_TASK_{name}"
        monkeypatch.setenv(whole, value)
    assert shares(parse(l2_vs_size, ["l2_vs_size"])) == share


NODE = {"SLURM_STEP_TASKS_PER_NODE": "4", "CUDA_VISIBLE_DEVICES": "0,1,2,3"}


@pytest.mark.parametrize(
    ("environment", "gpus"),
    [
        ({"CUDA_VISIBLE_DEVICES": "0,1"}, []),  # not a task: all that are seen
        ({**NODE, "SLURM_LOCALID": "3"}, [3]),
        ({**NODE, "SLURM_LOCALID": "3", "CUDA_VISIBLE_DEVICES": "5,7"}, [1]),
        (
            {**NODE, "SLURM_LOCALID": "1", "SLURM_STEP_TASKS_PER_NODE": "2(x3),1"},
            [1, 3],
        ),
        ({**NODE, "SLURM_NODEID": "3", "SLURM_STEP_TASKS_PER_NODE": "2(x3),1"}, []),
        ({"SLURM_STEP_TASKS_PER_NODE": "8", "SLURM_LOCALID": "6"}, [6]),  # as found
        ({**NODE, "SLURM_LOCALID": "3", "CUDA_VISIBLE_DEVICES": "3"}, []),
        # Bound by SLURM to two of eight, which it numbers from 0.
        (
            {
                **NODE,
                "SLURM_LOCALID": "3",
                "SLURM_GPUS_ON_NODE": "8",
                "CUDA_VISIBLE_DEVICES": "0,1",
            },
            [],
        ),
        ({**NODE, "SLURM_LOCALID": "2", "SLURM_GPUS_ON_NODE": "4"}, [2]),
    ],
)
def test_tasks_that_share_a_node_take_gpus_of_their_own(environment, gpus):
    """`[]` leaves a task all that it sees; eight are found where nothing is told."""
    assert gpus_of_task(environment, 8) == gpus


def test_jax_sees_the_gpus_of_a_task_only(monkeypatch):
    seen = "jax_cuda_visible_devices"
    for name, value in {**NODE, "SLURM_LOCALID": "2"}.items():
        monkeypatch.setenv(name, value)
    before = jax.config.values[seen]
    try:
        shares(parse(l2_vs_size, ["l2_vs_size"]))
        assert jax.config.values[seen] == "2"
        monkeypatch.setenv("SLURM_LOCALID", "0")
        shares(parse(l2_vs_size, ["l2_vs_size"]))  # what is chosen already stays
        assert jax.config.values[seen] == "2"
    finally:
        jax.config.update(seen, before)


# --- the report and the terminal ----------------------------------------------------


def test_the_report_is_one_page_that_fetches_and_runs_nothing(folder):
    text = (folder / "one" / "report.html").read_text()
    tags, words = [], []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            tags.append(tag)
            for name, value in attributes:
                assert not name.startswith("on")
                if name in ("src", "href", "xlink:href", "action"):
                    assert value.startswith("#"), (tag, value)

        def handle_data(self, data):
            words.append(data.strip())

    Reader().feed(text)
    assert tags.count("svg") == 1
    assert not {"script", "link", "iframe", "img", "object"} & {*tags}
    assert "@import" not in text and "url(h" not in text
    claims = json.loads((folder / "one" / "claims.json").read_text())
    shown = [c for c in claims if c["verdict"] != "not shown"]
    assert 0 < len(shown) < len(claims)
    for claim in shown:
        assert claim["verdict"] in words and claim["name"] in words
        assert any(claim["source"] in w and claim["reason"] in w for w in words)
    page = " ".join(words)
    for part in (
        "A linear model fits as many random labels as it has weights, and no more.",
        "not shown: needs size 80",
        "python -m growing --flagfile=one/flags.txt",
        "--size=10,40",
        "main: 6 runs, 6 ok",
        "6 runs in 1 compiled program",
        f"jax {jax.__version__}",
    ):
        assert part in page, part


def test_a_report_escapes_what_it_is_told(folder):
    claim = mj.Claim("<b>a & b</b>", 1.0, 1.0, "<i>", reason="<script>", kind="ours")
    results = Folder(folder / "one").load()
    record = Folder(folder / "one").record()
    text = page('"<x>"\n\n</pre>', [claim], "<svg/>", results, record, Path("/a/b"))
    assert not {"<b>", "<i>", "<script>", "<x>"} & {*re.findall("<[^>]*>", text)}
    assert "&lt;b&gt;a &amp; b&lt;/b&gt;" in text
    assert "/a/b" not in text and "--flagfile=flags.txt" in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_fits_the_terminal(width):
    record = json.loads((ROOT / "experiments/records/l2_vs_size.json").read_text())
    claims = claims_in(record)
    console = Console(width=width, force_terminal=True, file=StringIO())
    console.print(*colored(claims), sep="\n")
    text = console.file.getvalue()
    assert max(map(cell_len, Text.from_ansi(text).plain.splitlines())) <= width
    assert "\x1b[32mholds" in text and "\x1b[31mdoes NOT hold" in text
    words = " ".join(Text.from_ansi(text).plain.split())
    for claim in claims:
        first = claim.name.split()[0]
        assert f"{claim.verdict} {first}" in words


def test_in_a_pipe_the_table_is_plain(capsys):
    claims = [mj.Claim("a", 1.0, 1.5, "s", tolerance=0.1)]
    show(claims)
    assert capsys.readouterr().out == table(claims) + "\n"


# --- what is there when a run is killed -------------------------------------------


@pytest.fixture
def growing(folder, monkeypatch):
    """The experiment of the folder, there."""
    monkeypatch.chdir(folder)
    spec = importlib.util.spec_from_file_location("growing", "growing.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.long
def test_a_killed_command_leaves_what_runs_it_again(growing, monkeypatch, capsys):
    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(mj.Sweep, "compute", killed)
        asked = ["growing", "--size=10,20", "--seeds=2", "--out=killed"]
        assert command(growing, asked) == 130
    record = json.loads(Path("killed/provenance.json").read_text())
    assert record["finished"] is False and "--size=10,20" in record["flags"]
    assert "4 runs in 1 compiled program" in record["plans"]["main"]
    assert (
        command(growing, ["growing", "--flagfile=killed/flags.txt", "--out=killed"])
        == 0
    )
    again = json.loads(Path("killed/provenance.json").read_text())
    assert again["finished"] is True and again["flags"] == record["flags"]
    assert again["sweeps"]["main"]["run_seconds"] > 0


def test_what_is_stopped_leaves_all_of_the_command_that_ended(growing, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    def asked(size):
        return command(
            growing, ["growing", f"--size={size}", "--seeds=2", "--out=both"]
        )

    def files():
        return {p.name: p.read_bytes() for p in Path("both").iterdir() if p.is_file()}

    assert asked("10,20") == 0
    ended = files()
    with monkeypatch.context() as patch:
        patch.setattr(mj.Sweep, "compute", stopped)
        assert asked("10,30") == 130
    assert files() == ended
    with monkeypatch.context() as patch:
        patch.setattr(growing, "figure", stopped)
        assert asked("10,30") == 130
    left = files()
    assert "--size=10,30" in left["flags.txt"].decode()
    assert not {"figure.png", "figure.pdf", "report.html"} & left.keys()
    assert asked("10,30") == 0 and files().keys() == ended.keys()


# --- a wheel ----------------------------------------------------------------------


@pytest.mark.long
def test_a_wheel_runs_outside_the_checkout(tmp_path):
    """Installed, with the dependencies of this environment, and with nothing else."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    built = ["wheel", "--no-deps", f"--wheel-dir={tmp_path}", str(ROOT)]
    subprocess.run([*pip, *built], check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"])
    (wheel,) = tmp_path.glob("memjax-*.whl")
    python = tmp_path / "venv" / "bin" / "python"
    target = [f"--python={python}", "install", "--no-deps", str(wheel)]
    subprocess.run([*pip, *target], check=True)
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(str(Path(pytest.__file__).parents[1]))
    (tmp_path / "elsewhere").mkdir()
    environment = {n: v for n, v in os.environ.items() if n != "PYTHONPATH"}

    def ran(*words: str) -> str:
        done = subprocess.run(
            [tmp_path / "venv" / "bin" / "memjax", *words],
            cwd=tmp_path / "elsewhere",
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "l2_vs_size" in ran("list")
    tiny = ("--width=4", "--steps=20", "--seeds=2", "--nopublished", "--fit_seeds=0")
    assert "report: results/" in ran("run", "l2_vs_size", "--size=50:800:5", *tiny)
    (made,) = (tmp_path / "elsewhere").glob("results/l2_vs_size/*/provenance.json")
    assert (
        json.loads(made.read_text())["command"]
        == "python -m memjax.experiments.l2_vs_size"
    )
