"""The explorer: its directions, its words, its sliders, its still picture, any generator."""

import base64

import matplotlib.pyplot as plt
import pytest
import torch
from torch import nn

from ganedu import steering
from ganedu.networks import DCGANGenerator
from ganedu.player import explorer
from ganedu.player.explorer import NONE, DigitExplorer, directions, in_words, truncated_to
from ganedu.pretrained import digits_generator

PNG = b"\x89PNG"


@pytest.fixture
def shown():
    return DigitExplorer(y=3, seed=0)


def stroke(lean, thick=2):
    """A line of 20 rows whose head is `lean` pixels to the right of its foot: [1, 28, 28]."""
    x = -torch.ones(1, 28, 28)
    for i in range(20):
        left = 13 + round(lean * (0.5 - i / 19))
        x[0, 4 + i, left : left + thick] = 1
    return x


def test_the_words_tell_size_slant_and_ink():
    assert in_words(stroke(0)) == (
        "2 pixels wide, 20 high, upright, ink on 5% of the picture"  # 40 of 784
    )
    for lean, side in ((8, "right"), (-8, "left")):  # atan(8 / 19) = 23 degrees
        assert f"leaning 23° {side}" in in_words(stroke(lean))
    assert in_words(-torch.ones(1, 28, 28)) == "an empty picture"
    assert in_words(stroke(0)[:, :, :26].expand(3, -1, -1)).startswith("2 pixels wide, 20 high")


def test_directions_are_orthogonal_units_and_the_first_changes_pictures_most():
    G = digits_generator()
    found = directions(G, k=16)  # all there are
    assert torch.allclose(found @ found.T, torch.eye(16), atol=1e-4)
    z = torch.randn(200, 16, 1, 1, generator=torch.Generator().manual_seed(1))
    y = torch.arange(200) % 10

    def change(direction):
        return (
            steering.effect(lambda z: G.G(z, y), z, direction, lambda x: x).square().mean().item()
        )

    assert change(found[0]) > 2 * change(found[15])


def test_each_control_changes_the_picture_and_the_words(shown):
    pictures, words = [bytes(shown.picture.value)], [shown.words.value]
    controls = (*shown.along, shown.y, shown.limit, shown.value)
    for control, setting in zip(controls, (2.5, -2.5, 2.5, 8, 0.5, 2.5)):
        control.value = setting
        pictures.append(bytes(shown.picture.value))
        words.append(shown.words.value)
    shown.button.click()
    pictures.append(bytes(shown.picture.value))
    assert len(set(pictures)) == 8 and all(p.startswith(PNG) for p in pictures)
    assert len(set(words)) >= 6 and "Class 8: " in words[-1]


def test_sliding_there_and_back_shows_the_same_picture(shown):
    before = bytes(shown.picture.value)
    for control, setting in ((shown.along[0], 2.0), (shown.limit, 1.0), (shown.y, 7)):
        at, control.value = control.value, setting
        assert bytes(shown.picture.value) != before
        control.value = at
        assert bytes(shown.picture.value) == before


def test_what_is_drawn_is_z_itself_and_then_steps_from_it(shown):
    """Steps are in units, however long the direction that was given."""
    seen = []
    v = torch.arange(16.0)
    it = DigitExplorer(along={"any": v}, seed=1)
    it.G.register_forward_pre_hook(lambda _, args: seen.append(args[0][:1].flatten()))
    it.update()
    assert torch.equal(seen[-1], it.z.flatten())
    it.along[0].value = -1.5
    assert torch.allclose(seen[-1], it.z.flatten() - 1.5 * v / v.norm(), atol=1e-5)
    it.new_z()
    assert it.along[0].value == 0 and torch.equal(seen[-1], it.z.flatten())


def test_any_number_of_z_has_its_slider(shown):
    z = shown.z.clone()
    shown.which.value = 5
    assert shown.value.value == pytest.approx(z[0, 5].item(), abs=0.051)
    assert torch.equal(shown.z, z)  # to look changes nothing
    shown.value.value = 2.0
    z[0, 5] = 2.0
    assert torch.equal(shown.z, z)


def test_the_limit_spreads_z_as_a_truncated_normal_and_keeps_its_order():
    z = torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    near = truncated_to(z, 0.8)
    again = z[z.abs() < 0.8]
    assert near.abs().max() <= 0.8 and near.std() == pytest.approx(again.std().item(), abs=0.01)
    assert ((near.diff() > 0) == (z.diff() > 0)).float().mean() > 0.999
    assert torch.equal(truncated_to(z, NONE), z)


class Points(nn.Module):
    """A generator of colour pictures of another size, with z_dim alone."""

    z_dim = 4

    def forward(self, z):
        return z[:, :3, None, None].tanh().expand(-1, -1, 8, 12)


@pytest.mark.parametrize("G", [DCGANGenerator(8, width=4, z_dim=5), Points()])
def test_a_generator_without_classes_shows_a_walk_in_the_mode_it_was_in(G):
    it = DigitExplorer(G.train(), seed=0)
    assert it.y not in it.box.children and G.training
    large, small, chosen = it.draw()
    assert len(small) == 11 and torch.allclose(small[chosen], large, atol=1e-5)
    before = bytes(it.picture.value)
    it.along[0].value = 2.0
    assert bytes(it.picture.value) != before


def test_the_same_seed_shows_the_same_digit_and_another_another():
    a, b, c = (bytes(DigitExplorer(seed=s).picture.value) for s in (0, 0, 1))
    assert a == b != c


def test_it_shows_sliders_with_a_kernel_and_a_picture_without(shown):
    bundle, about = shown._repr_mimebundle_()
    assert bundle[explorer.WIDGET_VIEW]["model_id"] == shown.box.model_id
    assert base64.b64decode(bundle["image/png"]).startswith(PNG)
    assert bundle["text/plain"] == about["image/png"]["alt"] == explorer.STILL


def test_no_figure_is_left_to_pyplot(shown):
    before = plt.get_fignums()
    shown.y.value = 7
    assert plt.get_fignums() == before
