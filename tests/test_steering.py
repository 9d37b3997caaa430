"""Steering: ways, truncation, attributes, directions, units, the z of a picture."""

import math

import pytest
import torch
from torch import nn

from ganedu import steering
from ganedu.steering import (
    activations,
    attributes,
    effect,
    ganspace,
    invert,
    lerp,
    sefa,
    slerp,
    slopes,
    truncated,
    unit,
    unit_set,
)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


# ---- ways ----------------------------------------------------------------------------------------


def test_both_ways_begin_at_a_and_end_at_b():
    a, b = torch.randn(2, 5, 3, 1, 1, generator=rng())
    for way in (lerp, slerp):
        assert torch.allclose(way(a, b, 0), a, atol=1e-5)
        assert torch.allclose(way(a, b, 1), b, atol=1e-5)


def test_the_round_way_keeps_length_and_pace_and_the_straight_one_does_not():
    """From (2, 0) to (0, 2): at t = 1/3 the angle is 30 degrees, the length 2."""
    a, b = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    assert torch.allclose(slerp(a, b, 1 / 3), torch.tensor([[math.sqrt(3), 1.0]]), atol=1e-5)
    assert lerp(a, b, 0.5).norm().item() == pytest.approx(math.sqrt(2))


def test_each_row_goes_by_its_own_angle_whatever_the_shape():
    a, b = torch.randn(2, 4, 6, 1, 1, generator=rng())
    alone = torch.cat([slerp(a[i : i + 1], b[i : i + 1], 0.3) for i in range(4)])
    assert torch.allclose(slerp(a, b, 0.3), alone, atol=1e-6) and alone.shape == a.shape


def test_where_there_is_no_one_circle_the_way_is_straight():
    a = torch.randn(3, 5, generator=rng())
    for b in (a, -a, 2 * a):
        way = slerp(a, b, 0.25)
        assert torch.isfinite(way).all() and torch.allclose(way, lerp(a, b, 0.25), atol=1e-3)


class Shape:
    z_shape = (400, 1, 1)


@pytest.mark.parametrize("limit, sd", [(1.0, 0.5396), (2.0, 0.8796)])
def test_truncated_z_has_the_spread_of_a_truncated_normal(limit, sd):
    """Var = 1 - 2 c phi(c) / (2 Phi(c) - 1): 0.2912 for c = 1, 0.7737 for c = 2."""
    z = truncated(Shape, 100, rng(), limit)
    assert z.shape == (100, 400, 1, 1) and z.abs().max() <= limit
    assert z.std().item() == pytest.approx(sd, abs=0.01)  # standard error 0.003
    assert (z.abs() > limit - 1e-3).float().mean() < 0.002  # nothing heaped at the border
    assert torch.equal(z, truncated(Shape, 100, rng(), limit))


def test_a_limit_of_nothing_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        truncated(Shape, 2, rng(), 0.0)


# ---- attributes ----------------------------------------------------------------------------------


def bar(lean=0.0, thick=4, high=20):
    """A bar whose head is shifted by `lean` pixels a row to the right: [1, 1, 40, 40]."""
    x = -torch.ones(1, 1, 40, 40)
    for i in range(high):
        left = round(18 + lean * (high / 2 - i))
        x[0, 0, 10 + i, left : left + thick] = 1
    return x


def test_attributes_of_a_bar():
    """Width and height: 4 sd of an even spread, 4 / sqrt(12) of its size. Slant: atan of the shift a row."""
    slant, thickness, width, height = attributes(bar(thick=4, high=20))[0].tolist()
    assert slant == pytest.approx(0, abs=1e-3)
    assert width == pytest.approx(4 * math.sqrt((4**2 - 1) / 12), rel=1e-3)
    assert height == pytest.approx(4 * math.sqrt((20**2 - 1) / 12), rel=1e-3)
    assert thickness == pytest.approx(2 * 80 / 48, rel=0.05)  # twice the area over the outline


def test_the_slant_is_to_the_right_and_leaves_width_and_height_alone():
    straight, leaning = (attributes(bar(lean))[0] for lean in (0.0, 0.5))
    assert leaning[0].item() == pytest.approx(math.degrees(math.atan(0.5)), abs=1.5)
    assert (leaning[2:] - straight[2:]).abs().max() < 0.5
    assert attributes(bar(-0.5))[0, 0] < -20
    mirrored = attributes(bar(0.5).flip(3))[0]
    assert mirrored[0] == pytest.approx(-leaning[0].item(), abs=1e-3)


def test_a_bolder_bar_is_thicker_and_an_empty_picture_is_no_trouble():
    thin, bold = (attributes(bar(thick=t))[0, 1] for t in (2, 6))
    assert bold > 2 * thin
    assert torch.isfinite(attributes(-torch.ones(2, 1, 28, 28))).all()


# ---- directions ----------------------------------------------------------------------------------


def test_slopes_find_a_linear_map_whatever_the_means():
    z, W = torch.randn(50, 4, 1, 1, generator=rng()), torch.randn(3, 4, generator=rng(1))
    assert torch.allclose(slopes(z, z.flatten(1) @ W.T + 7), W, atol=1e-4)


def test_a_direction_of_length_0_moves_nothing_and_gives_no_nan():
    assert steering.unit(torch.zeros(3)).tolist() == [0, 0, 0]
    half = steering.slerp(torch.zeros(1, 3), torch.ones(1, 3), 0.5)
    assert torch.isfinite(half).all()


def test_sefa_is_what_the_weights_stretch_most_each_direction_a_unit():
    Q = torch.linalg.qr(torch.randn(4, 4, generator=rng())).Q
    W = (Q * torch.tensor([1.0, 5.0, 0.1, 2.0])) @ torch.eye(4, 9)  # rows of z, stretched along Q
    found = sefa(W.view(4, 3, 3), 2)
    assert (found @ Q[:, [1, 3]]).abs().diag().abs().min() > 0.999


def test_ganspace_carries_the_components_of_activations_back_to_z():
    """Activations h = z A: the first component lies along the direction that A stretches most."""
    Q = torch.linalg.qr(torch.randn(3, 3, generator=rng())).Q
    z = torch.randn(4000, 3, generator=rng(1))
    h = z @ (Q * torch.tensor([0.2, 4.0, 1.0])) @ torch.eye(3, 7)
    found = ganspace(z, h, 2)
    assert (found @ Q[:, [1, 2]]).abs().diag().min() > 0.99
    assert torch.allclose(found.norm(dim=1), torch.ones(2), atol=1e-5)


def test_the_effect_is_of_one_unit_however_long_the_direction_and_of_its_sign():
    z, v = torch.randn(6, 2, 1, 1, generator=rng()), torch.tensor([3.0, 4.0])
    for direction in (v, 10 * v):
        found = effect(lambda z: z, z, direction, lambda x: x.flatten(1))
        assert torch.allclose(found, torch.tensor([0.6, 0.8]).expand(6, 2), atol=1e-6)
    square = effect(
        lambda z: z, z, v, lambda x: x.flatten(1)[:, 1:] ** 2
    )  # ((a+s)^2 - (a-s)^2) / 2
    assert torch.allclose(square[:, 0], 2 * z[:, 1, 0, 0] * 0.8, atol=1e-5)
    assert torch.allclose(unit(v), torch.tensor([0.6, 0.8]))


# ---- inside --------------------------------------------------------------------------------------


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 3, 1), nn.ReLU(), nn.Conv2d(3, 1, 1))


def test_a_unit_is_set_inside_the_block_only_and_at_all_places():
    G, x = net(), torch.randn(2, 2, 4, 4, generator=rng())
    before, h = G(x), activations(G, G[1], x)
    assert h.shape == (2, 3, 4, 4) and torch.equal(h, G[1](G[0](x)))
    h[:, 1] = 0.0
    with unit_set(G[1], 1):
        assert torch.equal(G(x), G[2](h))
    with unit_set(G[1], 1, torch.full((4, 4), 2.0)):
        assert torch.allclose(G(x), G[2](h) + 2 * G[2].weight[0, 1], atol=1e-5)
    assert torch.equal(G(x), before)


def test_a_hook_is_gone_after_an_error_too():
    G, x = net(), torch.randn(1, 2, 4, 4, generator=rng())
    before = G(x)
    with pytest.raises(ZeroDivisionError), unit_set(G[1], 0):
        raise ZeroDivisionError
    with pytest.raises(RuntimeError):
        activations(lambda z: G(z[:, :1]), G[1], x)
    assert torch.equal(G(x), before) and not G[1]._forward_hooks


# ---- the z of a picture --------------------------------------------------------------------------


def test_inversion_finds_the_z_of_own_pictures_and_leaves_g_alone():
    torch.manual_seed(0)
    G = nn.Sequential(nn.Linear(3, 20), nn.Tanh())
    z = torch.randn(4, 3, generator=rng())
    start = torch.zeros(4, 3)
    found, error = invert(G, G(z).detach(), start, steps=300)
    assert error.max() < 1e-4 and (found - z).abs().max() < 0.1
    assert not start.any() and all(p.grad is None for p in G.parameters())


def test_what_g_cannot_draw_keeps_an_error():
    G = nn.Sequential(nn.Linear(3, 20), nn.Tanh())
    _, error = invert(G, torch.full((2, 20), 3.0), torch.zeros(2, 3), steps=50)
    assert error.min() >= 4.0 and error.shape == (2,)  # tanh stays below 1


def test_the_module_names_its_attributes_in_the_order_of_their_columns():
    assert len(steering.ATTRIBUTES) == attributes(bar()).shape[1]
