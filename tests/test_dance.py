"""The dance on a plane: its sliders, its words, its still picture."""

import base64
import warnings

import matplotlib.pyplot as plt
import pytest

from ganedu.player import NAMES, dance
from ganedu.player.game import GameOnALine

PNG = b"\x89PNG"
SETTINGS = {
    "h": 0.6,
    "gamma": 0.5,
    "decay": 0.5,
    "theta": -0.7,
    "psi": 1.2,
    "order": "both at once",
}


@pytest.mark.parametrize("control", SETTINGS)
def test_each_control_changes_the_picture_and_the_words(control):
    shown = dance.DanceOnAPlane()
    before = bytes(shown.picture.value), shown.words.value
    getattr(shown, control).value = SETTINGS[control]
    assert bytes(shown.picture.value) != before[0] and shown.words.value != before[1]
    assert bytes(shown.picture.value).startswith(PNG)


def test_steering_there_and_back_shows_the_same_picture():
    shown = dance.DanceOnAPlane()
    before = bytes(shown.picture.value)
    shown.gamma.value = 1.0
    shown.gamma.value = 0.0
    assert bytes(shown.picture.value) == before


def test_the_words_tell_the_three_fates():
    assert ", not home." in dance.DanceOnAPlane(order="in turn").text()
    assert "gone from the picture" in dance.DanceOnAPlane(h=1.0, order="both at once").text()
    assert "home at time" in dance.DanceOnAPlane(gamma=1.0).text()


def test_friction_brings_home_and_too_much_of_it_does_not():
    fates = [dance.DanceOnAPlane(gamma=gamma)._fate() for gamma in (0.0, 1.0, 3.0)]
    times = [float(fate.split()[-1]) if "time" in fate else float("inf") for fate in fates]
    assert times[1] < times[2] < times[0] == float("inf")


def test_the_average_is_nearer_than_the_players_on_an_orbit():
    shown = dance.DanceOnAPlane(decay=0.99, h=0.2)
    assert float(shown.mean[-1].norm()) < 0.5 * float(shown.path[-1].norm())


def test_the_words_are_finite_at_both_ends_of_every_slider():
    shown = dance.DanceOnAPlane()
    for control in (shown.h, shown.gamma, shown.decay, shown.theta, shown.psi):
        for end in (control.min, control.max):
            control.value = end
            assert "nan" not in shown.text() and "inf" not in shown.text()


def test_every_control_is_named_and_the_words_are_a_status():
    shown = dance.DanceOnAPlane()
    assert all(getattr(shown, name).description for name in SETTINGS)
    assert 'role="status"' in shown.words.value and shown.text() in shown.words.value


def test_it_shows_sliders_with_a_kernel_and_a_picture_without():
    shown = dance.DanceOnAPlane()
    bundle, metadata = shown._repr_mimebundle_()
    assert bundle[dance.WIDGET_VIEW]["model_id"] == shown.box.model_id
    assert base64.b64decode(bundle["image/png"]).startswith(PNG)
    assert bundle["text/plain"] == metadata["image/png"]["alt"] == shown.text()


def test_it_is_drawn_without_a_warning_and_leaves_no_figure_to_pyplot():
    before = plt.get_fignums()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)  # the oldest ipywidgets and matplotlib
        dance.DanceOnAPlane(h=2.0, gamma=3.0).theta.value = -1.9
    assert plt.get_fignums() == before


def test_what_names_the_sliders_stands_in_the_box_of_each_face():
    """That front ends run it was seen in JupyterLab 4.6 with ipywidgets 8.1."""
    for face in (dance.DanceOnAPlane(), GameOnALine()):
        assert NAMES in [child.value for child in face.box.children if hasattr(child, "value")]
