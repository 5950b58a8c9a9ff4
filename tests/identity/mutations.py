"""Runs, and changes after which they compute something else.

`source` is a module with a function `ask()`, which returns the run and what its sweep
is given. `change` is code that is run in the module; `edit` replaces text of a file.
"""

from typing import NamedTuple


class Case(NamedTuple):
    """One change of one run."""

    name: str
    source: str
    change: str = ""
    edit: tuple[str, str] = ("", "")
    helper: str = ""  # the text of a module `helper` beside it
    edited: str = "case"  # the file that `edit` changes


ASK = """

def ask():
    return run, {"a": [1.0, 2.0]}
"""


def case(name: str, source: str, change: str = "", **more) -> Case:
    """A case whose sweep is over one axis, unless the source says otherwise."""
    text = source.lstrip("\n")
    return Case(name, text if "def ask" in text else text + ASK, change, **more)


LEGS = """
import memjax as mj
K = {"step": 1.5, "seen": 1.0, "end": 1.0, "last": 3, "start": 1.0}
def run(a):
    return mj.iterate(
        K["start"] * a, lambda s, t: s * K["step"], lambda s: {"y": s + K["seen"]},
        (0, 1, K["last"]), finish=lambda s: {"z": s * K["end"]},
    )
"""
LOOP = """
import jax, jax.numpy as jnp
from jax import lax
G = 2.0
def body(*a):
    return (a[0] * G, None) if len(a) == 2 and a[1] is None else a[-1] * G
@jax.checkpoint
def kept(x):
    return jnp.sin(x) * G
def inner(x):
    return x * G
def run(a):
"""
OPTIMIZER = """
import jax, jax.numpy as jnp, optax, memjax as mj
B1, PEAK = 0.9, 1.0
def shape(t):
    return PEAK / (1 + t)
def run(a):
    data = mj.Data(jnp.arange(3.0), jnp.ones(3), jnp.ones(3) / 3)
    loss = lambda p, x, y: (p * x - y) ** 2
    tool = optax.adam(lambda t: a * shape(t), b1=B1)
    return mj.train(loss, tool, lambda p: {"y": p}, (0, 3))(jnp.float32(0), data)
"""
LINEN = """
import flax.linen as nn, jax, jax.numpy as jnp, memjax as mj
class Net(nn.Module):
    hidden: int
    act: object = nn.relu
    @nn.compact
    def __call__(self, x):
        return nn.Dense(1)(self.act(nn.Dense(self.hidden)(x)))
net = Net(4)
def run(a):
    model = mj.models.linen(net, jnp.zeros(3))
    params = model.init(jax.random.key(0))
    return {"y": a * model.apply(params, jnp.ones(3)).sum()}
"""
NNX = """
import jax, jax.numpy as jnp, memjax as mj
from flax import nnx
SIZE = 4
def run(a):
    model = mj.models.from_nnx(lambda rngs: nnx.Linear(3, SIZE, rngs=rngs))
    params = model.init(jax.random.key(0))
    return {"y": a * model.apply(params, jnp.ones(3)).sum()}
"""
TREE = """
import jax, jax.numpy as jnp
from dataclasses import dataclass
from functools import partial
@partial(jax.tree_util.register_dataclass, data_fields=["w"], meta_fields=["power"])
@dataclass
class Layer:
    w: object
    power: int
    def __call__(self, x):
        return (self.w * x) ** self.power
layer = Layer(jnp.arange(3.0), 2)
def run(a):
    return {"y": layer(a).sum()}
"""
DATA = """
import jax, jax.numpy as jnp, numpy as np, memjax as mj
X = np.arange(6.0, dtype=np.float32)
ROWS = np.arange(4.0, dtype=np.float32).reshape(2, 2)
FIXED, SHAPE = 1.5, 3
def run(a, b, x, row, *, n):
    return {"y": a * x.sum() + row.sum() * b + n}
def ask():
    inputs = {"x": X, "row": mj.per("a", ROWS)}
    return run, {"a": [1.0, 2.0], "b": FIXED, "n": SHAPE, "inputs": inputs}
"""
CUSTOM = """
import jax, jax.numpy as jnp
G, H, R = 2.0, 3.0, 5.0
@jax.custom_jvp
def f(x):
    return x * G
@f.defjvp
def f_jvp(p, t):
    return f(*p), t[0] * H
@jax.custom_vjp
def g(x):
    return x * G
g.defvjp(lambda x: (x * G, x), lambda x, ct: (ct * H * x,))
@jax.custom_batching.custom_vmap
def v(x):
    return x * 1.0
@v.def_vmap
def rule(size, batched, x):
    return x * R, True
def run(a):
    return {"y": jax.grad(f)(a) + jax.grad(g)(a) + f(a), "z": v(a)}
def ask():
    return run, {"a": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}  # three in a vmap
"""
OBJECTS = """
import enum, os, pathlib, collections
from dataclasses import dataclass
import jax, jax.numpy as jnp, numpy as np
class Kind(enum.Enum):
    SMALL = 1.0
    LARGE = 2.0
class Scale:
    factor = 2.0
    def __init__(self, own): self.own = own
    def by(self, x): return x * self.own
    def __call__(self, x): return x + self.own
    @property
    def twice(self): return 2 * self.own
@dataclass
class Config:
    rate: float = 1.0
Point = collections.namedtuple("Point", "x y")
scale, config, point, kind = Scale(3.0), Config(), Point(1.0, 2.0), Kind.SMALL
by, table, numbers, array = scale.by, {"k": 1.0}, [1.0, 2.0], np.ones(3)
chosen, name, on, members = jnp.tanh, "plus", True, frozenset({1.0, 3.0})
wide = np.zeros(1000, np.float32)
def helped(x, k=1.0, *, p=2.0): return x * k + p
zero = 0.0
def run(a):
    y = scale.by(a) + by(a) + scale(a) + scale.twice + scale.factor
    y += config.rate * a + point.y + kind.value + table["k"] + sum(numbers)
    y += array.sum() + helped(a) + chosen(a) + (a if on else 0) + wide.sum()
    y = y + a if name == "plus" else y - a
    return {"y": y + sum(sorted(members)), "z": 1 / (a * zero)}
"""


def scales(name: str, change: str) -> Case:
    return case(name, OBJECTS, change)


CLOSURES = """
import functools, jax
def outer(k):
    def middle(j):
        def run(a):
            return {"y": a * k + j}
        return run
    return middle
run = outer(2.0)(1.0)
"""
PARTIAL = """
import functools, jax
def base(a, k): return a * k
part, jitted = functools.partial(base, k=2.0), jax.jit(functools.partial(base, k=5.0))
double = lambda x: 2 * x
def run(a):
    return {"y": part(a) + jitted(a) + double(a)}
"""
HELPED = """
import helper
from helper import f
def run(a):
    return {"y": helper.f(a) + f(a) + helper.K}
"""
HELPER = "K = 1.0\ndef f(x):\n    return 2.0 * x\n"
SETTINGS = """
import jax, jax.numpy as jnp
def run(a):
    x = jax.random.normal(jax.random.key(1), (4, 4))
    return {"y": (a * x @ x).sum()}
"""
TILED = """
import jax, jax.numpy as jnp, memjax as mj
def run(a):
    data = mj.Data(jnp.arange(9.0), jnp.ones(9), jnp.ones(9) / 9)
    return {"y": mj.expect(lambda x, y: jnp.sin(a * x), data)}
"""
WORDS = """
import os, pathlib
def run(a):
    file = pathlib.Path(__file__).with_name("factor.txt")
    k = float(file.read_text()) if file.exists() else 1.0
    return {"y": a * k + float(os.environ.get("MEMJAX_TEST_SHIFT", "0"))}
"""
ORDER = """
import jax.numpy as jnp
def run(a):
    b, c = jnp.sin(a), jnp.cos(a)
    return {"y": (a * b) * c + 0.7}
def ask():
    return run, {"a": [0.1 * i for i in range(1, 21)]}
"""
WRITE = "import pathlib; pathlib.Path(__file__).with_name('factor.txt').write_text('3')"
PATCH = "import optax, jax.numpy as jnp\noptax.apply_updates = lambda p, u: p + 2 * u\n"
UNPATCH = "import optax; optax.apply_updates = optax._src.update.apply_updates"

MUTATIONS = [
    scales("field of an object", "scale.own = 4.0"),
    scales("field behind a bound method", "by = Scale(7.0).by"),
    scales("callable object's method", "Scale.__call__ = lambda self, x: x - self.own"),
    scales("method", "Scale.by = lambda self, x: x * self.own * 2"),
    scales("property", "Scale.twice = property(lambda self: 3 * self.own)"),
    scales("class attribute", "Scale.factor = 5.0"),
    scales("dataclass", "config.rate = 2.0"),
    scales("named tuple", "point = Point(1.0, 5.0)"),
    scales("enum member", "kind = Kind.LARGE"),
    scales("dict entry", "table['k'] = 9.0"),
    scales("list entry", "numbers.append(4.0)"),
    scales("array in place", "array[1] = 5.0"),
    scales("one entry of many", "wide[777] = 1e-3"),
    scales("default argument", "helped.__defaults__ = (3.0,)"),
    scales("keyword default", "helped.__kwdefaults__ = {'p': 9.0}"),
    scales("function in a global", "chosen = jnp.sin"),
    scales("word that chooses", "name = 'minus'"),
    scales("switch", "on = False"),
    scales("set", "members = frozenset({1.0, 4.0})"),
    scales("sign of a zero", "zero = -0.0"),
    scales(
        "function's code", "helped.__code__ = (lambda x, k=1.0, *, p=2: x).__code__"
    ),
    case("closure", CLOSURES, "run = outer(3.0)(1.0)"),
    case("nested closure", CLOSURES, "run = outer(2.0)(4.0)"),
    case("cell of a closure", CLOSURES, "run.__closure__[0].cell_contents = 8.0"),
    case("partial", PARTIAL, "part = functools.partial(base, k=3.0)"),
    case("jitted partial", PARTIAL, "jitted = jax.jit(functools.partial(base, k=6.0))"),
    case("lambda", PARTIAL, "double = lambda x: 3 * x"),
    case("scan", LOOP + "    return {'y': lax.scan(body, a, None, 3)[0]}", "G = 3.0"),
    case(
        "fori_loop", LOOP + "    return {'y': lax.fori_loop(0, 3, body, a)}", "G = 3.0"
    ),
    case("checkpoint", LOOP + "    return {'y': kept(a)}", "G = 3.0"),
    case("jitted function", LOOP + "    return {'y': jax.jit(inner)(a)}", "G = 3.0"),
    case(
        "while",
        LOOP + "    return {'y': lax.while_loop(lambda x: x < 50, inner, a)}",
        "G = 3.0",
    ),
    case("cond", LOOP + "    return {'y': lax.cond(a > 1, inner, kept, a)}", "G = 3.0"),
    case("map", LOOP + "    return {'y': lax.map(inner, a * jnp.ones(2))}", "G = 3.0"),
    case(
        "vmap", LOOP + "    return {'y': jax.vmap(inner)(a * jnp.ones(2))}", "G = 3.0"
    ),
    case("gradient", LOOP + "    return {'y': jax.grad(kept)(a)}", "G = 3.0"),
    case("custom_jvp's rule", CUSTOM, "H = 4.0"),
    case("custom_jvp and custom_vjp", CUSTOM, "G = 4.0"),
    case("custom_vmap's rule", CUSTOM, "R = 6.0"),
    case("linen: width", LINEN, "net = Net(5)"),
    case("linen: activation", LINEN, "net = Net(4, nn.tanh)"),
    case("nnx: width", NNX, "SIZE = 5"),
    case("tree: array", TREE, "layer.w = jnp.arange(1.0, 4.0)"),
    case("tree: static field", TREE, "layer.power = 3"),
    case("optimizer", OPTIMIZER, "B1 = 0.5"),
    case("schedule", OPTIMIZER, "PEAK = 2.0"),
    case("patched optax", OPTIMIZER, PATCH),
    case("patched constant of memjax", TILED, "mj.measure.TILE = 2"),
    case("start", LEGS, "K['start'] = 2.0"),
    case("step", LEGS, "K['step'] = 2.0"),
    case("observable", LEGS, "K['seen'] = 2.0"),
    case("end", LEGS, "K['end'] = 2.0"),
    case("times", LEGS, "K['last'] = 4"),
    case("input", DATA, "X[2] = 9.0"),
    case("input along an axis", DATA, "ROWS[1, 0] = 9.0"),
    case("fixed number", DATA, "FIXED = 2.5"),
    case("shape", DATA, "SHAPE = 4"),
    case("file that is read", WORDS, WRITE),
    case("environment", WORDS, "os.environ['MEMJAX_TEST_SHIFT'] = '5'"),
    case("module field", HELPED, "helper.K = 7.0", helper=HELPER),
    case(
        "edited function in another file",
        HELPED,
        helper=HELPER,
        edited="helper",
        edit=("2.0 * x", "2.5 * x"),
    ),
    case("edited function and reload", ORDER, edit=("+ 0.7", "+ 0.8")),
    case("order of sums", ORDER, edit=("(a * b) * c", "a * (b * c)")),
    case("last digit", ORDER, edit=("0.7", "0.70000005")),
    case(
        "precision",
        SETTINGS,
        "jax.config.update('jax_default_matmul_precision', 'bfloat16')",
    ),
    case("double precision", SETTINGS, "jax.config.update('jax_enable_x64', True)"),
    case(
        "random bits",
        SETTINGS,
        "jax.config.update('jax_threefry_partitionable', "
        "not jax.config.jax_threefry_partitionable)",
    ),
]
