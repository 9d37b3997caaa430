"""What happened in training, in numbers: each against an answer that is known."""

import math

import pytest
import recipes
import torch
from torch import nn

from ganedu import data, losses
from ganedu.diagnostics import (
    birthday,
    class_coverage,
    confusion,
    health,
    in_tail,
    kl,
    kl_floor,
    kl_floor_sd,
    memorisation,
    mode_coverage,
    modes_reported,
    movement,
    reach,
    stacked_coverage,
    true_quality,
    within_modes,
)
from ganedu.diagnostics.textures import gram_distance, loop_jump, seam, strides
from ganedu.losses import Loss
from ganedu.networks import MLPDiscriminator, Packed
from ganedu.steering import slopes
from ganedu.trainer import latent


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


# ---------------------------------------------------------------- proportions


def test_kl_by_hand_and_its_direction():
    """3/4 ln(3/2) + 1/4 ln(1/2) = .1308; the other way round 1/2 ln(2/3) + 1/2 ln 2 = .1438."""
    assert abs(kl([3, 1], [1, 1]) - 0.130812) < 1e-6
    assert abs(kl([1, 1], [3, 1]) - 0.143841) < 1e-6
    assert kl(torch.tensor([2, 6]), torch.tensor([0.25, 0.75])) == 0


def test_kl_to_what_lacks_a_mode_is_infinite_and_from_it_is_finite():
    assert kl([1, 1], [1, 0]) == math.inf
    assert abs(kl([1, 0], [1, 1]) - math.log(2)) < 1e-9


def test_both_kls_of_a_half_lost_ring():
    ring = data.ring(4, std=0.01)
    found = mode_coverage(ring.means[[0, 0, 0, 1]], ring)
    assert abs(found.reverse_kl - (0.75 * math.log(3) + 0.25 * math.log(1))) < 1e-6
    assert found.forward_kl == math.inf


def test_the_kls_count_junk_at_its_nearest_mode():
    ring = data.ring(4, std=0.01)
    x = torch.cat([ring.means[[0, 0, 1, 2]], 0.5 * ring.means[[1, 2, 3, 3]]])
    found = mode_coverage(x, ring)
    assert found.counts.tolist() == [2, 1, 1, 0] and found.near.tolist() == [2, 2, 2, 2]
    assert found.reverse_kl == found.forward_kl == 0


def test_the_kl_is_to_the_mixtures_own_weights():
    mixture = data.ring(2, std=0.01, weights=torch.tensor([0.75, 0.25]))
    assert mode_coverage(mixture.means[[0, 0, 0, 1]], mixture).reverse_kl < 1e-9
    assert abs(mode_coverage(mixture.means[[0, 1]], mixture).reverse_kl - 0.143841) < 1e-6


def test_the_floor_of_the_kl_and_its_deviation_by_simulation():
    """(k - 1) / 2n; 4,000 trials: 1.6% of deviation in the mean, 1.5% or so in the SD."""
    k, n = 8, 1000
    draws = torch.randint(k, (4000, n), generator=generator())
    floors = torch.tensor([kl(torch.bincount(row, minlength=k), torch.ones(k)) for row in draws])
    assert abs(floors.mean() / kl_floor(k, n) - 1) < 0.06
    assert abs(floors.std() / kl_floor_sd(k, n) - 1) < 0.08


def test_the_ceiling_of_quality():
    assert abs(true_quality() - 0.98889) < 1e-5 and abs(true_quality(1) - 0.39347) < 1e-5


def test_the_numbers_stand_beside_those_of_the_truth():
    ring = data.ring(8)
    text = mode_coverage(ring.means[[0] * 2000], ring).beside_truth()
    lines = [line.split() for line in text.splitlines()]
    assert lines[1] == ["modes", "found", "1", "of", "8", "8", "of", "8"]
    assert lines[2] == ["high", "quality", "100.0%", "98.9%,", "SD", "0.2%"]
    assert lines[3] == ["reverse", "KL", "2.0794", "0.0018,", "SD", "0.0009"]
    assert lines[4] == ["forward", "KL", "inf", "0.0018,", "SD", "0.0009"]


# ---------------------------------------------------------------- inside a mode


def around(mixture, n, noise, seed=0):
    """n points around each mode, [n k, 2]: mean + noise(a standard normal [n k, 2])."""
    z = torch.randn(n * len(mixture.means), 2, generator=generator(seed))
    return mixture.means.repeat_interleave(n, dim=0) + noise(z)


def test_true_samples_have_the_true_width():
    """2,000 a mode: one width deviates by 1.1%, their mean by 0.4%; narrow is a little less."""
    ring = data.ring(8)
    found = within_modes(around(ring, 2000, lambda z: 0.05 * z), ring)
    assert found.spread.shape == (8,)
    assert (found.spread - 1).abs().max() < 0.05 and abs(found.spread.mean() - 1) < 0.012
    assert (found.narrow - 1).abs().max() < 0.07 and (found.narrow <= found.spread).all()


def test_half_the_width_is_a_half():
    """Of 2,000 a mode: a median deviates by 1.4%."""
    ring = data.ring(8)
    found = within_modes(around(ring, 2000, lambda z: 0.025 * z), ring)
    assert (found.spread - 0.5).abs().max() < 0.03


def test_twice_the_width_is_two_and_a_move_is_an_offset_in_std():
    ring = data.ring(8)
    wide = within_modes(around(ring, 2000, lambda z: 0.1 * z), ring)
    assert (wide.spread - 2).abs().max() < 0.12 and wide.offset.abs().max() < 0.2
    moved = within_modes(around(ring, 2000, lambda z: 0.05 * (z + torch.tensor([1.0, 0]))), ring)
    assert (moved.offset - torch.tensor([1.0, 0])).abs().max() < 0.15
    assert (moved.spread - 1).abs().max() < 0.06


def test_each_mode_is_measured_by_its_own_width():
    mixture = data.Mixture([[0.0, 0.0], [3.0, 0.0]], torch.tensor([0.05, 0.5]), [0.5, 0.5])
    found = within_modes(mixture.sample(8000, generator()), mixture)
    assert (found.spread - 1).abs().max() < 0.06 and (found.narrow - 1).abs().max() < 0.06
    assert abs(mode_coverage(mixture.sample(8000, generator(1)), mixture).quality - 0.98889) < 0.006


@pytest.mark.parametrize("d", [1, 2, 3, 16])
def test_the_reach_holds_as_much_in_every_dimension(d):
    x = torch.randn(40_000, d, generator=generator()).norm(dim=1)
    assert abs((x < reach(d)).double().mean() - 0.98889) < 5 * 0.00052
    assert abs((x < reach(d, 0.5)).double().mean() - 0.5) < 5 * 0.0025
    assert abs(true_quality(reach(d), d) - true_quality()) < 1e-9


def test_copies_are_found_in_the_tail_whatever_the_rest_is_like():
    ring = data.ring(8)
    train, fresh = ring.sample(1000, generator(1)), ring.sample(5000, generator(2))
    bad = 3 * torch.rand(700, 2, generator=generator(3)) - 1.5
    cheat = torch.cat([train[:300], bad])
    assert memorisation(cheat, train, fresh[:1000]).nearer < 0.7
    assert 0.3 <= in_tail(cheat, train, fresh) < 0.33
    assert in_tail(ring.sample(2000, generator(4)), train, fresh) < 0.02
    with pytest.raises(ValueError, match="in_tail needs"):
        in_tail(cheat, train[:0], fresh)


def test_points_have_no_width_and_lines_none_in_one_direction():
    ring = data.ring(8)
    points = within_modes(around(ring, 30, torch.zeros_like), ring)
    assert points.spread.max() < 1e-6 and points.narrow.max() < 1e-6
    lines = within_modes(around(ring, 2000, lambda z: 0.05 * z[:, :1] * torch.ones(1, 2)), ring)
    assert lines.narrow.max() < 1e-3 and lines.spread.min() > 0.6


def test_a_mode_with_few_good_samples_has_no_width_to_speak_of():
    ring = data.ring(4, std=0.01)
    good = ring.means[[0] * 20 + [1] * 19 + [2] * 19]
    junk = 0.5 * ring.means[[2] * 40]
    found = within_modes(torch.cat([good, junk]), ring)
    assert found.spread.isnan().tolist() == [False, True, True, True]


# ---------------------------------------------------------------- over time


def test_movement_by_hand():
    """Shares (1, 0), (0, 1), (1/2, 1/2): total variations 1 and 1/2."""
    found = movement([[4, 0, 0], [0, 8, 0], [1, 1, 0]])
    assert abs(found.change - 0.75) < 1e-9
    assert (found.ever, found.now) == (2, 2)
    assert movement([[4, 0], [0, 4]]).now == 1


def test_what_is_still_does_not_move_and_what_has_one_mode_has_no_noise():
    assert movement([[5, 0], [5, 0]]).floor == 0
    assert movement([[1, 3], [10, 30]]).change == 0


def test_the_floor_of_movement_by_simulation():
    """Looks that differ by sampling alone: the change is the floor; 400 looks, about 2% of noise."""
    weights = torch.tensor([5, 1, 2, 2, 4.0])
    draws = torch.multinomial(weights.expand(400, -1), 500, True, generator=generator())
    found = movement([torch.bincount(row, minlength=5).tolist() for row in draws])
    assert abs(found.change / found.floor - 1) < 0.08


def test_one_jump_is_no_habit():
    still = [[9, 1]] * 4
    assert movement([*still, [1, 9]]).change == 0


def test_movement_needs_two_looks():
    with pytest.raises(ValueError, match=r"at least two histograms \[k\]; got \[1, 2\]"):
        movement([[1, 2]])


# ---------------------------------------------------------------- the birthday test


def test_birthday_pairs_by_hand():
    """Of four points one pair is close: 6 pairs, 1 duplicate, support 6."""
    found = birthday(torch.tensor([[0.0], [0.5], [5.0], [9.0]]), close=1)
    assert (found.pairs, found.duplicates, found.support) == (6, 1, 6.0)


def test_the_distance_is_euclidean_over_all_of_an_image():
    x = torch.zeros(2, 1, 2, 2)
    x[1] += 0.5  # 4 pixels: 1 apart
    assert birthday(x, close=1.01).duplicates == 1
    assert birthday(x, close=1).duplicates == 0


@pytest.mark.parametrize("s, n", [(30, 100), (400, 300)])
def test_the_interval_holds_the_number_of_things_in_about_95_of_100_trials(s, n):
    rng, held = generator(1), 0
    for _ in range(200):
        codes = torch.randint(s, (n, 1), generator=rng).float()
        found = birthday(codes, close=0.5)
        assert found.low <= found.support <= found.high
        held += found.low <= s <= found.high
    assert 0.90 < held / 200 < 0.995


def test_no_duplicates_still_give_a_lower_end():
    """The rule of three: with 0 of 45 pairs, 1/s is at most 3/45 at 95%."""
    found = birthday(torch.arange(10.0)[:, None], close=0.5)
    assert (found.duplicates, found.support, found.high) == (0, math.inf, math.inf)
    assert abs(found.low - 15) < 1e-9


def test_near_duplicates_far_from_the_origin_are_told_apart():
    x = 1000 + torch.tensor([[0.0], [0.01], [0.02]])
    assert birthday(x, close=0.015).duplicates == 2


@pytest.mark.parametrize("n, close", [(1, 1.0), (5, 0.0), (5, math.nan)])
def test_birthday_needs_two_samples_and_a_distance(n, close):
    with pytest.raises(ValueError, match="two samples or more and close > 0"):
        birthday(torch.zeros(n, 2), close)


# ---------------------------------------------------------------- memorisation


def test_fresh_samples_are_as_near_to_either_set():
    ring = data.ring(8)
    fake, train, held = (ring.sample(2000, generator(seed)) for seed in range(3))
    found = memorisation(fake, train, held)
    assert abs(found.nearer - 0.5) < 0.05 and abs(found.ratio - 1) < 0.1


def test_copies_are_all_nearer_at_no_distance():
    ring = data.ring(8)
    train, held = ring.sample(100, generator(1)), ring.sample(100, generator(2))
    found = memorisation(train[:40], train, held)
    assert (found.nearer, found.ratio) == (1.0, 0.0)
    assert memorisation(held[:40], train, held).nearer == 0.0


def test_a_tie_counts_half():
    """The fake at 0 is 1 from both sets, the one at 1 is nearer to the training set."""
    fake = torch.tensor([[0.0], [1.0]])
    found = memorisation(fake, torch.tensor([[1.0]]), torch.tensor([[-1.0]]))
    assert found.nearer == 0.75


@pytest.mark.parametrize("sizes", [(4000, 200), (200, 4000)])
def test_a_larger_set_is_no_nearer(sizes):
    ring = data.ring(8)
    fake = ring.sample(1000, generator(0))
    train, held = (ring.sample(n, generator(1 + i)) for i, n in enumerate(sizes))
    assert abs(memorisation(fake, train, held).nearer - 0.5) < 0.15


@pytest.mark.parametrize("n, held", [(300, 300), (3000, 300)])
def test_half_copies_count_the_same_whatever_the_size_and_the_order_of_the_training_set(n, held):
    """Of fakes half copied and half fresh, 3/4 are nearer; SD .04 where sizes are equal."""
    ring = data.ring(8)
    train = ring.sample(n, generator(1))
    train = train[train[:, 0].argsort()]  # the copies are the last of them
    fake = torch.cat([train[-150:], ring.sample(150, generator(2))])
    found = memorisation(fake, train, ring.sample(held, generator(3)))
    assert abs(found.nearer - 0.75) < 0.1
    assert memorisation(train[-150:], train, ring.sample(held, generator(3))).ratio == 0


def test_the_ratio_of_fresh_samples_is_1_also_of_a_larger_training_set():
    """In the plane ten times as many points are about 10 ** -.5 as far: .32 if sizes were not minded."""
    ring = data.ring(8)
    fake, train, held = (ring.sample(n, generator(4 + n)) for n in (2000, 4000, 400))
    assert abs(memorisation(fake, train, held).ratio - 1) < 0.15


def test_more_held_out_examples_are_thinned_evenly_not_cut():
    """Held-out examples in order: the fakes at 1 have their equals among the last of them."""
    held = torch.linspace(0, 1, 1000)[:, None]
    found = memorisation(torch.ones(5, 1), torch.linspace(0, 0.9, 10)[:, None], held)
    assert (found.nearer, found.ratio > 1) == (0, True)


NAN = torch.full((30, 1, 4, 4), math.nan)
FINE = torch.zeros(30, 1, 4, 4)


@pytest.mark.parametrize(
    "count",
    [
        lambda: birthday(NAN, 0.1),
        lambda: memorisation(NAN, FINE, FINE),
        lambda: memorisation(FINE, NAN, FINE),
        lambda: memorisation(FINE, FINE, FINE + math.inf),
        lambda: class_coverage(NAN, KnownJudge()),
        lambda: mode_coverage(torch.tensor([[math.inf, 0.0]]), data.ring(8)),
        lambda: within_modes(NAN.flatten(2)[:, 0, :2], data.ring(8)),
        lambda: in_tail(NAN, FINE, FINE),
        lambda: in_tail(FINE, FINE, NAN),
        lambda: seam(NAN),
        lambda: strides(NAN),
        lambda: loop_jump(NAN),
        lambda: gram_distance(torch.full((1, 64, 64), math.nan), torch.ones(1, 64, 64)),
        lambda: slopes(torch.full((9, 2), math.nan), torch.ones(9, 1)),
    ],
)
def test_samples_that_are_not_finite_never_become_a_number(count):
    with pytest.raises(ValueError, match="NaN or infinite values: the generator has diverged"):
        count()


@pytest.mark.parametrize(
    "count, says",
    [
        (lambda: kl([math.nan, 1], [1, 1]), "a histogram holds numbers >= 0"),
        (lambda: kl([0, 0], [1, 1]), r"not all of them 0 and none NaN; got \[0, 0\]"),
        (lambda: kl([1, 1], [2, -1]), r"got \[2, -1\]"),
        (lambda: kl([1, 1], [1, 1, 1]), r"the same bins; got \[2\], \[3\]"),
        (lambda: movement(torch.full((3, 4), math.nan)), "none of them NaN or infinite"),
        (lambda: movement([[1, 2], [-1, 2]]), "counts >= 0"),
        (lambda: mode_coverage(torch.zeros(3, 2), data.ring(8), math.nan), "sigmas must be above"),
        (lambda: within_modes(torch.zeros(3, 2), data.ring(8), sigmas=0), "sigmas must be above 0"),
        (lambda: birthday(torch.zeros(9), 0.1), r"an example a row; got \[9\]"),
        (lambda: memorisation(FINE, FINE[:, :, 1:], FINE[:, :, 1:]), "of 16 and of 12 numbers do"),
        (lambda: loop_jump(FINE[:1]), "a loop needs two frames"),
    ],
)
def test_what_cannot_be_counted_is_one_sentence_and_no_number(count, says):
    with pytest.raises(ValueError, match=says) as error:
        count()
    assert "\n" not in str(error.value)


def test_samples_may_be_arrays_lists_or_whole_numbers_and_need_no_graph():
    ring = data.ring(8)
    x = ring.sample(200, generator())
    for given in (x.numpy(), x.tolist(), x.double(), x.clone().requires_grad_()):
        assert mode_coverage(given, ring).counts.tolist() == mode_coverage(x, ring).counts.tolist()
        assert birthday(given, 0.05).duplicates == birthday(x, 0.05).duplicates
        near = memorisation(given, given[:100], given[100:])
        assert near.nearer == memorisation(x, x[:100], x[100:]).nearer
    whole = (10 * x).round().long()
    assert birthday(whole, 0.5) == birthday(whole.float(), 0.5)
    assert mode_coverage(whole, ring).modes == mode_coverage(whole.float(), ring).modes


def test_data_that_repeat_themselves_are_no_copies():
    """Of whole numbers most examples have a twin at distance 0 in either set: nobody is nearer."""
    x = torch.randint(0, 3, (300, 1), generator=generator()).float()
    found = memorisation(x[:100], x[100:200], x[200:])
    assert (found.nearer, found.ratio) == (0.5, 1.0)


def test_a_tile_of_one_colour_has_no_seam_and_what_stands_still_is_a_closed_loop():
    grey = torch.zeros(2, 3, 64, 64)
    assert (seam(grey).ratio, seam(grey).error, loop_jump(grey)) == (1.0, 0.0, 1.0)
    x = torch.rand(3, 64, 64, generator=generator())
    assert seam(x) == seam(x[None])  # a single picture


def test_memorisation_takes_images_and_needs_some():
    x = torch.rand(6, 1, 4, 4, generator=generator())
    assert memorisation(x[:2], x[:3], x[3:]).nearer == 1.0
    with pytest.raises(ValueError, match="needs fakes, training examples and held-out examples"):
        memorisation(x, x[:0], x)


# ---------------------------------------------------------------- health


def by_hand(trainer, n, seed=0):
    """The same batch as `health` draws: (real, z)."""
    rng = torch.Generator(trainer.device).manual_seed(seed)
    return trainer.data.sample(n, rng), latent(trainer.G, n, rng)


def norm(weights):
    return torch.cat([p.grad.flatten() for p in weights]).norm().item()


@pytest.mark.parametrize("loss", [losses.nonsaturating, losses.relativistic])
def test_the_norms_of_the_gradients_are_those_of_backward(loss):
    trainer = recipes.mlp(loss=loss)
    real, z = by_hand(trainer, 64)
    found = health(trainer, n=64)
    G, D = trainer.G, trainer.D
    loss.d(D(real), D(G(z).detach())).backward()
    assert abs(found.d_gradient / norm(D.parameters()) - 1) < 1e-4
    judged = (D(real), D(G(z))) if loss.g_sees_real else (D(G(z)),)
    loss.g(*judged).backward()
    assert abs(found.g_gradient / norm(G.parameters()) - 1) < 1e-4


class SaysX(nn.Module):
    """D's logit is the first coordinate, scaled."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, x):
        return self.scale * x[:, 0]


class Left(nn.Module):
    """G puts everything at (-2, 0), whatever z is."""

    z_dim = 2

    def __init__(self):
        super().__init__()
        self.at = nn.Parameter(torch.tensor([-2.0, 0.0]))

    def forward(self, z):
        return self.at.expand(len(z), 2)


def test_accuracy_and_confidence_by_hand():
    """Real at x = 1 for 3 of 4 and -1 for the rest, fake at -2: D tells (3/4 + 1)/2 right."""
    mixture = data.Mixture([[1.0, 0.0], [-1.0, 0.0]], 0.01, [0.75, 0.25])
    trainer = recipes.mlp(G=Left(), D=SaysX(), data=mixture)
    found = health(trainer, n=4000)
    sigmoid = torch.tensor([1.0, -1.0, -2.0]).sigmoid()
    assert abs(found.d_accuracy - 0.875) < 0.02
    assert abs(found.d_real - (0.75 * sigmoid[0] + 0.25 * sigmoid[1])) < 0.02
    assert abs(found.d_fake - sigmoid[2]) < 1e-5
    assert abs(found.g_gradient - (1 - sigmoid[2])) < 1e-5  # d softplus(-s) / ds = -(1 - D)


@pytest.mark.parametrize("m", [2, 3, 5])
def test_health_looks_at_whole_packs(m):
    D = Packed(MLPDiscriminator(in_dim=2 * m), m)
    trainer = recipes.mlp(D=D, batch=12 * m)
    real, z = by_hand(trainer, 64 // m * m)
    found = health(trainer, n=64)
    assert found.d_real == pytest.approx(D(real).sigmoid().mean().item(), abs=1e-6)
    assert found.d_fake == pytest.approx(D(trainer.G(z)).sigmoid().mean().item(), abs=1e-6)
    assert math.isfinite(health(trainer, n=1).d_gradient), "one pack at least"


def test_a_detached_loss_gives_g_no_gradient():
    cut = Loss(losses.logistic_d, lambda fake: losses.nonsaturating_g(fake.detach()))
    found = health(recipes.mlp(loss=cut))
    assert found.g_gradient == 0 and found.d_gradient > 0


@pytest.mark.parametrize("make", [recipes.mlp_with_everything, recipes.dcgan])
def test_looking_at_health_changes_nothing(make):
    looked = make()
    looked.fit(2, progress=False)
    before = looked.state_dict()
    grads = [p.grad.clone() for net in (looked.G, looked.D) for p in net.parameters()]
    first = health(looked, n=8)
    after = [p.grad for net in (looked.G, looked.D) for p in net.parameters()]
    assert recipes.same(before, looked.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(grads, after, strict=True))
    assert health(looked, n=8) == first and health(looked, n=8, seed=1) != first
    looked.fit(2, progress=False)
    ends, left = looked.state_dict(), make()
    left.load_state_dict(before)
    left.fit(2, progress=False)
    assert recipes.same(ends, left.state_dict())
