"""The number that a run is judged by while it trains."""

import types

import pytest
import torch

from ganedu import data, measuring, metrics
from ganedu.measuring import judge


def drawing(p_data, change=lambda x: x):
    """A stand-in for a trainer whose samples are other examples of the data, changed."""
    rng = torch.Generator().manual_seed(7)
    return types.SimpleNamespace(sample=lambda n: change(p_data.sample(n, rng)))


@pytest.mark.parametrize("name", measuring.METRICS)
def test_a_perfect_generator_is_better_than_a_collapsed_one_by_every_metric(name):
    ring = data.ring(8)
    found = judge(name, 300, ring)
    perfect = found(drawing(ring))
    collapsed = found(drawing(ring, lambda x: x * 0 + torch.tensor([1.3, 0.2])))
    assert found.better(perfect, collapsed) and not found.better(collapsed, perfect)
    assert not found.better(perfect, perfect)


def test_pictures_without_a_classifier_are_judged_by_the_averages_of_64_parts():
    x = torch.rand(40, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = judge("kid", 30, data.Images(x))
    assert found.real.shape == (30, 192) and "no detail" in found.on
    one = torch.zeros(1, 3, 32, 32)
    one[0, 0, :4, :4] = 1
    assert found.features(one)[0].tolist() == [1.0] + [0.0] * 191


def test_labelled_digits_are_judged_by_a_classifier_of_their_own_set(monkeypatch):
    quick = measuring.train_classifier
    monkeypatch.setattr(
        measuring, "train_classifier", lambda d, progress: quick(d, steps=2, progress=progress)
    )
    digits = data.Images(data.digits().x[::500], data.digits().y[::500])
    plain = judge("kid", 8, digits)
    assert plain.real.shape == (8, 64) and "classifier" in plain.on
    value = plain(drawing(digits))
    x = digits.sample(8, torch.Generator().manual_seed(7))
    assert value == metrics.kid(plain.real, plain.features(x))


def test_a_metric_that_is_not_there_and_an_n_that_is_too_small_are_one_sentence():
    with pytest.raises(ValueError, match="no metric called 'fid'; there are coverage, frechet"):
        judge("fid", 100, data.ring())
    with pytest.raises(ValueError, match="frechet on 192 features needs that many"):
        judge("frechet", 100, data.Images(torch.zeros(2, 3, 16, 16)))
