"""Initial weights against their variance, and models from elsewhere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import memjax as mj
from memjax.models import he, lecun, mlp, normal, torch_default, transformer, xavier

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


def test_modules_that_mix_points_are_refused():
    with pytest.raises(ValueError, match="state besides"):
        mj.models.from_nnx(lambda rngs: nnx.BatchNorm(3, rngs=rngs))
    norm = linen.BatchNorm(use_running_average=False)
    with pytest.raises(ValueError, match="state besides"):
        mj.models.linen(norm, jnp.ones(3)).init(jax.random.key(0))


def test_the_transformer_against_the_formula_at_every_position():
    """Written out for all three tokens, of which the model computes the last only."""
    p, width, heads = 7, 12, 3
    model = transformer(p, width, heads)
    params = model.init(jax.random.key(6), 2.0)
    w = {name: np.asarray(value, np.float64) for name, value in params.items()}
    x = np.array([3, 5])
    stream = w["embed"][[*x, p]] + w["position"]  # [3, width]
    mixed = np.zeros((3, width))
    for head in np.split(np.arange(width), heads):
        q, k, v = (stream @ w[name][:, head] for name in ("query", "key", "value"))
        scores = np.where(np.tri(3), q @ k.T / np.sqrt(len(head)), -np.inf)
        shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        mixed[:, head] = shares @ v
    stream = stream + mixed @ w["out"]
    stream = stream + np.maximum(stream @ w["up"], 0) @ w["down"]
    found = model.apply(params, jnp.array(x))
    np.testing.assert_allclose(found, (stream @ w["unembed"])[-1], rtol=2e-5, atol=1e-5)


def test_a_width_that_heads_do_not_share_is_refused():
    with pytest.raises(ValueError, match="3 heads of a width of 8"):
        transformer(5, 8, 3)


def test_the_wave_and_its_slope_are_those_of_the_sine():
    z = np.linspace(-4, 4, 10_001).astype(np.float32)
    exact = z.astype(np.float64)
    slope = jax.jit(jax.vmap(jax.grad(mj.models.wave)))(z)
    np.testing.assert_allclose(
        jax.jit(mj.models.wave)(z), exact + np.sin(10 * exact) / 5, atol=2e-6
    )
    np.testing.assert_allclose(slope, 1 + 2 * np.cos(10 * exact), atol=1e-5)
