"""The losses: hand-computed values on unequal logits, signs of gradients, and finiteness.

r = [2, -1] and f = [0.5, -3] throughout: with real = fake, or one logit, a wrong sign passes. Values
computed by hand from the formulas: softplus(s) = log(1 + e^s).
"""

import dataclasses
import math
import pickle

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from ganedu import losses
from ganedu.losses import Loss

REAL, FAKE = torch.tensor([2.0, -1.0]), torch.tensor([0.5, -3.0])
PAIRS = {
    # softplus: (-2) .1269280110, (1) 1.3132616875, (.5) .9740769842, (-3) .0485873516
    "nonsaturating": (losses.nonsaturating, 1.2314270172, 1.7613321679),
    "saturating": (losses.saturating, 1.2314270172, -0.5113321679),
    "wasserstein": (losses.wasserstein, -1.75, 1.25),  # means: .5 and -1.25
    "hinge": (losses.hinge, 1.75, 1.25),  # max(0, 1 - r) = 0, 2; max(0, 1 + f) = 1.5, 0
    "least squares": (losses.least_squares, 7.125, 8.125),  # 1, 4; .25, 9; G: .25, 16
    "relativistic": (losses.relativistic, 0.1641706445, 1.9141706446),  # r - f = 1.5, 2
}
each_pair = pytest.mark.parametrize("name", PAIRS)


def g_loss(pair, real, fake):
    return pair.g(real, fake)  # of every pair, whether or not it looks at real


@each_pair
def test_a_loss_has_its_hand_computed_values(name):
    pair, d, g = PAIRS[name]
    assert pair.d(REAL, FAKE).item() == pytest.approx(d, abs=1e-6)
    assert g_loss(pair, REAL, FAKE).item() == pytest.approx(g, abs=1e-6)


@each_pair
def test_d_gains_by_raising_real_and_lowering_fake_and_g_by_raising_fake(name):
    """Both players minimise: dD/dr < 0, dD/df > 0, dG/df < 0 (logits inside the hinge)."""
    pair = PAIRS[name][0]
    real = torch.tensor([0.4, -0.7], requires_grad=True)
    fake = torch.tensor([0.3, 0.9], requires_grad=True)
    by_real, by_fake = torch.autograd.grad(pair.d(real, fake), (real, fake))
    assert (by_real < 0).all() and (by_fake > 0).all()
    (for_g,) = torch.autograd.grad(g_loss(pair, real, fake), fake)
    assert (for_g < 0).all()


@each_pair
def test_a_loss_is_a_mean_so_a_batch_seen_twice_costs_the_same(name):
    pair = PAIRS[name][0]
    once, twice = (REAL, FAKE), (REAL.repeat(2), FAKE.repeat(2))
    assert pair.d(*twice).item() == pytest.approx(pair.d(*once).item())
    assert g_loss(pair, *twice).item() == pytest.approx(g_loss(pair, *once).item())
    assert pair.d(*once).shape == ()


@each_pair
@pytest.mark.parametrize("size", [17.0, 100.0, 1e4])
def test_losses_and_gradients_are_finite_for_logits_of_any_size(name, size):
    """log(1 - sigmoid(17)) is -inf in float32, with NaN gradients; softplus(17) is 17."""
    pair = PAIRS[name][0]
    for sign in (1, -1):
        real = torch.tensor([size, -size], requires_grad=True)
        fake = torch.tensor([sign * size, -sign * size], requires_grad=True)
        total = pair.d(real, fake) + g_loss(pair, real, fake)
        total.backward()
        assert torch.isfinite(total)
        assert torch.isfinite(real.grad).all() and torch.isfinite(fake.grad).all()


def test_the_logistic_loss_is_torchs_cross_entropy_with_real_one_and_fake_zero():
    ones, zeros = torch.ones(2), torch.zeros(2)
    bce = binary_cross_entropy_with_logits
    expected = bce(REAL, ones) + bce(FAKE, zeros)
    assert torch.allclose(losses.logistic_d(REAL, FAKE), expected)
    assert torch.allclose(losses.nonsaturating_g(FAKE), bce(FAKE, ones))
    assert torch.allclose(losses.saturating_g(FAKE), -bce(FAKE, zeros))


def test_a_d_that_cannot_tell_costs_two_log_two():
    """Goodfellow 2014, theorem 1: the value of the game is -log 4 where D = 1/2."""
    nothing = torch.zeros(3)
    assert losses.logistic_d(nothing, nothing).item() == pytest.approx(math.log(4))


def test_when_d_is_sure_the_saturating_gradient_dies_and_the_other_does_not():
    """At logit s: d/ds -softplus(s) = -sigmoid(s); d/ds softplus(-s) = -sigmoid(-s)."""
    fake = torch.tensor([-10.0], requires_grad=True)
    (saturating,) = torch.autograd.grad(losses.saturating_g(fake), fake)
    (strong,) = torch.autograd.grad(losses.nonsaturating_g(fake), fake)
    assert saturating.item() == pytest.approx(-4.5e-5, rel=0.02)
    assert strong.item() == pytest.approx(-1, abs=1e-4)


def test_the_hinge_stops_caring_beyond_its_margin():
    real, fake = torch.tensor([1.5, 3.0]), torch.tensor([-1.5, -3.0])
    assert losses.hinge_d(real, fake) == 0
    assert losses.wasserstein_d(real, fake) == -4.5


def test_the_relativistic_loss_compares_pairs_and_swaps_its_sides_for_g():
    pair = losses.relativistic
    assert pair.g_sees_real and not any(
        PAIRS[n][0].g_sees_real for n in PAIRS if n != "relativistic"
    )
    assert torch.allclose(pair.g(REAL, FAKE), pair.d(FAKE, REAL))
    assert torch.allclose(pair.d(REAL + 7, FAKE + 7), pair.d(REAL, FAKE)), (
        "only the difference counts"
    )
    assert not torch.allclose(pair.d(REAL, FAKE.flip(0)), pair.d(REAL, FAKE)), (
        "paired, not averaged"
    )


def test_real_and_fake_batches_may_differ_in_size():
    assert losses.logistic_d(REAL, FAKE.repeat(3)).item() == pytest.approx(1.2314270172, abs=1e-6)


def test_a_loss_pair_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        losses.hinge.g = losses.saturating_g


def test_a_pair_of_ones_own_is_two_functions():
    mine = Loss(d=lambda real, fake: (fake - real).mean(), g=lambda fake: -fake.mean())
    assert mine.d(REAL, FAKE) == losses.wasserstein.d(REAL, FAKE) and mine.g(FAKE) == 1.25


@each_pair
def test_g_is_called_alike_for_every_pair_and_d_judges_no_more_than_it_needs(name):
    pair = PAIRS[name][0]
    shown = pair.for_g("real", "fake")
    assert shown == (("real", "fake") if name == "relativistic" else ("fake",))
    judged = [{"real": REAL, "fake": FAKE}[x] for x in shown]
    assert torch.equal(pair.g(*judged), pair.g(REAL, FAKE))


def test_a_pair_can_be_changed_in_one_half():
    half = dataclasses.replace(losses.hinge, d=losses.wasserstein_d)
    assert half.d(REAL, FAKE) == -1.75 and half.g(REAL, FAKE) == 1.25 and not half.probabilities
    assert dataclasses.replace(losses.hinge) == losses.hinge


def test_a_pair_travels_to_other_processes():
    again = pickle.loads(pickle.dumps(losses.nonsaturating))
    assert again == losses.nonsaturating and again.g(REAL, FAKE) == losses.nonsaturating_g(FAKE)


@each_pair
def test_of_logits_for_many_places_a_loss_is_the_mean_over_all(name):
    pair, d, g = PAIRS[name]
    maps = [x.reshape(1, 1, 2, 1) for x in (REAL, FAKE)]
    assert pair.d(*maps).item() == pytest.approx(d, abs=1e-6) and pair.d(*maps).shape == ()
    assert pair.g(*maps).item() == pytest.approx(g, abs=1e-6)


def test_only_the_logistic_losses_make_probabilities_of_logits():
    made = {n: v.probabilities for n, v in vars(losses).items() if isinstance(v, Loss)}
    assert {name for name, yes in made.items() if yes} == {"saturating", "nonsaturating"}


# ---------------------------------------------------------------- the article's, as written


def test_the_articles_l_dan_is_minus_ds_loss():
    assert losses.article_l_dan(REAL, FAKE).item() == pytest.approx(-1.2314270172, abs=1e-6)


def test_the_articles_l_gan_has_the_values_of_its_formula_and_no_pull_from_its_real_term():
    # softplus(-r) averages .7200948492, and -softplus(f) -.5113321679
    fake = FAKE.clone().requires_grad_(True)
    value = losses.article_l_gan(REAL, fake)
    assert value.item() == pytest.approx(0.7200948492 - 0.5113321679, abs=1e-6)
    (slope,) = torch.autograd.grad(value, fake)
    (saturating,) = torch.autograd.grad(losses.saturating_g(fake), fake)
    assert torch.allclose(slope, saturating), "for G it is the saturating loss"


def test_the_articles_formulas_are_infinite_at_a_logit_of_17():
    assert losses.article_l_dan(torch.tensor([0.0]), torch.tensor([17.0])) == -math.inf


def test_the_articles_code_pushes_fake_the_same_way_for_both_players():
    real, fake = torch.tensor([0.4], requires_grad=True), torch.tensor([0.3], requires_grad=True)
    by_real, by_fake = torch.autograd.grad(losses.article_code.d(real, fake), (real, fake))
    (for_g,) = torch.autograd.grad(losses.article_code.g(fake), fake)
    assert by_real == by_fake == for_g == -1
    assert losses.article_code.d(REAL, FAKE) == 0.75 and losses.article_code.g(FAKE) == 1.25
