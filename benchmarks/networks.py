"""The MLP workloads (W1, W2) done by every peer, on the same data and weights."""

import functools
import os
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr

import memjax as mj

WIDTHS = (9, 100, 100, 17)
FLOP_PER_ROW = 6 * (9 * 100 + 100 * 100 + 100 * 17)  # forward and backward
model = mj.models.mlp(WIDTHS)


class Grid(NamedTuple):
    """Runs to be done: one row of each array a run."""

    size: np.ndarray
    lr: np.ndarray
    wd: np.ndarray
    seed: np.ndarray
    steps: int
    log_every: int

    @property
    def gflop(self) -> float:
        return float(self.size.sum()) * self.steps * FLOP_PER_ROW / 1e9


# --- memjax, as a user writes it ----------------------------------------------------


def loss(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
    return mj.losses.cross_entropy(model.apply(params, x), y)


def score(params: Any, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    logits = model.apply(params, x)
    return mj.losses.cross_entropy(logits, y), mj.observables.accuracy(logits, y)


def draw(size: Any, seed: Any, capacity: int) -> tuple[mj.Data, mj.Data, Any]:
    """Train set, test set and initial weights of a run."""
    keys = jax.random.split(jax.random.key(seed), 3)
    dataset = mj.datasets.random_labels(9, 17, capacity)
    return dataset(keys[0], size), dataset(keys[1], size), model.init(keys[2])


def run(
    size: Any, lr: Any, wd: Any, seed: Any, *, capacity: int, steps: int, log_every: int
) -> mj.Legs:
    train, test, params = draw(size, seed, capacity)

    def observe(params: Any) -> dict[str, jax.Array]:
        train_loss, train_accuracy = mj.expect(functools.partial(score, params), train)
        test_loss, test_accuracy = mj.expect(functools.partial(score, params), test)
        return {
            "train_loss": train_loss,
            "test_loss": test_loss,
            "train_accuracy": train_accuracy,
            "test_accuracy": test_accuracy,
            "weight_l2": mj.observables.l2(params),
        }

    times = mj.every(log_every, steps)
    optimizer = optax.adamw(lr, weight_decay=wd)
    return mj.train(loss, optimizer, observe, times)(params, train)


def memjax_sweep(grid: Grid, product: dict[str, Any]) -> xr.Dataset:
    """The grid as one public call; `product` holds its axes."""
    return mj.sweep(run, **product, steps=grid.steps, log_every=grid.log_every)


# --- what the peers are given -------------------------------------------------------


@functools.cache
def given(size: int, seed: int) -> tuple[np.ndarray, ...]:
    """Train set, test set and weights of one run, as numpy arrays."""
    train, test, params = jax.jit(draw, static_argnums=2)(size, seed, size)
    flat = [a for layer in params for a in (layer["w"], layer["b"])]
    arrays = (train.x, train.y, test.x, test.y, *flat)
    return tuple(np.asarray(a) for a in arrays)


def runs_of(grid: Grid) -> list[tuple]:
    """Each run's data and numbers."""
    rows = zip(grid.size, grid.lr, grid.wd, grid.seed, strict=True)
    return [(given(int(n), int(s)), float(lr), float(wd)) for n, lr, wd, s in rows]


# --- PyTorch ------------------------------------------------------------------------


def torch_loop(
    runs: list[tuple], steps: int, log_every: int, fused: bool, threads: int | None
) -> np.ndarray:
    """The loop as most people write it, one run after another; `fused` for experts."""
    import torch

    torch.set_num_threads(threads or os.cpu_count() or 1)
    norms = []
    for (x, y, test_x, test_y, *flat), lr, wd in runs:
        x, test_x = torch.tensor(x), torch.tensor(test_x)
        y, test_y = torch.tensor(y).long(), torch.tensor(test_y).long()
        net = torch_net(torch, flat)
        optimizer = torch.optim.AdamW(
            net.parameters(), lr=lr, weight_decay=wd, fused=fused or None
        )
        cost = torch.nn.functional.cross_entropy
        for step in range(steps + 1):
            if step % log_every == 0:
                with torch.no_grad():
                    for a, b in ((x, y), (test_x, test_y)):
                        z = net(a)
                        cost(z, b).item()
                        (z.argmax(1) == b).float().mean().item()
            if step < steps:
                optimizer.zero_grad()
                cost(net(x), y).backward()
                optimizer.step()
        squares = sum(float((p.detach() ** 2).sum()) for p in net.parameters())
        norms.append(squares**0.5)
    return np.array(norms)


def torch_net(torch: Any, flat: list[np.ndarray]) -> Any:
    """The network with given weights."""
    linears = [torch.nn.Linear(w.shape[0], w.shape[1]) for w in flat[::2]]
    with torch.no_grad():
        for linear, w, b in zip(linears, flat[::2], flat[1::2], strict=True):
            linear.weight.copy_(torch.tensor(w.T.copy()))
            linear.bias.copy_(torch.tensor(b))
    relu = torch.nn.ReLU
    return torch.nn.Sequential(linears[0], relu(), linears[1], relu(), linears[2])


def torch_vmap(runs: list[tuple], steps: int, log_every: int) -> np.ndarray:
    """All runs at once by `torch.func.vmap`, padded to the longest."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    longest = max(len(data[0]) for data, _, _ in runs)

    def stack(i: int) -> Any:
        return torch.stack(
            [
                torch.tensor(np.resize(d[i], (longest, *d[i].shape[1:])))
                for d, _, _ in runs
            ]
        )

    x, y, test_x, test_y = stack(0), stack(1).long(), stack(2), stack(3).long()
    sizes = torch.tensor([len(d[0]) for d, _, _ in runs])
    w = (torch.arange(longest)[None] < sizes[:, None]) / sizes[:, None]
    params = [
        torch.stack([torch.tensor(d[4 + i]) for d, _, _ in runs]) for i in range(6)
    ]
    lr = torch.tensor([lr for _, lr, _ in runs])
    wd = torch.tensor([wd for _, _, wd in runs])

    def forward(p: list, x: Any) -> Any:
        h = torch.relu(x @ p[0] + p[1])
        return torch.relu(h @ p[2] + p[3]) @ p[4] + p[5]

    def objective(p: list, x: Any, y: Any, w: Any) -> Any:
        return (
            w * torch.nn.functional.cross_entropy(forward(p, x), y, reduction="none")
        ).sum()

    slope = torch.func.vmap(torch.func.grad(objective))
    look = torch.func.vmap(objective)
    m, v = [torch.zeros_like(p) for p in params], [torch.zeros_like(p) for p in params]
    for step in range(steps + 1):
        if step % log_every == 0:
            look(params, x, y, w)
            look(params, test_x, test_y, w)
        if step == steps:
            break
        slopes = slope(params, x, y, w)
        for i, g in enumerate(slopes):
            m[i] = 0.9 * m[i] + 0.1 * g
            v[i] = 0.999 * v[i] + 0.001 * g * g
            up = (m[i] / (1 - 0.9 ** (step + 1))) / (
                (v[i] / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8
            )
            shape = (-1, *[1] * (up.ndim - 1))
            params[i] = params[i] - lr.view(shape) * (up + wd.view(shape) * params[i])
    return np.array(sum((p**2).flatten(1).sum(1) for p in params).sqrt())


# --- JAX by hand --------------------------------------------------------------------


def forward(p: list[jax.Array], x: jax.Array) -> jax.Array:
    h = jax.nn.relu(x @ p[0] + p[1])
    return jax.nn.relu(h @ p[2] + p[3]) @ p[4] + p[5]


def objective(p: list, x: jax.Array, y: jax.Array, w: jax.Array) -> jax.Array:
    log_p = jax.nn.log_softmax(forward(p, x))
    return -jnp.sum(w * jnp.take_along_axis(log_p, y[:, None], 1)[:, 0])


def look(p: list, x: jax.Array, y: jax.Array, w: jax.Array) -> tuple[jax.Array, ...]:
    z = forward(p, x)
    log_p = jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1)[:, 0]
    return -jnp.sum(w * log_p), jnp.sum(w * (jnp.argmax(z, 1) == y))


def adamw(
    p: jax.Array, g: jax.Array, m: jax.Array, v: jax.Array, t: Any, lr: Any, wd: Any
) -> tuple:
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    up = (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return p - lr * (up + wd * p), m, v


def whole_run(
    slope: Any, see: Any, p: list, data: tuple, lr: Any, wd: Any, steps: int, every: int
) -> jax.Array:
    """A run by hand: legs of steps, what is seen between, the norm at the end."""
    x, y, test_x, test_y, w = data

    def step(t: Any, state: tuple) -> tuple:
        p, m, v = state
        g = slope(p, x, y, w)
        done = [adamw(*row, t + 1.0, lr, wd) for row in zip(p, g, m, v, strict=True)]
        return tuple([list(part) for part in zip(*done, strict=True)])

    def leg(state: tuple, k: Any) -> tuple:
        seen = see(state[0], x, y, w), see(state[0], test_x, test_y, w)
        return jax.lax.fori_loop(k * every, (k + 1) * every, step, state), seen

    zero = [jnp.zeros_like(a) for a in p]
    state, seen = jax.lax.scan(leg, (p, zero, zero), jnp.arange(steps // every))
    last = see(state[0], x, y, w), see(state[0], test_x, test_y, w)
    norm = jnp.sqrt(sum(jnp.sum(a**2) for a in state[0]))
    # Everything seen is an output in effect: it must not be dead code.
    return norm + 0 * sum(jnp.sum(a) for a in jax.tree.leaves((seen, last)))


def padded(runs: list[tuple], rows: int) -> tuple:
    """The runs' arrays stacked, each data set padded to so many rows."""

    def stack(i: int) -> jnp.ndarray:
        return jnp.stack([np.resize(d[i], (rows, *d[i].shape[1:])) for d, _, _ in runs])

    sizes = np.array([len(d[0]) for d, _, _ in runs])
    w = (np.arange(rows)[None] < sizes[:, None]) / sizes[:, None]
    data = (stack(0), stack(1), stack(2), stack(3), jnp.asarray(w, jnp.float32))
    params = [jnp.stack([d[4 + i] for d, _, _ in runs]) for i in range(6)]
    lr, wd = (jnp.array([r[i] for r in runs]) for i in (1, 2))
    return params, data, lr, wd


def seconds_of(call: Any) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
