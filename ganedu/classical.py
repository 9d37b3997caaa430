"""Generators from before the networks: histograms, kernel estimates, mixtures, PCA with a Gaussian.

Each function makes a `Model` from points [n, d], by counting or by scikit-learn. Chapter 01 puts them
beside a GAN. Nothing here is trained by gradients.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from ganedu.data import Mixture, small_digits

LEVELS = 17  # of grey in the small digits


@dataclass(frozen=True)
class Model:
    """What a generative model can do: draw new examples and, if it has a density, tell its logarithm."""

    sample: Callable  # (n, rng) -> [n, d]
    log_prob: Callable | None = None  # x [n, d] -> [n], in nats


def histogram(train, *, bins=30, limit=1.5, extra=0.01):
    """Counts in bins x bins boxes over [-limit, limit]^2, with `extra` of a point in each box."""
    side = 2 * limit / bins
    counts = torch.histogramdd(train, [bins, bins], [-limit, limit] * 2).hist + extra
    share = (counts / counts.sum()).flatten()  # [bins * bins]

    def sample(n, rng):
        box = torch.multinomial(share, n, replacement=True, generator=rng)  # [n]
        corner = torch.stack([box // bins, box % bins], dim=1) * side - limit  # [n, 2]
        return corner + side * torch.rand(n, 2, generator=rng)

    def log_prob(x):
        row, column = ((x + limit) / side).long().clamp(0, bins - 1).T
        inside = (x.abs() <= limit).all(dim=1)
        return torch.where(inside, share[row * bins + column] / side**2, 0).log()

    return Model(sample, log_prob)


def kde(train, *, h):
    """A round Gaussian bump of standard deviation h on each training point."""
    bumps = Mixture(train, h, torch.full((len(train),), 1 / len(train)))
    return Model(bumps.sample, bumps.log_prob)


def gaussian_mixture(train, *, k, floor=1e-6, seed=0):
    """k Gaussians fitted by expectation-maximisation, with `floor` added to every variance."""
    found = GaussianMixture(k, reg_covar=floor, random_state=seed).fit(train.double().numpy())

    def sample(n, rng):
        found.random_state = a_seed(rng)
        return torch.from_numpy(found.sample(n)[0]).float()  # [n, d], sorted by component

    return Model(sample, lambda x: torch.from_numpy(found.score_samples(x.double().numpy())))


def pca_gaussian(train, *, k):
    """One Gaussian: k directions as the data vary, noise in all others (Tipping & Bishop 1999)."""
    found = PCA(k).fit(train.double().numpy())
    mean, covariance = torch.from_numpy(found.mean_), torch.from_numpy(found.get_covariance())
    gaussian = torch.distributions.MultivariateNormal(mean.float(), covariance.float())

    def sample(n, rng):
        return gaussian.loc + torch.randn(n, len(mean), generator=rng) @ gaussian.scale_tril.T

    return Model(sample, gaussian.log_prob)


def pixel_histograms(train):
    """A table of the 17 levels for each pixel alone, with half a digit extra at each level."""
    level = level_of(train)  # [n, d]
    table = torch.stack([(level == one).sum(0) + 0.5 for one in range(LEVELS)])
    table = table / table.sum(0)  # [17, d]

    def sample(n, rng):
        return spread(torch.multinomial(table.T, n, replacement=True, generator=rng).T, rng)

    def log_prob(x):
        return (table * LEVELS / 2).log().gather(0, level_of(x)).sum(1)

    return Model(sample, log_prob)


def digit_levels():
    """The 1,797 small digits as rows of whole levels, 0 to 16: [1797, 64]."""
    return ((small_digits().x.flatten(1) + 1) * 8).round().long()


def level_of(x):
    """Numbers in [-1, 1] -> their level, 0 to 16."""
    return ((x + 1) / 2 * LEVELS).floor().long().clamp(0, LEVELS - 1)


def spread(levels, rng):
    """Levels 0 to 16 -> numbers in [-1, 1], each somewhere in its level's step of 2/17."""
    return 2 * (levels + torch.rand(levels.shape, generator=rng)) / LEVELS - 1


def tidy(x):
    """Numbers in [-1, 1], each moved to its level's own: k / 8 - 1 for k = 0 to 16."""
    return level_of(x) / 8 - 1


def a_seed(rng):
    """A whole number, for those who want a seed instead of a generator."""
    return int(torch.randint(2**31, (), generator=rng))
