"""The game on a line: its formulas against independent ones, its sliders, its still picture."""

import base64
import math
import warnings

import matplotlib.pyplot as plt
import pytest
import torch

from ganedu.player import game

X = torch.linspace(-12, 12, 2401, dtype=torch.float64)
PNG = b"\x89PNG"


def kl(a, b):
    return torch.trapezoid(torch.where(a > 0, a * (a / b).log(), 0.0), X)


def hills(mean, std):
    return game.log_hills(X, (0.0, 1.0)), game.log_hills(X, (mean, std))


@pytest.mark.parametrize("shape", game.DATA.values(), ids=game.DATA)
def test_the_data_integrate_to_one(shape):
    area = torch.trapezoid(game.log_hills(X, *shape).exp(), X)
    assert area.item() == pytest.approx(1, abs=1e-6)


def test_optimal_d_is_the_share_of_real_and_a_half_where_nothing_falls():
    p, q = torch.tensor([0.3, 0.2, 0.0, 0.0]), torch.tensor([0.1, 0.0, 0.4, 0.0])
    assert game.optimal_d(p, q).tolist() == pytest.approx([0.75, 1, 0, 0.5])


def test_js_is_the_mean_of_two_divergences_to_the_average():
    p, q = (log.exp() for log in hills(1.3, 0.6))
    m = (p + q) / 2
    assert game.js(X, p, q).item() == pytest.approx(float(kl(p, m) + kl(q, m)) / 2, abs=1e-9)
    assert game.js(X, p, p).item() == pytest.approx(0, abs=1e-9)


def test_js_ends_at_log_2_when_supports_are_apart():
    p, q = (((X > a) & (X < a + 1)).double() / 0.99 for a in (-3, 2))
    assert game.js(X, p, q).item() == pytest.approx(math.log(2), abs=1e-6)


@pytest.mark.parametrize("mean, std", [(0.2, 1.0), (0.7, 0.5), (-3.0, 0.8)])
def test_the_value_of_the_perfect_d_is_2_js_minus_log_4_and_no_d_has_more(mean, std):
    log_p, log_q = hills(mean, std)
    p, q, s = log_p.exp(), log_q.exp(), log_p - log_q
    best = game.value(X, p, q, s)
    assert best.item() == pytest.approx(float(2 * game.js(X, p, q)) - math.log(4), abs=1e-6)
    for other in (s + 0.1, 0.9 * s + 0.05, torch.zeros_like(s)):
        assert game.value(X, p, q, other) < best
    assert game.value(X, p, q, 0 * s).item() == pytest.approx(-math.log(4), abs=1e-6)


@pytest.mark.parametrize("mean", [-2.0, 0.4, 3.0])
def test_gradients_are_those_of_2_js_and_of_kl_minus_2_js(mean):
    def both(at):
        log_p, log_q = hills(at, 0.7)
        p, q = log_p.exp(), log_q.exp()
        return torch.stack([2 * game.js(X, p, q), kl(q, p) - 2 * game.js(X, p, q)])

    h = 1e-4  # central difference: an error of order h squared
    expected = (both(mean + h) - both(mean - h)) / (2 * h)
    found = torch.stack(game.gradients(X, *hills(mean, 0.7)))
    assert torch.allclose(found, expected, atol=1e-5)


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
    log_p, log_q = hills(-1.5, 0.8)
    dot = [float(line.get_ydata()[0]) for line in shown.canvas.dots]
    gradients = [float(slope) for slope in game.gradients(X, log_p, log_q)]
    js = float(game.js(X, log_p.exp(), log_q.exp()))
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


def test_it_shows_sliders_with_a_kernel_and_a_picture_without():
    shown = game.GameOnALine()
    bundle = shown._repr_mimebundle_()
    assert bundle[game.WIDGET_VIEW]["model_id"] == shown.box.model_id
    assert base64.b64decode(bundle["image/png"]).startswith(PNG)
    assert bundle["text/plain"] == shown.text()


def test_it_is_drawn_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        game.GameOnALine(data="two hills").mean.value = -4.0


def test_no_figure_is_left_to_pyplot():
    before = plt.get_fignums()
    game.GameOnALine().mean.value = 0.0
    assert plt.get_fignums() == before
