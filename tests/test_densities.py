"""The game on a line: each formula against one that is written another way."""

import math

import pytest
import torch

from ganedu import densities
from ganedu.player.game import DATA

X = torch.linspace(-12, 12, 2401, dtype=torch.float64)


def kl(a, b):
    return torch.trapezoid(torch.where(a > 0, a * (a / b).log(), 0.0), X)


def hills(mean, std):
    return densities.log_hills(X, (0.0, 1.0)), densities.log_hills(X, (mean, std))


@pytest.mark.parametrize("shape", DATA.values(), ids=DATA)
def test_the_data_integrate_to_one(shape):
    area = torch.trapezoid(densities.log_hills(X, *shape).exp(), X)
    assert area.item() == pytest.approx(1, abs=1e-6)


def test_optimal_d_is_the_share_of_real_and_a_half_where_nothing_falls():
    p, q = torch.tensor([0.3, 0.2, 0.0, 0.0]), torch.tensor([0.1, 0.0, 0.4, 0.0])
    assert densities.optimal_d(p, q).tolist() == pytest.approx([0.75, 1, 0, 0.5])


def test_js_is_the_mean_of_two_divergences_to_the_average():
    p, q = (log.exp() for log in hills(1.3, 0.6))
    m = (p + q) / 2
    assert densities.js(X, p, q).item() == pytest.approx(float(kl(p, m) + kl(q, m)) / 2, abs=1e-9)
    assert densities.js(X, p, p).item() == pytest.approx(0, abs=1e-9)


def test_js_ends_at_log_2_when_supports_are_apart():
    p, q = (((X > a) & (X < a + 1)).double() / 0.99 for a in (-3, 2))
    assert densities.js(X, p, q).item() == pytest.approx(math.log(2), abs=1e-6)


@pytest.mark.parametrize("mean, std", [(0.2, 1.0), (0.7, 0.5), (-3.0, 0.8)])
def test_the_value_of_the_perfect_d_is_2_js_minus_log_4_and_no_d_has_more(mean, std):
    log_p, log_q = hills(mean, std)
    p, q, s = log_p.exp(), log_q.exp(), log_p - log_q
    best = densities.value(X, p, q, s)
    assert best.item() == pytest.approx(float(2 * densities.js(X, p, q)) - math.log(4), abs=1e-6)
    for other in (s + 0.1, 0.9 * s + 0.05, torch.zeros_like(s)):
        assert densities.value(X, p, q, other) < best
    assert densities.value(X, p, q, 0 * s).item() == pytest.approx(-math.log(4), abs=1e-6)


@pytest.mark.parametrize("mean", [-2.0, 0.4, 3.0])
def test_gradients_are_those_of_2_js_and_of_kl_minus_2_js(mean):
    def both(at):
        log_p, log_q = hills(at, 0.7)
        p, q = log_p.exp(), log_q.exp()
        return torch.stack([2 * densities.js(X, p, q), kl(q, p) - 2 * densities.js(X, p, q)])

    h = 1e-4  # central difference: an error of order h squared
    expected = (both(mean + h) - both(mean - h)) / (2 * h)
    found = torch.stack(densities.gradients(X, *hills(mean, 0.7)))
    assert torch.allclose(found, expected, atol=1e-5)
