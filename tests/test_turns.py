"""How far loops walk whose length is traced, as far as a lane's numbers tell."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.engine.asked.jaxprs import equations
from memjax.engine.planned.known import RULES, Known
from memjax.engine.planned.turns import BOUND
from memjax.engine.planned.work import work
from memjax.engine.run.devices import here

SIDE = 200
ONCE = 2 * SIDE**3  # operations of a product
FREE = mj.machines.Prices(*[np.inf] * 5)
COUNTED = mj.machines.cpu(2)._replace(prices=FREE._replace(flops=1.0 * ONCE))


def squared(x: jax.Array) -> jax.Array:
    return x @ x


def loop(count, x: jax.Array) -> jax.Array:
    return jax.lax.fori_loop(0, count, lambda i, x: squared(x), x)


def start(a) -> jax.Array:
    return a * jnp.ones((SIDE, SIDE))


def products(run, **axes) -> list[float]:
    """How many products each lane is expected to make."""
    (group,) = mj.Sweep(run, **axes).job(COUNTED).groups(np.arange(len_of(axes)))
    return group.seconds.tolist()


def len_of(axes) -> int:
    return int(np.prod([len(v) for n, v in axes.items() if n != "inputs"]))


def test_a_loop_up_to_a_number_is_as_long_as_each_lane_has_it():
    def run(a, features):
        blocks = jnp.where(features > 0, jnp.ceil(features / 100), 0).astype(int)
        return {"x": loop(blocks, start(a))}

    assert products(run, a=[1.0], features=[0, 100, 101, 950]) == [0, 1, 2, 10]


def test_a_run_that_walks_inside_itself_takes_all_of_its_steps():
    def run(a, seed):
        legs = mj.iterate(start(a), lambda s, t: squared(s), lambda s: {}, (0, 3, 9))
        first, _ = mj.walk(legs)
        return {"x": mj.walk(legs._replace(start=first.state, times=(0, 5)))[0].state}

    assert products(run, a=[1.0], seed=[0, 1]) == [14, 14]


def test_loops_in_loops_and_in_scans():
    def twice(count, x):
        inner = lambda i, x: loop(count, x)  # noqa: E731
        return jax.lax.fori_loop(2, 5, inner, x)

    def run(a, count):
        def scanned(x, k):
            return loop(k, twice(count, x)), None

        return {"x": jax.lax.scan(scanned, start(a), jnp.arange(4))[0]}

    assert products(run, a=[1.0], count=[1, 7]) == [4 * 3 + 6, 4 * 3 * 7 + 6]


def test_loops_side_by_side_are_as_long_as_the_longest():
    def run(a, count):
        counts = count * jnp.array([1, 3, 2])
        return {"x": jax.vmap(loop, (0, None))(counts, start(a))}

    assert products(run, a=[1.0], count=[1, 2]) == [3 * 3, 3 * 6]


def test_lengths_may_come_from_inputs():
    def run(a, graph, table):
        return {"x": loop(graph["deep"] + table[1], start(a))}

    inputs = {"graph": mj.per("graph", {"deep": np.array([3, 1])})}
    inputs |= {"table": np.array([5, 10])}
    assert products(run, a=[1.0], graph=["b", "c"], inputs=inputs) == [13, 11]


def test_a_loop_up_to_what_is_drawn_is_a_walk_over_row_tiles():
    def run(a, seed, size, *, capacity):
        drawn = jax.random.randint(jax.random.key(seed), (), 0, 50)
        return {"x": loop(drawn, start(a))}

    assert products(run, a=[1.0], seed=[0], size=[10, 1500]) == [1, 3]


def test_a_loop_that_ends_by_a_condition_turns_between_once_and_its_bound():
    def until(most, x):
        def goes_on(state):
            return (state[0] < most) & (state[1][0, 0] > 1e-3)

        return jax.lax.while_loop(goes_on, lambda s: (s[0] + 1, squared(s[1])), (0, x))

    def run(a, most):
        return {"x": until(most, start(a))[1]}

    def unbounded(a):
        above = lambda x: x[0, 0] > 1e-3  # noqa: E731
        return {"x": jax.lax.while_loop(above, squared, start(a))}

    assert products(run, a=[1.0], most=[1, 25, 100]) == [1, 5, 10]
    assert products(unbounded, a=[1.0]) == pytest.approx([BOUND**0.5])


def test_a_loop_that_counts_otherwise_is_not_taken_to_count_up():
    def by_two(x):
        below = lambda s: s[0] < 10  # noqa: E731
        return jax.lax.while_loop(below, lambda s: (s[0] + 2, squared(s[1])), (0, x))

    jaxpr = jax.make_jaxpr(by_two)(start(1.0)).jaxpr
    assert work(jaxpr).flops == ONCE


def test_what_is_known_is_what_a_run_computes():
    """Every rule, on numbers and on lists of them, for two lanes."""

    def made(a, n, xs):
        a, n = jnp.asarray(a), jnp.asarray(n)
        lists = [xs + a, xs * n, -xs, xs - 2, xs / 3, xs // 2, xs % 3, jnp.abs(xs)]
        lists += [jnp.sign(xs - 1), jnp.maximum(xs, n), jnp.minimum(xs, a), xs**2]
        lists += [jnp.floor(xs * a), jnp.ceil(xs * a), jnp.round(xs * a)]
        lists += [jnp.exp(a * xs), jnp.log(xs + 1), jnp.sqrt(xs), (xs + 1.0) ** a]
        lists += [jnp.where((xs < n) | ~(xs >= 3) & (xs > 0), xs, n)]
        lists += [jnp.where((xs == 2) | (xs != n) & (xs <= 1), a, xs)]
        lists += [
            jax.lax.clamp(1, xs, 2),
            jnp.arange(4) + n,
            jnp.full(4, a),
            n // 2,
            n % 2,
        ]
        lists += [xs[n], xs[1:3] - 1, a.reshape(1), jnp.max(xs), xs.astype(float)]
        return [*lists, jnp.min(xs), jnp.sum(xs), jax.nn.relu(a), -n // 2]

    xs, given = jnp.array([3, 1, 0, 2]), [(0.7, 1), (-1.5, 2)]
    traced = jax.make_jaxpr(made)(*given[0], xs)
    handed = [np.array(v, t) for v, t in zip(zip(*given), "fi")]  # noqa: B905
    asked = [lambda v=v: v for v in (*handed, np.asarray(xs)[None])]
    known = Known(traced.jaxpr, [*(lambda c=c: c[None] for c in traced.consts), *asked])
    assert RULES.keys() <= {e.primitive.name for e in equations(traced.jaxpr)}
    expected = [made(*lane, xs) for lane in given]
    for place, variable in enumerate(traced.jaxpr.outvars):
        found = known.of(variable)
        for lane, values in enumerate(expected):
            mine = np.broadcast_to(found, (2, *found.shape[1:]))[lane]
            np.testing.assert_allclose(mine, values[place], rtol=1e-6)


def test_a_draw_is_not_known():
    traced = jax.make_jaxpr(lambda s: jax.random.normal(jax.random.key(s)))(0)
    known = Known(traced.jaxpr, [lambda: np.arange(2)])
    assert known.of(traced.jaxpr.outvars[0]) is None


def test_runs_that_take_no_time_are_cut_by_lanes_however_long_they_are():
    """There are no legs to cut them by, whether they cost the same or not."""

    def run(count, seed):
        x = jax.random.normal(jax.random.key(seed), (9,))
        return {"x": jax.lax.fori_loop(0, count, lambda i, x: jnp.sin(x), x)}

    slow = here()._replace(prices=mj.machines.Prices(*[1e2] * 5))
    for count in ([1, 4, 30], [5]):
        sweep = mj.Sweep(run, count=count, seed=range(12))
        job = sweep.job(slow)
        plan = sweep.plan(job=job)
        assert len(plan.blocks) > 1 and {b.legs for b in plan.blocks} == {None}
        np.testing.assert_array_equal(sweep.compute(job=job).x, sweep.compute().x)


def test_what_is_done_once_at_the_end_is_part_of_the_price():
    def run(a):
        def end(state):
            return {"x": squared(squared(state))}

        legs = mj.iterate(
            start(a), lambda s, t: s, lambda s: {"b": s[0]}, 2, finish=end
        )
        return legs

    assert products(run, a=[1.0]) == [2]
