"""What the devices here do in a second: measured once, and kept beside the programs."""

import json
import math
import os
import platform
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import jaxpr_as_fun
from jax.sharding import PartitionSpec as P

from memjax.engine.asked.settings import precisely, version
from memjax.engine.planned.machines import LEAVING, Machine, Prices
from memjax.engine.planned.work import Work, work
from memjax.engine.run.mesh import lane_mesh, on_every_device

TIMES = 5  # each is timed; the median counts, for a clock may slip
AT_LEAST = 0.003  # seconds that a timed call takes, about
FORM = 3  # of prices: those in a file of another are of other work


def measured(machine: Machine) -> Prices:
    """The prices of a machine that is here, measured if they are not known.

    They decide how work is cut and what is said of it beforehand, never a number.
    """
    return _known(machine, price_file(machine))


def price_file(machine: Machine) -> Path:
    """Where the prices of a kind of device are kept.

    On an accelerator the precision of products decides their rate, too.
    """
    words = [FORM, machine.kind, version("jaxlib")]
    if machine.platform != "cpu":
        words += [jax.config.values["jax_default_matmul_precision"] or "highest"]
    name = "-".join("".join(c if c.isalnum() else "_" for c in str(w)) for w in words)
    return cache_folder() / f"prices-{name}.json"


def cache_folder() -> Path:
    """Where compiled programs are kept: where JAX was told to, or the user's cache."""
    told = jax.config.values["jax_compilation_cache_dir"]
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(told or Path(base, "memjax", f"{platform.machine()}-{jax.__version__}"))


@lru_cache
def _known(machine: Machine, file: Path) -> Prices:
    try:
        return Prices(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        prices = measure(machine)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(prices._asdict()))
        draft.replace(file)
    except OSError:
        pass  # measured again by the next process, then
    return prices


def measure(machine: Machine, timed: Callable[..., float] | None = None) -> Prices:
    """Prices by which the sample programs take as long as they do.

    A CPU starts kernels at no cost to speak of.
    """
    timed = timed or seconds_of
    spent, did, on_cpu = {}, {}, machine.platform == "cpu"
    with precisely(False), jax.enable_x64(False):
        for name in [n for n in SAMPLES if n != "starts" or not on_cpu]:
            step, *shapes = SAMPLES[name]
            alone = name == "factors" and on_cpu  # as in a sweep
            lead = () if alone else (machine.lanes or 512,)
            state = [_in_no_order((*lead, *s)) for s in shapes]
            traced = jax.make_jaxpr(step if alone else jax.vmap(step))(*state)
            did[name] = work(traced.jaxpr)
            spent[name] = timed(machine, jaxpr_as_fun(traced), state)
    found = _solved(spent, did)
    return found._replace(large=found.elements / LEAVING) if on_cpu else found


def _solved(spent: dict[str, float], did: dict[str, Work]) -> Prices:
    """The prices at which each sample takes its seconds, one kind of work at a time.

    What a sample is for takes a tenth of its seconds at least, whatever the noise.
    """
    found = Prices(np.inf, np.inf, np.inf, np.inf, np.inf)
    mainly = {
        "products": "flops",
        "chains": "elements",
        "curves": "slow",
        "folds": "single",
        "factors": "factors",
    }
    for _ in range(20):  # each sample does a little of what the others are for
        if "starts" in spent:
            starts = spent["starts"]
            kernel = max(starts - did["starts"].seconds(found), starts / 10)
            found = found._replace(kernel=kernel / (did["starts"].kernels + 1))
        for name, kind in mainly.items():
            rest = found._replace(**{kind: np.inf})
            known = did[name].seconds(rest) + found.kernel * (did[name].kernels + 1)
            left = max(spent[name] - known, spent[name] / 10)
            found = found._replace(**{kind: getattr(did[name], kind) / left})
    return Prices(*(float(f"{price:.2g}") for price in found))


def seconds_of(machine: Machine, step: Callable, state: Any) -> float:
    """The seconds of one step of a loop, on all devices side by side as in a sweep."""

    def walked(count: Any, state: list) -> list:
        state = jax.lax.fori_loop(0, count, lambda _, s: step(*s), state)
        return [jnp.ravel(a)[:1] for a in state]

    places: dict[str, Any] = {"in_specs": P(), "out_specs": P("lane")}
    side_by_side = jax.shard_map(walked, mesh=lane_mesh(machine), **places)
    placed, whole = on_every_device(state, machine), jax.jit(side_by_side)
    program = whole.lower(np.int32(1), placed)
    run, count = program.compile(dict(machine.options)), 4

    def timed() -> float:
        """The seconds of a call; on CPUs, where others may be busy, a device's own."""
        on_cpu = machine.platform == "cpu"
        clock = time.process_time if on_cpu else time.perf_counter
        began = clock()
        jax.block_until_ready(run(np.int32(count), placed))
        return (clock() - began) / (machine.devices if on_cpu else 1)

    for _ in range(2):  # of a few, most is what a call takes to start
        count = max(count, int(count * AT_LEAST / timed()))
    return median(timed() for _ in range(TIMES)) / count


# --- samples --------------------------------------------------------------------------


def _in_no_order(shape: tuple[int, ...]) -> np.ndarray:
    """Numbers that a factorization finds no pattern in."""
    count = np.arange(math.prod(shape), dtype=float)
    return (0.1 * np.sin(count**2)).reshape(shape).astype(np.float32)


def _products(x: jax.Array, into: jax.Array) -> list:
    """A step of a network's descent in a wide layer that it has twice."""

    def cost(into: jax.Array) -> jax.Array:
        return jnp.mean(jax.nn.relu(jax.nn.relu(x @ into) @ into))

    return [x, into - 1e-6 * jax.grad(cost)(into)]


def _chains(w: jax.Array, slope: jax.Array, mean: jax.Array) -> list:
    """A step of a descent alone: sums and products, one after another."""
    mean = 0.9 * mean + 0.1 * slope
    moved = w - 1e-3 * (mean + 0.1 * slope * jnp.abs(slope)) * (1.0 - 1e-4 * w)
    return [moved, 0.999 * slope, mean]


def _curves(x: jax.Array) -> list:
    """Functions of numbers that are not sums and products."""
    return [jnp.tanh(x) + 0.1 * jnp.exp(-x * x)]


def _folds(x: jax.Array) -> list:
    """Sums of short rows, and of what is left of them."""
    left = x - 0.9 * jnp.mean(x, axis=-1, keepdims=True)
    return [left - 0.1 * jnp.sum(left, axis=-1, keepdims=True)]


def _factors(x: jax.Array) -> list:
    """Eigenvectors and a factor of a matrix that has both."""
    gram = x @ x.T + jnp.eye(len(x))
    vectors, _ = jax.lax.linalg.eigh(gram)
    return [x + 1e-6 * (vectors + jax.lax.linalg.cholesky(gram))]


def _starts(x: jax.Array) -> list:
    """Products too small to matter, each of which waits for the one before."""
    for _ in range(4):
        x = 0.1 * (x @ x)
    return [x]


SAMPLES: dict[str, tuple] = {
    "starts": (_starts, (2, 2)),
    "products": (_products, (100, 100), (100, 100)),
    "chains": (_chains, (64, 64), (64, 64), (64, 64)),
    "curves": (_curves, (64, 64)),
    "folds": (_folds, (256, 16)),
    "factors": (_factors, (96, 96)),
}
