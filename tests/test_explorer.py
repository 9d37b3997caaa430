"""The explorer of digits: its directions, its words, its sliders, its still picture."""

import base64

import matplotlib.pyplot as plt
import pytest
import torch

from ganedu.player import explorer
from ganedu.player.explorer import DigitExplorer, directions, in_words
from ganedu.pretrained import digits_generator

PNG = b"\x89PNG"


@pytest.fixture
def shown():
    return DigitExplorer(digit=3, seed=0)


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


def test_directions_are_orthogonal_units_and_the_first_changes_pictures_most():
    G = digits_generator()
    found = directions(G, k=16)  # all there are
    assert torch.allclose(found @ found.T, torch.eye(16), atol=1e-4)
    z = torch.randn(200, 26, 1, 1, generator=torch.Generator().manual_seed(1))

    def change(direction):
        step = torch.cat([torch.zeros(10), direction]).view(1, 26, 1, 1)
        return (G(z + step, G.label(z)) - G(z - step, G.label(z))).square().mean().item()

    assert change(found[0]) > 2 * change(found[15])


def test_each_control_changes_the_picture_and_the_words(shown):
    pictures, words = [bytes(shown.picture.value)], [shown.words.value]
    for control, setting in zip((*shown.along, shown.digit), (2.5, -2.5, 2.5, 8)):
        control.value = setting
        pictures.append(bytes(shown.picture.value))
        words.append(shown.words.value)
    shown.button.click()
    pictures.append(bytes(shown.picture.value))
    assert len(set(pictures)) == 6 and all(p.startswith(PNG) for p in pictures)
    assert len(set(words)) == 5 and "A 8: " in words[-1]


def test_sliding_there_and_back_shows_the_same_picture(shown):
    before, at = bytes(shown.picture.value), shown.along[0].value
    shown.along[0].value = 2.0
    shown.along[0].value = at
    assert bytes(shown.picture.value) == before


def test_a_new_z_moves_the_sliders_to_where_it_lies(shown):
    """So what is drawn is z itself, up to the sliders' rounding to a tenth and their ends."""
    for _ in range(3):
        shown.button.click()
        noise = shown._noise(shown.z)
        for slider, place in zip(shown.along, shown.directions @ noise):
            assert slider.value == pytest.approx(place.clamp(-2.5, 2.5).item(), abs=0.051)
        itself = shown.G(shown.z, torch.tensor([3]))
        assert (shown.draw()[3] - itself[0]).abs().mean() < 0.1


def test_sliders_stand_for_coordinates_along_the_directions(shown):
    seen = []
    shown.G.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    for slider, setting in zip(shown.along, (1.0, -2.0, 0.5)):
        slider.value = setting
    noise = seen[-1][0, 10:].flatten()
    assert (shown.directions @ noise).tolist() == pytest.approx([1.0, -2.0, 0.5], abs=1e-4)


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
    shown.digit.value = 7
    assert plt.get_fignums() == before
