"""Images of blobs, a residual network by SciPy's convolutions, averages by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy.signal import correlate

import memjax as mj
from experiments import grokking_in_loss as grokking

TINY = {"side": 8, "size": 12, "tests": 5, "channels": 2, "blocks": 2, "steps": 6}


def test_blobs_lie_on_their_grid_and_noise_is_cut() -> None:
    key = jax.random.key(0)
    clean = mj.datasets.blobs(28, 10, 60)(key, 60, 0.0)
    for image, label in zip(np.asarray(clean.x[..., 0]), clean.y, strict=True):
        row, column = divmod(int(label), 4)  # a grid of 4 by 4 inside a margin of .12
        center = 28 * (0.12 + (np.array([row, column]) + 0.5) * 0.76 / 4)
        i, j = np.mgrid[:28, :28]
        far = (i - center[0]) ** 2 + (j - center[1]) ** 2
        np.testing.assert_allclose(image, np.exp(-far / (2 * 5.04**2)), atol=1e-5)
    noisy = mj.datasets.blobs(28, 10, 60)(key, 30, 0.15)
    assert (noisy.y == clean.y).all() and noisy.x.min() == 0 and noisy.x.max() == 1
    inside = (np.asarray(clean.x) > 0.45) & (np.asarray(clean.x) < 0.55)
    moved = np.asarray(noisy.x - clean.x)[inside]  # at half height little is cut
    assert moved.std() == pytest.approx((0.15**2 + 0.03**2) ** 0.5, rel=0.1)
    assert float(noisy.w.sum()) == pytest.approx(1)


def by_scipy(params, x, moments):
    """Logits of the network, convolution by convolution."""
    filters, norms, moments = (
        iter(params["filters"]),
        iter(params["norms"]),
        list(moments),
    )

    def layer(x, size, stride):
        w, norm = np.asarray(next(filters)), np.asarray(next(norms))
        w = w.reshape(size, size, x.shape[-1], -1)
        edge = size // 2
        x = np.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
        out = np.stack(
            [
                sum(
                    correlate(image[..., i], w[:, :, i, o], mode="valid")
                    for i in range(x.shape[-1])
                )
                for image in x
                for o in range(w.shape[-1])
            ]
        )
        out = out.reshape(len(x), w.shape[-1], *out.shape[1:]).transpose(0, 2, 3, 1)
        mean, variance = np.asarray(moments.pop(0))
        out = out[:, ::stride, ::stride]
        return norm[0] * (out - mean) / np.sqrt(variance + 1e-5) + norm[1]

    x = np.maximum(layer(x, 3, 1), 0)
    for stage in range(4):
        for block in range(2):
            stride = 2 if stage and not block else 1
            inside = layer(np.maximum(layer(x, 3, stride), 0), 3, 1)
            x = np.maximum(inside + (layer(x, 1, stride) if stride > 1 else x), 0)
    head = np.asarray(params["head"])
    return x.mean((1, 2)) @ head[:-1] + head[-1]


@pytest.mark.long
def test_the_network_is_that_of_convolutions_and_norms() -> None:
    net = mj.models.resnet(2, 2, 3)
    params = net.init(jax.random.key(0))
    x = np.random.default_rng(0).random((4, 8, 8, 1)).astype(np.float32)
    rng = np.random.default_rng(1)
    moments = [np.abs(rng.standard_normal(m.shape)) + 0.5 for m in net.untrained]
    params["norms"] = [n + rng.standard_normal(n.shape) / 4 for n in params["norms"]]
    found, _ = jax.jit(net.apply)(params, x, [jnp.asarray(m) for m in moments])
    np.testing.assert_allclose(found, by_scipy(params, x, moments), atol=1e-4)
    logits, own = jax.jit(net.apply)(params, x)
    np.testing.assert_allclose(logits, by_scipy(params, x, own), atol=1e-3)
    first = mj.models.resnet(2, 2, 3).untrained
    assert [m.shape for m in own] == [m.shape for m in first] and len(own) == 20


def test_a_norm_leaves_mean_zero_and_variance_one() -> None:
    net = mj.models.resnet(3, 1, 2, stages=1)
    params = net.init(jax.random.key(2))
    x = jax.random.normal(jax.random.key(3), (6, 5, 5, 1))
    _, moments = net.apply(params, x)
    image = mj.models.resnet.__globals__["convolved"](x, params["filters"][0], 3, 1)
    np.testing.assert_allclose(moments[0][0], image.mean((0, 1, 2)), atol=1e-6)
    np.testing.assert_allclose(moments[0][1], image.var((0, 1, 2)), rtol=1e-5)
    bound = 9**-0.5
    drawn = np.asarray(params["filters"][0])
    assert abs(drawn).max() <= bound and abs(drawn).max() > 0.7 * bound


@pytest.mark.long
def test_averages_follow_what_was_seen_and_do_not_train() -> None:
    legs = grokking.run(0.1, 1e-2, 0, **TINY)
    net = mj.models.resnet(2, 2, grokking.CLASSES)
    keys = jax.random.split(jax.random.key(0))
    data = mj.datasets.blobs(8, 10, 17)(keys[0], 17, 0.1)
    state, step, apply = legs.start, jax.jit(legs.step), jax.jit(net.apply)
    averages = [np.stack([np.asarray(m)] * 4) for m in net.untrained]
    rate = np.array(grokking.MOMENTA)[:, None, None]
    for t in range(3):
        _, seen = apply(state[0], data.x[:12])
        averages = [
            (1 - rate) * a + rate * np.asarray(m)
            for a, m in zip(averages, seen, strict=True)
        ]
        state = step(state, t)
    for mine, theirs in zip(averages, state[2], strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=1e-4, atol=1e-5)
    found = jax.jit(legs.observe)(state)
    for i in range(4):
        logits, _ = apply(state[0], data.x[12:], [jnp.asarray(a[i]) for a in averages])
        law = np.asarray(jax.nn.log_softmax(logits))
        loss = -law[np.arange(5), np.asarray(data.y[12:])].mean()
        assert float(found["test_loss"].value[i]) == pytest.approx(loss, rel=1e-3)


def test_measures_are_by_hand() -> None:
    (made,) = grokking.sweeps(seeds=2, **{**TINY, "steps": 100}).values()
    seen = made.made_up()
    step, momentum = seen.step, seen.momentum
    train = xr.where(step >= 10, 0.1, 2.0).broadcast_like(seen.train_loss)
    test = xr.where(step >= 10 + 2 / momentum, 0.2, 2.0).broadcast_like(seen.test_loss)
    right = {"train_accuracy": 1 - train, "test_accuracy": 1 - test / 2}
    results = {"main": seen.assign(train_loss=train, test_loss=test, **right)}
    for found in (grokking.late_loss(results), grokking.late_answers(results)):
        for at, late in ((0.05, 40), (0.1, 20), (0.2, 10), (1.0, 2)):
            np.testing.assert_allclose(found.sel(momentum=at), late)
    np.testing.assert_allclose(grokking.lag(results), -1)
    np.testing.assert_allclose(grokking.below(results), 0, atol=1e-6)
    np.testing.assert_allclose(grokking.end(results, "test_loss"), 0.2)
