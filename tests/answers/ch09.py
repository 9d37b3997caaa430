"""Answers to the exercises of chapter 09, right and wrong."""

import math

import numpy as np
import torch

# ---- 09.frechet: my_frechet(real, fake) ----------------------------------------------------------


def covariance(x):
    c = x - x.mean(0)
    return c.T @ c / (len(x) - 1)


def root(S):
    values, vectors = torch.linalg.eigh(S)
    return vectors @ values.clamp(min=0).sqrt().diag() @ vectors.T


def shift(x, y):
    return ((x.mean(0) - y.mean(0)) ** 2).sum()


def overlap(S, T):
    return root(root(S) @ T @ root(S)).trace()


def f_by_the_formula(real, fake):
    S, T = covariance(real), covariance(fake)
    return shift(real, fake) + (S + T - 2 * root(root(S) @ T @ root(S))).trace()


def f_by_singular_values(real, fake):
    """The nuclear norm of S^1/2 T^1/2 is the trace of the root; float at the end."""
    S, T = covariance(real), covariance(fake)
    both = torch.linalg.svdvals(root(S) @ root(T)).sum()
    return float(shift(real, fake) + torch.trace(S) + torch.trace(T) - 2 * both)


def f_by_eigenvalues_of_the_product(real, fake):
    """As torch-fidelity and torchmetrics do: the eigenvalues of S T, complex by rounding alone."""
    S, T = covariance(real), covariance(fake)
    both = torch.linalg.eigvals(S @ T).sqrt().real.sum()
    return shift(real, fake) + S.trace() + T.trace() - 2 * both


def f_in_numpy(real, fake):
    x, y = real.numpy(), fake.numpy()
    S, T = (np.atleast_2d(np.cov(a, rowvar=False)) for a in (x, y))
    values, vectors = np.linalg.eigh(T)
    half = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    both = np.sqrt(np.maximum(np.linalg.eigvalsh(half @ S @ half), 0)).sum()
    return np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(S) + np.trace(T) - 2 * both


def f_in_single_precision(real, fake):
    return f_by_the_formula(real.float(), fake.float())


def f_from_data_matrices(real, fake):
    """The nuclear norm of the product of the centred data: no covariance, no root at all."""
    x = (real - real.mean(0)) / math.sqrt(len(real) - 1)
    y = (fake - fake.mean(0)) / math.sqrt(len(fake) - 1)
    both = torch.linalg.matrix_norm(x @ y.T, "nuc")
    return shift(real, fake) + (x**2).sum() + (y**2).sum() - 2 * both


def f_of(S, T, means):
    return means + S.trace() + T.trace() - 2 * overlap(S, T)


def with_overlap(rule):
    """Everything right but the term with the roots, rule(S, T)."""

    def answer(real, fake):
        S, T = covariance(real), covariance(fake)
        return shift(real, fake) + S.trace() + T.trace() - 2 * rule(S, T)

    return answer


def with_mean(rule):
    def answer(real, fake):
        return f_of(covariance(real), covariance(fake), rule(real, fake))

    return answer


def with_covariance(rule):
    def answer(real, fake):
        return f_of(rule(real), rule(fake), shift(real, fake))

    return answer


def biased(x):
    return (x - x.mean(0)).T @ (x - x.mean(0)) / len(x)


def cholesky_root(S, T):
    L = torch.linalg.cholesky(S)
    return torch.linalg.eigvalsh(L.T @ T @ L).sqrt().sum()


def with_epsilon(S, T):
    e = 1e-6 * torch.eye(len(S), dtype=S.dtype)
    return overlap(S + e, T + e)


def torch_cov_for_many(real, fake):
    S, T = torch.cov(real.T), torch.cov(fake.T)
    return f_of(S, T, shift(real, fake))


def one_number_each(real, fake):
    return (real.mean() - fake.mean()) ** 2 + (real.std() - fake.std()) ** 2


def own_sizes_mixed_up(real, fake):
    c = fake - fake.mean(0)
    return f_of(covariance(real), c.T @ c / (len(real) - 1), shift(real, fake))


def f_changes_its_input(real, fake):
    difference = shift(real, fake)
    real -= real.mean(0)
    return f_of(covariance(real), covariance(fake), difference)


def complex_roots(S, T):
    return torch.linalg.eigvals(S @ T).sqrt().sum()


def f_with_scipy(real, fake):
    from scipy.linalg import sqrtm

    S, T = covariance(real), covariance(fake)
    product = torch.as_tensor(sqrtm((S @ T).numpy()))
    return (shift(real, fake) + (S + T - 2 * product).trace()).item()


def no_clamp(S, T):
    values, vectors = torch.linalg.eigh(S)
    half = vectors @ values.sqrt().diag() @ vectors.T
    return torch.linalg.eigvalsh(half @ T @ half).sqrt().sum()


FRECHET_WRONG = [
    ("MEAN-TERM-MISSING", with_mean(lambda x, y: 0.0)),
    ("MEAN-TERM-MISSING", lambda x, y: f_of(biased(x), biased(y), 0.0)),
    ("MEAN-NOT-SQUARED", with_mean(lambda x, y: (x.mean(0) - y.mean(0)).norm())),
    ("MEAN-NOT-SQUARED", with_mean(lambda x, y: shift(x, y).sqrt())),
    ("MEAN-NOT-SQUARED", with_mean(lambda x, y: (x.mean(0) - y.mean(0)).abs().sum())),
    ("MEAN-NOT-SQUARED", with_mean(lambda x, y: (y.mean(0) - x.mean(0)).sum())),
    ("MEAN-AVERAGED", with_mean(lambda x, y: ((x.mean(0) - y.mean(0)) ** 2).mean())),
    ("MEAN-AVERAGED", with_mean(lambda x, y: torch.nn.functional.mse_loss(x.mean(0), y.mean(0)))),
    ("MEAN-OVER-EVERYTHING", with_mean(lambda x, y: (x.mean() - y.mean()) ** 2)),
    ("MEAN-OVER-EVERYTHING", with_mean(lambda x, y: ((x.mean(1) - y.mean(1)) ** 2).sum())),
    ("ELEMENTWISE-SQRT", with_overlap(lambda S, T: (S @ T).sqrt().trace())),
    ("ELEMENTWISE-SQRT", with_overlap(lambda S, T: (S.sqrt() @ T @ S.sqrt()).sqrt().trace())),
    ("ELEMENTWISE-SQRT", with_overlap(lambda S, T: (S.sqrt() @ T.sqrt()).trace())),
    ("ELEMENTWISE-SQRT", with_overlap(lambda S, T: (root(S) @ T @ root(S)).sqrt().trace())),
    ("VARIANCES-ONLY", with_overlap(lambda S, T: (S * T).sqrt().trace())),
    ("VARIANCES-ONLY", lambda x, y: shift(x, y) + ((x.std(0) - y.std(0)) ** 2).sum()),
    ("ROOTS-MULTIPLIED", with_overlap(lambda S, T: (root(S) @ root(T)).trace())),
    ("EIGVALSH-OF-PRODUCT", with_overlap(lambda S, T: root(S @ T).trace())),
    (
        "EIGVALSH-OF-PRODUCT",
        with_overlap(lambda S, T: torch.linalg.eigvalsh(S @ T).clamp(min=0).sqrt().sum()),
    ),
    (
        "EIGVALSH-OF-PRODUCT",
        with_overlap(lambda S, T: torch.linalg.eigvalsh(T @ S).clamp(min=0).sqrt().sum()),
    ),
    ("SINGULAR-FOR-EIGEN", with_overlap(lambda S, T: torch.linalg.svdvals(S @ T).sqrt().sum())),
    ("NO-ROOT", with_overlap(lambda S, T: (S @ T).trace())),
    ("NO-ROOT", with_overlap(lambda S, T: (root(S) @ T @ root(S)).trace())),
    ("OVERLAP-ONCE", with_overlap(lambda S, T: overlap(S, T) / 2)),
    ("OVERLAP-ADDED", with_overlap(lambda S, T: -overlap(S, T))),
    ("OVERLAP-MISSING", with_overlap(lambda S, T: 0.0)),
    (
        "COVARIANCES-SUBTRACTED",
        lambda x, y: shift(x, y) + ((covariance(x) - covariance(y)) ** 2).sum(),
    ),
    ("COVARIANCES-SUBTRACTED", lambda x, y: shift(x, y) + (covariance(x) - covariance(y)).norm()),
    ("TRACES-SUBTRACTED", lambda x, y: f_by_the_formula(x, y) - 2 * covariance(y).trace()),
    ("SQUARE-ROOT", lambda x, y: f_by_the_formula(x, y).sqrt()),
    ("HALVED", lambda x, y: f_by_the_formula(x, y) / 2),
    ("AVERAGED-OVER-FEATURES", lambda x, y: f_by_the_formula(x, y) / x.shape[1]),
    ("BIASED-DIVISOR", with_covariance(biased)),
    ("BIASED-DIVISOR", with_covariance(lambda x: torch.cov(x.T, correction=0))),
    ("NOT-DIVIDED", with_covariance(lambda x: (x - x.mean(0)).T @ (x - x.mean(0)))),
    ("NOT-CENTRED", with_covariance(lambda x: x.T @ x / (len(x) - 1))),
    ("NOT-CENTRED", with_covariance(lambda x: x.T @ x / len(x))),
    ("CORRELATION-NOT-COVARIANCE", with_covariance(lambda x: torch.corrcoef(x.T))),
    ("COVARIANCE-AXIS", with_covariance(torch.cov)),
    (
        "COVARIANCE-AXIS",
        lambda x, y: f_of(torch.cov(x), torch.cov(y), ((x.mean(1) - y.mean(1)) ** 2).sum()),
    ),
    ("COVARIANCE-AXIS", with_covariance(lambda x: torch.cov(x - x.mean(0)))),
    ("COMPLEX", with_overlap(complex_roots)),
    ("ONE-FEATURE", torch_cov_for_many),
    ("RANK-DEFICIENT", with_overlap(cholesky_root)),
    ("RANK-DEFICIENT", with_overlap(no_clamp)),
    ("RANK-DEFICIENT", f_with_scipy),
    ("EPSILON-WINS", with_overlap(with_epsilon)),
    ("TWO-SIZES", own_sizes_mixed_up),
    ("INPUT-CHANGED", f_changes_its_input),
    ("UNREDUCED", lambda x, y: covariance(x) + covariance(y)),
    ("NOT-A-NUMBER", lambda x, y: f_by_the_formula(x, y) * math.nan),
    ("NOT-A-NUMBER", lambda x, y: (shift(x, y), f_by_the_formula(x, y))),
    ("NOTHING-RETURNED", lambda x, y: None),
    ("WRONG-VALUE", lambda x, y: 3.0),
    ("WRONG-VALUE", one_number_each),
    ("CRASHED", lambda x, y: x @ y),
]

# ---- 09.kid: my_kid(real, fake) ------------------------------------------------------------------


def kernel(x, y, power=3, scale=None, one=1):
    return (x @ y.T / (scale or x.shape[1]) + one) ** power


def within(k):
    n = len(k)
    return (k.sum() - k.trace()) / (n * (n - 1))


def k_with_traces(real, fake):
    cross = kernel(real, fake).mean()
    return within(kernel(real, real)) + within(kernel(fake, fake)) - 2 * cross


def k_with_masks(real, fake):
    def different(x):
        return kernel(x, x)[~torch.eye(len(x), dtype=torch.bool)].mean()

    return (different(real) + different(fake) - 2 * kernel(real, fake).mean()).item()


def k_with_triangles(real, fake):
    def upper(x):
        n = len(x)
        return 2 * torch.triu(kernel(x, x), diagonal=1).sum() / n / (n - 1)

    return upper(real) + upper(fake) - 2 * kernel(real, fake).mean()


def k_pair_by_pair(real, fake):
    d = real.shape[1]

    def mean(a, b, same):
        pairs = [(p, q) for i, p in enumerate(a) for j, q in enumerate(b) if not same or i != j]
        return sum((float(p @ q) / d + 1) ** 3 for p, q in pairs) / len(pairs)

    return mean(real, real, True) + mean(fake, fake, True) - 2 * mean(real, fake, False)


def k_in_numpy(real, fake):
    x, y = real.numpy(), fake.numpy()
    xx, yy, xy = ((np.dot(a, b.T) / a.shape[1] + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    n, m = len(x), len(y)
    np.fill_diagonal(xx, 0), np.fill_diagonal(yy, 0)
    return xx.sum() / n / (n - 1) + yy.sum() / m / (m - 1) - 2 * xy.mean()


def k_of(real, fake, inner=within, cross=lambda k: k.mean(), rule=kernel):
    parts = inner(rule(real, real)) + inner(rule(fake, fake))
    return parts - 2 * cross(rule(real, fake))


def with_kernel(**options):
    return lambda x, y: k_of(x, y, rule=lambda a, b: kernel(a, b, **options))


def one_size(real, fake):
    n = len(real)
    k = kernel(fake, fake)
    cross = kernel(real, fake).mean()
    return within(kernel(real, real)) + (k.sum() - k.trace()) / (n * (n - 1)) - 2 * cross


def no_equal_rows(real, fake):
    def inner(x):
        different = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist") > 0
        return kernel(x, x)[different].mean()

    return inner(real) + inner(fake) - 2 * kernel(real, fake).mean()


def k_changes_its_input(real, fake):
    real /= math.sqrt(real.shape[1])
    fake /= math.sqrt(fake.shape[1])
    return k_of(real, fake, rule=lambda a, b: (a @ b.T + 1) ** 3)


def mixed(x, y):
    return 2 * kernel(x, y).mean()


def without_own_diagonal(k):
    return (k.sum() - k.diagonal().sum()) / (k.numel() - min(k.shape))


KID_WRONG = [
    ("KID-DIAGONAL", lambda x, y: k_of(x, y, inner=lambda k: k.mean())),
    ("KID-DIAGONAL", lambda x, y: within(kernel(x, x)) + kernel(y, y).mean() - mixed(x, y)),
    (
        "PAIRS-MISCOUNTED",
        lambda x, y: k_of(x, y, inner=lambda k: (k.sum() - k.trace()) / len(k) ** 2),
    ),
    (
        "PAIRS-MISCOUNTED",
        lambda x, y: k_of(x, y, inner=lambda k: k.sum() / len(k) / (len(k) - 1)),
    ),
    (
        "HALF-OF-PAIRS",
        lambda x, y: k_of(x, y, inner=lambda k: k.triu(1).sum() / len(k) / (len(k) - 1)),
    ),
    ("CROSS-ONCE", lambda x, y: k_of(x, y, cross=lambda k: k.mean() / 2)),
    ("CROSS-ADDED", lambda x, y: k_of(x, y, cross=lambda k: -k.mean())),
    ("CROSS-DIAGONAL", lambda x, y: k_of(x, y, cross=without_own_diagonal)),
    (
        "CROSS-DIAGONAL",
        lambda x, y: k_of(x, y, cross=lambda k: (k.sum() - k.trace()) / len(k) / (len(k) - 1)),
    ),
    ("CROSS-MISSING", lambda x, y: k_of(x, y, cross=lambda k: 0.0)),
    ("CROSS-MISSING", lambda x, y: within(kernel(x, x)) - within(kernel(y, y))),
    ("ONE-SIDED", lambda x, y: within(kernel(x, x)) - kernel(x, y).mean()),
    ("ONE-SIDED", lambda x, y: within(kernel(y, y)) - 2 * kernel(x, y).mean()),
    ("SQUARE-ROOT", lambda x, y: k_of(x, y).abs().sqrt()),
    ("SQUARE-ROOT", lambda x, y: k_of(x, y) ** 0.5),
    ("HALVED", lambda x, y: k_of(x, y) / 2),
    ("SIGN", lambda x, y: -k_of(x, y)),
    ("NOT-AVERAGED", lambda x, y: k_of(x, y, lambda k: k.sum(), lambda k: k.sum())),
    ("NOT-AVERAGED", lambda x, y: k_of(x, y, lambda k: k.sum() - k.trace(), lambda k: k.sum())),
    ("KERNEL-DEGREE", with_kernel(power=2)),
    ("KERNEL-DEGREE", with_kernel(power=4)),
    ("KERNEL-NO-D", with_kernel(scale=1)),
    ("KERNEL-NO-ONE", with_kernel(one=0)),
    ("KERNEL-ONE-INSIDE", with_kernel(one=1 / 3)),
    ("KERNEL-ROOT-D", with_kernel(scale=math.sqrt(3))),
    ("KERNEL-DIVIDED-BY-N", lambda x, y: k_of(x, y, rule=lambda a, b: kernel(a, b, scale=len(a)))),
    ("KERNEL-DIVIDED-BY-N", lambda x, y: k_of(x, y, rule=lambda a, b: kernel(a, b, scale=len(x)))),
    ("MEANS-ONLY", with_kernel(power=1)),
    ("MEANS-ONLY", lambda x, y: ((x.mean(0) - y.mean(0)) ** 2).sum()),
    ("CLAMPED", lambda x, y: k_of(x, y).clamp(min=0)),
    ("CLAMPED", lambda x, y: max(k_of(x, y).item(), 0)),
    ("CLAMPED", lambda x, y: abs(k_of(x, y))),
    ("EQUAL-ROWS-DROPPED", no_equal_rows),
    ("TWO-SIZES", one_size),
    ("INPUT-CHANGED", k_changes_its_input),
    ("UNREDUCED", lambda x, y: kernel(x, x) + kernel(x, x) - 2 * kernel(x, x)),
    ("UNREDUCED", lambda x, y: kernel(x, x).mean(1)),
    ("NOT-A-NUMBER", lambda x, y: k_of(x, y) * math.nan),
    ("NOTHING-RETURNED", lambda x, y: None),
    ("WRONG-VALUE", lambda x, y: torch.exp(-torch.cdist(x, y)).mean()),
    ("WRONG-VALUE", lambda x, y: 2 * k_of(x, y)),
    ("CRASHED", lambda x, y: x @ y),
]


# ---- 09.precision_recall: my_precision_recall(train, held_out, fake, k) --------------------------


def equally_many(held_out, fake):
    n = min(len(held_out), len(fake))
    return held_out[:n], fake[:n]


def radii(x, k):
    return torch.cdist(x, x).sort(dim=1).values[:, k]


def share(points, centres, k, radius=radii):
    return (torch.cdist(points, centres) < radius(centres, k)).any(1).double().mean()


def p_with_sort(train, held_out, fake, k=3):
    real, fake = equally_many(held_out, fake)
    return share(fake, real, k), share(real, fake, k)


def p_with_topk_and_floats(train, held_out, fake, k=3):
    real, fake = equally_many(held_out, fake)
    near = torch.cdist(real, fake)  # [real, fake]

    def rim(x):
        return torch.cdist(x, x).topk(k + 1, largest=False).values.amax(1)

    precision = (near < rim(real)[:, None]).any(0).float().mean().item()
    return [precision, (near < rim(fake)[None, :]).any(1).float().mean().item()]


def p_with_an_infinite_diagonal(train, held_out, fake, k=3):
    """The point itself is put infinitely far away, so that the k-th column counts."""
    real, fake = equally_many(held_out, fake)

    def rim(x, k):
        return torch.cdist(x, x).fill_diagonal_(math.inf).kthvalue(k, dim=1).values

    return share(fake, real, k, rim), share(real, fake, k, rim)


def p_in_numpy(train, held_out, fake, k=3):
    n = min(map(len, (held_out, fake)))
    x, y = held_out.numpy()[:n], fake.numpy()[:n]

    def squares(a, b):
        return ((a[:, None] - b[None]) ** 2).sum(2)

    def part(points, centres):
        radius = np.partition(squares(centres, centres), k, axis=1)[:, k]
        return np.mean([(row < radius).any() for row in squares(points, centres)])

    return np.array([part(y, x), part(x, y)])


def p_point_by_point(train, held_out, fake, k=3):
    real, fake = equally_many(held_out, fake)

    def inside(p, centres):
        for i, c in enumerate(centres):
            others = sorted(math.dist(c, o) for j, o in enumerate(centres) if j != i)
            if math.dist(p, c) < others[k - 1]:
                return True
        return False

    def part(points, centres):
        points, centres = points.tolist(), centres.tolist()
        return sum(inside(p, centres) for p in points) / len(points)

    return part(fake, real), part(real, fake)


def on(choose, rule=None):
    """The right rule (or another) on sets chosen by choose(train, held_out, fake)."""

    def answer(train, held_out, fake, k=3):
        real, fake = choose(train, held_out, fake)
        if rule:
            return rule(fake, real, k), rule(real, fake, k)
        return share(fake, real, k), share(real, fake, k)

    return answer


def by(rule):
    """rule(points, centres, k) -> share, on the right sets."""
    return on(lambda t, h, f: equally_many(h, f), rule)


def last_rows(train, held_out, fake):
    n = min(len(held_out), len(fake))
    return held_out[-n:], fake[-n:]


def table(points, centres, k):
    return torch.cdist(points, centres) < radii(centres, k)


def share_on_the_rim(points, centres, k):
    return (torch.cdist(points, centres) <= radii(centres, k)).any(1).double().mean()


def nearest_centres_ball(points, centres, k):
    near = torch.cdist(points, centres).min(1)
    return (near.values < radii(centres, k)[near.indices]).double().mean()


def with_a_margin(points, centres, k):
    return (torch.cdist(points, centres) < radii(centres, k) + 1e-5).any(1).double().mean()


def p_swapped(train, held_out, fake, k=3):
    return p_with_sort(train, held_out, fake, k)[::-1]


def p_same_twice(train, held_out, fake, k=3):
    real, fake = equally_many(held_out, fake)
    return share(fake, real, k), share(fake, real, k)


def p_changes_its_input(train, held_out, fake, k=3):
    held_out *= 10
    fake *= 10
    return p_with_sort(train, held_out, fake, k)


def scaled_by_ten(points, centres, k):
    squares = torch.cdist(points, centres) ** 2
    return (squares < radii(centres, k)).any(1).double().mean()


def pair_of(rule):
    """rule(precision, recall) on the right pair."""
    return lambda t, h, f, k=3: rule(*p_with_sort(t, h, f, k))


PRECISION_RECALL_WRONG = [
    ("PR-SWAPPED", p_swapped),
    ("TRAIN-LEAK", on(lambda t, h, f: (t, f))),
    ("TRAIN-LEAK", on(lambda t, h, f: equally_many(t, f))),
    ("TRAIN-LEAK", on(lambda t, h, f: (torch.cat([t, h]), f))),
    ("TRAIN-LEAK", on(lambda t, h, f: equally_many(torch.cat([t, h]), f))),
    ("SAMPLE-SIZE", on(lambda t, h, f: (h, f))),
    ("FIRST-ROWS", on(last_rows)),
    ("K-OFF-BY-ONE", by(lambda p, c, k: share(p, c, k - 1))),
    (
        "K-OFF-BY-ONE",
        by(lambda p, c, k: share(p, c, k, lambda x, k: torch.cdist(x, x).kthvalue(k).values)),
    ),
    ("K-OFF-BY-ONE", on(lambda t, h, f: (h, f), lambda p, c, k: share(p, c, k - 1))),
    ("K-TOO-FAR", by(lambda p, c, k: share(p, c, k + 1))),
    ("K-IGNORED", by(lambda p, c, k: share(p, c, 3))),
    ("RIM-COUNTS", by(share_on_the_rim)),
    ("BALLS-COUNTED", by(lambda p, c, k: table(p, c, k).any(0).double().mean())),
    (
        "BALLS-COUNTED",
        by(lambda p, c, k: (torch.cdist(p, c) < radii(p, k)[:, None]).any(1).double().mean()),
    ),
    (
        "RADIUS-FROM-OTHER-SET",
        by(
            lambda p, c, k: (
                (torch.cdist(p, c) < torch.cdist(c, p).sort(1).values[:, k - 1])
                .any(1)
                .double()
                .mean()
            )
        ),
    ),
    ("ONE-RADIUS", by(lambda p, c, k: share(p, c, k, lambda x, k: radii(x, k).mean()))),
    ("ONE-RADIUS", by(lambda p, c, k: share(p, c, k, lambda x, k: radii(x, k).max()))),
    (
        "RADIUS-IS-A-MEAN",
        by(
            lambda p, c, k: share(
                p, c, k, lambda x, k: torch.cdist(x, x).sort(1).values[:, 1 : k + 1].mean(1)
            )
        ),
    ),
    ("COUNTED-NOT-SHARED", by(lambda p, c, k: table(p, c, k).double().sum(1).mean())),
    ("COUNTED-NOT-SHARED", by(lambda p, c, k: table(p, c, k).double().sum() / (k * len(p)))),
    ("ALL-FOR-ANY", by(lambda p, c, k: table(p, c, k).all(1).double().mean())),
    ("ONE-MINUS", pair_of(lambda p, r: (1 - p, 1 - r))),
    ("SAME-TWICE", p_same_twice),
    ("SAME-TWICE", pair_of(lambda p, r: (r, r))),
    ("SQUARED-MISMATCH", by(scaled_by_ten)),
    ("PERCENT", pair_of(lambda p, r: (100 * p, 100 * r))),
    ("INTEGER", by(lambda p, c, k: table(p, c, k).any(1).sum())),
    ("RIM-COUNTS", by(with_a_margin)),
    ("INPUT-CHANGED", p_changes_its_input),
    ("TWO-NUMBERS", pair_of(lambda p, r: p)),
    ("TWO-NUMBERS", pair_of(lambda p, r: (p, r, 2 * p * r / (p + r)))),
    ("NOTHING-RETURNED", lambda t, h, f, k=3: None),
    ("UNREDUCED", by(lambda p, c, k: table(p, c, k).any(1).double())),
    ("WRONG-VALUE", by(nearest_centres_ball)),
    ("WRONG-VALUE", lambda t, h, f, k=3: (0.5, 0.25)),
    ("CRASHED", lambda t, h, f, k=3: (t @ h, f)),
]

RIGHT = {
    "frechet": [
        f_by_the_formula,
        f_by_singular_values,
        f_by_eigenvalues_of_the_product,
        f_in_numpy,
        f_in_single_precision,
        f_from_data_matrices,
    ],
    "kid": [k_with_traces, k_with_masks, k_with_triangles, k_pair_by_pair, k_in_numpy],
    "precision_recall": [
        p_with_sort,
        p_with_topk_and_floats,
        p_with_an_infinite_diagonal,
        p_in_numpy,
        p_point_by_point,
    ],
}
WRONG = {
    "frechet": FRECHET_WRONG,
    "kid": KID_WRONG,
    "precision_recall": PRECISION_RECALL_WRONG,
}
