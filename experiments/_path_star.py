"""Sequence models on path-stars, as in arXiv:2510.26745: known by heart, or given."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

import memjax as mj
from memjax.datasets import path_star as star
from memjax.observables.embedding import cross_cosine

WARMUP = 50  # steps to the full learning rate


class Recipe(NamedTuple):
    """What is trained on, in numbers."""

    forward: float = 1.0  # weight of edges away from the root
    backward: float = 1.0  # and towards it
    reverse: float = 0.0  # 1: paths are told from leaf to root
    hardest: float = 0.0  # 1: only the step after the root is told
    frozen: float = 0.0  # 1: the embedding stays as it starts
    pauses: float = 1.0  # tokens between the question and the answer


RECIPES = {
    "both": Recipe(),
    "hardest": Recipe(hardest=1),
    "pauses": Recipe(pauses=4),
    "frozen": Recipe(frozen=1),
    "forward": Recipe(backward=0),
    "backward": Recipe(forward=0),
    "reverse": Recipe(reverse=1),
    "forward_reverse": Recipe(backward=0, reverse=1),
    "backward_reverse": Recipe(forward=0, reverse=1),
}


def run(
    recipe: Any, arms: Any, lr: Any, wd: Any, told: Any, seed: Any,
    *, max_arms: int, nodes: int, model: str, layers: int, width: int, heads: int,
    pauses: int, steps: int,
) -> mj.Legs:  # fmt: skip
    """Learn the edges of a path-star, and the paths to three leaves in four."""
    data_key, init_key = jax.random.split(jax.random.key(seed))
    make = star.path_star(max_arms, nodes, pauses)
    task = make(data_key, arms, 0.75, recipe.forward, recipe.backward, recipe.reverse)
    ask = partial(asked, recipe=recipe, pauses=pauses)
    task = task._replace(train=ask(task.train), test=ask(task.test))
    tokens, length = star.tokens(max_arms, nodes), task.train.x.shape[1]
    net = mj.models.mamba(tokens, width, layers)
    if model == "transformer":
        net = mj.models.transformer(tokens, width, heads, length, layers)
    start = net.init(init_key, embed=jnp.where(recipe.frozen > 0, 1.0, 0.1))

    def whole(params: Any) -> Any:
        held = jnp.where(recipe.frozen > 0, start["embed"], params["embed"])
        return {**params, "embed": held}

    def objective(params: Any, task: Any, key: Any) -> jax.Array:
        answer = partial(net.apply, whole(params))
        edge, path = mj.losses.cross_entropy, mj.losses.sequence
        edges = mj.expect(lambda x, y: edge(answer(x, at=-1), y), task.edges)
        paths = mj.expect(lambda x, y: path(answer(x), y), task.train)
        return (1 - told) * edges + told * paths

    def observe(params: Any) -> dict[str, Any]:
        return seen(partial(net.apply, whole(params)), task, pauses)

    def finish(params: Any) -> dict[str, Any]:
        v = whole(params)["embed"][star.ROOT + 1 :].reshape(max_arms, nodes - 1, width)
        near = cross_cosine(v[:, -1], v[:, 0], jnp.arange(max_arms) < arms)
        return {"cosine": mj.named(near, "leaf", "first")}

    fit = mj.descend(
        objective, adamw(lr, wd, steps), observe, looks(steps), finish=finish
    )
    return fit(start, task)


def asked(paths: mj.Data, recipe: Recipe, pauses: int) -> mj.Data:
    """Paths after as few pauses, and with as much told of them, as a recipe has."""
    place = jnp.arange(paths.x.shape[1])[None]
    gone = (place >= 2) & (place < 2 + pauses - recipe.pauses)
    other = (recipe.hardest > 0) & (place != 2 + pauses)
    x, y = jnp.where(gone, -1, paths.x), jnp.where(other, -1, paths.y)
    return paths._replace(x=x, y=y)


def seen(answer: Any, task: star.PathStar, pauses: int) -> dict[str, Any]:
    """What is known of edges, and of paths told and not; tokens after right ones."""
    u, from_there = task.edges.x[:, 1], jnp.sign(task.edges.w)

    def edge(x: jax.Array, y: jax.Array) -> jax.Array:
        logits = answer(x, at=-1)
        above = (logits > logits[y]) & (jnp.arange(len(logits)) != x[1])
        return jnp.sum(above) < jnp.sum(jnp.where(u == x[1], from_there, 0.0))

    def path(x: jax.Array, y: jax.Array) -> dict[str, jax.Array]:
        logits = answer(x)
        return {
            "path": mj.observables.exact_match(logits, y),
            "token": (jnp.argmax(logits, axis=1) == y)[1 + pauses :],
        }

    told, other = mj.expect(path, task.train), mj.expect(path, task.test)
    return {
        "edge": mj.expect(edge, task.edges),
        "known_path": told["path"],
        "path": other["path"],
        "token": mj.named(other["token"], "place", coords=range(len(other["token"]))),
    }


def in_context(
    lr: Any, wd: Any, seed: Any,
    *, arms: int, nodes: int, names: int, layers: int, width: int, heads: int,
    steps: int,
) -> mj.Legs:  # fmt: skip
    """Learn to find ways through graphs that sequences give, 64 new ones a step."""
    test_key, init_key, train_key = jax.random.split(jax.random.key(seed), 3)
    make = star.path_star_in_context(arms, nodes, names, 64)
    test = make(test_key, 64)
    shapes = star.ROOT + names, width, heads, test.x.shape[1], layers
    net = mj.models.transformer(*shapes)
    loss = mj.losses.of_model(net.apply, mj.losses.sequence)

    def observe(params: Any) -> dict[str, Any]:
        def right(x: jax.Array, y: jax.Array) -> jax.Array:
            return (jnp.argmax(net.apply(params, x), axis=1) == y)[1 - nodes :]

        found = mj.expect(right, test)
        return {"token": mj.named(found, "place", coords=range(1, nodes))}

    def new(data: mj.Data, key: jax.Array) -> mj.Data:
        return make(key, 64)

    rule, when = adamw(lr, wd, steps), looks(steps)
    fit = mj.train(loss, rule, observe, when, sees=new)
    return fit(net.init(init_key), test, train_key)


def adamw(lr: Any, wd: Any, steps: int) -> optax.GradientTransformation:
    """AdamW with a rise of its rate, and half a cosine to a tenth of it."""
    shape = mj.schedules.warmup(WARMUP, mj.schedules.cosine(steps, 0.1))
    return optax.adamw(lambda t: lr * shape(t), weight_decay=wd)


def looks(steps: int) -> tuple[int, ...]:
    """Twenty times to look, evenly spaced."""
    return mj.every(-(-steps // 20), steps)
