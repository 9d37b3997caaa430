"""How to make each patient: recipes whose illness is known because we caused it.

A case names its diagnosis, its cause and its treatment in a sentence each, its recipe (a function of
the seed, since some training sets are drawn with it) and the truth to judge by. The clinic's recorded
runs and the test of the doctor are made from these. Several causes can have one diagnosis, as in life.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from operator import index

import torch
from torch import nn

from ganedu import data, losses
from ganedu.data import Mixture, grid, ring
from ganedu.losses import Loss
from ganedu.networks import FourierFeatures, MLPDiscriminator, MLPGenerator
from ganedu.penalties import squared_slopes
from ganedu.recipe import Recipe, made
from ganedu.trainer import cosine, geometric

RING, GRID = partial(ring, 8), partial(grid, 3, spacing=0.8)  # std .05
SIX = partial(ring, 6, radius=0.8)
WIDE_SIX = partial(ring, 6, radius=0.8, std=0.1)
WIDE_RING, WIDE_GRID = partial(ring, 8, std=0.1), partial(grid, 3, spacing=0.8, std=0.1)
FINE_RING, FINE_GRID = partial(ring, 8, std=0.01), partial(grid, 5, std=0.0125)  # published
SKEWED = (5, 1.2, 2, 3, 1.2, 5, 1.6, 2)  # over 21: .16 nats from even


@dataclass(frozen=True)
class Case:
    """One way to fall ill."""

    diagnosis: str
    cause: str  # what was done, in a sentence
    treatment: str  # what would undo it
    recipe: Callable  # seed -> Recipe
    truth: Mixture  # what should be learned


CASES = {}


def case(diagnosis, treatment, truth=RING):
    """Enter a recipe of the seed under its diagnosis; its docstring is the cause."""

    def enter(recipe):
        CASES[recipe.__name__] = Case(diagnosis, recipe.__doc__, treatment, recipe, made(truth))
        return recipe

    return enter


# ---- the parts -----------------------------------------------------------------------------------


def slopes(D, real, fake, rng):
    """R1 + R2 with gamma .05, both in one pass."""
    return 0.05 * squared_slopes(D, torch.cat([real, fake])).mean()


def waves(k=5, width=128):
    """A D that sees k waves of its input, each twice as fine as the one before (chapter 07)."""
    features = FourierFeatures([math.pi / 2 * 2**i for i in range(k)])
    return nn.Sequential(features, MLPDiscriminator(features.out_dim(2), width))


class OneHot(nn.Module):
    """A generator with no room inside a mode: z only chooses one of `codes` points."""

    def __init__(self, codes=16):
        super().__init__()
        self.z_dim = codes
        self.net = nn.Linear(codes, 2, bias=False)
        with torch.no_grad():  # begins on a circle, so that no mode is far from all points
            self.net.weight.copy_(data.ring(codes, radius=0.5).means.T)

    def forward(self, z):
        return self.net(nn.functional.one_hot(z.argmax(1), self.z_dim).float())


class Deaf(MLPGenerator):
    """A generator that does not hear z: it makes one point."""

    def forward(self, z):
        return super().forward(0 * z + 1)


class Coarse(MLPGenerator):
    """A generator that hears only the signs of z."""

    def forward(self, z):
        return super().forward(z.sign())


class Choice(nn.Module):
    """A generator that can be perfect: a part of z chooses one of `modes` places, the rest a way from it."""

    def __init__(self, modes=8):
        super().__init__()
        self.modes, self.z_dim = modes, modes + 2
        self.places = nn.Parameter(data.ring(modes, radius=0.9).means)
        self.log_width = nn.Parameter(torch.tensor(-2.0))

    def forward(self, z):
        place = self.places[z[:, : self.modes].argmax(1)]
        return place + self.log_width.exp() * z[:, self.modes :]


class Straight(nn.Module):
    """A generator without a bend: one linear layer."""

    z_dim = 2

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(2, 2)

    def forward(self, z):
        return self.net(z)


def moved(mixture, turn=0.0, scale=1.0):
    """The mixture turned by `turn` radians and scaled, its modes as wide as before."""
    spin = torch.tensor([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    return Mixture(scale * mixture.means @ spin, mixture.std, mixture.weights, mixture.name)


def weighted(mixture, weights):
    """The mixture with other shares, in proportion to `weights`."""
    weights = torch.as_tensor(weights)
    return Mixture(mixture.means, mixture.std, weights / weights.sum(), mixture.name)


def only(mixture, modes):
    """The mixture with nothing but these modes, all alike."""
    weights = torch.zeros(len(mixture.means))
    weights[list(modes)] = 1 / len(modes)
    return weighted(mixture, weights)


def few(mixture, n, seed):
    """A training set of n points."""
    return data.Points(mixture.sample(n, torch.Generator().manual_seed(index(seed))))


# Losses that do harm.
CUT_OFF = Loss(losses.logistic_d, lambda fake: 0 * fake.mean())
AWAY = Loss(losses.wasserstein_d, lambda fake: fake.mean(), probabilities=False)
LOGS = Loss(lambda r, f: -losses.article_l_dan(r, f), losses.nonsaturating_g)

# Small networks and the non-saturating loss on plain coordinates; then the relativistic loss, R1 + R2
# that fall, and a D that sees waves.
PLAIN = Recipe(
    data=RING,
    G=partial(MLPGenerator, width=64),
    D=partial(MLPDiscriminator, width=64),
    steps=1200,
    lr_g=1e-3,
    lr_d=1e-3,
    schedule=cosine,
)
SOUND = replace(
    PLAIN,
    D=partial(waves, 3, 64),
    loss=losses.relativistic,
    penalty=slopes,
    penalty_schedule=partial(geometric, end=0.06),
    lr_g=3e-3,
    lr_d=3e-3,
)
CHOOSING = replace(SOUND, G=Choice, batch=256, lr_g=2e-3, ema=0.99)
DEEP = partial(MLPGenerator, depth=4)


# ---- the cases -----------------------------------------------------------------------------------


@case("healthy", "None is needed.", WIDE_RING)
def healthy(seed):
    """Nothing was done to it, and G can be perfect: a part of z chooses the mode."""
    return replace(CHOOSING, data=WIDE_RING)


@case("healthy", "None is needed.", WIDE_SIX)
def healthy_six(seed):
    """Nothing was done to it, and G can be perfect: a part of z chooses the mode."""
    return replace(CHOOSING, data=WIDE_SIX, G=partial(Choice, 6))


@case("nearly healthy", "A G that need not draw bridges, or longer training.")
def bridges(seed):
    """Nothing was done to it, but G is continuous: it draws bridges from mode to mode."""
    return SOUND


@case("nearly healthy", "A G that need not draw bridges, or longer training.", SIX)
def bridges_of_six(seed):
    """Nothing was done to it, but G is continuous: it draws bridges from mode to mode."""
    return replace(SOUND, data=SIX)


@case("nearly healthy", "A G that need not draw bridges, or longer training.")
def many_examples(seed):
    """Nothing was done to it: the training set is finite, but has 4,000 points. G draws bridges."""
    return replace(SOUND, data=partial(few, RING, 4000, seed))


@case("full collapse", "The relativistic loss with R1 + R2, annealed.", FINE_GRID)
def collapse_of_waves(seed):
    """The non-saturating loss with a D that sees fine waves of its input."""
    return replace(PLAIN, steps=3000, G=DEEP, D=waves, data=FINE_GRID, batch=256)


@case("full collapse", "Let G use its z.")
def deaf(seed):
    """G does not use its z: whatever z is, it makes the same point."""
    return replace(PLAIN, steps=1000, G=Deaf)


@case("full collapse", "Let G use its z; decaying steps alone only stop the hopping.", GRID)
def deaf_and_restless(seed):
    """G does not use its z, and the step sizes never fall, so that its one point hops about."""
    return replace(PLAIN, steps=1000, G=Deaf, data=GRID, schedule=None)


@case("full collapse", "Mend the data: a generator copies what it is shown.")
def one_mode_in_the_data(seed):
    """All modes but one are missing from the training data."""
    return replace(SOUND, steps=1000, data=partial(only, RING, [seed % 8]))


@case("dropped modes", "The relativistic loss with R1 + R2, annealed.")
def dropped_by_waves(seed):
    """The non-saturating loss with a D that sees fine waves of its input."""
    return replace(PLAIN, D=waves)


@case("dropped modes", "Mend the data: a generator copies what it is shown.")
def dropped_in_the_data(seed):
    """Three modes are missing from the training data."""
    return replace(SOUND, data=partial(only, RING, [0, 1, 3, 4, 7]))


@case("dropped modes", "Mend the data: a generator copies what it is shown.", GRID)
def dropped_in_the_grid(seed):
    """A column of the grid is missing from the training data."""
    return replace(SOUND, data=partial(only, GRID, range(6)))


@case("wrong proportions", "Mend the data, or draw rare examples more often.")
def uneven_data(seed):
    """The training data hold some modes several times as often as others."""
    return replace(SOUND, data=partial(weighted, RING, SKEWED))


@case("wrong proportions", "Train on the data as they come.", partial(weighted, RING, SKEWED))
def balanced_by_mistake(seed):
    """The truth is uneven, but the training data were balanced: every mode as often as the next."""
    return SOUND


@case("collapse within modes", "Give G a z that varies continuously.")
def no_room_in_z(seed):
    """z only chooses one of 16 points: there is no room inside a mode."""
    return replace(SOUND, G=OneHot, lr_g=1e-2)


@case("collapse within modes", "Give G a z that varies continuously.", SIX)
def no_room_for_six(seed):
    """z only chooses one of 12 points: there is no room inside a mode."""
    return replace(SOUND, data=SIX, G=partial(OneHot, 12), lr_g=1e-2)


@case("collapse within modes", "Give G the whole z.")
def coarse(seed):
    """G uses only the signs of four latent numbers: it can make 16 points and no more."""
    return replace(SOUND, G=partial(Coarse, z_dim=4, width=64))


@case("oscillation", "A gradient penalty, equal step sizes, and steps that fall.")
def no_floor(seed):
    """The Wasserstein loss without a penalty, G's steps four times D's, and none of them falls."""
    return replace(PLAIN, steps=1000, loss=losses.wasserstein, lr_g=2e-2, lr_d=5e-3, schedule=None)


@case("oscillation", "A gradient penalty, equal step sizes, and steps that fall.", GRID)
def no_floor_grid(seed):
    """The Wasserstein loss without a penalty, G's steps four times D's, and none of them falls."""
    return replace(
        PLAIN, steps=1000, data=GRID, loss=losses.wasserstein, lr_g=2e-2, lr_d=5e-3, schedule=None
    )


@case("oscillation", "Small steps that fall, and beta1 of 0.5 or less.")
def momentum(seed):
    """Large steps with much momentum, which never fall."""
    return replace(PLAIN, steps=1000, schedule=None, lr_g=1e-2, lr_d=1e-2, betas=(0.9, 0.99))


@case("memorisation", "More training data.", WIDE_RING)
def few_examples(seed):
    """The training set has 16 points."""
    return replace(SOUND, data=partial(few, WIDE_RING, 16, seed), D=partial(waves, 4, 64))


@case("memorisation", "More training data.", WIDE_GRID)
def few_examples_grid(seed):
    """The training set has 18 points."""
    return replace(SOUND, data=partial(few, WIDE_GRID, 18, seed), D=partial(waves, 4, 64))


@case(
    "discriminator too strong",
    "The non-saturating loss, and one step of D for each of G's.",
    FINE_RING,
)
def saturated(seed):
    """The saturating loss, and five steps of D for each of G's: D is sure, and G gets no gradient."""
    sure = replace(PLAIN, loss=losses.saturating, d_steps=5, lr_g=2e-4)
    return replace(sure, steps=600, data=FINE_RING, D=partial(waves, width=64))


@case("discriminator too strong", "Equal step sizes.", FINE_GRID)
def hurried_judge(seed):
    """D's steps are fifty times as large as G's."""
    return replace(
        PLAIN, steps=1000, D=partial(waves, width=64), data=FINE_GRID, lr_g=4e-5, lr_d=2e-3
    )


@case("generator starved", "Take the detach away from G's step.")
def detached(seed):
    """G's loss is cut off from G: no gradient arrives."""
    return replace(PLAIN, steps=600, loss=CUT_OFF)


@case("generator starved", "A step size of about 0.001.", GRID)
def tiny_steps(seed):
    """G's step size is 0.00000003."""
    return replace(PLAIN, steps=600, lr_g=3e-8, data=GRID)


@case("diverged", "Change the sign of the fake term in D's loss.")
def article_loop(seed):
    """The article's loss for D, with the wrong sign on the fakes."""
    return replace(PLAIN, steps=1000, loss=losses.article_code)


@case("diverged", "Change the sign of G's loss, and keep the critic smooth by a penalty.", GRID)
def g_helps_d(seed):
    """A wrong sign in G's loss: G runs from D's approval instead of towards it."""
    return replace(PLAIN, steps=1000, loss=AWAY, data=GRID)


@case("diverged", "Write the loss with softplus of the logits.")
def log_of_sigmoid(seed):
    """D's loss takes the log of a sigmoid, which is 0 once D is sure."""
    return replace(PLAIN, steps=1000, D=partial(waves, width=64), loss=LOGS, lr_d=0.1)


@case("unknown", "Give G hidden layers.")
def straight(seed):
    """G is one linear layer, which can only stretch and turn a Gaussian."""
    return replace(PLAIN, steps=600, G=Straight)


@case("unknown", "Compare the data with what they should be.")
def turned_data(seed):
    """The training data are the ring turned by 15 degrees."""
    return replace(SOUND, steps=1000, data=partial(moved, RING, turn=math.pi / 12))


@case("unknown", "Give data and truth one scale.", GRID)
def small_data(seed):
    """The training data were scaled by 0.75; the truth was not."""
    return replace(SOUND, steps=1000, data=partial(moved, GRID, scale=0.75))
