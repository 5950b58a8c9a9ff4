"""What the devices here do in a second: measured once, and kept beside the programs."""

import json
import os
import platform
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from memjax.engine.asked.settings import precisely, version
from memjax.engine.planned.machines import Machine, Prices
from memjax.engine.planned.work import Work, work

TIMES = 3  # each is timed; the fastest counts
AT_LEAST = 0.005  # seconds that a timed call takes, about


def measured(machine: Machine) -> Prices:
    """The prices of a machine that is here, measured if they are not known.

    They decide how work is cut and what is said of it beforehand, never a number.
    """
    return _known(machine, price_file(machine))


def price_file(machine: Machine) -> Path:
    """Where the prices of a kind of device are kept.

    On an accelerator the precision of products decides their rate, too.
    """
    words = [machine.kind, version("jaxlib")]
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
    """Prices by which the sample programs take as long as they do."""
    timed = timed or seconds_of
    spent, did = {}, {}
    with precisely(False), jax.enable_x64(False):
        for name, (step, *shapes) in SAMPLES.items():
            alone = name == "factors" and machine.platform == "cpu"  # as in a sweep
            lead = () if alone else (machine.lanes or 512,)
            state = [jnp.full((*lead, *s), 0.1, jnp.float32) for s in shapes]
            mapped = step if alone else jax.vmap(step)
            did[name] = work(jax.make_jaxpr(mapped)(*state).jaxpr)
            spent[name] = timed(machine, mapped, state)
    return _solved(spent, did)


def _solved(spent: dict[str, float], did: dict[str, Work]) -> Prices:
    """The prices at which each sample takes its seconds, one kind of work at a time.

    What a sample is for takes a tenth of its seconds at least, whatever the noise.
    """
    found = Prices(np.inf, np.inf, np.inf, np.inf)
    mainly = {
        "products": "flops",
        "chains": "elements",
        "passes": "slow",
        "factors": "factors",
    }
    for _ in range(20):  # each sample does a little of what the others are for
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
    """The seconds of one step of a loop on one device."""

    def walked(count: Any, state: list) -> list:
        return jax.lax.fori_loop(0, count, lambda _, s: step(*s), state)

    device = machine.jax_devices[0]
    placed = jax.device_put(state, device)
    program = jax.jit(walked).lower(np.int32(1), placed)
    run = program.compile(dict(machine.options))
    count, spent = 4, 0.0
    while spent < AT_LEAST and count < 2**20:
        count *= 4
        spent = min(_timed(run, count, placed) for _ in range(TIMES))
    return spent / count


def _timed(run: Callable, count: int, state: list) -> float:
    """The seconds of a call; those of its threads on a CPU, where others may be busy.

    They are what a call takes in a sweep, in which all devices are at work.
    """
    on_cpu = jax.tree.leaves(state)[0].device.platform == "cpu"
    clock = time.process_time if on_cpu else time.perf_counter
    began = clock()
    jax.block_until_ready(run(np.int32(count), state))
    return clock() - began


# --- samples --------------------------------------------------------------------------


def _trained(cost: Callable, *weights: jax.Array) -> list:
    """One step of a descent with a memory, as most runs take."""
    slopes = jax.grad(cost, range(len(weights)))(*weights)
    return [w - 1e-3 * s / (jnp.sqrt(s**2) + 1.0) for w, s in zip(weights, slopes)]  # noqa: B905


def _products(x: jax.Array, into: jax.Array, out: jax.Array) -> list:
    """A step of a network of one wide layer."""

    def cost(into: jax.Array, out: jax.Array) -> jax.Array:
        logits = jax.nn.relu(jax.nn.relu(x @ into) @ into) @ out
        return -jnp.mean(jax.nn.log_softmax(logits)[:, 0])

    return [x, *_trained(cost, into, out)]


def _chains(w: jax.Array, slope: jax.Array, mean: jax.Array) -> list:
    """A step of a descent alone: sums and products, one after another."""
    mean = 0.9 * mean + 0.1 * slope
    moved = w - 1e-3 * (mean + 0.1 * slope * jnp.abs(slope)) * (1.0 - 1e-4 * w)
    return [moved, 0.999 * slope, mean]


def _passes(x: jax.Array, mix: jax.Array, out: jax.Array) -> list:
    """A step of a small layer of attention between norms."""

    def normed(x: jax.Array) -> jax.Array:
        x = x - jnp.mean(x, axis=-1, keepdims=True)
        return x * jax.lax.rsqrt(jnp.mean(x**2, axis=-1, keepdims=True) + 1e-6)

    def cost(mix: jax.Array, out: jax.Array) -> jax.Array:
        seen = normed(x @ mix)  # [sequences, tokens, width]
        scores = jax.nn.softmax(seen @ jnp.swapaxes(seen, 1, 2))
        logits = jax.nn.gelu(normed(scores @ seen + x)) @ out
        return -jnp.mean(jax.nn.log_softmax(logits)[..., 0])

    return [x, *_trained(cost, mix, out)]


def _factors(x: jax.Array) -> list:
    """Eigenvectors and a factor of a matrix that has both."""
    i = jnp.arange(1.0, 1.0 + len(x))
    rows = jnp.sin(i[:, None] ** 2 * i[None, :]) + 1e-3 * x  # in no order
    gram = rows @ rows.T / len(x) + jnp.eye(len(x))
    values, vectors = jnp.linalg.eigh(gram)
    return [0.1 * (vectors * values[None, :] + jnp.linalg.cholesky(gram))]


def _starts(x: jax.Array) -> list:
    """Products too small to matter, each of which waits for the one before."""
    for _ in range(8):
        x = 0.1 * (x @ x)
    return [x]


SAMPLES: dict[str, tuple] = {
    "starts": (_starts, (2, 2)),
    "products": (_products, (100, 100), (100, 100), (100, 17)),
    "chains": (_chains, (64, 64), (64, 64), (64, 64)),
    "passes": (_passes, (16, 12, 16), (16, 16), (16, 10)),
    "factors": (_factors, (96, 96)),
}
