"""Two sets of features x, y [n, d] -> numbers that say how alike they are; real before fake.

Features may be the points themselves, pixels, or a network's layer. A metric sees nothing else, so
its value has a meaning only beside others measured on the same features with the same n. All work
is done in float64 and in blocks of rows: memory grows with n, not with n^2.
"""

import math
import warnings
from operator import index

import torch

from ganedu.losses import logistic_d
from ganedu.networks import MLPDiscriminator

ENTRIES = 2**19  # of a distance or kernel matrix held at a time: 4 MiB, which a cache holds
ROUNDING = 1e-12  # of a squared norm: distances that differ by less count as equal


def frechet(x, y):
    """Frechet distance of Gaussians fitted to x and y [n, d]: 0 when means and covariances agree.

    FID is this number on Inception features (Heusel et al. 2017). It is biased upwards, by about
    0.5 d^2 / n for two samples of one Gaussian, and warns when n < d. Units: those of x, squared.
    """
    x, y = _features(x, y, at_least=2)
    n, d = min(len(x), len(y)), x.shape[1]
    if n < d:
        warnings.warn(
            f"frechet: n = {n} examples for d = {d} features give a covariance without full rank "
            "and a distance far too large; use n of many times d, or fewer features",
            stacklevel=2,
        )
    return frechet_of_gaussians(x.mean(0), _covariance(x), y.mean(0), _covariance(y))


def frechet_of_gaussians(mean_x, cov_x, mean_y, cov_y):
    """|m_x - m_y|^2 + tr(S_x + S_y - 2 (S_x^1/2 S_y S_x^1/2)^1/2), with means [d], cov [d, d].

    Any R with R R^T = S_x may stand for S_x^1/2: R^T S_y R has the same eigenvalues, and is
    symmetric, unlike S_x S_y, so it keeps real roots at any rank.
    """
    root, failed = torch.linalg.cholesky_ex(cov_x)
    if failed:  # no full rank, as when a generator has collapsed
        values, vectors = torch.linalg.eigh(cov_x)
        root = vectors * values.clamp(min=0).sqrt()
    overlap = torch.linalg.eigvalsh(root.T @ cov_y @ root).clamp(min=0).sqrt().sum()
    squared = ((mean_x - mean_y) ** 2).sum() + cov_x.trace() + cov_y.trace() - 2 * overlap
    return max(squared.item(), 0.0)  # rounding may leave -1e-16


def kid(x, y):
    """Kernel distance: unbiased squared MMD of x and y [n, d], kernel (x.y / d + 1)^3.

    Binkowski et al. 2018; on all pairs, not on random subsets. Around 0 (below it too) when x and y
    come from one distribution, whatever n is.
    """
    x, y = _features(x, y, at_least=2)
    return (_mean_within(x) + _mean_within(y) - 2 * _mean_between(x, y)).item()


def precision_recall(real, fake, k=3):
    """(share of fakes inside the real set, share of reals inside the fake set), both in [0, 1].

    A set is the union of balls around its points, each reaching to the k-th nearest of the others
    (Kynkaanniemi et al. 2019); a point on the rim is outside.
    """
    real, fake = _features(real, fake, at_least=k + 1, k=k)
    return _share_inside(fake, real, k), _share_inside(real, fake, k)


def density_coverage(real, fake, k=5):
    """(mean number of real balls around a fake / k, share of real balls that hold a fake).

    Naeem et al. 2020, with their strict <. Density may exceed 1. For equal distributions its mean
    is 1, and that of coverage is 1 - prod((N - i) / (2N - i), i = 1..k), near 1 - 2^-k.
    """
    real, fake = _features(real, fake, at_least=k + 1, k=k)
    rim = _radii(real, k)
    hits = sum((near < rim).sum(0) for near in _distances(fake, real))  # fakes in each ball: [N]
    return hits.sum().item() / (k * len(fake)), (hits > 0).double().mean().item()


def _double(x):
    x = torch.as_tensor(x).detach()
    return (x.cpu() if x.device.type == "mps" else x).double()  # Apple's GPU has no float64


def _features(x, y, at_least, k=1):
    """Both sets as float64 [n, d], or one sentence on what does not fit."""
    if k < 1 or k != int(k):
        raise ValueError(f"k, the number of neighbours, must be a whole number from 1 on; got {k}")
    x, y = _double(x), _double(y)
    for name, a in (("first", x), ("second", y)):
        if a.ndim != 2:
            raise ValueError(
                f"features are [n, d]; the {name} set is {list(a.shape)} (pictures: x.flatten(1))"
            )
        if len(a) < at_least or a.shape[1] == 0:
            raise ValueError(
                f"the {name} set is {list(a.shape)}; at least {at_least} rows are needed"
            )
        if not torch.isfinite(a.sum()) and not torch.isfinite(a).all():  # a sum is quicker
            raise ValueError(f"the {name} set holds NaN or infinite values: has G diverged?")
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"both sets need the same features; got d = {x.shape[1]} and {y.shape[1]}")
    return x, y.to(x.device)


def _covariance(x):
    centred = x - x.mean(0)
    if x.device.type == "cpu":  # numpy computes one half of a symmetric product, torch both
        product = torch.from_numpy(centred.numpy().T @ centred.numpy())
    else:
        product = centred.T @ centred
    return product / (len(x) - 1)  # [d, d], also for d = 1


def _mean_between(x, y):
    """Mean of (x.y / d + 1)^3 over all pairs of a row of x and a row of y."""
    x, y = _with_one(x), _with_one(y)
    total = sum((part @ y.T).pow_(3).sum() for part in _blocks(x, len(y)))
    return total / (len(x) * len(y))


def _mean_within(x):
    """Mean of (x.x' / d + 1)^3 over all pairs of two different rows of x."""
    x, start, total = _with_one(x), 0, 0.0
    for part in _blocks(x, len(x)):
        pairs = (part @ x[start:].T).pow_(3)  # with itself and what follows: the rest is its mirror
        total += 2 * pairs.sum() - pairs[:, : len(part)].sum()
        start += len(part)
    itself = ((x**2).sum(1) ** 3).sum()  # the diagonal: what makes MMD biased
    return (total - itself) / (len(x) * (len(x) - 1))


def _with_one(x):
    """Rows (x / sqrt(d), 1): their products are x.y / d + 1."""
    return torch.cat([x / x.shape[1] ** 0.5, torch.ones_like(x[:, :1])], dim=1)


def _share_inside(points, centres, k):
    """Share of the points that lie inside at least one centre's ball."""
    rim = _radii(centres, k)
    inside = sum((near < rim).any(1).sum().item() for near in _distances(points, centres))
    return inside / len(points)


def _radii(x, k):
    """Squared distance of each row to its k-th nearest other row, less what rounding may add."""
    rim = torch.empty_like(x[:, 0])  # whole: small pieces kept between large blocks waste gigabytes
    for part, near in zip(_blocks(rim, len(x)), _distances(x, x)):
        part.copy_(near.topk(k + 1, largest=False).values[:, k])  # into rim
    return rim - ROUNDING * ((x - x.mean(0)) ** 2).sum(1)


def _distances(points, centres):
    """Squared distances, up to rounding, of all points to all centres: blocks [rows, len(centres)]."""
    middle = centres.mean(0)  # |a|^2 + |b|^2 - 2 a.b is exact enough only near the origin
    points, centres = points - middle, centres - middle
    norms = (centres**2).sum(1)
    for part in _blocks(points, len(centres)):
        squares = (part**2).sum(1, keepdim=True) + norms
        yield torch.addmm(squares, part, centres.T, alpha=-2)


def _blocks(x, columns):
    """x's rows, about ENTRIES / columns at a time."""
    return x.split(max(64, ENTRIES // columns))


# ---- more numbers for the same two sets ----------------------------------------------------------


def c2st(real, fake, *, steps=300, width=64, lr=3e-3, seed=0):
    """A lower bound of the misplaced mass (total variation): 2 accuracy - 1 of a fresh discriminator.

    It learns on a random half of both sets and is asked about the other (Lopez-Paz & Oquab 2017). For
    equal distributions it is around 0, below it too, with SD 1 / sqrt(n / 2) for n of each at most.
    """
    real, fake = _features(real, fake, at_least=4)
    rng = torch.Generator().manual_seed(index(seed))
    n = min(len(real), len(fake))
    real, fake = (a[torch.randperm(len(a), generator=rng)[:n]].float().cpu() for a in (real, fake))
    both = torch.cat([real[: n // 2], fake[: n // 2]])
    real, fake = ((a - both.mean(0)) / both.std(0).clamp(min=1e-6) for a in (real, fake))
    D = _learned(real[: n // 2], fake[: n // 2], steps, width, lr, seed)
    with torch.no_grad():
        on_real, on_fake = D(real[n // 2 :]), D(fake[n // 2 :])
    return ((on_real > 0).double().mean() + (on_fake < 0).double().mean()).item() - 1


def _learned(real, fake, steps, width, lr, seed):
    """A discriminator that tells the rows of both apart."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(index(seed))  # the CPU's alone
        D = MLPDiscriminator(in_dim=real.shape[1], width=width)
    rng = torch.Generator().manual_seed(index(seed))
    optimiser = torch.optim.AdamW(D.parameters(), lr, weight_decay=0.01)
    for _ in range(steps):
        rows = torch.randint(len(real), (min(256, len(real)),), generator=rng)
        loss = logistic_d(D(real[rows]), D(fake[rows]))
        optimiser.zero_grad(), loss.backward(), optimiser.step()
    return D


def frechet_at_infinity(x, y, sizes=5, seed=0):
    """The Frechet distance that x and y [n, d] point to for n = infinity (Chong & Forsyth 2020).

    Distances of equally many rows, at `sizes` numbers from n / 4 to n, lie near a line over 1 / n: its
    value at 0. It may fall below 0 a little where the distributions agree.
    """
    x, y = _features(x, y, at_least=8)
    if sizes < 2:
        raise ValueError(f"a line needs two numbers of examples or more; got sizes = {sizes}")
    rng, most = torch.Generator().manual_seed(index(seed)), min(len(x), len(y))
    numbers = torch.linspace(1 / most, 4 / most, sizes).reciprocal().round().long().tolist()
    found = [[_frechet_of(x, y, n, rng) for _ in range(max(1, most // n))] for n in numbers]
    values = torch.tensor([sum(f) / len(f) for f in found], dtype=torch.float64)
    inverse = 1 / torch.tensor(numbers).double()
    slope = ((inverse - inverse.mean()) * values).sum() / ((inverse - inverse.mean()) ** 2).sum()
    return (values.mean() - slope * inverse.mean()).item()


def _frechet_of(x, y, n, rng):
    x, y = (a[torch.randperm(len(a), generator=rng)[:n].to(a.device)] for a in (x, y))
    return frechet_of_gaussians(x.mean(0), _covariance(x), y.mean(0), _covariance(y))


def mmd(x, y, width):
    """Unbiased squared MMD of x and y [n, d] with the kernel exp(-|x - y|^2 / 2 width^2).

    It is 0 for equal distributions only, unlike KID. On CLIP features of length 1, with width 10, and times
    1,000, it is CMMD, but for their biased estimate (Jayasumana et al. 2024).
    """
    x, y = _features(x, y, at_least=2)
    if not 0 < width < math.inf:
        raise ValueError(f"the kernel's width must be above 0 and finite; got {width}")

    def likeness(a, b):
        return sum((-near.clamp(min=0) / (2 * width**2)).exp().sum() for near in _distances(a, b))

    n, m = len(x), len(y)
    within = (likeness(x, x) - n) / (n * (n - 1)) + (likeness(y, y) - m) / (m * (m - 1))
    return (within - 2 * likeness(x, y) / (n * m)).item()


def authentic(train, fake):
    """Share of fakes that are further from their nearest training example than that is from its own nearest.

    AuthPct (Alaa et al. 2022): 0 for copies; compare with the value of fresh real examples.
    """
    train, fake = _features(train, fake, at_least=2)
    own = _radii(train, 1)
    found = [near.min(1) for near in _distances(fake, train)]
    squared, nearest = (torch.cat([f[i] for f in found]) for i in (0, 1))
    return (squared > own[nearest]).double().mean().item()


def held_out_likelihood(fake, train, test):
    """Mean log-likelihood, in nats, of test [m, d] under equal Gaussians around the fakes [n, d].

    Their one width is what makes `train` most likely. A copier's is nearly 0, and then new examples are
    most unlikely: what FLD rests on (Jiralerspong et al. 2023; there each fake has a width of its own).
    """
    fake, train = _features(fake, train, at_least=2)
    test = _features(fake, test, at_least=2)[1]
    squares = torch.cat(list(_distances(train, fake))).clamp(min=0)  # [N, n], rounding cut off
    usual = squares.min(1).values.mean().sqrt().item()
    widths = max(usual, 1e-6) * torch.logspace(-4, 1, 41, dtype=torch.float64)
    best = max(widths.tolist(), key=lambda h: _log_likelihood(squares, h, fake.shape[1]))
    return _log_likelihood(torch.cat(list(_distances(test, fake))), best, fake.shape[1])


def _log_likelihood(squares, width, d):
    """Mean log-density from squared distances [m, n] to equal Gaussians in d dimensions."""
    heights = torch.logsumexp(-squares.clamp(min=0) / (2 * width**2), dim=1) - math.log(
        squares.shape[1]
    )
    return (heights.mean() - d * math.log(width * math.sqrt(2 * math.pi))).item()


def inception_score(p):
    """exp of the mean KL(p(y | x) || p(y)) of a classifier's probabilities p [n, classes]: 1 to classes.

    Salimans et al. 2016. It looks at no real example: one perfect image a class scores highest.
    """
    p = _double(p)
    if p.ndim != 2 or len(p) == 0 or not ((p >= 0).all() and (p.sum(1) - 1).abs().max() < 1e-3):
        raise ValueError(
            f"p must be probabilities [n, classes], each row >= 0 with the sum 1; got {list(p.shape)}"
            " (of logits: logits.softmax(1))"
        )
    m = p.mean(0)  # KL's second term, averaged, is an entropy: the mean of p log m is m log m
    kl = torch.special.xlogy(p, p).sum() / len(p) - torch.special.xlogy(m, m).sum()
    return kl.exp().item()
