"""Initial weights against their variance, and models from elsewhere."""

import math
import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen, nnx

import memjax as mj
from memjax.models import (
    he,
    lecun,
    mlp,
    normal,
    pair_network,
    torch_default,
    xavier,
)
from memjax.models.pairs import neurons, of_neurons, strength

INPUTS, OUTPUTS = 60, 90
VARIANCE = {
    "torch_default": (torch_default, 1 / (3 * INPUTS)),
    "lecun": (lecun, 1 / INPUTS),
    "he": (he, 2 / INPUTS),
    "xavier": (xavier, 2 / (INPUTS + OUTPUTS)),
    "normal": (normal(0.3), 0.09),
}


@pytest.mark.parametrize("name", VARIANCE)
def test_weights_have_their_variance(name):
    scheme, variance = VARIANCE[name]
    (layer,) = mlp((INPUTS, OUTPUTS), scheme=scheme).init(jax.random.key(0), 2.0)
    w = np.asarray(layer["w"]).ravel()
    error = np.sqrt(2 / w.size)  # of a sample variance of normals; less for uniforms
    assert abs(w.var() / (4 * variance) - 1) < 4 * error
    assert abs(w.mean()) < 4 * np.sqrt(4 * variance / w.size)
    b = np.asarray(layer["b"])
    if scheme is torch_default:
        assert np.abs(w).max() <= 2 * INPUTS**-0.5
        assert 0 < np.abs(b).max() <= 2 * INPUTS**-0.5
    else:
        assert (b == 0).all()


def test_an_mlp_is_its_formula():
    model = mlp((2, 3, 3, 1), jnp.tanh)
    params = model.init(jax.random.key(1))
    x = np.array([0.3, -1.0], np.float32)
    (w0, b0), (w1, b1), (w2, b2) = ((p["w"], p["b"]) for p in params)
    expected = np.tanh(np.tanh(x @ w0 + b0) @ w1 + b1) @ w2 + b2
    np.testing.assert_allclose(model.apply(params, x), expected, rtol=1e-6, atol=1e-7)
    no_bias = mlp((2, 3, 1), bias=False).init(jax.random.key(0))
    assert [set(layer) for layer in no_bias] == [{"w"}, {"w"}]
    with pytest.raises(ValueError, match="two widths"):
        mlp((3,))


def test_a_pair_network_is_its_formula_and_the_sum_of_its_neurons():
    classes, width = 7, 400
    init, apply = pair_network(classes, width, jnp.tanh)
    params = init(jax.random.key(0), 3.0)
    u, v, w = map(np.asarray, neurons(params))  # a row each neuron
    assert u.shape == v.shape == w.shape == (width, classes)
    for drawn in (u, v, w):
        assert np.abs(drawn.var() * width / 9 - 1) < 4 * (2 / drawn.size) ** 0.5
    params = {**params, "mu": jnp.arange(7.0)}
    one_by_one = sum(np.tanh(u[k, 2] + v[k, 5]) * w[k] for k in range(width))
    found = apply(params, jnp.array([2, 5]))
    np.testing.assert_allclose(found, one_by_one + np.arange(7), rtol=1e-4)
    again = of_neurons(*neurons(params))
    assert all((again[name] == params[name]).all() for name in "uvw")
    power = np.abs(w).max(1) * np.tanh(np.abs(u).max(1) + np.abs(v).max(1))
    np.testing.assert_allclose(strength(jnp.tanh, params), power, rtol=1e-5)


def test_linen_and_nnx_modules_are_models():
    built = {
        "linen": mj.models.linen(linen.Dense(4), jnp.ones(3)),
        "nnx": mj.models.from_nnx(lambda rngs: nnx.Linear(3, 4, rngs=rngs)),
    }
    for model in built.values():
        params = model.init(jax.random.key(0), 2.0)
        kernel = next(a for a in jax.tree.leaves(params) if a.ndim == 2)
        x = jnp.arange(3.0)
        np.testing.assert_allclose(model.apply(params, x), x @ kernel, rtol=1e-6)
        doubled = model.init(jax.random.key(0), 4.0)
        np.testing.assert_allclose(model.apply(doubled, x), 2 * x @ kernel, rtol=1e-6)
        slope = jax.jacobian(model.apply)(params, x)
        assert jax.tree.structure(slope) == jax.tree.structure(params)


def test_an_equinox_module_is_a_model_and_trains_in_a_sweep():
    model = mj.models.from_equinox(lambda key: eqx.nn.MLP(3, 1, 5, 1, key=key))

    def run(lr, seed):
        data_key, init_key = jax.random.split(jax.random.key(seed))
        x, y = jax.random.normal(data_key, (6, 3)), jnp.ones((6, 1))
        data = mj.Data(x, y, mj.prefix(6, 6))

        def loss(params, x, y):
            return jnp.sum((model.apply(params, x) - y) ** 2)

        def observe(params):
            return {"loss": mj.expect(lambda x, y: loss(params, x, y), data)}

        legs = mj.train(loss, optax.sgd(lr), observe, mj.every(1, 1))
        return legs(model.init(init_key), data)

    found = mj.sweep(run, lr=[0.05], seed=[0, 1]).loss.isel(lr=0)
    for seed in (0, 1):  # by hand
        data_key, init_key = jax.random.split(jax.random.key(seed))
        x = np.asarray(jax.random.normal(data_key, (6, 3)))
        net = eqx.nn.MLP(3, 1, 5, 1, key=init_key)
        (w, b), (v, c) = (
            [np.asarray(a) for a in (n.weight, n.bias)] for n in net.layers
        )
        hidden = np.maximum(x @ w.T + b, 0)
        error = hidden @ v.T + c - 1  # [points, 1]
        assert float(found[seed, 0]) == pytest.approx((error**2).mean(), rel=1e-5)
        back = (2 * error / 6 @ v) * (hidden > 0)
        v, c = v - 0.05 * (2 * error / 6).T @ hidden, c - 0.05 * (2 * error / 6).sum(0)
        w, b = w - 0.05 * back.T @ x, b - 0.05 * back.sum(0)
        after = (np.maximum(x @ w.T + b, 0) @ v.T + c - 1) ** 2
        assert float(found[seed, 1]) == pytest.approx(after.mean(), rel=1e-4)


def test_a_module_that_is_made_is_refused():
    with pytest.raises(TypeError, match=r"not a Linear that is made: from_nnx\(lambda"):
        mj.models.from_nnx(nnx.Linear(3, 4, rngs=nnx.Rngs(0)))


def test_modules_that_mix_points_are_refused():
    with pytest.raises(ValueError, match="state besides"):
        mj.models.from_equinox(lambda _: eqx.nn.BatchNorm(3, "batch", mode="ema"))
    with pytest.raises(ValueError, match="state besides"):
        mj.models.from_nnx(lambda rngs: nnx.BatchNorm(3, rngs=rngs))
    norm = linen.BatchNorm(use_running_average=False)
    with pytest.raises(ValueError, match="state besides"):
        mj.models.linen(norm, jnp.ones(3)).init(jax.random.key(0))


def test_the_wave_and_its_slope_are_those_of_the_sine():
    z = np.linspace(-4, 4, 10_001).astype(np.float32)
    exact = z.astype(np.float64)
    slope = jax.jit(jax.vmap(jax.grad(mj.models.wave)))(z)
    np.testing.assert_allclose(
        jax.jit(mj.models.wave)(z), exact + np.sin(10 * exact) / 5, atol=2e-6
    )
    np.testing.assert_allclose(slope, 1 + 2 * np.cos(10 * exact), atol=1e-5)


def test_activations_are_what_their_names_say():
    z = np.linspace(-3, 3, 101)
    error = np.vectorize(math.erf)(z / 2**0.5)
    by_name = {
        "relu": np.maximum(z, 0),
        "elu": np.where(z > 0, z, np.exp(z) - 1),
        "gelu": z * (1 + error) / 2,
        "tanh": np.tanh(z),
        "sigmoid": 1 / (1 + np.exp(-z)),
        "sine": z + np.sin(10 * z) / 5,
        "square": z**2,
        "linear": z,
    }
    assert by_name.keys() == mj.models.ACTIVATIONS.keys()
    for name, expected in by_name.items():
        found = mj.models.ACTIVATIONS[name](jnp.array(z, jnp.float32))
        within = 1e-3 if name == "gelu" else 1e-5  # JAX's is the approximation by tanh
        np.testing.assert_allclose(found, expected, atol=within, err_msg=name)
    chosen = [*by_name]

    def at(place, z):
        return mj.models.activation_at(place, chosen)(z)

    together = jax.vmap(at, (0, None))(jnp.arange(len(chosen)), jnp.array(z))
    np.testing.assert_allclose(together, [*by_name.values()], atol=1e-3)


@pytest.mark.long
def test_makers_start_no_device():
    """Else whoever has a model in a module could not ask for all cores any more."""
    script = """
import jax, memjax as mj
from jax._src import xla_bridge
from memjax import datasets
mj.models.mlp((3, 4, 2)), mj.models.transformer(9, 8, 2, 4), mj.models.mamba(9, 8, 1)
mj.models.pair_network(5, 4, jax.nn.relu), mj.models.graph.three_matrix(5, 4)
datasets.modular(5), datasets.random_labels(3, 4, 12), datasets.facts(4, 3, 5, 9)
datasets.path_star.path_star(9, 4), datasets.strings.unary(9)
assert not xla_bridge._backends
"""
    subprocess.run([sys.executable, "-c", script], check=True)
