"""What work is counted, and what a device does of it in a second."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.engine.planned.work import (
    BEGUN,
    DOUBLE,
    FACTORS,
    FOLDED,
    LARGE,
    LOOKED_UP,
    PACKED,
    PICKED,
    PUT,
    READ,
    STREAMED,
    Work,
    work,
)
from memjax.engine.run import prices
from memjax.engine.run.devices import here

MADE_UP = mj.machines.Prices(3e11, 7e10, 3e9, 1e9, factors=2e10, large=7e10 / 4)


def counted(f, *given, tiles: int = 1) -> Work:
    return work(jax.make_jaxpr(f)(*given).jaxpr, tiles)


def test_products_and_factorizations_are_counted_by_their_closed_forms():
    a, b = jnp.ones((3, 60, 70)), jnp.ones((3, 70, 80))
    assert counted(jnp.matmul, a, b).flops == 3 * 2 * 60 * 70 * 80
    kernel = jnp.ones((5, 2, 3, 3))  # 5 from 2 channels, 3 by 3
    convolved = counted(
        lambda x: jax.lax.conv(x, kernel, (1, 1), "SAME"), jnp.ones((1, 2, 8, 8))
    )
    assert convolved.flops == 2 * (5 * 8 * 8) * (2 * 3 * 3)
    square = jnp.ones((4, 400, 400))
    of_it = FACTORS["cholesky"][1] * 400**2
    assert counted(jax.lax.linalg.cholesky, square).factors == pytest.approx(
        4 * (400**3 / 3 + of_it)
    )
    solve = jax.lax.linalg.triangular_solve
    found = counted(
        lambda a, b: solve(a, b, left_side=True), square[0], jnp.ones((400, 500))
    )
    assert found.factors == 400 * 400 * 500 + FACTORS["triangular_solve"][1] * 400**2


def test_small_products_and_factorizations_take_longer_than_their_operations():
    """As long as their numbers take, each of a batch alone; with a vector a third."""
    many, one = jnp.ones((5, 9, 8)), jnp.ones((9, 8))
    square = lambda x: x @ jnp.swapaxes(x, -1, -2)  # noqa: E731
    numbers = 9 * 8 + 8 * 9 + 9 * 9
    assert counted(square, one).flops == PACKED * numbers > 2 * 9 * 8 * 9
    assert counted(square, many).flops == 5 * counted(square, one).flops
    assert counted(square, many).single == 5 * counted(square, one).single == 5 * BEGUN
    pair = counted(square, jnp.ones((2, 2)))
    assert pair.single == 4 * (2 * 2 * 2 * 2)  # no more than four for each operation
    vector = counted(jnp.matmul, jnp.ones((90, 80)), jnp.ones(80))
    assert vector.flops == STREAMED * (90 * 80 + 80 + 90)
    fast, slow = FACTORS["eigh"]
    found = counted(jax.lax.linalg.eigh, jnp.eye(35)).factors
    assert found == pytest.approx(fast * 35**3 + slow * 35**2)


def test_arrays_that_leave_the_cache_are_counted_as_such():
    small, large = jnp.ones(LARGE // 2), jnp.ones(LARGE)
    assert counted(lambda x: x + 1, small).large == 0
    assert counted(lambda x: x + 1, large).large == LARGE
    assert counted(jnp.sum, large).large == LARGE  # what it reads
    assert counted(lambda x: x[:9], large).large == 0
    prices = mj.machines.CORE
    within, beyond = (
        counted(lambda x: x + 1, a).seconds(prices) for a in (small, large)
    )
    assert beyond == pytest.approx(2 * 5 * within)


def test_functions_are_dearer_in_double_precision():
    single = counted(jnp.cos, jnp.ones(100)).slow
    with jax.enable_x64(True):
        assert counted(jnp.cos, jnp.ones(100)).slow == DOUBLE * single > 0


def test_loops_branches_and_double_precision():
    def step(x, _):
        return x @ x, None

    x = jnp.ones((200, 200))
    once = counted(lambda x: x @ x, x).flops
    looped = counted(lambda x: jax.lax.scan(step, x, None, 7)[0], x)
    assert looped.flops == 7 * once and looped.kernels == 7
    walked = lambda n, x: jax.lax.fori_loop(0, n, lambda i, x: x @ x, x)  # noqa: E731
    assert counted(walked, jnp.int32(3), x, tiles=4).flops == 4 * once
    assert counted(walked, jnp.int32(3), x, tiles=4).kernels == 1
    either = lambda p, x: jax.lax.cond(p, lambda x: x @ x, lambda x: x, x)  # noqa: E731
    assert counted(either, True, x).flops == once
    with jax.enable_x64(True):
        fine = jnp.ones((200, 200), jnp.float64)
        assert counted(lambda x: x @ x, fine).flops == 2 * once


def test_a_sum_reads_what_it_adds_and_a_draw_is_dear():
    assert counted(jnp.sum, jnp.ones(100)).single == 100 * READ + FOLDED
    assert counted(jnp.argmax, jnp.ones(100)).single == 100 * PICKED
    key = jax.random.key(0)
    bits = counted(lambda k: jax.random.bits(k, (100,)), key)
    assert bits.slow >= 900


def test_what_is_added_to_a_table_is_dear_and_not_the_table():
    table, rows, at = jnp.zeros((50, 7)), jnp.ones((9, 7)), jnp.arange(9)
    added = counted(lambda t, r: t.at[at].add(r), table, rows)
    assert added.single == PUT * rows.size
    assert counted(lambda t: t[at], table).single == LOOKED_UP * rows.size


def test_prices_are_what_makes_the_samples_take_as_long_as_they_do():
    """On devices of made-up prices, which it finds again."""

    def timed(machine, step, state):
        did, of = work(jax.make_jaxpr(step)(*state).jaxpr), made_up[machine]
        return did.seconds(of) + of.kernel * (did.kernels + 1)

    made_up = {mj.machines.cpu(2): MADE_UP, mj.machines.h100: mj.machines.h100.prices}
    for machine, expected in made_up.items():
        found = prices.measure(machine, timed)
        np.testing.assert_allclose(found, expected, rtol=0.1)


def test_prices_are_measured_once(tmp_path, monkeypatch):
    measured = []

    def once(machine):
        measured.append(machine)
        return MADE_UP

    monkeypatch.setattr(prices, "measure", once)
    file = tmp_path / "deep" / "prices.json"
    machine = mj.machines.cpu(3)
    assert prices._known(machine, file) == MADE_UP
    assert json.loads(file.read_text()) == MADE_UP._asdict()
    prices._known.cache_clear()  # as in another process
    assert prices._known(machine, file) == MADE_UP
    assert len(measured) == 1
    prices._known.cache_clear()
    file.write_text("{")
    assert prices._known(machine, file) == MADE_UP
    assert len(measured) == 2
    prices._known.cache_clear()
    assert prices._known(machine, tmp_path) == MADE_UP  # nowhere to keep them


def test_prices_never_change_a_number(tmp_path):
    """Only how work is cut: whatever a device is taken to do, results are the same."""

    def run(a, seed):
        noise = jax.random.normal(jax.random.key(seed), (20,))
        return mj.iterate(a * noise, lambda s, t: jnp.sin(s), lambda s: {"s": s}, 9)

    sweep = mj.Sweep(run, a=[0.5, 1.0, 2.0], seed=range(4))
    plain = sweep.compute()
    slow = here()._replace(prices=mj.machines.Prices(*[1e2] * 5))
    job = sweep.job().on(slow)
    assert len(sweep.plan(job=job).blocks) > 1 and sweep.plan(job=job).blocks[0].legs
    np.testing.assert_array_equal(sweep.compute(job=job).s, plain.s)


def test_samples_are_in_single_precision_whatever_a_process_computes_in():
    with jax.enable_x64(True):
        prices.measure(mj.machines.cpu(2), lambda machine, step, state: 1.0)


@pytest.mark.long
def test_what_is_measured_here_is_a_price():
    found = prices.measure(here())
    assert all(0 < p < np.inf for p in found._replace(kernel=1.0))
