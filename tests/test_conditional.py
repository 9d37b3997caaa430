"""Conditional GANs: labels travel with pictures, and reach the players unmixed."""

import pytest
import torch
from torch import nn

from ganedu.conditional import ConditionalDiscriminator, ConditionalGenerator, Pairs, pair, unpair
from ganedu.data import Images
from ganedu.networks import DCGANDiscriminator, DCGANGenerator
from ganedu.trainer import Trainer, latent


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


class Echo(nn.Module):
    """A generator that draws what it is told: picture [n, 1, 2, 3], every pixel z weighted 0, 1, 2, ..."""

    z_dim, z_shape = 5, (5,)

    def forward(self, z):
        return (z @ torch.arange(5.0)).view(-1, 1, 1, 1).expand(-1, 1, 2, 3)


def test_a_pair_comes_apart_into_what_it_was_made_of():
    x, y = torch.randn(4, 3, 2, 5, generator=rng()), torch.tensor([0, 9, 200, 3])
    for kind in (torch.float32, torch.bfloat16):  # whole numbers up to 256 are exact in both
        again = unpair(pair(x.to(kind), y))
        assert torch.equal(again[0], x.to(kind)) and torch.equal(again[1], y)


def test_pairs_keep_each_pictures_own_label():
    y = torch.arange(50) % 10
    data = Pairs(Images((y / 10).view(-1, 1, 1, 1).expand(-1, 1, 4, 4).contiguous(), y))
    x, labels = unpair(data.sample(200, rng()))
    assert torch.allclose(x[:, 0, 0, 0], labels / 10) and len(labels.unique()) == 10
    assert torch.equal(x, data.data.sample(200, rng()))  # the same draws as without labels


def test_the_largest_of_the_first_numbers_of_z_chooses_the_label_and_the_rest_is_noise():
    z = torch.tensor([[-1.0, -2.0, -3.0, 10.0, 0.0], [0.0, 0.1, 0.2, 0.0, 10.0]])
    G = ConditionalGenerator(Echo(), 3)
    x, y = unpair(G(z))
    assert y.tolist() == [0, 2]
    assert x[:, 0, 0, 0].tolist() == [0 + 30, 2 + 40]  # label * 1, then noise * 3 and 4


def test_labels_are_chosen_equally_often():
    """9 degrees of freedom: chi-squared exceeds 30 once in 2,000 such tests."""
    G = ConditionalGenerator(DCGANGenerator(width=2, z_dim=14))
    counts = G.label(latent(G, 5000, rng())).bincount(minlength=10).double()
    assert len(counts) == 10 and ((counts - 500) ** 2 / 500).sum() < 30


def test_a_label_asked_for_is_drawn_from_the_same_noise():
    G = ConditionalGenerator(Echo(), 3)
    z = torch.tensor([[9.0, 0.0, 0.0, 1.0, 1.0]])
    drawn = [G.draw(z, torch.tensor([k])).flatten()[0].item() for k in range(3)]
    assert drawn == [7, 8, 9] and G.draw(z).flatten()[0].item() == 7


def test_d_answers_with_the_logit_of_the_pairs_label():
    class Ten(nn.Module):
        def forward(self, x):
            return x[:, 0, 0, :1] + 100 * torch.arange(10.0)  # [n, 10]

    x, y = torch.tensor([1.0, 2.0]).view(2, 1, 1, 1).expand(2, 1, 3, 3), torch.tensor([4, 0])
    assert ConditionalDiscriminator(Ten())(pair(x, y)).tolist() == [401, 2]


def test_the_trainer_plays_with_pairs_as_with_any_examples():
    data = Images(torch.rand(40, 1, 28, 28, generator=rng()) * 2 - 1, torch.arange(40) % 10)
    torch.manual_seed(0)
    trainer = Trainer(
        G=ConditionalGenerator(DCGANGenerator(width=2, z_dim=14)),
        D=ConditionalDiscriminator(DCGANDiscriminator(width=2, classes=10)),
        data=Pairs(data),
        batch=8,
        ema=0.9,
        device="cpu",
    )
    trainer.fit(2, progress=False)
    x, y = unpair(trainer.sample(30))
    assert x.shape == (30, 1, 28, 28) and x.abs().max() <= 1 and 0 <= y.min() and y.max() <= 9


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
        ConditionalGenerator(Echo(), 3).draw(torch.zeros(2, 5), y)


@pytest.mark.parametrize("classes", [1, 5])
def test_z_must_hold_the_label_and_some_noise(classes):
    with pytest.raises(ValueError, match="classes"):
        ConditionalGenerator(Echo(), classes)
