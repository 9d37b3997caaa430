"""Counting the modes of a known mixture: which are found, how often, how wide, how they move."""

import math
from dataclasses import dataclass

import torch

from ganedu.diagnostics.samples import finite


@dataclass(frozen=True)
class ModeCoverage:
    """How samples spread over the modes of a known mixture."""

    modes: int  # modes with at least one high-quality sample
    of: int  # modes there are
    quality: float  # share of samples within 3 standard deviations of their nearest mode
    counts: torch.Tensor  # high-quality samples at each mode [k]
    near: torch.Tensor  # all samples, each at its nearest mode [k]
    weights: torch.Tensor  # the true share of each mode [k]

    @property
    def reverse_kl(self):
        """KL(generated || true) of the shares of modes, in nats: 0 when proportions are right."""
        return kl(self.near, self.weights)

    @property
    def forward_kl(self):
        """KL(true || generated) of the shares of modes, in nats: infinite when one has nothing."""
        return kl(self.weights, self.near)

    def beside_truth(self):
        """The numbers as text, with what a perfect sampler of as many samples would score."""
        n = int(self.near.sum())
        quality, floor, sd = true_quality(), kl_floor(self.of, n), kl_floor_sd(self.of, n)
        noise = math.sqrt(quality * (1 - quality) / n)
        lines = [
            ("", "measured", "the true distribution"),
            ("modes found", f"{self.modes} of {self.of}", f"{self.of} of {self.of}"),
            ("high quality", f"{self.quality:.1%}", f"{quality:.1%}, SD {noise:.1%}"),
            ("reverse KL", f"{self.reverse_kl:.4f}", f"{floor:.4f}, SD {sd:.4f}"),
            ("forward KL", f"{self.forward_kl:.4f}", f"{floor:.4f}, SD {sd:.4f}"),
        ]
        return "\n".join(f"{name:<14}{mine:>12}{true:>26}" for name, mine, true in lines)

    def __str__(self):
        return f"{self.modes} of {self.of} modes, {self.quality:.0%} of samples near one"


def mode_coverage(x, mixture):
    """Count the mixture's modes that samples x [n, d] reach (the rule of VEEGAN and PacGAN).

    A sample is of high quality within 3 std of its nearest mode; a mode is found when it has one. The
    KLs count all samples, junk too, each at its nearest mode, as PacGAN does.
    """
    x = _check(x, mixture)
    distance, nearest = torch.cdist(x, mixture.means.to(x)).min(dim=1)  # [n], [n]
    good, k = distance < 3 * mixture.std, len(mixture.means)
    counts = torch.bincount(nearest[good], minlength=k).cpu()
    near = torch.bincount(nearest, minlength=k).cpu()
    quality = good.float().mean().item()
    return ModeCoverage(int((counts > 0).sum()), k, quality, counts, near, mixture.weights.cpu())


def kl(a, b):
    """KL(a || b) in nats of two histograms [k] (counts or shares); inf where a has what b lacks.

    reverse KL: kl(generated, true). forward KL: kl(true, generated).
    """
    a, b = (torch.as_tensor(h).cpu().double() / float(torch.as_tensor(h).sum()) for h in (a, b))
    if ((a > 0) & (b == 0)).any():
        return math.inf
    seen = a > 0
    return max(0.0, float((a[seen] * (a[seen] / b[seen]).log()).sum()))


def kl_floor(k, n):
    """Mean reverse KL of a perfect sampler: (k - 1) / 2n for k modes and n samples, in nats."""
    return (k - 1) / (2 * n)  # 2n KL is about chi-squared with k - 1 degrees of freedom


def kl_floor_sd(k, n):
    """Standard deviation of that: sqrt((k - 1) / 2) / n."""
    return math.sqrt((k - 1) / 2) / n


def true_quality(sigmas=3.0):
    """Share of a round two-dimensional Gaussian within `sigmas` standard deviations: .98889 for 3."""
    return 1 - math.exp(-(sigmas**2) / 2)


# ---- inside a mode, and over time ----------------------------------------------------------------


@dataclass(frozen=True)
class WithinModes:
    """How wide each mode's samples are, over the true width: 1 is right, 0 a single point."""

    spread: torch.Tensor  # root mean squared width [k], NaN where fewer than 20 samples are
    narrow: torch.Tensor  # the same in the narrowest direction: near 0 when a mode became a line


def within_modes(x, mixture, at_least=20):
    """Compare the high-quality samples at each mode with the mode's own standard deviation."""
    x = _check(x, mixture).cpu()
    distance, nearest = torch.cdist(x, mixture.means.to(x)).min(dim=1)
    true = mixture.std * math.sqrt(1 - 4.5 * math.exp(-4.5) / true_quality())  # cut off at 3 std
    rows = []
    for k in range(len(mixture.means)):
        mine = x[(nearest == k) & (distance < 3 * mixture.std)].double()  # [m, 2]
        if len(mine) < at_least:
            rows.append((math.nan, math.nan))
            continue
        variances = torch.linalg.eigvalsh(torch.cov(mine.T)).clamp(min=0)  # [2], ascending
        rows.append((variances.mean().sqrt().item() / true, variances[0].sqrt().item() / true))
    return WithinModes(*torch.tensor(rows).T)


@dataclass(frozen=True)
class Movement:
    """How the shares of modes move between looks at a training run."""

    change: float  # mean total variation between one look and the next: 0 still, 1 all moved
    floor: float  # what sampling alone makes of it
    ever: int  # modes found at any of the looks
    now: int  # modes found at the last


def movement(histograms):
    """Histograms of modes [looks, k] (counts), oldest first -> Movement."""
    counts = torch.as_tensor(histograms).double()
    if counts.ndim != 2 or len(counts) < 2:
        raise ValueError(f"movement needs at least two histograms [k]; got {list(counts.shape)}")
    n = counts.sum(1, keepdim=True).clamp(min=1)
    share = counts / n  # [looks, k]
    change = (share[1:] - share[:-1]).abs().sum(1).mean() / 2
    noise = (share * (1 - share) / n).mean(0)  # [k]: variance of one share
    floor = (4 * noise / math.pi).sqrt().sum() / 2  # E|a - b| = sqrt(2/pi) SD, SD^2 = 2 noise
    found = counts > 0
    return Movement(float(change), float(floor), int(found.any(0).sum()), int(found[-1].sum()))


def _check(x, mixture):
    if x.ndim != 2 or x.shape[1] != mixture.means.shape[1] or len(x) == 0:
        raise ValueError(f"samples must be [n, {mixture.means.shape[1]}]; got {list(x.shape)}")
    return finite(x)
