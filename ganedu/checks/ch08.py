"""Checks of chapter 08: the gradient penalty, a critic's turn, packs, and the relativistic pair.

Where the answer draws at random (alpha, batches, z), the check never guesses what it drew: its D, G and
data note what they are given, and the right number is worked out at those very points.
"""

import copy
import itertools
import math
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn.functional import relu, sigmoid, softplus
from torch.optim.optimizer import register_optimizer_step_pre_hook

from ganedu.checks import probes
from ganedu.checks.engine import Misconception
from ganedu.checks.probes import near


def _named(code, words):
    return Misconception(code, *words[code])


def _name(got, slips, words, tolerance=1e-4):
    """Raise the first of the slips (code, wrong value) whose value is the one we got."""
    for code, wrong in slips:
        if near(got, wrong, tolerance):
            raise _named(code, words)


def _seeded(seed):
    return torch.Generator().manual_seed(seed)


# ---- what the penalties share: a curved D that takes notes, and a call that leaves no traces -----


class _Bumpy(nn.Module):
    """A D whose slope differs from place to place: x [n, ...] -> logits [n]. It notes each x."""

    def __init__(self, shape, scale=1.0):
        super().__init__()
        d, rng = math.prod(shape), _seeded(5)
        self.W = nn.Parameter(torch.randn(4, d, generator=rng) / d**0.5)
        self.v = nn.Parameter(torch.tensor([1.1, -0.5, 1.4, 0.4]))
        self.shape, self.scale, self.seen = tuple(shape), scale, []

    def forward(self, x):
        if tuple(x.shape[1:]) != self.shape:
            raise Misconception(
                "ALPHA-SHAPE",
                f"D was given a batch of shape {list(x.shape)}; its examples have shape "
                f"{list(self.shape)}.",
                "Print the shape of each tensor that goes into it: does alpha have one number an "
                "example, and as many axes as the batch?",
            )
        self.seen.append(x.detach().clone())
        return self.scale * (torch.tanh(x.flatten(1) @ self.W.T) @ self.v) + 0.4


def _call(answer, D, real, fake, *rest):
    """The answer's result on copies, once we know that it left no traces behind."""
    before = copy.deepcopy(D.state_dict())
    given = real.clone(), fake.clone()
    D.seen.clear()
    try:
        result = answer(D, *given, *rest)
    except RuntimeError as error:
        if "does not require grad" in str(error) or "not have been used in the graph" in str(error):
            raise Misconception(
                "X-NOT-TRACKED",
                "PyTorch has no path from D's answer back to the examples you asked about.",
                "Mark x with `requires_grad_(True)` *before* D sees it, and ask for that same x.",
            ) from None
        raise
    _no_traces(D, before, zip(("real", "fake"), (real, fake), given))
    return result


def _no_traces(D, before, batches):
    if any(p.grad is not None for p in D.parameters()):
        raise Misconception(
            "LEFTOVER-GRADIENTS",
            "After the call D's parameters hold gradients: `backward` filled `.grad` of everything "
            "on its way, and they would be added to D's next step.",
            "`torch.autograd.grad` returns the slope and leaves `.grad` alone.",
        )
    if any(not torch.equal(value, before[key]) for key, value in D.state_dict().items()):
        raise Misconception(
            "D-CHANGED",
            "After the call D's parameters are others.",
            "Only the optimiser's step may change D.",
        )
    for name, mine, theirs in batches:
        if not torch.equal(mine, theirs):
            raise Misconception(
                "INPUT-CHANGED",
                f"After the call `{name}` holds other numbers: your code writes into it.",
                "`a *= b` changes a tensor in place; `a = a * b` does not.",
            )


def _slopes(D, x, wrap=lambda s: s):
    """dD/dx of each example at x [n, ...], with a graph."""
    x = x.detach().clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(wrap(D(x)).sum(), x, create_graph=True)
    return slope


def _float(value):
    return float(value.detach()) if isinstance(value, torch.Tensor) else float(value)


def _in_weights(D, x):
    return torch.cat(
        [g.flatten() for g in torch.autograd.grad(D(x.detach()).sum(), list(D.parameters()))]
    )


def _check_graph(value, right, D, what, alone=None):
    """What D minimises must teach D: its gradient in the weights is the right one.

    `alone` is the part of the right value without slopes, where there is one.
    """
    weights = list(D.parameters())

    def gradients(loss):
        found = torch.autograd.grad(loss, weights, allow_unused=True, retain_graph=True)
        return torch.cat([_flat(g, p) for g, p in zip(found, weights)])

    if not (isinstance(value, torch.Tensor) and value.requires_grad):
        raise _no_graph(what)
    found = gradients(value)
    if alone is not None and near(found, gradients(alone), 1e-3):
        raise _no_graph(what)
    if not near(found, gradients(right), 1e-3):
        raise Misconception(
            "WRONG-GRADIENT",
            f"The value of {what} is right, but its gradient in D's weights is not.",
            "Look for a `detach` or `.data` between the slope and the value.",
        )


def _no_graph(what):
    return Misconception(
        "NO-CREATE-GRAPH",
        f"The value of {what} is right and D learns nothing from its slopes: no gradient leads from "
        "them to D's weights.",
        "The slope must itself be differentiable. Which argument of `autograd.grad` keeps its "
        "graph? (And `.item()` or `detach` cut it.)",
    )


def _flat(gradient, weight):
    return torch.zeros(weight.numel()) if gradient is None else gradient.flatten()


# ---- 08.gradient_penalty -------------------------------------------------------------------------

ONE_EACH = "Each example has one alpha of its own: for [n, C, H, W], what shape must alpha have?"
GP_WORDS = {
    "ALPHA-PER-PIXEL": (
        "Your alpha differs from coordinate to coordinate: the points fill the box between real "
        "and fake, and do not lie on the line.",
        ONE_EACH,
    ),
    "ALPHA-PER-BATCH": ("One alpha serves the whole batch.", ONE_EACH),
    "ALPHA-FIXED": (
        "All examples have the same alpha, each time: D is only ever tested at one place between "
        "real and fake.",
        "The whole line counts. From which distribution does alpha come?",
    ),
    "ENDS-ONLY": (
        "Your alpha is 0 or 1: each point is either a real example or a fake.",
        "Which points lie *between* the two?",
    ),
    "ALPHA-NORMAL": (
        "Your alphas are not spread evenly from 0 to 1.",
        "`torch.rand` and `torch.randn` differ by one letter. Which is uniform on [0, 1]?",
    ),
    "ALPHA-SHAPE": (
        "Your alpha does not fit the batch: their shapes do not broadcast.",
        "For [n, d] alpha is [n, 1], for [n, C, H, W] it is [n, 1, 1, 1]. Can `real.ndim` say so?",
    ),
    "RNG-IGNORED": (
        "Your points do not follow from `rng`: the same generator gives others, or another gives "
        "the same.",
        "Every draw of training comes from the trainer's generator, or runs cannot be repeated: "
        "`generator=rng`.",
    ),
    "NOT-BETWEEN": (
        "D's slope is taken at the real or the generated examples themselves, not between.",
        "Draw alpha, mix real i with fake i, and ask D there.",
    ),
    "OFF-THE-LINE": (
        "Your points do not lie on the lines from real i to fake i.",
        "The two weights of a mixture add up to 1.",
    ),
    "NORM-AXIS": (
        "Your norm runs over the wrong axis.",
        "One norm an example, over *all* its numbers. Which axes are left to sum over?",
    ),
    "NORM-OVER-BATCH": (
        "You take one norm over the whole batch: each example's slope is hidden in it, and it grows "
        "with the batch.",
        "One norm an example, [n]; then the square; then the mean.",
    ),
    "SLOPE-OF-MEAN": (
        "You take the slope of D's *mean* over the batch: each example's slope is divided by n.",
        "Which function of D's answers has each example's own slope as its gradient?",
    ),
    "PENALTY-UNSQUARED": (
        "You average the distance of the norm from 1, not its square.",
        "The square stands in the formula; without it a slope below 1 may pay for one above.",
    ),
    "MEAN-BEFORE-SQUARE": (
        "You average the norms first and square then: a steep example and a flat one cancel.",
        "The square is each example's own; the mean comes last.",
    ),
    "ONE-SIDED": (
        "You penalise the norm on one side of 1 only.",
        "That is another paper's penalty (WGAN-LP). In WGAN-GP's formula both sides cost.",
    ),
    "ZERO-CENTRED": (
        "You pull the slope to 0, as R1 does, at WGAN-GP's points.",
        "Which slope does a 1-Lipschitz critic have along the line, at best?",
    ),
    "NORM-SQUARED": (
        "You compare the *squared* norm with 1.",
        "First the root, then minus 1, then the square.",
    ),
    "NORM-L1": (
        "You add up absolute slopes: the L1 norm.",
        "The norm in the formula is the Euclidean one.",
    ),
    "MEAN-OVER-PIXELS": (
        "You average over the coordinates where the norm sums: it shrinks as pictures grow.",
        "A norm is a root of a *sum* of squares; the mean is over examples only.",
    ),
    "SUM-NOT-MEAN": (
        "You add over the batch: twice as many examples, twice the penalty.",
        "The formula has an expectation.",
    ),
    "WEIGHT": (
        "Your value is the right one times a constant.",
        "The weight is 10, and there is no 1/2 in this formula.",
    ),
    "SIGN": (
        "Your penalty is negative: added to D's loss, it rewards wrong slopes.",
        "D minimises its loss plus the penalty.",
    ),
    "PENALTY-ON-LOSS": (
        "You take the slope of a loss of D's answer. Where D is sure that loss is flat, and the "
        "penalty is blind.",
        "The formula has the slope of D's own answer.",
    ),
    "PENALTY-ON-PROBABILITY": (
        "You take the slope of sigmoid(D(x)), which is never steeper than 1/4 of D's.",
        "The formula has the slope of D's own answer.",
    ),
    "SLOPE-IN-WEIGHTS": (
        "You take the gradient with respect to D's weights.",
        "The slope is in x: how fast does D's answer change as the example moves?",
    ),
    "LOSS-ADDED": (
        "You return D's loss with the penalty added.",
        "Return the penalty alone; the trainer adds it.",
    ),
    "CONSTANT": (
        "Your value does not depend on D.",
        "`torch.autograd.grad(D(x).sum(), x)` is where D's slope comes from.",
    ),
    "SQRT-NAN": (
        "Where D is exactly flat your penalty has the gradient NaN: the root has an infinite slope "
        "at 0. One such example, and all of D's weights are lost.",
        "`.norm(dim=1)` treats 0 with care; under a root of your own add something tiny first.",
    ),
    "EPSILON-WINS": (
        "Where D is flat your value is off: what guards your root is too large.",
        "1e-12 under the root is enough.",
    ),
}


def gradient_penalty(answer):
    """(D, real, fake, rng) -> 10 E (||dD/dx|| - 1)^2 between real and fake, differentiable in D."""
    _gp_points(answer, (3,))
    _gp_value(answer, (3,))
    _gp_points(answer, (2, 3, 5))
    _gp_value(answer, (2, 3, 5))
    _gp_flat(answer)
    _gp_uniform(answer)
    return (
        "Right: points and pictures, and safe where D is flat. It is "
        "`ganedu.penalties.gradient_penalty`; for D(x) = w.x with |w| = 3 it is 10 (3 - 1)^2 = 40."
    )


def _batches(shape, n=7):
    """(real, fake) that differ in every coordinate."""
    rng = _seeded(len(shape))
    real = torch.randn(n, *shape, generator=rng)
    return real, real + 1 + torch.rand(n, *shape, generator=rng)


def _penalty(answer, D, real, fake, seed=0):
    """(the answer's value, the points between real and fake that D was shown)."""
    try:
        value = _call(answer, D, real, fake, _seeded(seed))
    except RuntimeError as error:
        if "must match the size" in str(error) or "broadcast" in str(error):
            raise _named("ALPHA-SHAPE", GP_WORDS) from None
        raise
    seen = list(D.seen)
    probes.number(value, "The penalty")
    one_by_one = torch.cat([x for x in seen if len(x) < len(real)] or [real])
    between = [one_by_one, *(x for x in seen if len(x) == len(real))]
    between = [x for x in between if not (torch.equal(x, real) or torch.equal(x, fake))]
    if not seen:
        raise _named("CONSTANT", GP_WORDS)
    if not between or len(between[-1]) != len(real):
        raise _named("NOT-BETWEEN", GP_WORDS)
    return value, between[-1]


def _alphas(x, real, fake):
    """Where x lies on the line from fake (0) to real (1), coordinate by coordinate: [n, d]."""
    return ((x - fake) / (real - fake)).flatten(1)


def _gp_points(answer, shape):
    """One alpha an example, from rng and nowhere else."""
    D, (real, fake) = _Bumpy(shape), _batches(shape)
    alpha = _alphas(_penalty(answer, D, real, fake)[1], real, fake)
    again, other = (_alphas(_penalty(answer, D, real, fake, s)[1], real, fake) for s in (0, 1))
    if not near(alpha, alpha[:, :1].expand_as(alpha), 1e-3):
        moved = _penalty(answer, D, real + 100, fake + 100)[1]  # weights that add up to 1 follow
        alpha = torch.cat([alpha, _alphas(moved, real + 100, fake + 100)])
        inside = ((alpha > -1e-3) & (alpha < 1 + 1e-3)).all()
        raise _named("ALPHA-PER-PIXEL" if inside else "OFF-THE-LINE", GP_WORDS)
    if near(alpha, alpha[:1].expand_as(alpha), 1e-3):
        fixed = near(alpha, again, 1e-3) and near(alpha, other, 1e-3)
        raise _named("ALPHA-FIXED" if fixed else "ALPHA-PER-BATCH", GP_WORDS)
    if not near(alpha, again, 1e-3) or near(alpha, other, 1e-3):
        raise _named("RNG-IGNORED", GP_WORDS)


def _gp_value(answer, shape):
    D, (real, fake) = _Bumpy(shape), _batches(shape)
    value, x = _penalty(answer, D, real, fake)
    s = _slopes(D, x)
    right = 10 * (s.flatten(1).norm(dim=1) - 1).square().mean()
    got = _float(value)
    if not near(got, _float(right)):
        _name(got, _gp_other_slips(D, real, fake, _float(right)), GP_WORDS)
        slips = itertools.product(_gp_slips(D, x), (10, 1, 5))
        _name(got, [(code, k * _float(v)) for (code, v), k in slips], GP_WORDS)
        raise Misconception(
            "WRONG-VALUE",
            f"Your points are right; the penalty there is {_float(right):.4g}, and yours {got:.4g}.",
            "Try D(x) = w.x by hand with |w| = 3: the penalty is 10 (3 - 1)^2.",
        )
    _check_graph(value, right, D, "your penalty")


def _gp_slips(D, x):
    """(code, value without the weight) of what people compute instead."""
    s, n = _slopes(D, x), len(x)
    rows = s.flatten(1)
    norms, weights = rows.norm(dim=1), _in_weights(D, x)

    def cost(norm):
        return (norm - 1).square().mean()

    on_loss = [_slopes(D, x, w).flatten(1).norm(dim=1) for w in (softplus, lambda t: softplus(-t))]
    axes = [a for k in range(1, s.ndim) for a in itertools.combinations(range(s.ndim), k)]
    axes = [a for a in axes if a != tuple(range(1, s.ndim))]
    return [
        ("NORM-OVER-BATCH", cost(rows.norm())),
        ("SLOPE-OF-MEAN", cost(norms / n)),
        ("PENALTY-UNSQUARED", (norms - 1).mean()),
        ("PENALTY-UNSQUARED", (norms - 1).abs().mean()),
        ("MEAN-BEFORE-SQUARE", cost(norms.mean())),
        ("MEAN-BEFORE-SQUARE", cost(rows.mean(0).norm())),
        ("ONE-SIDED", relu(norms - 1).square().mean()),
        ("ONE-SIDED", relu(1 - norms).square().mean()),
        ("ZERO-CENTRED", norms.square().mean()),
        ("NORM-SQUARED", cost(norms.square())),
        ("NORM-SQUARED", (norms.square() - 1).mean()),
        ("NORM-L1", cost(rows.abs().sum(1))),
        ("MEAN-OVER-PIXELS", cost(rows.square().mean(1).sqrt())),
        ("MEAN-OVER-PIXELS", cost(rows.square().mean(1))),
        ("MEAN-OVER-PIXELS", cost(rows.abs())),
        ("SUM-NOT-MEAN", n * cost(norms)),
        *(("EPSILON-WINS", cost((norms.square() + e).sqrt())) for e in (1e-3, 1e-2, 0.1, 1)),
        *(("EPSILON-WINS", cost(norms + e)) for e in (1e-3, 1e-2, 0.1)),
        *(("EPSILON-WINS", cost(norms.square().clamp(min=e).sqrt())) for e in (0.01, 0.1, 1)),
        ("PENALTY-ON-PROBABILITY", cost(_slopes(D, x, sigmoid).flatten(1).norm(dim=1))),
        *(("PENALTY-ON-LOSS", cost(norm)) for norm in on_loss),
        ("SLOPE-IN-WEIGHTS", cost(weights.norm())),
        ("SLOPE-IN-WEIGHTS", cost(weights.norm() / n)),
        *(("NORM-AXIS", cost(torch.linalg.vector_norm(s, dim=a))) for a in axes),
    ]


def _gp_other_slips(D, real, fake, right):
    critic = _float(D(fake).mean() - D(real).mean())
    logistic = _float(softplus(-D(real)).mean() + softplus(D(fake)).mean())
    return [
        *(("WEIGHT", factor * right) for factor in (0.1, 0.5, 2, 10, 0.05, 1e-2)),
        *(("SIGN", -factor * right) for factor in (1, 0.1, 0.5)),
        *(("LOSS-ADDED", loss + right) for loss in (critic, logistic, -critic)),
    ]


class _HalfFlat(nn.Module):
    """D whose slope is exactly 0 for points with a negative first coordinate, and 2 elsewhere."""

    def __init__(self):
        super().__init__()
        self.w, self.seen = nn.Parameter(torch.tensor([2.0, 0.0, 0.0])), []

    def forward(self, x):
        self.seen.append(x.detach().clone())
        return relu(x @ self.w)


def _gp_flat(answer):
    """Two examples where D is flat, two where its slope is 2: (1 + 1 + 1 + 1)/4 times 10."""
    D, (real, fake) = _HalfFlat(), _batches((3,), n=4)
    sign = torch.tensor([-1.0, -1, 1, 1])
    real[:, 0], fake[:, 0] = sign, 3 * sign
    value, _ = _penalty(answer, D, real, fake)
    (found,) = torch.autograd.grad(value, D.w)
    if not (math.isfinite(_float(value)) and torch.isfinite(found).all()):
        raise _named("SQRT-NAN", GP_WORDS)
    if not near(_float(value), 10.0, 1e-2):
        raise _named("EPSILON-WINS", GP_WORDS)


def _gp_uniform(answer, n=4000):
    """The largest distance of the alphas' distribution from the uniform one: above .04, p < 1e-5."""
    D, (real, fake) = _Bumpy((3,)), _batches((3,), n)
    alpha = _alphas(_penalty(answer, D, real, fake)[1], real, fake)[:, 0].sort().values
    if alpha[0] > -1e-3 and alpha[-1] < 1 + 1e-3:
        if ((alpha < 1e-3) | (alpha > 1 - 1e-3)).float().mean() > 0.9:
            raise _named("ENDS-ONLY", GP_WORDS)
        if (alpha - (torch.arange(n) + 0.5) / n).abs().max() < 0.04:
            return
    raise Misconception(
        "ALPHA-NORMAL",
        f"{GP_WORDS['ALPHA-NORMAL'][0]} Of {n}, the least is {alpha[0]:.2f}, the greatest "
        f"{alpha[-1]:.2f}, and half lie between {alpha[n // 4]:.2f} and {alpha[3 * n // 4]:.2f}.",
        GP_WORDS["ALPHA-NORMAL"][1],
    )


# ---- 08.critic -----------------------------------------------------------------------------------

CRITIC_WORDS = {
    "BATCHNORM-CRITIC": (
        "D's answer to one example changes with the others in its batch: batch norm mixes them. "
        "Then `D(x).sum()` no longer has each example's own slope as its gradient, and the penalty "
        "holds something else in check.",
        "A critic with a gradient penalty has no batch norm (layer norm does, or none at all).",
    ),
    "SIGMOID-CRITIC": (
        "D's answers are squeezed into an interval.",
        "A critic gives a score without bounds: is there a sigmoid, or a tanh, at its end?",
    ),
    "CRITIC-RATIO": (
        "The ratio is turned round: G takes `n_critic` steps for each step of the critic.",
        "Which of the two has to be nearly finished before the other may learn from it?",
    ),
    "ONE-TO-ONE": (
        "Critic and G take equally many steps.",
        "Which line is to be repeated `n_critic` times, and which is not?",
    ),
    "ROUNDS": (
        "The number of rounds is not `rounds`.",
        "Each round: `n_critic` steps of the critic, then one of G.",
    ),
    "WRONG-SIGN": (
        "A loss has its sign turned round.",
        "The critic wants high scores on real and low ones on fakes; G wants high ones on fakes.",
    ),
    "ARTICLE-D-LOSS": (
        "Your critic is rewarded for high scores on fakes, too: the article's sign.",
        "Which way should its score go on a fake?",
    ),
    "LOGISTIC-CRITIC": (
        "There is a softplus in your loss: that is the logistic game.",
        "Wasserstein's losses are means of scores, with a sign.",
    ),
    "PENALTY-MISSING": (
        "The critic takes steps without the penalty (or with weight 0): nothing bounds its scores.",
        "Add `penalty(D, real, fake, rng)` to the critic's loss in each of its steps.",
    ),
    "PENALTY-SIGN": (
        "The penalty is subtracted: the critic is paid for steep slopes.",
        "The critic minimises its loss *plus* the penalty.",
    ),
    "PENALTY-WEIGHTED": (
        "The penalty enters with another weight than 1.",
        "`penalty` has its weight of 10 inside already.",
    ),
    "STALE-BATCH": (
        "The critic's steps within a round use one and the same batch.",
        "Each step of the critic draws real and fake anew. Which line belongs inside the loop?",
    ),
    "NO-ZERO-GRAD": (
        "Gradients of earlier steps are added to the new ones.",
        "`zero_grad()` before each `backward()`, for the player whose turn it is.",
    ),
    "G-STARVED": (
        "No gradient reaches G in its own step.",
        "G's step needs fakes that were not detached.",
    ),
    "ROUND-ORDER": (
        "The numbers of steps are right, their order is not.",
        "In each round first the critic's `n_critic` steps, then G's one.",
    ),
}


class _Maker(nn.Module):
    """G, noting the z it is given: z [n, 3] -> x [n, 2]."""

    z_dim, z_shape = 3, (3,)

    def __init__(self):
        super().__init__()
        self.W = nn.Parameter(torch.randn(2, 3, generator=_seeded(0)))
        self.made = []

    def forward(self, z):
        self.made.append(z.detach().clone())
        return self.draw(z)

    def draw(self, z):
        return 0.3 * torch.tanh(z @ self.W.T) + torch.tensor([-1.0, 0.5])


class _Points:
    def sample(self, n, rng):
        return torch.randn(n, 2, generator=rng) * 0.7 + torch.tensor([2.0, 0.5])


@dataclass
class _Round:
    """What happens while the answer trains: who stepped, with which gradient, on what."""

    G: nn.Module = field(default_factory=_Maker)
    D: nn.Module | None = None
    batches: list = field(default_factory=list)  # (real, fake) of each call of the penalty
    used: int = 0  # how many of them the last step of D had seen
    steps: str = ""
    trouble: Misconception | None = None
    last: dict = field(default_factory=dict)  # each player's last gradient that was right

    def penalty(self, D, real, fake, rng=None):
        self.D = D
        self.batches.append((real.detach().clone(), fake.detach().clone()))
        return self.slope(D, real, fake)

    def slope(self, D, real, fake):
        """A penalty without draws: halfway between real and fake."""
        slope = _slopes(D, (real + fake) / 2).flatten(1)
        return 10 * (slope.norm(dim=1) - 1).square().mean()

    def note(self, optimiser, *_):
        held = {id(p) for group in optimiser.param_groups for p in group["params"]}
        player = "G" if any(id(p) in held for p in self.G.parameters()) else "D"
        self.steps += player
        if len(self.steps) > 400:
            raise _named("ROUNDS", CRITIC_WORDS)
        if self.trouble is None:  # the first one counts, but only once the ratio is known
            try:
                self.judge_d() if player == "D" else self.judge_g()
            except Misconception as found:
                self.trouble = found

    def judge_d(self):
        if len(self.batches) == self.used or self.D is None:
            raise _named("PENALTY-MISSING", CRITIC_WORDS)
        (real, fake), self.used = self.batches[-1], len(self.batches)
        _name_mixing(self.D, real)
        found = _grads(self.D)
        critic, logistic, article = _critic_losses(self.D, real, fake)
        weights = list(self.D.parameters())

        def gradient(loss):
            got = torch.autograd.grad(loss, weights, allow_unused=True, retain_graph=True)
            return torch.cat([_flat(g, p) for g, p in zip(got, weights)])

        loss, slope = gradient(critic), gradient(self.slope(self.D, real, fake))
        if near(found, loss + slope, 1e-3):
            self.last["D"] = found
            return
        slips = [
            ("WRONG-SIGN", slope - loss),
            ("PENALTY-MISSING", loss),
            ("PENALTY-SIGN", loss - slope),
            *(("PENALTY-WEIGHTED", loss + k * slope) for k in (10, 0.1, 0.5, 2, 5)),
            ("ARTICLE-D-LOSS", gradient(article) + slope),
            ("LOGISTIC-CRITIC", gradient(logistic) + slope),
            ("SIGMOID-CRITIC", gradient(_squeezed(self.D, real, fake)) + slope),
        ]
        _name(found, slips, CRITIC_WORDS, 1e-3)
        if "D" in self.last:
            slips = [("NO-ZERO-GRAD", self.last["D"] + loss + slope)]
            _name(found, slips, CRITIC_WORDS, 1e-3)
        raise Misconception(
            "WRONG-GRADIENT",
            "The gradient in a step of the critic is not that of the mean score of the fakes minus "
            "the mean score of the real, plus the penalty.",
            "Does old gradient stay behind? Is it `loss + penalty(...)`, and nothing else?",
        )

    def judge_g(self):
        found, (W,) = _grads(self.G), self.G.parameters()
        if found.abs().max() == 0:
            raise _named("G-STARVED", CRITIC_WORDS)
        if self.D is None or not self.G.made:
            return
        score = self.D(self.G.draw(self.G.made[-1]))

        def gradient(loss):
            return torch.autograd.grad(loss, W, retain_graph=True)[0].flatten()

        right = gradient(-score.mean())
        if near(found, right, 1e-3):
            self.last["G"] = found
            return
        slips = [("WRONG-SIGN", -right), ("LOGISTIC-CRITIC", gradient(softplus(-score).mean()))]
        _name(found, slips, CRITIC_WORDS, 1e-3)
        if "G" in self.last:
            _name(found, [("NO-ZERO-GRAD", self.last["G"] + right)], CRITIC_WORDS, 1e-3)
        raise Misconception(
            "WRONG-GRADIENT",
            "The gradient in G's step is not that of minus the mean score of its fakes.",
            "Is what the critic's step left at G cleared before `backward`?",
        )


def _critic_losses(D, real, fake):
    r, f = D(real), D(fake)
    return (
        f.mean() - r.mean(),
        softplus(-r).mean() + softplus(f).mean(),
        -(r.mean() + f.mean()),
    )


def _squeezed(D, real, fake):
    return sigmoid(D(fake)).mean() - sigmoid(D(real)).mean()


def _grads(net):
    return torch.cat([_flat(p.grad, p) for p in net.parameters()])


def _name_mixing(D, x):
    """One example's score must not move when another example does; scores have no bounds."""
    D(x)  # what training statistics there are have met these examples
    other = x.clone()
    other[1:] = x[1:] * 3 + 5
    if not near(D(x)[0], D(other)[0], 1e-3):
        raise _named("BATCHNORM-CRITIC", CRITIC_WORDS)
    loud = copy.deepcopy(D)
    with torch.no_grad():
        for p in loud.parameters():
            p.mul_(100)
        if loud(10 * x).abs().max() <= 1.001:
            raise _named("SIGMOID-CRITIC", CRITIC_WORDS)


def critic(answer):
    """(G, data, penalty, rounds, n_critic, rng) -> D: a WGAN-GP's loop with its critic."""
    for rounds, n_critic in ((4, 3), (3, 2)):
        game = _Round()
        hook = register_optimizer_step_pre_hook(game.note)
        try:
            D = answer(game.G, _Points(), game.penalty, rounds, n_critic, _seeded(0))
        finally:
            hook.remove()
        _judge_round(game, D, rounds, n_critic)
    return (
        "Right: a critic that scores each example by itself, n_critic steps on fresh batches, then "
        "one of G."
    )


def _judge_round(game, D, rounds, n):
    if game.trouble is not None and game.trouble.code in ("BATCHNORM-CRITIC", "SIGMOID-CRITIC"):
        raise game.trouble
    _name_ratio(game.steps, rounds, n)
    if game.trouble is not None:
        raise game.trouble
    for (a, b), (c, d) in itertools.pairwise(game.batches):
        if a.shape == c.shape and (torch.equal(a, c) or torch.equal(b, d)):
            raise _named("STALE-BATCH", CRITIC_WORDS)
    if D is not game.D:
        raise Misconception(
            "NOTHING-RETURNED",
            f"Your function returned {'None' if D is None else 'something else than its critic'}.",
            "End it with `return D`.",
        )


def _name_ratio(steps, rounds, n):
    d, g = steps.count("D"), steps.count("G")
    if steps == ("D" * n + "G") * rounds:
        return
    if d == 0 or g == 0:
        raise Misconception(
            "NO-STEPS",
            f"In {rounds} rounds the critic took {d} steps and G took {g}.",
            "Both players need an optimiser, and a `step()` in their turn.",
        )
    if d == g * n and g == rounds:
        raise _named("ROUND-ORDER", CRITIC_WORDS)
    if d == g * n:
        raise _named("ROUNDS", CRITIC_WORDS)
    if g == d * n:
        raise _named("CRITIC-RATIO", CRITIC_WORDS)
    if d == g:
        raise _named("ONE-TO-ONE", CRITIC_WORDS)
    raise Misconception(
        "N-CRITIC-FIXED",
        f"With n_critic = {n} and {rounds} rounds the critic took {d} steps and G took {g}.",
        "Where does the number of the critic's steps come from, in your code?",
    )


# ---- 08.packing ----------------------------------------------------------------------------------

PAC_WORDS = {
    "PAC-MIXED": (
        "Some of your packs hold real and generated examples together. Such a pack is neither, and "
        "D cannot say which.",
        "All examples of a pack have one label. At which point do your two batches meet?",
    ),
    "PAC-COPIES": (
        "Your packs hold the same example more than once: every pack looks collapsed, real or not.",
        "m *different* examples of the batch stand side by side.",
    ),
    "PAC-OVERLAP": (
        "One example is in several packs.",
        "n examples make n/m packs: after one pack, where does the next begin?",
    ),
    "PAC-SCRAMBLED": (
        "Your packs hold pieces of examples, put together anew.",
        "Follow one example with numbers that you know. Was an axis moved before the `reshape`?",
    ),
    "NOT-PACKED": (
        "D was shown single examples (or their average), and judges none of them beside another.",
        "This D takes m times the channels. What must happen before it is called?",
    ),
    "PAC-AXIS": (
        "Your pack puts the examples along another axis than the channels.",
        "From [n, C, ...] to [n/m, m C, ...]: which axis grows m times?",
    ),
    "M-IGNORED": (
        "Your packs do not have the size m.",
        "Look for a number in your code that should be `m`.",
    ),
    "EXAMPLES-LOST": (
        "Not all of the batch is in your packs.",
        "n examples make n/m packs of m.",
    ),
    "PLAYERS-SWAPPED": (
        "The first of your two results belongs to the fakes.",
        "Real before fake.",
    ),
    "REAL-TWICE": (
        "Both of your results are D's verdicts on the real packs.",
        "The second one belongs to `fake`.",
    ),
    "FAKE-CUT": (
        "No gradient leads from the fake packs' logits back to the fakes: G could not learn.",
        "Look for a `detach`, a copy, or a tensor made anew.",
    ),
    "LOGITS-CHANGED": (
        "D saw the right packs, and you return other numbers than it answered.",
        "One logit a pack, as D gives it: the losses do the rest.",
    ),
}


class _PackJudge(nn.Module):
    """D for packs of m: [k, m C, ...] -> logits [k], noting what it is shown."""

    def __init__(self, m, shape):
        super().__init__()
        self.m, self.shape, self.seen = m, shape, []
        self.wanted = (m * shape[0], *shape[1:])
        self.w = torch.randn(math.prod(self.wanted), generator=_seeded(1))

    def forward(self, x):
        self._expect(x)
        self.seen.append(x.detach().clone())
        return x.flatten(1) @ self.w

    def _expect(self, x):
        given = tuple(x.shape[1:])
        if given == self.wanted:
            return
        if given == self.shape:
            raise _named("NOT-PACKED", PAC_WORDS)
        if math.prod(given) == math.prod(self.wanted):
            raise Misconception(
                "PAC-AXIS",
                f"{PAC_WORDS['PAC-AXIS'][0]} D was given packs of shape {list(given)}; for "
                f"m = {self.m} examples of {list(self.shape)} it takes {list(self.wanted)}.",
                PAC_WORDS["PAC-AXIS"][1],
            )
        if given[1:] == self.shape[1:] and given[0] % self.shape[0] == 0:
            raise _named("M-IGNORED", PAC_WORDS)
        raise Misconception(
            "SHAPE",
            f"D was given a batch of shape {list(x.shape)}; for m = {self.m} it takes packs of "
            f"{list(self.wanted)}.",
            "Print the shape after each line.",
        )


def packing(answer):
    """(D, real, fake, m) -> (real logits [n/m], fake logits [n/m])"""
    for m, n, shape in ((2, 6, (2,)), (3, 6, (2, 3, 4)), (4, 8, (3,))):
        _judge_packs(answer, m, n, shape)
    return (
        "Right: packs of one kind, every example once, and a gradient for each of them. It is "
        "`ganedu.networks.Packed`, which repeats each logit m times."
    )


def _judge_packs(answer, m, n, shape):
    rng = _seeded(m)
    real, fake = torch.randn(n, *shape, generator=rng), torch.randn(n, *shape, generator=rng)
    D, leaf, given = _PackJudge(m, shape), fake.clone().requires_grad_(), real.clone()
    result = answer(D, given, leaf * 1.0, m)
    if not torch.equal(given, real):
        raise Misconception(
            "INPUT-CHANGED",
            "After the call `real` holds other numbers: your code writes into it.",
            "`a *= b` changes a tensor in place; `a = a * b` does not.",
        )
    logits = _two_of(result, "real logits and fake logits")
    packs = torch.cat(D.seen) if D.seen else torch.zeros(0, *D.wanted)
    owners = [_owners(pack, real, fake) for pack in packs]
    _judge_owners(owners, m)
    _judge_logits(logits, packs, owners, D, n // m)
    if not _reaches_every(logits[1], leaf):
        raise _named("FAKE-CUT", PAC_WORDS)


def _reaches_every(logits, leaf):
    """Whether a gradient leads from the logits to each example of the leaf."""
    if not logits.requires_grad:
        return False
    (found,) = torch.autograd.grad(logits.sum(), leaf, allow_unused=True)
    return found is not None and bool((found.flatten(1) != 0).any(1).all())


def _two_of(result, what):
    if result is None:
        raise Misconception(
            "NOTHING-RETURNED", "Your function returned None.", "End it with a `return` line."
        )
    if isinstance(result, torch.Tensor | dict | str) or not hasattr(result, "__len__"):
        seen = f"a tensor {list(result.shape)}" if isinstance(result, torch.Tensor) else "one thing"
        raise Misconception("SHAPE", f"Your function returned {seen}.", f"Return two: {what}.")
    if len(result) != 2:
        raise Misconception(
            "TWO-RESULTS", f"Your function returned {len(result)} thing(s).", f"Return two: {what}."
        )
    return result


def _owners(pack, real, fake):
    """For each channel of a pack: (kind, example, channel) it comes from, or None."""
    found = []
    for channel in pack:
        found.append(None)
        for kind, x in (("real", real), ("fake", fake)):
            same = (x == channel).flatten(2).all(2) if x.ndim > 2 else x == channel  # [n, C]
            if same.any():
                i, c = same.nonzero()[0].tolist()
                found[-1] = (kind, i, c)
    return found


def _judge_owners(owners, m):
    channels = [piece for pack in owners for piece in pack]
    if any(piece is None for piece in channels):
        raise _named("PAC-SCRAMBLED", PAC_WORDS)
    for pack in owners:
        examples = {(kind, i) for kind, i, _ in pack}
        if len({kind for kind, _ in examples}) > 1:
            raise _named("PAC-MIXED", PAC_WORDS)
        if len(set(pack)) < len(pack):
            raise _named("PAC-COPIES", PAC_WORDS)
        if len(examples) != m:
            raise _named("PAC-SCRAMBLED", PAC_WORDS)
    if len({tuple(c for _, _, c in pack) for pack in owners}) > 1:
        raise _named("PAC-SCRAMBLED", PAC_WORDS)
    if len(set(channels)) < len(channels):
        raise _named("PAC-OVERLAP", PAC_WORDS)


def _judge_logits(logits, packs, owners, D, k):
    wanted = {}
    for kind in ("real", "fake"):
        rows = [i for i, pack in enumerate(owners) if pack[0][0] == kind]
        wanted[kind] = (packs[rows].flatten(1) @ D.w).sort().values if rows else torch.zeros(0)
    if min(map(len, wanted.values())) < k:
        raise _named("REAL-TWICE" if not len(wanted["fake"]) else "EXAMPLES-LOST", PAC_WORDS)
    for name, mine in zip(("real", "fake"), logits):
        probes.tensor(mine, (k,), f"Of the packs, the {name} logits")
    mine = [x.detach().sort().values for x in logits]
    if near(mine[0], wanted["fake"]) and near(mine[1], wanted["real"]):
        raise _named("PLAYERS-SWAPPED", PAC_WORDS)
    if not (near(mine[0], wanted["real"]) and near(mine[1], wanted["fake"])):
        raise _named("LOGITS-CHANGED", PAC_WORDS)


# ---- 08.minibatch_std ----------------------------------------------------------------------------

STD_WORDS = {
    "STD-OVER-FEATURES": (
        "You take the standard deviation within each example, over its features. A collapsed batch "
        "of one colourful picture has plenty of that.",
        "How much do the *examples* differ? Along which axis does the batch run?",
    ),
    "STD-OVER-ALL": (
        "You take one standard deviation over all numbers, examples and features together.",
        "First one for each feature at each place, over the batch; then the average.",
    ),
    "STD-OVER-PLACES": (
        "You take the standard deviation of each channel over batch *and* places: the same picture "
        "n times over still has one.",
        "Over the batch only, for each feature at each place; then the average.",
    ),
    "NOT-AVERAGED": (
        "You append one number for each feature.",
        "All the standard deviations are averaged to *one* number.",
    ),
    "MAP-NOT-NUMBER": (
        "What you append differs from place to place.",
        "The average is over features *and* places: one number, everywhere the same.",
    ),
    "VARIANCE-NOT-STD": (
        "You append the mean variance.",
        "A standard deviation is its root.",
    ),
    "MEAN-BEFORE-ROOT": (
        "You average the variances first and take the root then.",
        "The root comes first, for each feature at each place.",
    ),
    "DEVIATION-IS-NOT-STD": (
        "You append the mean absolute deviation.",
        "A standard deviation squares first, and takes the root at the end.",
    ),
    "SUM-NOT-MEAN": (
        "You add the standard deviations up: the number grows with the picture.",
        "Average them over features and places.",
    ),
    "MEAN-NOT-STD": (
        "You append the mean of the batch, which says nothing about how much it varies.",
        "Two batches with the same mean, one collapsed: what differs?",
    ),
    "NOT-APPENDED": (
        "Your result has no feature more than x: the number went *into* the others.",
        "One more column, or one more channel: `torch.cat` along axis 1.",
    ),
    "FIRST-NOT-LAST": (
        "Your new feature stands before the others.",
        "Put it last, so that the old ones keep their places.",
    ),
    "X-CHANGED": (
        "The features of x are not what they were.",
        "x goes through unchanged, with one more feature behind.",
    ),
    "DETACHED": (
        "D sees the number, and G learns nothing from it: no gradient leads from it to x.",
        "Stay in torch from x to the number: no .item(), .detach(), float() or numpy.",
    ),
    "SQRT-NAN": (
        "For a fully collapsed batch, n times the same example, the gradient is NaN: the root has "
        "an infinite slope at 0. That is just the batch this layer is for.",
        "Add something tiny under the root, or use `x.std(0)`, which takes care.",
    ),
    "EPSILON-WINS": (
        "For a fully collapsed batch your number is not near 0: what guards the root is too large.",
        "1e-8 under the root is enough.",
    ),
    "POINTS-ONLY": (
        "Right for points [n, d]; with pictures [n, C, H, W] your code fails.",
        "Stretch the one number to [n, 1, H, W]. `x.shape[2:]` is empty for points.",
    ),
    "CONSTANT": (
        "Your number is the same for two quite different batches.",
        "Does x enter it?",
    ),
}


def minibatch_std(answer):
    """x [n, C, ...] -> [n, C + 1, ...]: the mean standard deviation over the batch, appended."""
    points = torch.tensor([[1.0, 0, 5, 2], [4, 8, 5, 1], [1, 1, 5, 4.5]])
    pictures = 2 * torch.randn(5, 2, 3, 4, generator=_seeded(0))
    pictures = pictures * torch.tensor([1.0, 3.0])[:, None, None] + 1
    pictures[:, 1, 0, 1] *= 2
    for x in (points, pictures):
        _judge_std(answer, x)
    _judge_collapsed(answer, pictures)
    _judge_std_gradient(answer, points)
    return (
        "Right: one number, shared by the whole batch, 0 when all examples are the same. It is "
        "`ganedu.networks.MinibatchStd`."
    )


def _appended(answer, x):
    """(the new feature [n, 1, ...], attached), after a look at the shape and at the rest."""
    given = x.clone()
    try:
        out = answer(given)
    except RuntimeError:
        if x.ndim > 2:
            raise _named("POINTS-ONLY", STD_WORDS) from None
        raise
    if not isinstance(out, torch.Tensor):
        probes.tensor(out, x.shape, "Your result")
    n, C = x.shape[:2]
    if out.shape == x.shape:
        raise _named("NOT-APPENDED", STD_WORDS)
    if out.shape == (n, 2 * C, *x.shape[2:]) and C > 1:
        raise _named("NOT-AVERAGED", STD_WORDS)
    probes.tensor(out, (n, C + 1, *x.shape[2:]), "Your result")
    if not torch.equal(out[:, :-1].detach(), x):
        moved = near(out[:, 1:].detach(), x)
        raise _named("FIRST-NOT-LAST" if moved else "X-CHANGED", STD_WORDS)
    return out[:, -1:]


def _std_slips(x):
    n, rows = len(x), x.flatten(1)
    for unbiased in (False, True):
        each = x.std(0, unbiased=unbiased)
        yield "STD-OVER-FEATURES", rows.std(1, unbiased=unbiased).mean()
        yield "STD-OVER-FEATURES", x.std(1, unbiased=unbiased).mean()
        yield "STD-OVER-ALL", x.std(unbiased=unbiased)
        if x.ndim > 2:
            channels = x.transpose(0, 1).flatten(1)
            yield "STD-OVER-PLACES", channels.std(1, unbiased=unbiased).mean()
        yield "VARIANCE-NOT-STD", each.square().mean()
        yield "MEAN-BEFORE-ROOT", each.square().mean().sqrt()
        yield "SUM-NOT-MEAN", each.sum()
        yield "SUM-NOT-MEAN", each.flatten(1).sum(1).mean() if x.ndim > 2 else each.sum()
    yield "DEVIATION-IS-NOT-STD", (x - x.mean(0)).abs().mean()
    yield "MEAN-NOT-STD", x.mean()
    yield "SUM-NOT-MEAN", n * x.std(0, unbiased=False).mean()


def _std_rights(x):
    """Divided by n, as the paper does, or by n - 1, as torch does unless told."""
    return [x.std(0, unbiased=unbiased).mean() for unbiased in (False, True)]


def _judge_std(answer, x):
    new = _appended(answer, x).detach()
    first = new.flatten()[0]
    if not near(new, first.expand(new.shape), 1e-3):
        rows = x.flatten(1)
        within = [rows.std(1, unbiased=u) for u in (False, True)]
        places = [x.std(1, unbiased=u)[:, None] for u in (False, True)]
        own = new.flatten(1)[:, 0]
        if any(near(own, s, 1e-3) for s in within) or any(near(new, s, 1e-3) for s in places):
            raise _named("STD-OVER-FEATURES", STD_WORDS)
        raise _named("MAP-NOT-NUMBER", STD_WORDS)
    if any(near(first, right, 1e-3) for right in _std_rights(x)):
        return
    _name(first, list(_std_slips(x)), STD_WORDS, 1e-3)
    _judge_guard(answer, x)
    if near(first, _appended(answer, 2 * x + 1).detach().flatten()[0], 1e-3):
        raise _named("CONSTANT", STD_WORDS)
    raise Misconception(
        "WRONG-VALUE",
        f"For a batch of shape {list(x.shape)} your number is {first:.4g}; the mean of the "
        f"standard deviations over the batch is {_std_rights(x)[0]:.4g}.",
        "Take two examples of one feature each, 1 and 3: their standard deviation is 1.",
    )


def _judge_guard(answer, x):
    """A number that is right but for a guard: large where nothing varies."""
    nothing = _appended(answer, x[:1].repeat(len(x), *[1] * (x.ndim - 1))).detach().flatten()[0]
    hundred = _appended(answer, 1000 * x).detach().flatten()[0]
    if nothing > 2e-3 and any(near(hundred / 1000, r, 1e-3) for r in _std_rights(x)):
        raise _named("EPSILON-WINS", STD_WORDS)


def _judge_collapsed(answer, pictures):
    """n times one colourful picture: no variation over the batch, and a finite gradient."""
    x = pictures[:1].repeat(4, 1, 1, 1)
    if not near(_appended(answer, x).detach(), torch.zeros(4, 1, 3, 4), 2e-3):
        raise _named("EPSILON-WINS", STD_WORDS)
    found = _std_gradient(answer, x)
    if not torch.isfinite(found).all():
        raise _named("SQRT-NAN", STD_WORDS)


def _std_gradient(answer, x):
    leaf = x.clone().requires_grad_()
    out = answer(leaf * 1.0)
    if not out.requires_grad:
        raise _named("DETACHED", STD_WORDS)
    found = torch.autograd.grad(out[:, -1].sum(), leaf, allow_unused=True)[0]
    if found is None:
        raise _named("DETACHED", STD_WORDS)
    return found


def _judge_std_gradient(answer, points):
    if _std_gradient(answer, points).abs().max() == 0:
        raise _named("DETACHED", STD_WORDS)


# ---- 08.relativistic -----------------------------------------------------------------------------

GAMMA = 0.7
BY_PAIRS = "Real i against fake i: one difference for each pair, softplus of each, then the mean."
PAIR_WORDS = GP_WORDS | {
    "RELATIVISTIC-SIGN": (
        "{} falls when the *other* player wins: its difference is turned round.",
        "D wants real i to beat fake i; G wants fake i to beat real i. Raise one fake logit by 1: "
        "should this loss rise or fall?",
    ),
    "RELATIVISTIC-OF-MEANS": (
        "In {} you compare the mean real logit with the mean fake one.",
        BY_PAIRS,
    ),
    "RELATIVISTIC-AVERAGE": (
        "{} compares each example with the *average* of the other kind: the relativistic average "
        "GAN, an older relative.",
        BY_PAIRS,
    ),
    "NOT-RELATIVISTIC": (
        "{} is that of the logistic game: each logit is judged alone.",
        BY_PAIRS,
    ),
    "SATURATING-FOR-NON-SATURATING": (
        "{} is minus D's loss: the same fixed point, and hardly any slope while D is winning.",
        "Fake i should beat real i: -log sigmoid of *that* difference.",
    ),
    "NO-SOFTPLUS": (
        "{} is the bare mean difference, Wasserstein's.",
        BY_PAIRS,
    ),
    "DOUBLE-SIGMOID": (
        "In {} a sigmoid comes before the difference.",
        "The difference is one of logits; the softplus holds the only sigmoid.",
    ),
    "WRONG-SIGN": (
        "{} is the right one with its sign turned round.",
        "Both players minimise: what happens to the loss when that player gets better?",
    ),
    "SUM-NOT-MEAN": (
        "In {} you add over the batch: twice as many examples, twice the loss.",
        "The formula has an expectation.",
    ),
    "LOG-OF-SIGMOID": (
        "{} is not finite where D is very sure: a sigmoid rounds to 0 before its logarithm is "
        "taken.",
        "-log sigmoid(t) is `softplus(-t)`, finite for every t.",
    ),
    "PLAYERS-SWAPPED": (
        "Your two results are right, in the other order.",
        "D's total first, then G's loss.",
    ),
    "R1-ON-FAKE": (
        "Your penalty looks at the fakes only: that is R2.",
        "R1 holds D flat at the real examples, R2 at the fakes. Both are asked for.",
    ),
    "R2-MISSING": (
        "Your penalty looks at the real examples only: that is R1.",
        "R3GAN adds the same term at the fakes. Without it, this game can diverge.",
    ),
    "R2-ON-REAL": (
        "Both of your penalties are taken at the real examples.",
        "R2 is R1 with fakes in the place of the real examples.",
    ),
    "PENALTY-BETWEEN": (
        "Your penalty is taken between real and fake, as WGAN-GP's is.",
        "R1 looks at the real examples and R2 at the fakes, at those very points.",
    ),
    "R1-HALF": (
        "Your penalty is off by a factor of 2.",
        "gamma/2 stands before each of R1 and R2, and the two are added, not averaged.",
    ),
    "GAMMA-IGNORED": (
        "Your penalty is not proportional to gamma.",
        "Double gamma: what should become of each of the two penalties?",
    ),
    "PENALTY-MISSING": (
        "D's total holds no penalty.",
        "R1 and R2 are added to D's loss.",
    ),
    "PENALTY-IN-G": (
        "G's loss changes with gamma: a penalty is in it.",
        "The penalties hold D in check. G's loss is the relativistic comparison alone.",
    ),
    "PENALTY-UNSQUARED": (
        "Your penalty averages the norms of the slopes, not their squares.",
        "R1 is quadratic: twice the slope costs four times as much.",
    ),
    "MEAN-BEFORE-SQUARE": (
        "Your penalty averages slopes first and squares then: opposite slopes cancel.",
        "The square is each example's own; the mean over the batch comes last.",
    ),
    "NORM-OVER-BATCH": (
        "Your penalty takes the slope of D's mean: each slope is divided by n, its square by n^2.",
        "Which function of D's answers has each example's own slope as its gradient?",
    ),
    "MEAN-OVER-PIXELS": (
        "Your penalty averages over the coordinates of x: it shrinks as pictures grow.",
        "A squared norm is a *sum* over the coordinates; the mean is over examples only.",
    ),
    "ONE-CENTRED": (
        "Your penalty pulls the norm of the slope to 1: that is WGAN-GP's target.",
        "R1 and R2 pull it to the value it has when the game is over. Which one?",
    ),
    "AXES": (
        "Right for points; for pictures [n, 2, 3, 5] your penalty sums over one axis only.",
        "A picture's slope is one long vector: `flatten(1)` makes it so.",
    ),
    "SIGN": (
        "Your penalties are subtracted: D is paid for steep slopes.",
        "D minimises its loss *plus* the penalties.",
    ),
    "G-STARVED": (
        "G's loss has the right value, and no gradient leads from it to the fakes: G cannot learn.",
        "Detach the fakes in D's part only.",
    ),
}


def relativistic(answer):
    """(D, real, fake, gamma) -> (D's relativistic loss + R1 + R2, G's loss)"""
    for shape in ((3,), (2, 3, 5)):
        _judge_pair(answer, shape)
    _judge_sure(answer)
    return (
        "Right: both losses, both penalties, points and pictures. They are "
        "`losses.relativistic` and `penalties.r1_r2`, the heart of R3GAN."
    )


def _pair(answer, D, real, fake, gamma):
    """(D's total, G's loss, the leaf behind the fakes)"""
    leaf = fake.clone().requires_grad_()

    def with_graph(D, real, fake, gamma):
        return answer(D, real, leaf * 1.0, gamma)

    torch.manual_seed(1)  # an answer that draws at random draws the same for each gamma
    result = _call(with_graph, D, real, fake, gamma)
    if isinstance(result, torch.Tensor) and result.ndim == 0:
        raise Misconception(
            "TWO-NUMBERS", "Your function returned one number.", "Return D's total and G's loss."
        )
    total, g = _two_of(result, "D's total, then G's loss")
    probes.number(total, "D's total"), probes.number(g, "G's loss")
    return total, g, leaf


def _judge_pair(answer, shape):
    D, (real, fake) = _Bumpy(shape), _batches(shape)
    r, f = D(real).detach(), D(fake).detach()
    numbers = {k: _pair(answer, D, real, fake, k)[:2] for k in (0.0, GAMMA, 2 * GAMMA)}
    d = {k: _float(total) for k, (total, _) in numbers.items()}
    g = {k: _float(loss) for k, (_, loss) in numbers.items()}
    rights = _right_losses(r, f)
    known = torch.cat([real, fake])
    strange = any((x[:, None] != known).flatten(2).any(2).all(1).any() for x in D.seen)
    full = _float(_right_penalty(D, real, fake))
    if any(near((g[GAMMA], d[GAMMA]), (a + full, b)) for a, b in rights):
        raise _named("PLAYERS-SWAPPED", PAIR_WORDS)
    _judge_d_loss(d, D, real, fake, r, f, rights)
    _judge_penalty(d, D, real, fake, strange)
    _judge_g_loss(g, r, f, rights)
    _judge_gradients(answer, D, real, fake)


def _by_pairs(r, f):
    """The differences pair by pair, and over all n x n pairs (the same expectation)."""
    return r - f, r[:, None] - f[None, :]


def _right_losses(r, f):
    """(D's, G's) for either form."""
    return [(_float(softplus(-t).mean()), _float(softplus(t).mean())) for t in _by_pairs(r, f)]


def _right_penalty(D, real, fake, gamma=GAMMA):
    squares = [_slopes(D, x).flatten(1).square().sum(1).mean() for x in (real, fake)]
    return gamma / 2 * sum(squares)


def _loss_slips(win, lose):
    """Wrong losses of a player who wants the logits `win` above the logits `lose`."""
    t, n = win - lose, len(win)
    average = softplus(lose.mean() - win).mean(), softplus(lose - win.mean()).mean()
    slips = [
        ("RELATIVISTIC-SIGN", softplus(t).mean()),
        ("RELATIVISTIC-OF-MEANS", softplus(-t.mean())),
        *(("RELATIVISTIC-AVERAGE", v) for v in (*average, sum(average), sum(average) / 2)),
        ("NO-SOFTPLUS", -t.mean()),
        ("DOUBLE-SIGMOID", softplus(sigmoid(lose) - sigmoid(win)).mean()),
        ("WRONG-SIGN", -softplus(-t).mean()),
        ("SUM-NOT-MEAN", n * softplus(-t).mean()),
    ]
    return [(code, _float(value)) for code, value in slips]


def _say(got, slips, player):
    for code, wrong in slips:
        if near(got, wrong):
            seen, step = PAIR_WORDS[code]
            seen = seen.format(f"{player}'s loss")
            raise Misconception(code, seen, step)


def _wrong_loss(player, got, rights):
    return Misconception(
        "WRONG-VALUE",
        f"{player}'s loss, without penalties, is {got:.4g}; it should be {rights[0]:.4g}.",
        "Where all logits are 0 it is log 2. " + BY_PAIRS,
    )


def _judge_d_loss(d, D, real, fake, r, f, rights):
    """What is left of D's total when gamma = 0."""
    mine = [a for a, _ in rights]
    if any(near(d[0.0], a) for a in mine):
        return
    for a in mine:  # a penalty that stays when gamma = 0
        if near(d[0.0], d[GAMMA]) and any(
            near(d[0.0] - a, k * _float(_right_penalty(D, real, fake, 1.0)))
            for k in (1, 2, 0.5, 10, 5, 0.1, 0.2, 20)
        ):
            raise _named("GAMMA-IGNORED", PAIR_WORDS)
    logistic = _float(softplus(-r).mean() + softplus(f).mean())
    slips = [*_loss_slips(r, f), ("NOT-RELATIVISTIC", logistic), ("NOT-RELATIVISTIC", logistic / 2)]
    _say(d[0.0], slips, "D")
    raise _wrong_loss("D", d[0.0], mine)


def _judge_g_loss(g, r, f, rights):
    if not near(g[0.0], g[GAMMA]):
        raise _named("PENALTY-IN-G", PAIR_WORDS)
    mine = [b for _, b in rights]
    if any(near(g[0.0], b) for b in mine):
        return
    slips = [
        ("NOT-RELATIVISTIC", _float(softplus(-f).mean())),
        ("NOT-RELATIVISTIC", _float(-f.mean())),
        ("SATURATING-FOR-NON-SATURATING", -rights[0][0]),
        ("SATURATING-FOR-NON-SATURATING", _float(-softplus(f).mean())),
        *_loss_slips(f, r),
    ]
    _say(g[0.0], slips, "G")
    raise _wrong_loss("G", g[0.0], mine)


def _judge_penalty(d, D, real, fake, strange):
    """What gamma adds to D's total; `strange`: D was shown points that are neither real nor fake."""
    got, right = d[GAMMA] - d[0.0], _float(_right_penalty(D, real, fake))
    if not near(2 * got, d[2 * GAMMA] - d[0.0], 1e-3):
        raise _named("GAMMA-IGNORED", PAIR_WORDS)
    if near(got, right):
        return
    if near(got, 0.0):
        raise _named("PENALTY-MISSING", PAIR_WORDS)
    if strange:
        raise _named("PENALTY-BETWEEN", PAIR_WORDS)
    for code, value in _r_slips(D, real, fake, right):
        if near(got, _float(value)):
            seen, step = PAIR_WORDS[code]
            raise Misconception(code, seen.format("your penalty"), step)
    raise Misconception(
        "WRONG-VALUE",
        f"With gamma = {GAMMA}, R1 + R2 is {right:.4g}, and what you add to D's loss is {got:.4g}.",
        "Try D(x) = w.x by hand: the slope is w everywhere, so R1 = R2 = gamma/2 |w|^2.",
    )


def _r_slips(D, real, fake, right):
    on_real, on_fake = (_right_penalty(D, x, x) / 2 for x in (real, fake))
    yield from (("R1-ON-FAKE", k * on_fake) for k in (1, 2, 4))
    yield from (("R2-MISSING", k * on_real) for k in (1,))
    yield from (("R2-ON-REAL", k * on_real) for k in (2, 4))
    yield from (("R1-HALF", k * right) for k in (2, 0.5))
    yield from (("SIGN", k * right) for k in (-1, -2, -0.5))
    yield from _bare_slips(D, real, fake)


def _bare_slips(D, real, fake):
    """Other functions of the slopes, with gamma/2 and with gamma in front."""
    n = len(real)
    raw = [_slopes(D, x) for x in (real, fake)]
    rows = [s.flatten(1) for s in raw]

    def both(term, slopes=rows):
        return sum(map(term, slopes))

    def wrapped(*wraps):
        pairs = zip((real, fake), wraps)
        return [_slopes(D, x, wrap).flatten(1) for x, wrap in pairs]

    def square(s):
        return s.square().sum(1).mean()

    r, f = D(real).detach(), D(fake).detach()
    fooled = [lambda t: softplus(-t), softplus]
    losses = [
        fooled[:1] * 2,
        fooled,
        fooled[1:] * 2,
        [lambda t: softplus(f - t), lambda t: softplus(t - r)],
    ]
    bare = [
        ("PENALTY-UNSQUARED", both(lambda s: s.norm(dim=1).mean())),
        ("MEAN-BEFORE-SQUARE", both(lambda s: s.mean(0).square().sum())),
        ("MEAN-BEFORE-SQUARE", both(lambda s: s.norm(dim=1).mean().square())),
        ("SUM-NOT-MEAN", both(lambda s: s.square().sum())),
        ("NORM-OVER-BATCH", both(square) / n**2),
        ("NORM-OVER-BATCH", both(square) / n),
        ("AXES", both(lambda s: s.square().sum(1).mean(), raw)),
        ("MEAN-OVER-PIXELS", both(lambda s: s.square().mean())),
        ("ONE-CENTRED", both(lambda s: (s.norm(dim=1) - 1).square().mean())),
        ("PENALTY-ON-PROBABILITY", both(square, wrapped(sigmoid, sigmoid))),
        *(("PENALTY-ON-LOSS", both(square, wrapped(*wraps))) for wraps in losses),
    ]
    yield from ((code, k * GAMMA * v) for (code, v), k in itertools.product(bare, (0.5, 1)))


def _judge_gradients(answer, D, real, fake):
    """D's weights and the fakes get the gradients of the form that the values have."""
    total, g, leaf = _pair(answer, D, real, fake, GAMMA)
    if not isinstance(total, torch.Tensor):
        raise _no_graph("D's total")
    penalty, still = _right_penalty(D, real, fake), fake.clone().requires_grad_()
    differences = _by_pairs(D(real), D(still))
    loss = _nearest(total.detach() - penalty, [softplus(-t).mean() for t in differences])
    _check_graph(total, loss + penalty, D, "D's total", alone=loss)
    g_loss = _nearest(torch.as_tensor(g).detach(), [softplus(t).mean() for t in differences])
    (wanted,) = torch.autograd.grad(g_loss, still)
    if not (isinstance(g, torch.Tensor) and g.requires_grad):
        raise _named("G-STARVED", PAIR_WORDS)
    (found,) = torch.autograd.grad(g, leaf, allow_unused=True)
    if found is None or found.abs().max() == 0:
        raise _named("G-STARVED", PAIR_WORDS)
    if not near(found, wanted, 1e-3):
        raise Misconception(
            "WRONG-GRADIENT",
            "The value of G's loss is right, but not its gradient at the fakes.",
            "Look for a `detach` between the fakes and G's loss.",
        )


def _nearest(value, options):
    """Which of the two forms of a loss the answer has chosen."""
    return min(options, key=lambda option: abs(_float(option) - _float(value)))


def _judge_sure(answer):
    """A D so sure, and so wrong, that log(sigmoid) breaks."""
    D, (real, fake) = _Bumpy((3,), scale=300.0), _batches((3,))
    for x, y in ((real, fake), (fake, real)):
        total, g, _ = _pair(answer, D, x, y, 0.0)
        for player, value in (("D", total), ("G", g)):
            if not math.isfinite(_float(value)):
                seen, step = PAIR_WORDS["LOG-OF-SIGMOID"]
                raise Misconception("LOG-OF-SIGMOID", seen.format(f"{player}'s loss"), step)


EXERCISES = {
    "gradient_penalty": gradient_penalty,
    "critic": critic,
    "packing": packing,
    "minibatch_std": minibatch_std,
    "relativistic": relativistic,
}
