"""PyTorch: the loop as most write it, as an expert writes it, and `torch.func.vmap`."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy, log_softmax

from benchmarks.torch_sequences import sequence_problem
from benchmarks.workload import Run, Workload

WHERE = "cuda" if torch.cuda.is_available() else "cpu"


# --- loops --------------------------------------------------------------------------


def loop(workload: Workload, fused: bool = False) -> Callable[[], np.ndarray]:
    """One run after another, on PyTorch's own number of threads."""
    problems = {
        "mlp": mlp_problem,
        "graph": graph_problem,
        "sequence": sequence_problem,
    }
    times = (workload.steps, workload.log_every)
    done = partial(trained, problems[workload.problem], *times, fused)
    return lambda: np.array([done(run) for run in workload.runs])


def expert(workload: Workload) -> Callable[[], np.ndarray]:
    """The loop with the fused optimizer, on one thread of a pinned process."""
    torch.set_num_threads(1)
    return loop(workload, fused=True)


def trained(
    problem: Callable, steps: int, every: int, fused: bool, run: Run
) -> list[float]:
    """The last norm, and what was seen last before."""
    parameters, cost, see = problem(run)
    optimizer = torch.optim.AdamW(
        parameters, lr=run.lr, weight_decay=run.wd, fused=fused or None
    )
    seen = []
    for t in range(steps):
        if t % every == 0:
            with torch.no_grad():
                seen = see()
        optimizer.zero_grad()
        cost().backward()
        optimizer.step()
    return [norm(parameters), *seen]


def norm(parameters: list[Any]) -> float:
    with torch.no_grad():
        return sum((p * p).sum() for p in parameters).sqrt().item()


def mlp_problem(run: Run) -> tuple[list, Callable, Callable]:
    """The parameters, the cost to step on, and what to observe."""
    x, y, test_x, test_y = (torch.tensor(a, device=WHERE) for a in run.data)
    y, test_y = y.long(), test_y.long()
    net = network(run.params)
    parameters = list(net.parameters())

    def see() -> list[float]:
        z, test_z = net(x), net(test_x)
        return [
            cross_entropy(z, y).item(),
            cross_entropy(test_z, test_y).item(),
            (z.argmax(1) == y).float().mean().item(),
            (test_z.argmax(1) == test_y).float().mean().item(),
            norm(parameters),
        ]

    return parameters, lambda: cross_entropy(net(x), y), see


def network(params: tuple[np.ndarray, ...]) -> torch.nn.Module:
    """The MLP with given weights."""
    layers: list[torch.nn.Module] = []
    for w, b in zip(params[::2], params[1::2], strict=True):
        linear = torch.nn.Linear(*w.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(w.T.copy()))
            linear.bias.copy_(torch.tensor(b))
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1]).to(WHERE)


def graph_problem(run: Run) -> tuple[list, Callable, Callable]:
    """The parameters, the cost to step on, and what to observe."""
    law = torch.tensor(run.data[0], device=WHERE)
    v = torch.nn.Parameter(torch.tensor(run.params[0], device=WHERE))

    def cost() -> torch.Tensor:
        return cross_entropy(v @ v.T, law)

    return [v], cost, lambda: [cost().item()]


# --- torch.func ---------------------------------------------------------------------


def vmapped(workload: Workload) -> Callable[[], np.ndarray]:
    """All runs at once by `vmap(grad(...))`, padded to the longest."""
    problem = {"mlp": mlp_batch, "graph": graph_batch}[workload.problem]
    loss, see, data, axes = problem(workload.runs)
    slope = torch.func.vmap(torch.func.grad(loss), in_dims=(0, *axes))
    look = torch.func.vmap(see, in_dims=(0, *axes))
    start = [
        stack([r.params[i] for r in workload.runs])
        for i in range(len(workload.runs[0].params))
    ]
    lr = torch.tensor([r.lr for r in workload.runs], device=WHERE)
    wd = torch.tensor([r.wd for r in workload.runs], device=WHERE)

    @torch.no_grad()
    def run() -> np.ndarray:
        p = [a.clone() for a in start]
        m, v = [torch.zeros_like(a) for a in p], [torch.zeros_like(a) for a in p]
        for t in range(workload.steps):
            if t % workload.log_every == 0:
                seen = look(p, *data).cpu().numpy()
            adamw(p, slope(p, *data), m, v, t + 1, lr, wd)
        squares = torch.stack([(a * a).flatten(1).sum(1) for a in p]).sum(0)
        return np.concatenate([squares.sqrt().cpu().numpy()[:, None], seen], axis=1)

    return run


def stack(arrays: list[np.ndarray]) -> torch.Tensor:
    return torch.tensor(np.stack(arrays), device=WHERE)


def adamw(p: list, g: Any, m: list, v: list, t: int, lr: Any, wd: Any) -> None:
    """A step in place, each run at its own rate and decay."""
    for a, slope, first, second in zip(p, g, m, v, strict=True):
        shape = (-1, *[1] * (a.ndim - 1))
        first.lerp_(slope, 0.1)
        second.mul_(0.999).addcmul_(slope, slope, value=0.001)
        root = (second / (1 - 0.999**t)).sqrt_().add_(1e-8)
        a.mul_(1 - (lr * wd).view(shape))
        a.sub_((lr / (1 - 0.9**t)).view(shape) * first / root)


def mlp_batch(runs: tuple[Run, ...]) -> tuple:
    """Loss, observables and padded data of all runs of the MLP."""
    most = max(run.rows for run in runs)

    def padded(i: int) -> torch.Tensor:
        return stack([np.resize(r.data[i], (most, *r.data[i].shape[1:])) for r in runs])

    x, y, test_x, test_y = (padded(i) for i in range(4))
    w = stack([(np.arange(most) < r.rows).astype("f4") / r.rows for r in runs])

    def forward(p: list, x: Any) -> Any:
        h = torch.relu(x @ p[0] + p[1])
        return torch.relu(h @ p[2] + p[3]) @ p[4] + p[5]

    def mean(z: Any, y: Any, w: Any) -> Any:
        return (w * cross_entropy(z, y, reduction="none")).sum()

    def loss(p: list, x: Any, y: Any, test_x: Any, test_y: Any, w: Any) -> Any:
        return mean(forward(p, x), y, w)

    def see(p: list, x: Any, y: Any, test_x: Any, test_y: Any, w: Any) -> Any:
        z, test_z = forward(p, x), forward(p, test_x)
        right = [(w * (a.argmax(1) == b)).sum() for a, b in ((z, y), (test_z, test_y))]
        size = sum((a * a).sum() for a in p).sqrt()
        return torch.stack([mean(z, y, w), mean(test_z, test_y, w), *right, size])

    return loss, see, (x, y.long(), test_x, test_y.long(), w), (0, 0, 0, 0, 0)


def graph_batch(runs: tuple[Run, ...]) -> tuple:
    """Loss, observables and shared data of all runs of the graph."""
    law = torch.tensor(runs[0].data[0], device=WHERE)

    def loss(p: list, law: Any) -> Any:
        return -(law * log_softmax(p[0] @ p[0].T, 1)).sum() / len(law)

    return loss, lambda p, law: loss(p, law)[None], (law,), (None,)
