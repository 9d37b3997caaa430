"""What happened in training, in numbers: each with its unit, and what a perfect generator would score.

Counting needs ground truth (a mixture whose modes we know, a judge that names digits). Where there is
none, `birthday` and `memorisation` compare samples with each other and with real ones. `doctor.py`
puts the numbers together into a diagnosis.
"""

import math
from dataclasses import dataclass

import torch

from ganedu.classifier import probabilities
from ganedu.trainer import evaluating, frozen, latent

# ---- coverage: modes, proportions ----------------------------------------------------------------


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
    _check_samples(x, mixture)
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
    a, b = (torch.as_tensor(h).double() / float(torch.as_tensor(h).sum()) for h in (a, b))
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


# ---- coverage of digits --------------------------------------------------------------------------


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
    if not torch.isfinite(x).all():
        raise ValueError("the samples hold NaN or infinite values: the generator has diverged")
    confidence, digit = probabilities(judge, x.flatten(0, 1)[:, None]).max(dim=1)  # [3n], [3n]
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


# ---- inside a mode, and over time ----------------------------------------------------------------


@dataclass(frozen=True)
class WithinModes:
    """How wide each mode's samples are, over the true width: 1 is right, 0 a single point."""

    spread: torch.Tensor  # root mean squared width [k], NaN where fewer than 20 samples are
    narrow: torch.Tensor  # the same in the narrowest direction: near 0 when a mode became a line


def within_modes(x, mixture, at_least=20):
    """Compare the high-quality samples at each mode with the mode's own standard deviation."""
    _check_samples(x, mixture)
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


# ---- without ground truth ------------------------------------------------------------------------


@dataclass(frozen=True)
class Birthday:
    """How many different things a generator makes, from how often two samples are alike."""

    pairs: int  # pairs compared
    duplicates: int  # pairs closer than `close`
    support: float  # pairs / duplicates: how many equally likely things would collide as often
    low: float  # about 95% of such tests would cover
    high: float  # the truth between these two


def birthday(x, close):
    """The birthday-paradox test (Arora & Zhang 2018) on samples x [n, ...], by all pairs.

    Two samples are duplicates when they are less than `close` apart (Euclidean): take `close` from real
    data, where the answer is known. With s equally likely things a pair is one with probability 1/s.
    """
    x = x.flatten(1).float()
    n = len(x)
    if n < 2 or not close > 0:
        raise ValueError(f"birthday needs two samples or more and close > 0; got {n} and {close}")
    alike = torch.cat([(_distances(part, x) < close).sum(1) - 1 for part in x.split(1000)])  # [n]
    share = alike.double() / (n - 1)
    rate, error = share.mean().item(), 2 * share.std().item() / math.sqrt(n)  # jackknife
    pairs, duplicates = n * (n - 1) // 2, int(alike.sum()) // 2
    most = rate + 2 * error if duplicates else 3 / pairs  # none seen: the rule of three
    return Birthday(pairs, duplicates, _over(1, rate), 1 / most, _over(1, rate - 2 * error))


def _over(a, b):
    return a / b if b > 0 else math.inf


@dataclass(frozen=True)
class Memorisation:
    """Are generated examples closer to the training set than fresh real ones would be?"""

    nearer: float  # share of fakes nearer to a training than to a held-out example: 0.5 if none
    ratio: float  # median distance to the nearest training example, over that to a held-out one


def memorisation(fake, train, held_out):
    """Nearest neighbours of fakes [n, ...] in two real sets of one size: [m, ...] each.

    The larger set is cut, because a larger set is nearer to everything.
    """
    m = min(len(train), len(held_out))
    if m < 1 or len(fake) < 1:
        raise ValueError("memorisation needs fakes, training examples and held-out examples")
    to_train, to_held = (_nearest(fake, real[:m]) for real in (train, held_out))
    nearer = (to_train < to_held).double() + 0.5 * (to_train == to_held)
    ratio = to_train.median() / to_held.median().clamp(min=1e-12)
    return Memorisation(nearer.mean().item(), ratio.item())


def _nearest(x, others):
    x, others = x.flatten(1).float(), others.flatten(1).float()
    return torch.cat([_distances(part, others).min(1).values for part in x.split(1000)])


def _distances(x, others):
    """Euclidean distances [n, m], exact for near-duplicates too (cdist's fast way is not)."""
    return torch.cdist(x, others, compute_mode="donot_use_mm_for_euclid_dist")


# ---- health of the two players -------------------------------------------------------------------


@dataclass(frozen=True)
class Health:
    """What the two players know and what they still learn, on a fresh batch."""

    d_accuracy: float  # share of real and fake that D tells right: 0.5 is guessing
    d_real: float  # mean of D(x)
    d_fake: float  # mean of D(G(z))
    g_gradient: float  # norm of the gradient that G's loss gives G
    d_gradient: float  # norm of the gradient that D's loss gives D


def health(trainer, n=512, seed=0):
    """Look at both players on n fresh examples; training is not changed by it."""
    rng = torch.Generator(trainer.device).manual_seed(seed)
    real, z = trainer.data.sample(n, rng), latent(trainer.G, n, rng)
    with evaluating(trainer.G), evaluating(trainer.D):
        fake = trainer.G(z)
        r, f = trainer.D(real).float(), trainer.D(fake.detach()).float()  # [n], [n]
        d_gradient = _norm(trainer.loss.d(r, f), trainer.D)
        with frozen(trainer.D):
            judged = [trainer.D(real), trainer.D(fake)] if trainer.loss.g_sees_real else None
            logits = judged or [trainer.D(fake)]
            g_gradient = _norm(trainer.loss.g(*(s.float() for s in logits)), trainer.G)
    right = ((r > 0).float().mean() + (f < 0).float().mean()) / 2
    d_real, d_fake = r.sigmoid().mean().item(), f.sigmoid().mean().item()
    return Health(right.item(), d_real, d_fake, g_gradient, d_gradient)


def _norm(loss, net):
    """Norm of d loss / d weights, without touching the weights' .grad."""
    weights = [p for p in net.parameters() if p.requires_grad]
    if not loss.requires_grad or not weights:
        return 0.0  # nothing flows: a detached loss
    slopes = torch.autograd.grad(loss, weights, allow_unused=True)
    return math.sqrt(sum(float(s.double().square().sum()) for s in slopes if s is not None))


def _check_samples(x, mixture):
    if x.ndim != 2 or x.shape[1] != mixture.means.shape[1] or len(x) == 0:
        raise ValueError(f"samples must be [n, {mixture.means.shape[1]}]; got {list(x.shape)}")
    if not torch.isfinite(x).all():
        raise ValueError("the samples hold NaN or infinite values: the generator has diverged")
