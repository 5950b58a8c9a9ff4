"""Models by mask: a network in numpy, counts by hand, and what no chunk may leak."""

import jax
import numpy as np
import pytest

import memjax as mj
from experiments import _long_tail as tail
from experiments import long_tail

TINY = {"alpha": 1.0, "spread": 0.3, "noise": 0.2, "size": 24, "tests": 40}
RUN = {**TINY, "share": 0.75, "lr": 0.01, "steps": 6}


def seen(seed=0, **dials):
    return tail.table(seed, **{**TINY, **dials})


def in_numpy(params, x, y, lr, steps):
    """Adam on cross-entropy of a network of one hidden layer, as written in a book."""
    params = [np.array(a, float) for layer in params for a in (layer["w"], layer["b"])]
    moments = [(np.zeros_like(a), np.zeros_like(a)) for a in params]
    for t in range(1, steps + 1):
        w, b, v, c = params
        before = x @ w + b
        z = np.maximum(before, 0) @ v + c
        law = np.exp(z - z.max(1, keepdims=True))
        error = law / law.sum(1, keepdims=True) - np.eye(tail.CLASSES)[y]
        error /= len(x)
        back = (error @ v.T) * (before > 0)
        slopes = (
            x.T @ back,
            back.sum(0),
            np.maximum(before, 0).T @ error,
            error.sum(0),
        )
        for a, g, (m, s) in zip(params, slopes, moments, strict=True):
            m += 0.1 * (g - m)
            s += 0.001 * (g**2 - s)
            a -= lr * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
    return params


@pytest.mark.long
def test_a_mask_is_training_on_its_points_alone():
    points = seen()
    held = tail.drawn(points, 3, 0.75)
    legs = tail.legs(points, held, 3, 0.01, 6)
    there = np.asarray(held)
    assert there.sum() == 18
    x, y = (np.asarray(a)[there] for a in (points.train.x, points.train.y.label))
    expected = in_numpy(legs.start[0], x.astype(float), y, 0.01, 6)
    found = jax.tree.leaves(
        [[a["w"], a["b"]] for a in jax.jit(lambda: mj.walk(legs)[0].state[0])()]
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)


def test_points_have_the_label_of_their_group_but_for_wrong_ones():
    points = seen(size=300, tests=500, noise=0.2)
    train, test = points.train, points.test
    label = np.full(tail.GROUPS, -1)
    label[np.asarray(test.y.group)] = test.y.label
    of_group = label[np.asarray(train.y.group)]
    there = of_group >= 0
    wrong = np.asarray(points.wrong) > 0
    np.testing.assert_array_equal((of_group != train.y.label)[there], wrong[there])
    assert 0.1 < wrong.mean() < 0.3
    np.testing.assert_allclose([train.w.sum(), test.w.sum()], 1, rtol=1e-5)
    count = np.bincount(np.append(train.y.group, test.y.group), minlength=3)
    shares = np.array([1, 1 / 2, 1 / 3]) / (1 / np.arange(1, tail.GROUPS + 1)).sum()
    np.testing.assert_allclose(count[:3] / 800, shares, atol=0.04)
    apart = train.x[np.asarray(train.y.group) == 0]
    np.testing.assert_allclose(np.std(apart, axis=0, ddof=1).mean(), 0.3, rtol=0.1)


@pytest.mark.long
def test_masks_do_not_leak_between_chunks():
    grid = {**RUN, "seed": 0, "mask": range(5)}
    found = mj.sweep(long_tail.run, **grid, chunk=2)
    for mask in (0, 3, 4):
        alone = mj.sweep(long_tail.run, **{**grid, "mask": [mask]})
        for name in ("held", "right", "right_test"):
            np.testing.assert_array_equal(alone[name][0], found[name].sel(mask=mask))
    assert (found.held.sum("point") == 18).all()
    assert len(np.unique(found.held.values, axis=0)) == 5


@pytest.mark.long
def test_what_remains_covers_its_groups():
    numbers = {"alpha": 1.0, "spread": 0.3, "share": 0.75, "lr": 0.01, "seed": [0, 1]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_tail, "PILOT", 8)
        patch.setattr(long_tail, "STARTS", 2)
        found = mj.sweep(long_tail.removed_run, **numbers, size=20, tests=40, steps=3)
    assert found.removed.values.tolist() == [0, 2, 4, 6]
    for seed in (0, 1):
        points = seen(seed, size=20, tests=40, noise=0.0)
        there = np.isin(points.test.y.group, points.train.y.group).mean()
        covered = found.covered.sel(seed=seed)
        np.testing.assert_allclose(covered.sel(removed=0), there, rtol=1e-5)
        assert (covered.diff("removed") <= 0).all()
    assert (found.accuracy.sel(by="random", removed=0) >= 0).all()


@pytest.fixture(scope="module")
def made_up():
    made = long_tail.sweeps(masks=30, noisy_masks=20, seeds=2, size=12, tests=9)
    assert len(made["main"].plan().groups) == 1
    return {name: sweep.made_up() for name, sweep in made.items()}


def test_measures_are_means_by_hand(made_up):
    rng = np.random.default_rng(0)
    main, told = made_up["main"].copy(), made_up["exact"].copy()
    held = rng.random((30, 12)) < 0.7
    right, tested = rng.random((30, 12)) < 0.6, rng.random((30, 9)) < 0.5
    group, group_test = rng.integers(0, 5, 12), rng.integers(0, 5, 9)
    count = (group[:, None] == group[None]).sum(1)
    each = {"held": held, "right": right, "right_test": tested}
    each |= {"count": np.tile(count, (30, 1)), "wrong": np.zeros((30, 12))}
    for name, values in each.items():  # the same for both seeds
        dims = ("seed", "mask", main[name].dims[-1])
        main[name] = (dims, 1.0 * np.stack([values, values]))
    for name, values in {"group": group, "group_test": group_test}.items():
        told[name] = (("seed", told[name].dims[-1]), np.stack([values, values]))
    results = {**made_up, "main": main, "exact": told}
    inside = [right[held[:, i], i].mean() for i in range(12)]
    outside = np.array([right[~held[:, i], i].mean() for i in range(12)])
    few = count <= 2
    found = long_tail.among(results, "main", "memorized", "1", "2")
    np.testing.assert_allclose(
        found.squeeze(), (inside - outside)[few].mean(), rtol=1e-5
    )
    found = long_tail.among(results, "main", "outside", "1", "2")
    np.testing.assert_allclose(found.squeeze(), outside[few].mean(), rtol=1e-5)
    pairs = [
        (
            tested[held[:, i], j].mean() - tested[~held[:, i], j].mean(),
            group[i] == group_test[j],
        )
        for i in range(12)
        for j in range(9)
        if inside[i] - outside[i] >= long_tail.MEMORIZED
    ]
    own = [same for gain, same in pairs if gain >= long_tail.INFLUENTIAL]
    assert len(own) > 3
    np.testing.assert_allclose(long_tail.of_its_own(results).squeeze(), np.mean(own))


def test_kernel_regression_is_right_about_points_beside_others():
    """Points on top of others of their label are known without them, others not."""
    found = mj.sweep(
        long_tail.exact_run, alpha=1.0, spread=0.05, seed=[0, 1], size=60, tests=9
    )
    for seed in (0, 1):
        group, ridge = (found[n].sel(seed=seed).values for n in ("group", "ridge"))
        alone = (group[:, None] == group[None]).sum(1) == 1
        assert ridge[~alone].mean() > 0.95
        assert ridge[alone].mean() < 0.4
