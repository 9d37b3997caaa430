"""The penalties: known slopes, one per example, differentiable, finite where D is flat."""

from functools import partial

import pytest
import torch
from torch import nn

from ganedu.networks import DCGANDiscriminator, MLPDiscriminator
from ganedu.penalties import gradient_penalty, r1, r1_r2, r2, squared_slopes

W = torch.tensor([1.0, -2.0, 2.0])  # |w| = 3
ALL = {"gradient penalty": gradient_penalty, "r1": r1, "r2": r2, "both": r1_r2}
each_penalty = pytest.mark.parametrize("penalty", ALL.values(), ids=ALL)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def linear(x):
    """D(x) = w . x: slope w everywhere."""
    return x @ W


def square(x):
    """D(x) = |x|^2 / 2: slope x, so that each example has its own."""
    return x.square().flatten(1).sum(1) / 2


def batch(n, seed, *shape):
    return torch.randn(n, *(shape or (3,)), generator=generator(seed))


# ---------------------------------------------------------------- known answers


@pytest.mark.parametrize("n", [1, 2, 7, 64])
def test_a_linear_d_of_slope_3_has_the_known_penalties_for_every_batch_size(n):
    """weight 1: (3 - 1)^2 = 4; gamma/2 * 9 = 4.5. A norm over the whole batch would grow with n."""
    real, fake = batch(n, 1), batch(n, 2)
    assert gradient_penalty(linear, real, fake, generator(), weight=1.0).item() == pytest.approx(4)
    assert r1(linear, real, fake).item() == pytest.approx(4.5)
    assert r2(linear, real, fake).item() == pytest.approx(4.5)
    assert r1_r2(linear, real, fake).item() == pytest.approx(9)


def test_weight_and_gamma_are_factors_and_default_to_the_papers_10_and_to_1():
    real, fake = batch(4, 1), batch(4, 2)
    assert gradient_penalty(linear, real, fake).item() == pytest.approx(40)
    assert gradient_penalty(linear, real, fake, weight=0.5).item() == pytest.approx(2)
    for penalty, one in ((r1, 4.5), (r2, 4.5), (r1_r2, 9.0)):
        assert penalty(linear, real, fake, gamma=0.1).item() == pytest.approx(one / 10)


def test_r1_looks_at_real_r2_at_fake_and_both_at_both():
    """Slope x of |x|^2 / 2: real rows of squared norm 9 and 1, fake rows of 16 and 4."""
    real, fake = torch.tensor([[3.0, 0], [0, 1]]), torch.tensor([[0, 4.0], [2, 0]])
    assert r1(square, real, fake).item() == pytest.approx((9 + 1) / 2 / 2)
    assert r2(square, real, fake).item() == pytest.approx((16 + 4) / 2 / 2)
    assert r1_r2(square, real, fake).item() == pytest.approx(2.5 + 5)


def test_squared_slopes_are_one_number_for_each_example_over_all_its_axes():
    x = batch(5, 1, 2, 3, 4)
    assert torch.allclose(squared_slopes(square, x), x.square().sum((1, 2, 3)), rtol=1e-5)


# ---------------------------------------------------------------- the points between real and fake


def points_of(penalty, real, fake, rng):
    seen = []

    def D(x):
        seen.append(x.detach().clone())
        return x.flatten(1).sum(1)

    penalty(D, real, fake, rng)
    return seen[0]


def test_the_penaltys_points_lie_between_real_and_fake_with_one_alpha_an_example():
    """real = 1 and fake = 0 everywhere: a point then *is* its alpha, in every pixel."""
    alpha = points_of(
        gradient_penalty, torch.ones(500, 1, 4, 4), torch.zeros(500, 1, 4, 4), generator()
    )
    assert (alpha == alpha[:, :1, :1, :1]).all(), "the same alpha in all pixels of one image"
    alpha = alpha[:, 0, 0, 0]
    assert len(alpha.unique()) > 490, "another alpha for each image"
    assert alpha.min() >= 0 and alpha.max() <= 1
    # uniform: mean 1/2 +- .013, standard deviation .289 +- .006 for 500 draws
    assert abs(alpha.mean() - 0.5) < 0.06 and abs(alpha.std() - 0.289) < 0.03


def test_alpha_mixes_each_real_with_its_own_fake():
    real, fake = batch(50, 1), batch(50, 2)
    x = points_of(gradient_penalty, real, fake, generator())
    alpha = ((x - fake) / (real - fake)).mean(1, keepdim=True)
    assert torch.allclose(alpha * real + (1 - alpha) * fake, x, atol=1e-4)


def test_alpha_follows_the_given_generator_and_not_the_global_one():
    real, fake, before = batch(4, 1), batch(4, 2), torch.get_rng_state()
    first = points_of(gradient_penalty, real, fake, generator(1))
    assert torch.equal(first, points_of(gradient_penalty, real, fake, generator(1)))
    assert not torch.equal(first, points_of(gradient_penalty, real, fake, generator(2)))
    assert torch.equal(torch.get_rng_state(), before)


# ---------------------------------------------------------------- gradients


def d_net():
    torch.manual_seed(0)
    return MLPDiscriminator(in_dim=3, width=16).double()


@each_penalty
def test_a_penalty_is_differentiable_with_respect_to_d_as_finite_differences_say(penalty):
    D, real, fake = d_net(), batch(6, 1).double(), batch(6, 2).double()
    weight = D.net[0].weight
    (slope,) = torch.autograd.grad(penalty(D, real, fake, generator()), weight)
    assert slope.abs().sum() > 0
    step = 1e-6
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            weight[2, 1] += sign * step
        values.append(penalty(D, real, fake, generator()).item())
        with torch.no_grad():
            weight[2, 1] -= sign * step
    assert slope[2, 1].item() == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-4)


@each_penalty
def test_a_flat_d_has_a_finite_penalty_and_finite_gradients(penalty):
    """sqrt has an infinite slope at 0: `norm` alone would make every weight NaN."""
    D, real, fake = d_net(), batch(6, 1).double(), batch(6, 2).double()
    with torch.no_grad():
        [p.zero_() for p in D.parameters()]
    value = penalty(D, real, fake, generator())
    gradients = torch.autograd.grad(value, list(D.parameters()), allow_unused=True)
    assert torch.isfinite(value)
    assert all(torch.isfinite(g).all() for g in gradients if g is not None)


def test_a_flat_d_is_one_off_the_slope_of_one():
    assert gradient_penalty(
        lambda x: 0 * x.sum(1), batch(3, 1), batch(3, 2), weight=1.0
    ).item() == (pytest.approx(1, abs=1e-5))


@each_penalty
def test_descending_a_penalty_lowers_it(penalty):
    D, real, fake = d_net(), 3 * batch(32, 1).double(), 3 * batch(32, 2).double()
    with torch.no_grad():
        [p.mul_(2) for p in D.parameters()]
    optimiser = torch.optim.Adam(D.parameters(), 1e-2)
    values = []
    for _ in range(30):
        optimiser.zero_grad()
        values.append(penalty(D, real, fake, generator()))
        values[-1].backward()
        optimiser.step()
    assert values[-1] < 0.5 * values[0]


@each_penalty
def test_a_penalty_leaves_its_inputs_and_g_without_gradients(penalty):
    G = nn.Linear(3, 3)
    real, fake = batch(4, 1), G(batch(4, 2))
    penalty(d_net().float(), real, fake, generator()).backward()
    assert G.weight.grad is None and real.grad is None
    assert not real.requires_grad and real.shape == (4, 3)


@each_penalty
def test_a_penalty_works_under_no_grad_and_on_images(penalty):
    D, x = DCGANDiscriminator(width=2), batch(3, 1, 1, 28, 28)
    with torch.no_grad():
        assert penalty(D, x, -x, generator()).shape == ()


def test_a_penalty_takes_its_options_beforehand():
    penalty = partial(r1, gamma=0.2)
    assert penalty(linear, batch(4, 1), batch(4, 2), generator()).item() == pytest.approx(0.9)


def test_of_a_d_with_a_logit_for_each_place_it_is_the_slope_of_an_examples_sum():
    """Logits (w . x, 2 w . x): the slope of the sum is 3 w, of norm 9, whatever the batch."""
    real, fake = batch(5, 1), batch(5, 2)

    def places(x):
        return torch.stack([linear(x), 2 * linear(x)], dim=1)  # [n, 2]

    assert torch.allclose(squared_slopes(places, real), torch.full((5,), 81.0))
    assert r1(places, real, fake).item() == pytest.approx(81 / 2)
    assert gradient_penalty(places, real, fake, weight=1.0).item() == pytest.approx(64)
