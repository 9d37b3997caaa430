"""Each classical model samples what its density says, and its density integrates to 1."""

import math

import pytest
import torch

from ganedu import classical, data, viz

RING = data.ring(8).sample(500, torch.Generator().manual_seed(0))  # [500, 2]
MODELS = {
    "histogram": classical.histogram(RING),
    "kde": classical.kde(RING, h=0.1),
    "mixture": classical.gaussian_mixture(RING, k=8),
    "pca": classical.pca_gaussian(RING, k=1),
}
every_model = pytest.mark.parametrize("name", MODELS)


@every_model
def test_a_density_integrates_to_one(name):
    limit = 1.5 if name == "histogram" else 4.0
    places = viz.lattice(300, limit)  # as many places in each box of the histogram
    density = MODELS[name].log_prob(places).exp()
    assert float(density.mean()) * (2 * limit) ** 2 == pytest.approx(1, abs=0.02)


@every_model
def test_samples_have_the_moments_of_the_density(name):
    places = viz.lattice(321, 4.0)
    weight = MODELS[name].log_prob(places).exp().double()
    x = MODELS[name].sample(20_000, torch.Generator().manual_seed(1)).double()
    for moment in (lambda x: x, lambda x: x**2, lambda x: x.prod(1, keepdim=True)):
        expected = (weight[:, None] * moment(places.double())).sum(0) / weight.sum()
        assert torch.allclose(moment(x).mean(0), expected, atol=0.03)


@every_model
def test_the_same_generator_gives_the_same_samples(name):
    one, two = (MODELS[name].sample(50, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, two) and one.shape == (50, 2)


def test_a_histogram_says_nothing_of_empty_boxes_and_outside():
    bare = classical.histogram(RING, extra=0.0)
    assert bare.log_prob(torch.tensor([[0.0, 0.0], [9.0, 0.0]])).isinf().all()


def test_levels_come_back_from_their_steps():
    levels = torch.arange(17).repeat(100, 1)  # [100, 17]
    x = classical.spread(levels, torch.Generator().manual_seed(0))
    assert torch.equal(classical.level_of(x), levels)


def test_pixel_histograms_count_each_pixel_alone():
    levels = torch.tensor([[0, 16], [0, 3], [0, 16], [2, 16]])
    rng = torch.Generator().manual_seed(0)
    model = classical.pixel_histograms(classical.spread(levels, rng))
    total = 4 + 17 / 2
    expected = 2 * math.log(17 / 2) + math.log(3.5 / total) + math.log(3.5 / total)
    seen = model.log_prob(classical.spread(levels[:1], rng))
    assert float(seen[0]) == pytest.approx(expected, abs=1e-4)
    drawn = classical.level_of(model.sample(20_000, rng))
    assert float((drawn[:, 0] == 0).float().mean()) == pytest.approx(3.5 / total, abs=0.02)
