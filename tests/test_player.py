"""The game on a line: its sliders, its words, its still picture."""

import base64
import io
import threading
import time
import warnings

import matplotlib.pyplot as plt
import pytest
import torch
from PIL import Image

from ganedu import densities, viz
from ganedu.player import dance, explorer, game

X = torch.linspace(-12, 12, 2401, dtype=torch.float64)
PNG = b"\x89PNG"


def test_a_slider_changes_the_picture_and_the_words():
    shown = game.GameOnALine(mean=2.0, std=0.7)
    pictures, words = [bytes(shown.picture.value)], [shown.words.value]
    for control, setting in ((shown.mean, 1.0), (shown.std, 1.5), (shown.data, "two hills")):
        control.value = setting
        pictures.append(bytes(shown.picture.value))
        words.append(shown.words.value)
    assert len(set(pictures)) == len(set(words)) == 4
    assert all(picture.startswith(PNG) for picture in pictures)


def test_sliding_there_and_back_shows_the_same_picture():
    shown = game.GameOnALine(mean=2.0, std=0.7)
    before = bytes(shown.picture.value)
    shown.mean.value, shown.data.value = -3.0, "two hills"
    shown.data.value, shown.mean.value = "one hill", 2.0
    assert bytes(shown.picture.value) == before


def test_the_curves_show_where_q_is():
    shown = game.GameOnALine(mean=-1.5, std=0.8)
    log_p, log_q = densities.log_hills(X, (0.0, 1.0)), densities.log_hills(X, (-1.5, 0.8))
    dot = [float(line.get_ydata()[0]) for line in shown.canvas.dots]
    gradients = [float(slope) for slope in densities.gradients(X, log_p, log_q)]
    js = float(densities.js(X, log_p.exp(), log_q.exp()))
    assert dot == pytest.approx([js, *gradients], abs=1e-3)
    assert shown.canvas.dots[0].get_xdata()[0] == pytest.approx(-1.5)
    assert f"JS = {js:.2f}" in shown.text() and "V(D*)" in shown.text()


def test_the_words_are_finite_at_both_ends_of_every_slider():
    shown = game.GameOnALine()
    for data in shown.data.options:
        for mean in (shown.mean.min, shown.mean.max):
            for std in (shown.std.min, shown.std.max):
                shown.data.value, shown.mean.value, shown.std.value = data, mean, std
                assert "nan" not in shown.text() and "inf" not in shown.text()


def png_size(encoded):
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as picture:
        return picture.size


def test_the_sliders_reach_where_the_minimax_gradient_is_gone():
    shown = game.GameOnALine()
    shown.mean.value = shown.mean.max
    assert "+0.00 (minimax)" in shown.text() and "JS = 0.69, V(D*) = 0.00" in shown.text()


def test_every_control_is_reached_by_keyboard_and_named_and_the_words_are_a_status():
    shown = game.GameOnALine()
    assert all(c.description and not c.disabled for c in (shown.mean, shown.std, shown.data))
    assert shown.mean.step == shown.std.step == 0.1
    assert 'role="status"' in shown.words.value and shown.text() in shown.words.value


def test_it_shows_sliders_with_a_kernel_and_a_picture_without():
    shown = game.GameOnALine()
    bundle, metadata = shown._repr_mimebundle_()
    assert bundle[game.WIDGET_VIEW]["model_id"] == shown.box.model_id
    assert base64.b64decode(bundle["image/png"]).startswith(PNG)
    assert bundle["text/plain"] == metadata["image/png"]["alt"] == shown.text()
    assert metadata["image/png"]["width"] == 800
    assert png_size(bundle["image/png"]) == (1600, 432), "two pixels for one"


def test_it_is_drawn_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)  # the oldest ipywidgets and matplotlib
        game.GameOnALine(data="two hills").mean.value = -4.0


def test_no_figure_is_left_to_pyplot():
    before = plt.get_fignums()
    game.GameOnALine().mean.value = 0.0
    assert plt.get_fignums() == before


@pytest.mark.parametrize(
    "face",
    [game.GameOnALine, dance.DanceOnAPlane, explorer.DigitExplorer],
    ids=lambda face: face.__name__,
)
def test_two_threads_that_move_sliders_draw_one_after_the_other(face, monkeypatch):
    """JupyterLab sends some of what sliders say to a subshell: two at once spoiled the picture."""
    shown, inside, most = face(), [], []

    def slowly(fig):
        inside.append(fig)
        most.append(len(inside))
        time.sleep(0.02)
        inside.pop()
        return PNG

    monkeypatch.setattr(viz, "png", slowly)
    movers = [threading.Thread(target=shown.update) for _ in range(4)]
    for mover in movers:
        mover.start()
    for mover in movers:
        mover.join()
    assert most == [1] * 4
