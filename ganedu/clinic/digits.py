"""The second clinic: generators of 8 x 8 digits whose illness is known because we caused it.

In the form of `cases.py`. Half of scikit-learn's 1,797 digits train G and, with their labels, the judge; the
other half is held out: it is the truth that the doctor judges by.
"""

from dataclasses import replace
from functools import cache, partial

import torch
from torch import nn

from ganedu import data, losses
from ganedu.classifier import train_classifier
from ganedu.clinic.cases import AWAY, CUT_OFF, Case
from ganedu.data import Images
from ganedu.doctor import record
from ganedu.networks import DCGANGenerator, he_init, leaky
from ganedu.penalties import r1
from ganedu.recipe import Recipe, made
from ganedu.trainer import cosine

LOOKS, PICTURES, MANY = 8, 60, 700
SKEWED = (6, 1, 2, 4, 1, 6, 1, 3, 2, 4)
DIGITS = {}


# ---- the digits ----------------------------------------------------------------------------------


@cache
def halves():
    """(the training half, the held-out half)."""
    return data.small_digits().split(0.5)


def training():
    return halves()[0]


def held_out():
    return halves()[1]


@cache
def judge():
    """A classifier that learned the training half."""
    return train_classifier(training(), progress=False)


def few(n, seed):
    """A training set of n digits."""
    rows = torch.randperm(len(training()), generator=torch.Generator().manual_seed(seed))[:n]
    return Images(training().x[rows], training().y[rows])


def only(classes, digits=training):
    """Digits of these classes."""
    rows = torch.isin(made(digits).y, torch.tensor(classes))
    return Images(made(digits).x[rows], made(digits).y[rows])


def uneven(weights, digits=training):
    """As many digits of each class as its weight says, of those there are."""
    x, y = made(digits).x, made(digits).y
    have = torch.bincount(y, minlength=10)
    times = (have / torch.tensor(weights)).min() * torch.tensor(weights)  # [10]
    rows = torch.cat([(y == k).nonzero().flatten()[: int(times[k])] for k in range(10)])
    return Images(x[rows], y[rows])


def mirrored():
    """The training half, left and right exchanged."""
    return Images(training().x.flip(3), training().y)


# ---- the networks --------------------------------------------------------------------------------


class Critic(nn.Sequential):
    """D of linear layers: x [n, 1, 8, 8] -> logits [n]."""

    def __init__(self, width=256):
        super().__init__(
            *(nn.Flatten(), nn.Linear(64, width), leaky()),
            *(nn.Linear(width, width), leaky(), nn.Linear(width, 1), nn.Flatten(0)),
        )
        he_init(self)


class Bare(nn.Sequential):
    """G of linear layers, without batch norm: z [n, z_dim] -> x [n, 1, 8, 8]."""

    def __init__(self, z_dim=32, width=128):
        layers = [nn.Linear(z_dim, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
        super().__init__(*layers, nn.Linear(width, 64), nn.Tanh(), nn.Unflatten(1, (1, 8, 8)))
        self.z_dim = z_dim
        he_init(self)


class Deaf(Bare):
    """A generator that does not hear z."""

    def forward(self, z):
        return super().forward(0 * z + 1)


class Coarse(Bare):
    """A generator that hears only the signs of z."""

    def forward(self, z):
        return super().forward(z.sign())


class Album(nn.Module):
    """A generator that has learned so many pictures, and z chooses one of them."""

    def __init__(self, pictures=20):
        super().__init__()
        self.z_dim = pictures
        self.page = nn.Parameter(0.5 * torch.randn(pictures, 64) - 0.5)

    def forward(self, z):
        return self.page[z.argmax(1)].tanh().view(-1, 1, 8, 8)


# Without a penalty; then R1, steps that fall, and an averaged G of convolutions.
PLAIN = Recipe(
    data=training, G=Bare, D=partial(Critic, 128), steps=600, batch=32, lr_g=1e-3, lr_d=1e-3
)
SOUND = Recipe(
    data=training,
    G=partial(DCGANGenerator, 8, width=32, z_dim=32),
    D=Critic,
    steps=1400,
    penalty=partial(r1, gamma=1.0),
    batch=32,
    lr_g=2e-3,
    lr_d=2e-3,
    schedule=cosine,
    ema=0.995,
    precision=torch.float32,
)
QUICK = replace(SOUND, steps=800, D=partial(Critic, 128))
LEARNED = replace(  # a z so small, and a D so sharp, that a few digits are learned by heart
    QUICK,
    steps=1000,
    lr_g=4e-3,
    lr_d=4e-3,
    penalty=partial(r1, gamma=0.1),
    G=partial(DCGANGenerator, 8, width=32, z_dim=4),
)


# ---- the cases -----------------------------------------------------------------------------------


def case(diagnosis, treatment, truth=held_out):
    """Enter a recipe of the seed under its diagnosis; its docstring is the cause."""

    def enter(recipe):
        DIGITS[recipe.__name__] = Case(diagnosis, recipe.__doc__, treatment, recipe, truth)
        return recipe

    return enter


def record_digits(name, seed, progress=False):
    """Train the case with the seed -> PictureRun, as all recordings of the second clinic are made."""
    chosen = DIGITS[name]
    recipe = chosen.recipe(seed)
    judged = {"judge": judge(), "held_out": made(chosen.truth)}
    sizes = {"looks": LOOKS, "n": PICTURES, "many": MANY}
    return record(recipe.trainer(seed), recipe.steps, **judged, **sizes, progress=progress)


@case("nearly healthy", "Longer training, more data.")
def digits(seed):
    """Nothing was done to it: R1, an averaged G, and steps that fall."""
    return SOUND


@case("nearly healthy", "Longer training, more data.")
def digits_relativistic(seed):
    """Nothing was done to it: the relativistic loss, R1, an averaged G, and steps that fall."""
    return replace(SOUND, loss=losses.relativistic)


@case("dropped modes", "Mend the data: a generator copies what it is shown.")
def classes_left_out(seed):
    """The training data lack the threes, the sixes and the sevens."""
    return replace(QUICK, data=partial(only, [0, 1, 2, 4, 5, 8, 9]))


@case("dropped modes", "Mend the data: a generator copies what it is shown.")
def only_the_first_half(seed):
    """The training data were cut off in the middle of a sorted list: fives to nines are missing."""
    return replace(QUICK, data=partial(only, [0, 1, 2, 3, 4]))


@case("full collapse", "Let G use its z.")
def deaf_digits(seed):
    """G does not use its z: whatever z is, it makes the same picture."""
    return replace(PLAIN, G=Deaf)


@case("full collapse", "Mend the data: a generator copies what it is shown.")
def only_one_class(seed):
    """All classes but one are missing from the training data."""
    return replace(QUICK, steps=600, data=partial(only, [seed % 10]))


@case("full collapse", "Smaller steps, less momentum, R1.")
def large_steps(seed):
    """No batch norm, no penalty, large steps with much momentum."""
    return replace(PLAIN, lr_g=1e-2, lr_d=1e-2, betas=(0.9, 0.999))


@case("wrong proportions", "Mend the data, or draw rare examples more often.")
def uneven_digits(seed):
    """The training data hold some classes six times as often as others."""
    return replace(QUICK, data=partial(uneven, SKEWED))


@case("wrong proportions", "Train on the data as they come.", partial(uneven, SKEWED, held_out))
def balanced_digits(seed):
    """The truth is uneven, but the training data were balanced: every class as often as the next."""
    return QUICK


@case("collapse within modes", "Give G a z that varies continuously.")
def album(seed):
    """z only chooses one of 20 pictures that G has learned."""
    return replace(QUICK, G=Album, lr_g=1e-2)


@case("collapse within modes", "Give G the whole z.")
def coarse_digits(seed):
    """G uses only the signs of five latent numbers: it can make 32 pictures and no more."""
    return replace(QUICK, G=partial(Coarse, z_dim=5))


@case("collapse within modes", "Give G a z of more numbers.")
def one_number(seed):
    """z is a single number: all that G can make is a line through the space of pictures."""
    return replace(QUICK, G=partial(Bare, z_dim=1))


@case("memorisation", "More training data.")
def few_digits(seed):
    """The training set has 10 digits."""
    return replace(LEARNED, data=partial(few, 10, seed))


@case("memorisation", "More training data.")
def few_digits_relativistic(seed):
    """The training set has 12 digits; the loss is the relativistic one."""
    return replace(LEARNED, data=partial(few, 12, seed), loss=losses.relativistic)


@case("discriminator too strong", "The non-saturating loss, and one step of D for each of G's.")
def saturated_digits(seed):
    """The saturating loss, and five steps of D for each of G's: D is sure, and G gets no gradient."""
    return replace(PLAIN, loss=losses.saturating, d_steps=5, lr_g=2e-4, steps=300)


@case("discriminator too strong", "Equal step sizes.")
def hurried_critic(seed):
    """D's steps are a hundred times as large as G's."""
    return replace(PLAIN, lr_g=2e-5, lr_d=2e-3)


@case("generator starved", "Take the detach away from G's step.")
def detached_digits(seed):
    """G's loss is cut off from G: no gradient arrives."""
    return replace(PLAIN, steps=300, loss=CUT_OFF)


@case("generator starved", "A step size of about 0.001.")
def tiny_steps_digits(seed):
    """G's step size is 0.00000003."""
    return replace(PLAIN, steps=300, lr_g=3e-8)


@case("diverged", "Change the sign of G's loss, and keep the critic smooth by a penalty.")
def g_helps_d_digits(seed):
    """A wrong sign in G's loss: G runs from D's approval instead of towards it."""
    return replace(PLAIN, loss=AWAY)


@case("diverged", "Change the sign of the fake term in D's loss.")
def article_digits(seed):
    """The article's loss for D, with the wrong sign on the fakes."""
    return replace(PLAIN, loss=losses.article_code)


@case("unknown", "Longer training.")
def too_short(seed):
    """Training ended after 60 steps."""
    return replace(QUICK, steps=60)


@case("unknown", "Compare the data with what they should be.")
def mirrored_digits(seed):
    """The training data were read from right to left."""
    return replace(QUICK, data=mirrored)
