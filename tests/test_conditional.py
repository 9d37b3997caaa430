"""Conditional GANs: the label reaches both players, each example's its own."""

import pytest
import torch
from torch import nn

from ganedu.conditional import ConditionalDiscriminator, ConditionalGenerator, LabelBlind
from ganedu.data import Images
from ganedu.networks import DCGANDiscriminator, DCGANGenerator
from ganedu.trainer import Trainer


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


class Echo(nn.Module):
    """A generator that draws what it is told: picture [n, 1, 2, 3], every pixel z weighted 0, 1, 2, ..."""

    z_dim, z_shape = 5, (5,)

    def forward(self, z):
        return (z @ torch.arange(5.0)).view(-1, 1, 1, 1).expand(-1, 1, 2, 3)


def test_the_class_stands_before_the_noise_as_a_one_among_zeros():
    G = ConditionalGenerator(Echo(), 3)
    assert (G.n_classes, G.z_dim, G.z_shape) == (3, 2, (2,))
    z = torch.tensor([[10.0, 0.0], [0.0, 10.0], [1.0, 1.0]])
    x = G(z, torch.tensor([0, 2, 1]))
    assert x[:, 0, 0, 0].tolist() == [0 + 30, 2 + 40, 1 + 7]  # label * 1, then noise * 3 and 4


def test_z_with_axes_for_a_picture_keeps_them():
    G = ConditionalGenerator(DCGANGenerator(width=2, z_dim=14))
    assert G.z_shape == (4, 1, 1)
    assert G(torch.zeros(2, 4, 1, 1), torch.tensor([3, 9])).shape == (2, 1, 28, 28)


def test_d_answers_with_the_logit_of_the_label():
    class Ten(nn.Module):
        def forward(self, x):
            return x[:, 0, 0, :1] + 100 * torch.arange(10.0)  # [n, 10]

    x, y = torch.tensor([1.0, 2.0]).view(2, 1, 1, 1).expand(2, 1, 3, 3), torch.tensor([4, 0])
    assert ConditionalDiscriminator(Ten())(x, y).tolist() == [401, 2]


def test_a_label_blind_d_answers_the_same_whatever_the_label():
    D, x = LabelBlind(DCGANDiscriminator(width=2).eval()), torch.randn(3, 1, 28, 28)
    logits = D(x, torch.tensor([0, 1, 2]))
    assert torch.equal(logits, D(x, torch.tensor([5, 5, 5]))) and torch.equal(logits, D.D(x))


@pytest.mark.parametrize("blind", [False, True])
def test_the_trainer_plays_with_labels_of_the_data(blind):
    data = Images(torch.rand(40, 1, 28, 28, generator=rng()) * 2 - 1, torch.arange(40) % 10)
    D = DCGANDiscriminator(width=2, classes=1 if blind else 10)
    trainer = Trainer(
        G=ConditionalGenerator(DCGANGenerator(width=2, z_dim=14)),
        D=LabelBlind(D) if blind else ConditionalDiscriminator(D),
        data=data,
        batch=8,
        ema=0.9,
        device="cpu",
    )
    trainer.fit(2, progress=False)
    x = trainer.sample(30, y=torch.arange(30) % 10)
    assert x.shape == (30, 1, 28, 28) and x.abs().max() <= 1


@pytest.mark.parametrize(
    "y, words",
    [
        (torch.tensor([1]), "one for each z"),
        (torch.tensor([0.5, 1.0]), "whole numbers"),
        (torch.tensor([0, 3]), "from 0 to 2"),
        (torch.tensor([-1, 0]), "from 0 to 2"),
    ],
)
def test_labels_that_do_not_fit_are_one_sentence(y, words):
    with pytest.raises(ValueError, match=words):
        ConditionalGenerator(Echo(), 3)(torch.zeros(2, 2), y)


@pytest.mark.parametrize("classes", [1, 5])
def test_z_must_hold_the_label_and_some_noise(classes):
    with pytest.raises(ValueError, match="classes"):
        ConditionalGenerator(Echo(), classes)
