"""JAX by hand: AdamW, three layouts of many runs, and both problems."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from benchmarks.jax_sequences import sequence_loss
from benchmarks.processes import cores
from benchmarks.workload import Workload, dealt

TILE = 512  # rows whose activations stay in a core's cache
Params = tuple[jax.Array, ...]


class Lane(NamedTuple):
    """One run as arrays; stacked, many."""

    data: Any
    params: Params
    lr: Any
    wd: Any
    rows: Any


def trained(
    slope: Callable[[Params], Params],
    see: Callable[[Params], jax.Array],
    lane: Lane,
    steps: int,
    every: int,
) -> tuple[jax.Array, jax.Array]:
    """The last norm, and all that was seen before every so many steps of AdamW."""

    def step(t: Any, state: tuple) -> tuple:
        p, m, v = state
        moved = [
            adamw(*parts, t + 1.0, lane)
            for parts in zip(p, slope(p), m, v, strict=True)
        ]
        return tuple(zip(*moved, strict=True))

    def leg(state: tuple, k: Any) -> tuple:
        seen = see(state[0])
        return jax.lax.fori_loop(k * every, (k + 1) * every, step, state), seen

    zero = tuple(map(jnp.zeros_like, lane.params))
    begin = (lane.params, zero, zero)
    end: tuple = jax.lax.scan(leg, begin, jnp.arange(steps // every))
    (p, *_), seen = end
    return l2(p), seen


def adamw(
    p: jax.Array, g: jax.Array, m: jax.Array, v: jax.Array, t: Any, lane: Lane
) -> tuple:
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    up = m / (1 - 0.9**t) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return p - lane.lr * (up + lane.wd * p), m, v


def l2(p: Params) -> jax.Array:
    return jnp.sqrt(sum(jnp.sum(a * a) for a in p))


# --- the problems -------------------------------------------------------------------


def mlp_forward(p: Params, x: jax.Array) -> jax.Array:
    h = jax.nn.relu(x @ p[0] + p[1])
    return jax.nn.relu(h @ p[2] + p[3]) @ p[4] + p[5]


def likelihood(z: jax.Array, y: jax.Array) -> jax.Array:
    chosen = y[:, None] == jnp.arange(z.shape[1])
    return jnp.sum(jnp.where(chosen, jax.nn.log_softmax(z), 0.0), axis=1)


def mlp_loss(p: Params, data: tuple) -> jax.Array:
    x, y, w = data
    return -jnp.sum(w * likelihood(mlp_forward(p, x), y))


def mlp_score(p: Params, data: tuple) -> jax.Array:
    x, y, w = data
    z = mlp_forward(p, x)
    right = jnp.argmax(z, axis=1) == y
    return jnp.stack([-jnp.sum(w * likelihood(z, y)), jnp.sum(w * right)])


def mlp_run(lane: Lane, steps: int, every: int, tiled: bool = False) -> tuple:
    """A run of the MLP; `tiled` walks only the row tiles that carry weight."""
    train, test = lane.data
    over = partial(over_tiles, rows=lane.rows) if tiled else (lambda f, data: f(data))

    def slope(p: Params) -> Params:
        return over(lambda part: jax.grad(mlp_loss)(p, part), train)

    def see(p: Params) -> jax.Array:
        a, b = (over(lambda part: mlp_score(p, part), data) for data in (train, test))
        return jnp.stack([a[0], b[0], a[1], b[1], l2(p)])

    return trained(slope, see, lane, steps, every)


def over_tiles(f: Callable, data: tuple, rows: Any) -> Any:
    """The sum of `f` over the tiles that hold the first `rows` rows."""
    tiles = jax.tree.map(lambda a: a.reshape(-1, TILE, *a.shape[1:]), data)

    def at(i: Any) -> tuple:
        return jax.tree.map(lambda a: a[i], tiles)

    def add(i: Any, total: Any) -> Any:
        return jax.tree.map(jnp.add, total, f(at(i)))

    shapes = jax.eval_shape(f, at(0))
    zero = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    return jax.lax.fori_loop(0, -(-rows // TILE), add, zero)


def graph_run(lane: Lane, steps: int, every: int, law: np.ndarray) -> tuple:
    """A run of the tied embedding."""

    def loss(p: Params) -> jax.Array:
        log_p = jax.nn.log_softmax(p[0] @ p[0].T)
        return -jnp.sum(law * log_p) / len(law)

    return trained(jax.grad(loss), lambda p: loss(p)[None], lane, steps, every)


def sequence_run(lane: Lane, steps: int, every: int) -> tuple:
    """A run of the transformer."""
    loss = partial(sequence_loss, data=lane.data)
    return trained(jax.grad(loss), lambda p: loss(p)[None], lane, steps, every)


# --- from runs to lanes -------------------------------------------------------------


def mlp_lane(run: Any, rows: int) -> Lane:
    """A run as arrays of so many rows, of which the first ones carry weight."""
    x, y, test_x, test_y = (np.resize(a, (rows, *a.shape[1:])) for a in run.data)
    w = (np.arange(rows) < run.rows).astype(np.float32) / run.rows
    data = (x, y, w), (test_x, test_y, w)
    return Lane(data, run.params, np.float32(run.lr), np.float32(run.wd), run.rows)


def graph_lane(run: Any, rows: int) -> Lane:
    """A run as arrays; its one law is shared and not among them."""
    return Lane((), run.params, np.float32(run.lr), np.float32(run.wd), rows)


def sequence_lane(run: Any, rows: int) -> Lane:
    """A run as arrays."""
    return Lane(run.data, run.params, np.float32(run.lr), np.float32(run.wd), rows)


def stacked(lanes: list[Lane]) -> Lane:
    return jax.tree.map(lambda *a: jnp.asarray(np.stack(a)), *lanes)


def parts(workload: Workload, tiled: bool = False) -> tuple[Callable, Callable]:
    """What one lane does, and how a run becomes a lane, for a workload's problem."""
    jax.config.update("jax_default_matmul_precision", "highest")  # as memjax asks for
    times: dict[str, Any] = {"steps": workload.steps, "every": workload.log_every}
    if workload.problem == "mlp":
        return partial(mlp_run, **times, tiled=tiled), mlp_lane
    if workload.problem == "sequence":
        return partial(sequence_run, **times), sequence_lane
    return partial(graph_run, **times, law=workload.runs[0].data[0]), graph_lane


def answers(found: tuple) -> np.ndarray:
    """The last norm, and what was seen last before: [runs, 1 + observed]."""
    norm, seen = map(np.asarray, found)
    return np.concatenate([norm[:, None], seen[:, -1]], axis=1)


# --- the layouts --------------------------------------------------------------------


def everything(workload: Workload) -> Callable[[], np.ndarray]:
    """All runs in one vmap, padded to the longest: what everybody tries first."""
    one, lane = parts(workload)
    most = max(run.rows for run in workload.runs)
    lanes = stacked([lane(run, most) for run in workload.runs])
    program = jax.jit(jax.vmap(one))
    return lambda: answers(program(lanes))


def one_each(workload: Workload) -> Callable[[], np.ndarray]:
    """A jitted run, called for one run after another; compiled once for each size."""
    one, lane = parts(workload)
    lanes = [jax.tree.map(jnp.asarray, lane(r, r.rows)) for r in workload.runs]
    program = jax.jit(one)

    def run() -> np.ndarray:
        found = [program(lane) for lane in lanes]
        return answers(tuple(map(np.stack, zip(*found, strict=True))))

    return run


def batched(workload: Workload, chunk: int, tiled: bool) -> Callable[[], np.ndarray]:
    """memjax's layout by hand: devices, on each chunks in sequence, a vmap in each."""
    if jax.config.values["jax_num_cpu_devices"] == -1:
        jax.config.update("jax_num_cpu_devices", len(cores()))
    one, lane = parts(workload, tiled)
    rows = [run.rows for run in workload.runs]
    hand = -(-len(rows) // (jax.device_count() * chunk)) * chunk
    hands = dealt(rows, jax.device_count(), hand)
    filled = [(h + [h[-1] if h else 0] * hand)[:hand] for h in hands]  # with copies
    order = np.concatenate(filled)
    most = -(-max(rows) // TILE) * TILE if tiled else max(rows)
    lanes = stacked([lane(workload.runs[i], most) for i in order])
    _, first = np.unique(order, return_index=True)  # each run's own place
    program = jax.jit(mapped(one, chunk))
    return lambda: answers(program(lanes))[first]


def mapped(one: Callable, chunk: int) -> Callable:
    """`one` over lanes: devices side by side, chunks in sequence, a vmap inside."""

    def on_device(lanes: Lane) -> tuple:
        if chunk == 1:
            return jax.lax.map(one, lanes)
        cut = jax.tree.map(lambda a: a.reshape(-1, chunk, *a.shape[1:]), lanes)
        found = jax.lax.map(jax.vmap(one), cut)
        return jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), found)

    auto = (AxisType.Auto,)
    mesh = jax.make_mesh((jax.device_count(),), ("lane",), axis_types=auto)
    along = P("lane")
    return jax.shard_map(
        on_device, mesh=mesh, in_specs=(along,), out_specs=along, check_vma=False
    )
