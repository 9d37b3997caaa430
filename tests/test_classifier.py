"""The judge of generated digits: it learns from real digits alone, and disturbs nothing."""

import pytest
import torch

from ganedu import data
from ganedu.classifier import DigitClassifier, _varied, probabilities, train_classifier


@pytest.fixture(scope="module")
def split():
    return data.digits().split()


def test_features_are_the_layer_before_the_logits():
    net, x = DigitClassifier(), torch.zeros(3, 1, 28, 28)
    assert net.features(x).shape == (3, 64) and net(x).shape == (3, 10)
    assert torch.equal(net.last(net.features(x)), net(x))


def test_the_classifier_of_8_pixels_has_the_same_face():
    net, x = DigitClassifier(8), torch.zeros(3, 1, 8, 8)
    assert net.features(x).shape == (3, 64) and net(x).shape == (3, 10)
    assert torch.equal(net.last(net.features(x)), net(x))


def test_another_size_is_one_sentence():
    with pytest.raises(ValueError, match=r"built for \[8, 28\] pixels; got size = 32"):
        DigitClassifier(32)


def test_of_unseen_small_digits_98_in_100_are_named_rightly():
    """Five splits gave 98.6% to 99.7%; this one must reach the 98% that the course promises."""
    train, held_out = data.small_digits().split()
    net = train_classifier(train, progress=False)
    p = probabilities(net, held_out.x)
    assert (p.argmax(1) == held_out.y).float().mean() >= 0.98
    assert (p.max(1).values > 0.9).float().mean() > 0.9, "and the judge is sure of most"


def test_small_digits_are_made_noisy_not_moved_and_large_ones_moved_not_noisy():
    """8 x 8 digits fill their frame: a shift would wrap a stroke round to the other side."""
    rng = torch.Generator().manual_seed(0)
    small, large = torch.zeros(64, 1, 8, 8), torch.zeros(64, 1, 28, 28)
    small[:, :, :, 2] = large[:, :, 10, 10] = 1.0
    noisy, moved = _varied(small, rng), _varied(large, rng)
    assert abs((noisy - small).std() - 0.3) < 0.02  # SD of this estimate: .3 / sqrt(2 * 4096)
    assert set(moved.unique().tolist()) == {0.0, 1.0} and (moved.sum((1, 2, 3)) == 1).all()
    spots = {_varied(large, rng)[0, 0].argmax().item() for _ in range(200)}
    assert spots == {28 * (10 + dy) + 10 + dx for dy in range(-2, 3) for dx in range(-2, 3)}


def test_after_120_steps_nine_of_ten_unseen_digits_are_named_rightly(split):
    train, held_out = split
    net = train_classifier(train, steps=120, progress=False)
    p = probabilities(net, held_out.x)
    assert p.shape == (1000, 10) and torch.allclose(p.sum(1), torch.ones(1000))
    assert (p.argmax(1) == held_out.y).float().mean() > 0.9
    assert not net.training


def test_training_follows_its_seed_and_leaves_torchs_generator_alone(split):
    train, before = split[0], torch.get_rng_state()
    a, b, c = (train_classifier(train, steps=2, seed=s, progress=False) for s in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(a.last.weight, b.last.weight)
    assert not torch.equal(a.last.weight, c.last.weight)


def test_training_does_not_move_the_pictures(split):
    before = split[0].x.clone()
    train_classifier(split[0], steps=2, progress=False)
    assert torch.equal(split[0].x, before)


def test_pictures_without_labels_are_one_sentence():
    with pytest.raises(ValueError, match="noise has no labels: a classifier needs them"):
        train_classifier(data.Images(torch.zeros(4, 1, 28, 28), name="noise"), progress=False)


def test_probabilities_of_many_pictures_are_those_of_each():
    net, x = (
        DigitClassifier(),
        torch.rand(1203, 1, 28, 28, generator=torch.Generator().manual_seed(0)),
    )
    p = probabilities(net, x)
    assert len(p) == 1203 and not p.requires_grad
    assert torch.allclose(p[1200:], net(x[1200:]).softmax(1), atol=1e-6)
