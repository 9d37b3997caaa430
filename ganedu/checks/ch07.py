"""Checks of chapter 07: the counter, reverse KL, the birthday test, what is proved, and the clinic.

The first three compare the answer with the wrong formulas that people write, on small sets of points
made so that no two of them agree. The clinic's check measures the patient again and holds the
learner's diagnosis against the number that speaks against it.
"""

import math

import numpy as np
import torch

from ganedu import clinic
from ganedu.checks import probes
from ganedu.checks.engine import Misconception
from ganedu.checks.probes import near
from ganedu.diagnostics import kl_floor
from ganedu.doctor import FIRST, Signs

# ---- what all share ------------------------------------------------------------------------------


def _name(got, slips, words, tolerance=1e-4):
    """Raise the first of the slips (code, wrong value) whose value is the one we got."""
    for code, wrong in slips:
        if near(got, wrong, tolerance):
            raise Misconception(code, *words[code])


def _called(answer, *args):
    """The answer's result; a named verdict if it writes into the tensors it was given."""
    given = [a.clone() if isinstance(a, torch.Tensor) else a for a in args]
    result = answer(*given)
    for place, before, after in zip(("first", "second"), args, given):
        if isinstance(before, torch.Tensor) and not torch.equal(before, after):
            raise Misconception(
                "INPUT-CHANGED",
                f"After the call the {place} argument holds other numbers than before: your code "
                "writes into the caller's tensor.",
                "`a /= b` and `a[...] = b` change a tensor in place; `a = a / b` does not.",
            )
    return result


def _parts(result, names, code):
    """The returned values, one for each name, or a named verdict."""
    line = f"End the function with `return {', '.join(names)}`."
    if isinstance(result, tuple | list) and len(result) == len(names):
        missing = [name for name, part in zip(names, result) if part is None]
        if not missing:
            return tuple(result)
        raise Misconception("NOTHING-RETURNED", f"What you return as {missing[0]} is None.", line)
    if result is None:
        raise Misconception("NOTHING-RETURNED", "Your function returned None.", line)
    what = f"a {type(result).__name__}"
    if isinstance(result, tuple | list):
        what = f"{len(result)} values"
    raise Misconception(code, f"Your function returned {what}; {len(names)} are asked for.", line)


def _many(value):
    """Whether a returned value holds more than one number."""
    if isinstance(value, torch.Tensor | np.ndarray):
        return math.prod(value.shape) > 1
    return isinstance(value, list | tuple)


# ---- 07.counter ----------------------------------------------------------------------------------

WIDTH = 0.2  # one std in the example below; the comments count in it
MEANS = torch.tensor([[0.0, 0.0], [0.8, 0.0], [3.0, 0.0], [0.0, 3.0], [3.0, 3.0], [9.0, 9.0]])
SAMPLES = torch.tensor(
    [
        [0.02, 0.03],  # 0.2 std from mode 0
        [-0.17, 0.0],  # 0.85
        [-0.1, 0.24],  # 1.3
        [0.0, -0.33],  # 1.65
        [-0.37, 0.0],  # 1.85
        [-0.35, 0.35],  # 2.5, and 3.5 by the sum of its coordinates
        [0.38, 0.0],  # 1.9 from mode 0, 2.1 from mode 1
        [0.39, 0.1],  # as near to both
        [0.83, 0.02],  # mode 1, near
        [1.3, 0.0],  # 2.5
        [0.8, -0.7],  # 3.5: outside; inside if squared distance < 3 std
        [0.8, 0.785],  # 3.92: outside
        [3.5, 0.5],  # mode 2: inside the box, 3.5 std away: outside
        [2.55, -0.52],  # the same
        [3.0, -0.9],  # 4.5 std: outside
        [0.1, 3.4],  # mode 3: one sample, 2.06
        [3.05, 3.0],  # mode 4: one sample
        [4.1, 3.2],  # junk, nearest to mode 4
        [6.5, 7.5],  # junk, nearest to mode 5, which has nothing
        [7.0, 8.0],
    ]
)
RADIUS = "Which samples may count at all? Those within 3 std of their nearest mode, and no others."
COUNTER_WORDS = {
    "EVERYTHING-COUNTS": (
        "Every sample counts, however far from all modes it is.",
        "Each sample has *some* nearest mode, junk too. Which distance does the text set?",
    ),
    "JUNK-COVERAGE": (
        "Your quality is right, but junk counts as finding a mode: samples outside every circle "
        "are among those at their nearest mode.",
        RADIUS,
    ),
    "BOX-FOR-CIRCLE": (
        "Your region around a mode is not round: it goes by single coordinates.",
        "The Euclidean distance is the root of the sum of squares. Draw both regions.",
    ),
    "ONE-SIGMA": (
        "You stop at one or two standard deviations.",
        "Only 39% of a round Gaussian's own points lie within one. Which radius does the text set?",
    ),
    "SQUARED-DISTANCE": (
        "A squared distance is compared with a length, or the other way round.",
        "Write down the unit of each side of your `<`.",
    ),
    "FIXED-RADIUS": (
        "Your radius does not depend on `std`.",
        "Try the function on modes of another width.",
    ),
    "COUNTED-TWICE": (
        "A sample that lies in the circles of two modes counts at both.",
        "Each sample belongs to one mode. To which?",
    ),
    "WRONG-AXIS": (
        "You look for the nearest *sample* of each mode.",
        "The question goes the other way: which mode is nearest to each sample? Print the shape.",
    ),
    "ONE-IS-ENOUGH": (
        "Counts and quality are right. You ask for more than one sample before a mode is found.",
        "That is a rule too, but not the published one, and rules must not be mixed.",
    ),
    "SHARE-NOT-COUNT": (
        "Your quality is a number of samples.",
        "A share lies between 0 and 1, and does not depend on how many samples you drew.",
    ),
    "PERCENT": ("Your quality is in percent.", "A share of 1 is all of them."),
    "QUALITY-OF-MODES": (
        "You return a share of *modes* where samples or a whole number are asked for.",
        "Modes found is a number out of k; quality is a share of the samples.",
    ),
    "SHARE-TURNED": ("Your quality is the share of junk.", "High quality should be good news."),
    "COUNTS-NOT-SHARES": (
        "Your third value does not hold numbers of samples.",
        "counts[k] is how many high-quality samples lie at mode k. Divide later, if ever.",
    ),
    "EMPTY-MODES-LEFT-OUT": (
        "Your counts leave out modes without samples, so their places no longer name the modes.",
        "There is one count for each mode, found or not. `torch.bincount` has a `minlength`.",
    ),
    "ORDER": (
        "The three values are right and in another order.",
        "End the function with `return modes, quality, counts`.",
    ),
    "WRONG-VALUE": (
        "Your numbers are not those of a circle of 3 std around each mode.",
        "Take one sample, print its distance to each mode, and decide by hand.",
    ),
}


def counter(answer):
    """my_counter(x [n, 2], means [k, 2], std) -> (modes, quality, counts [k])"""
    _check_counter(answer, SAMPLES, MEANS, WIDTH)
    _check_counter(answer, *_half_a_ring())
    far = torch.tensor([[50.0, 50.0], [60.0, 40.0], [-70.0, 1.0]])
    _check_counter(answer, far, MEANS, WIDTH)  # nothing is good
    return (
        "Right: circles, each sample at one mode, empty modes kept, junk nowhere. This is the rule "
        "of the published tables, and `ganedu.diagnostics.mode_coverage`."
    )


def _half_a_ring():
    """500 samples of a wide ring: four modes well, one by 3 samples, one by 1, junk near the rest."""
    angle = math.pi / 4 * torch.arange(8)
    means = 2 * torch.stack([angle.cos(), angle.sin()], dim=1)
    rng = torch.Generator().manual_seed(0)
    mode = torch.tensor([0] * 250 + [1] * 120 + [2] * 66 + [4] * 30 + [5] * 3 + [7])
    good = means[mode] + 0.03 * torch.randn(len(mode), 2, generator=rng)
    junk = 0.6 * means[torch.arange(30) % 8]
    return torch.cat([good, junk]), means, 0.06


def _check_counter(answer, x, means, std):
    got = _three(answer, x, means, std)
    right = _count(_distances(x, means) < 3 * std, x, means)
    every = _count(torch.ones(len(x), len(means), dtype=torch.bool), x, means)
    if _same(got, right):
        return
    modes, quality, counts = got
    if not near(counts, right[2]):
        _counts_slips(got, right, every, x, means, std)
        _fail("WRONG-VALUE")
    if not near(quality, right[1]):
        share = right[0] / len(means)
        slips = [("SHARE-NOT-COUNT", right[2].sum()), ("PERCENT", 100 * right[1])]
        slips += [("QUALITY-OF-MODES", share), ("SHARE-TURNED", 1 - right[1])]
        _name(quality, slips, COUNTER_WORDS)
        _fail("EVERYTHING-COUNTS" if quality == 1 else "WRONG-VALUE")
    if near(modes, right[0] / len(means)):
        _fail("QUALITY-OF-MODES")
    if modes == every[0]:
        _fail("JUNK-COVERAGE")
    fewer = [int((counts > at_least).sum()) for at_least in (1, 0.01 * len(x), 0.05 * len(x))]
    _fail("ONE-IS-ENOUGH" if modes in [f for f in fewer if f < right[0]] else "WRONG-VALUE")


def _fail(code):
    raise Misconception(code, *COUNTER_WORDS[code])


def _three(answer, x, means, std):
    """(modes, quality, counts [k]) as numbers and a tensor, or a named verdict."""
    parts = _parts(_called(answer, x, means, std), ("modes", "quality", "counts"), "THREE-VALUES")
    if _many(parts[0]) and not _many(parts[2]):
        _fail("ORDER")
    modes = probes.number(parts[0], "The first value, modes,")
    quality = probes.number(parts[1], "The second value, quality,")
    try:
        counts = torch.as_tensor(np.asarray(parts[2])).double()
    except (TypeError, ValueError):
        raise Misconception(
            "SHAPE", "The third value, counts, is no row of numbers.", "One number for each mode."
        ) from None
    if counts.ndim == 1 and len(counts) < len(means):
        _fail("EMPTY-MODES-LEFT-OUT")
    counts = probes.tensor(counts, (len(means),), "The third value, counts,")
    right = _count(_distances(x, means) < 3 * std, x, means)
    if near((modes, quality), (right[1], right[0])) and right[0] != right[1]:
        _fail("ORDER")
    return modes, quality, counts


def _distances(x, means):
    return (x[:, None] - means).norm(dim=2)  # [n, k]


def _count(inside, x, means):
    """(modes, quality, counts) of samples that lie inside [n, k] the region of their nearest mode."""
    nearest = _distances(x, means).argmin(1)
    good = inside[torch.arange(len(x)), nearest]
    counts = torch.bincount(nearest[good], minlength=len(means)).double()
    return int((counts > 0).sum()), float(good.double().mean()), counts


def _same(a, b):
    return all(near(mine, theirs) for mine, theirs in zip(a, b))


def _counts_slips(got, right, every, x, means, std):
    """Name what makes the counts wrong."""
    _, quality, counts = got
    d, n = _distances(x, means), len(x)
    if near(counts, every[2]):
        _fail("JUNK-COVERAGE" if near(quality, right[1]) else "EVERYTHING-COUNTS")
    apart = (x[:, None] - means).abs()
    regions = [("BOX-FOR-CIRCLE", apart.amax(2) < 3 * std)]
    regions += [("SQUARED-DISTANCE", d < limit) for limit in (9 * std**2, math.sqrt(3 * std))]
    regions += [("SQUARED-DISTANCE", d < math.sqrt(3) * std)]
    regions += [("ONE-SIGMA", d < std), ("ONE-SIGMA", d < 2 * std)]
    regions += [("FIXED-RADIUS", d < r) for r in (0.15, 0.03, 0.05, 0.1, 1.0)]
    slips = [(code, _count(inside, x, means)[2]) for code, inside in regions]
    by_sum = apart.sum(2)
    taken = torch.bincount(by_sum.argmin(1)[by_sum.amin(1) < 3 * std], minlength=len(means))
    slips += [("BOX-FOR-CIRCLE", taken), ("COUNTED-TWICE", (d < 3 * std).sum(0))]
    closest = d.argmin(0)[d.amin(0) < 3 * std]
    slips += [("WRONG-AXIS", torch.bincount(closest, minlength=len(means))[: len(means)])]
    slips += [("WRONG-AXIS", (d.amin(0) < 3 * std).double())] if len(counts.unique()) > 2 else []
    total = max(1.0, float(right[2].sum()))
    shares = (right[2] / n, right[2] / total, (right[2] > 0).double())
    slips += [("COUNTS-NOT-SHARES", share) for share in shares]
    _name(counts, slips, COUNTER_WORDS)


# ---- 07.reverse_kl -------------------------------------------------------------------------------

COUNTS, WEIGHTS = torch.tensor([30.0, 50, 5, 15]), torch.tensor([0.4, 0.3, 0.2, 0.1])
ABSENT, DUE = torch.tensor([60.0, 0, 40, 0]), torch.tensor([0.25, 0.25, 0.4, 0.1])
SUM = "reverse KL is the sum over modes of q log(q/p), with q what G makes and p what is true."
KL_WORDS = {
    "KL-DIRECTION": (
        "This is KL(true || generated): the forward one.",
        "Which of the two stands in front of the log says who does the asking. Here it is G: of "
        "what *I* make, how surprising is it?",
    ),
    "LOG-BASE": (
        "Your KL is not in nats.",
        "The natural logarithm, `torch.log`: a generator stuck at one mode of 4 should get log 4 = "
        "1.386.",
    ),
    "ZERO-LOG-ZERO": (
        "A mode with no sample makes your KL NaN.",
        "q log q goes to 0 with q. Leave such a mode out of the sum, or use `torch.where`.",
    ),
    "COUNTS-NOT-SHARES": (
        "Counts stand where shares belong: with twice as many samples the answer changes.",
        "q must sum to 1. Where do you divide, and does it happen both inside and before the log?",
    ),
    "UNIFORM-ASSUMED": (
        "You compare with equal shares, whatever `weights` says.",
        "p is an argument: the data may be uneven, and a good generator uneven with them.",
    ),
    "MISSING-FORGIVEN": (
        "You bring the weights of the modes that were found to a sum of 1: what is missing is no "
        "longer missed, and a fair half of the modes gets 0.",
        "Leave the true weights as they are. Which terms vanish by themselves?",
    ),
    "SMOOTHED": (
        "A number is added to the counts or shares, and it changes the answer.",
        "Only q = 0 needs care, and there the whole term is 0.",
    ),
    "SYMMETRISED": ("You mix both directions, or compare with their average.", SUM),
    "SIGN": ("Your KL is negative, which a KL never is.", "Which one stands on top in the log?"),
    "MEAN-NOT-SUM": (
        "You take a mean over the modes.",
        "q already is the weight of each mode; the terms are summed.",
    ),
    "ENTROPY-FOR-KL": (
        "This is an entropy or a cross-entropy: it knows only half of the story.",
        "For q = p the answer must be 0. What does yours give?",
    ),
    "LOG-FORGOTTEN": ("This measures a difference of shares, without a logarithm.", SUM),
    "UNWEIGHTED": (
        "You add up log(q/p) with nothing in front.",
        "A KL is an *average* of log(q/p). Over whom?",
    ),
    "WRONG-VALUE": (
        "Your value is not KL(generated || true).",
        f"By hand, for counts 3, 1 and p = 1/2, 1/2: 0.75 log 1.5 + 0.25 log 0.5 = 0.131. {SUM}",
    ),
}


def reverse_kl(answer):
    """my_reverse_kl(counts [k], weights [k]) -> KL(generated || true) in nats"""
    for counts, weights in ((COUNTS, WEIGHTS), (ABSENT, DUE)):
        _check_kl(answer, counts, weights)
    _check_kl(answer, torch.tensor([0.0, 0, 2500, 0]), torch.full((4,), 0.25))
    return (
        "Right, also where a mode has nothing: G's missing modes cost it log(1/what it covers), "
        "never infinity. At best it is about (k - 1)/2n, not 0."
    )


def _kl(a, b):
    return float(torch.xlogy(a, a / b).sum())


def _check_kl(answer, counts, weights):
    got = probes.number(_called(answer, counts, weights), "The KL you return")
    q = counts / counts.sum()
    right = _kl(q, weights)
    if near(got, right):
        return
    if math.isnan(got) and (q == 0).any():
        raise Misconception("ZERO-LOG-ZERO", *KL_WORDS["ZERO-LOG-ZERO"])
    if got == math.inf and (q == 0).any():
        raise Misconception("KL-DIRECTION", *KL_WORDS["KL-DIRECTION"])
    _name(got, _kl_slips(q, weights, counts, right), KL_WORDS)
    raise Misconception("WRONG-VALUE", *KL_WORDS["WRONG-VALUE"])


def _kl_slips(q, p, counts, right):
    k, n, seen = len(q), float(counts.sum()), q > 0
    forward, m = _kl(p, q.clamp(min=1e-9)), (p + q) / 2
    entropy, js = -float(torch.xlogy(q, q).sum()), (_kl(q, m) + _kl(p, m)) / 2
    slips = [("KL-DIRECTION", forward), ("KL-DIRECTION", forward / k)]
    slips += [("LOG-BASE", right / math.log(base)) for base in (2, 10)]
    unshared = _kl(counts, p), float(torch.xlogy(q, counts / p).sum()), n * right
    slips += [("COUNTS-NOT-SHARES", value) for value in unshared]
    if not seen.all():
        slips += [("MISSING-FORGIVEN", _kl(q[seen], p[seen] / p[seen].sum()))]
    slips += [("UNIFORM-ASSUMED", _kl(q, torch.full_like(q, 1 / k)))]
    for e in (1, 0.5, 0.1, 0.01, 0.001, 1e-4):
        more = q + e
        changed = _kl((counts + e) / (counts + e).sum(), p), _kl(more, p), _kl(more, p + e)
        slips += [("SMOOTHED", value) for value in (*changed, _kl(more / more.sum(), p))]
        slips += [("SMOOTHED", float((q * (more / (p + e)).log()).sum()))]
    slips += [("SYMMETRISED", value) for value in (js, (right + forward) / 2, right + forward)]
    slips += [("SIGN", -right), ("MEAN-NOT-SUM", right / k)]
    slips += [("MEAN-NOT-SUM", right / int(seen.sum())), ("ENTROPY-FOR-KL", entropy)]
    slips += [("ENTROPY-FOR-KL", -entropy), ("ENTROPY-FOR-KL", -float((q * p.log()).sum()))]
    apart = (q * q / p).sum(), (q - p).abs().sum() / 2, (q - p).abs().sum(), ((q - p) ** 2).sum()
    slips += [("LOG-FORGOTTEN", float(value)) for value in (*apart, ((q - p) ** 2 / p).sum())]
    return [*slips, ("UNWEIGHTED", float((q[seen] / p[seen]).log().sum()))]


# ---- 07.birthday ---------------------------------------------------------------------------------

CLOSE = 0.3
OFFSETS = [  # pairs at places far apart; no two wrong rules count equally many of them
    *[(0.0, 0.0)] * 1,  # the same point again
    *[(0.25, 0.0)] * 2,  # close
    *[(0.2, 0.2)] * 3,  # 0.283: close, though the sum of its coordinates is 0.4
    *[(0.25, 0.25)] * 2,  # 0.354: not close, though in a box it is
    *[(0.4, 0.0)] * 2,  # not close, though the mean of its squares is
    *[(0.0, 0.5)] * 4,  # not close, though its square is
    *[(0.8, 0.0)] * 5,  # not close
]


def _crowd():
    """Pairs at these offsets, and five of one kind, shuffled: [43, 2]."""
    places = 10.0 * torch.cartesian_prod(torch.arange(5.0), torch.arange(4.0))  # [20, 2]
    ends = places[:19] + torch.tensor(OFFSETS)
    kind = places[19] + 0.06 * torch.tensor([[0.0, 0], [1, 0], [0, 1], [1, 1], [2, 1]])
    x = torch.cat([places[:19], ends, kind])
    return x[torch.randperm(len(x), generator=torch.Generator().manual_seed(1))]


POINTS = _crowd()
PAIRS = "Two samples make one pair: (a, b) is (b, a), and a sample is no pair with itself."
BIRTHDAY_WORDS = {
    "SELF-PAIRS": (
        "Each sample is compared with itself, and of course found alike (or such pairs are counted "
        "among the pairs).",
        PAIRS + " How many are there among n?",
    ),
    "ORDERED-PAIRS": ("Each pair is counted twice.", PAIRS),
    "BIRTHDAY-PAIRS": (
        "Your estimate is made of n, the number of samples, not of pairs.",
        "That is the surprise of the birthday paradox: 23 people make 253 pairs. What is the chance "
        "that *one pair* is alike, if there are s equally likely things?",
    ),
    "PAIRS-WITH-REPEATS": (
        "Your number of pairs is n squared, or half of it.",
        PAIRS + " How many are there among n? Try n = 2.",
    ),
    "TWINS-NOT-PAIRS": (
        "You count samples that have a twin.",
        "Three samples that are all alike make three pairs. Pairs are what the estimate needs.",
    ),
    "RATE-NOT-SUPPORT": (
        "Your second value is the chance that a pair is alike.",
        "With s equally likely things that chance is 1/s. What is s?",
    ),
    "ROOT-OF-SUPPORT": (
        "Your second value is the root of pairs over duplicates.",
        "The root says how many *samples* show a first duplicate. How many *things* are there?",
    ),
    "NEIGHBOURS-ONLY": (
        "You compare each sample with the next one only.",
        "Every pair counts, wherever its two samples stand in the list.",
    ),
    "EXACT-EQUALITY": (
        "Only exactly equal samples count as duplicates.",
        "A generator never makes the same point twice to the last bit. What is `close` for?",
    ),
    "SQUARED-DISTANCE": (
        "A squared distance is compared with `close`, which is a length.",
        "Take the root, or square both sides.",
    ),
    "NOT-EUCLIDEAN": (
        "Your distance is not the Euclidean one.",
        "The root of the *sum* of squares, over all numbers of an example.",
    ),
    "FAR-NOT-CLOSE": ("You count the pairs that are far apart.", "Which way does your `<` point?"),
    "FIXED-DISTANCE": (
        "Your distance does not depend on `close`.",
        "Is there a number in your line that should be the argument?",
    ),
    "IMAGES-NOT-FLAT": (
        "Right for points [n, 2], wrong for images [n, 1, 4, 4].",
        "An image is one example, with 16 numbers: `x.flatten(1)` makes a row of them.",
    ),
    "NONE-FOUND": (
        "When no pair is alike your support is not infinite.",
        "No duplicate among these samples says that there is no upper end in sight: `math.inf`.",
    ),
    "ORDER": ("Both values are there, exchanged.", "`return duplicates, support`."),
    "WRONG-VALUE": (
        "Your numbers are not those of all pairs closer than `close`.",
        "Take four points, two of them alike: 6 pairs, 1 duplicate, so about 6 things.",
    ),
}


def birthday(answer):
    """my_birthday(x [n, ...], close) -> (duplicates, support)"""
    _check_pairs(answer, POINTS, CLOSE)
    _check_pairs(answer, POINTS, 0.2)  # another distance, fewer pairs
    cube = torch.tensor([[0.0, 0, 0], [0.0, 0, 0.1], [0.0, 0, 3], [1.0, 0, 0]])
    _check_pairs(answer, cube, 0.5)
    _check_images(answer)
    _check_none(answer)
    return (
        "Right, for points and images, and where nothing is alike. It found how many things a "
        "generator makes without knowing what they are."
    )


def _two(answer, x, close):
    parts = _parts(_called(answer, x, close), ("duplicates", "support"), "TWO-NUMBERS")
    return tuple(probes.number(p, f"The value {w}") for p, w in zip(parts, ("one", "two")))


def _alike(x, close):
    """(pairs closer than close, all pairs)"""
    x = x.flatten(1)
    distance = torch.pdist(x)
    return int((distance < close).sum()), len(distance)


def _check_pairs(answer, x, close):
    got = _two(answer, x, close)
    d, pairs = _alike(x, close)
    if near(got, (d, pairs / d)):
        return
    if near(got[::-1], (d, pairs / d)):
        raise Misconception("ORDER", *BIRTHDAY_WORDS["ORDER"])
    slips = _duplicate_slips(x, close, d, pairs)
    _name(got[0], [(code, value) for code, value in slips if value != d], BIRTHDAY_WORDS)
    if got[0] == d:
        _name(got[1], _support_slips(len(x), d, pairs), BIRTHDAY_WORDS)
    raise Misconception("WRONG-VALUE", *BIRTHDAY_WORDS["WRONG-VALUE"])


def _duplicate_slips(x, close, d, pairs):
    n, x = len(x), x.flatten(1)
    apart = (x[:, None] - x).abs()  # [n, n, features]
    distance = apart.norm(dim=2)
    twins = (distance < close).fill_diagonal_(False)

    def once(alike):
        return int(alike.triu(1).sum())

    following = distance.diagonal(1)
    return [
        ("SELF-PAIRS", 2 * d + n),
        ("SELF-PAIRS", d + n),
        ("ORDERED-PAIRS", 2 * d),
        ("TWINS-NOT-PAIRS", int(twins.any(1).sum())),
        ("TWINS-NOT-PAIRS", int(twins.triu(1).any(0).sum())),
        ("TWINS-NOT-PAIRS", int(twins.triu(1).any(1).sum())),
        ("FAR-NOT-CLOSE", pairs - d),
        ("EXACT-EQUALITY", once((apart == 0).all(2))),
        ("SQUARED-DISTANCE", once(distance**2 < close)),
        ("NOT-EUCLIDEAN", once(apart.amax(2) < close)),
        ("NOT-EUCLIDEAN", once(apart.sum(2) < close)),
        ("NOT-EUCLIDEAN", once(apart.square().mean(2).sqrt() < close)),
        ("NEIGHBOURS-ONLY", int((following < close).sum())),
        *[("FIXED-DISTANCE", once(distance < r)) for r in (0.1, 0.05, 0.01, 1.0)],
    ]


def _support_slips(n, d, pairs):
    return [
        ("ORDERED-PAIRS", 2 * pairs / d),
        ("SELF-PAIRS", (pairs + n) / d),
        *[("PAIRS-WITH-REPEATS", value) for value in (n**2 / d, n**2 / 2 / d)],
        *[("BIRTHDAY-PAIRS", value) for value in (n / d, n**2, n**2 / 2, n, n - d, (n / d) ** 2)],
        *[("BIRTHDAY-PAIRS", value) for value in (pairs, (n - 1) / d, n / 2 / d)],
        ("RATE-NOT-SUPPORT", d / pairs),
        ("ROOT-OF-SUPPORT", math.sqrt(pairs / d)),
    ]


def _check_images(answer):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(6, 1, 4, 4, generator=rng)
    x = torch.cat([x, x[:2] + 0.01, x[:1] - 0.01])  # 9 images, 4 pairs alike
    d, pairs = _alike(x, 0.5)
    try:
        got = _two(answer, x, 0.5)
    except (RuntimeError, IndexError, ValueError, TypeError):
        got = (math.nan, math.nan)
    if not near(got, (d, pairs / d)):
        raise Misconception("IMAGES-NOT-FLAT", *BIRTHDAY_WORDS["IMAGES-NOT-FLAT"])


def _check_none(answer):
    try:
        d, support = _two(answer, torch.eye(3), CLOSE)
    except ZeroDivisionError:
        d, support = 0, math.nan
    if d != 0 or support != math.inf:
        raise Misconception("NONE-FOUND", *BIRTHDAY_WORDS["NONE-FOUND"])


# ---- 07.proved -----------------------------------------------------------------------------------

CLAIMS = {  # letter: (is it proved?, code of the mistake, what was overlooked, one next step)
    "a": (
        False,
        "LOSS-PROVES",
        "Claim a is not proved: losses compare G with what D was shown, and with how well D looks.",
        "Find the two runs in the lesson whose losses nobody can tell apart.",
    ),
    "b": (
        False,
        "GRID-OF-64",
        "Claim b is not proved: 64 samples of a *perfect* generator miss that mode about half of "
        "the time.",
        "Compute 0.99 to the power of 64.",
    ),
    "c": (
        True,
        "TOO-CAUTIOUS",
        "Claim c is proved, as far as samples can prove anything.",
        "How likely is this for a generator that makes the mode at its due? 0.99 to the power 2,500.",
    ),
    "d": (
        False,
        "SPREAD-IS-NOT-COVERAGE",
        "Claim d is not proved: mean and spread are five numbers, and modes can vanish without them.",
        "Every second mode of a ring: what are its mean and its standard deviations?",
    ),
    "e": (
        False,
        "N-OF-ONE",
        "Claim e is not proved: one run of each was compared.",
        "In the lesson, how many modes did one recipe find with five seeds?",
    ),
    "f": (
        False,
        "KL-FLOOR",
        "Claim f is not proved: a perfect sampler of the ring scores that much.",
        "Compute (k - 1)/2n for k = 8 and n = 2,500.",
    ),
    "g": (
        False,
        "JUNK-COVERAGE",
        "Claim g is not proved: points strewn anywhere find every mode, if there are enough of them.",
        "What does the quality say about the other samples?",
    ),
    "h": (
        True,
        "TOO-CAUTIOUS",
        "Claim h is proved: the same test, on as many samples, at the same distance.",
        "Write down both estimates of the support.",
    ),
}


def proved(answer):
    """my_verdicts() -> {"a": bool, ...}"""
    said = _dictionary(answer(), CLAIMS, "letters")
    for letter, verdict in said.items():
        if not isinstance(verdict, bool | np.bool_):
            raise Misconception(
                "NOT-A-VERDICT",
                f"Your verdict on claim {letter} is {verdict!r}.",
                "True where the evidence proves the claim, False where it does not.",
            )
    wrong = [letter for letter in CLAIMS if said[letter] != CLAIMS[letter][0]]
    if wrong:
        _, code, seen, following = CLAIMS[wrong[0]]
        raise Misconception(code, f"{len(CLAIMS) - len(wrong)} of 8 are right. {seen}", following)
    return (
        "Right, all eight: you ask what the same evidence would look like if the claim were false."
    )


def _dictionary(said, keys, what):
    """A returned dict with just these keys, or a named verdict."""
    if not isinstance(said, dict):
        raise Misconception(
            "NOT-A-DICT",
            f"Your function returned a {type(said).__name__}.",
            f"Return a dict whose keys are the {what}: {', '.join(list(keys)[:2])}, ...",
        )
    missing, extra = [k for k in keys if k not in said], [k for k in said if k not in keys]
    if missing or extra:
        seen = f"There is no answer for {', '.join(missing)}." if missing else ""
        seen += f" There is one for {', '.join(map(str, extra))}, which is not asked." * bool(extra)
        raise Misconception("ONE-MISSING", seen.strip(), f"The keys are {', '.join(keys)}.")
    return said


# ---- 07.diagnose ---------------------------------------------------------------------------------

PATIENTS = [f"patient {number:02}" for number in (1, 2, 6, 7, 8, 10, 12, 14)]
DIAGNOSES = list(FIRST)
PLAYERS = ("discriminator too strong", "generator starved", "diverged")
SYMPTOMS = ("dropped modes", "wrong proportions", "oscillation")
CAUSES = ("full collapse", "memorisation")


def diagnose(answer):
    """my_diagnoses() -> {"patient 01": diagnosis, ...}"""
    said = _dictionary(answer(), PATIENTS, "patients")
    said = {name: str(claim).strip().lower() for name, claim in said.items()}
    for name, claim in said.items():
        if claim not in DIAGNOSES:
            raise Misconception(
                "NO-SUCH-DIAGNOSIS",
                f"For {name} you say {claim!r}.",
                f"Use one of these words: {', '.join(DIAGNOSES)}.",
            )
    truth = {name: clinic.truth(name)[0] for name in PATIENTS}
    wrong = [name for name in PATIENTS if said[name] != truth[name]]
    if not wrong:
        return "Right, all eight. `clinic.truth(name)` tells you what was done to each of them."
    against = [f"{name}: you say {said[name]}, but {_against(name, said[name])}." for name in wrong]
    right = len(PATIENTS) - len(wrong)
    code = _mistake(said[wrong[0]], truth[wrong[0]])
    seen = f"{right} of {len(PATIENTS)} are right. " + " ".join(against[:3])
    raise Misconception(code, seen, NEXT[code])


NEXT = {
    "OVERLOOKED": "Compare each of its six numbers with the row of the healthy generator.",
    "GAVE-UP": "Go through the outline of a doctor from the top; the first pattern that fits wins.",
    "FORCED-DIAGNOSIS": "Does this pattern fit? Where none of a list does, that too is a finding.",
    "SYMPTOM-FOR-CAUSE": "What you saw is there. Which pattern, further up, would bring it along?",
    "ONE-LOOK": "Draw the samples of several looks side by side, not of the last one alone.",
    "EVERYTHING-IS-COLLAPSE": "Full collapse is one illness of ten: nearly all samples at one mode.",
    "BLAMED-THE-PLAYERS": "Read `run.rows`: what do D's accuracy and G's samples do over time?",
    "SPREAD-IS-NOT-COVERAGE": "Which modes are there, and how wide each is: two questions.",
    "MISDIAGNOSED": "Measure this patient again, and read the numbers beside those of real data.",
}


def _mistake(claim, truth):
    """The name of taking `truth` for `claim`."""
    if claim == "healthy":
        return "OVERLOOKED"
    if claim == "unknown":
        return "GAVE-UP"
    if truth == "unknown":
        return "FORCED-DIAGNOSIS"
    if claim in SYMPTOMS and truth in CAUSES:
        return "SYMPTOM-FOR-CAUSE"
    if "oscillation" in (claim, truth):
        return "ONE-LOOK"
    if "collapse within modes" in (claim, truth):
        return "SPREAD-IS-NOT-COVERAGE"
    if claim == "full collapse":
        return "EVERYTHING-IS-COLLAPSE"
    return "BLAMED-THE-PLAYERS" if claim in PLAYERS else "MISDIAGNOSED"


def _against(name, claim):
    """What speaks against a claim, in numbers; the right name is not told."""
    run = clinic.patient(name)
    if not torch.isfinite(run.samples).all():
        return "its samples are not all finite"
    s = Signs.of(run)
    c, top = s.coverage, float(s.shares[-1].max())
    poor = f"{c.quality:.0%} of its samples are near a mode"
    still = f"only {s.movement.change:.0%} of the samples change their mode from look to look"
    if claim == "full collapse":
        return f"the fullest mode has {top:.0%} of the samples" if top < 0.9 else poor
    if claim == "oscillation":
        return still if s.movement.change < 0.2 else "at each look one mode has nearly everything"
    if claim == "memorisation":
        if s.memory is None:
            return "it never saw a training example twice: its data were drawn anew at each step"
        return f"{s.memory.nearer:.0%} of samples are nearer to the training set (innocent: 50%)"
    if claim == "discriminator too strong":
        return f"D tells {s.d_accuracy:.0%} of examples right, and {c.quality:.0%} are near a mode"
    if claim == "generator starved":
        return f"G moved its samples by {s.moved:.0%} of the size of the data"
    if claim == "diverged":
        return f"half of its samples lie within {s.reach:.1f} times the size of the data"
    return _against_shares(s, claim, poor, top)


def _against_shares(s, claim, poor, top):
    """The same for claims about modes, shares and widths."""
    c = s.coverage
    shares = f"the reverse KL is {c.reverse_kl:.3f} (a perfect sampler: {kl_floor(c.of, 800):.3f})"
    narrow = s.within.narrow.nanmedian()
    if claim == "unknown":
        return "one of the ten patterns fits it"
    if c.quality < 0.5:
        return poor
    if claim == "collapse within modes":
        wide = s.within.spread.nanmedian()
        return f"its modes are {wide:.2f} times as wide as the true ones, {narrow:.2f} at the narrowest"
    if claim == "dropped modes" and c.modes == c.of:
        return f"all {c.of} modes are found, and the emptiest has {int(c.counts.min())} samples"
    if claim == "healthy" and narrow < 0.1:
        return f"in their narrowest direction its modes have {narrow:.2f} of the true width"
    if claim == "wrong proportions" and (c.reverse_kl > 0.06 or s.memory):
        return f"something further up the list brings its uneven shares along ({c.modes} modes)"
    return shares if top < 0.9 else f"the fullest mode has {top:.0%} of the samples"


EXERCISES = {
    "counter": counter,
    "reverse_kl": reverse_kl,
    "birthday": birthday,
    "proved": proved,
    "diagnose": diagnose,
}
