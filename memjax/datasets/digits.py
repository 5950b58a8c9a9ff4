"""A thousand handwritten digits: real images for what random points cannot show."""

from pathlib import Path

import numpy as np

_SIDE = 28


def digits(side: int = _SIDE, count: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """Images [count, side * side] of pixels in 0 … 1, and their digits [count].

    They are 100 of each digit from MNIST (LeCun, Cortes and Burges; CC BY-SA 3.0), in
    the order 0, 1, … 9, 0, 1 …; smaller counts are prefixes. A `side` below 28
    averages squares of pixels, and must divide it. Hand them to a run by `inputs=`.
    """
    if side < 1 or _SIDE % side:
        raise ValueError(f"side must divide {_SIDE}, got {side}")
    with np.load(Path(__file__).with_name("digits.npz")) as saved:
        pixels, labels = saved["x"], saved["y"]
    if not 0 <= count <= len(pixels):
        raise ValueError(f"there are {len(pixels)} digits, got count {count}")
    square = _SIDE // side
    blocks = pixels[:count].reshape(count, side, square, side, square) / 255
    images = blocks.mean((2, 4)).reshape(count, side * side)
    return images.astype(np.float32), labels[:count].astype(np.int32)
