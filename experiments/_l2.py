"""What the post on memorization and L2 was made of: its data, weights and figure."""

from pathlib import Path

import jax
import numpy as np
import xarray as xr

DIM, CLASSES = 9, 17
SIZES = (50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600)
DATA = Path(__file__).parent / "data"


def data() -> tuple:
    """The published train and test sets of all sizes: two pairs of stacked x and y."""
    drawn = [draw(size, max(SIZES)) for size in SIZES]
    return jax.tree.map(lambda *arrays: np.stack(arrays), *drawn)


def draw(size: int, capacity: int) -> tuple:
    """The published train and test set of one size, repeated up to the capacity."""
    rng = np.random.default_rng(9266)

    def one() -> tuple[np.ndarray, np.ndarray]:
        x = rng.standard_normal((size, DIM)).astype(np.float32)
        y = rng.choice(CLASSES, size=size, p=np.full(CLASSES, 1 / CLASSES))
        y = y.astype(np.int32)
        return np.resize(x, (capacity, DIM)), np.resize(y, capacity)

    return one(), one()


def weights() -> list[dict[str, np.ndarray]]:
    """The published initial weights, as parameters of `mj.models.mlp`."""
    saved = np.load(DATA / "l2_blog_init.npz")
    return [
        {"w": saved[f"weight_{i}"].T.copy(), "b": saved[f"bias_{i}"]} for i in range(3)
    ]


def points() -> xr.DataArray:
    """The gaps of the post's figure, decoded from its own coordinates."""
    size, gap = np.loadtxt(DATA / "l2_blog_points.csv", delimiter=",", skiprows=1).T
    return xr.DataArray(gap, {"size": size.astype(int)}, "size")
