"""Models of a sequence against PyTorch's: values, slopes and steps. Skipped without."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import memjax as mj
from memjax.models import mamba, transformer

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.long

VOCABULARY, WIDTH, HEADS, LENGTH, LAYERS = 11, 16, 4, 9, 2
X = np.random.default_rng(0).integers(0, VOCABULARY, (5, LENGTH))
Y = np.roll(X, -1, axis=1)


def tensor(a):
    return torch.tensor(np.asarray(a, np.float64))


def transformer_twin(params, norm):
    """`torch.nn.TransformerEncoder` with these weights."""
    layer = torch.nn.TransformerEncoderLayer(
        WIDTH,
        HEADS,
        4 * WIDTH,
        dropout=0.0,
        activation=lambda z: torch.nn.functional.gelu(z, approximate="tanh"),
        batch_first=True,
        norm_first=norm == "pre",
        dtype=torch.float64,
    )
    end = torch.nn.LayerNorm(WIDTH, dtype=torch.float64) if norm == "pre" else None
    net = torch.nn.TransformerEncoder(layer, LAYERS, end, enable_nested_tensor=False)
    net.train()
    w = params["layers"]
    with torch.no_grad():
        for i, one in enumerate(net.layers):
            names, attention = ("query", "key", "value"), one.self_attn
            joined = np.concatenate([w[n][i] for n in names], axis=1).T
            attention.in_proj_weight.copy_(tensor(joined))
            attention.in_proj_bias.copy_(
                tensor(np.concatenate([w[f"{n}_bias"][i] for n in names]))
            )
            pairs = {"out": attention.out_proj, "up": one.linear1, "down": one.linear2}
            for name, linear in pairs.items():
                linear.weight.copy_(tensor(w[name][i].T))
                linear.bias.copy_(tensor(w[f"{name}_bias"][i]))
            for name, own in (("attend_norm", one.norm1), ("expand_norm", one.norm2)):
                own.weight.copy_(tensor(w[name][i, 0]))
                own.bias.copy_(tensor(w[name][i, 1]))
        if end is not None:
            net.norm.weight.copy_(tensor(params["norm"][0]))
            net.norm.bias.copy_(tensor(params["norm"][1]))
    embed, position = (
        torch.nn.Parameter(tensor(params[n])) for n in ("embed", "position")
    )
    mask = torch.nn.Transformer.generate_square_subsequent_mask(
        LENGTH, dtype=torch.float64
    )

    def forward(x):
        return net(embed[x] + position, mask=mask, is_causal=True) @ embed.T

    own = dict(net.named_parameters())
    return forward, {**own, "embed": embed, "position": position}


FIRST = {
    "up": "layers.0.linear1.weight",
    "down_bias": "layers.0.linear2.bias",
    "out": "layers.0.self_attn.out_proj.weight",
}


def mamba_twin(params):
    """The block of Mamba by PyTorch's own convolution, norm and softplus."""
    own = {n: torch.nn.Parameter(tensor(a)) for n, a in params["layers"].items()}
    embed = torch.nn.Parameter(tensor(params["embed"]))
    end = torch.nn.Parameter(tensor(params["norm"]))
    functional = torch.nn.functional

    def block(w, x):
        read = functional.layer_norm(x, (WIDTH,), *w["norm"])
        u, gate = (read @ w["into"]).chunk(2, dim=2)
        window, channels = w["conv"].shape
        kernel = w["conv"].T[:, None]
        u = functional.conv1d(
            u.transpose(1, 2),
            kernel,
            w["conv_bias"],
            padding=window - 1,
            groups=channels,
        )
        u = functional.silu(u[:, :, :LENGTH].transpose(1, 2))
        states = w["decay"].shape[1]
        sizes = [len(w["delta"]), states, states]
        delta, into, out = (u @ w["select"]).split(sizes, dim=2)
        delta = functional.softplus(delta @ w["delta"] + w["delta_bias"])
        kept = torch.exp(-delta[..., None] * w["decay"].exp())
        given = (delta * u)[..., None] * into[:, :, None]
        h, ys = torch.zeros_like(given[:, 0]), []
        for t in range(LENGTH):
            h = kept[:, t] * h + given[:, t]
            ys.append((h * out[:, t, None]).sum(-1))
        y = torch.stack(ys, dim=1) + w["skip"] * u
        return x + (y * functional.silu(gate)) @ w["out"]

    def forward(x):
        stream = embed[x]
        for i in range(LAYERS):
            stream = block({n: a[i] for n, a in own.items()}, stream)
        return functional.layer_norm(stream, (WIDTH,), *end) @ embed.T

    return forward, {**own, "embed": embed}


def assert_near(mine, own):
    """To 1e-4 of the largest entry."""
    scale = np.abs(own).max()
    assert scale > 1e-3
    np.testing.assert_allclose(mine / scale, own / scale, rtol=0, atol=1e-4)


def scattered(params):
    rng = np.random.default_rng(1)
    move = lambda a: jnp.asarray(a + 0.3 * rng.normal(size=a.shape), jnp.float32)  # noqa: E731
    return jax.tree.map(move, params)


@pytest.mark.parametrize("norm", ["pre", "post", "mamba"])
def test_values_and_slopes_are_those_of_torch(norm):
    if norm == "mamba":
        model = mamba(VOCABULARY, WIDTH, LAYERS, states=4)
    else:
        model = transformer(VOCABULARY, WIDTH, HEADS, LENGTH, LAYERS, norm=norm)
    params = scattered(model.init(jax.random.key(0)))
    twin = mamba_twin(params) if norm == "mamba" else transformer_twin(params, norm)
    forward, theirs = twin
    z = forward(torch.tensor(X))
    loss = torch.nn.functional.cross_entropy(
        z.reshape(-1, VOCABULARY), torch.tensor(Y).ravel()
    )
    loss.backward()

    @jax.jit
    def ours(params):
        data = mj.Data(jnp.asarray(X), jnp.asarray(Y), mj.prefix(len(X), len(X)))
        one = mj.losses.of_model(model.apply, mj.losses.sequence)
        mean = lambda p: mj.expect(lambda x, y: one(p, x, y), data)  # noqa: E731
        logits = jax.vmap(lambda x: model.apply(params, x))(data.x)
        return logits, *jax.value_and_grad(mean)(params)

    logits, value, slope = ours(params)
    assert_near(logits, z.detach().numpy())
    np.testing.assert_allclose(value, loss.item(), rtol=1e-5)
    layer = slope["layers"]
    pairs = {n: (layer[n], theirs[n].grad) for n in layer if n in theirs}
    if norm != "mamba":
        grads = {n: theirs[own].grad for n, own in FIRST.items()}
        pairs |= {n: (layer[n][0], g.numpy().T) for n, g in grads.items()}
        pairs["position"] = slope["position"], theirs["position"].grad
    pairs["embed"] = slope["embed"], theirs["embed"].grad
    for mine, own in pairs.values():
        assert_near(mine, np.asarray(own))


def test_steps_are_those_of_torch():
    """Three steps of AdamW on all parameters, from where a run starts."""
    model = transformer(VOCABULARY, WIDTH, HEADS, LENGTH, LAYERS)
    params = model.init(jax.random.key(0))
    forward, theirs = transformer_twin(params, "pre")
    optimizer = torch.optim.AdamW([*theirs.values()], lr=0.01, weight_decay=0.1)
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        z = forward(torch.tensor(X)).reshape(-1, VOCABULARY)
        loss = torch.nn.functional.cross_entropy(z, torch.tensor(Y).ravel())
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    data = mj.Data(jnp.asarray(X), jnp.asarray(Y), mj.prefix(len(X), len(X)))
    loss = mj.losses.of_model(model.apply, mj.losses.sequence)

    def observe(p):
        return {"loss": mj.expect(lambda x, y: loss(p, x, y), data)}

    legs = mj.train(loss, optax.adamw(0.01, weight_decay=0.1), observe, mj.every(1, 3))
    _, seen = jax.jit(lambda p: mj.walk(legs(p, data)))(params)
    assert losses[0] - losses[-1] > 0.1
    np.testing.assert_allclose(seen["loss"], losses, rtol=1e-4)
