"""Lanes dealt to devices, in whole chunks."""

import numpy as np


def whole_chunks(lanes: int, devices: int, most: int) -> tuple[int, int]:
    """A chunk's lanes, `most` or less, and those of a device: whole, equal chunks."""
    fair = -(-lanes // devices)
    size = -(-fair // -(-fair // most))
    return size, -(-fair // size) * size


def deal(seconds: np.ndarray, devices: int, hand: int) -> tuple[np.ndarray, np.ndarray]:
    """Lanes to devices, longest first to the lightest hand, filled up with copies."""
    hands: list[list[int]] = [[] for _ in range(devices)]
    load = np.zeros(devices)
    longest_first = np.argsort(-seconds, kind="stable")
    for lane in longest_first.tolist():
        open_hands = [d for d in range(devices) if len(hands[d]) < hand]
        lightest = min(open_hands, key=lambda d: load[d])
        hands[lightest].append(lane)
        load[lightest] += seconds[lane]
    spare = int(longest_first[-1])
    order = [[*h, *[spare] * (hand - len(h))] for h in hands]
    real = [[True] * len(h) + [False] * (hand - len(h)) for h in hands]
    return np.concatenate(order).astype(int), np.concatenate(real)
