"""The trace is the question: what changes a number is noticed, what does not is not."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from innocent import BEFORE, INNOCENT
from mutations import MUTATIONS
from worker import ask, imported, load, mutate, restored

import memjax as mj

HERE = Path(__file__).parent
NAMES = [case.name for case in MUTATIONS]
SOME = MUTATIONS[::9]  # in the short suite; each takes a second


def start(place: Path, when: str) -> dict:
    """The cases as a process of its own finds them."""
    ran = subprocess.run(
        [sys.executable, HERE / "worker.py", place, when],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> tuple[dict, dict]:
    """Every case before and after, in processes that know nothing of each other."""
    place = tmp_path_factory.mktemp("cases")
    before = start(place, "before")
    return before, start(place, "after")


def test_the_table_is_long_enough():
    assert len(set(NAMES)) == len(NAMES) >= 40
    assert len(INNOCENT) >= 15


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_a_mutation_changes_numbers_and_the_trace(name, fresh):
    before, after = (found[name] for found in fresh)
    if name != "precision":  # which changes nothing on a CPU, and much elsewhere
        assert before["alone"]["values"] != after["alone"]["values"]
    same_trace = before["alone"]["traces"] == after["alone"]["traces"]
    by_value = name in ("input", "input along an axis", "fixed number")
    assert same_trace == by_value


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_another_process_refuses_or_recomputes(name, fresh):
    before, after = (found[name] for found in fresh)
    assert before["kept"] == before["alone"]
    assert after["kept"]["refused"] or after["kept"] == after["alone"]
    assert bool(after["kept"]["refused"]) == (name != "input along an axis")


@pytest.mark.long
@pytest.mark.parametrize("case", MUTATIONS, ids=NAMES)
def test_the_same_process_refuses_or_recomputes(case, fresh, tmp_path):
    """With a store and without: nothing of before is used, as a fresh process tells."""
    before, after = (found[case.name] for found in fresh)
    try:
        module = load(case, tmp_path / "case")
        assert ask(module) == before["alone"]
        assert ask(module, tmp_path / "store") == before["alone"]
        if case.edit[0]:
            module = load(case, tmp_path / "case", edited=True)
        mutate(case, module)
        assert ask(module) == after["alone"]
        kept = ask(module, tmp_path / "store")
        assert kept["refused"] or kept == after["alone"]
    finally:
        restored()


@pytest.mark.parametrize("case", SOME, ids=[case.name for case in SOME])
def test_some_mutations_in_one_process(case, tmp_path):
    try:
        module = load(case, tmp_path / "case")
        before = ask(module, tmp_path / "store")
        if case.edit[0]:
            module = load(case, tmp_path / "case", edited=True)
        mutate(case, module)
        after = ask(module)
        assert after["values"] != before["values"]
        kept = ask(module, tmp_path / "store")
        assert kept["refused"] or kept == after
    finally:
        restored()


# --- what changes nothing -----------------------------------------------------------


def module_of(text: str, folder: Path):
    folder.mkdir()
    (folder / "case.py").write_text(text)
    (folder / "helper.py").write_text("")
    return imported(folder)


@pytest.mark.parametrize("name", INNOCENT)
def test_an_innocent_edit_keeps_the_results(name, tmp_path):
    before = ask(module_of(BEFORE, tmp_path / "before"), tmp_path / "store")
    after = ask(module_of(INNOCENT[name], tmp_path / "after"), tmp_path / "store")
    assert after == before
    assert not after["refused"]


OTHERS = {
    "another process": {},
    "another hash seed": {"PYTHONHASHSEED": "7"},
    "one more hash seed": {"PYTHONHASHSEED": "123"},
    "one device": {"JAX_NUM_CPU_DEVICES": "1"},
    "three devices by XLA's flag": {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=3"
    },
}
SCRIPT = """
import json, sys
import tiny
import memjax as mj
from mutations import MUTATIONS
from pathlib import Path
from worker import load
mj.use_all_cores()
found = {"tiny": mj.Sweep(tiny.run, **tiny.AXES).identity()}
for i, case in enumerate(MUTATIONS):
    run, given = load(case, Path(sys.argv[1]) / str(i)).ask()
    found[case.name] = mj.Sweep(run, **given).identity()
print(json.dumps(found))
"""


def identities(place: Path, **environment: str) -> dict:
    here = (HERE, HERE.parent, HERE.parents[1])
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, place],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": ":".join(map(str, here)), **environment},
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.long
def test_other_processes_hash_seeds_and_devices_see_the_same(tmp_path):
    with ThreadPoolExecutor(2) as pool:
        jobs = {
            name: pool.submit(identities, tmp_path / str(i), **environment)
            for i, (name, environment) in enumerate(OTHERS.items())
        }
        found = {name: job.result() for name, job in jobs.items()}
    for name, identity in found.items():
        assert identity == found["another process"], name


def test_a_moved_file_keeps_the_results(tmp_path):
    before = ask(module_of(BEFORE, tmp_path / "here"), tmp_path / "store")
    (tmp_path / "there").mkdir()
    moved = module_of(BEFORE, tmp_path / "there" / "deep")
    assert ask(moved, tmp_path / "store") == before


def test_a_refusal_names_what_has_changed(tmp_path):
    case = next(c for c in MUTATIONS if c.name == "edited function and reload")
    ask(load(case, tmp_path / "case"), tmp_path / "store")
    told = ask(load(case, tmp_path / "case", edited=True), tmp_path / "store")[
        "refused"
    ]
    assert "changed since: case.run" in told
    assert "[0.69999" in told and "[0.80000" in told


def test_a_bound_that_does_more_than_pad_is_refused(tmp_path):
    import jax.numpy as jnp

    def honest(size, *, capacity):
        return {"s": mj.prefix(size, capacity).sum() * size}

    def crooked(size, *, capacity):
        return {"s": mj.prefix(size, capacity).sum() * capacity + jnp.float32(0)}

    for run in (honest, crooked):
        mj.sweep(run, size=[2, 3], store=tmp_path / run.__name__)
    grown = mj.sweep(honest, size=[2, 3, 5], store=tmp_path / "honest")
    assert grown.s.values.tolist() == [2, 3, 5]
    with pytest.raises(mj.Refused, match="crooked uses capacity for more than padding"):
        mj.sweep(crooked, size=[2, 3, 5], store=tmp_path / "crooked")
