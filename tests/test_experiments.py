"""Every experiment's command runs, on a tiny grid."""

import json
import pkgutil
import sys

import pytest

import experiments
from memjax.cli.launch import command
from memjax.sweep.results import load

TINY = {
    "l2_vs_size": ["--size=5,9", "--width=4", "--steps=20", "--published=false"],
    "rfm_grokking": [
        *("--share=0.6", "--kernel=gaussian", "--moved=0,1", "--seeds=2", "--p=5"),
        *("--iterations=3", "--symmetry_p=5", "--symmetry_iterations=2"),
        "--published=false",
    ],
    "rules_and_facts": [
        *("--eps=0.3,", "--lam=0.1,1", "--ratio=0,1", "--alpha=2", "--curve=1,2"),
        *("--kappa=2,", "--seeds=2", "--width=8", "--dim=16", "--steps=5"),
    ],
}
NAMES = [m.name for m in pkgutil.iter_modules(experiments.__path__) if m.name[0] != "_"]


@pytest.mark.parametrize("name", NAMES)
def test_its_command_runs_tiny(name, tmp_path, capsys):
    module = __import__(f"experiments.{name}", fromlist=[name])
    code = command(module, [name, *TINY[name], f"--out={tmp_path / 'run'}"])
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
