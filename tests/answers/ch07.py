"""Answers to the exercises of chapter 07, right and wrong."""

import math

import numpy as np
import torch
from scipy.special import rel_entr
from torch.nn import functional as F

from ganedu import clinic
from ganedu.doctor import doctor

# ---- 07.counter: my_counter(x, means, std) ------------------------------------------------------


def counter_with_cdist(x, means, std):
    distance, nearest = torch.cdist(x, means).min(dim=1)
    good = distance < 3 * std
    counts = torch.bincount(nearest[good], minlength=len(means))
    return (counts > 0).sum(), good.float().mean(), counts


def counter_point_by_point(x, means, std):
    counts = [0] * len(means)
    for point in x.tolist():
        away = [math.dist(point, centre) for centre in means.tolist()]
        k = away.index(min(away))
        if away[k] <= 3 * std:
            counts[k] += 1
    return sum(c > 0 for c in counts), sum(counts) / len(x), counts


def counter_in_numpy(x, means, std):
    x, means = x.numpy().astype(float), means.numpy().astype(float)
    square = ((x[:, None] - means[None]) ** 2).sum(2)
    nearest, good = square.argmin(1), square.min(1) < (3 * std) ** 2
    counts = np.array([np.sum(good & (nearest == k)) for k in range(len(means))])
    return len(np.unique(nearest[good])), good.mean(), counts


def counter_with_one_hot(x, means, std):
    distance = (x.unsqueeze(1) - means).norm(dim=2)
    mine = F.one_hot(distance.argmin(1), len(means)) * (distance / std <= 3)
    counts = mine.sum(0).float()
    return int(counts.count_nonzero()), counts.sum().item() / len(x), counts


def counted(good=None, distance=None, nearest=None, modes=None, quality=None, counts=None):
    """The counter with one part exchanged."""

    def answer(x, means, std):
        away = (distance or torch.cdist)(x, means)
        near, which = away.min(dim=1)
        ok = good(near, std) if good else near < 3 * std
        found = torch.bincount(which[ok], minlength=len(means))
        every = torch.bincount(which, minlength=len(means))
        return (
            modes(found, every, len(x)) if modes else (found > 0).sum(),
            quality(found, ok, len(x)) if quality else ok.float().mean(),
            counts(found, every, len(x)) if counts else found,
        )

    return answer


def all_samples(found, every, n):
    return every


def sum_of_coordinates(x, means):
    return (x[:, None] - means).abs().sum(2)


def squared(x, means):
    return ((x[:, None] - means) ** 2).sum(2)


def counter_of_every_pair(x, means, std):
    within = torch.cdist(x, means) < 3 * std
    return within.any(0).sum(), within.sum() / len(x), within.sum(0)


def counter_from_the_modes(x, means, std):
    distance, nearest = torch.cdist(x, means).min(dim=0)
    good = distance < 3 * std
    counts = torch.bincount(nearest[good], minlength=len(means))[: len(means)]
    return good.sum(), good.float().mean(), counts


def counter_without_minlength(x, means, std):
    modes, quality, _ = counter_with_cdist(x, means, std)
    distance, nearest = torch.cdist(x, means).min(dim=1)
    return modes, quality, torch.bincount(nearest[distance < 3 * std])


def counter_of_found_modes_only(x, means, std):
    modes, quality, counts = counter_with_cdist(x, means, std)
    return modes, quality, counts[counts > 0]


def counter_that_moves_its_input(x, means, std):
    x /= std
    return counter_with_cdist(x, means / std, 1.0)


def counter_of_the_ring(x, means, std):
    return counter_with_cdist(x, means, 0.05)


def counter_divided_by_ten(x, means, std):
    modes, quality, counts = counter_with_cdist(x, means, std)
    return modes - 1, quality, counts


def counter_of_the_last_in_reach(x, means, std):
    inside = (torch.cdist(x, means) < 3 * std).flip(1)
    last, good = len(means) - 1 - inside.int().argmax(1), inside.any(1)
    counts = torch.bincount(last[good], minlength=len(means))
    return (counts > 0).sum(), good.float().mean(), counts


def counter_of(change):
    """The right counter of other arguments."""
    return lambda x, means, std: counter_with_cdist(*change(x, means, std))


def percent(found, ok, n):
    return 100 * ok.float().mean()


def counter_box_at_the_nearest(x, means, std):
    which = torch.cdist(x, means).argmin(1)
    ok = ((x - means[which]).abs() < 3 * std).all(dim=1)
    found = torch.bincount(which[ok], minlength=len(means))
    return (found > 0).sum(), ok.float().mean(), found


COUNTER_WRONG = [
    ("EVERYTHING-COUNTS", counted(good=lambda near, std: near < math.inf)),
    ("EVERYTHING-COUNTS", counted(counts=all_samples, quality=percent)),
    (
        "JUNK-COVERAGE",
        counted(modes=lambda f, every, n: (every > 0).sum(), counts=all_samples),
    ),
    ("BOX-FOR-CIRCLE", counted(distance=sum_of_coordinates)),
    ("BOX-FOR-CIRCLE", counter_box_at_the_nearest),
    ("ONE-SIGMA", counted(good=lambda near, std: near < 2 * std, quality=percent)),
    ("OTHER-RADIUS", counted(good=lambda near, std: near < 2.5 * std)),
    ("OTHER-RADIUS", counted(good=lambda near, std: near < 3.5 * std)),
    ("SQUARED-DISTANCE", counted(distance=squared)),
    ("SQUARED-DISTANCE", counter_of(lambda x, means, std: (x, means, std**2))),
    ("FIXED-RADIUS", counter_of_the_ring),
    ("FIXED-RADIUS", counted(good=lambda near, std: near < 0.15)),
    ("COUNTED-TWICE", counter_of_every_pair),
    ("FIRST-IN-REACH", counter_of_the_last_in_reach),
    ("WRONG-AXIS", counter_from_the_modes),
    ("ROW-IGNORED", counter_of(lambda x, means, std: (x[:-1], means, std))),
    ("ONE-IS-ENOUGH", counted(modes=lambda found, every, n: (found > 0.01 * n).sum())),
    ("QUALITY-OF-MODES", counted(modes=lambda found, every, n: (found > 0).float().mean())),
    ("COUNTS-NOT-SHARES", counted(counts=lambda found, every, n: found > 0)),
    ("ROUNDED", counted(quality=lambda found, ok, n: round(ok.float().mean().item(), 2))),
    ("EMPTY-MODES-LEFT-OUT", counter_without_minlength),
    ("EMPTY-MODES-LEFT-OUT", counter_of_found_modes_only),
    ("INPUT-CHANGED", counter_that_moves_its_input),
    ("NOT-A-PAIR", lambda x, means, std: counter_with_cdist(x, means, std)[:2]),
    ("NOT-A-NUMBER", counted(quality=lambda found, ok, n: f"{ok.float().mean():.2f}")),
    ("ORDER", lambda x, means, std: counter_with_cdist(x, means, std)[::-1]),
    (
        "ORDER",
        lambda x, means, std: [counter_with_cdist(x, means, std)[i] for i in (1, 0, 2)],
    ),
    ("NOTHING-RETURNED", lambda x, means, std: (8, None, None)),
    ("PLUS-A-NUMBER", counter_divided_by_ten),
]

# ---- 07.reverse_kl: my_reverse_kl(counts, weights) ----------------------------------------------


def kl_with_where(counts, weights):
    q = counts / counts.sum()
    return torch.where(q > 0, q * (q / weights).log(), 0.0).sum()


def kl_with_a_mask(counts, weights):
    q = counts.double() / counts.sum()
    seen = q > 0
    return (q[seen] * (q[seen].log() - weights[seen].log())).sum().item()


def kl_term_by_term(counts, weights):
    n, total = sum(counts.tolist()), 0.0
    for c, p in zip(counts.tolist(), weights.tolist()):
        total += c / n * math.log(c / n / p) if c else 0.0
    return total


def kl_by_torch(counts, weights):
    """kl_div(input, target) is KL(target || exp(input)), and knows 0 log 0."""
    return F.kl_div(weights.log(), counts / counts.sum(), reduction="sum")


def kl_by_scipy(counts, weights):
    q = counts.numpy() / counts.numpy().sum()
    return rel_entr(q, weights.numpy()).sum()


def kl_with_xlogy(counts, weights):
    q = counts / counts.sum()
    return torch.xlogy(q, q).sum() - (q * weights.log()).sum()


def kl_with_a_harmless_epsilon(counts, weights):
    q = counts / counts.sum()
    return (q * ((q + 1e-12) / weights).log()).sum()


def forward_kl(counts, weights):
    q = counts / counts.sum()
    return (weights * (weights / q).log()).sum()


def symmetric(counts, weights):
    q = counts / counts.sum()
    m = (q + weights) / 2
    return (torch.xlogy(q, q / m) + torch.xlogy(weights, weights / m)).sum() / 2


def kl_that_forgives(counts, weights):
    """Weights of the modes found, brought to a sum of 1: what is missing is not missed."""
    seen = counts > 0
    return kl_with_where(counts[seen], weights[seen] / weights[seen].sum())


def kl_smoothed(counts, weights):
    return kl_with_where(counts + 1, weights)


def kl_in_place(counts, weights):
    counts /= counts.sum()
    return kl_with_where(counts, weights)


def with_q(function):
    """function(q, p) of the two shares."""
    return lambda counts, weights: function(counts / counts.sum(), weights)


REVERSE_KL_WRONG = [
    ("KL-DIRECTION", with_q(lambda q, p: (p * ((p / (q + 1e-9)).log())).sum())),
    ("KL-DIRECTION", with_q(lambda q, p: F.kl_div(q.log(), p, reduction="sum"))),
    ("KL-DIRECTION", with_q(lambda q, p: ((q - p) ** 2 / q.clamp(min=1e-9)).sum())),
    ("LOG-BASE", with_q(lambda q, p: kl_with_where(q, p) / math.log(2) / len(q))),
    ("ZERO-LOG-ZERO", with_q(lambda q, p: (q * (q / p).log()).sum())),
    ("ZERO-LOG-ZERO", with_q(lambda q, p: (q * q.log() - q * p.log()).sum())),
    ("ZERO-REPLACED", lambda counts, p: kl_with_where(counts.clamp(min=0.5), p)),
    (
        "COUNTS-NOT-SHARES",
        lambda counts, p: torch.xlogy(counts / counts.sum(), counts / p).sum(),
    ),
    ("UNIFORM-ASSUMED", with_q(lambda q, p: kl_with_where(q, torch.full_like(q, 1 / len(q))))),
    ("MISSING-FORGIVEN", kl_that_forgives),
    ("SMOOTHED", kl_smoothed),
    ("SMOOTHED", with_q(lambda q, p: ((q + 0.01) * ((q + 0.01) / p).log()).sum())),
    ("SYMMETRISED", symmetric),
    ("SYMMETRISED", with_q(lambda q, p: ((q - p) * ((q + 1e-9) / p).log()).sum())),
    ("SIGN", with_q(lambda q, p: torch.xlogy(q, p).sum() - torch.xlogy(q, q).sum())),
    ("MEAN-NOT-SUM", with_q(lambda q, p: F.kl_div(p.log(), q))),
    ("ENTROPY-FOR-KL", with_q(lambda q, p: -(q * p.log()).sum())),
    ("LOG-FORGOTTEN", with_q(lambda q, p: ((q - p) ** 2 / p).sum())),
    ("MORE-THAN-KL", with_q(lambda q, p: kl_with_where(q, p) / math.log(len(q)))),
    ("MODE-IGNORED", with_q(lambda q, p: torch.xlogy(q, q / p)[:-1].sum())),
    ("ROUNDED", with_q(lambda q, p: round(float(kl_with_where(q, p)), 2))),
    ("UNREDUCED", with_q(lambda q, p: torch.where(q > 0, q * (q / p).log(), 0.0))),
    ("NOTHING-RETURNED", lambda counts, p: None),
    ("NOT-A-NUMBER", lambda counts, p: {"kl": 0.4}),
    ("INPUT-CHANGED", kl_in_place),
    ("PLUS-A-NUMBER", with_q(lambda q, p: kl_with_where(q, p) + 0.05)),
]

# ---- 07.birthday: my_birthday(x, close) ---------------------------------------------------------


def birthday_with_pdist(x, close):
    distance = torch.pdist(x.flatten(1))
    duplicates = (distance < close).sum().item()
    return duplicates, len(distance) / duplicates if duplicates else math.inf


def birthday_in_two_loops(x, close):
    rows, pairs, alike = x.reshape(len(x), -1).tolist(), 0, 0
    for i in range(len(rows)):
        for j in range(i):
            pairs += 1
            alike += math.dist(rows[i], rows[j]) < close
    return alike, pairs / alike if alike else float("inf")


def birthday_with_triu(x, close):
    x = x.flatten(1)
    alike = (x[:, None] - x).norm(dim=2) < close
    duplicates = torch.triu(alike, diagonal=1).sum()
    n = len(x)
    return duplicates, torch.tensor(n * (n - 1) / 2) / duplicates  # a tensor over 0 is inf


def birthday_in_numpy(x, close):
    x, n = x.numpy().reshape(len(x), -1), len(x)
    distance = np.sqrt(((x[:, None] - x) ** 2).sum(2))
    duplicates = ((distance < close).sum() - n) // 2
    return int(duplicates), np.inf if duplicates == 0 else n * (n - 1) / 2 / duplicates


def paired(support=None, alike=None):
    """The test with one part exchanged: support(duplicates, n), alike(x, close) -> [n, n]."""

    def answer(x, close):
        x = x.flatten(1)
        close_pairs = alike(x, close) if alike else torch.cdist(x, x) < close
        duplicates = int(close_pairs.triu(1).sum())
        n = len(x)
        if not duplicates:
            return 0, math.inf
        return duplicates, support(duplicates, n) if support else n * (n - 1) / 2 / duplicates

    return answer


def over(pairs, duplicates):
    return duplicates, pairs / duplicates if duplicates else math.inf


def birthday_with_selves(x, close):
    x, n = x.flatten(1), len(x)
    return over(n * (n - 1) / 2, int((torch.cdist(x, x) < close).sum()))


def birthday_with_selves_once(x, close):
    x, n = x.flatten(1), len(x)
    alike = (torch.cdist(x, x) < close).triu()
    return over(n * (n + 1) / 2, int(alike.sum()))


def birthday_with_zeros_below(x, close):
    """The zeros that triu leaves below the diagonal are distances, too."""
    x, n = x.flatten(1), len(x)
    return over(n * (n - 1) / 2, int((torch.cdist(x, x).triu(1) < close).sum()))


def birthday_ordered_both(x, close):
    x, n = x.flatten(1), len(x)
    return over(n * (n - 1), int((torch.cdist(x, x) < close).sum()) - n)


def birthday_of_samples(x, close):
    """How many samples have a twin, not how many pairs there are."""
    x, n = x.flatten(1), len(x)
    alike = (torch.cdist(x, x) < close).fill_diagonal_(False)
    return over(n * (n - 1) / 2, int(alike.any(1).sum()))


def birthday_of_neighbours(x, close):
    x = x.flatten(1)
    return over(len(x) - 1, int(((x[1:] - x[:-1]).norm(dim=1) < close).sum()))


def birthday_of_images_unflattened(x, close):
    distance = (x[:, None] - x).norm(dim=-1)
    n = len(x)
    return over(n * (n - 1) / 2, int((distance < close).float().sum() - n) // 2)


def birthday_that_divides_by_zero(x, close):
    duplicates = int((torch.pdist(x.flatten(1)) < close).sum())
    n = len(x)
    return duplicates, n * (n - 1) / 2 / duplicates


def birthday_empty(value):
    def answer(x, close):
        duplicates, support = birthday_with_pdist(x, close)
        return duplicates, support if duplicates else value(len(x))

    return answer


def birthday_of_points_only(x, close):
    return birthday_with_pdist(x[:, :2].flatten(1), close)


def birthday_moves_its_input(x, close):
    x /= close
    return birthday_with_pdist(x, 1.0)


BIRTHDAY_WRONG = [
    ("SELF-PAIRS", birthday_with_selves_once),
    ("SELF-PAIRS", birthday_with_zeros_below),
    ("SELF-PAIRS", lambda x, close: over(len(x) ** 2, birthday_with_selves(x, close)[0])),
    ("ORDERED-PAIRS", birthday_ordered_both),
    ("BIRTHDAY-PAIRS", paired(lambda d, n: n - d)),
    ("PAIRS-WITH-REPEATS", paired(lambda d, n: (n - 1) ** 2 / 2 / d)),
    ("TWINS-NOT-PAIRS", birthday_of_samples),
    ("RATE-NOT-SUPPORT", paired(lambda d, n: d / (n * (n - 1) / 2))),
    ("WHOLE-NUMBER-DIVISION", paired(lambda d, n: n * (n - 1) // 2 // d)),
    ("NEIGHBOURS-ONLY", birthday_of_neighbours),
    ("EXACT-EQUALITY", paired(alike=lambda x, close: (x[:, None] == x).all(2))),
    ("SQUARED-DISTANCE", paired(alike=lambda x, close: squared(x, x) < close)),
    ("NOT-EUCLIDEAN", paired(alike=lambda x, close: torch.cdist(x, x, 1) < close)),
    ("OTHER-DISTANCE", paired(alike=lambda x, close: torch.cdist(x, x) < 2 * close)),
    ("FAR-NOT-CLOSE", paired(alike=lambda x, close: torch.cdist(x, x) >= close)),
    ("FIXED-DISTANCE", paired(alike=lambda x, close: torch.cdist(x, x) < 0.1)),
    ("ROW-IGNORED", lambda x, close: birthday_with_pdist(x[:-1], close)),
    ("ROW-IGNORED", lambda x, close: birthday_with_pdist(x[1:], close)),
    ("IMAGES-NOT-FLAT", birthday_of_images_unflattened),
    ("IMAGES-NOT-FLAT", birthday_of_points_only),
    ("NONE-FOUND", birthday_that_divides_by_zero),
    ("NONE-FOUND", birthday_empty(lambda n: n)),
    ("NONE-FOUND", birthday_empty(lambda n: math.nan)),
    ("INPUT-CHANGED", birthday_moves_its_input),
    ("NOT-A-PAIR", lambda x, close: birthday_with_pdist(x, close)[1]),
    ("ORDER", lambda x, close: birthday_with_pdist(x, close)[::-1]),
    ("NOTHING-RETURNED", lambda x, close: (3, None)),
    ("ROUNDED", paired(lambda d, n: round(n * (n - 1) / 2 / d, 1))),
]

# ---- 07.proved: my_verdicts() -------------------------------------------------------------------

VERDICTS = {"a": False, "b": False, "c": True, "d": False}
VERDICTS |= {"e": False, "f": False, "g": False, "h": True}


def verdicts(**changed):
    return lambda: VERDICTS | changed


def verdicts_by_what_is_proved():
    return {letter: letter in "ch" for letter in "abcdefgh"}


PROVED_WRONG = [
    ("LOSS-PROVES", verdicts(a=True)),
    ("LOSS-PROVES", lambda: dict.fromkeys("abcdefgh", True)),
    ("GRID-OF-64", verdicts(b=True)),
    ("TOO-CAUTIOUS", verdicts(c=False)),
    ("TOO-CAUTIOUS", lambda: dict.fromkeys("abcdefgh", False)),
    ("SPREAD-IS-NOT-COVERAGE", verdicts(d=True)),
    ("N-OF-ONE", verdicts(e=True)),
    ("N-OF-ONE", verdicts(e=True, f=True)),
    ("KL-FLOOR", verdicts(f=True)),
    ("JUNK-COVERAGE", verdicts(g=True)),
    ("TOO-CAUTIOUS", verdicts(h=False)),
    ("NOT-A-DICT", lambda: [False, False, True]),
    ("ONE-MISSING", lambda: {"a": False}),
    ("ONE-TOO-MANY", verdicts(i=True)),
    ("NOT-A-VERDICT", verdicts(a="no")),
]

# ---- 07.diagnose: my_diagnoses() ----------------------------------------------------------------

CHART = {
    "patient 01": "wrong proportions",
    "patient 02": "full collapse",
    "patient 06": "unknown",
    "patient 07": "memorisation",
    "patient 08": "oscillation",
    "patient 10": "discriminator too strong",
    "patient 12": "generator starved",
    "patient 14": "collapse within modes",
}


def chart(number, diagnosis):
    """All right but one."""
    return lambda: CHART | {f"patient {number}": diagnosis}


def chart_by_the_doctor():
    return {name: doctor(clinic.patient(name)).name for name in CHART}


def chart_in_capitals():
    return {name: f" {diagnosis.capitalize()}" for name, diagnosis in CHART.items()}


DIAGNOSE_WRONG = [
    ("OVERLOOKED", lambda: dict.fromkeys(CHART, "healthy")),
    ("OVERLOOKED", chart("01", "healthy")),
    ("GAVE-UP", lambda: dict.fromkeys(CHART, "unknown")),
    ("FORCED-DIAGNOSIS", chart("06", "collapse within modes")),
    ("SYMPTOM-FOR-CAUSE", chart("02", "dropped modes")),
    ("MISDIAGNOSED", chart("07", "dropped modes")),
    ("ONE-LOOK", chart("08", "discriminator too strong")),
    ("ONE-LOOK", chart("12", "oscillation")),
    ("EVERYTHING-IS-COLLAPSE", lambda: dict.fromkeys(CHART, "full collapse")),
    ("SPREAD-IS-NOT-COVERAGE", chart("01", "collapse within modes")),
    ("BLAMED-THE-PLAYERS", chart("10", "generator starved")),
    ("BLAMED-THE-PLAYERS", chart("01", "diverged")),
    ("MISDIAGNOSED", chart("01", "dropped modes")),
    ("NO-SUCH-DIAGNOSIS", chart("01", "mode collapse")),
    ("NO-SUCH-DIAGNOSIS", chart("01", None)),
    ("NOT-A-DICT", lambda: list(CHART.values())),
    ("ONE-MISSING", lambda: {"patient 01": "wrong proportions"}),
]

# ---- 07.turn_chance, 07.turn_floor: in the lesson -----------------------------------------------


def chance_step_by_step(n, share):
    unseen = 1.0
    for _ in range(n):
        unseen *= 1 - share
    return 1 - unseen


CHANCE_WRONG = [
    ("UNSEEN-FOR-SEEN", lambda n, share: math.exp(n * math.log(1 - share))),
    ("CHANCES-ADDED", lambda n, share: sum([share] * n)),
    ("ALL-FOR-ONE", lambda n, share: math.prod([share] * n)),
    ("EXACTLY-ONE", lambda n, share: math.comb(n, 1) * share * (1 - share) ** (n - 1)),
    ("ONE-SAMPLE", lambda n, share: share),
    ("ONE-DRAW-OFF", lambda n, share: 1 - (1 - share) ** (n - 1)),
    ("NOTHING-RETURNED", lambda n, share: None),
]
FLOOR_WRONG = [
    ("MODES-NOT-FREEDOM", lambda k, n: 0.5 * k / n),
    ("HALF-FORGOTTEN", lambda k, n: (k - 1) / n),
    ("DOUBLED", lambda k, n: (k - 1) / n * 2),
    ("DOUBLED", lambda k, n: (k - 1) / (n / 2)),
    ("NO-SAMPLES", lambda k, n: (k - 1) / 2),
    ("ROOT-OF-N", lambda k, n: (k - 1) / 2 / math.sqrt(n)),
    ("TURNED-OVER", lambda k, n: 1 / ((k - 1) / (2 * n))),
    ("TIMES-N", lambda k, n: (k - 1) / 2 * n),
]

RIGHT = {
    "turn_chance": [
        chance_step_by_step,
        lambda n, share: 1 - (1 - share) ** n,
        lambda n, share: -math.expm1(n * math.log1p(-share)),
        lambda n, share: sum(share * (1 - share) ** i for i in range(n)),
    ],
    "turn_floor": [
        lambda k, n: (k - 1) / (2 * n),
        lambda k, n: 0.5 * (k - 1) / n,
        lambda k, n: torch.tensor((k - 1) / 2) / n,
    ],
    "counter": [
        counter_with_cdist,
        counter_point_by_point,
        counter_in_numpy,
        counter_with_one_hot,
    ],
    "reverse_kl": [
        kl_with_where,
        kl_with_a_mask,
        kl_term_by_term,
        kl_by_torch,
        kl_by_scipy,
        kl_with_xlogy,
        kl_with_a_harmless_epsilon,
    ],
    "birthday": [
        birthday_with_pdist,
        birthday_in_two_loops,
        birthday_with_triu,
        birthday_in_numpy,
    ],
    "proved": [verdicts(), verdicts_by_what_is_proved],
    "diagnose": [lambda: dict(CHART), chart_by_the_doctor, chart_in_capitals],
}
WRONG = {
    "turn_chance": CHANCE_WRONG,
    "turn_floor": FLOOR_WRONG,
    "counter": COUNTER_WRONG,
    "reverse_kl": REVERSE_KL_WRONG,
    "birthday": BIRTHDAY_WRONG,
    "proved": PROVED_WRONG,
    "diagnose": DIAGNOSE_WRONG,
}
