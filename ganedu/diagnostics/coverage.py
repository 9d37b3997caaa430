"""Counting the modes of a known mixture: which are found, how often, how wide, how they move."""

import math
from dataclasses import dataclass
from functools import lru_cache

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


def mode_coverage(x, mixture, sigmas=3.0):
    """Count the mixture's modes that samples x [n, d] reach (the rule of VEEGAN and PacGAN).

    A sample is of high quality within `sigmas` std of its nearest mode (published: 3); a mode is found
    when it has one. The KLs count all samples, junk too, each at its nearest mode, as PacGAN does.
    """
    x = _check(x, mixture, sigmas)
    distance, nearest = _to_nearest(x, mixture)  # [n], [n]
    good, k = distance < sigmas, len(mixture.means)
    counts = torch.bincount(nearest[good], minlength=k).cpu()
    near = torch.bincount(nearest, minlength=k).cpu()
    quality = good.float().mean().item()
    return ModeCoverage(int((counts > 0).sum()), k, quality, counts, near, mixture.weights.cpu())


def _to_nearest(x, mixture):
    """Distance to the nearest mode, in that mode's std [n], and which it is [n]."""
    return (torch.cdist(x, mixture.means.to(x)) / mixture.widths.to(x)).min(dim=1)


def kl(a, b):
    """KL(a || b) in nats of two histograms [k] (counts or shares); inf where a has what b lacks.

    reverse KL: kl(generated, true). forward KL: kl(true, generated).
    """
    a, b = _shares(a), _shares(b)
    if a.shape != b.shape:
        raise ValueError(f"two histograms need the same bins; got {list(a.shape)}, {list(b.shape)}")
    if ((a > 0) & (b == 0)).any():
        return math.inf
    seen = a > 0
    return max(0.0, float((a[seen] * (a[seen] / b[seen]).log()).sum()))


def _shares(histogram):
    """Counts or shares [k] as shares that sum to 1, in float64; what is no histogram is an error."""
    histogram = torch.as_tensor(histogram).detach().cpu()
    total = float(histogram.sum())
    if not ((histogram >= 0).all() and 0 < total < math.inf):  # so NaN is caught
        raise ValueError(
            "a histogram holds numbers >= 0, not all of them 0 and none NaN; got "
            f"{histogram.flatten().tolist()[:8]}"
        )
    return histogram.double() / total


def kl_floor(k, n):
    """Mean reverse KL of a perfect sampler: (k - 1) / 2n for k modes and n samples, in nats."""
    return (k - 1) / (2 * n)  # 2n KL is about chi-squared with k - 1 degrees of freedom


def kl_floor_sd(k, n):
    """Standard deviation of that: sqrt((k - 1) / 2) / n."""
    return math.sqrt((k - 1) / 2) / n


def true_quality(sigmas=3.0, d=2):
    """Share of a round Gaussian in d dimensions within `sigmas` std: .98889 for 3 in the plane."""
    if d == 2:
        return 1 - math.exp(-(sigmas**2) / 2)
    half = torch.tensor(d / 2, dtype=torch.double)
    return float(torch.special.gammainc(half, torch.tensor(sigmas**2 / 2, dtype=torch.double)))


OF_PLANE = true_quality()


@lru_cache
def reach(d, share=OF_PLANE):
    """So many std from its middle a round Gaussian in d dimensions keeps `share`: 3 in the plane."""
    low, high = 0.0, 10 + 3 * math.sqrt(d)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if true_quality(middle, d) < share else (low, middle)
    return high


# ---- inside a mode, and over time ----------------------------------------------------------------


@dataclass(frozen=True)
class WithinModes:
    """Size and place of each mode's samples, in true ones; NaN where a mode has few good samples."""

    spread: torch.Tensor  # typical distance from their middle over the true one [k]: right is 1
    narrow: torch.Tensor  # width in the narrowest direction [k]: near 0 when a mode became a line
    offset: torch.Tensor  # their middle less the mode's own place, in std [k, d]: right is 0


def within_modes(x, mixture, at_least=20, sigmas=3.0):
    """Compare the samples nearest to each mode with the mode's own place and standard deviation.

    Middles and distances are medians of all of them, so that modes may be too wide and a little junk does
    no harm; `narrow` is that of the samples within `sigmas` std. Fewer than `at_least` of those: NaN.
    """
    x = _check(x, mixture, sigmas).cpu()
    distance, nearest = _to_nearest(x, mixture)
    good, (k, d) = distance < sigmas, mixture.means.shape
    apart = (x - mixture.means[nearest].cpu()) / mixture.widths[
        nearest, None
    ].cpu()  # [n, d], in std
    offset = torch.stack([_medians(apart[:, i], nearest, k) for i in range(d)], 1)  # [k, d]
    spread = _medians((apart - offset[nearest]).norm(dim=1), nearest, k) / reach(d, 0.5)
    cut = true_quality(sigmas, d + 2) / true_quality(sigmas, d)  # a variance, cut off at `sigmas`
    narrow = torch.linalg.eigvalsh(_covariances(apart[good], nearest[good], k))[:, 0] / cut
    few = torch.bincount(nearest[good], minlength=k) < max(at_least, d + 1)
    spread, narrow, offset = spread.clone(), narrow.clamp(min=0).sqrt().float(), offset.clone()
    spread[few], narrow[few], offset[few] = math.nan, math.nan, math.nan
    return WithinModes(spread, narrow, offset)


def _medians(values, group, k):
    """The median of the values [n] of each of k groups (the lower one of two); NaN for an empty one."""
    order = values.argsort()
    order = order[group[order].argsort(stable=True)]  # by group, within it by value
    counts = torch.bincount(group, minlength=k)
    middle = counts.cumsum(0) - counts + (counts - 1).clamp(min=0) // 2
    found = values[order[middle.clamp(max=len(values) - 1)]]
    return torch.where(counts > 0, found, math.nan)


def _covariances(x, group, k):
    """The covariance [k, d, d] of the rows of x [n, d] in each of k groups; 0 for fewer than two."""
    x, d = x.double(), x.shape[1]
    n = torch.bincount(group, minlength=k).clamp(min=1)[:, None]
    mean = torch.zeros(k, d).double().index_add(0, group, x) / n
    x = x - mean[group]
    squares = torch.zeros(k, d, d).double().index_add(0, group, x[:, :, None] * x[:, None])
    return squares / (n[:, None] - 1).clamp(min=1)


@dataclass(frozen=True)
class Movement:
    """How the shares of modes move between looks at a training run."""

    change: float  # typical total variation between one look and the next: 0 still, 1 all moved
    floor: float  # what sampling alone makes of it
    ever: int  # modes found at any of the looks
    now: int  # modes found at the last


def movement(histograms):
    """Histograms of modes [looks, k] (counts), oldest first -> Movement."""
    counts = torch.as_tensor(histograms).double()
    if counts.ndim != 2 or len(counts) < 2:
        raise ValueError(f"movement needs at least two histograms [k]; got {list(counts.shape)}")
    if not ((counts >= 0) & counts.isfinite()).all():
        raise ValueError("movement needs counts >= 0, none of them NaN or infinite")
    n = counts.sum(1, keepdim=True).clamp(min=1)
    share = counts / n  # [looks, k]
    change = (share[1:] - share[:-1]).abs().sum(1).quantile(0.5) / 2  # one jump is no habit
    noise = (share * (1 - share) / n).mean(0)  # [k]: variance of one share
    floor = (4 * noise / math.pi).sqrt().sum() / 2  # E|a - b| = sqrt(2/pi) SD, SD^2 = 2 noise
    found = counts > 0
    return Movement(float(change), float(floor), int(found.any(0).sum()), int(found[-1].sum()))


def _check(x, mixture, sigmas):
    if not sigmas > 0:
        raise ValueError(f"sigmas must be above 0; got {sigmas}")
    x = torch.as_tensor(x)
    if x.ndim != 2 or x.shape[1] != mixture.means.shape[1] or len(x) == 0:
        raise ValueError(f"samples must be [n, {mixture.means.shape[1]}]; got {list(x.shape)}")
    return finite(x)
