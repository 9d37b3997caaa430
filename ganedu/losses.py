"""What each player minimises, as plain functions of logits: real before fake, [n] or [n, ...] -> scalar.

A logit s stands for the probability D = sigmoid(s) that an example is real. With softplus,
-log D = softplus(-s) and -log(1 - D) = softplus(s), finite for every s; log(sigmoid(s)) is not.
A `Loss` pairs the two players' functions. Chapter 03 derives each of them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import relu, softplus


@dataclass(frozen=True)
class Loss:
    """Two functions that both players minimise, d(real, fake) and g(real, fake), of logits -> scalar.

    Most losses of G look at fakes alone: give such a `g` as g(fake), and it is called like the others.
    """

    d: Callable  # (real logits, fake logits) -> scalar
    g: Callable  # the same; given as (fake logits) -> scalar unless g_sees_real
    g_sees_real: bool = False  # relativistic losses compare fake with real for G too
    probabilities: bool = True  # whether D = sigmoid(s) is a probability; if not, s is a score

    def __post_init__(self):
        if not (self.g_sees_real or isinstance(self.g, _OfFake)):
            object.__setattr__(self, "g", _OfFake(self.g))

    def for_g(self, real, fake):
        """What D must judge for `g`, of two batches of examples: loss.g(*map(D, loss.for_g(x, G(z))))."""
        return (real, fake) if self.g_sees_real else (fake,)


@dataclass(frozen=True)
class _OfFake:
    """A function of fake logits, called with (real, fake) like the others, or with (fake) alone."""

    g: Callable

    def __call__(self, *logits):
        return self.g(logits[-1])


def logistic_d(real, fake):
    """-E log D(x) - E log(1 - D(G(z))): cross-entropy of real against fake (Goodfellow 2014, eq. 1)."""
    return softplus(-real).mean() + softplus(fake).mean()


def saturating_g(fake):
    """E log(1 - D(G(z))): the minimax game's own loss; its gradient dies when D is sure of itself."""
    return -softplus(fake).mean()


def nonsaturating_g(fake):
    """-E log D(G(z)): same fixed point, strong gradient when D is sure (Goodfellow 2014, section 3)."""
    return softplus(-fake).mean()


def least_squares_d(real, fake):
    """E (D(x) - 1)^2 + E D(G(z))^2 on raw outputs (Mao et al. 2017, without the factor 1/2)."""
    return ((real - 1) ** 2).mean() + (fake**2).mean()


def least_squares_g(fake):
    """E (D(G(z)) - 1)^2 on raw outputs (Mao et al. 2017)."""
    return ((fake - 1) ** 2).mean()


def hinge_d(real, fake):
    """E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))) (Lim & Ye 2017; Miyato et al. 2018)."""
    return relu(1 - real).mean() + relu(1 + fake).mean()


def wasserstein_d(real, fake):
    """E D(G(z)) - E D(x), for a critic kept smooth by a penalty (Arjovsky et al. 2017)."""
    return fake.mean() - real.mean()


def critic_g(fake):
    """-E D(G(z)): raise the critic's score; the generator's side of hinge and Wasserstein."""
    return -fake.mean()


def relativistic_d(real, fake):
    """E softplus(-(D(x) - D(G(z)))): real should beat its paired fake (Jolicoeur-Martineau 2018)."""
    return softplus(fake - real).mean()


def relativistic_g(real, fake):
    """E softplus(-(D(G(z)) - D(x))): the same comparison, the other way round."""
    return softplus(real - fake).mean()


saturating = Loss(logistic_d, saturating_g)
nonsaturating = Loss(logistic_d, nonsaturating_g)
least_squares = Loss(least_squares_d, least_squares_g, probabilities=False)
hinge = Loss(hinge_d, critic_g, probabilities=False)
wasserstein = Loss(wasserstein_d, critic_g, probabilities=False)
relativistic = Loss(relativistic_d, relativistic_g, g_sees_real=True, probabilities=False)


# The article's own, exactly as written there: chapters 03 and 05 take them apart. Not for use.


def article_l_dan(real, fake):
    """The article's L_DAN = E log D(x) + E log(1 - D(G(z))), which D is to *maximise*."""
    return torch.log(torch.sigmoid(real)).mean() + torch.log(1 - torch.sigmoid(fake)).mean()


def article_l_gan(real, fake):
    """The article's L_GAN = -E log D(x) + E log(1 - D(G(z))), which G is to minimise."""
    return -torch.log(torch.sigmoid(real)).mean() + torch.log(1 - torch.sigmoid(fake)).mean()


def article_code_d(real, fake):
    """The article's code for D: -(E D(x) + E D(G(z))), with the wrong sign on the fake term."""
    return -(real.mean() + fake.mean())


def article_code_g(fake):
    """The article's code for G: -E D(G(z))."""
    return -fake.mean()


article_code = Loss(article_code_d, article_code_g, probabilities=False)
