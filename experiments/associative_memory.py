"""Networks trained to return their input store it: iterated, they fall back to it.

An overparameterized autoencoder trained to zero loss on a few samples makes them fixed
points, and, if it is deep and wide enough, attracting ones: iterated from a corrupted
sample it retrieves the sample. Trained to map each sample to the next, it stores the
whole sequence as a limit cycle, more easily than single samples.

Source: Radhakrishnan, Belkin and Uhler, PNAS 2020 (arXiv 1909.12362).
Command: python -m experiments.associative_memory --seeds=4
Expected: 10 samples in 16 dimensions, x + sin(10x)/5: 0.3 of them stored at depth 1,
all at depths 3 and 6.

We store 10 random points of the unit cube with 128 units, as it fits two cores: Adam at
1e-3 with a cosine to 0 over 6000 full-batch steps, PyTorch's default initial weights
(these are our choices). A sample is stored where the spectral radius of the Jacobian at
it is below 1; it is recovered where 500 iterations from a corrupted copy end within
0.01 of it.

The paper stores 500 images with 10 layers of 1024 units and no attractor beside them.
So do 10 layers of 256 here, with 500 digits of MNIST, 7 pixels wide for speed: by 3600
steps of Adam on minibatches of 100, with the squares of slopes forgotten over some
30 steps (b2 = .97). Of the settings we tried these were chosen by what they store. The
noise of minibatches seems to be what does it: after 1200 steps and at a mean square of
8e-7 .96 of the images attracted, where 2000 steps of full batches (and b2
= .999) had come to 3e-7, and .06 attracted. As far as we know `--image_side=28
--image_width=1024 --image_lr=1e-4`, and more steps, is nearer to what the paper did.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

import memjax as mj
from memjax.cli import launch


def wave(z: jax.Array) -> jax.Array:
    """z + sin(10z)/5, by the series of the sine in the half turn around 0.

    As exact as float32; on a CPU eight times as fast as XLA's sine and cosine, of which
    training would be made for the most part.
    """
    half_turns = jnp.round(10 * z / np.pi)
    r = 10 * z - half_turns * np.pi
    series: Any = 1.0
    for k in range(14, 0, -2):  # 1 - r²/(2·3) (1 - r²/(4·5) (1 - …))
        series = 1 - r * r * series / (k * (k + 1))
    return z + (1 - 2 * (half_turns % 2)) * r * series / 5


ACTIVATIONS = {
    "relu": jax.nn.relu,
    "elu": jax.nn.elu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "sine": wave,
}
ITERATIONS, NEAR = 500, 1e-2
CORRUPTIONS = (0.05, 0.1, 0.2, 0.4)  # standard deviations, in every coordinate
DRAWS, STARTS = 4, 64  # corrupted copies of each sample; starts anywhere in the cube
PIXELS, MARGIN, ROUNDS = 80, 0.25, 240  # the picture of basins around the unit square
DRIVES = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)  # where a lone sample first drives its units
LONE: dict[str, Any] = {
    "activation": ("relu", "tanh", "sigmoid", "sine"),
    "width": 16,
    "lr": 5e-3,
    "steps": 3000,
}
LONE_BOUNDS: dict[str, tuple[Any, tuple[float, float]]] = {
    "relu": (1.0, (1 - 1e-4, 1 + 1e-4)),
    "tanh": ("below 1", (0.0, 1.0)),
    "sigmoid": ("below 1", (0.0, 1.0)),
}
MEDIANS = "mean over seeds of the median over samples, last against first"
DERIVED = "derived: one sample, A φ(B x) from A = 0 and equal rows of B"
SHARES = (0, 0.2, 0.4, 0.6, 0.8, 1)  # ticks
SHOWN, SHOWN_NOISE, STAGES = 10, 0.2, (0, 1, 10, ITERATIONS)  # the images drawn
REFERENCE = {"size": 10, "dim": 16, "lr": 1e-3, "init_scale": 1.0, "width": 128}
STEPS = 6000
IMAGE_B2 = 0.97  # of Adam
COPIED = 100  # images of which a corrupted copy is followed
PAPER = "Radhakrishnan, Belkin and Uhler, arXiv 1909.12362"
PILOT = "an earlier prototype of this experiment, one draw of 10 samples"


# --- the runs -----------------------------------------------------------------------


def run(
    size: Any,
    sequence: Any,
    lr: Any,
    init_scale: Any,
    seed: Any,
    *,
    capacity: int,
    dim: int,
    depth: int,
    width: int,
    activation: str,
    steps: int,
) -> mj.Legs:
    """Store `size` samples, or where `sequence` is 1 the cycle through them."""
    data_key, init_key, noise_key = jax.random.split(jax.random.key(seed), 3)
    data = memories(data_key, size, sequence, dim, capacity)
    model = network(dim, depth, width, activation)

    def finish(params: Any) -> dict[str, Any]:
        f = partial(model.apply, params)
        return {**stability(f, data), **retrieval(f, data, size, noise_key)}

    params = model.init(init_key, init_scale)
    return store(model, params, data, lr, steps, finish)


def memories(
    key: jax.Array, size: Any, sequence: Any, dim: int, capacity: int
) -> mj.Data:
    """Points of the unit cube, each to be mapped to itself or to the next."""
    x = jax.random.uniform(key, (capacity, dim))
    target = (jnp.arange(capacity) + sequence) % size
    return mj.Data(x, x[target], mj.prefix(size, capacity))


def network(dim: int, depth: int, width: int, activation: str) -> mj.Model:
    """`depth` hidden layers between `dim` inputs and as many outputs."""
    widths = (dim, *[width] * depth, dim)
    return mj.models.mlp(widths, ACTIVATIONS[activation])


def store(
    model: mj.Model, params: Any, data: mj.Data, lr: Any, steps: int, finish: Any
) -> mj.Legs:
    """Train to zero loss, with a learning rate that falls to 0 along a cosine."""

    def loss(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return mj.losses.square(model.apply(params, x), y)

    def observe(params: Any) -> dict[str, jax.Array]:
        return {"loss": mj.expect(partial(loss, params), data)}

    shape = mj.schedules.cosine(steps)
    optimizer = optax.adam(lambda t: lr * shape(t))
    return mj.train(loss, optimizer, observe, steps, finish=finish)(params, data)


def stability(f: Any, data: mj.Data) -> dict[str, Any]:
    """Spectral radii at each sample, and of the map once around all of them."""
    jacobians = jax.vmap(jax.jacfwd(f))(data.x)  # [capacity, dim, dim]
    held, one = data.w > 0, jnp.eye(data.x.shape[1])
    radii = jnp.where(held, mj.observables.spectral_radius(jacobians), jnp.nan)
    # A factor of 1 stands for padding.
    around = mj.observables.product(jnp.where(held[:, None, None], jacobians, one))
    return {
        "radius": mj.named(radii, "sample", coords=range(len(held))),
        "cycle_radius": mj.observables.spectral_radius(around),
    }


def retrieval(
    f: Any,
    data: mj.Data,
    size: Any,
    key: jax.Array,
    copied: int | None = None,
    draws: int = DRAWS,
) -> dict[str, Any]:
    """Shares of corrupted samples that return, and of starts that end elsewhere.

    Of many samples the first `copied` are corrupted, `draws` times each.
    """
    noise_key, start_key = jax.random.split(key)
    x, w = data.x[:copied], data.w[:copied]
    (n, dim), count = x.shape, len(CORRUPTIONS)
    noise = jax.random.normal(noise_key, (n, draws, dim))
    corruption = jnp.array(CORRUPTIONS)[:, None, None, None]
    copies = x[None, :, None] + corruption * noise[None]
    anywhere = jax.random.uniform(start_key, (STARTS, dim))
    rounds = mj.observables.iterated(f, ITERATIONS // size * size)  # whole cycles
    ends = jax.vmap(rounds)(jnp.concatenate([copies.reshape(-1, dim), anywhere]))
    back = ends[:-STARTS].reshape(count, n, draws, dim) - x[None, :, None]
    returned = jnp.mean(jnp.linalg.norm(back, axis=-1) < NEAR, axis=2)  # [count, n]
    samples = jnp.where(data.w[:, None] > 0, data.x, jnp.inf)
    nearest = jax.vmap(lambda end: mj.observables.nearest(end, samples, NEAR))
    recovered = returned @ w / jnp.sum(w)
    return {
        "recovered": mj.named(recovered, "corruption", coords=CORRUPTIONS),
        "spurious": jnp.mean(nearest(ends[-STARTS:]) < 0),
    }


def images_run(
    images: Any, lr: Any, seed: Any, *, depth: int, width: int, batch: int, steps: int
) -> mj.Legs:
    """Store images; which attract, and what iterating makes of corrupted ones.

    Learned from minibatches: far more images attract than after full batches.
    """
    keys = jax.random.split(jax.random.key(seed), 4)
    init_key, noise_key, shown_key, batch_key = keys
    count, dim = images.shape
    data = mj.Data(images, images, jnp.full(count, 1 / count))
    model = network(dim, depth, width, "sine")
    shape = mj.schedules.cosine(steps)

    def error(params: Any, x: jax.Array) -> jax.Array:
        return mj.losses.square(model.apply(params, x), x)

    def objective(params: Any, data: mj.Data, key: jax.Array) -> jax.Array:
        drawn = jax.random.choice(key, count, (batch,), replace=False)
        return jnp.mean(jax.vmap(partial(error, params))(data.x[drawn]))

    def observe(params: Any) -> dict[str, jax.Array]:
        return {"loss": mj.expect(lambda x, y: error(params, x), data)}

    def finish(params: Any) -> dict[str, Any]:
        f = partial(model.apply, params)

        def radius(x: jax.Array) -> jax.Array:
            return mj.observables.spectral_radius(jax.jacfwd(f)(x))

        # One Jacobian after another, and one copy of some: there are many.
        radii = jax.lax.map(radius, images)
        return {
            "radius": mj.named(radii, "image"),
            "orbit": orbits(f, images[:SHOWN], shown_key),
            **retrieval(f, data, 1, noise_key, copied=COPIED, draws=1),
        }

    optimizer = optax.adam(lambda t: lr * shape(t), b2=IMAGE_B2)
    learn = mj.descend(objective, optimizer, observe, (0, steps), finish=finish)
    return learn(model.init(init_key), data, batch_key)


def orbits(f: Any, images: jax.Array, key: jax.Array) -> Any:
    """Images, their corrupted copies, and these after more and more iterations."""
    start = images + SHOWN_NOISE * jax.random.normal(key, images.shape)
    rounds = jnp.arange(max(STAGES) + 1)
    path = jax.lax.scan(lambda z, _: (jax.vmap(f)(z), z), start, rounds)[1]
    stages = jnp.concatenate([images[None], path[jnp.array(STAGES)]])
    labels = {"stage": ("stored", *map(str, STAGES))}
    return mj.named(stages, "stage", "shown", "pixel", coords=labels)


def basins_run(
    sequence: Any,
    lr: Any,
    seed: Any,
    *,
    samples: int,
    depth: int,
    width: int,
    activation: str,
    steps: int,
) -> mj.Legs:
    """Store a few points of the plane; which of them a grid of starts ends at."""
    data_key, init_key = jax.random.split(jax.random.key(seed))
    data = memories(data_key, samples, sequence, 2, samples)
    model = network(2, depth, width, activation)
    line = np.linspace(-MARGIN, 1 + MARGIN, PIXELS)

    def finish(params: Any) -> dict[str, Any]:
        f = partial(model.apply, params)
        rounds = mj.observables.iterated(f, ROUNDS // samples * samples)

        def end(row: jax.Array, column: jax.Array) -> jax.Array:
            return mj.observables.nearest(
                rounds(jnp.stack([column, row])), data.x, NEAR
            )

        def ends(row: jax.Array) -> jax.Array:
            return jax.vmap(end, (None, 0))(row, jnp.array(line))

        grid = {"row": line, "column": line}
        image = jax.lax.map(ends, jnp.array(line))
        labels = {"sample": range(samples), "axis": ("x", "y")}
        return {
            "basin": mj.named(image, "row", "column", coords=grid),
            "point": mj.named(data.x, "sample", "axis", coords=labels),
            **stability(f, data),
        }

    return store(model, model.init(init_key), data, lr, steps, finish)


def lone_run(drive: Any, lr: Any, seed: Any, *, activation: str, steps: int) -> mj.Legs:
    """Store ONE sample in A φ(B x), from A = 0 and equal rows of B; its eigenvalue."""
    x_key, b_key = jax.random.split(jax.random.key(seed))
    act, width = ACTIVATIONS[activation], LONE["width"]
    x = jax.random.uniform(x_key, (16,))
    row = jax.random.uniform(b_key, (16,))
    b = jnp.tile((drive * row / (row @ x))[:, None], width)
    params = {"b": b, "a": jnp.zeros((width, 16))}

    def apply(params: Any, x: jax.Array) -> jax.Array:
        return act(x @ params["b"]) @ params["a"]

    def loss(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return mj.losses.square(apply(params, x), y)

    def observe(params: Any) -> dict[str, jax.Array]:
        return {"loss": loss(params, x, x)}

    def finish(params: Any) -> dict[str, jax.Array]:
        u = x @ params["b"][:, 0]
        jacobian = jax.jacfwd(partial(apply, params))(x)
        return {
            "u": u,
            "radius": mj.observables.spectral_radius(jacobian),
            "theory": jnp.abs(jax.grad(act)(u) * u / act(u)),
        }

    alone = mj.Data(x[None], x[None], jnp.ones(1))
    fit = mj.train(loss, optax.sgd(lr), observe, (0, steps), finish=finish)
    return fit(params, alone)


# --- the sweeps ---------------------------------------------------------------------


def sweeps(
    activation: tuple = ("relu", "elu", "tanh", "sine"),
    depth: tuple = (1, 3, 6),
    width: tuple = (128,),
    size: tuple = (10,),
    dim: tuple = (16,),
    lr: tuple = (1e-3,),
    init_scale: tuple = (1.0,),
    seeds: range = range(4),
    steps: int = 6000,
    beside: tuple = (32, 256),
    samples: int = 6,
    images: int = 500,
    image_side: int = 7,
    image_depth: int = 10,
    image_width: int = 256,
    image_lr: float = 1e-3,
    image_batch: int = 100,
    image_steps: int = 3600,
) -> dict[str, mj.Sweep]:
    """Samples and sequences stored by networks of every kind, depth and width.

    activation: relu, elu, tanh, sigmoid, sine (x + sin(10x)/5); each is a program
    depth: numbers of hidden layers; each is a program of its own
    width: numbers of units in a hidden layer; each is a program of its own
    size: numbers of samples, or lengths of the sequence
    dim: dimensions of a sample; each is a program of its own
    lr: initial learning rates of Adam, which fall to 0 along a cosine
    init_scale: factors on PyTorch's default initial weights
    seeds: how many seeds, or which ones (3,7)
    steps: optimizer steps
    beside: widths tried beside, with the last activation at the middle depth
    samples: points of the plane in the picture of basins, at the largest depth
    images: number of images to store, all at once, by the first two seeds
    image_side: their side in pixels: 28, 14 or 7
    image_depth: number of hidden layers of the network that stores them
    image_width: number of units in each of these
    image_lr: initial learning rate there
    image_batch: images in a minibatch there; all of them where it is larger
    image_steps: optimizer steps there
    """
    for name in activation:
        if name not in ACTIVATIONS:
            known = ", ".join(ACTIVATIONS)
            raise mj.BadValue("activation", f"one of {known}, not {name}")
    if max(size) > ITERATIONS or min(size) < 2:
        raise mj.BadValue("size", f"must lie in 2 … {ITERATIONS}, got {size}")
    if not 2 <= samples <= ROUNDS:
        raise mj.BadValue("samples", f"must lie in 2 … {ROUNDS}, got {samples}")
    if image_batch < 1:
        raise mj.BadValue("image_batch", f"must be 1 or more, got {image_batch}")
    if not 1 <= images <= 1000:
        raise mj.BadValue("images", f"must lie in 1 … 1000, got {images}")
    if image_side not in (7, 14, 28):
        raise mj.BadValue("image_side", f"28, 14 or 7, not {image_side}")
    middle = sorted(depth)[len(depth) // 2]
    main = mj.Sweep(
        run,
        size=size,
        sequence=(0, 1),
        lr=lr,
        init_scale=init_scale,
        seed=seeds,
        dim=dim,
        depth=depth,
        width=width,
        activation=activation,
        steps=steps,
    )
    widths = mj.Sweep(
        run,
        size=size[:1],
        sequence=(0,),
        lr=lr[:1],
        init_scale=init_scale[:1],
        seed=seeds,
        dim=dim[:1],
        depth=(middle,),
        width=beside,
        activation=activation[-1:],
        steps=steps,
    )
    basins = mj.Sweep(
        basins_run,
        sequence=(0, 1),
        lr=lr[0],
        seed=seeds[0],
        samples=samples,
        depth=max(depth),
        width=width[0],
        activation=activation[-1],
        steps=steps,
    )
    lone = mj.Sweep(
        lone_run,
        drive=DRIVES,
        seed=range(3),
        lr=LONE["lr"],
        activation=LONE["activation"],
        steps=LONE["steps"],
    )
    digits = mj.Sweep(
        images_run,
        inputs={"images": mj.datasets.digits(image_side, images)[0]},
        lr=image_lr,
        seed=seeds[:2],
        depth=image_depth,
        width=image_width,
        batch=min(image_batch, images),
        steps=image_steps,
    )
    made = {"main": main, "widths": widths, "basins": basins, "lone": lone}
    return {**made, "images": digits}


# --- what was found -----------------------------------------------------------------


def cell(results: xr.Dataset, activation: str, depth: int) -> xr.Dataset | None:
    """One network at the pilot's settings, seeds kept; None where it was not run."""
    at = {**REFERENCE, "activation": activation, "depth": depth}
    covered = all(value in results[name].values for name, value in at.items())
    full = covered and results.step.values[-1] == STEPS and results.sizes["seed"] >= 3
    return results.sel(at) if full else None


def stored(results: xr.Dataset) -> xr.DataArray:
    """The share of samples that attract, of networks trained to return them."""
    radii = results.radius.sel(sequence=0)
    return (radii < 1).sum("sample") / radii.notnull().sum("sample")


def contraction(results: xr.Dataset) -> xr.DataArray:
    """The median spectral radius at a sample."""
    return results.radius.sel(sequence=0).median("sample")


def recovered(results: xr.Dataset) -> xr.DataArray:
    """The share of samples retrieved from noise of 0.1."""
    return results.recovered.sel(sequence=0, corruption=0.1)


def around(results: xr.Dataset) -> xr.DataArray:
    """The spectral radius once around the cycle."""
    return results.cycle_radius.sel(sequence=1)


NAMES = {
    stored: "share of samples stored",
    recovered: "share recovered from noise 0.1",
    contraction: "median radius at a sample",
    around: "radius once around the cycle",
}
PILOT_NUMBERS = (
    *((stored, "relu", d, v) for d, v in ((1, 0.2), (3, 0.2), (6, 0.7))),
    *((stored, "elu", d, v) for d, v in ((1, 0.0), (3, 0.0), (6, 0.2))),
    *((stored, "sine", d, v) for d, v in ((1, 0.3), (3, 1.0), (6, 1.0))),
    *((recovered, "sine", d, v) for d, v in ((1, 0.2), (3, 0.9), (6, 1.0))),
    *((contraction, "sine", d, v) for d, v in ((1, 1.10), (3, 0.67))),
    *((around, "tanh", d, v) for d, v in ((1, 1.03), (3, 0.92))),
    (around, "relu", 1, 0.51),
    (around, "elu", 1, 1.01),
)


def claims(results: dict[str, xr.Dataset]) -> list[mj.Claim]:
    """The paper's claims on the toy, the pilot's numbers, the lone sample's formula."""
    pilots = [pilot(results["main"], *row) for row in PILOT_NUMBERS]
    images = image_claims(results["images"])
    lone = lone_claims(results["lone"])
    return [*paper_claims(results), *images, *pilots, *lone]


def pilot(
    results: xr.Dataset, what: Any, activation: str, depth: int, published: float
) -> mj.Claim:
    """The mean over seeds against one earlier draw, within what one draw can be off."""
    found = cell(results, activation, depth)
    measured = tolerance = None
    if found is not None:
        seeds = what(found)
        one_draw = float(seeds.std(ddof=1)) * np.sqrt(1 + 1 / seeds.size)
        least = 0.1 if what in (stored, recovered) else 0.01
        measured, tolerance = float(seeds.mean()), max(2 * one_draw, least)
    name = f"{NAMES[what]}, {activation}, depth {depth}"
    reason = (
        "two standard deviations of one draw over seeds; a sample in ten, or rounding"
    )
    return mj.Claim(name, published, measured, PILOT, tolerance, reason=reason)


def paper_claims(results: dict[str, xr.Dataset]) -> list[mj.Claim]:
    """What the paper says, asked of random points in place of images."""
    deep = cell(results["main"], "sine", 6)
    share = None if deep is None else float(stored(deep).mean())
    lost = None if deep is None else float(deep.spurious.sel(sequence=0).mean())
    trials = STARTS * results["main"].sizes["seed"]
    all_of, none_of = (0.95, 1.0), (0.0, 3 / trials)
    few = "training samples are attractors; fewer than one in two draws is missed"
    ruled = "no spurious attractors; 95 % bound where none is found (rule of three)"
    both = "shares over seeds at every activation and depth, where not both are 1"
    deeper, wider = (
        contracts(results["main"], "depth"),
        contracts(wide(results), "width"),
    )
    easier, more = cycles_win(results["main"]), accumulates(results["main"])
    ends = "mean over seeds, at the largest depth against the smallest"
    made: list[tuple[str, Any, Any, Any, str]] = [
        ("share of samples stored, sine, depth 6", 1.0, share, all_of, few),
        ("starts that end at no sample, sine, depth 6", 0.0, lost, none_of, ruled),
        ("radii fall with depth, every activation", True, deeper, None, MEDIANS),
        ("more samples stored with depth, every activation", True, more, None, ends),
        ("radii fall with width", True, wider, None, MEDIANS),
        ("cycles stable more often than samples stored", True, easier, None, both),
    ]
    return [
        mj.Claim(
            name,
            published,
            measured,
            PAPER,
            interval=interval,
            reason=reason,
        )
        for name, published, measured, interval, reason in made
    ]


def image_claims(results: xr.Dataset) -> list[mj.Claim]:
    """Whether images are stored, all of them, and nothing else is.

    Fewer than were published are reported, not judged: the claim is about 500.
    """
    count = results.sizes["image"]
    judged, sizes = count >= 500, f"images (500 published, {count} here)"
    stored = float((results.radius < 1).mean())
    lost = float(results.spurious.mean(skipna=False))
    every = "every one of them"
    ruled = "no spurious attractors; 95 % bound where none is found (rule of three)"
    all_of, none = (1.0, 0.0) if judged else (None, None)
    within = (0.0, 3 / (STARTS * results.sizes["seed"])) if judged else None
    nowhere = f"starts that end at none of the {sizes}"
    return [
        mj.Claim(f"share stored of {sizes}", all_of, stored, PAPER, reason=every),
        mj.Claim(nowhere, none, lost, PAPER, interval=within, reason=ruled),
    ]


def wide(results: dict[str, xr.Dataset]) -> xr.Dataset:
    """The widths beside, joined by the same network of the main sweep."""
    beside, main = (results[n][["radius", "loss"]] for n in ("widths", "main"))
    at = {name: beside[name].values for name in beside.dims if name in main.dims}
    same = main.sel({**at, "width": main.width.values[:1]})
    return xr.concat([same, beside], "width", join="outer").sortby("width")


def contracts(results: xr.Dataset, along: str) -> bool | None:
    """Whether the median radius is smaller at the end of an axis than at its start."""
    if results.sizes[along] < 2 or not trained(results):
        return None
    middle = contraction(results).mean("seed")
    return bool((middle.isel({along: -1}) < middle.isel({along: 0})).all())


def accumulates(results: xr.Dataset) -> bool | None:
    """Whether more samples are stored at the largest depth than at the smallest."""
    if results.sizes["depth"] < 2 or not trained(results):
        return None
    share = stored(results).mean("seed")
    return bool((share.isel(depth=-1) > share.isel(depth=0)).all())


def trained(results: xr.Dataset) -> bool:
    """Whether every network got to the loss at which the paper speaks of storage."""
    return bool(results.loss.isel(step=-1).max() < 1e-8)


def cycles_win(results: xr.Dataset) -> bool | None:
    """Whether cycles are stable more often than samples are stored."""
    if not trained(results):
        return None
    samples = stored(results).mean("seed")
    cycles = xr.DataArray(around(results) < 1).mean("seed")
    return bool(((cycles > samples) | (np.minimum(cycles, samples) == 1)).all())


def lone_claims(results: xr.Dataset) -> list[mj.Claim]:
    """One sample, one hidden layer: the eigenvalue is φ'(u)u/φ(u)."""
    made, reason = [], "float32, and a loss that stops near 1e-12"
    for name in results.activation.values:
        one = results.sel(activation=name)
        away, largest = float(np.abs(one.radius - one.theory).max()), one.radius.max()
        what = f"lone sample: | radius − |φ'(u)u/φ(u)| |, {name}"
        made.append(mj.Claim(what, 0.0, away, DERIVED, 1e-3, reason=reason))
        if name in LONE_BOUNDS:
            published, bounds = LONE_BOUNDS[name]
            what, of = f"lone sample: radius, {name}", "largest over drives and seeds"
            value = float(largest)
            made.append(
                mj.Claim(what, published, value, DERIVED, interval=bounds, reason=of)
            )
    return made


# --- what to look at ----------------------------------------------------------------


def figure(results: dict[str, xr.Dataset]) -> Figure:
    """What is stored, how strongly, and where the plane falls to."""
    canvas = Figure(figsize=(13, 6.4))
    left, right = canvas.subfigures(1, 2, squeeze=False, width_ratios=(4.2, 1))[0]
    draw_images(right.subplots(), results["images"])
    above, below = left.subfigures(2, 1, squeeze=False, height_ratios=(1, 1.1))[:, 0]
    main = results["main"].isel(size=0, dim=0, lr=0, init_scale=0, width=0)
    panes = above.subplots(1, 3)
    draw_stored(panes[0], main)
    draw_cycles(panes[1], main)
    draw_recovery(panes[2], main)
    panes = below.subplots(1, 3)
    for pane, sequence in zip(panes, (0, 1), strict=False):
        draw_basins(pane, results["basins"].sel(sequence=sequence), sequence)
    draw_lone(panes[2], results["lone"])
    return canvas


def spread(axis: Axes, x: Any, values: xr.DataArray, **style: Any) -> None:
    """A line of means over seeds with bars of one standard deviation."""
    mean, sd = values.mean("seed"), values.std("seed")
    axis.errorbar(x, mean, sd, capsize=2, marker="o", **style)


def draw_stored(axis: Axes, results: xr.Dataset) -> None:
    """Share of samples stored against depth, and of cycles stable."""
    share, stable = stored(results), xr.DataArray(around(results) < 1).mean("seed")
    places = np.arange(results.sizes["depth"])
    for i, name in enumerate(results.activation.values):
        color, aside = f"C{i}", 0.06 * (i - 1.5)
        one = share.sel(activation=name)
        spread(axis, places + aside, one, color=color, label=name)
        axis.plot(places + aside, stable.sel(activation=name), "x", color=color)
    axis.plot([], [], "kx", label="cycle stable")
    axis.set(xlabel="hidden layers", ylabel="share stored", ylim=(-0.05, 1.38))
    axis.set_xticks(places, results.depth.values)
    axis.set_yticks(SHARES)
    axis.legend(loc="upper left", fontsize=7, ncols=3)
    axis.set_title("samples stored (radius < 1)", loc="left")


def draw_cycles(axis: Axes, results: xr.Dataset) -> None:
    """The spectral radius once around the cycle, as bars."""
    values = around(results)
    count = values.sizes["activation"]
    for i, name in enumerate(values.activation.values):
        one = values.sel(activation=name)
        middle = np.exp(xr.DataArray(np.log(one)).mean("seed"))
        x = np.arange(values.sizes["depth"]) + (i - (count - 1) / 2) * 0.8 / count
        axis.bar(x, middle, 0.8 / count, color=f"C{i}", alpha=0.45, bottom=0)
        for seed in one.seed.values:
            axis.plot(x, one.sel(seed=seed), ".", color=f"C{i}", ms=4)
    axis.axhline(1, color="0.3", lw=0.8, ls="--")
    axis.set(yscale="log", xlabel="hidden layers", ylabel="radius once around")
    axis.set_xticks(np.arange(values.sizes["depth"]), values.depth.values)
    axis.set_title("cycles of all samples (stable below 1)", loc="left")


def draw_recovery(axis: Axes, results: xr.Dataset) -> None:
    """Share of corrupted samples that return, against the corruption."""
    one = results.isel(activation=-1).recovered
    for i, depth in enumerate(results.depth.values):
        for sequence, style in ((0, "-"), (1, "--")):
            label = None if sequence else f"depth {depth}"
            picked = one.sel(depth=depth, sequence=sequence)
            spread(
                axis, picked.corruption, picked, color=f"C{i}", ls=style, label=label
            )
    axis.plot([], [], "k--", label="in a sequence")
    axis.set(xscale="log", ylim=(-0.05, 1.38), ylabel="share recovered")
    axis.set(xlabel="noise added to each coordinate (sd)")
    axis.set_xticks(CORRUPTIONS, [f"{c:g}" for c in CORRUPTIONS])
    axis.minorticks_off()
    axis.set_yticks(SHARES)
    axis.legend(loc="upper left", fontsize=7, ncols=2)
    axis.set_title(f"retrieval, {results.activation.values[-1]}", loc="left")


def draw_basins(axis: Axes, results: xr.Dataset, sequence: int) -> None:
    """Where each point of the plane ends; black where at no sample."""
    count = results.sizes["sample"]
    colors = ListedColormap(["0.15", *colormaps["tab10"](range(count))])
    line = results.row.values
    extent = (line[0], line[-1], line[0], line[-1])
    image = np.asarray(results.basin)
    axis.imshow(
        image, colors, vmin=-1.5, vmax=count - 0.5, origin="lower", extent=extent
    )
    x, y = results.point.transpose("axis", "sample").values
    axis.plot(x, y, "o", mfc="w", mec="k", ms=6, ls="")
    if sequence:
        ahead = np.roll(results.point.values, -1, axis=0)
        for start, end in zip(results.point.values, ahead, strict=True):
            axis.annotate("", end, start, arrowprops={"arrowstyle": "->"})
    axis.set(xlabel="x₁", ylabel="x₂")
    what = "cycle, by phase" if sequence else "samples"
    lost = " (black: none)" if (image < 0).any() else ""
    axis.set_title(f"basins of the {what}{lost}", loc="left")


def draw_images(axis: Axes, results: xr.Dataset) -> None:
    """Images, corrupted ones, and what iterating makes of them; one in a row."""
    orbit = results.orbit.isel(seed=0).transpose("shown", "stage", "pixel")
    side = round(orbit.sizes["pixel"] ** 0.5)
    rows, columns = orbit.shape[:2]
    tiles = orbit.values.reshape(rows, columns, side, side).transpose(0, 2, 1, 3)
    mosaic = tiles.reshape(rows * side, columns * side)
    axis.imshow(mosaic, "gray", vmin=0, vmax=1)
    labels = ["stored", "noise", *results.stage.values[2:]]
    axis.set_xticks((np.arange(columns) + 0.5) * side - 0.5, labels)
    axis.set_yticks([])
    axis.set_xlabel(f"noise of {SHOWN_NOISE}, and iterations from there")
    share = float((results.radius < 1).mean())
    axis.set_title(f"{results.sizes['image']} images, {share:.0%} stored", loc="left")


def draw_lone(axis: Axes, results: xr.Dataset) -> None:
    """The eigenvalue at a lone sample against where it drives its units."""
    u = np.linspace(0.02, 3.2, 400)
    for i, name in enumerate(results.activation.values):
        act = ACTIVATIONS[name]
        slope = jax.vmap(jax.grad(act))(jnp.array(u))
        axis.plot(u, np.abs(slope * u / act(jnp.array(u))), color=f"C{i}", lw=1)
        one = results.sel(activation=name)
        axis.plot(one.u.values.ravel(), one.radius.values.ravel(), "o", color=f"C{i}")
        axis.plot([], [], "o-", color=f"C{i}", label=name)
    axis.set(xlabel="u, the input of a unit at the sample", ylabel="spectral radius")
    axis.set_ylim(-0.1, 4)
    axis.legend(loc="upper center", fontsize=7, ncols=4)
    axis.set_title("one sample: trained (dots), |φ'(u)u/φ(u)|", loc="left")


if __name__ == "__main__":
    launch(__name__)
