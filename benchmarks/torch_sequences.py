"""PyTorch's own transformer, from given weights."""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from benchmarks.workload import HEADS, LAYER, SEQUENCE, Run

WHERE = "cuda" if torch.cuda.is_available() else "cpu"


def sequence_problem(run: Run) -> tuple[list, Callable, Callable]:
    """The parameters, the cost to step on, and what to observe."""
    x, y = (torch.tensor(a, device=WHERE).long() for a in run.data)
    net = Decoder(dict(zip(SEQUENCE, run.params, strict=True))).to(WHERE)

    def cost() -> torch.Tensor:
        # Where nothing follows there is a target of -1; each sequence weighs the same.
        return cross_entropy(net(x).flatten(0, 1), y.flatten(), ignore_index=-1)

    return list(net.parameters()), cost, lambda: [cost().item()]


class Decoder(torch.nn.Module):
    """PyTorch's own layers with given weights, and tied answers."""

    def __init__(self, given: dict[str, np.ndarray]) -> None:
        super().__init__()
        layers, width = given["out"].shape[:2]
        block = torch.nn.TransformerEncoderLayer(
            width,
            HEADS,
            given["up"].shape[2],
            0.0,
            gelu,
            batch_first=True,
            norm_first=True,
        )
        end = torch.nn.LayerNorm(width)
        self.net = torch.nn.TransformerEncoder(
            block, layers, end, enable_nested_tensor=False
        )
        self.embed, self.position = (
            torch.nn.Parameter(torch.tensor(given[n])) for n in ("embed", "position")
        )
        length = len(self.position)
        mask = torch.nn.Transformer.generate_square_subsequent_mask(length)
        self.register_buffer("mask", mask)
        self.fill(given)

    @torch.no_grad()
    def fill(self, given: dict[str, np.ndarray]) -> None:
        """Copy the weights that are given as `inputs @ weight`, layers stacked."""
        w = {name: torch.tensor(a) for name, a in given.items()}
        mix = ("query", "key", "value")
        for i, layer in enumerate(self.net.layers):
            one = {name: w[name][i] for name in LAYER}
            attention = layer.self_attn
            attention.in_proj_weight.copy_(torch.cat([one[n].T for n in mix]))
            attention.in_proj_bias.copy_(torch.cat([one[f"{n}_bias"] for n in mix]))
            pairs = {
                "out": attention.out_proj,
                "up": layer.linear1,
                "down": layer.linear2,
            }
            for name, linear in pairs.items():
                linear.weight.copy_(one[name].T)
                linear.bias.copy_(one[f"{name}_bias"])
            for name, norm in {"attend": layer.norm1, "expand": layer.norm2}.items():
                norm.weight.copy_(one[f"{name}_norm"][0])
                norm.bias.copy_(one[f"{name}_norm"][1])
        self.net.norm.weight.copy_(w["norm"][0])
        self.net.norm.bias.copy_(w["norm"][1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        stream = self.embed[x] + self.position
        return self.net(stream, mask=self.mask, is_causal=True) @ self.embed.T


def gelu(z: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.gelu(z, approximate="tanh")
