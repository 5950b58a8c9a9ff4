"""Recursive Feature Machines on pairs, against the dense form and numpy."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import memjax as mj
from experiments import rfm_grokking, rfm_networks, rfm_symmetry
from memjax.kernels import pairs

P = 5
RNG = np.random.default_rng(0)
GRID = np.stack(np.divmod(np.arange(P * P), P), axis=1)
ONE_HOT = np.concatenate([np.eye(P)[GRID[:, 0]], np.eye(P)[GRID[:, 1]]], axis=1)
KERNELS = {"gaussian": mj.kernels.gaussian(2.5), "quadratic": mj.kernels.quadratic}


def some_metric() -> np.ndarray:
    factor = RNG.normal(size=(2 * P, 2 * P))
    return factor @ factor.T / (2 * P)


@pytest.mark.long
@pytest.mark.parametrize("name", KERNELS)
def test_pairs_need_no_one_hot_vectors(name: str) -> None:
    kernel, metric = KERNELS[name], jnp.array(some_metric())
    rows = jnp.array([3, 24, 7, 11])
    some, x = jnp.array(GRID)[rows], jnp.array(ONE_HOT)[rows]
    dense = mj.kernels.gram(kernel, x, jnp.array(ONE_HOT), metric)
    found = kernel(*pairs.products(metric, some)).reshape(4, -1)
    np.testing.assert_allclose(found, dense, rtol=1e-4)
    a = jnp.array(RNG.normal(size=(4, P)))
    wanted = mj.kernels.gradients(kernel, x, x, a, metric)
    slope = pairs.slopes(kernel, metric, some, a) @ metric
    np.testing.assert_allclose(slope, wanted, atol=2e-5 * float(abs(wanted).max()))


def plain_machine(train: np.ndarray, ridge: float, iterations: int) -> list[np.ndarray]:
    """The Gaussian machine in numpy and float64: predictions at every iteration."""
    x, y = ONE_HOT[train], np.eye(P)[(GRID.sum(1) % P)[train]]
    metric, seen = np.eye(2 * P), []

    def gram(x: np.ndarray, z: np.ndarray) -> np.ndarray:
        apart = x[:, None] - z[None]
        return np.exp(-np.einsum("ijd,de,ije->ij", apart, metric, apart) / (2 * 2.5**2))

    for _ in range(iterations + 1):
        a = np.linalg.solve(gram(x, x) + ridge * np.eye(len(x)), y)
        seen.append(gram(ONE_HOT, x) @ a)
        apart = x[:, None] - x[None]
        slope = -np.einsum("ji,ic,jid->jcd", gram(x, x), a, apart @ metric) / 2.5**2
        slope -= slope.mean(0)
        values, vectors = np.linalg.eigh(
            np.einsum("jcd,jce->de", slope, slope) / len(x)
        )
        metric = vectors @ np.diag(np.sqrt(np.maximum(values, 0))) @ vectors.T
    return seen


def test_the_machine_is_the_plain_one() -> None:
    train = np.sort(RNG.permutation(P * P)[:15])
    member = np.isin(np.arange(P * P), train)
    test = ~member / (~member).sum()
    truth = jnp.array(GRID.sum(1) % P)
    task = pairs.Task(truth, jnp.array(member / 15), {"test": jnp.array(test)})
    size = {"capacity": 18, "iterations": 4}
    kernel, start = KERNELS["gaussian"], jnp.eye(2 * P)
    legs = pairs.machine(
        kernel, task, 1e-3, start, **size, **mj.observables.machines.seen(task)
    )
    _, seen = jax.jit(lambda: mj.walk(legs))()
    target = np.eye(P)[truth]
    for t, f in enumerate(plain_machine(train, 1e-3, 4)):
        wanted = np.sum(test * np.mean((f - target) ** 2, axis=1))
        np.testing.assert_allclose(seen["test_mse"][t], wanted, rtol=2e-3)
        own = np.sum(test * (1 - np.sum(f * target, axis=1)) ** 2)
        np.testing.assert_allclose(seen["test_own_coordinate"][t], own, rtol=2e-3)
        right = f.argmax(1) == truth
        np.testing.assert_allclose(seen["test_accuracy"][t], right @ test, atol=1e-6)


def test_a_random_metric_has_circulant_blocks() -> None:
    root = np.asarray(pairs.circulant(jax.random.key(0), P))
    block = (root @ root)[P:, :P]
    assert mj.observables.circulant_deviation(jnp.array(block)) < 1e-6
    np.testing.assert_allclose(block.sum(0), 0, atol=1e-5)
    other = pairs.circulant(jax.random.key(1), P)
    assert np.abs(np.asarray(other) - root).max() > 0.01


@pytest.mark.long
def test_alignment_ends_at_one_and_starts_at_the_identity() -> None:
    at = {"share": 0.6, "bandwidth": 2.5, "ridge": 1e-4, "seed": (0, 1), "p": P}
    static = {"kernel": "gaussian", "features": "centered"}
    static |= {"operation": ["quotient"]}
    static |= {"capacity": 16, "iterations": 3}
    given = rfm_grokking.tables(("quotient",), P)
    found = mj.sweep(rfm_grokking.run, **at, **static, inputs=given)
    found = found.isel(operation=0)
    last = found.metric.values
    trace = np.trace(last, axis1=1, axis2=2)
    start = trace / (np.linalg.norm(last, axis=(1, 2)) * np.sqrt(2 * P))
    np.testing.assert_allclose(found.alignment.sel(step=0), start, rtol=1e-4)
    np.testing.assert_allclose(found.alignment.sel(step=3), 1.0, rtol=1e-5)
    np.testing.assert_allclose(found.train_accuracy, 1.0, rtol=1e-5)


@pytest.mark.long
def test_a_network_and_its_gradients_are_the_plain_ones() -> None:
    static = {"p": P, "width": 3, "coding": "one-hot", "batch": 4, "steps": 3}
    static |= {"optimizer": "adamw", "penalty": 0.0}
    numbers = {"share": 0.6, "lr": 0.0, "wd": 0.0, "seed": 2}
    still = mj.sweep(rfm_networks.run, **numbers, **static)
    assert still.pearson.sel(when="start") == still.pearson.sel(when="end")
    legs = rfm_networks.run(**numbers, **static)
    first, second = (np.asarray(layer["w"], float) for layer in legs.start[0])
    data_key = jax.random.split(jax.random.key(2), 4)[0]
    parts = mj.datasets.modular(P)(data_key, 0.6)
    w, hidden = np.asarray(parts.train.w, float), ONE_HOT @ first
    right = (hidden**2 @ second).argmax(1) == GRID.sum(1) % P
    np.testing.assert_allclose(still.train_accuracy, right @ w, atol=1e-6)
    np.testing.assert_allclose(still.test_accuracy, right @ parts.test.w, atol=1e-6)
    slopes = np.einsum("dh,nh,hc->ncd", first, 2 * hidden, second)
    values, vectors = np.linalg.eigh(np.einsum("n,nci,ncj->ij", w, slopes, slopes))
    root = vectors @ np.diag(np.sqrt(np.maximum(values, 0))) @ vectors.T
    wanted = np.corrcoef((first @ first.T).ravel(), root.ravel())[0, 1]
    np.testing.assert_allclose(still.pearson.sel(when="end"), wanted, rtol=1e-4)
    trace = mj.observables.agop_trace(legs.start[0], jnp.array(ONE_HOT))
    wanted = np.mean(np.sum(slopes**2, axis=(1, 2)))
    np.testing.assert_allclose(trace, wanted, rtol=1e-5)


@pytest.mark.long
def test_a_penalized_network_descends_the_loss_and_the_penalty() -> None:
    static = {"p": P, "width": 3, "coding": "one-hot", "batch": 4, "steps": 1}
    numbers = {"share": 0.6, "wd": 0.1, "seed": 2}

    def step(penalty: float) -> list:
        legs = rfm_networks.run(
            lr=0.1, penalty=penalty, **numbers, **static, optimizer="sgd"
        )
        return jax.jit(lambda: mj.walk(legs))()[0].state[0]

    bare, once, twice = (step(penalty) for penalty in (0.0, 0.1, 0.2))
    change = jax.tree.map(
        lambda one, two, none: two + none - 2 * one, once, twice, bare
    )
    chex.assert_trees_all_close(change, jax.tree.map(jnp.zeros_like, bare), atol=1e-6)
    steep = partial(mj.observables.agop_trace, x=jnp.array(ONE_HOT))
    assert steep(twice) < 0.99 * steep(bare)


def test_the_quadratic_machine_on_all_pairs_multiplies_in_fourier_space() -> None:
    """For a - b = c and the metric that couples a with b + c; in float64.

    Equal on pairs. Elsewhere, at (x, y), it is off by what is zero on pairs,
    (|x|² + |y|² - 2 Σx Σy) / (2p + 2).
    """
    shift = np.roll(np.eye(P), 1, axis=0)
    anywhere = RNG.normal(size=(9, 2 * P))
    x, y = anywhere[:, :P], anywhere[:, P:]
    rest = (np.sum(anywhere**2, 1) - 2 * x.sum(1) * y.sum(1)) / (2 * P + 2)
    fourier = np.fft.ifft(np.fft.fft(x) * np.fft.fft(y).conj()).real  # [9, P]
    for c in range(P):
        block = np.linalg.matrix_power(shift, c)
        metric = np.block([[np.zeros((P, P)), block], [block.T, np.zeros((P, P))]])
        target = (GRID[:, 0] - GRID[:, 1]) % P == c
        gram = partial(mj.kernels.gram, mj.kernels.quadratic, metric=jnp.array(metric))
        known = np.asarray(gram(ONE_HOT, ONE_HOT), float)
        a = np.linalg.solve(known, target)
        np.testing.assert_allclose(known @ a, target, atol=1e-9)
        found = np.asarray(gram(anywhere, ONE_HOT), float) @ a
        np.testing.assert_allclose(found, fourier[:, c] + rest, atol=1e-5)


@pytest.mark.long
def test_moved_pairs_leave_the_symmetric_training_set() -> None:
    static = {"p": P, "kernel": "gaussian", "capacity": 20, "iterations": 1}

    def sizes(moved: int, paired: int, shift: int = 0) -> tuple[int, int]:
        legs = rfm_symmetry.run(moved, paired, shift, 2.5, 1e-4, 0, **static)
        used = np.any(np.asarray(legs.start.a) != 0, axis=1)
        return int(used.sum()), len(used)

    assert sizes(0, 0) == (20, 20)
    assert sizes(3, 0) == (17, 20)
    assert sizes(4, 1) == (16, 20)
    assert sizes(4, 1, shift=3) == (16, 20)


def test_circulant_deviation_is_the_distance_from_circulant_matrices() -> None:
    row = RNG.normal(size=6)
    toward = np.array([np.roll(row, i) for i in range(6)])
    against = np.array([np.roll(row, -i) for i in range(6)])
    for matrix in (toward, against):
        assert mj.observables.circulant_deviation(jnp.array(matrix)) < 1e-12
    matrix = RNG.normal(size=(6, 6))
    spectra = [np.fft.fft2(m) for m in (matrix, matrix[:, ::-1])]
    # A circulant matrix has a Fourier transform on the antidiagonal only.
    at = np.arange(6), -np.arange(6)
    kept = [np.sum(abs(s[at]) ** 2) / np.sum(abs(s) ** 2) for s in spectra]
    found = mj.observables.circulant_deviation(jnp.array(matrix))
    np.testing.assert_allclose(found, 1 - max(kept), rtol=1e-5)


def test_rows_that_pad_have_no_part_in_the_circulant_deviation() -> None:
    matrix = RNG.normal(size=(6, 6))
    alone = mj.observables.circulant_deviation(jnp.array(matrix))
    padded = np.pad(matrix, (0, 2), constant_values=7.0)
    found = jax.jit(mj.observables.circulant_deviation)(jnp.array(padded), 6)
    np.testing.assert_allclose(found, alone, rtol=1e-6)


def test_operations_by_number_are_their_tables() -> None:
    names = rfm_grokking.OPERATIONS
    found = rfm_grokking.tables(names, 5)["operation"].tree
    a, b = np.divmod(np.arange(25), 5)
    wanted = [(a + b) % 5, (a - b) % 5, a * b % 5, a * b**3 % 5]  # b⁴ = 1
    wanted[3] = np.where(b == 0, -1, wanted[3])
    np.testing.assert_array_equal(found["table"], wanted)
    assert found["live"].tolist() == [5, 5, 4, 4]
    assert sorted(found["order"][2][:4]) == [1, 2, 3, 4]


def test_products_are_sums_in_the_order_of_powers() -> None:
    order = mj.observables.power_order(7)
    table = np.outer(order, order) % 7
    assert mj.observables.circulant_deviation(jnp.array(table, float)) < 1e-12
    with pytest.raises(ValueError, match="not prime"):
        mj.observables.power_order(9)
    metric = np.zeros((14, 14))
    metric[7:, :7] = np.outer(range(7), range(7)) % 7
    block = mj.observables.cross_block(jnp.array(metric), order)
    np.testing.assert_array_equal(block, table)
    whole = mj.observables.cross_block(jnp.array(metric))
    np.testing.assert_array_equal(whole, metric[7:, :7])


@pytest.mark.long
def test_the_slopes_of_square_units_and_their_own_slopes() -> None:
    shapes, x = [(4, 3), (3, 2)], jnp.array(RNG.normal(size=(6, 4)))
    params = [{"w": jnp.array(RNG.normal(size=shape))} for shape in shapes]
    model = mj.models.mlp((4, 3, 2), jnp.square, bias=False)

    def by_jacobians(params: list, x: jax.Array) -> jax.Array:
        slopes = jax.vmap(jax.jacfwd(partial(model.apply, params)))(x)
        return jnp.sum(slopes**2) / len(x)

    found, wanted = (
        jax.value_and_grad(f)(params, x)
        for f in (mj.observables.agop_trace, by_jacobians)
    )
    chex.assert_trees_all_close(found, wanted, rtol=1e-4)


def test_correlation_is_that_of_entries() -> None:
    a, b = RNG.normal(size=(2, 3, 4))
    found = mj.observables.correlation(jnp.array(a), jnp.array(b))
    away = (a - a.mean(), b - b.mean())
    wanted = np.sum(away[0] * away[1]) / np.sqrt(np.prod([np.sum(v**2) for v in away]))
    assert float(found) == pytest.approx(wanted, rel=1e-4)


def transitions() -> dict[str, xr.Dataset]:
    """Made-up runs: right from iteration 11 on, features moving evenly before."""
    steps = np.arange(31)
    shape = {"operation": list(rfm_grokking.OPERATIONS), "seed": [0, 1], "step": steps}
    values = {
        "test_accuracy": 1.0 * (steps > 10),
        "circulant_deviation": np.where(steps > 0, 1.0 - steps / 30, np.nan),
        "test_mse": np.where(steps > 10, 0.5, 1.0),
    }
    whole = {n: (list(shape), np.tile(v, (4, 2, 1))) for n, v in values.items()}
    fixed = {"p": 61, "share": 0.5, "kernel": "gaussian", "bandwidth": 2.5}
    return {"published": xr.Dataset(whole, {**shape, **fixed})}


def test_what_moves_before_the_transition() -> None:
    made, deviation = transitions(), "circulant_deviation"
    assert np.all(mj.reached(made, "published", "test_accuracy", "0.5") == 11)
    assert np.all(rfm_grokking.monotone(made, deviation, "falls"))
    assert not np.any(rfm_grokking.monotone(made, deviation, "rises"))
    np.testing.assert_allclose(rfm_grokking.progress(made, deviation, "min"), 4 / 29)
    np.testing.assert_allclose(rfm_grokking.progress(made, "test_mse", "max"), 0)
    made["published"][deviation][0, 0, 7] = 0.9  # of one operation and seed
    assert rfm_grokking.monotone(made, deviation, "falls").values.tolist() == [0, 1]
    made["published"]["test_accuracy"][:] = 1.0  # nothing moves before
    assert not np.any(rfm_grokking.monotone(made, deviation, "falls"))


def test_a_learned_reflection_is_like_itself_only() -> None:
    swap = np.kron([[1, -1], [-1, 1]], np.eye(P) - 1 / P)
    shifted = np.roll(np.eye(2 * P), 1, axis=1)
    for metric, least, most in ((swap, 0.99, 1.0001), (shifted, 0.0, 0.3)):
        made = xr.Dataset({"metric": (("row", "column"), metric)})
        found = float(rfm_symmetry.likeness({"published_whole": made}))
        assert least <= found <= most


def test_values_of_no_meaning_are_refused() -> None:
    with pytest.raises(mj.BadValue, match="share"):
        rfm_grokking.sweeps(share=(1.0,))
    with pytest.raises(mj.BadValue, match="prime"):
        rfm_grokking.sweeps(operation=("product",), published_p=12)
    with pytest.raises(mj.BadValue, match="p"):
        rfm_symmetry.sweeps(p=2)
    with pytest.raises(mj.BadValue, match="penalty"):
        rfm_networks.sweeps(penalty=(-1.0,))
