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


def frechet_of(change):
    """The right distance of sets that were changed first."""
    return lambda x, y: f_by_the_formula(*change(x, y))


def ridge(e):
    return lambda S, T: overlap(S + e * torch.eye(len(S)), T + e * torch.eye(len(S)))


FRECHET_WRONG = [
    ("MEAN-TERM-MISSING", lambda x, y: f_of(biased(x), biased(y), 0.0)),
    ("MEAN-NOT-SQUARED", lambda x, y: f_of(biased(x), biased(y), shift(x, y).sqrt())),
    ("MEAN-TERM", with_mean(lambda x, y: 2 * shift(x, y))),
    ("MEAN-TERM", with_mean(lambda x, y: shift(x / x.std(0), y / x.std(0)))),
    ("COVARIANCE-TERM", with_overlap(lambda S, T: overlap(S, S))),
    ("COVARIANCE-TERM", with_overlap(lambda S, T: root((S + T) / 2).trace())),
    ("COVARIANCE-TERM", with_overlap(lambda S, T: torch.linalg.eigvalsh(S @ T)[-1].abs().sqrt())),
    (
        "COVARIANCE-AXIS",
        lambda x, y: f_of(torch.cov(x), torch.cov(y), ((x.mean(1) - y.mean(1)) ** 2).sum()),
    ),
    ("LENGTH-LOST", frechet_of(lambda x, y: (x / x.std(0), y / y.std(0)))),
    (
        "LENGTH-LOST",
        frechet_of(lambda x, y: (x / x.norm(dim=1)[:, None], y / y.norm(dim=1)[:, None])),
    ),
    ("DRAWS-LOTS", frechet_of(lambda x, y: (x[torch.randperm(len(x))[:20]], y))),
    ("ROW-IGNORED", frechet_of(lambda x, y: (x[:-1], y[:-1]))),
    ("ROUNDED", lambda x, y: round(float(f_by_the_formula(x, y)), 2)),
    ("COMPLEX", with_overlap(complex_roots)),
    ("ONE-FEATURE", torch_cov_for_many),
    ("RANK-DEFICIENT", with_overlap(cholesky_root)),
    ("RANK-DEFICIENT", with_overlap(no_clamp)),
    ("RANK-DEFICIENT", f_with_scipy),
    ("EPSILON-WINS", with_overlap(with_epsilon)),
    ("EPSILON-WINS", with_overlap(ridge(0.1))),
    ("TWO-SIZES", own_sizes_mixed_up),
    ("INPUT-CHANGED", f_changes_its_input),
    ("UNREDUCED", lambda x, y: covariance(x) + covariance(y)),
    ("NOT-A-NUMBER", lambda x, y: f_by_the_formula(x, y) * math.nan),
    ("NOT-A-NUMBER", lambda x, y: (shift(x, y), f_by_the_formula(x, y))),
    ("NOT-A-NUMBER", lambda x, y: f"{f_by_the_formula(x, y):.4f}"),
    ("NOTHING-RETURNED", lambda x, y: None),
    ("ARGUMENT-IGNORED", lambda x, y: 3.0),
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


def kid_of(change):
    return lambda x, y: k_with_traces(*change(x, y))


def with_rule(rule):
    return lambda x, y: k_of(x, y, rule=rule)


KID_WRONG = [
    ("KID-DIAGONAL", lambda x, y: k_of(x, y, lambda k: k.mean(), lambda k: k.mean() / 2)),
    ("KERNEL-DEGREE", with_kernel(power=2, one=0)),
    ("KERNEL-FIXED-D", with_kernel(scale=3)),
    ("NOT-FROM-THE-ORIGIN", with_rule(lambda a, b: torch.exp(-(torch.cdist(a, b) ** 2) / 2))),
    ("NOT-FROM-THE-ORIGIN", kid_of(lambda x, y: (x - x.mean(0), y - x.mean(0)))),
    ("NOT-FROM-THE-ORIGIN", f_by_the_formula),
    ("LENGTH-LOST", kid_of(lambda x, y: (x / x.std(), y / y.std()))),
    ("DRAWS-LOTS", kid_of(lambda x, y: (x[torch.randperm(len(x))[:5]], y))),
    ("ROW-IGNORED", kid_of(lambda x, y: (x[:-1], y[:-1]))),
    ("EQUAL-ROWS-DROPPED", no_equal_rows),
    ("TWO-SIZES", one_size),
    ("INPUT-CHANGED", k_changes_its_input),
    ("UNREDUCED", lambda x, y: kernel(x, x) + kernel(x, x) - 2 * kernel(x, x)),
    ("UNREDUCED", lambda x, y: kernel(x, x).mean(1)),
    ("NOT-A-NUMBER", lambda x, y: k_of(x, y) * math.nan),
    ("NOT-A-NUMBER", lambda x, y: (float(k_of(x, y)), 0.1)),
    ("NOTHING-RETURNED", lambda x, y: None),
    ("ROUNDED", lambda x, y: round(float(k_of(x, y)), 2)),
    ("TIMES-A-FACTOR", lambda x, y: 1000 * k_of(x, y)),
    ("ARGUMENT-IGNORED", lambda x, y: k_of(y, y)),
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


def table(points, centres, k):
    return torch.cdist(points, centres) < radii(centres, k)


def share_on_the_rim(points, centres, k):
    return (torch.cdist(points, centres) <= radii(centres, k)).any(1).double().mean()


def with_a_margin(points, centres, k):
    return (torch.cdist(points, centres) < radii(centres, k) + 1e-5).any(1).double().mean()


def p_same_twice(train, held_out, fake, k=3):
    real, fake = equally_many(held_out, fake)
    return share(fake, real, k), share(fake, real, k)


def p_changes_its_input(train, held_out, fake, k=3):
    held_out *= 10
    fake *= 10
    return p_with_sort(train, held_out, fake, k)


def pair_of(rule):
    """rule(precision, recall) on the right pair."""
    return lambda t, h, f, k=3: rule(*p_with_sort(t, h, f, k))


def coverage_for_recall(real, fake, k):
    return share(fake, real, k), table(fake, real, k).any(0).double().mean()


def averaged_over_references(t, h, f, k=3):
    pairs = p_with_sort(t, h, f, k), p_with_sort(t, t, f, k)
    return tuple((a + b) / 2 for a, b in zip(*pairs))


def standardised(t, h, f, k=3):
    h, f = equally_many(h, f)
    return p_with_sort(t, (h - h.mean(0)) / h.std(0), (f - h.mean(0)) / h.std(0), k)


def at_random(t, h, f):
    n = min(len(h), len(f))
    return h[torch.randperm(len(h))[:n]], f[torch.randperm(len(f))[:n]]


def strided(t, h, f):
    n = min(len(h), len(f))
    return h[:: len(h) // n][:n], f[:: len(f) // n][:n]


def others_by_distance(x, k):
    apart = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")
    return torch.stack([row[row > 0].sort().values[k - 1] for row in apart])


PRECISION_RECALL_WRONG = [
    ("TRAIN-LEAK", lambda t, h, f, k=3: (p_with_sort(t, t, f, k)[0], p_with_sort(t, h, f, k)[1])),
    ("TRAIN-LEAK", averaged_over_references),
    ("FIRST-ROWS", on(strided)),
    ("DRAWS-LOTS", on(at_random)),
    ("K-OFF-BY-ONE", on(lambda t, h, f: (h, f), lambda p, c, k: share(p, c, k - 1))),
    ("K-IGNORED", by(lambda p, c, k: share(p, c, 3))),
    ("K-IGNORED", by(lambda p, c, k: share(p, c, k, lambda x, k: torch.cdist(x, x).mean(1)))),
    ("RIM-COUNTS", by(share_on_the_rim)),
    ("RIM-COUNTS", by(with_a_margin)),
    ("EQUAL-ROWS-DROPPED", by(lambda p, c, k: share(p, c, k, others_by_distance))),
    ("BALLS-COUNTED", lambda t, h, f, k=3: coverage_for_recall(*equally_many(h, f), k)),
    ("ALL-INSIDE", by(lambda p, c, k: (torch.cdist(p, c) > radii(c, k)).any(1).double().mean())),
    ("PR-SWAPPED", pair_of(lambda p, r: (100 * r, 100 * p))),
    ("PR-SWAPPED", lambda t, h, f, k=3: p_with_sort(t, h, f, k - 1)[::-1]),
    ("SAME-TWICE", p_same_twice),
    ("NOT-EUCLIDEAN", standardised),
    ("SCALE-MATTERS", by(lambda p, c, k: share(p, c, k, lambda x, k: radii(x, k) + 0.1))),
    (
        "PLACE-MATTERS",
        by(
            lambda p, c, k: share(
                p / p.norm(dim=1, keepdim=True), c / c.norm(dim=1, keepdim=True), k
            )
        ),
    ),
    ("INPUT-CHANGED", p_changes_its_input),
    ("NOT-A-PAIR", pair_of(lambda p, r: p)),
    ("NOT-A-PAIR", pair_of(lambda p, r: (p, r, 2 * p * r / (p + r)))),
    ("NOTHING-RETURNED", lambda t, h, f, k=3: None),
    ("UNREDUCED", by(lambda p, c, k: table(p, c, k).any(1).double())),
    ("NOT-A-NUMBER", pair_of(lambda p, r: (f"{p:.3f}", f"{r:.3f}"))),
    ("ROUNDED", pair_of(lambda p, r: (round(float(p), 1), round(float(r), 1)))),
    ("ARGUMENT-IGNORED", lambda t, h, f, k=3: (0.5, 0.25)),
    ("CRASHED", lambda t, h, f, k=3: (t @ h, f)),
]

# ---- the lesson's turns --------------------------------------------------------------------------


def c_by_loops(hits, k):
    fakes, reals = hits.shape
    inside = sum(float(hits[i, j]) for i in range(fakes) for j in range(reals))
    held = sum(any(hits[i, j] for i in range(fakes)) for j in range(reals))
    return inside / k / fakes, held / reals


def c_in_numpy(hits, k):
    hits = hits.numpy()
    return hits.sum() / (k * len(hits)), (hits.max(0) > 0).mean()


TURN_COVERAGE_WRONG = [
    (
        "PRECISION-FOR-DENSITY",
        lambda t, k: ((t.sum(1) > 0).double().mean() / k, c_in_numpy(t, k)[1]),
    ),
    ("NOT-DIVIDED-BY-K", lambda t, k: (t.sum() / len(t), c_by_loops(t, k)[1])),
    ("PRECISION-FOR-COVERAGE", lambda t, k: (t.sum() / k / len(t), (t.sum(1) > 0).double().mean())),
    ("COUNT-FOR-SHARE", lambda t, k: (t.sum() / k / len(t), int((t.sum(0) > 0).sum()))),
    ("ORDER", lambda t, k: c_by_loops(t, k)[::-1]),
    ("NOT-A-PAIR", lambda t, k: t.sum() / k / len(t)),
    ("NOTHING-RETURNED", lambda t, k: None),
]


def d_by_counting(on_real, on_fake):
    real = sum(logit > 0 for logit in on_real.tolist()) / len(on_real)
    return real + sum(logit < 0 for logit in on_fake.tolist()) / len(on_fake) - 1


def d_with_sigmoid(on_real, on_fake):
    right = (on_real.sigmoid() > 0.5).double().mean(), (on_fake.sigmoid() < 0.5).double().mean()
    return (2 * (sum(right) / 2) - 1).item()


def d_pooled(on_real, on_fake):
    right = torch.cat([on_real > 0, on_fake < 0]).double().mean()
    return 2 * right - 1


TURN_C2ST_WRONG = [
    ("TWO-SIZES", d_pooled),
    ("ACCURACY-ITSELF", lambda r, f: (d_by_counting(r, f) + 1) / 2),
    ("CLAMPED", lambda r, f: max(0.0, d_by_counting(r, f))),
    ("LOGIT-NOT-PROBABILITY", lambda r, f: d_by_counting(r - 0.5, f - 0.5)),
    ("FAKE-TURNED", lambda r, f: d_by_counting(r, -f)),
    ("SIGN", lambda r, f: -d_by_counting(r, f)),
    ("NOT-COUNTED", lambda r, f: r.sigmoid().mean() - f.sigmoid().mean()),
]


def t_by_sorting(new, fake):
    place = (len(new) - 1) // 100
    return sum(d < sorted(new.tolist())[place] for d in fake.tolist()) / len(fake)


def t_in_numpy(new, fake):
    return (fake.numpy() < np.quantile(new.numpy(), 0.01)).mean()


TURN_TAIL_WRONG = [
    ("MEDIAN-FOR-TAIL", lambda new, fake: (fake < np.quantile(new.numpy(), 0.5)).double().mean()),
    ("LIMIT-FROM-FAKES", lambda new, fake: t_in_numpy(fake, fake)),
    ("FARTHER", lambda new, fake: 1 - t_by_sorting(new, fake)),
    ("COUNT-FOR-SHARE", lambda new, fake: t_by_sorting(new, fake) * len(fake)),
    ("PERCENT", lambda new, fake: 100 * t_by_sorting(new, fake)),
    ("UNREDUCED", lambda new, fake: fake < new.quantile(0.01)),
]

# ---- 09.infinity: my_frechet_at_infinity(sizes, scores) ------------------------------------------


def i_with_polyfit(sizes, scores):
    return np.polyfit(1 / sizes.numpy(), scores.numpy(), 1)[1]


def i_with_a_design_matrix(sizes, scores):
    A = torch.stack([torch.ones_like(sizes), 1 / sizes], dim=1)
    return torch.linalg.lstsq(A, scores[:, None]).solution[0, 0]


def i_with_scikit_learn(sizes, scores):
    from sklearn.linear_model import LinearRegression

    return LinearRegression().fit(1 / sizes[:, None].numpy(), scores.numpy()).intercept_.item()


def slope_of(x, y):
    return np.polyfit(x.numpy(), y.numpy(), 1)[0]


INFINITY_WRONG = [
    ("OVER-N", lambda n, s: np.polyfit(n.numpy(), s.numpy(), 1)[-1]),
    ("OVER-ROOT", lambda n, s: np.polyfit(1 / np.sqrt(n.numpy()), s.numpy(), 1)[-1]),
    ("SLOPE", lambda n, s: np.polyfit(1 / n.numpy(), s.numpy(), 1)[0]),
    ("CLAMPED", lambda n, s: max(0.0, float(i_with_polyfit(n, s)))),
    ("AT-ONE", lambda n, s: np.polyval(np.polyfit(1 / n.numpy(), s.numpy(), 1), 1.0)),
    ("NO-LINE", lambda n, s: min(zip(n.tolist(), s.tolist()), key=lambda pair: -pair[0])[1]),
    ("OVER-LOG", lambda n, s: s.mean() - slope_of(n.log(), s) * n.log().mean()),
    ("TWO-POINTS", lambda n, s: np.polyfit([1 / n[0], 1 / n[-1]], [s[0], s[-1]], 1)[1]),
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
    "infinity": [i_with_polyfit, i_with_a_design_matrix, i_with_scikit_learn],
    "turn_coverage": [c_by_loops, c_in_numpy],
    "turn_c2st": [d_by_counting, d_with_sigmoid],
    "turn_tail": [t_by_sorting, t_in_numpy],
}
WRONG = {
    "frechet": FRECHET_WRONG,
    "kid": KID_WRONG,
    "precision_recall": PRECISION_RECALL_WRONG,
    "infinity": INFINITY_WRONG,
    "turn_coverage": TURN_COVERAGE_WRONG,
    "turn_c2st": TURN_C2ST_WRONG,
    "turn_tail": TURN_TAIL_WRONG,
}
