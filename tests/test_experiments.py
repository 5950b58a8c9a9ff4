"""Every experiment's command runs, on a tiny grid."""

import json
import pkgutil
import sys

import pytest

import experiments
from memjax.cli.launch import command
from memjax.sweep.results import load

TINY = {
    "associative_memory": "--activation=relu --depth=1 --width=4 --size=3 --dim=3 "
    "--steps=20 --beside=5 --samples=3 --seeds=1 --images=4 --image_side=7 "
    "--image_depth=1 --image_width=8 --image_steps=10",
    "graph_eigendirections": "--graph=path:4 --self_edges=0 --width=3 --seeds=1 "
    "--init_scale=0.1 --steps=30 --notheory",
    "graph_knobs": "--lr=1e-3 --wd=0 --init_scale=0.1 --seeds=1 --width=8 --steps=20 "
    "--repeats=0",
    "l2_vs_size": "--size=5,9 --width=4 --steps=20 --nopublished",
    "label_noise_arithmetic": "--noise=0,0.5 --modulus=5 --width=4 --steps=10 "
    "--first_noise=0.3 --seeds=1 --nopublished",
    "rfm_grokking": "--share=0.6 --kernel=gaussian --p=5 --iterations=2 --moved=0,1 "
    "--symmetry_p=5 --symmetry_iterations=2 --nopublished --nonetworks "
    "--seeds=2",
    "rules_and_facts": "--eps=0.3 --lam=0.1,1 --ratio=0,1 --alpha=2 --curve=1,2 "
    "--dim=16 --seeds=2",
    "rules_and_facts_networks": "--eps=0.3 --lam=0.1,1 --ratio=1 --kappa=2 --dim=16 "
    "--width=8 --steps=5 --seeds=2",
}
NAMES = [m.name for m in pkgutil.iter_modules(experiments.__path__) if m.name[0] != "_"]


@pytest.mark.parametrize("name", NAMES)
def test_its_command_runs_tiny(name, tmp_path, capsys):
    module = __import__(f"experiments.{name}", fromlist=[name])
    code = command(module, [name, *TINY[name].split(), f"--out={tmp_path / 'run'}"])
    assert code == 0, capsys.readouterr().err
    assert (tmp_path / "run" / "figure.png").stat().st_size > 10_000
    assert load(tmp_path / "run" / "results.nc")["main"].data_vars
    records = json.loads((tmp_path / "run" / "claims.json").read_text())
    assert records
    assert all(r["source"] for r in records)
    assert "verdict" in capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_claims(name):
    module = sys.modules[f"experiments.{name}"]
    text = module.__doc__
    for part in ("Source:", f"Command: python -m experiments.{name}", "Expected:"):
        assert part in text, part
