"""Chapter 01: sample a mixture, score a model by held-out data, expose a copying generator."""

import math

import torch

from ganedu.checks.engine import Misconception
from ganedu.checks.probes import near, number, tensor


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def scalar(value, what):
    """One returned number as a float; none of these is a loss, of which `number` speaks."""
    if isinstance(value, torch.Tensor) and value.numel() > 1:
        raise Misconception(
            "UNREDUCED",
            f"{what} has shape {list(value.shape)}.",
            "One number is asked for. Which average makes it?",
        )
    if isinstance(value, tuple | list | dict | str):
        raise Misconception(
            "NOT-A-NUMBER", f"{what} is a {type(value).__name__}.", "Return one number."
        )
    return number(value, what)


# ---- mixture: my_sample(weights, means, stds, n, rng) -> [n, d] ----------------------------------

WEIGHTS = torch.tensor([0.6, 0.3, 0.1])
MEANS = torch.tensor([[-8.0, 2.0], [6.0, -4.0], [0.0, 12.0]])
STDS = torch.tensor([0.5, 1.2, 0.2])
FAR = 6.0  # no component reaches so far; the centres are 12.8 apart or more


def mixture(answer):
    """Points of a mixture: first draw a component by its weight, then a point from that one."""
    x = draw(answer, 6000, seeded(1))
    distance, mode = torch.cdist(x, MEANS).min(1)  # [n], [n]
    if (distance > FAR).float().mean() > 0.01:
        name_wrong_places(x)
    share = torch.bincount(mode, minlength=3) / len(x)
    if not near(share, WEIGHTS, 0.04):
        name_wrong_shares(answer, share)
    check_noise([x[mode == i] - MEANS[i] for i in range(3)])
    check_randomness(answer)
    check_other_sizes(answer)
    if bool((mode.diff() >= 0).all()):
        return (
            "Right. Your rows come sorted by component: a batch cut from the front would hold only "
            "the first one, so shuffle before you cut."
        )
    return "Right: first a component by its weight, then a point from that component."


def draw(answer, n, rng, weights=WEIGHTS, means=MEANS, stds=STDS):
    """n points of the learner's sampler, as finite float64, with its inputs unharmed."""
    given = [weights.clone(), means.clone(), stds.clone()]
    x = tensor(answer(*given, n, rng), (n, means.shape[1]), "Your sample").detach().double()
    if not torch.isfinite(x).all():
        raise Misconception(
            "NOT-FINITE",
            f"{int((~torch.isfinite(x)).sum())} of your coordinates are NaN or infinite.",
            "Look for a division or a logarithm of something that can be 0.",
        )
    if not all(torch.equal(a, b) for a, b in zip(given, (weights, means, stds))):
        raise Misconception(
            "INPUT-CHANGED",
            "After the call the weights, means or stds that were given to you hold other values.",
            "Find the operation that works in place (`+=`, `-=`, or a name ending in `_`).",
        )
    return x.to(torch.float32)


def name_wrong_places(x):
    """Points lie where no component is: say which of the usual reasons made them."""
    middle = WEIGHTS @ MEANS
    spread = (WEIGHTS @ ((MEANS - middle) ** 2) + WEIGHTS @ STDS**2).sqrt()  # of the mixture
    lost = f"{(torch.cdist(x, MEANS).min(1).values > FAR).float().mean():.0%} of your points lie"
    heaps = torch.stack([middle, MEANS.mean(0)])  # weighted average or plain one
    if (x.std(0) < 0.3 * spread).all() and (heaps - x.mean(0)).norm(dim=1).min() < 1:
        raise Misconception(
            "MEAN-NOT-MIXTURE",
            f"Your points form one heap around {words(x.mean(0))}, where no component is: each is "
            "an average of the components.",
            "A point of the mixture comes from one component. How do you choose which?",
        )
    crossing = torch.cartesian_prod(MEANS[:, 0], MEANS[:, 1])  # x_1 of one, x_2 of another
    off, crossed = torch.cdist(x, crossing, p=math.inf).min(1)
    if (off < 4).float().mean() > 0.95 and len(crossed.unique()) == 9:
        raise Misconception(
            "COMPONENT-PER-COORDINATE",
            f"{lost} at places such as {words(crossing[1])}: the first coordinate of one "
            "component, the second of another.",
            "How many components does one point belong to? Draw that many indices a point.",
        )
    if near(x.mean(0), middle, 0.5) and near(x.std(0), spread, 0.1):
        raise Misconception(
            "ONE-GAUSSIAN",
            f"{lost} far from every component. Mean and spread are those of the mixture, but its "
            "three clouds have become one.",
            "Mean and covariance do not say where the clouds are. Sample the components.",
        )
    raise Misconception(
        "WRONG-PLACES",
        f"{lost} far from every component; their mean is {words(x.mean(0))}.",
        "Draw your points and the means in one picture, and see which step moves them away.",
    )


def name_wrong_shares(answer, share):
    """The components are visited, but not by their weights."""
    found = f"Components with weights {words(WEIGHTS)} got the shares {words(share)}"
    if share.max() == 1:
        modes = {
            int(torch.cdist(draw(answer, 20, seeded(s)), MEANS).mean(0).argmin()) for s in range(9)
        }
        if len(modes) == 1:
            raise Misconception(
                "MOST-LIKELY-ONLY",
                f"{found}: only one component is ever visited.",
                "A weight of 0.6 means 60 points in 100, not all of them. Draw the component.",
            )
        raise Misconception(
            "ONE-FOR-ALL",
            f"{found}; with another seed all points come from another component.",
            "One index is drawn for the whole batch. How many do n points need?",
        )
    if near(share, torch.full((3,), 1 / 3), 0.04):
        raise Misconception(
            "WEIGHTS-IGNORED",
            f"{found}: each component as often as the others.",
            "Where do the weights enter? Look for a way to draw an index with given probabilities.",
        )
    if near(share, WEIGHTS.softmax(0), 0.04):
        raise Misconception(
            "WEIGHTS-AS-LOGITS",
            f"{found}, which is softmax of the weights.",
            "The weights are probabilities already; does your sampler expect logits?",
        )
    raise Misconception(
        "WRONG-SHARES",
        f"{found}.",
        "Count how often each index is drawn, before any noise is added.",
    )


def check_noise(residuals):
    """What is left after the component's mean is taken away should be round Gaussian noise."""
    spread = torch.stack([r.square().mean().sqrt() for r in residuals])
    own = torch.stack([r.std(0).mean() for r in residuals])  # about each cloud's own middle
    tilt = torch.stack([torch.corrcoef(r.T)[0, 1].abs() for r in residuals])
    if spread.max() < 0.02:
        raise Misconception(
            "NO-NOISE",
            "Every point sits exactly on a mean.",
            "That is the first half of the recipe; what does a component do besides having a mean?",
        )
    if own.max() < 0.02 or tilt.nan_to_num().min() > 0.9:
        raise Misconception(
            "SHARED-NOISE",
            "The noise is not fresh: the points of a component lie "
            + ("all at one place." if own.max() < 0.02 else "on a line."),
            "Each coordinate of each point needs a draw of its own: what shape has your noise?",
        )
    flat = torch.stack([((r - r.mean(0)) ** 4).mean() / r.var() ** 2 for r in residuals])
    if flat.max() < 2.4:  # 3 for a Gaussian, 1.8 for a uniform distribution
        raise Misconception(
            "UNIFORM-NOISE",
            "Each cloud is a square with sharp edges: its noise is uniform, not Gaussian.",
            "`rand` and `randn` differ by one letter. Which is the Gaussian?",
        )
    middle = torch.stack([r.mean(0).abs().max() for r in residuals])
    if (middle > 0.2 * torch.maximum(STDS, spread)).any():
        raise Misconception(
            "WRONG-CENTRE",
            f"Your clouds lie up to {middle.max():.2f} beside their means.",
            "The noise should have mean 0. Does it, before you scale it?",
        )
    if not near(spread, STDS, 0.07):
        name_wrong_spread(residuals, spread)


def name_wrong_spread(residuals, spread):
    found = f"Components with standard deviations {words(STDS)} came out with {words(spread)}"
    if near(spread, STDS**2, 0.1) or near(spread, STDS.sqrt(), 0.1):
        raise Misconception(
            "VARIANCE-FOR-STD",
            f"{found}: squared, or its root.",
            "`stds` holds standard deviations. What does noise of standard deviation 1 have to be "
            "multiplied by?",
        )
    if (spread - spread.mean()).abs().max() < 0.1 * spread.mean():
        lengths = [r.square().sum(1) for r in residuals]
        round_shape = torch.stack(
            [a.median() / a.mean() for a in lengths]
        )  # log 2 for one Gaussian
        if round_shape.max() < 0.6:
            raise Misconception(
                "TWO-DRAWS",
                f"{found}: each cloud mixes the spreads of all three.",
                "The mean and the standard deviation of a point must come from the same index.",
            )
        raise Misconception(
            "ONE-STD",
            f"{found}: the same for all.",
            "Each component has a spread of its own. Which one belongs to a point of component i?",
        )
    raise Misconception(
        "WRONG-SPREAD", f"{found}.", "Print the shapes of the index, the spread and the noise."
    )


def check_randomness(answer):
    """All of it must be drawn, and from the generator that was given."""
    modes = [torch.cdist(draw(answer, 40, seeded(s)), MEANS).argmin(1) for s in range(20)]
    if len({int((mode == 0).sum()) for mode in modes}) == 1:
        rewound = torch.equal(draw(answer, 40, seeded(1)), draw(answer, 40, seeded(2)))
        if not rewound:
            raise Misconception(
                "COUNTS-NOT-DRAWN",
                f"In 20 samples of 40 points component 0 got {int((modes[0] == 0).sum())} points "
                "each time.",
                "Independent points do not keep count of each other: draw the component of each.",
            )
    first, again = draw(answer, 40, seeded(1)), draw(answer, 40, seeded(1))
    if not torch.equal(first, again):
        raise Misconception(
            "RNG-UNUSED",
            "The same `rng` gave two different samples: some of your draws come from elsewhere.",
            "Pass `generator=rng` to every function that draws.",
        )
    rng = seeded(1)
    if torch.equal(draw(answer, 40, rng), draw(answer, 40, rng)):
        raise Misconception(
            "RNG-REWOUND",
            "Two calls, one after the other, returned the same 40 points.",
            "Something seeds a generator inside your function. Only use the `rng` you are given.",
        )


def check_other_sizes(answer):
    draw(answer, 1, seeded(3))
    means = torch.tensor([[20.0, 0, 0], [0, 20.0, 0], [0, 0, 20.0], [0, 0, -20.0]])
    weights, stds = torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.tensor([1.0, 0.5, 2.0, 0.1])
    x = draw(answer, 2000, seeded(4), weights, means, stds)
    mode = torch.cdist(x, means).argmin(1)
    share = torch.bincount(mode, minlength=4) / len(x)
    spread = torch.stack([(x[mode == i] - means[i]).square().mean().sqrt() for i in range(4)])
    if not (near(share, weights, 0.05) and near(spread, stds, 0.1)):
        raise Misconception(
            "ONE-SIZE-ONLY",
            f"Right for three components in the plane; with four in space the shares are "
            f"{words(share)} for weights {words(weights)}.",
            "Is a number of components, or of coordinates, written into your code?",
        )


def words(values):
    return "(" + ", ".join(f"{v:.2g}" for v in values.tolist()) + ")"


# ---- two_scores: my_scores(fit, x, is_good, rng) -> (log-likelihood, quality) --------------------

N, HELD = 500, 100
WIDE = 50.0  # the standard deviation of the model's junk


class Spy:
    """`fit` and `is_good` as the learner gets them, and a record of what was asked of them."""

    def __init__(self):
        half = torch.randn(N // 2, 2, generator=seeded(5), dtype=torch.float64)
        x = torch.cat([half - torch.tensor([3.0, 0]), 0.5 * half.flip(0) + torch.tensor([3.0, 1])])
        self.x = x[x[:, 0].argsort()].float()  # in order, as files on a disk often are
        self.models, self.judged = [], []

    def fit(self, points):
        self.models.append(SpyModel(self, points))
        return self.models[-1]

    def is_good(self, points):
        points = torch.as_tensor(points).float()
        self.judged.append(points)
        return points.norm(dim=1) < 8  # [n], True or False

    def rows(self, points):
        """Which rows of x these are: [n]; -1 for points that are none."""
        points = torch.as_tensor(points).detach().double()
        if points.ndim != 2 or points.shape[1] != 2:
            raise Misconception(
                "SHAPE",
                f"`fit` or `log_prob` was given points of shape {list(points.shape)}; [n, 2] is "
                "expected.",
                "Print the shapes of the two parts of your split.",
            )
        distance, row = torch.cdist(points, self.x.double()).min(1)
        return torch.where(distance < 1e-5, row, -1)


class SpyModel:
    """A Gaussian around the fitted points, of whose samples nine in ten are junk."""

    def __init__(self, spy, points):
        self.spy, self.rows, self.scored, self.samples = spy, spy.rows(points), [], []
        points = torch.as_tensor(points).float()
        self.mean, self.std = points.mean(0), points.std(0)

    def log_prob(self, points):
        z = torch.as_tensor(points).float()
        good = torch.distributions.Normal(self.mean, self.std).log_prob(z).sum(1)
        junk = torch.distributions.Normal(0, WIDE).log_prob(z).sum(1)
        value = torch.logaddexp(good + math.log(0.1), junk + math.log(0.9))  # [n]
        self.scored.append((self.spy.rows(points), value))
        return value.clone()

    def sample(self, n, rng=None):
        noise = torch.randn(n, 2, generator=rng)
        junk = torch.rand(n, 1, generator=rng) < 0.9
        points = torch.where(junk, WIDE * noise, self.mean + self.std * noise)
        self.samples.append(points)
        return points.clone()


def two_scores(answer):
    """(mean log-density of held-out points, share of the model's samples that are good)."""
    spy, score, quality = attempt(answer, seeded(1))
    if not spy.models:
        raise Misconception(
            "NEVER-FITTED",
            "`fit` was never called, so there is no model to score.",
            "Start with the split, then call `fit` on one part of it.",
        )
    check_score(spy, score, quality)
    check_split(spy)
    check_quality(spy, quality)
    check_rng(answer, spy, (score, quality))
    return (
        f"Right. This model scores {score:.1f} nats a held-out point, only 2.3 (log 10) less than "
        "it would without its junk; yet about nine in ten of its samples are no good."
    )


def attempt(answer, rng):
    """The learner's two numbers for a fresh spy."""
    spy = Spy()
    result = answer(spy.fit, spy.x.clone(), spy.is_good, rng)
    if isinstance(result, torch.Tensor) and result.shape == (2,):
        result = tuple(result)
    if result is not None and not (isinstance(result, tuple | list) and len(result) == 2):
        raise Misconception(
            "TWO-NUMBERS",
            f"A {type(result).__name__} was returned, not two numbers.",
            "Return `log_likelihood, quality`.",
        )
    result = (result, None) if result is None else result
    return spy, scalar(result[0], "Your log-likelihood"), scalar(result[1], "Your quality")


def check_score(spy, score, quality):
    """Is the first number the mean log-density of points that the model has not seen?"""
    calls = [(model, rows, v) for model in spy.models for rows, v in model.scored]
    clean = [
        v
        for model, rows, v in calls
        if (rows >= 0).all() and not torch.isin(rows, model.rows).any()
    ]
    real = [(model, rows, v) for model, rows, v in calls if (rows >= 0).any()]
    held = [torch.cat(clean), *clean] if clean else []
    if any(near(score, v.mean()) for v in held):
        return
    if any(near(quality, v.mean()) for v in held):
        raise Misconception(
            "RESULTS-SWAPPED",
            "Your second number is the log-likelihood.",
            "The order is `log_likelihood, quality`.",
        )
    for _, rows, v in calls:
        if (rows < 0).all() and near(score, v.mean()):
            raise Misconception(
                "OWN-SAMPLES-SCORED",
                "The model was asked for the density of its own samples. A model that repeats one "
                "point for ever would win.",
                "Whose density should be high: that of the model's points, or of real ones?",
            )
    if real and (not held or any(near(score, v.mean()) for _, _, v in real)):
        name_leak(spy, *next(c for c in real if not held or near(score, c[2].mean())))
    if not held:
        raise Misconception(
            "NO-LIKELIHOOD",
            "`log_prob` was never asked about real points.",
            "The first number is a mean of `model.log_prob(...)`; of which points?",
        )
    name_wrong_score(score, held)


def name_leak(spy, model, rows, values):
    seen = torch.isin(rows, model.rows)
    count = f"{int(seen.sum())} of the {len(rows)} points you scored"
    if len(model.rows.unique()) == len(spy.x) and len(rows) < len(spy.x):
        raise Misconception(
            "FITTED-ON-ALL",
            f"The model was fitted to all {len(spy.x)} points, the held-out ones among them.",
            "What is held out must be out before `fit` is called.",
        )
    if seen.all() or torch.isin(model.rows, rows).all():
        raise Misconception(
            "TRAIN-SCORED",
            f"{count} were also fitted. A model that learned the points by heart would get the "
            "best score of all.",
            "Score only points that `fit` has not seen.",
        )
    raise Misconception(
        "LEAKY-SPLIT",
        f"{count} were also fitted: your two parts overlap.",
        "Shuffle once, without replacement, and cut once.",
    )


def name_wrong_score(score, held):
    if not math.isfinite(score):
        raise Misconception(
            "NOT-FINITE",
            f"Your log-likelihood is {score}.",
            "`log_prob` returns logarithms already, and they may be negative.",
        )
    forms = [
        ("SUM-NOT-MEAN", lambda v: v.sum(), "the sum over the held-out points",
         "A sum grows with the size of the set. What makes sets of two sizes comparable?"),
        ("WRONG-SIGN", lambda v: -v.mean(), "minus the mean log-density: a loss",
         "Here higher is better: the log-likelihood itself is asked for."),
        ("MEAN-OF-DENSITIES", lambda v: v.exp().mean(), "a mean of densities",
         "The likelihood of a set is a product. Which mean belongs to the log of a product?"),
        ("MEAN-OF-DENSITIES", lambda v: v.exp().mean().log(), "the log of a mean of densities",
         "The likelihood of a set is a product. Which mean belongs to the log of a product?"),
        ("EXPONENTIATED", lambda v: v.mean().exp(), "exp of the mean log-density",
         "Stay with the logarithm: for pictures, exp of it is 0 or infinite in floating point."),
        ("PER-DIMENSION", lambda v: v.mean() / 2, "the mean divided by the number of coordinates",
         "Nats a point are asked for, not nats a coordinate."),
    ]  # fmt: skip
    for code, form, what, following in forms:
        if any(near(score, form(v)) for v in held):
            raise Misconception(code, f"Your first number, {score:.4g}, is {what}.", following)
    raise Misconception(
        "WRONG-SCORE",
        f"Your first number, {score:.4g}, is not the mean of the log-densities that you asked for.",
        "Follow it from `model.log_prob(held_out)` to `return`.",
    )


def check_split(spy):
    """A fifth held out, drawn at random."""
    for model in spy.models:
        fitted = len(model.rows.unique())
        if fitted == HELD:
            raise Misconception(
                "SPLIT-SWAPPED",
                f"The model was fitted to {fitted} points and {N - HELD} were held out.",
                "Which part is the fifth?",
            )
        if abs(fitted - (N - HELD)) > 1:
            raise Misconception(
                "SPLIT-SIZE",
                f"The model was fitted to {fitted} of {N} points.",
                "Hold out a fifth of the points, and fit all the others.",
            )
    model = spy.models[0]
    if len(spy.models) == 1 and model.rows.max() - model.rows.min() == len(model.rows) - 1:
        raise Misconception(
            "DATA-IN-ORDER",
            "You cut the data in the order in which they came, and these are sorted: what is held "
            "out is another kind of point.",
            "Shuffle before you cut: see `torch.randperm`.",
        )


def check_quality(spy, quality):
    """Is the second number the share of the model's samples that is_good accepts?"""
    samples = [s for model in spy.models for s in model.samples]
    if not spy.judged:
        raise Misconception(
            "LIKELIHOOD-IS-QUALITY",
            f"Your quality, {quality:.3g}, was found without asking `is_good` about anything. Nine "
            "in ten samples of this model are junk, and that costs it only 2.3 nats a point.",
            "Quality is a property of samples: draw some and have them judged.",
        )
    judged = torch.cat([j for j in spy.judged if j.ndim == 2])
    if (spy.rows(judged) >= 0).any():
        raise Misconception(
            "REAL-JUDGED",
            "You had real points judged. They are good; the question is what the model draws.",
            "Which method of the model gives new points?",
        )
    good = (judged.norm(dim=1) < 8).float()
    if quality > 1 and near(quality, good.sum()):
        raise Misconception(
            "COUNT-NOT-SHARE",
            f"Your quality is {quality:g}: a count.",
            "A share lies between 0 and 1, whatever the number of samples.",
        )
    if near(quality, 1 - good.mean()):
        raise Misconception(
            "BAD-SHARE",
            f"{quality:.0%} is the share of bad samples.",
            "The good ones are asked for.",
        )
    if len(judged) < sum(len(s) for s in samples):
        raise Misconception(
            "CHERRY-PICKED",
            f"{sum(len(s) for s in samples)} samples were drawn and {len(judged)} judged.",
            "Judge every sample you draw: choosing first makes any model look good.",
        )
    if len(judged) < 1000:
        raise Misconception(
            "TOO-FEW-SAMPLES",
            f"{len(judged)} samples were judged: the share is uncertain by about "
            f"{0.5 / len(judged) ** 0.5:.0%}.",
            "Draw 1,000.",
        )
    if not near(quality, good.mean()):
        raise Misconception(
            "WRONG-QUALITY",
            f"`is_good` accepted {good.mean():.1%} of the samples; your quality is {quality:.4g}.",
            "Follow the number from `is_good(...)` to `return`.",
        )


def check_rng(answer, spy, result):
    """The same generator gives the same split, another generator another one."""
    _, *again = attempt(answer, seeded(1))
    if not near(torch.tensor(again), torch.tensor(result), 1e-6):
        raise Misconception(
            "RNG-UNUSED",
            "The same `rng` gave two different results: some of your draws come from elsewhere.",
            "Pass `generator=rng` to `torch.randperm`, and `rng` to `model.sample`.",
        )
    other, _, _ = attempt(answer, seeded(2))
    if set(other.models[0].rows.tolist()) == set(spy.models[0].rows.tolist()):
        raise Misconception(
            "SPLIT-NOT-DRAWN",
            "Two different generators gave the same split. A fixed rule, such as every fifth "
            "point, goes wrong when the data have a rhythm of their own.",
            "Draw a random order of the rows from `rng`.",
        )


# ---- copying: my_copying(fake, train, held_out) -> probability -----------------------------------


def copying(answer):
    """P(a fake lies nearer to the training set than a held-out example does), ties half."""
    fake, train, held_out = copying_case()
    said = scalar(answer(fake.clone(), train.clone(), held_out.clone()), "Your probability")
    if not math.isfinite(said):
        raise Misconception(
            "NOT-FINITE",
            f"Your probability is {said}.",
            "Look for a division or a logarithm of something that can be 0.",
        )
    right = nearer(nearest(fake, train), nearest(held_out, train))
    if not near(said, right, 1e-3):
        name_wrong_copying(answer, said, fake, train, held_out)
    check_ties(answer)
    fresh = float(answer(held_out[13:], train, held_out[:13]))
    copied = float(answer(train[:20] + 0.001, train, held_out))
    return f"Right. It gives fresh data {fresh:.2f}, near 1/2, and a copier {copied:.2f}."


def copying_case():
    """30 fakes, of which 12 are blurred copies; 40 training and 26 held-out examples; d = 3."""
    rng = seeded(7)
    scale = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    train, held_out, fresh = (
        scale * torch.randn(n, 3, generator=rng, dtype=torch.float64) for n in (40, 26, 18)
    )
    blur = 0.02 * torch.randn(12, 3, generator=rng, dtype=torch.float64)
    return torch.cat([fresh, train[:12] + blur]).flip(0), train, held_out


def nearest(points, others, p=2.0):
    exact = "donot_use_mm_for_euclid_dist"
    return torch.cdist(points, others, p=p, compute_mode=exact).min(1).values


def nearer(a, b, tie=0.5):
    return float(((a[:, None] < b).double() + tie * (a[:, None] == b).double()).mean())


def wrong_formulas(fake, train, held_out):
    """(code, value, what it is, what to look at) of the usual wrong turns."""
    a, b = nearest(fake, train), nearest(held_out, train)
    right = nearer(a, b)
    own = torch.cdist(train, train).fill_diagonal_(math.inf).min(1).values
    spread, spread_b = (torch.cdist(s, train).mean(1) for s in (fake, held_out))
    off, off_b = ((s - train.mean(0)).norm(dim=1) for s in (fake, held_out))
    n = min(len(a), len(b))
    itself = (
        "a comparison of the fakes with the training set's own distances",
        "The yardstick must be examples that no generator could have copied. Which set is that?",
    )
    all_of_them = (
        "a comparison of distances to the whole training set, or its middle",
        "A copy is near one training example and far from the others. Which distance says so?",
    )
    averages = (
        "a comparison of two averages",
        "One far point can move an average across. Compare the distances one pair at a time.",
    )
    threshold = (
        "the share of fakes below one threshold",
        "A fair idea, and another statistic: compare with every held-out distance instead.",
    )
    other_way = (
        "made of distances that do not start at the fakes and end at the training set",
        "Say it in words: from each fake to its nearest ... and from each held-out example to ...",
    )
    return [
        ("FARTHER-FOR-NEARER", 1 - right, "the probability that a fake lies farther away",
         "Which way round does the comparison go when a generator copies?"),
        ("TRAIN-SCORED", nearer(a, nearest(train, train)), *itself),
        ("TRAIN-SCORED", nearer(a, own), *itself),
        ("NEARER-SET", float((a < nearest(fake, held_out)).double().mean()),
         "the share of fakes that are nearer to the training set than to the held-out set",
         f"Here {len(train)} training and {len(held_out)} held-out examples were given: what would "
         "fresh data score, by the sizes alone?"),
        ("DIRECTION", nearer(nearest(train, fake), nearest(train, held_out)), *other_way),
        ("DIRECTION", nearer(nearest(fake, held_out), nearest(train, held_out)), *other_way),
        ("MEAN-NOT-NEAREST", nearer(spread, spread_b), *all_of_them),
        ("MEAN-NOT-NEAREST", nearer(off, off_b), *all_of_them),
        ("MEANS-COMPARED", float(a.mean() < b.mean()), *averages),
        ("MEANS-COMPARED", float(a.mean() / b.mean()), *averages),
        ("MEANS-COMPARED", float(b.mean() / a.mean()), *averages),
        ("ONE-THRESHOLD", float((a < b.median()).double().mean()), *threshold),
        ("ONE-THRESHOLD", float((a < b.mean()).double().mean()), *threshold),
        ("ONE-THRESHOLD", float((a < b.min()).double().mean()), *threshold),
        ("PAIRED-BY-ROW", float((a[:n] < b[:n]).double().mean()),
         f"a comparison of row i with row i, for the first {n} rows",
         "Fake i and held-out example i have nothing in common. Compare all pairs."),
        ("WRONG-DISTANCE", nearer(nearest(fake, train, 1.0), nearest(held_out, train, 1.0)),
         "right but for the distance: it adds absolute differences",
         "The exercise asks for the Euclidean distance."),
        ("SUM-NOT-MEAN", right * len(a) * len(b), "a count of pairs",
         "A probability lies between 0 and 1. How many pairs are there?"),
    ]  # fmt: skip


def name_wrong_copying(answer, said, fake, train, held_out):
    copies = float(answer(train[:20].clone(), train[:20].clone(), held_out[:20].clone()))
    no_yardstick = near(said, float(answer(fake.clone(), train.clone(), train[:26] + 1e-3)), 1e-6)
    if no_yardstick:
        name_blind(said, copies)
    for code, value, what, following in wrong_formulas(fake, train, held_out):
        if near(said, value, 1e-3):
            raise Misconception(code, f"Your {said:.3f} is {what}.", following)
    if no_yardstick:
        raise Misconception(
            "COPYCAT",
            f"Your answer, {said:.3g}, stays the same whatever `held_out` holds. Being near the "
            "training set is what a good generator and a copier share; alone it tells nothing.",
            "How near do real examples lie that the generator has never seen?",
        )
    if not 0 <= said <= 1:
        raise Misconception(
            "NOT-A-PROBABILITY",
            f"Your answer is {said:.4g}.",
            "A share of pairs lies between 0 and 1. Which pairs do you count, and out of how many?",
        )
    raise Misconception(
        "WRONG-VALUE",
        f"For 30 fakes, 12 of them blurred copies, you say {said:.4g}; for 20 exact copies, "
        f"{copies:.4g}.",
        "Try it on three points on a line, where you can count the pairs by hand.",
    )


def name_blind(said, copies):
    """The held-out set changes nothing, and hardly anything else does."""
    if near(said, copies, 1e-6):
        raise Misconception(
            "CONSTANT",
            f"Your answer is {said:.3g} for honest fakes and for copies alike.",
            "Compute the distance from each fake to its nearest training example, and look at it.",
        )
    if near(said, 0.0) and near(copies, 1.0):
        raise Misconception(
            "EXACT-COPIES",
            "You find exact copies and no others: 12 fakes that differ from a training example by "
            "0.02 count for nothing.",
            "A copier that adds a little noise gets away. How near is too near? Ask `held_out`.",
        )


def check_ties(answer):
    """On a line: train 0, 10; fakes at distance 0, 1, 1; held out at 1, 1, 2, 0: many ties."""
    train = torch.tensor([[0.0], [10.0]])
    fake, held_out = (
        torch.tensor([[0.0], [1.0], [11.0]]),
        torch.tensor([[9.0], [1.0], [2.0], [10.0]]),
    )
    said = float(answer(fake, train, held_out))
    a, b = nearest(fake, train), nearest(held_out, train)
    if any(near(said, nearer(a, b, tie)) for tie in (0.0, 1.0)):
        raise Misconception(
            "TIES",
            f"Equal distances count as {'nearer' if near(said, nearer(a, b, 1.0)) else 'farther'} "
            "in your answer; then two sets of equal points do not score 1/2.",
            "Count a tie as half.",
        )
    if not near(said, nearer(a, b)):
        raise Misconception(
            "WRONG-VALUE",
            f"For three fakes and four held-out points on a line you say {said:.4g}.",
            "Write down the 3 distances and the 4 distances, and count the 12 pairs by hand.",
        )


EXERCISES = {"mixture": mixture, "two_scores": two_scores, "copying": copying}
