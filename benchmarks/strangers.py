"""Causes that the doctor was not made for: other shapes, losses, networks and faults than the clinic's.

Written on 25 November 2026, before the doctor's rules were made anew, and not changed since; whoever
wrote them knew the rules before those. No threshold was chosen on them. Each says which answers are
right: a fault with no name of its own may be "nearly healthy" or "unknown", never "healthy".
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import nn

from ganedu import data, losses
from ganedu.clinic.cases import PLAIN, RING, SOUND, few, moved, only, waves, weighted
from ganedu.data import Mixture
from ganedu.losses import Loss
from ganedu.networks import MLPDiscriminator, MLPGenerator
from ganedu.recipe import made


def line():
    """Seven modes in a row, on a slope."""
    t = torch.linspace(-1.2, 1.2, 7)
    return Mixture(torch.stack([t, 0.5 * t], 1), 0.04, torch.full((7,), 1 / 7), "line of 7")


def two_rings():
    """Eight modes outside, four inside."""
    means = torch.cat([data.ring(8, radius=1.2).means, data.ring(4, radius=0.5).means])
    return Mixture(means, 0.06, torch.full((12,), 1 / 12), "two rings")


def scattered():
    """Six modes without order and with unequal shares."""
    means = [[-1.0, 0.9], [0.2, 1.1], [1.1, 0.2], [-0.6, -0.2], [0.3, -0.9], [-1.2, -1.0]]
    weights = [0.3, 0.2, 0.2, 0.15, 0.1, 0.05]
    return Mixture(torch.tensor(means), 0.07, torch.tensor(weights), "scattered")


LINE, RINGS, SCATTERED = partial(line), partial(two_rings), partial(scattered)


@dataclass(frozen=True)
class Stranger:
    """One cause, and the answers that are right."""

    right: tuple  # diagnoses
    cause: str
    recipe: Callable  # seed -> Recipe
    truth: Mixture


STRANGERS = {}
NAMELESS = ("nearly healthy", "unknown")


def stranger(*right, truth=RING):
    """Enter a recipe of the seed with the answers that are right; its docstring is the cause."""

    def enter(recipe):
        STRANGERS[recipe.__name__] = Stranger(right, recipe.__doc__, recipe, made(truth))
        return recipe

    return enter


# ---- the parts -----------------------------------------------------------------------------------


class WithJunk:
    """A mixture of which a share is strewn over a square instead."""

    def __init__(self, mixture, share, half=1.5):
        self.mixture, self.share, self.half = mixture, share, half

    def sample(self, n, rng):
        x = self.mixture.sample(n, rng)
        junk = torch.rand(n, generator=rng) < self.share
        square = self.half * (2 * torch.rand(n, 2, generator=rng) - 1)
        return torch.where(junk[:, None], square, x)


class Rounded:
    """A mixture of which each number was rounded."""

    def __init__(self, mixture, step):
        self.mixture, self.step = mixture, step

    def sample(self, n, rng):
        return (self.mixture.sample(n, rng) / self.step).round() * self.step


class Shaky(MLPGenerator):
    """A generator that adds noise to what it makes, as dropout left on does."""

    def forward(self, z):
        x = super().forward(z)
        return x + 0.05 * torch.randn_like(x)


class Boxed(MLPGenerator):
    """A generator whose output cannot leave a box that is too small."""

    def forward(self, z):
        return 0.8 * torch.tanh(super().forward(z))


class Smooth(nn.Module):
    """A generator with tanh in place of ReLU, as wide and as deep."""

    z_dim = 2

    def __init__(self, width=64):
        super().__init__()
        layers = [nn.Linear(2, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh()]
        self.net = nn.Sequential(*layers, nn.Linear(width, 2))

    def forward(self, z):
        return self.net(z)


class Faint(MLPGenerator):
    """A generator that hardly hears z."""

    def forward(self, z):
        return super().forward(0.001 * z)


def half_repeated(mixture, n, seed):
    """A training set of which half is eight points, again and again."""
    x = mixture.sample(n, torch.Generator().manual_seed(seed))
    x[: n // 2] = x[:8].repeat(n // 16, 1)
    return data.Points(x)


def one_astray(mixture):
    """The mixture with its first mode in another place."""
    means = mixture.means.clone()
    means[0] = 0.3 * means[0]
    return Mixture(means, mixture.std, mixture.weights, mixture.name)


def as_wide(mixture, std):
    """The mixture with modes of another width."""
    return Mixture(mixture.means, std, mixture.weights, mixture.name)


HARDLY = Loss(losses.logistic_d, lambda fake: 1e-13 * losses.nonsaturating_g(fake))
SQUARES_AWAY = Loss(
    losses.least_squares_d, lambda fake: -losses.least_squares_g(fake), probabilities=False
)
SHAPE = replace(SOUND, steps=1500)


# ---- nothing is wrong ----------------------------------------------------------------------------


@stranger("healthy", "nearly healthy", truth=LINE)
def a_line(seed):
    """Nothing was done to it."""
    return replace(SHAPE, data=LINE)


@stranger("healthy", "nearly healthy", truth=RINGS)
def rings_in_rings(seed):
    """Nothing was done to it."""
    return replace(SHAPE, data=RINGS)


@stranger("healthy", "nearly healthy", truth=SCATTERED)
def tanh_inside(seed):
    """Nothing was done to it; G has tanh inside."""
    return replace(SHAPE, data=SCATTERED, G=Smooth)


# ---- the data are wrong --------------------------------------------------------------------------


@stranger("dropped modes", truth=LINE)
def without_an_end(seed):
    """The last mode of the line is missing from the training data."""
    return replace(SHAPE, data=partial(only, LINE, range(6)))


@stranger("dropped modes", truth=SCATTERED)
def without_the_rare(seed):
    """The mode with 5% is missing from the training data."""
    return replace(SHAPE, data=partial(weighted, SCATTERED, [6, 4, 4, 3, 2, 0]))


@stranger("dropped modes", "unknown")
def astray(seed):
    """One mode of the training data stands in another place."""
    return replace(SHAPE, data=partial(one_astray, RING))


@stranger("wrong proportions", truth=SCATTERED)
def squared_shares(seed):
    """The shares of the training data were squared: what is frequent became more so."""
    return replace(SHAPE, data=partial(weighted, SCATTERED, [36, 16, 16, 9, 4, 1]))


@stranger("collapse within modes")
def thin_data(seed):
    """The modes of the training data are a third as wide as the true ones."""
    return replace(SHAPE, data=partial(as_wide, RING, 0.017))


@stranger(*NAMELESS)
def wide_data(seed):
    """The modes of the training data are twice as wide as the true ones."""
    return replace(SHAPE, data=partial(as_wide, RING, 0.1))


@stranger(*NAMELESS)
def slightly_turned(seed):
    """The training data are the ring turned by 5 degrees: 1.7 standard deviations."""
    return replace(SHAPE, data=partial(moved, RING, turn=math.pi / 36))


@stranger("nearly healthy")
def some_junk(seed):
    """15% of the training data are strewn over a square."""
    return replace(SHAPE, data=partial(WithJunk, RING, 0.15))


@stranger(*NAMELESS)
def much_junk(seed):
    """40% of the training data are strewn over a square."""
    return replace(SHAPE, data=partial(WithJunk, RING, 0.4))


@stranger("collapse within modes", *NAMELESS)
def rounded(seed):
    """The training data were rounded to tenths."""
    return replace(SHAPE, data=partial(Rounded, RING, 0.1))


@stranger("memorisation", "wrong proportions", *NAMELESS)
def repeated(seed):
    """Half of the training data are eight points, again and again."""
    return replace(SHAPE, data=partial(half_repeated, RING, 4000, seed), D=partial(waves, 4, 64))


@stranger("memorisation", truth=partial(as_wide, LINE, 0.1))
def a_dozen_examples(seed):
    """The training set has 14 points."""
    data_ = partial(few, partial(as_wide, LINE, 0.1), 14, seed)
    return replace(SOUND, data=data_, D=partial(waves, 4, 64))


# ---- the networks are wrong ----------------------------------------------------------------------


@stranger("full collapse", truth=LINE)
def faint(seed):
    """G hears a thousandth of z; least squares."""
    return replace(PLAIN, data=LINE, G=Faint, loss=losses.least_squares, steps=1000)


@stranger("dropped modes", *NAMELESS)
def boxed(seed):
    """G's output cannot leave a box of half width 0.8: four modes are out of its reach."""
    return replace(SHAPE, G=Boxed)


@stranger(*NAMELESS)
def shaky(seed):
    """G adds noise as wide as a mode to what it makes."""
    return replace(SHAPE, G=Shaky)


# ---- the training is wrong -----------------------------------------------------------------------


@stranger(*NAMELESS, "wrong proportions", truth=RINGS)
def stopped_early(seed):
    """Stopped after 200 of 1,500 steps."""
    return replace(SHAPE, data=RINGS, steps=200)


@stranger("generator starved", "unknown", "discriminator too strong", truth=LINE)
def slow_average(seed):
    """The samples are those of an average of G that has hardly begun to move."""
    return replace(PLAIN, data=LINE, ema=0.99999, steps=1000)


@stranger("generator starved", truth=SCATTERED)
def no_force(seed):
    """G's loss was multiplied by 1e-13, which is less than Adam's epsilon."""
    return replace(PLAIN, data=SCATTERED, loss=HARDLY, steps=600)


@stranger("diverged", truth=LINE)
def squares_away(seed):
    """A wrong sign in G's loss, with least squares."""
    return replace(PLAIN, data=LINE, loss=SQUARES_AWAY, steps=1000)


@stranger("oscillation", truth=LINE)
def hinge_with_momentum(seed):
    """Hinge loss, large steps with much momentum, which never fall."""
    restless = replace(PLAIN, data=LINE, loss=losses.hinge, schedule=None, steps=1000)
    return replace(restless, lr_g=1e-2, lr_d=1e-2, betas=(0.9, 0.99))


@stranger("discriminator too strong", truth=partial(as_wide, LINE, 0.01))
def outpaced(seed):
    """The saturating loss, ten steps of D for each of G's, and small steps for G."""
    sure = replace(PLAIN, loss=losses.saturating, d_steps=10, lr_g=1e-4, steps=400)
    return replace(sure, data=partial(as_wide, LINE, 0.01), D=partial(waves, width=64))


@stranger("full collapse", "dropped modes", truth=partial(as_wide, SCATTERED, 0.02))
def hinge_with_waves(seed):
    """The hinge loss with a D that sees fine waves of its input."""
    fine = partial(as_wide, SCATTERED, 0.02)
    return replace(PLAIN, data=fine, D=waves, loss=losses.hinge, batch=256)


@stranger(*NAMELESS, "wrong proportions", truth=RINGS)
def shallow(seed):
    """G has one hidden layer of eight numbers."""
    return replace(SHAPE, data=RINGS, G=partial(MLPGenerator, width=8, depth=1))


@stranger("full collapse", "dropped modes", "discriminator too strong", "unknown", truth=RINGS)
def large_judge(seed):
    """D is eight times as wide as G, and its steps ten times as large."""
    D = partial(MLPDiscriminator, width=512)
    return replace(PLAIN, data=RINGS, D=D, lr_d=5e-3, lr_g=5e-4, steps=800)
