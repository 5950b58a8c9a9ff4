"""The digits: what they are, how they shrink, and that fewer are a prefix."""

import numpy as np
import pytest

import memjax as mj


def test_there_are_a_hundred_of_each_digit_in_turn():
    images, labels = mj.datasets.digits()
    assert images.shape == (1000, 784) and images.dtype == np.float32
    assert images.min() == 0 and images.max() == 1
    np.testing.assert_array_equal(labels, np.tile(np.arange(10), 100))


def test_images_of_one_digit_are_closer_to_each_other_than_to_others():
    images, labels = mj.datasets.digits(14)
    half, rest = images[:500], images[500:]
    means = np.stack([half[labels[:500] == c].mean(0) for c in range(10)])
    apart = np.linalg.norm(rest[:, None] - means, axis=2)
    assert np.mean(apart.argmin(1) == labels[500:]) > 0.6


def test_smaller_images_keep_the_mean_and_fewer_are_a_prefix():
    images, labels = mj.datasets.digits(7, 30)
    whole, all_labels = mj.datasets.digits()
    by_hand = whole[:30].reshape(30, 28, 28)[:, 4:8, 8:12].mean((1, 2))
    np.testing.assert_allclose(images.reshape(30, 7, 7)[:, 1, 2], by_hand, rtol=1e-5)
    np.testing.assert_allclose(images.mean(1), whole[:30].mean(1), rtol=1e-5)
    np.testing.assert_array_equal(labels, all_labels[:30])


@pytest.mark.parametrize("wrong", [{"side": 5}, {"side": 0}, {"count": 1001}])
def test_sizes_that_do_not_exist_are_refused(wrong):
    with pytest.raises(ValueError, match=f"got (count )?{next(iter(wrong.values()))}"):
        mj.datasets.digits(**wrong)
