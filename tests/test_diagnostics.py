"""Counting modes: of a known mixture by distance, of digits by a classifier."""

import math

import pytest
import torch

from ganedu import data
from ganedu.diagnostics import (
    class_coverage,
    confusion,
    kl_floor,
    kl_floor_sd,
    mode_coverage,
    modes_reported,
    stacked_coverage,
)


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


# ---------------------------------------------------------------- stacks of three digits


class ReadsBrightness(torch.nn.Module):
    """Names a 1 x 1 picture of brightness k / 10 as k; below 0 it is unsure, but says 3."""

    last = torch.nn.Linear(1, 10)

    def forward(self, x):
        value = x.flatten(1)[:, 0]
        logits = 20 * torch.nn.functional.one_hot((value.abs() * 10).round().long(), 10).float()
        unsure = torch.nn.functional.one_hot(torch.tensor(3), 10).float()
        return torch.where(value[:, None] < 0, unsure, logits)


def stacks(*modes):
    """Pictures [n, 3, 1, 1] of the modes, 407 as three brightnesses .4, 0 and .7."""
    digits = [[m // 100, m // 10 % 10, m % 10] for m in modes]
    return torch.tensor(digits).float().view(-1, 3, 1, 1) / 10


def test_the_first_channel_counts_hundreds():
    found = stacked_coverage(stacks(407, 407, 12), ReadsBrightness())
    assert (found.modes, found.of, found.sure) == (2, 1000, 1.0)
    assert found.counts[407] == 2 and found.counts[12] == 1 and found.counts.sum() == 3


def test_a_stack_with_one_doubtful_digit_counts_as_published_but_not_among_the_sure():
    x = stacks(407, 12, 12, 12)
    x[0, 1] = -0.5  # named 437, unsure
    found = stacked_coverage(x, ReadsBrightness())
    assert (found.modes, found.sure_modes, found.sure) == (2, 1, 0.75)
    assert found.counts[437] == 1 and found.sure_counts[437] == 0
    assert str(found).startswith("2 of 1000 modes, KL 6.345 nats, judge sure of 75%, 1 modes")


def test_the_kl_of_one_mode_is_log_1000_and_of_all_equally_often_0():
    one = stacked_coverage(stacks(*[555] * 7), ReadsBrightness())
    assert abs(one.reverse_kl - math.log(1000)) < 1e-9
    assert stacked_coverage(stacks(*range(1000)), ReadsBrightness()).reverse_kl < 1e-9


def test_the_kl_can_be_to_the_true_weights_and_is_generated_against_true():
    """KL(q || p) with q = (3/4, 1/4), p = (1/2, 1/2) is ln 2 - H(q); the other way round it is .1438."""
    weights = torch.zeros(1000)
    weights[7] = weights[12] = 0.5
    found = stacked_coverage(stacks(7, 7, 7, 12), ReadsBrightness(), weights)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert abs(found.reverse_kl - (math.log(2) - entropy)) < 1e-6


def test_a_perfect_sampler_of_26000_stacks_scores_the_floor_not_0():
    """(K - 1) / 2n = .0192, SD .0009 (chi-squared with 999 degrees of freedom)."""
    draws = torch.randint(1000, (26_000,), generator=generator())
    found = stacked_coverage(stacks(*draws.tolist()), ReadsBrightness())
    assert found.modes == 1000
    assert abs(found.reverse_kl - kl_floor(1000, 26_000)) < 5 * kl_floor_sd(1000, 26_000)


@pytest.mark.parametrize(
    "x, says",
    [
        (torch.zeros(4, 1, 8, 8), r"stacks must be \[n, 3, H, W\]; got \[4, 1, 8, 8\]"),
        (torch.zeros(0, 3, 8, 8), r"got \[0, 3, 8, 8\]"),
        (torch.full((4, 3, 1, 1), math.nan), "NaN or infinite values: the generator has diverged"),
    ],
)
def test_stacks_that_cannot_be_named_are_one_sentence(x, says):
    with pytest.raises(ValueError, match=says):
        stacked_coverage(x, ReadsBrightness())


def test_confusion_has_true_classes_in_rows_and_names_in_columns():
    x = torch.tensor([0.2, 0.2, 0.2, 0.5]).view(4, 1, 1, 1)
    found = confusion(ReadsBrightness(), data.Images(x, torch.tensor([2, 2, 1, 5])))
    assert found[2, 2] == 1 and found[1, 2] == 1 and found[5, 5] == 1 and found[2, 1] == 0


def test_a_judge_without_error_reports_one_mode_for_a_generator_stuck_in_it():
    assert torch.allclose(modes_reported(torch.eye(10).double()), torch.ones(1000).double())


def test_a_judge_that_errs_in_1_of_200_digits_makes_30_modes_of_one():
    """27 modes differ in one digit: 14 stacks each, always seen; 243 in two: seen with .8% each."""
    errs = torch.full((10, 10), 0.005 / 9, dtype=torch.double).fill_diagonal_(0.995)
    p = 0.995 * (0.005 / 9) ** 2
    expected = 1 + 27 + 243 * (1 - (1 - p) ** 26_000)
    assert abs(modes_reported(errs)[0] - expected) < 0.1


def test_an_error_in_one_class_alone_concerns_the_modes_that_hold_it():
    errs = torch.eye(10).double()
    errs[4, 4], errs[4, 9] = 0.5, 0.5
    reported = modes_reported(errs)
    assert reported[[0, 400, 447, 444]].round().tolist() == [1, 2, 4, 8]
