"""The contest of chapter 01: what is fitted is not what is judged, and the better value wins."""

import math

import pytest
import torch

from ganedu import classical, contest


@pytest.fixture(scope="module")
def run():
    with pytest.MonkeyPatch.context() as patch:  # the GAN is not what is tested here
        patch.setattr(contest, "gan", lambda train, **_: classical.kde(train, h=0.3))
        return contest.on_digits(0)


def test_the_digits_are_split_and_none_is_in_both_parts(run):
    assert run.train.shape == (1297, 64) and run.held_out.shape == (500, 64)
    apart = torch.cdist(run.train, run.held_out).min()
    assert float(apart) > 0
    both = torch.cat([run.train, run.held_out])
    whole = classical.level_of(both).sum(1).sort().values
    assert torch.equal(whole, classical.digit_levels().sum(1).sort().values)


def test_another_seed_splits_otherwise_and_the_same_seed_alike(run):
    assert torch.equal(contest.split(0)[0], run.train)
    assert not torch.equal(contest.split(1)[0], run.train)


def test_a_copier_is_near_the_training_set_and_new_digits_are_not(run):
    copier, held_out = (run.to_training(n).median() for n in ("copier", "held-out digits"))
    assert float(run.to_training("training set").max()) == 0
    assert 0 < copier < held_out / 4


def test_the_chance_of_a_digit_is_its_density_times_the_volume_of_its_step(run):
    """Even over all levels each of 64 pixels costs log 17, whatever the digits."""
    even = classical.Model(None, lambda x: torch.full((len(x),), 64 * math.log(1 / 2)))
    models = run.models | {"even": even}
    flat = contest.Run(run.train, run.held_out, models, run.rng)
    assert flat.nats("even") == pytest.approx(-64 * math.log(17))


def test_the_training_set_judges_well_and_specks_do_not(run):
    rows = run.judged()
    by_name = {row["recipe"]: row for row in rows}
    assert set(by_name) == set(run.models)
    assert (
        by_name["training set"]["precision"] > 0.8 > 0.05 > by_name["pixel histograms"]["precision"]
    )
    assert contest.wins(rows, "training set", "pixel histograms") == dict.fromkeys(
        contest.MEASURES, 1
    )


def test_of_a_distance_less_is_better_and_a_tie_is_no_win():
    rows = [
        {"recipe": "a", "Fréchet": 1.0, "precision": 0.5, "recall": 0.2},
        {"recipe": "b", "Fréchet": 2.0, "precision": 0.5, "recall": 0.4},
        {"recipe": "a", "Fréchet": 3.0, "precision": 0.6, "recall": 0.2},
        {"recipe": "b", "Fréchet": 2.0, "precision": 0.5, "recall": 0.4},
    ]
    assert contest.wins(rows, "a", "b") == {"Fréchet": 1, "precision": 1, "recall": 0}
    assert contest.wins(rows, "b", "a") == {"Fréchet": 1, "precision": 0, "recall": 2}
    assert contest.mean_of(rows, "a") == pytest.approx(
        {"Fréchet": 2, "precision": 0.55, "recall": 0.2}
    )
    with pytest.raises(ValueError):
        contest.wins(rows[:3], "a", "b")


def test_the_lot_keeps_every_name():
    names = list("abcdef")
    assert sorted(contest.by_lot(names, seed=1)) == names != contest.by_lot(names, seed=1)
    assert contest.by_lot(names, seed=1) != contest.by_lot(names, seed=2)


def test_the_gan_is_lent_without_a_density():
    train = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    model = contest.gan(train, steps=3)
    assert model.log_prob is None
    one, two = (model.sample(50, torch.Generator().manual_seed(1)) for _ in range(2))
    assert one.shape == (50, 3) and torch.equal(one, two)


def test_pixels_stay_between_minus_one_and_one():
    x = contest.Pixels(4, 64)(100 * torch.randn(50, 4))
    assert x.shape == (50, 64) and 0.9 < x.abs().max() <= 1
