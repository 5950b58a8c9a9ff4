"""Results in a tracker: what trackio's own store holds, and what is left out."""

import json
import sqlite3

import numpy as np
import xarray as xr

import memjax as mj

RESULTS = xr.Dataset(
    {
        "loss": (("lr", "seed", "step"), [[[2, 1], [4, np.nan]], [[8, 6], [6, 2]]]),
        "norm": (("lr", "seed"), [[1.0, 2.0], [3.0, 5.0]]),
        "spectrum": (("lr", "seed", "eigen"), np.ones((2, 2, 3))),
        "status": (("lr", "seed"), [["ok", "diverged"], ["ok", "ok"]]),
        "diverged_at": (("lr", "seed"), [[-1, 10], [-1, -1]]),
    },
    {"lr": [0.001, 0.01], "seed": [0, 1], "step": [0, 10]},
)
FIRST = {"loss/lr=0.001": 3, "loss/lr=0.01": 7}
LAST = {"loss/lr=0.001": 1, "loss/lr=0.01": 4, "norm/lr=0.001": 1.5, "norm/lr=0.01": 4}


class Recorder:
    def __init__(self):
        self.calls = []

    def log(self, values, step=None):
        self.calls.append((step, values))


def test_every_setting_is_a_curve_of_means_and_deviations():
    seen = Recorder()
    mj.track(RESULTS, seen)
    (first, start), (last, end) = seen.calls
    assert (first, last) == (0, 10)
    assert FIRST.items() <= start.items() and LAST.items() <= end.items()
    assert start["loss_sd/lr=0.001"] == np.sqrt(2)
    assert "loss_sd/lr=0.001" not in end  # of one seed
    assert end["diverged"] == 1 and "diverged" not in start
    assert not any("spectrum" in name or "status" in name for name in {**start, **end})


def test_what_has_no_steps_is_logged_once():
    seen = Recorder()
    mj.track(RESULTS.isel(lr=0), seen, "norm")
    ((step, values),) = seen.calls
    assert step is None and values.keys() == {"norm", "norm_sd", "diverged"}


def test_trackio_has_what_was_tracked(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    import trackio
    from trackio import utils

    monkeypatch.setattr(utils, "TRACKIO_DIR", tmp_path)
    run = trackio.init(project="memjax", name="sweep", embed=False, auto_log_cpu=False)
    mj.track(RESULTS, run)
    run.finish()
    (file,) = tmp_path.glob("*.db")
    with sqlite3.connect(file) as store:
        rows = store.execute(
            "select step, metrics from metrics order by step"
        ).fetchall()
    (first, start), (last, end) = rows
    assert (first, last) == (0, 10)
    assert FIRST.items() <= json.loads(start).items()
    assert LAST.items() <= json.loads(end).items()
