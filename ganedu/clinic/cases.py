"""How to make each patient: recipes whose illness is known because we caused it.

A case is a function of the seed that gives (trainer, steps, truth). The clinic's recorded runs and the
test of the doctor are made from these. Several causes can have one diagnosis, as in life.
"""

import math

import torch
from torch import nn

from ganedu import data, losses
from ganedu.losses import Loss
from ganedu.networks import FourierFeatures, MLPDiscriminator, MLPGenerator
from ganedu.penalties import r1_r2
from ganedu.trainer import Trainer

STEPS = 3000


def sharp_ring():
    """The published ring: radius 1, standard deviation .01."""
    return data.ring(8, std=0.01)


def fourier(width=128, depth=2):
    """A D that sees waves of its input, which is what makes G collapse (chapter 07)."""
    features = FourierFeatures()
    return nn.Sequential(features, MLPDiscriminator(features.out_dim(2), width, depth))


def cosine(steps):
    """Step sizes that fall to 0 at `steps`, along half a cosine."""
    return lambda step: 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))


def _trainer(seed, steps=STEPS, **changes):
    """The laboratory's usual recipe with `changes`; the networks follow from the seed."""
    torch.manual_seed(seed)
    made = {name: changes.pop(name)() for name in ("G", "D") if name in changes}
    G, D = made.get("G") or MLPGenerator(), made.get("D") or MLPDiscriminator()
    usual = {"data": data.ring(8), "lr_g": 1e-3, "lr_d": 1e-3, "schedule": cosine(steps)}
    return Trainer(G=G, D=D, seed=seed, **{**usual, **changes})


class OneHot(nn.Module):
    """A generator with no room inside a mode: z only chooses one of `codes` points."""

    def __init__(self, codes=16):
        super().__init__()
        self.z_dim, self.z_shape = codes, (codes,)
        self.net = nn.Linear(codes, 2)

    def forward(self, z):
        chosen = nn.functional.one_hot(z.argmax(1), self.z_dim)  # [n, codes]
        return self.net(chosen.float())


class Deaf(MLPGenerator):
    """A generator that does not hear z: it makes one point."""

    def forward(self, z):
        return super().forward(0 * z + 1)


class Straight(nn.Module):
    """A generator without a bend: one linear layer."""

    z_dim, z_shape = 2, (2,)

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(2, 2)

    def forward(self, z):
        return self.net(z)


def _good(seed, steps=STEPS, **changes):
    usual = {"loss": losses.relativistic, "penalty": _gentle, "D": fourier, "G": _deep}
    return _trainer(seed, steps, **{**usual, **changes})


def _gentle(D, real, fake, rng):
    return r1_r2(D, real, fake, gamma=0.005)


def _deep():
    return MLPGenerator(depth=3)


def _plain(seed, **changes):
    """Non-saturating, plain coordinates."""
    return _trainer(seed, **changes)


CASES = {}


def case(diagnosis, truth=None, steps=STEPS):
    """Enter a recipe of the seed under its diagnosis."""

    def enter(recipe):
        CASES[recipe.__name__] = (diagnosis, recipe, truth or data.ring(8), steps)
        return recipe

    return enter


@case("healthy")
def healthy_plain(seed):
    return _plain(seed)


@case("healthy")
def healthy_relativistic(seed):
    return _good(seed)


@case("full collapse", data.grid(5, std=0.0125))
def collapse_of_waves(seed):
    return _trainer(seed, D=fourier, data=data.grid(5, std=0.0125), batch=256)


@case("full collapse")
def collapse_of_a_deaf_generator(seed):
    return _trainer(seed, G=Deaf)


@case("dropped modes", sharp_ring())
def dropped_by_waves(seed):
    return _trainer(seed, D=fourier, data=sharp_ring())


@case("dropped modes")
def dropped_in_the_data(seed):
    weights = torch.tensor([1, 1, 0, 1, 1, 0, 0, 1]) / 5
    return _good(seed, data=data.ring(8, weights=weights))


@case("wrong proportions")
def uneven_data(seed):
    weights = torch.tensor([6, 2, 1, 4, 1, 6, 2, 2]) / 24
    return _good(seed, data=data.ring(8, weights=weights))


@case("collapse within modes")
def no_room_in_z(seed):
    return _good(seed, G=OneHot, lr_g=1e-2)


@case("collapse within modes")
def averaged_data(seed):
    return _good(seed, data=data.ring(8, std=0.015))


@case("oscillation")
def fast_steps(seed):
    return _trainer(seed, D=fourier, schedule=None, lr_g=2e-3, lr_d=2e-3)


@case("oscillation")
def momentum(seed):
    return _trainer(seed, schedule=None, betas=(0.9, 0.999), lr_g=5e-3, lr_d=5e-3)


@case("oscillation")
def deaf_and_restless(seed):
    return _trainer(seed, G=Deaf, schedule=None)


@case("memorisation")
def few_examples(seed):
    few = data.ring(8).sample(24, torch.Generator().manual_seed(seed))
    return _good(seed, data=data.Points(few))


@case("discriminator too strong")
def saturated(seed):
    return _trainer(
        seed, D=fourier, loss=losses.saturating, d_steps=5, lr_g=1e-4, data=sharp_ring()
    )


@case("generator starved")
def detached(seed):
    return _trainer(seed, loss=Loss(losses.logistic_d, lambda fake: 0 * fake.mean()))


@case("generator starved")
def tiny_steps(seed):
    return _trainer(seed, lr_g=1e-7)


@case("diverged")
def article_loop(seed):
    return _trainer(seed, loss=losses.article_code)


@case("diverged")
def no_floor(seed):
    return _trainer(seed, loss=losses.wasserstein, lr_g=1e-2, lr_d=1e-2, schedule=None)


@case("unknown")
def too_short(seed):
    return _trainer(seed, schedule=None, lr_g=1e-4, lr_d=1e-4)


@case("unknown")
def linear(seed):
    return _trainer(seed, G=Straight)


@case("unknown")
def turned_data(seed):
    turned = data.ring(8)
    angle = math.pi / 8
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    turned.means = turned.means @ turn.T
    return _good(seed, data=turned)
