"""Differentiable augmentation: what each change does to a picture, and that gradients pass."""

from functools import partial

import pytest
import torch
from recipes import same
from torch import nn

from ganedu import augment, data
from ganedu.augment import Augmented
from ganedu.networks import DCGANDiscriminator, DCGANGenerator
from ganedu.recipe import Recipe
from ganedu.trainer import Trainer

CHANGES = [
    augment.shifted,
    augment.brightened,
    augment.contrasted,
    augment.cut_out,
    augment.differentiable,
]
every_change = pytest.mark.parametrize("change", CHANGES, ids=lambda c: c.__name__)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(n=6, height=12, width=16):
    return torch.rand(n, 2, height, width, generator=seeded(1)) * 2 - 1


@every_change
def test_each_keeps_the_shape_and_changes_each_picture_its_own_way(change):
    x = pictures(1).expand(8, -1, -1, -1)  # eight times the same picture
    changed = change(x, seeded())
    assert changed.shape == x.shape and changed.dtype == x.dtype
    assert len(torch.unique(changed.flatten(1), dim=0)) > 4


@every_change
def test_each_draws_from_its_generator_alone(change):
    before = torch.get_rng_state()
    one, two, other = (change(pictures(), seeded(s)) for s in (3, 3, 4))
    assert torch.equal(one, two) and not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)


@every_change
def test_a_gradient_passes_through_each(change):
    x = pictures().requires_grad_()
    change(x, seeded()).square().sum().backward()
    assert (x.grad.flatten(1).abs().sum(1) > 0).all()


def test_a_shift_moves_the_picture_by_whole_pixels_and_brings_in_blank():
    x = pictures(40)
    places = set()
    for before, after in zip(x, augment.shifted(x, seeded(), reach=1 / 8, blank=-1.0)):
        found = [
            (dy, dx)
            for dy in range(-2, 3)
            for dx in range(-2, 3)
            if torch.equal(after, by_hand(before, dy, dx))
        ]
        assert len(found) == 1
        places.add(found[0])
    assert {dy for dy, _ in places} == {dx for _, dx in places} - {3} == set(range(-2, 3))


def by_hand(picture, dy, dx):
    out = torch.full_like(picture, -1.0)
    height, width = picture.shape[1:]
    for i in range(height):
        for j in range(width):
            if 0 <= i + dy < height and 0 <= j + dx < width:
                out[:, i, j] = picture[:, i + dy, j + dx]
    return out


def test_a_hole_is_a_rectangle_of_the_share_asked_for_or_cut_by_the_border():
    x = torch.zeros(200, 1, 20, 20)
    hole = augment.cut_out(x, seeded(), share=0.4, blank=-1.0) == -1
    rows, columns = hole.any(3).sum(2), hole.any(2).sum(2)
    assert torch.equal(hole.sum((1, 2, 3)), (rows * columns)[:, 0])
    assert rows.max() in (8, 9) and rows.min() >= 4


def test_light_and_contrast_by_hand():
    x = pictures(50)
    light = augment.brightened(x, seeded(), amount=0.5) - x
    assert light.flatten(1).std(1).max() < 1e-6 and 0.4 < light.abs().max() <= 0.5
    drawn = augment.contrasted(x, seeded(), amount=0.5)
    assert torch.allclose(drawn.mean((1, 2, 3)), x.mean((1, 2, 3)), atol=1e-6)
    factor = drawn.flatten(1).std(1) / x.flatten(1).std(1)
    assert 0.5 <= factor.min() < 0.6 and 1.4 < factor.max() <= 1.5


class Recorder(nn.Module):
    def forward(self, x):
        self.seen = x
        return x.mean((1, 2, 3))


def test_d_sees_changed_pictures_in_training_and_plain_ones_after():
    D, x = Augmented(Recorder()), pictures()
    D(x)
    assert not torch.equal(D.D.seen, x)
    D.eval()(x)
    assert torch.equal(D.D.seen, x)


def trainer():
    torch.manual_seed(0)
    images = data.Images(torch.rand(40, 1, 8, 8, generator=seeded()) * 2 - 1)
    G, D = DCGANGenerator(size=8, width=4, z_dim=5), DCGANDiscriminator(size=8, width=4)
    return Trainer(G=G, D=Augmented(D), data=images, batch=8, device="cpu")


def test_a_resumed_run_goes_on_with_the_same_changes():
    """The draws come from torch's own generator, whose state is part of the trainer's."""
    whole, resumed = trainer(), trainer()
    whole.fit(3, progress=False)
    state = whole.state_dict()
    whole.fit(3, progress=False)
    after = whole.state_dict()
    torch.rand(5)
    resumed.load_state_dict(state)
    resumed.fit(3, progress=False)
    assert same(after, resumed.state_dict())


def test_an_augmented_d_is_a_recipe_in_words():
    D = partial(Augmented, partial(DCGANDiscriminator, width=4))
    written = Recipe(data=data.digits, G=partial(DCGANGenerator, width=4), D=D)
    assert Recipe.from_toml(written.to_toml()).to_toml() == written.to_toml()
    assert "augment.Augmented" in written.to_toml()
