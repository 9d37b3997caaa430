"""The tour, in three steps instead of thousands: what it measures, draws and says."""

from functools import partial

import pytest
import torch
from PIL import Image
from recipes import noise_images, same

from ganedu import tour
from ganedu.data import Images


@pytest.fixture(scope="module")
def toured(tmp_path_factory):
    """(what was measured, the folder): one short tour for all tests of this file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tour, "train_classifier", partial(tour.train_classifier, steps=60))
        out = tmp_path_factory.mktemp("a tour") / "pictures"
        return tour.tour(out, steps=3, progress=False), out


def test_it_measures_a_thousand_samples_and_held_out_digits(toured):
    found, _ = toured
    assert found["steps"] == 3 and found["seconds"] > 0
    assert len(found["generated"].counts) == 10 and found["generated"].counts.sum() <= 1000
    assert found["held_out"].counts.sum() > 100
    assert found["held_out"].sure > found["generated"].sure


def test_it_leaves_two_pictures_and_nothing_else(toured):
    _, out = toured
    assert sorted(p.name for p in out.iterdir()) == ["samples.png", "training.png"]
    assert all(Image.open(p).size[0] > 300 for p in out.iterdir())


def test_its_report_says_what_was_measured_where_the_pictures_are_and_what_is_next(toured):
    found, out = toured
    text = tour.report(found, [out / "samples.png"])
    assert "Trained 3 steps in" in text and f"{found['generated'].found} of 10" in text
    assert f"{found['held_out'].sure:.0%} of real digits it has never seen" in text
    assert str((out / "samples.png").resolve()) in text and "make lab" in text


def test_its_pictures_stand_in_columns_by_digit():
    y = torch.tensor([3, 0, 1, 2, 9, 8, 7, 6, 5, 4]).repeat(3)
    x = (y + torch.arange(30) / 100).view(30, 1, 1, 1)
    shown = tour._in_columns(x, y, 2).flatten()
    assert shown.floor().tolist() == 2 * list(range(10))
    assert shown[:10].max() < 9.1  # from the first ten, and below them
    assert (shown[10:] - shown[:10]).min() > 0.09  # those from the second


def test_its_recipe_is_the_same_each_time_and_another_for_another_seed():
    digits = Images(noise_images(40).x, torch.arange(40) % 10)
    a, b, c = (tour.RECIPE.trainer(s, data=digits).state_dict() for s in (0, 0, 1))
    assert same(a["G"], b["G"]) and not same(a["G"], c["G"])
