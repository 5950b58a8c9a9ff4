"""Norms with gains and shifts, held or folded; the classes; and the measures."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from experiments import layernorm as study

TOKENS, WIDTH, LAYERS = 5, 8, 3


def scattered(params, rng):
    """Parameters of this structure that are all random."""
    leaves, tree = jax.tree.flatten(params)
    drawn = [0.5 * rng.normal(size=a.shape).astype(np.float32) for a in leaves]
    return jax.tree.unflatten(tree, [jnp.asarray(a) for a in drawn])


def folded(params):
    """The same Pre-LN model, its gains and shifts in the weights that read them."""
    layers = dict(params["layers"])
    readers = {"attend_norm": ("query", "key", "value"), "expand_norm": ("up",)}
    for norm, names in readers.items():
        gain, shift = layers[norm][:, 0], layers[norm][:, 1]
        for name in names:
            weights = layers[name]
            layers[f"{name}_bias"] += jnp.einsum("li,lio->lo", shift, weights)
            layers[name] = gain[:, :, None] * weights
    return {**params, "layers": layers}


def test_what_a_pre_norm_model_computes_it_computes_with_layers_held():
    """Gains and shifts fold into the next weights: nothing is lost but how to train."""
    model = mj.models.transformer(TOKENS, WIDTH, 1, 6, LAYERS, classes=4, causal=False)
    params = scattered(model.init(jax.random.key(0)), np.random.default_rng(0))
    x, only_end = jnp.array([3, 1, 4, 1, 0, 2]), jnp.array([0.0, 0, 0, 1])
    apply = jax.jit(model.apply)
    whole = apply(params, x)
    np.testing.assert_allclose(
        apply(folded(params), x, norms=only_end), whole, atol=1e-4
    )
    assert float(jnp.abs(apply(params, x, norms=only_end) - whole).max()) > 0.1


def test_which_norms_are_live():
    found = {held: study.live_norms(held, 6).tolist() for held in study.HELD}
    assert found == {
        "none": [1, 1, 1, 1, 1, 1, 1],
        "early": [0, 0, 1, 1, 1, 1, 1],
        "middle": [1, 1, 0, 0, 1, 1, 1],
        "late": [1, 1, 1, 1, 0, 0, 0],
        "all": [0, 0, 0, 0, 0, 0, 0],
    }


def test_tokens_follow_the_law_of_their_class():
    """The shares of tokens are the softmax of the Gaussians of the class."""
    key, focus = jax.random.key(1), 1.5
    x, truth = map(np.asarray, study.classed(key, focus, 3000, 2, TOKENS, 20))
    logits = focus * jax.random.normal(jax.random.split(key, 3)[0], (2, 1, TOKENS))
    for of_class in (0, 1):
        shares = np.bincount(x[truth == of_class].ravel(), minlength=TOKENS)
        law = np.exp(logits[of_class, 0]) / np.exp(logits[of_class, 0]).sum()
        np.testing.assert_allclose(shares / shares.sum(), law, atol=0.01)


@pytest.mark.long
def test_gradients_are_those_of_finite_differences():
    """Of the loss in what is added to the stream, for a right and for a wrong label."""
    x_key, label_key = jax.random.split(jax.random.key(3))
    x, truth = study.classed(x_key, 1.0, 4, 3, TOKENS, 6)
    train = jnp.array([True, True, False, False])
    parts = mj.datasets.mislabeled(
        label_key, x, truth, train, ~train, classes=3, noise=0.0
    )
    wrong = jnp.array([0.0, 1, 0, 0])
    parts = parts._replace(
        clean=parts.clean._replace(w=jnp.array([1.0, 0, 0, 0])),
        noisy=parts.noisy._replace(w=wrong),
    )
    model = mj.models.transformer(
        TOKENS, WIDTH, 1, 6, 2, classes=3, norm="post", causal=False
    )
    params, loss = model.init(jax.random.key(0)), study.loss_of(model, 1.0)
    observe = jax.jit(partial(study.observed, model, 1.0, parts, 2))
    found = observe(params)["gradient"].value
    loss = jax.jit(loss)

    def moved(name, layer, unit, by):
        biases = params["layers"][name].at[layer, unit].add(by)
        return {**params, "layers": {**params["layers"], name: biases}}

    for point, layer in np.ndindex(2, 2):
        total = 0.0
        for name in ("out_bias", "down_bias"):
            for unit in range(WIDTH):
                up, down = (
                    loss(moved(name, layer, unit, by), x[point], truth[point])
                    for by in (1e-2, -1e-2)
                )
                total += float((up - down) / 2e-2) ** 2
        np.testing.assert_allclose(found[point, layer], total**0.5, rtol=2e-2)


@pytest.mark.long
def test_dials_are_numbers():
    sweeps = study.sweeps(noise=(0.02, 0.05), lr=(1e-3, 3e-3), seeds=2)
    programs = {name: len(sweep.plan().groups) for name, sweep in sweeps.items()}
    assert programs == {"main": 2, "tuned": 2}
