"""Programs on disk: what is read gives the bits of what was compiled, or is left."""

import gzip
import json
import pickle
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
import xarray as xr
from jax.experimental.compilation_cache import compilation_cache

import memjax as mj
from memjax.engine.planned import plan as plans
from memjax.engine.run import program as programs
from memjax.engine.run import shelf
from memjax.engine.run.program import program

HERE = Path(__file__).parent


@pytest.fixture
def folder(tmp_path):
    """Where programs are kept, however fast they compile; none is known beforehand."""
    settings = {
        "jax_compilation_cache_dir": str(tmp_path),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
    }
    before = {name: jax.config.values[name] for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()  # it asks for the folder only once
    program.cache_clear()
    yield tmp_path / "programs"
    program.cache_clear()
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


@contextmanager
def only_read():
    """As in a new process, in which nothing is mapped over lanes or lowered."""

    def refuse(*_):
        raise AssertionError("a program is lowered that was kept")

    program.cache_clear()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(programs, "lower", refuse)
        patched.setattr(programs, "mapped", refuse)
        yield
    program.cache_clear()


def solved(a, seed, *, side):
    """A run without legs that calls LAPACK, and names a dimension."""
    rows = jax.random.normal(jax.random.key(seed), (side, side)) + a * jnp.eye(side)
    values = jnp.linalg.eigvalsh(rows @ rows.T)
    left = jnp.linalg.cholesky(rows @ rows.T + jnp.eye(side))
    return {"trace": jnp.trace(left), "values": mj.named(values, "eigen")}


def drawing(a, seed):
    """A run whose state holds a key and a whole number."""
    start = {"x": a, "key": jax.random.key(seed), "n": jnp.int32(0)}

    def step(state, t):
        key, now = jax.random.split(state["key"])
        x = state["x"] + jax.random.normal(now)
        return {"x": x, "key": key, "n": state["n"] + (x > 0)}

    return mj.iterate(start, step, lambda s: {"x": s["x"], "n": s["n"]}, 9)


def handed(a, data, row):
    """A run of inputs: a tree for all lanes, and one array for each."""
    return {"b": mj.expect(lambda x, y: a * x @ row + y, data)}


def power(a, *, n):
    return {"b": a**n}


POINTS = mj.Data(jnp.arange(12.0).reshape(4, 3), jnp.arange(4.0), mj.prefix(3, 4))
AXES = {**tiny.AXES, "wd": 0.0}
SWEEPS = {
    "trained": lambda: mj.Sweep(tiny.run, **AXES),
    "in double precision": lambda: mj.Sweep(tiny.run, float64=True, **AXES),
    "solved": lambda: mj.Sweep(solved, a=[0.5, 2.0, 3.0], seed=range(3), side=[4, 7]),
    "drawing": lambda: mj.Sweep(drawing, a=[0.0, 1.0], seed=range(3)),
    "handed": lambda: mj.Sweep(
        handed,
        a=[1.0, 2.0],
        row=["p", "q"],
        inputs={"data": POINTS, "row": mj.per("row", np.eye(2, 3))},
    ),
}


CALLS = [(name, plans.CALL_SECONDS) for name in SWEEPS]
CALLS += [("trained", 1e-6), ("drawing", 1e-6)]  # in segments that hand their state on


@pytest.mark.parametrize(("name", "seconds"), CALLS)
def test_a_program_that_is_read_gives_the_bits_of_the_compiled_one(
    name, seconds, folder, monkeypatch
):
    monkeypatch.setattr(plans, "CALL_SECONDS", seconds)
    compiled = SWEEPS[name]().compute()
    with only_read():
        xr.testing.assert_equal(SWEEPS[name]().compute(), compiled)


def test_nothing_else_is_answered_from_a_file(folder, monkeypatch):
    """Another run, shape, layout, machine, setting, version or source is made anew."""
    sweep = mj.Sweep(tiny.run, **AXES)
    job = sweep.job()
    block = sweep.plan(job=job).blocks[0]
    fingerprint, layout = block.group.lane.fingerprint, block.layout
    types = ((jax.ShapeDtypeStruct((4,), jnp.float32),), jax.tree.structure((0,)))
    longer = ((jax.ShapeDtypeStruct((8,), jnp.float32),), types[1])
    twice = (types[0] * 2, jax.tree.structure((0, 0)))
    machine = job.machine

    def place(fingerprint=fingerprint, layout=layout, types=types, machine=machine):
        shelf._here.cache_clear()
        return shelf.place(fingerprint, layout, types, machine)

    asked = place()
    assert asked is not None and asked.parent == folder and place() == asked
    ours = mj.Sweep(tiny.run, **{**AXES, "steps": 21}).plan().groups[0].lane
    found = [
        place(fingerprint=ours.fingerprint),
        place(layout=layout._replace(chunk=2 * layout.chunk)),
        place(layout=layout._replace(legs=3)),
        place(types=longer),
        place(types=twice),
        place(machine=machine._replace(options=(("xla_cpu_enable_fast_math", True),))),
        place(machine=machine._replace(jax_devices=machine.jax_devices[:1])),
    ]
    with jax.debug_nans(True):
        found.append(place())
    for name, value in {
        "SOURCE": "edited",
        "versions": lambda: {"jaxlib": "0.0.0"},
        "_processor": lambda: "another",
    }.items():
        with monkeypatch.context() as changed:
            changed.setattr(shelf, name, value)
            found.append(place())
    assert len({asked, *found}) == 1 + len(found)
    assert place() == asked


def test_the_source_that_programs_are_made_by_is_told_by_content(tmp_path):
    file = tmp_path / "a.py"
    file.write_text("x = 1")
    before = shelf._digest([file])
    file.write_text("x = 2")
    assert shelf._digest([file]) != before
    rooms = {file.name for room in shelf.ROOMS for file in shelf.LIBRARY.glob(room)}
    assert {
        "measure.py",
        "legs.py",
        "lanes.py",
        "states.py",
        "program.py",
        "outcome.py",
    } <= rooms


def test_a_program_that_jax_has_kept_is_compiled_anew(folder, monkeypatch):
    """XLA could not write what it has read: a file of that would fail when called."""
    sweep = SWEEPS["handed"]()
    with monkeypatch.context() as before:
        before.setattr(shelf, "place", lambda *_: None)
        first = sweep.compute()
    assert [*folder.parent.glob("jit_on_device*")] and not folder.exists()
    program.cache_clear()
    sweep.compute()
    assert jax.config.values["jax_enable_compilation_cache"]
    with only_read():
        xr.testing.assert_equal(sweep.compute(), first)


def damaged(content):
    """A file as it may be found."""
    yield content[: len(content) // 2]
    yield content[:-40] + bytes([content[-40] ^ 1]) + content[-39:]
    yield b""
    yield bytes(range(256)) * 40
    yield gzip.compress(pickle.dumps({"program": 1}))
    yield gzip.compress(pickle.dumps((b"", {})))
    yield gzip.compress(b"cmemjax.gone\nGone\n.")  # a class that is no longer there


def test_a_file_that_is_not_whole_is_made_anew(folder):
    sweep = SWEEPS["handed"]()
    first = sweep.compute()
    (file,) = folder.iterdir()
    for content in damaged(file.read_bytes()):
        file.write_bytes(content)
        with only_read(), pytest.raises(AssertionError, match="is lowered"):
            sweep.compute()
        xr.testing.assert_equal(sweep.compute(), first)
        with only_read():
            xr.testing.assert_equal(sweep.compute(), first)


def test_where_nothing_can_be_written_programs_are_compiled(folder):
    folder.write_text("in the way")
    sweep = SWEEPS["handed"]()
    first = sweep.compute()
    program.cache_clear()
    xr.testing.assert_equal(sweep.compute(), first)
    assert folder.read_text() == "in the way"


def test_programs_unused_for_longest_make_room(folder, monkeypatch):
    def kept(n):
        before = set(folder.iterdir()) if folder.exists() else set()
        mj.sweep(power, a=[1.0, 2.0], n=n)
        return set(folder.iterdir()) - before

    (old,), (used,) = kept(2), kept(3)
    shelf.os.utime(old, (1, 1))
    shelf.os.utime(used, (0, 0))
    program.cache_clear()
    assert kept(3) == set()  # it is read, and so no longer the one unused for longest
    monkeypatch.setattr(shelf, "MOST", int(2.5 * old.stat().st_size))
    (new,) = kept(4)
    assert set(folder.iterdir()) == {used, new}


def test_nothing_is_kept_without_a_cache_or_in_less_time_or_of_an_accelerator(folder):
    sweep = SWEEPS["handed"]()
    machine = sweep.job().machine
    assert shelf.place("0", (), (), machine) is not None
    assert shelf.place("0", (), (), mj.machines.h100) is None
    jax.config.update("jax_compilation_cache_dir", "gs://bucket")
    assert shelf.place("0", (), (), machine) is None
    jax.config.update("jax_compilation_cache_dir", str(folder.parent))
    for name, value, back in (
        ("jax_compilation_cache_dir", None, str(folder.parent)),
        ("jax_enable_compilation_cache", False, True),
        ("jax_persistent_cache_min_compile_time_secs", 1000.0, 0.0),
    ):
        jax.config.update(name, value)
        program.cache_clear()
        sweep.compute()
        jax.config.update(name, back)
        assert not folder.exists(), name


def test_what_xla_takes_is_told_apart_once(folder):
    def seconds():
        told = json.loads(mj.sweep(tiny.run, **AXES).attrs["provenance"])
        return told["xla_seconds"], told["compile_seconds"]

    xla, whole = seconds()
    assert 0 < xla < whole
    xla, whole = seconds()  # this process has the program
    assert xla == 0 < whole
    program.cache_clear()
    xla, whole = seconds()  # it is read
    assert 0 < xla < whole


SCRIPT = """
import sys
import jax
import memjax as mj
from memjax.engine.run import program
mj.use_all_cores()
import test_shelf
jax.config.update("jax_compilation_cache_dir", sys.argv[1])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
if sys.argv[2] == "read":
    program.lower = None
for name, sweep in test_shelf.SWEEPS.items():
    found = sweep().compute()
    for key, v in found.data_vars.items():
        if v.dtype.kind in "fi":
            print(name, key, v.dtype, v.dtype.isbuiltin, v.values.tobytes().hex())
"""


@pytest.mark.long
def test_programs_pass_from_process_to_process(tmp_path):
    """Two that write at once, and one that only reads; LAPACK's calls are found."""

    def start(how):
        words = [sys.executable, "-c", SCRIPT, str(tmp_path), how]
        return subprocess.Popen(words, cwd=HERE, stdout=subprocess.PIPE, text=True)

    first, second = start("write"), start("write")
    told = first.communicate()[0]
    assert told == second.communicate()[0] and told.count("\n") > len(SWEEPS)
    kept = [*(tmp_path / "programs").iterdir()]
    assert kept and not any(file.suffix for file in kept)  # and no drafts
    assert start("read").communicate()[0] == told
