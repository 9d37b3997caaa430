"""Answers to the exercises of chapter 02, right and wrong."""

import math

import numpy as np
import torch

# ---- 02.optimal_d: my_optimal_d(p, q) -----------------------------------------------------------


def d_with_where(p, q):
    total = p + q
    return torch.where(total > 0, p / total, torch.full_like(total, 0.5))


def d_as_a_sigmoid(p, q):
    return torch.nan_to_num(torch.sigmoid(p.log() - q.log()), nan=0.5)


def d_with_a_mask_in_place(p, q):
    D = torch.full(p.shape, 0.5)
    some = (p > 0) | (q > 0)
    D[some] = p[some] / (p[some] + q[some])
    return D


def d_point_by_point(p, q):
    both = zip(p.tolist(), q.tolist())
    return torch.tensor([a / (a + b) if a + b else 0.5 for a, b in both])


def d_with_a_harmless_epsilon(p, q):
    return (p + 1e-30) / (p + q + 2e-30)


def d_in_numpy(p, q):
    p, q = p.numpy().astype(float), q.numpy().astype(float)
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(p / (p + q), nan=0.5)


def d_one_over_one_plus(p, q):
    odds = q / p  # q/0 is inf and 1/(1 + inf) is 0; 0/0 is NaN
    return (1 / (1 + odds)).nan_to_num(0.5)


def d_changes_its_input(p, q):
    p /= p + q
    p[p.isnan()] = 0.5
    return p


def d_by_running_sums(p, q):
    return p.cumsum(0) / (p.cumsum(0) + q.cumsum(0))


OPTIMAL_D_WRONG = [
    ("OVER-THE-WHOLE-GRID", lambda p, q: p / (p + q.mean())),
    ("OVER-THE-WHOLE-GRID", lambda p, q: (p / (p + q)).flip(0)),
    ("OVER-THE-WHOLE-GRID", d_by_running_sums),
    ("SAME-EVERYWHERE", lambda p, q: torch.ones_like(p)),
    ("SAME-EVERYWHERE", lambda p, q: (p / (p + q)).mean().expand(p.shape)),
    ("NOT-COMPLEMENTARY", lambda p, q: torch.where(p > q, p / (p + q), q / (p + q))),
    ("NOT-COMPLEMENTARY", lambda p, q: (p - q).clamp(min=0) / (p + q)),
    ("SCALE-MATTERS", lambda p, q: p / (p + q + 1e-3)),
    ("SCALE-MATTERS", lambda p, q: p / (1 + p)),
    ("NOT-A-PROBABILITY", lambda p, q: -d_with_where(p, q)),
    ("WRONG-VALUE", lambda p, q: torch.cat([(p / (p + q))[:-1], torch.tensor([0.5])])),
    ("ZERO-OVER-ZERO", lambda p, q: p / (p + q)),
    ("ZERO-OVER-ZERO", lambda p, q: torch.sigmoid(p.log() - q.log())),
    ("EDGE-LOST", lambda p, q: (1 - q / (p + q)).where((p > 0) & (q > 0), torch.tensor(0.5))),
    ("EDGE-LOST", lambda p, q: d_with_where(p, q).clamp(0.01, 0.99)),
    ("EMPTY-DECIDED", lambda p, q: (p / (p + q)).nan_to_num(0.0)),
    ("EMPTY-DECIDED", lambda p, q: p / (p + q).clamp(min=1e-30)),
    ("EMPTY-SPREADS", lambda p, q: p / (p + q) if (p + q).min() > 0 else torch.full_like(p, 0.5)),
    ("EPSILON-WINS", lambda p, q: p / (p + q + 1e-8)),
    ("EPSILON-WINS", lambda p, q: p.clamp(min=1e-7) / (p.clamp(min=1e-7) + q.clamp(min=1e-7))),
    ("EPSILON-WINS", lambda p, q: torch.where(p + q > 1e-9, p / (p + q), 0.5)),
    ("INPUT-CHANGED", d_changes_its_input),
    ("SHAPE", lambda p, q: (p / (p + q)).mean()),
    ("SHAPE", lambda p, q: p[:, None] / (p[:, None] + q[None, :])),
    ("NOT-A-TENSOR", lambda p, q: (p / (p + q), q / (p + q))),
    ("NOTHING-RETURNED", lambda p, q: None),
    ("NOT-FINITE", lambda p, q: torch.full_like(p, math.nan)),
    ("ONE-IF-FOR-ALL", lambda p, q: p / (p + q) if p + q > 0 else 0.5),
]

# ---- 02.value: my_value(x, p, q) -> (V, JS, progress) -------------------------------------------


def integral(f, x):
    return torch.trapezoid(f, x)


def xlog(p, ratio):
    """p log(ratio), and 0 where p is 0."""
    return torch.where(p > 0, p * torch.log(ratio), torch.zeros_like(p))


def v_by_definition(x, p, q):
    D = d_with_where(p, q)
    V = integral(xlog(p, D) + xlog(q, 1 - D), x)
    m = (p + q) / 2
    JS = integral(xlog(p, p / m), x) / 2 + integral(xlog(q, q / m), x) / 2
    return V, JS, -V / math.log(4)


def v_from_entropies(x, p, q):
    """JS = H(m) - (H(p) + H(q)) / 2, and V from JS."""

    def H(f):
        return -integral(torch.xlogy(f, f), x)

    JS = H((p + q) / 2) - (H(p) + H(q)) / 2
    return -math.log(4) + 2 * JS, JS, 1 - JS / math.log(2)


def v_in_numpy(x, p, q):
    x, p, q = (t.numpy().astype(float) for t in (x, p, q))
    dx = np.gradient(x)
    tiny = 1e-300
    D = (p + tiny) / (p + q + 2 * tiny)
    V = float(np.sum((p * np.log(D + tiny) + q * np.log(1 - D + tiny)) * dx))
    m = (p + q) / 2 + tiny
    kl_p = np.sum(p * np.log((p + tiny) / m) * dx)
    kl_q = np.sum(q * np.log((q + tiny) / m) * dx)
    return [V, 0.5 * float(kl_p) + 0.5 * float(kl_q), 1 - 0.5 * float(kl_p + kl_q) / np.log(2)]


def v_with_left_rectangles(x, p, q):
    dx = x[1:] - x[:-1]
    p, q = p[:-1], q[:-1]
    s = (p + 1e-30).log() - (q + 1e-30).log()  # the logit; softplus instead of log D
    V = -((p * torch.nn.functional.softplus(-s) + q * torch.nn.functional.softplus(s)) * dx).sum()
    JS = (V.item() + math.log(4)) / 2
    return torch.tensor([V.item(), JS, JS / -math.log(2) + 1])


def v_from_js(JS):
    """All three numbers right, given a right JS."""
    return 2 * JS - math.log(4), JS, 1 - JS / math.log(2)


def with_js(js):
    """V and progress right, JS by `js(x, p, q)`."""

    def answer(x, p, q):
        V, _, progress = v_by_definition(x, p, q)
        return V, js(x, p, q), progress

    return answer


def with_v(v):
    """JS right, V by `v(x, p, q)` and the progress from it."""

    def answer(x, p, q):
        V = v(x, p, q)
        return V, v_by_definition(x, p, q)[1], -V / math.log(4)

    return answer


def with_progress(progress):
    """V and JS right, progress(V, JS)."""

    def answer(x, p, q):
        V, JS, _ = v_by_definition(x, p, q)
        return V, JS, progress(V, JS)

    return answer


def kl(x, p, q):
    return integral(xlog(p, p / q), x)


def mid(p, q):
    return (p + q) / 2


def v_of(D, x, p, q):
    return integral(xlog(p, D) + xlog(q, 1 - D), x)


def v_in_bits(x, p, q):
    V, JS, progress = v_by_definition(x, p, q)
    return V / math.log(2), JS / math.log(2), progress


def v_log_of_zero(x, p, q):
    D, m = p / (p + q), mid(p, q)
    V = integral(p * D.log() + q * (1 - D).log(), x)
    JS = integral(p * (p / m).log() + q * (q / m).log(), x) / 2
    return V, JS, -V / math.log(4)


def v_zero_over_zero(x, p, q):
    D, m = p / (p + q), mid(p, q)
    V = integral(torch.xlogy(p, D) + torch.xlogy(q, 1 - D), x)
    JS = integral(torch.xlogy(p, p / m) + torch.xlogy(q, q / m), x) / 2
    return V, JS, -V / math.log(4)


def v_where_both_live(x, p, q):
    D, m = p / (p + q), mid(p, q)
    both = (p > 0) & (q > 0)
    zero = torch.zeros_like(p)
    V = integral(torch.where(both, p * D.log() + q * (1 - D).log(), zero), x)
    JS = integral(torch.where(both, p * (p / m).log() + q * (q / m).log(), zero), x) / 2
    return V, JS, 1 - JS / math.log(2)


def v_hides_nan(x, p, q):
    """nan_to_num after the sum of both terms: wherever one is NaN, both are lost."""
    D, m = p / (p + q), mid(p, q)
    V = integral((p * D.log() + q * (1 - D).log()).nan_to_num(0), x)
    JS = integral((p * (p / m).log() + q * (q / m).log()).nan_to_num(0), x) / 2
    return V, JS, 1 - JS / math.log(2)


def v_with_d_clamped(x, p, q):
    D = D_of(p, q).clamp(0.001, 0.999)
    V = integral(p * D.log() + q * (1 - D).log(), x)
    return V, (V + math.log(4)) / 2, -V / math.log(4)


def v_changes_its_input(x, p, q):
    three = v_by_definition(x, p, q)
    p /= p + q
    return three


def D_of(p, q):
    return d_with_where(p, q)


def terms(x, p, q):
    """What V and JS integrate."""
    D, m = D_of(p, q), mid(p, q)
    return xlog(p, D) + xlog(q, 1 - D), (xlog(p, p / m) + xlog(q, q / m)) / 2


def v_with(total):
    """Everything by total(f, x) in place of the integral."""

    def answer(x, p, q):
        V, JS = (total(f, x) for f in terms(x, p, q))
        return V, JS, v_by_definition(x, p, q)[2]

    return answer


VALUE_WRONG = [
    ("JS-SCALE", lambda x, p, q: v_from_js(2 * v_by_definition(x, p, q)[1])),
    ("JS-SCALE", with_v(lambda x, p, q: -math.log(4) + v_by_definition(x, p, q)[1])),
    ("NATS-BITS", v_in_bits),
    ("NATS-BITS", lambda x, p, q: v_from_js(v_by_definition(x, p, q)[1] / math.log(2))),
    ("KL-FOR-JS", lambda x, p, q: v_from_js(kl(x, p, q))),
    ("ONE-SIDED", with_v(lambda x, p, q: integral(xlog(q, D_of(q, p)), x))),
    ("PLUS-A-NUMBER", with_js(lambda x, p, q: (v_by_definition(x, p, q)[0] - math.log(4)) / 2)),
    ("PLUS-A-NUMBER", with_js(lambda x, p, q: v_by_definition(x, p, q)[1] + 0.05)),
    ("LOSS-NOT-VALUE", with_v(lambda x, p, q: math.log(4) - 2 * v_by_definition(x, p, q)[1])),
    ("HALF-EVERYWHERE", with_v(lambda x, p, q: v_of(torch.full_like(p, 0.5), x, p, q))),
    ("LOG-FORGOTTEN", with_v(lambda x, p, q: integral(p * D_of(p, q) + q * D_of(q, p), x))),
    ("RATIO-NOT-PROBABILITY", with_v(lambda x, p, q: kl(x, p, q) + kl(x, q, p))),
    ("D-WINS-MEANS-DONE", with_progress(lambda V, JS: math.exp(V))),
    ("PROGRESS-SCALE", with_progress(lambda V, JS: -100 * V / math.log(4))),
    ("PROGRESS-SCALE", with_progress(lambda V, JS: 1 / (1 + JS))),
    ("PROGRESS-BENT", with_progress(lambda V, JS: math.cos(JS / math.log(2) * math.pi / 2))),
    ("PROGRESS-AS-VERDICT", with_progress(lambda V, JS: 0.5)),
    ("EQUAL-SPACING", v_with(lambda f, x: f.sum() * (x[1] - x[0]))),
    ("EQUAL-SPACING", v_with(lambda f, x: f.sum() * (x[-1] - x[0]) / (len(x) - 1))),
    ("INTEGRAL-TURNED", v_with(lambda f, x: integral(x, f))),
    ("LOG-OF-ZERO", v_log_of_zero),
    ("LOG-OF-ZERO", lambda x, p, q: v_by_definition(x.float(), p.float(), q.float())),
    ("GUARD-TOO-STRONG", v_with_d_clamped),
    ("ZERO-OVER-ZERO", v_zero_over_zero),
    ("OVERLAP-ONLY", v_where_both_live),
    ("OVERLAP-ONLY", v_hides_nan),
    ("INPUT-CHANGED", v_changes_its_input),
    ("NOT-A-PAIR", lambda x, p, q: v_by_definition(x, p, q)[0]),
    ("NOT-A-PAIR", lambda x, p, q: v_by_definition(x, p, q)[:2]),
    ("NOT-A-NUMBER", lambda x, p, q: tuple(f"{v:.4f}" for v in v_by_definition(x, p, q))),
    ("ORDER", lambda x, p, q: v_by_definition(x, p, q)[1::-1] + v_by_definition(x, p, q)[2:]),
    ("ORDER", lambda x, p, q: v_by_definition(x, p, q)[::-1]),
    ("UNREDUCED", lambda x, p, q: (xlog(p, D_of(p, q)), xlog(p, p / mid(p, q)), p)),
    ("NOTHING-RETURNED", lambda x, p, q: (v_by_definition(x, p, q)[0], None, None)),
    ("ARGUMENT-IGNORED", lambda x, p, q: (-1.0, 0.3, 0.5)),
    ("WRONG-VALUE", with_v(lambda x, p, q: integral(xlog(p, p) + xlog(q, q), x))),
]

# ---- 02.priors: my_prior_d(p, q, n_real, n_fake) ------------------------------------------------


def prior_by_counts(p, q, n_real, n_fake):
    return d_with_where(n_real * p, n_fake * q)


def prior_by_share(p, q, n_real, n_fake):
    pi = n_real / (n_real + n_fake)
    D = pi * p / (pi * p + (1 - pi) * q)
    return D.nan_to_num(pi)


def prior_in_logits(p, q, n_real, n_fake):
    """The counts only shift the logit, by log(n_real / n_fake)."""
    logit = p.log() - q.log() + math.log(n_real / n_fake)
    return torch.sigmoid(logit).nan_to_num(0.5)


def prior_from_d_star(p, q, n_real, n_fake):
    D = d_with_where(p, q)
    return n_real * D / (n_real * D + n_fake * (1 - D))


def prior_point_by_point(p, q, n_real, n_fake):
    D = []
    for a, b in zip(p.tolist(), q.tolist()):
        a, b = a * n_real, b * n_fake
        D.append(a / (a + b) if a + b > 0 else 0.5)
    return np.array(D)


def counted(real_weight, fake_weight):
    """D with other weights than the counts: weights are functions of (n_real, n_fake)."""

    def answer(p, q, n_real, n_fake):
        return d_with_where(real_weight(n_real, n_fake) * p, fake_weight(n_real, n_fake) * q)

    return answer


def share(n_real, n_fake):
    return n_real / (n_real + n_fake)


def prior_changes_its_input(p, q, n_real, n_fake):
    p *= n_real
    q *= n_fake
    return d_with_where(p, q)


PRIORS_WRONG = [
    ("RATIO-NOT-PROBABILITY", lambda p, q, n, m: p / q),
    ("SAME-EVERYWHERE", lambda p, q, n, m: torch.full_like(p, 0.5)),
    ("WHOLE-NUMBER-DIVISION", lambda p, q, n, m: prior_by_share(p, q, n // (n + m), m)),
    ("DENSITY-NOT-ANSWER", lambda p, q, n, m: share(n, m) * p),
    ("SCALE-MATTERS", lambda p, q, n, m: (p + n) / (p + n + q + m)),
    ("COUNTS-NOT-A-RATIO", counted(lambda n, m: n - 1, lambda n, m: m - 1)),
    ("COUNTS-NOT-A-RATIO", counted(lambda n, m: math.log(n), lambda n, m: math.log(m))),
    ("EQUAL-DENSITIES", lambda p, q, n, m: share(n, m) * prior_by_counts(p, q, n, m)),
    ("EQUAL-DENSITIES", counted(max, min)),
    ("NOT-A-PROBABILITY", lambda p, q, n, m: d_with_where(p, q) + math.log(n / m)),
    ("ZERO-OVER-ZERO", lambda p, q, n, m: n * p / (n * p + m * q)),
    ("EMPTY-DECIDED", lambda p, q, n, m: (n * p / (n * p + m * q)).nan_to_num(0.0)),
    ("EPSILON-WINS", lambda p, q, n, m: n * p / (n * p + m * q + 1e-8)),
    ("INPUT-CHANGED", prior_changes_its_input),
    ("SHAPE", lambda p, q, n, m: share(n, m)),
    ("NOTHING-RETURNED", lambda p, q, n, m: None),
]


def guess_in_torch(n, m):
    return torch.cat([torch.ones(int(n)), torch.zeros(int(m))]).mean()


BEST_GUESS_WRONG = [
    ("WHOLE-NUMBER-DIVISION", lambda n, m: int(n / (n + m))),
    ("SWAPPED", lambda n, m: 1 - n / (n + m)),
    ("RATIO-NOT-PROBABILITY", lambda n, m: n / m),
    ("HALF-EVERYWHERE", lambda n, m: 0.5),
    ("HARD-VERDICT", lambda n, m: (n > m).float()),
    ("HARD-VERDICT", lambda n, m: n > m),
    ("NOT-A-NUMBER", lambda n, m: f"{n / (n + m):.2f}"),
    ("EDGE-LOST", lambda n, m: 1 / (1 + m / n) if n and m else 0.5),
    ("NOTHING-RETURNED", lambda n, m: None),
    ("WRONG-VALUE", lambda n, m: (n + 1) / (n + m + 2)),
]
DEAD_ZONE_WRONG = [
    ("ON-TOP", 0),
    ("ON-TOP", 0.1),
    ("STILL-ALIVE", torch.tensor(5.5)),
    ("STILL-ALIVE", 2.0),
    ("NEGATIVE-DISTANCE", -7.0),
    ("TOO-FAR", 100),
    ("NOT-FINITE", math.inf),
    ("NOT-A-NUMBER", "far"),
]

RIGHT = {
    "optimal_d": [
        d_with_where,
        d_as_a_sigmoid,
        d_with_a_mask_in_place,
        d_point_by_point,
        d_with_a_harmless_epsilon,
        d_in_numpy,
        d_one_over_one_plus,
    ],
    "value": [v_by_definition, v_from_entropies, v_in_numpy, v_with_left_rectangles],
    "priors": [
        prior_by_counts,
        prior_by_share,
        prior_in_logits,
        prior_from_d_star,
        prior_point_by_point,
    ],
}
RIGHT |= {
    "turn_best_guess": [lambda n, m: n / (n + m), lambda n, m: 1 - m / (n + m), guess_in_torch],
    "turn_dead_zone": [9, 8.0, torch.tensor(10.0), lambda: 8.2],
}
WRONG = {
    "optimal_d": OPTIMAL_D_WRONG,
    "value": VALUE_WRONG,
    "priors": PRIORS_WRONG,
    "turn_best_guess": BEST_GUESS_WRONG,
    "turn_dead_zone": DEAD_ZONE_WRONG,
}
