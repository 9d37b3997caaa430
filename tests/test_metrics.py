"""ganedu.metrics: known answers, properties that every metric must have, and clear errors."""

import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

from ganedu import metrics
from ganedu.metrics import density_coverage, frechet, frechet_of_gaussians, kid, precision_recall

ALL = [frechet, kid, precision_recall, density_coverage]


def normal(n, d, seed):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def with_moments(mean, covariance, seed, n=50):
    """n points whose sample mean and covariance are exactly these."""
    mean, covariance = torch.tensor(mean).double(), torch.tensor(covariance).double()
    x = normal(n, len(mean), seed)
    x = x - x.mean(0)
    white = x @ torch.linalg.inv(torch.linalg.cholesky(x.T @ x / (n - 1))).T
    return mean + white @ torch.linalg.cholesky(covariance).T


# ---- Frechet distance ----------------------------------------------------------------------------

EYE4 = torch.eye(4).tolist()
KNOWN = {
    "scale 2 in four dimensions": (([0.0] * 4, EYE4), ([0.0] * 4, (4 * torch.eye(4)).tolist()), 4),
    "mean shifted by 3": (([0.0] * 4, EYE4), ([3.0, 0, 0, 0], EYE4), 9),
    "one dimension": (([0.0], [[1.0]]), ([2.0], [[9.0]]), 8),
    "covariances that do not commute": (
        ([0.0, 0], [[2.0, 1], [1, 2]]),
        ([0.0, 0], [[1.0, 0], [0, 4]]),
        0.7712204477,
    ),
}


@pytest.mark.parametrize("x, y, answer", KNOWN.values(), ids=KNOWN)
def test_frechet_has_its_closed_form_values(x, y, answer):
    found = frechet(with_moments(*x, seed=1), with_moments(*y, seed=2, n=70))
    assert found == pytest.approx(answer, abs=1e-9)
    assert found == pytest.approx(frechet(with_moments(*y, seed=3), with_moments(*x, seed=4)))


@pytest.mark.parametrize(
    "modes, answer",
    [([0, 2, 4, 6], 0.0), ([0], 1.9721), ([0, 4], 0.5718), ([0, 1, 2, 3, 4, 5, 6], 0.0274)],
)
def test_frechet_of_a_ring_that_lost_modes(modes, answer):
    """Closed form, r = 1, sigma = .01: half the ring scores exactly 0, so 0 proves nothing."""

    def moments(kept):
        angle = 2 * math.pi * torch.tensor(kept).double() / 8
        points = torch.stack([angle.cos(), angle.sin()], dim=1)
        centred = points - points.mean(0)
        return points.mean(0), centred.T @ centred / len(kept) + 1e-4 * torch.eye(2).double()

    found = frechet_of_gaussians(*moments(list(range(8))), *moments(modes))
    assert found == pytest.approx(answer, abs=5e-5)


def test_frechet_agrees_with_scipys_matrix_root():
    from scipy import linalg  # scikit-learn needs it, so it is there

    x, y = normal(200, 6, 1) @ normal(6, 6, 3), normal(150, 6, 2) @ normal(6, 6, 4) + 0.3
    s_x, s_y = np.cov(x.numpy().T), np.cov(y.numpy().T)
    shift = ((x.mean(0) - y.mean(0)) ** 2).sum().item()
    oracle = shift + np.trace(s_x + s_y - 2 * linalg.sqrtm(s_x @ s_y).real)
    assert frechet(x, y) == pytest.approx(oracle, rel=1e-9)


def test_frechet_survives_a_collapsed_generator():
    """All fakes on one point, covariance 0: |shift|^2 + trace of the real covariance remains."""
    real = with_moments([0.0, 0, 0], torch.diag(torch.tensor([1.0, 2, 3])).tolist(), seed=1)
    fake = torch.full((40, 3), 1.0)
    assert frechet(real, fake) == pytest.approx(3 + 6, abs=1e-6)
    assert frechet(fake, real) == pytest.approx(3 + 6, abs=1e-6)
    line = fake * torch.linspace(-1, 1, 40)[:, None]  # rank 1
    assert frechet(line, line) == pytest.approx(0, abs=1e-6)


def test_frechet_warns_with_n_and_d_when_there_are_fewer_examples_than_features():
    with pytest.warns(UserWarning, match=r"n = 15 .* d = 20"):
        biased = frechet(normal(15, 20, 1), normal(900, 20, 2))
    assert biased > 5  # though both are samples of one distribution
    with pytest.warns(UserWarning, match=r"n = 15 .* d = 20"):
        frechet(normal(900, 20, 2), normal(15, 20, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frechet(normal(20, 20, 1), normal(900, 20, 2))


def test_frechet_is_biased_upwards_by_about_half_d_squared_over_n():
    """To first order in 1/n: 2 d / n from the means, (d^2 + d) / 2n from the covariances."""
    d, n = 20, 1000
    found = np.mean([frechet(normal(n, d, 2 * i), normal(n, d, 2 * i + 1)) for i in range(10)])
    assert found == pytest.approx((d**2 + 5 * d) / (2 * n), rel=0.1)


# ---- KID -----------------------------------------------------------------------------------------


def mmd_by_hand(x, y):
    """The definition, pair by pair: sums over i != j within a set, over all pairs between sets."""
    d = x.shape[1]

    def mean(a, b, same):
        values = [
            (float(p @ q) / d + 1) ** 3
            for i, p in enumerate(a)
            for j, q in enumerate(b)
            if not (same and i == j)
        ]
        return sum(values) / len(values)

    return mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)


def test_kid_is_its_definition_also_for_sets_of_two_sizes():
    x, y = normal(7, 3, 1), normal(11, 3, 2) * 2 + 1
    assert kid(x, y) == pytest.approx(mmd_by_hand(x, y), rel=1e-12)
    assert kid(y, x) == pytest.approx(kid(x, y), rel=1e-12)


def test_kid_of_known_points():
    """x = {0, 2}, y = {1, 3}: k(0, 2) = 1, k(1, 3) = 4^3, and four pairs 1, 1, 3^3, 7^3 between."""
    x, y = torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [3.0]])
    assert kid(x, y) == pytest.approx(1 + 64 - 2 * (1 + 1 + 27 + 343) / 4)


def test_kid_is_unbiased():
    """200 pairs of samples of one distribution: mean 0 within 4 standard errors, of both signs."""
    found = np.array([kid(normal(20, 5, 2 * i), normal(30, 5, 2 * i + 1)) for i in range(200)])
    assert abs(found.mean()) < 4 * found.std() / math.sqrt(200)
    assert (found < 0).mean() > 0.3


# ---- precision, recall, density, coverage --------------------------------------------------------

REAL = torch.tensor([[0.0], [1.0], [2.0], [10.0]])  # k = 1: balls of radius 1, 1, 1, 8
FAKE = torch.tensor([[0.5], [-5.0], [30.0]])  # k = 1: balls of radius 5.5, 5.5, 29.5


def test_precision_and_recall_of_known_points():
    """Of fakes only .5 is in a real ball (those of 0 and 1); each real is in one of .5 or 30."""
    precision, recall = precision_recall(REAL, FAKE, k=1)
    assert precision == pytest.approx(1 / 3)
    assert recall == 1


def test_precision_recall_swap_with_their_arguments():
    assert precision_recall(FAKE, REAL, k=1) == precision_recall(REAL, FAKE, k=1)[::-1]


def test_density_and_coverage_of_known_points():
    """.5 lies in 2 real balls, 2.5 in those of 2 and 10, -5 in none: density 4/3, coverage 4/4."""
    assert density_coverage(REAL, torch.tensor([[0.5], [2.5], [-5.0]]), k=1) == (
        pytest.approx(4 / 3),
        1.0,
    )
    assert density_coverage(REAL, FAKE, k=1) == (pytest.approx(2 / 3), 0.5)


def brute_force(real, fake, k):
    real, fake = real.numpy(), fake.numpy()

    def distances(a, b):
        return np.sqrt(((a[:, None] - b[None]) ** 2).sum(2))

    rim_real = np.sort(distances(real, real), axis=1)[:, k]
    rim_fake = np.sort(distances(fake, fake), axis=1)[:, k]
    near = distances(real, fake)
    precision, recall = (near < rim_real[:, None]).any(0), (near < rim_fake[None]).any(1)
    inside = near < rim_real[:, None]
    return precision.mean(), recall.mean(), inside.sum() / (k * len(fake)), inside.any(1).mean()


@pytest.mark.parametrize("n, m, d, k", [(200, 150, 2, 3), (90, 250, 10, 5), (130, 70, 1, 1)])
def test_neighbour_metrics_agree_with_the_definitions(n, m, d, k):
    real, fake = normal(n, d, 1) + 50, normal(m, d, 2) * 0.7 + 50.2  # far from the origin
    found = (*precision_recall(real, fake, k), *density_coverage(real, fake, k))
    assert found == pytest.approx(brute_force(real, fake, k), abs=1e-12)
    assert 0 < min(found) and found[0] != found[1]


def test_a_point_on_the_rim_is_outside():
    """Real balls of radius 1 (k = 1); fakes at distance exactly 1 from every centre near them."""
    real = torch.tensor([[0.0, 0], [1, 0], [50, 0], [51, 0]])
    fake = torch.tensor([[-1.0, 0], [2, 0], [0, 1], [52, 0]])
    assert precision_recall(real, fake, k=1)[0] == 0
    assert density_coverage(real, fake, k=1) == (0, 0)


def test_rounding_decides_no_tie():
    """On a lattice nearly every distance is a tie; scaled by .37 each comes with a rounding error."""
    rng = torch.Generator().manual_seed(0)
    real, fake = (torch.randint(0, 9, (n, 3), generator=rng).double() for n in (200, 150))
    a, b = (0.37 * real + 0.1, 0.37 * fake + 0.1)
    exact = brute_force(real, fake, 3)
    assert (*precision_recall(a, b, 3), *density_coverage(a, b, 3)) == pytest.approx(exact)


def test_identical_sets_are_at_distance_nothing():
    """k-1 neighbours and the point itself lie inside each ball: density is exactly 1."""
    x = normal(700, 8, 1) + 3
    assert precision_recall(x, x.clone(), k=3) == (1, 1)
    assert density_coverage(x, x.clone(), k=5) == (1, 1)
    assert frechet(x, x.clone()) == pytest.approx(0, abs=1e-9)
    assert all(frechet(y, y) >= 0 for y in (normal(50, d, d) for d in range(1, 30)))


def test_duplicates_have_balls_without_an_inside():
    """With more than k equal points the k-th neighbour is at distance 0, and 0 < 0 is false."""
    real = normal(200, 8, 1).repeat_interleave(6, dim=0) + 3
    assert precision_recall(real, real, k=3) == (0, 0)
    assert density_coverage(real, real, k=5) == (0, 0)


def test_neighbour_metrics_do_not_depend_on_where_the_origin_is():
    """|a|^2 + |b|^2 - 2 a.b loses all its digits far from the origin, unless one moves it first."""
    real, fake = normal(200, 3, 1), normal(150, 3, 2) * 0.7
    assert precision_recall(real + 1e7, fake + 1e7) == precision_recall(real, fake)
    assert density_coverage(real + 1e7, fake + 1e7) == density_coverage(real, fake)


def test_expected_density_and_coverage_of_equal_distributions():
    """E[density] = 1, E[coverage] = 1 - prod((N - i) / (2N - i), i = 1..k) (Naeem et al. 2020)."""
    n, k = 200, 5
    pairs = [(normal(n, 4, 2 * i), normal(n, 4, 2 * i + 1)) for i in range(40)]
    density, coverage = np.mean([density_coverage(x, y, k) for x, y in pairs], axis=0)
    assert density == pytest.approx(1, abs=0.03)
    expected = 1 - math.prod((n - i) / (2 * n - i) for i in range(1, k + 1))
    assert coverage == pytest.approx(expected, abs=0.01)


def test_a_generator_collapsed_within_the_data_has_precision_without_recall():
    real, fake = normal(500, 2, 1), normal(500, 2, 2) * 0.05
    precision, recall = precision_recall(real, fake)
    density, coverage = density_coverage(real, fake)
    assert precision > 0.95 > 0.1 > recall
    assert density > 0.9 and coverage < 0.1


def test_a_generator_that_also_makes_junk_has_recall_without_precision():
    real, fake = normal(500, 2, 1), normal(500, 2, 2) * 4
    precision, recall = precision_recall(real, fake)
    assert precision < 0.5 and recall > 0.9


# ---- against torch-fidelity, where the definitions agree ------------------------------------------

SIZES = [(300, 300, 5), (400, 250, 64), (200, 350, 2)]


def feature_like(n, m, d):
    """Correlated features of unequal spread, some of them negative, real and fake apart."""
    mix = normal(d, d, 7) / d**0.5
    return normal(n, d, 8) @ mix + 0.5, 0.8 * normal(m, d, 9) @ mix + 0.4


@pytest.mark.parametrize("n, m, d", SIZES)
def test_frechet_agrees_with_torch_fidelity(n, m, d):
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    x, y = feature_like(n, m, d)
    found = fid_statistics_to_metric(
        fid_features_to_statistics(x), fid_features_to_statistics(y), verbose=False
    )
    assert frechet(x, y) == pytest.approx(found["frechet_inception_distance"], abs=1e-6, rel=1e-6)


@pytest.mark.parametrize("n, d", [(300, 5), (250, 64), (200, 1)])
def test_kid_agrees_with_torch_fidelity(n, d):
    """Its subsets are as large as both sets, so that one subset holds all pairs."""
    from torch_fidelity.metric_kid import kid_features_to_metric

    x, y = feature_like(n, n, d)
    found = kid_features_to_metric(x, y, kid_subsets=1, kid_subset_size=n, verbose=False)
    assert kid(x, y) == pytest.approx(found["kernel_inception_distance_mean"], abs=1e-6, rel=1e-6)


@pytest.mark.parametrize("n, m, d", SIZES)
@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_recall_agrees_with_torch_fidelity(n, m, d, k):
    """It takes the fakes first, and <= for <: the same where no two distances are equal."""
    from torch_fidelity.metric_prc import prc_features_to_metric

    real, fake = feature_like(n, m, d)
    found = prc_features_to_metric(fake, real, prc_neighborhood=k, verbose=False)
    theirs = found["precision"], found["recall"]
    assert precision_recall(real, fake, k) == pytest.approx(theirs, abs=1e-6)
    assert theirs[0] != theirs[1], "the two sets are too much alike to tell the two numbers apart"


# ---- all of them ---------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ALL)
def test_a_metric_takes_float32_or_numpy_and_gives_floats(metric):
    x, y = normal(60, 3, 1).float(), normal(50, 3, 2).float().requires_grad_()
    kept = x.clone()
    found = metric(x, y)
    assert all(type(value) is float for value in (found if isinstance(found, tuple) else [found]))
    assert torch.equal(x, kept)
    assert metric(x.numpy(), y.detach().numpy()) == found


@pytest.mark.parametrize("metric", ALL)
def test_blocks_change_nothing(metric, monkeypatch):
    x, y = normal(300, 3, 1), normal(200, 3, 2) + 0.5
    whole = metric(x, y)
    monkeypatch.setattr(metrics, "ENTRIES", 1)
    assert metric(x, y) == pytest.approx(whole, rel=1e-12)


def test_the_largest_block_stays_small():
    """50,000 x 50,000 distances are 20 GB; a block of them is at most 2 MiB x 16."""
    x = torch.zeros(50_000, 2, dtype=torch.float64)
    assert next(metrics._distances(x, x)).nbytes <= 32 * 2**20


MEMORY = """
import resource, torch
from ganedu.metrics import precision_recall
x = torch.randn(20_000, 16, generator=torch.Generator().manual_seed(0))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
precision_recall(x, x[:100] * 0.9)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has other units elsewhere")
def test_memory_does_not_grow_with_the_number_of_blocks():
    """20,000 x 20,000 distances are 3 GB, in 313 blocks of 10 MB: none of them may stay behind."""
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 300


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize(
    "x, y, sentence",
    [
        (torch.zeros(9, 1, 8, 8), torch.zeros(9, 64), r"\[n, d\]; the first set is \[9, 1, 8, 8\]"),
        (torch.zeros(9, 3), torch.zeros(9), r"the second set is \[9\]"),
        (torch.zeros(9, 3), torch.zeros(9, 4), "d = 3 and 4"),
        (torch.zeros(1, 3), torch.zeros(9, 3), r"the first set is \[1, 3\]; at least"),
        (torch.zeros(9, 0), torch.zeros(9, 0), r"\[9, 0\]"),
        (torch.zeros(9, 2), torch.full((9, 2), math.nan), "second set holds NaN"),
        (torch.full((9, 2), math.inf), torch.zeros(9, 2), "first set holds NaN or infinite"),
    ],
)
def test_what_does_not_fit_is_one_sentence(metric, x, y, sentence):
    with pytest.raises(ValueError, match=sentence):
        metric(x, y)


@pytest.mark.parametrize("metric", [precision_recall, density_coverage])
def test_too_few_points_for_k_neighbours_is_one_sentence(metric):
    with pytest.raises(ValueError, match="at least 8 rows"):
        metric(torch.zeros(7, 2), torch.zeros(9, 2), k=7)
    with pytest.raises(ValueError, match="k, the number of neighbours"):
        metric(torch.zeros(7, 2), torch.zeros(9, 2), k=0)


# ---- a fresh discriminator, other kernels, likelihood, authenticity --------------------------------


def test_c2st_is_below_the_misplaced_mass_and_near_it():
    """Two Gaussians 2 apart: total variation 2 Phi(1) - 1 = .683; SD of the bound .02 at n = 2,000."""
    x, y = normal(4000, 2, 1), normal(4000, 2, 2) + torch.tensor([2.0, 0])
    found = metrics.c2st(x, y)
    assert 0.6 < found < 0.683 + 0.06
    assert abs(metrics.c2st(x, normal(4000, 2, 3))) < 0.08
    assert metrics.c2st(x, y + 20) == 1


def test_c2st_sees_what_moments_cannot_and_agrees_with_another_classifier():
    """Four of eight modes: mean and covariance agree, half of the mass is misplaced."""
    from sklearn.neighbors import KNeighborsClassifier

    from ganedu.data import ring

    rng = torch.Generator().manual_seed(1)
    half = ring(8, weights=torch.tensor([1.0, 0] * 4) / 4)
    x, y = ring(8).sample(4000, rng), half.sample(4000, rng)
    both, labels = torch.cat([x[:2000], y[:2000]]), [1] * 2000 + [0] * 2000
    other = KNeighborsClassifier(25).fit(both, labels)
    held = other.predict(x[2000:]).mean() - other.predict(y[2000:]).mean()
    assert abs(metrics.c2st(x, y) - 0.5) < 0.06 and abs(held - 0.5) < 0.06


def test_frechet_at_infinity_has_less_bias_than_frechet():
    """d = 16, n = 800: the bias is .21; what is left of it, over ten pairs, hardly anything."""
    pairs = [(normal(800, 16, 2 * i), normal(800, 16, 2 * i + 1)) for i in range(10)]
    left = torch.tensor([metrics.frechet_at_infinity(x, y) for x, y in pairs]).mean()
    assert torch.tensor([frechet(x, y) for x, y in pairs]).mean() > 0.18
    assert abs(left) < 0.04
    x, y = pairs[0]
    assert abs(metrics.frechet_at_infinity(x, y + 1) - 16) < 1.5


def test_mmd_has_its_closed_form_for_gaussians():
    """E k of N(0, 1) and N(m, 1) is (w^2 / (w^2 + 2))^(d/2) exp(-m^2 / 2 (w^2 + 2))."""
    d, w, m = 3, 1.5, 1.0
    x, y = normal(4000, d, 1), normal(4000, d, 2) + torch.tensor([m, 0, 0])
    scale = (w**2 / (w**2 + 2)) ** (d / 2)
    true = 2 * scale * (1 - math.exp(-(m**2) / (2 * (w**2 + 2))))
    assert metrics.mmd(x, y, w) == pytest.approx(true, abs=0.006)
    values = [metrics.mmd(normal(100, d, i), normal(100, d, 50 + i), w) for i in range(40)]
    assert abs(np.mean(values)) < 4 * np.std(values) / 40**0.5 and min(values) < 0


def test_mmd_agrees_with_scikit_learns_kernel():
    from sklearn.metrics.pairwise import rbf_kernel

    x, y, w = normal(60, 5, 1), normal(80, 5, 2) + 0.3, 2.0
    k = [rbf_kernel(a, b, gamma=1 / (2 * w**2)) for a, b in ((x, x), (y, y), (x, y))]
    within = (k[0].sum() - 60) / (60 * 59) + (k[1].sum() - 80) / (80 * 79)
    assert metrics.mmd(x, y, w) == pytest.approx(within - 2 * k[2].mean(), abs=1e-12)


def test_mmd_agrees_with_torch_fidelity():
    from torch_fidelity.metric_kid import kid_features_to_metric

    x, y, w = normal(90, 6, 1), 0.8 * normal(90, 6, 2) + 0.2, 2.5
    options = {"kid_subsets": 1, "kid_subset_size": 90, "verbose": False}
    options |= {"kid_kernel": "rbf", "kid_kernel_rbf_sigma": w}
    theirs = kid_features_to_metric(x, y, **options)["kernel_inception_distance_mean"]
    assert metrics.mmd(x, y, w) == pytest.approx(theirs, abs=1e-12)


def test_authentic_by_hand_and_by_its_definition():
    train, fake = normal(50, 3, 1), normal(70, 3, 2)
    apart, own = torch.cdist(fake, train), torch.cdist(train, train).fill_diagonal_(math.inf)
    expected = (apart.min(1).values > own.min(1).values[apart.argmin(1)]).double().mean()
    assert metrics.authentic(train, fake) == pytest.approx(expected.item())
    line = torch.tensor([[0.0], [1.0], [3.0]])  # nearest others: 1, 1, 2 away
    assert metrics.authentic(line, torch.tensor([[-1.5], [0.4], [4.5], [6.0]])) == 0.5
    assert metrics.authentic(train, train[:20]) == 0


def test_held_out_likelihood_agrees_with_scikit_learn():
    from sklearn.neighbors import KernelDensity

    fake, train, test = (normal(200, 2, seed) for seed in range(3))
    found = metrics.held_out_likelihood(fake, train, test)
    widths = np.geomspace(0.05, 3, 200)
    fits = [KernelDensity(bandwidth=h).fit(fake) for h in widths]
    best = max(fits, key=lambda fit: fit.score(train))
    assert found == pytest.approx(best.score(test) / 200, abs=0.02)


def test_held_out_likelihood_convicts_the_copier_and_the_collapsed():
    train, test = normal(300, 4, 1), normal(300, 4, 2)
    fresh = metrics.held_out_likelihood(normal(300, 4, 3), train, test)
    assert metrics.held_out_likelihood(train + 1e-3 * normal(300, 4, 4), train, test) < fresh - 5
    assert metrics.held_out_likelihood(0.1 * normal(300, 4, 5) + 2, train, test) < fresh - 0.5
    exact = metrics.held_out_likelihood(train, train, test)  # rounding: squares of -1e-16
    assert -math.inf < exact < -1e6


@pytest.mark.parametrize(
    "p",
    [
        torch.full((5, 10), math.nan),
        torch.zeros(0, 10),
        torch.ones(5, 10),
        torch.eye(10)[0],
        torch.tensor([[2.0, -1.0]]),
    ],
)
def test_the_inception_score_of_what_are_no_probabilities_is_one_sentence(p):
    with pytest.raises(ValueError, match=r"p must be probabilities \[n, classes\]"):
        metrics.inception_score(p)


@pytest.mark.parametrize(
    "ask, says",
    [
        (lambda x: metrics.mmd(x, x, 0), "width must be above 0 and finite; got 0"),
        (lambda x: metrics.mmd(x, x, -1), "got -1"),
        (lambda x: metrics.mmd(x, x, math.nan), "got nan"),
        (lambda x: metrics.frechet_at_infinity(x, x, sizes=1), "a line needs two numbers"),
        (lambda x: precision_recall(x, x, k=2.5), "must be a whole number from 1 on; got 2.5"),
    ],
)
def test_a_setting_without_a_meaning_is_one_sentence(ask, says):
    with pytest.raises(ValueError, match=says):
        ask(normal(20, 3, 0))


def test_the_likelihood_under_exact_copies_is_a_number_far_below():
    train, test = normal(60, 3, 0), normal(60, 3, 1)
    copied = metrics.held_out_likelihood(train, train, test)
    assert math.isfinite(copied) and copied < -1000


def test_inception_score_counts_sure_classes_and_agrees_with_torch_fidelity():
    from torch_fidelity.metric_isc import isc_features_to_metric

    assert metrics.inception_score(torch.eye(10).repeat(3, 1)) == pytest.approx(10)
    assert metrics.inception_score(torch.full((30, 10), 0.1)) == pytest.approx(1)
    assert metrics.inception_score(torch.eye(10)[:1].repeat(9, 1)) == pytest.approx(1)
    logits = 3 * normal(400, 10, 1)
    theirs = isc_features_to_metric(logits, splits=1, shuffle=False)["inception_score_mean"]
    assert metrics.inception_score(logits.softmax(1)) == pytest.approx(theirs, abs=1e-6)
