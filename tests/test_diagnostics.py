"""Counting modes: of a known mixture by distance, of digits by a classifier."""

import math

import pytest
import torch

from ganedu import data
from ganedu.diagnostics import class_coverage, mode_coverage


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_true_ring_has_all_its_modes_and_the_quality_of_its_ceiling():
    """1 - exp(-9/2) = 98.889% lie within 3 sigma, with 0.21 points of deviation at n = 2,500."""
    ring = data.ring(8)
    found = mode_coverage(ring.sample(2500, generator()), ring)
    assert (found.modes, found.of) == (8, 8)
    assert abs(found.quality - 0.98889) < 5 * 0.0021
    assert found.counts.sum() == round(found.quality * 2500)


def test_a_collapsed_generator_has_one_mode_of_high_quality():
    ring = data.ring(8)
    found = mode_coverage(ring.means[[3]].repeat(100, 1), ring)
    assert (found.modes, found.quality) == (1, 1.0)
    assert found.counts.tolist() == [0, 0, 0, 100, 0, 0, 0, 0]
    assert str(found) == "1 of 8 modes, 100% of samples near one"


def test_points_between_the_modes_count_for_none():
    found = mode_coverage(torch.zeros(10, 2), data.ring(8))
    assert (found.modes, found.quality) == (0, 0.0) and found.counts.sum() == 0


def test_the_border_is_a_circle_of_3_sigma_not_a_box():
    one = data.Mixture([[0.0, 0.0]], 1.0, [1.0])
    x = torch.tensor([[2.9, 0.0], [3.1, 0.0], [2.9, 2.9]])
    assert mode_coverage(x, one).counts.tolist() == [1]


def test_one_good_sample_finds_a_mode_and_the_share_is_of_all_samples():
    ring = data.ring(4, std=0.01)
    x = torch.cat([ring.means[[0]], torch.zeros(3, 2)])
    found = mode_coverage(x, ring)
    assert (found.modes, found.quality) == (1, 0.25)


@pytest.mark.parametrize(
    "x, says",
    [
        (torch.zeros(5, 3), r"samples must be \[n, 2\]; got \[5, 3\]"),
        (torch.zeros(0, 2), r"got \[0, 2\]"),
        (torch.zeros(5), r"got \[5\]"),
        (torch.full((5, 2), math.nan), "NaN or infinite values: the generator has diverged"),
    ],
)
def test_samples_that_cannot_be_counted_are_one_sentence(x, says):
    with pytest.raises(ValueError, match=says):
        mode_coverage(x, data.ring(8))


class KnownJudge(torch.nn.Module):
    """Reads logits for three classes from the first three pixels of each picture."""

    last = torch.nn.Linear(1, 3)

    def forward(self, x):
        return x.flatten(1)[:, :3]


def test_only_pictures_that_the_classifier_is_sure_of_count():
    x = torch.zeros(4, 1, 2, 2)
    x[0, 0, 0, 0] = x[1, 0, 0, 0] = x[2, 0, 0, 1] = 9.0  # sure: 0, 0, 1; the last one: 1/3 each
    found = class_coverage(x, KnownJudge())
    assert found.counts.tolist() == [2, 1, 0]
    assert (found.found, found.sure) == (2, 0.75)


def test_the_threshold_of_sureness_can_be_chosen():
    x = torch.zeros(1, 1, 2, 2)
    x[0, 0, 0, 0] = math.log(4)  # softmax: 4/6, 1/6, 1/6
    assert class_coverage(x, KnownJudge()).sure == 0
    assert class_coverage(x, KnownJudge(), threshold=0.6).sure == 1
