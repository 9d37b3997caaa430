"""What perfect samplers score: the same numbers of many draws from the truth itself, and their spread.

    reference = Reference.of(truth)
    luck = perfect(reference, n=800)  # 200 perfect samplers of 800 samples each
    luck.z(vitals(x, reference))  # {"junk": 0.3, "shares": 11.2, ...}: by how many of their SDs it is off

No formula is needed, so it holds for any n, number of modes and dimension, and where modes overlap.
"""

import math
from dataclasses import dataclass, field, replace

import torch
from sklearn.cluster import KMeans

from ganedu.data import Mixture
from ganedu.diagnostics.coverage import mode_coverage, reach, within_modes

DRAWS = 200  # perfect samplers: the worst of them is passed by 1 in 201 of the next
MARGIN = 1.1  # ... and that worst is itself a matter of luck
CELLS = 20  # where the truth tells no modes
TWO_SIDED = ("width", "narrow", "apart", "sure")  # too small is a fault as well as too large


@dataclass(frozen=True)
class Reference:
    """The truth as the doctor sees it: something that draws, and modes to count by."""

    truth: object  # .sample(n, rng) and .log_prob(x)
    modes: Mixture  # its modes; for another distribution the cells of its own samples
    heights: torch.Tensor  # log-density at 10,000 of its own points, in order

    @classmethod
    def of(cls, truth):
        """Of a mixture, or of anything that draws and knows its log-density."""
        rng = torch.Generator().manual_seed(7_220_518)
        heights = truth.log_prob(truth.sample(10_000, rng)).double().sort().values
        return cls(truth, truth if isinstance(truth, Mixture) else _cells(truth, rng), heights)

    @property
    def radius(self):
        """How many std around a mode count as *at* it: 98.9% of its samples lie there."""
        return reach(self.modes.means.shape[1])


def _cells(truth, rng):
    """A mixture of round cells that stand for an unknown shape: what is at which, and how often."""
    x = truth.sample(4000, rng)
    found = KMeans(CELLS, n_init=1, random_state=0).fit(x.numpy())
    means = torch.tensor(found.cluster_centers_)
    label = torch.tensor(found.labels_).long()
    size = torch.bincount(label, minlength=CELLS)
    square = ((x - means[label]) ** 2).sum(1)
    variance = torch.zeros(CELLS).index_add(0, label, square) / size / x.shape[1]
    return Mixture(means, variance.sqrt(), size / size.sum(), "cells")


def vitals(x, reference):
    """Nine numbers of samples x [n, d]; each has a meaning beside those of perfect samplers only."""
    x, modes = as_saved(x), reference.modes
    found = mode_coverage(x, modes, reference.radius)
    inside = within_modes(x, modes, at_least=5, sigmas=reference.radius)
    share = found.near / found.near.sum()  # [k]
    return {
        "junk": 1 - found.quality,
        "shares": found.reverse_kl,
        "shift": _mean(inside.offset, share).norm().item(),
        "offset": _mean(inside.offset.square().sum(1), share).sqrt().item(),
        "width": _mean(inside.spread, share).item(),
        "uneven widths": _mean((inside.spread - 1).square(), share).sqrt().item(),
        "narrow": _mean(inside.narrow, share).item(),
        "apart": _apart(x[:1000] / modes.widths.mean()),
        "density": _gap(reference.truth.log_prob(x).double(), reference.heights),
    }


def as_saved(x):
    """Rounded as a saved run is, so that a run and its file have one diagnosis."""
    return x.clamp(-6e4, 6e4).half().float()


def _mean(values, share):
    """Mean over the modes that have a value [k, ...], by their shares; nan where none has one."""
    known = ~values.reshape(len(values), -1).isnan().any(1)
    return torch.tensordot(share[known], values[known], 1) / share[known].sum()


def _apart(x):
    """Typical distance from a sample to the nearest other one (geometric mean)."""
    apart = torch.cdist(x, x).fill_diagonal_(math.inf).min(1).values
    return float(apart.clamp(min=0.01).log().mean().exp())


def _gap(values, ladder):
    """Kolmogorov's distance: the largest difference between two shares below the same height."""
    values = values.sort().values
    n, m = len(values), len(ladder)
    below = torch.searchsorted(ladder, values).double() / m
    steps = torch.arange(n).double() / n
    return float(torch.maximum(below - steps, steps + 1 / n - below).max())


@dataclass(frozen=True)
class Luck:
    """How the numbers of perfect samplers vary."""

    mean: dict  # {name: mean}
    sd: dict
    worst: float = field(default=math.inf)  # the largest z of any of them, and a tenth more

    def z(self, found):
        """By how many SDs each number is worse than a perfect sampler's: {name: z}."""
        return {name: self._z(name, value) for name, value in found.items()}

    def _z(self, name, value):
        if math.isnan(value) or math.isnan(self.mean[name]):
            return 0.0  # too few samples to say
        z = (value - self.mean[name]) / max(self.sd[name], 1e-9)
        return abs(z) if name in TWO_SIDED else z


_KNOWN = {}


def perfect(reference, n):
    """The luck of `DRAWS` perfect samplers of n samples each; drawn once for each truth and n."""
    key = (*_identity(reference.modes), reference.truth.__class__, n)
    if key not in _KNOWN:
        rng = torch.Generator().manual_seed(7_220_519)
        drawn = [vitals(reference.truth.sample(n, rng), reference) for _ in range(DRAWS)]
        _KNOWN[key] = lucky(drawn)
    return _KNOWN[key]


def lucky(drawn):
    """The luck of perfect samplers whose numbers are known: rows {name: number}."""
    columns = {name: torch.tensor([row[name] for row in drawn]).double() for name in drawn[0]}
    luck = Luck(*({k: float(of(v)) for k, v in columns.items()} for of in (torch.mean, torch.std)))
    return replace(luck, worst=MARGIN * max(max(luck.z(row).values()) for row in drawn))


def _identity(mixture):
    return [
        t.numpy().tobytes() for t in (mixture.means, mixture.widths.contiguous(), mixture.weights)
    ]
