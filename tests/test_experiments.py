"""Every experiment's command runs, on a tiny grid."""

import importlib
import json
import pkgutil
import re
from pathlib import Path

import pytest

import experiments
from memjax.claims import check
from memjax.claims.rows import table_of
from memjax.cli.flags import stated_in_full
from memjax.cli.launch import command
from memjax.engine.kept.files import load

TINY = {
    "associative_images": "--size=4 --depth=1 --width=8 --steps=10 --seeds=1 "
    "--limit_size=3 --limit_depth=1 --limit_width=4",
    "associative_memory": "--activation=relu --depth=1 --width=4 --size=3 --dim=3 "
    "--steps=20 --beside=5 --limit_size=4 --limit_width=4 --samples=3 --seeds=1",
    "bigram": "--vocab=3,5 --size=9,30,90 --seeds=2 --rank=2 --width=4 --steps=60 "
    "--numbers=1,2 --few_tokens=4 --few_rank=2 --more_numbers=1,2,3 --many_tokens=6 "
    "--many_rank=3 --law_steps=20",
    "canaries": "--count=12 --tests=5 --width=8 --heads=2 --steps=2 --seeds=2 --wd=0,1",
    "capacity": "--width=2,4 --size=4,8 --seeds=2 --steps=3 --widths=2,3 --sizes=3,6 "
    "--few=2 --sequences=2,4 --symbols=3 --length=3 --stream=4 --dim=3 "
    "--sequence_steps=3",
    "classification_vs_regression": "--size=4,6 --p=1.6 --q=0.6,2 --seeds=2 --few=4,6 "
    "--ratio=1,2 --draws=2 --signal=1,2 --features=20 --classes_size=4,6",
    "benign_cnn": "--size=4,6 --ratio=0.25,8 --dim=8 --width=2 --steps=5 --tests=9 "
    "--seeds=2 --noprototype",
    "cot_unary": "--size=4 --symbols=2 --length=3 --width=4 --heads=1 --steps=3 "
    "--seeds=2 --limits --widths=2,4 --sizes=2,4 --few=2 --apart_layers=1 --longest=2",
    "cross_modal": "--aligned=0,3,5 --seeds=2 --width=4 --steps=3 --shown=0,4 "
    "--paired=0,4 --before=3 --wide=6",
    "double_descent": "--size=4,6 --features=3,12 --seeds=2 --large=20 --random=3,9 "
    "--wide=20 --random_size=5 --random_seeds=2",
    "gnn_memorization": "--homophily=0,1 --seeds=2 --starts=2 --nodes=20 --hidden=4 "
    "--steps=2",
    "graph_cycles": "--nodes=8 --looped=5 --width=5 --seeds=2 --lr=0.1",
    "graph_eigendirections": "--graph=path:4 --self_edges=0 --width=3 --seeds=1 "
    "--init_scale=0.1 --steps=30 --longer=2",
    "graph_knobs": "--lr=1e-3 --wd=0 --init_scale=0.1 --seeds=1 --width=8 --steps=20",
    "graph_published": "--row=1,3d --width=8 --steps=20 --seeds=1 --controls=1",
    "graph_transformers": "--graph=star:2:2,cycle:4 --edges=0,1 --width=4 --states=2 "
    "--steps=9 --seeds=2 --tied_steps=20",
    "grokking_in_loss": "--noise=0,0.1 --seeds=2 --side=8 --size=12 --tests=9 "
    "--channels=2 --steps=8",
    "infinite_depth_kernel": "--size=4,6 --activation=u7,offset --depth=9 --tests=9 "
    "--depth_size=5 --seeds=2 --large=0 --deepest=0",
    "l2_vs_size": "--size=5,9 --width=4 --steps=20 --seeds=2 --fit_seeds=0 "
    "--nopublished",
    "label_noise_arithmetic": "--noise=0,0.5 --modulus=5 --width=4 --steps=10 "
    "--seeds=1 --nopublished",
    "label_noise_first": "--noise=0.3 --modulus=5 --width=4 --steps=10 --seeds=1 "
    "--noimages",
    "label_noise_networks": "--activation=relu --decays=0.1,1 --modulus=5 --width=4 "
    "--steps=10 --seeds=1 --notransformer",
    "label_noise_neurons": "--noise=0,0.5 --modulus=5 --width=4 --steps=10 --seeds=1",
    "layernorm": "--held=none,all --size=8 --batch=4 --first=2 --length=4 --width=8 "
    "--steps=4 --looks=2 --seeds=2",
    "linear_capacity": "--dim=2,4 --size=4,8 --lr=0.01,0.03 --classes=3 --seeds=2 "
    "--steps=3",
    "long_tail": "--masks=6 --noisy_masks=5 --seeds=2 --size=20 --tests=30 --steps=4",
    "pattern_bursts": "--width=8 --layers=1 --size=4 --batch=2 --length=8 --prompt=4 "
    "--steps=6 --looks=3 --random_width=4,8 --few=2 --brief=3 --seeds=2",
    "prompt_memory": "--size=4,8 --prompted=1,4 --rank=1,4 --gains=1,2 --seeds=2 "
    "--steps=5 --width=4",
    "rfm_grokking": "--share=0.6 --kernel=gaussian --p=5 --iterations=2 --seeds=2 "
    "--published_p=5 --operation=quotient",
    "rfm_networks": "--seeds=2 --p=5 --penalty=1e-3 --penalty_width=4 "
    "--penalty_epochs=2 --few_width=4",
    "rfm_symmetry": "--moved=0,1 --kernel=gaussian --p=5 --iterations=2 --seeds=2 "
    "--published_p=0",
    "losses": "--loss=cross_entropy,squentropy --noise=0.1 --seeds=2 --starts=2 "
    "--rates=1e-3 --size=20 --width=4 --steps=5",
    "multiple_descent": "--size=4 --features=3,12 --samples=3,8 --seeds=2 --apart=0.1 "
    "--draws=2",
    "more_is_better": "--size=4,6 --features=3,6 --modes=40 --seeds=2 --steep=2.5 "
    "--share=0,1",
    "edgebank": "--again=0.5 --seeds=2 --nodes=12 --batches=20 --edges=6 --window=3",
    "fact_capacity": "--size=4,8 --power=0,1 --keep=2,4 --width=4 --steps=3 --seeds=2",
    "eigenpro": "--samples=40 --flat=0,5 --anchors=25 --steps=60 --seeds=2 "
    "--batches=1000 --batch_seeds=2 --largest=0 --many=9 --epochs=1 --direct=50",
    "path_star": "--recipe=both,frozen --arms=4 --nodes=3 --sizes=3,4 --width=8 "
    "--pauses=4 --steps=9 --seeds=2 --context_nodes=3 --context_steps=9",
    "ridgeless_circle": "--size=4,6 --a=1,2 --kernel=laplace --seeds=2",
    "rules_and_facts": "--eps=0.3 --lam=0.1,1 --ratio=0,1 --alpha=2 --curve=1,2 "
    "--dim=16 --seeds=2",
    "rules_and_facts_models": "--eps=0.3 --lam=0.1,1 --ratio=1 --kappa=2 --dim=16 "
    "--width=8 --steps=5 --seeds=2",
    "unigram": "--vocab=3,5 --alpha=0.5,1 --width=4 --rates=1e-3,1e-2 --starts=0.02 "
    "--widths=2,4 --seeds=2 --steps=12",
    "tempered": "--size=4,6 --power=2 --ridge=0,1 --modes=30 --draws=2 --dim=1 "
    "--sphere_size=4,6 --kernel=laplace --seeds=2",
}
NAMES = [m.name for m in pkgutil.iter_modules(experiments.__path__) if m.name[0] != "_"]


ALWAYS = "l2_vs_size"  # the one whose command runs in the short suite, too
COMMANDS = [
    n if n == ALWAYS else pytest.param(n, marks=pytest.mark.long) for n in NAMES
]


@pytest.mark.parametrize("name", COMMANDS)
def test_its_command_runs_tiny(name, tmp_path, capsys):
    module = importlib.import_module(f"experiments.{name}")
    code = command(module, [name, *TINY[name].split(), f"--out={tmp_path / 'run'}"])
    assert code == 0, capsys.readouterr().err
    assert (tmp_path / "run" / "figure.png").stat().st_size > 10_000
    assert load(tmp_path / "run" / "results.nc")["main"].data_vars
    records = json.loads((tmp_path / "run" / "claims.json").read_text())
    assert records
    assert all(r["source"] for r in records)
    assert re.search("verdict|not judged", capsys.readouterr().out)


TABLES = [n for n in NAMES if table_of(Path(experiments.__path__[0], n)).exists()]


@pytest.mark.long
@pytest.mark.parametrize("name", TABLES)
def test_its_table_fits_its_sweeps(name):
    module = importlib.import_module(f"experiments.{name}")
    check(module, stated_in_full(module))


@pytest.mark.parametrize("name", TABLES)
def test_a_count_of_seeds_is_so_many_seeds(name):
    module = importlib.import_module(f"experiments.{name}")
    for given, found in ((2, (0, 1)), ((3,), (3,))):
        assert module.sweeps(seeds=given)["main"].grid.axes["seed"] == {"seed": found}


def test_every_table_has_an_experiment():
    tables = Path(experiments.__path__[0], "published").glob("*.csv")
    assert {file.stem for file in tables} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_claims(name):
    module = importlib.import_module(f"experiments.{name}")
    text = module.__doc__
    for part in ("Source:", f"Command: python -m experiments.{name}", "Expected:"):
        assert part in text, part
