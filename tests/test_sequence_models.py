"""Models of a sequence against loops in numpy, and what their switches switch."""

import itertools
import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import memjax as mj
from memjax.models import mamba, normal, transformer

VOCABULARY, WIDTH, HEADS, LENGTH, CLASSES = 7, 12, 3, 8, 5
X = np.array([3, 0, 6, 6, 1, 2])
# Every two values of norm, causal, hidden units, classes and bias, together somewhere.
SWITCHES = [
    (
        norm,
        causal,
        hidden,
        CLASSES * (causal == (hidden > 0)),
        causal != (norm == "pre"),
    )
    for norm in ("pre", "post", None)
    for causal in (True, False)
    for hidden in (10, 0)
]


def jitted(model):
    """The same, each call compiled as a whole: operations one by one take longer."""

    def apply(params, x, at=None, **numbers):
        how = {} if at is None else {"at": at}  # static, unless it is an argument
        return jax.jit(partial(model.apply, **how))(params, jnp.asarray(x), **numbers)

    return model._replace(apply=apply)


def network(prompt=0, layers=2, **how):
    how |= {"layers": layers, "prompt": prompt}
    return jitted(transformer(VOCABULARY, WIDTH, HEADS, LENGTH, **how))


NETWORKS = {
    "transformer": network(),
    "mamba": jitted(mamba(VOCABULARY, WIDTH, 2, states=3)),
}


def scattered(params, seed=0):
    """Parameters of this structure that are all random, gains and biases, too."""
    leaves, tree = jax.tree.flatten(params)
    rng = np.random.default_rng(seed)
    drawn = [0.4 * rng.normal(size=a.shape).astype(np.float32) for a in leaves]
    return jax.tree.unflatten(tree, [jnp.asarray(a) for a in drawn])


# --- oracles: float64, token by token; what is not there is left out ------------------


def layer_norm(x, norm, live):
    centered = x - x.mean()
    scaled = centered / math.sqrt((centered**2).mean() + 1e-5)
    return scaled * norm[0] + norm[1] if live else scaled


def tanh_gelu(z):
    return z / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))


def numpy_transformer(
    params, x, *, norm, causal, heads=HEADS, positions=1, norms=None, prompted=0
):
    w = jax.tree.map(lambda a: np.asarray(a, np.float64), params)
    layers = w["layers"]
    norms = [1] * (len(layers["out"]) + 1) if norms is None else norms
    rows = [w["prompt"][i] for i in range(prompted)]
    tokens = [(i, t) for i, t in enumerate(x) if t != -1]
    rows += [w["embed"][t] + positions * w["position"][i] for i, t in tokens]
    for i, live in enumerate(norms[:-1]):
        layer = {name: a[i] for name, a in layers.items()}

        def through(name, row, layer=layer):
            return row @ layer[name] + layer.get(f"{name}_bias", 0)

        pre = [
            layer_norm(r, layer["attend_norm"], live) if norm == "pre" else r
            for r in rows
        ]
        q, k, v = ([through(n, r) for r in pre] for n in ("query", "key", "value"))
        after = []
        for a, row in enumerate(rows):
            mixed = np.zeros(len(row))
            for cut in np.split(np.arange(len(row)), heads):
                seen = range(a + 1) if causal else range(len(rows))
                share = np.array([q[a][cut] @ k[b][cut] for b in seen])
                share = np.exp(share / math.sqrt(len(cut)))
                share /= share.sum()
                mixed[cut] = sum(
                    s * v[b][cut] for s, b in zip(share, seen, strict=True)
                )
            row = row + through("out", mixed)
            row = layer_norm(row, layer["attend_norm"], live) if norm == "post" else row
            if "up" in layer:
                read = (
                    layer_norm(row, layer["expand_norm"], live)
                    if norm == "pre"
                    else row
                )
                row = row + through("down", tanh_gelu(through("up", read)))
                row = (
                    layer_norm(row, layer["expand_norm"], live)
                    if norm == "post"
                    else row
                )
            after.append(row)
        rows = after
    if norm == "pre":
        rows = [layer_norm(row, w["norm"], norms[-1]) for row in rows]
    out = w.get("unembed", w["embed"].T)
    return np.array([row @ out for row in rows[prompted:]])


def numpy_mamba(params, x, *, norms=None):
    w = jax.tree.map(lambda a: np.asarray(a, np.float64), params)
    norms = [1] * (len(w["layers"]["out"]) + 1) if norms is None else norms
    rows = [w["embed"][t] for t in x if t != -1]
    silu = lambda z: z / (1 + np.exp(-z))  # noqa: E731
    for i, live in enumerate(norms[:-1]):
        layer = {name: a[i] for name, a in w["layers"].items()}
        pre = [
            layer_norm(r, layer["norm"], live) if "norm" in layer else r for r in rows
        ]
        channels, states = layer["decay"].shape
        both = np.array([r @ layer["into"] for r in pre])
        entered, gate = both[:, :channels], both[:, channels:]
        h, window, after = np.zeros((channels, states)), len(layer["conv"]), []
        for t, row in enumerate(rows):
            u = layer["conv_bias"].copy()
            for back in range(min(window, t + 1)):
                u += layer["conv"][window - 1 - back] * entered[t - back]
            u = silu(u)
            chosen = u @ layer["select"]
            rank = len(layer["delta"])
            b, c = chosen[rank : rank + states], chosen[rank + states :]
            delta = np.log1p(
                np.exp(chosen[:rank] @ layer["delta"] + layer["delta_bias"])
            )
            for e, s in np.ndindex(h.shape):
                decay = np.exp(-delta[e] * np.exp(layer["decay"][e, s]))
                h[e, s] = decay * h[e, s] + delta[e] * b[s] * u[e]
            y = (h @ c + layer["skip"] * u) * silu(gate[t])
            after.append(row + y @ layer["out"])
        rows = after
    if "norm" in w:
        rows = [layer_norm(row, w["norm"], norms[-1]) for row in rows]
    return np.array(rows) @ w.get("unembed", w["embed"].T)


def assert_same(found, expected):
    """To 1e-5 of the largest entry."""
    scale = np.abs(expected).max()
    assert 0.1 < scale < 100
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=1e-5)


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_the_transformer_is_its_formula(switches):
    norm, causal, hidden, classes, bias = switches
    how = {"hidden": hidden, "classes": classes, "bias": bias}
    model = network(norm=norm, causal=causal, **how)
    params = scattered(model.init(jax.random.key(0)))
    assert [n in params["layers"] for n in ("up", "out_bias")] == [hidden > 0, bias]
    expected = numpy_transformer(params, X, norm=norm, causal=causal)
    assert expected.shape == (len(X), classes or VOCABULARY)
    assert_same(model.apply(params, X), expected)


def test_switches_meet_in_pairs():
    for a, b in itertools.combinations(range(5), 2):
        met = {(s[a], s[b]) for s in SWITCHES}
        assert len(met) == len({s[a] for s in SWITCHES}) * len({s[b] for s in SWITCHES})


@pytest.mark.parametrize("classes", [0, CLASSES])
@pytest.mark.parametrize(("norm", "window"), [(True, 4), (False, 1), (True, 9)])
def test_mamba_is_its_formula(classes, norm, window):
    how = {"states": 3, "window": window, "classes": classes, "norm": norm}
    model = jitted(mamba(VOCABULARY, WIDTH, 2, **how))
    params = scattered(model.init(jax.random.key(0)))
    assert_same(model.apply(params, X), numpy_mamba(params, X))


def test_mamba_of_a_start_is_its_formula_with_rates_from_one_on():
    params = NETWORKS["mamba"].init(jax.random.key(3), 2.0)
    assert_same(NETWORKS["mamba"].apply(params, X), numpy_mamba(params, X))
    layer = jax.tree.map(lambda a: a[0], params["layers"])
    np.testing.assert_allclose(np.exp(layer["decay"][4]), [1, 2, 3], rtol=1e-6)
    steps = np.log1p(np.exp(np.asarray(layer["delta_bias"], np.float64)))
    np.testing.assert_allclose(steps[[0, -1]], [1e-3, 1e-1], rtol=1e-4)


# --- causality ------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_later_tokens_move_nothing(name):
    model = NETWORKS[name]
    params = scattered(model.init(jax.random.key(0)))
    vectors = jax.random.normal(jax.random.key(1), (5, WIDTH))
    moved = jax.jit(jax.jacobian(lambda x: model.apply(params, x)))(vectors)
    for query, source in itertools.product(range(5), range(5)):
        slopes = np.abs(moved[query, :, source])
        assert slopes.max() == 0 if source > query else slopes.max() > 1e-4


def test_without_a_causal_mask_later_tokens_do():
    model = network(causal=False)
    params = scattered(model.init(jax.random.key(0)))
    first = [model.apply(params, jnp.array([1, 2, last]), at=0) for last in (3, 4)]
    assert np.abs(first[0] - first[1]).max() > 1e-3


# --- switches -------------------------------------------------------------------------


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_numbers_of_the_transformer(norm):
    model = network(4, 3, norm=norm)
    params = scattered(model.init(jax.random.key(0)))
    x = np.array([-1, 2, 5, 5, -1, -1])  # padded at both ends
    for positions, norms, prompted in (
        (1, [1, 1, 1, 1], 4), (0, [1, 0, 1, 0], 2), (0.5, [0, 0, 0, 0], 0),
    ):  # fmt: skip
        numbers = {
            "positions": positions,
            "norms": np.array(norms),
            "prompted": prompted,
        }
        found = model.apply(params, x, **numbers)
        expected = numpy_transformer(
            params, x, norm=norm, causal=True, **{**numbers, "norms": norms}
        )
        assert_same(found[1:4], expected)


@pytest.mark.parametrize(("norm", "prompt"), [("post", 3), (None, 0)])
def test_an_only_layer_without_a_norm_before_it(norm, prompt):
    """Its tables are projected, and then looked up: the same numbers."""
    model = network(prompt, 1, norm=norm)
    params = scattered(model.init(jax.random.key(0)))
    how = {"norm": norm, "causal": True, "positions": 0.5}
    expected = numpy_transformer(params, X, prompted=prompt, **how)
    vectors = np.asarray(params["embed"])[X]
    for x, at in ((X, None), (X, -1), (vectors, None), (vectors, slice(1, 4))):
        found = model.apply(params, x, at=at, positions=0.5)
        assert_same(found, expected if at is None else expected[at])


def test_no_positions_are_a_table_of_zeros():
    model = NETWORKS["transformer"]
    params = scattered(model.init(jax.random.key(0)))
    off = model.apply(params, X, positions=0.0)
    none = {**params, "position": jnp.zeros((LENGTH, WIDTH))}
    np.testing.assert_array_equal(off, model.apply(none, X))
    assert np.abs(off - model.apply(params, X)).max() > 1e-2


@pytest.mark.long
@pytest.mark.parametrize("causal", [True, False])
def test_a_prompt_of_which_k_live_is_a_prompt_of_k(causal):
    made = partial(network, causal=causal)
    params = scattered(made(6).init(jax.random.key(0)))
    for k in (2, 6):
        short = {**params, "prompt": params["prompt"][:k]}
        expected = made(k).apply(short, X)
        found = made(6).apply(params, X, prompted=k)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    without = {name: a for name, a in params.items() if name != "prompt"}
    expected = made(0).apply(without, X)
    found = made(6).apply(params, X, prompted=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    slope = jax.grad(lambda p: made(6).apply(p, X, prompted=2).sum())(params)
    assert (np.abs(slope["prompt"]).max(axis=1) > 0).tolist() == [True] * 2 + [
        False
    ] * 4


@pytest.mark.long
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("left", [0, 2])
def test_no_token_is_nothing(name, left):
    """A padded sequence is one without padding, its slope, too."""
    model = NETWORKS[name]
    params = scattered(model.init(jax.random.key(0)))
    padded = jnp.array([-1] * left + [*X[:4]] + [-1] * (2 - left))
    live = slice(left, left + 4)
    off = {"positions": 0.0} if name == "transformer" else {}

    def spread(params, x, rows):
        return jnp.sum(jnp.square(model.apply(params, x, **off)[rows]))

    value, slope = jax.value_and_grad(spread)(params, padded, live)
    expected = jax.value_and_grad(spread)(params, jnp.asarray(X[:4]), slice(None))
    np.testing.assert_allclose(value, expected[0], rtol=1e-5)
    for found, exact in zip(*map(jax.tree.leaves, (slope, expected[1])), strict=True):
        np.testing.assert_allclose(found, exact, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_norms_that_are_held_are_of_gain_one_and_shift_zero(name):
    model = NETWORKS[name]
    params = scattered(model.init(jax.random.key(0)))

    def held(i, path, a):
        key = jax.tree_util.keystr(path)
        return (
            a.at[i, 0].set(1).at[i, 1].set(0)
            if "layers" in key and "norm" in key
            else a
        )

    for i in (0, 1):
        dial = np.ones(3)
        dial[i] = 0
        found = model.apply(params, X, norms=dial)
        by_hand = jax.tree_util.tree_map_with_path(
            lambda p, a, i=i: held(i, p, a), params
        )
        assert_same(found, model.apply(by_hand, X))
    slope = jax.grad(lambda p: model.apply(p, X, norms=0.0).sum())(params)
    moved = jax.tree_util.tree_flatten_with_path(slope)[0]
    for path, a in moved:
        if "norm" in jax.tree_util.keystr(path):
            assert np.abs(a).max() == 0


@pytest.mark.parametrize("name", NETWORKS)
def test_rows_that_are_asked_for_are_those_of_all(name):
    model = NETWORKS[name]
    params = scattered(model.init(jax.random.key(0)))
    whole = np.asarray(model.apply(params, X))
    asked = (0, np.array([4, 1, -2]), slice(2, 5), slice(None, None, -2), -1)

    @jax.jit
    def rows(index, several):
        traced = [model.apply(params, X, at=at) for at in (index, several)]
        return [model.apply(params, X, at=at) for at in asked], traced

    static, traced = rows(*asked[:2])
    for at, found in zip(asked, static, strict=True):
        np.testing.assert_allclose(found, whole[at], rtol=1e-5, atol=1e-5)
    for at, found in zip(asked[:2], traced, strict=True):
        np.testing.assert_allclose(found, whole[at], rtol=1e-5, atol=1e-5)


def test_layers_that_are_alike_are_traced_once():
    traced = []

    def units(z):
        traced.append(z)
        return jax.nn.gelu(z)

    def losses(params):
        made = [network(layers=4, activation=units) for _ in range(2)]
        return [
            mj.expect(lambda x, y, m=m: m.apply(params, x, at=y).sum(), data)
            for m in made
        ]

    data = mj.Data(jnp.tile(X, (3, 1)), jnp.arange(3), jnp.ones(3))
    params = network(layers=4).init(jax.random.key(0))
    jax.make_jaxpr(jax.jacrev(losses))(params)
    assert len(traced) == 2  # the last one answers at one place


def test_which_activation_it_is_may_be_traced():
    names = ("relu", "tanh", "sine")
    params = scattered(network(layers=3).init(jax.random.key(0)))

    @jax.vmap
    def answers(place):
        act = mj.models.activation_at(place, names)
        return network(layers=3, activation=act).apply(params, X)

    for name, found in zip(names, answers(jnp.arange(3)), strict=True):
        apart = network(layers=3, activation=mj.models.ACTIVATIONS[name])
        np.testing.assert_allclose(found, apart.apply(params, X), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_models_know_only_their_own_tokens_and_places(name):
    model = NETWORKS[name]
    params = model.init(jax.random.key(0))
    assert np.isfinite(model.apply(params, jnp.array([0, VOCABULARY - 1, -1]))).all()
    for wrong in (VOCABULARY, -2):
        assert np.isnan(model.apply(params, jnp.array([0, wrong]), at=-1)).all()
    assert np.isnan(model.apply(params, jnp.array([0, 1]), at=jnp.array(2))).all()


def test_shapes_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="3 heads of a width of 8"):
        transformer(5, 8, 3, 4)
    with pytest.raises(ValueError, match="'pre', 'post' or None"):
        transformer(5, 8, 2, 4, norm="both")
    model = transformer(5, 8, 2, 1)
    with pytest.raises(ValueError, match="a sequence of 3"):
        model.apply(model.init(jax.random.key(0)), jnp.array([1, 2, 3]))


# --- starts, and grids ----------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_starts_have_their_variance(name):
    make = {"transformer": lambda v, **how: transformer(v, 48, 3, 40, 2, **how)}
    make["mamba"] = lambda v, **how: mamba(v, 48, 2, **how)
    params = make[name](300, scheme=normal(0.02)).init(
        jax.random.key(0), 3.0, embed=5.0
    )
    lecun = make[name](300).init(jax.random.key(0))
    for tree, std in ((params["layers"]["out"], 0.06), (params["embed"], 0.3)):
        assert np.std(tree) == pytest.approx(std, rel=0.03)
    assert np.std(lecun["embed"]) == pytest.approx(48**-0.5, rel=0.03)
    out = lecun["layers"]["out"]
    assert np.std(out) == pytest.approx(out.shape[1] ** -0.5, rel=0.03)
    # A larger vocabulary begins with a smaller one, and nothing else moves.
    more = make[name](310).init(jax.random.key(0))
    np.testing.assert_array_equal(more["embed"][:300], lecun["embed"])
    np.testing.assert_array_equal(more["layers"]["out"], out)
    own = make[name](30, classes=4).init(jax.random.key(0))
    assert (own["embed"].shape, own["unembed"].shape) == ((30, 48), (48, 4))
    assert np.std(own["unembed"]) == pytest.approx(48**-0.5, rel=0.2)


def run(positions, prompted, size, norms, lr, seed, *, length):
    """A few steps on random labels of sequences, of which a dial cuts the length."""
    data_key, init_key = jax.random.split(jax.random.key(seed))
    model = transformer(4, 8, 2, length, 2, classes=3, prompt=3)
    tokens = jax.random.randint(data_key, (6, length), 0, 4)
    x = jnp.where(jnp.arange(length)[None] < size, tokens, -1)
    data = mj.Data(x, jnp.arange(6) % 3, mj.prefix(6, 6))
    numbers = {"positions": positions, "norms": norms, "prompted": prompted}

    def loss(params, x, y):
        return mj.losses.cross_entropy(
            model.apply(params, x, at=size - 1, **numbers), y
        )

    def observe(params):
        return {"loss": mj.expect(lambda x, y: loss(params, x, y), data)}

    return mj.train(loss, optax.adam(lr), observe, (0, 3))(model.init(init_key), data)


@pytest.mark.long
def test_a_grid_over_switches_is_one_program_and_its_loop():
    axes = {
        "positions": [0.0, 1.0],
        "prompted": [0, 3],
        "size": [2, 5],
        "norms": [0.0, 1.0],
    }
    sweep = mj.Sweep(run, **axes, lr=[1e-2], seed=[0], length=5)
    assert len(sweep.plan().groups) == 1
    found = sweep.compute()
    assert len(np.unique(found.loss.isel(step=-1))) == 16
    for point in ((0.0, 0, 5, 1.0), (1.0, 3, 2, 0.0)):
        legs = run(*point, 1e-2, 0, length=5)
        _, seen = mj.walk(legs)
        at = dict(zip(axes, point, strict=True))
        values = found.loss.sel(at).squeeze()
        np.testing.assert_allclose(values, seen["loss"], rtol=2e-4)
