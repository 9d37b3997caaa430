"""The smallest GAN: known fields, exact steps, and when a path is home."""

import math
from functools import partial

import pytest
import torch

from ganedu import dirac, losses, penalties


def at(theta, psi):
    return torch.tensor([theta, psi], dtype=torch.float64)


def line(psi):
    """The D of the Dirac-GAN: x [n, 1] -> logits [n]."""
    return lambda x: (psi * x)[:, 0]


def test_the_field_is_minus_the_gradients_of_the_packages_losses():
    for theta, psi, gamma in ((0.8, -1.5, 0.0), (-0.4, 0.9, 0.7)):
        w = at(theta, psi).requires_grad_()
        real, fake = w[1:] * 0, w[1:] * w[:1]
        price = penalties.r1(line(w[1:]), torch.zeros(4, 1).double(), gamma=gamma)
        (of_d,) = torch.autograd.grad(losses.saturating.d(real, fake) + price, w, retain_graph=True)
        (of_g,) = torch.autograd.grad(losses.saturating.g(fake), w)
        assert torch.allclose(dirac.field(w, gamma), -torch.stack([of_g[0], of_d[1]]))


def test_the_flow_without_r1_stays_on_its_circle():
    path = dirac.flow(dirac.field, at(1.7, 0.0), time=30)
    assert path.shape == (2001, 2) and (path.norm(dim=1) - 1.7).abs().max() < 1e-6


def test_simultaneous_steps_leave_by_pythagoras_and_alternating_ones_stay():
    path = dirac.walk(dirac.simultaneous, dirac.field, at(1.0, 0.0), 0.5, 40)
    growth = path[1:].square().sum(1) / path[:-1].square().sum(1)
    assert torch.allclose(growth, 1 + (0.5 * torch.sigmoid(path[:-1].prod(1))) ** 2)
    turns = dirac.walk(dirac.alternating, dirac.field, at(1.0, 0.0), 0.5, 2000).norm(dim=1)
    assert 0.7 < turns.min() and turns.max() < 1.4


def test_in_an_alternating_step_d_moves_first_and_g_answers():
    w = dirac.alternating(dirac.field, at(1.0, 0.0), 0.5)
    psi = -0.25  # h sigmoid(0) theta
    assert torch.allclose(w, at(1 + 0.5 / (1 + math.exp(-psi)) * psi, psi))


def test_the_average_of_a_constant_is_it_and_forgets_by_the_decay():
    path = torch.tensor([[1.0, 1], [0, 0], [0, 0]])
    assert torch.allclose(dirac.averaged(path, 0.9)[:, 0], torch.tensor([1, 0.9, 0.81]))


@pytest.mark.parametrize("gamma, home", [(0.0, False), (1.0, True)])
def test_home_is_where_a_path_stays(gamma, home):
    path = dirac.walk(dirac.simultaneous, partial(dirac.field, gamma=gamma), at(1.0, 0), 0.1, 400)
    time = dirac.home_time(path, 0.1, 0.1)
    assert (time < 40) == home
    inside = path[round(time / 0.1) :] if home else path[:0]
    assert (inside.norm(dim=1) <= 0.1).all()
    assert dirac.home_time(path * 0, 0.1, 0.1) == 0


def test_passing_by_is_not_home():
    path = torch.tensor([[1.0, 0], [0, 0], [1, 0], [0, 0]])
    assert dirac.home_time(path, 0.5, 0.1) == 1.5
