"""Counting the classes of digits, and the 1,000 modes of stacked ones, by a judge that names them."""

from dataclasses import dataclass

import torch

from ganedu.classifier import probabilities
from ganedu.diagnostics.coverage import kl
from ganedu.diagnostics.samples import finite


@dataclass(frozen=True)
class ClassCoverage:
    """How images spread over the classes that a classifier tells apart."""

    counts: torch.Tensor  # images named as each class [k]
    sure: float  # share of images of which the classifier is more than `threshold` sure

    @property
    def found(self):
        """How many classes have at least one image that the classifier is sure of."""
        return int((self.counts > 0).sum())


def class_coverage(x, classifier, threshold=0.9):
    """Name each image x [n, 1, 28, 28] by the classifier; only names it is sure of count."""
    confidence, named = probabilities(classifier, finite(x)).max(dim=1)
    sure = confidence > threshold
    counts = torch.bincount(named[sure], minlength=classifier.last.out_features)
    return ClassCoverage(counts, sure.float().mean().item())


@dataclass(frozen=True)
class StackedCoverage:
    """How stacks of three digits spread over their 1,000 modes, as a judge names them."""

    modes: int  # modes that at least one stack was named as: the published rule
    of: int  # modes there are
    reverse_kl: float  # KL(generated || true) of the names of all stacks, in nats
    counts: torch.Tensor  # stacks named as each mode [1000]
    sure: float  # share of stacks of whose three digits the judge is more than `threshold` sure
    sure_counts: torch.Tensor  # those stacks at each mode [1000]

    @property
    def sure_modes(self):
        """Modes with at least one stack that the judge is sure of: what junk cannot raise."""
        return int((self.sure_counts > 0).sum())

    def __str__(self):
        return (
            f"{self.modes} of {self.of} modes, KL {self.reverse_kl:.3f} nats, judge sure of "
            f"{self.sure:.0%}, {self.sure_modes} modes among those"
        )


def stacked_coverage(x, judge, weights=None, threshold=0.9):
    """Name the digits of stacks x [n, 3, H, W] by the judge and count modes (published: n = 26,000).

    Every stack counts, junk too, and one is enough to find a mode, as in VEEGAN and PacGAN. The KL is
    to 1/1000 each, as theirs, or to `weights` [1000]. A perfect sampler's: `kl_floor(1000, n)`.
    """
    if x.ndim != 4 or x.shape[1] != 3 or len(x) == 0:
        raise ValueError(f"stacks must be [n, 3, H, W]; got {list(x.shape)}")
    confidence, digit = probabilities(judge, finite(x).flatten(0, 1)[:, None]).max(
        dim=1
    )  # [3n], [3n]
    mode = digit.view(-1, 3) @ torch.tensor([100, 10, 1])  # [n]
    sure = (confidence.view(-1, 3) > threshold).all(1)  # [n]
    counts, sure_counts = (torch.bincount(m, minlength=1000) for m in (mode, mode[sure]))
    true = torch.ones(1000) if weights is None else weights
    found = int((counts > 0).sum())
    return StackedCoverage(
        found, 1000, kl(counts, true), counts, sure.float().mean().item(), sure_counts
    )


def confusion(judge, digits):
    """Share of the digits of each class (rows) that the judge names as each class: [10, 10]."""
    named = probabilities(judge, digits.x).argmax(1)
    pairs = torch.bincount(10 * digits.y.cpu() + named, minlength=100).view(10, 10).double()
    return pairs / pairs.sum(1, keepdim=True).clamp(min=1)


def modes_reported(confusion, n=26_000):
    """Modes that a judge of such errors reports for a generator stuck in each mode: [1000], 1 at best.

    The digits a, b, c are named i, j, k with probability C[a, i] C[b, j] C[c, k]; a mode is reported
    when at least one of n stacks is named as it.
    """
    named = torch.kron(torch.kron(confusion, confusion), confusion)  # [1000, 1000]
    return (1 - (1 - named) ** n).sum(1)
