"""What periodic weights contain: frequencies, their phases, and one at a time.

Every array has its period along the last axis, and one row a neuron before it.
Frequencies are those of a real signal of length p: 1 … p // 2; the mean (frequency 0)
is left out unless a function says otherwise.
"""

from typing import Any

import jax
import jax.numpy as jnp


def spectrum(x: jax.Array) -> jax.Array:
    """The share of the power of `x` [..., p] at each frequency from 1 on [..., p // 2].

    All shares are 0 where `x` is 0; a constant leaves the shares of its rounding.
    """
    power = jnp.square(jnp.abs(jnp.fft.rfft(x)[..., 1:]))
    total = jnp.sum(power, axis=-1, keepdims=True)
    return power / jnp.where(total > 0, total, 1.0)


def dominant_frequency(*arrays: jax.Array) -> jax.Array:
    """The ONE frequency, per row, that holds most of the arrays' summed shares."""
    return 1 + jnp.argmax(sum(map(spectrum, arrays)), axis=-1)  # [...]


def at_frequency(x: jax.Array, k: Any) -> jax.Array:
    """The part of `x` [..., p] at the frequencies `k` [...], one for each row."""
    p = x.shape[-1]
    waves = jnp.fft.rfft(x)
    kept = jax.nn.one_hot(k, waves.shape[-1], dtype=waves.dtype)
    return jnp.fft.irfft(kept * waves, p)


def one_frequency(*arrays: jax.Array, keep_mean: bool = False) -> list[jax.Array]:
    """The arrays [..., p] with ONE frequency a row, the one they share most.

    The rows of a neuron's input and output weights go together: what is left is the
    periodic structure of the neuron. Means go too, unless `keep_mean`.
    """
    k = dominant_frequency(*arrays)
    return [
        at_frequency(x, k) + keep_mean * jnp.mean(x, axis=-1, keepdims=True)
        for x in arrays
    ]


def strongest_frequencies(x: jax.Array, count: Any) -> jax.Array:
    """What the `count` strongest frequencies of all rows together hold of `x` [n, p].

    The mean of each row goes, too.
    """
    waves = jnp.fft.rfft(x)
    power = jnp.sum(jnp.square(jnp.abs(waves)), axis=0).at[0].set(-1.0)
    kept = jnp.argsort(jnp.argsort(-power)) < count
    return jnp.fft.irfft(kept[None] * waves, x.shape[1])


def spectra_by_frequency(x: jax.Array, *others: jax.Array) -> jax.Array:
    """The mean `spectrum` of rows of `x` [n, p], by the dominant frequency of others.

    A row each frequency from 1 on, NaN where none has it. [p // 2, p // 2]
    Rows of which the others are zero have none.
    """
    shares, power = spectrum(x), sum(map(spectrum, others))
    heard = jax.nn.one_hot(jnp.argmax(power, axis=1), shares.shape[1])
    heard *= jnp.any(power > 0, axis=1)[:, None]
    return heard.T @ shares / jnp.sum(heard, axis=0)[:, None]


def inverse_participation(x: jax.Array) -> jax.Array:
    """`Σ|x̂|⁴ / (Σ|x̂|²)²` per row: 1 for a pure wave, about 4/p for white noise."""
    return jnp.sum(jnp.square(spectrum(x)), axis=-1)


def phase(x: jax.Array, k: Any) -> jax.Array:
    """φ of the wave cos(2π k a / p + φ) that is in `x` [..., p], one per row."""
    waves = jnp.fft.rfft(x)
    k = jnp.broadcast_to(jnp.asarray(k), x.shape[:-1])
    return jnp.angle(jnp.take_along_axis(waves, k[..., None], axis=-1)[..., 0])


def phase_error(u: jax.Array, v: jax.Array, w: jax.Array, k: Any) -> jax.Array:
    """How far φ_u + φ_v is from φ_w at the frequencies `k`, in [0, π].

    It is 0 for neurons that add modulo p, and π/2 on average for unrelated phases.
    """
    error = phase(u, k) + phase(v, k) - phase(w, k)
    return jnp.abs(jnp.angle(jnp.exp(1j * error)))
