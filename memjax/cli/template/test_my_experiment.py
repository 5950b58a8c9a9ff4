"""my_experiment against numpy's least squares; its table; its command, tiny."""

from pathlib import Path

import my_experiment
import numpy as np

import memjax as mj
from memjax.claims import check
from memjax.cli.flags import stated_in_full
from memjax.cli.launch import command

mj.use_all_cores()


def test_training_ends_where_least_squares_does() -> None:
    run = my_experiment.run
    found = mj.sweep(run, size=[10, 40], lr=0.1, seed=[0, 1], dim=20, steps=1000)
    for size in (10, 40):
        for seed in (0, 1):
            x, y = (np.asarray(a)[:size] for a in my_experiment.drawn(seed, 40, 20))
            left = np.mean((x @ np.linalg.lstsq(x, y)[0] - y) ** 2)
            ended = found.loss.sel(size=size, seed=seed, step=1000)
            np.testing.assert_allclose(ended, left, atol=1e-4)


def test_the_table_fits_the_sweeps() -> None:
    check(my_experiment, stated_in_full(my_experiment))


def test_the_command_runs(tmp_path: Path) -> None:
    tiny = ["--size=5,40", "--seeds=2", f"--out={tmp_path / 'run'}"]
    assert command(my_experiment, ["my_experiment", *tiny]) == 0
    assert (tmp_path / "run" / "figure.png").exists()
