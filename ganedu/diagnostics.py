"""What happened in training, in numbers."""

from dataclasses import dataclass

import torch

from ganedu.classifier import probabilities


@dataclass(frozen=True)
class ModeCoverage:
    """How samples spread over the modes of a known mixture."""

    modes: int  # modes with at least one high-quality sample
    of: int  # modes there are
    quality: float  # share of samples within 3 standard deviations of their nearest mode
    counts: torch.Tensor  # high-quality samples at each mode [k]

    def __str__(self):
        return f"{self.modes} of {self.of} modes, {self.quality:.0%} of samples near one"


def mode_coverage(x, mixture):
    """Count the mixture's modes that samples x [n, 2] reach (the rule of VEEGAN and PacGAN).

    A sample is of high quality within 3 std of its nearest mode; a mode is found when it has one. The
    true distribution itself scores 98.9% in two dimensions: 1 - exp(-9/2).
    """
    if x.ndim != 2 or x.shape[1] != mixture.means.shape[1] or len(x) == 0:
        raise ValueError(f"samples must be [n, {mixture.means.shape[1]}]; got {list(x.shape)}")
    if not torch.isfinite(x).all():
        raise ValueError("the samples hold NaN or infinite values: the generator has diverged")
    distance, nearest = torch.cdist(x, mixture.means.to(x)).min(dim=1)  # [n], [n]
    good = distance < 3 * mixture.std
    counts = torch.bincount(nearest[good], minlength=len(mixture.means)).cpu()
    modes = int((counts > 0).sum())
    return ModeCoverage(modes, len(mixture.means), good.float().mean().item(), counts)


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
    confidence, named = probabilities(classifier, x).max(dim=1)
    sure = confidence > threshold
    counts = torch.bincount(named[sure], minlength=classifier.last.out_features)
    return ClassCoverage(counts, sure.float().mean().item())
