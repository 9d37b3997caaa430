"""Chapter 08: the gradient penalty, a critic's turn, packs, the batch's spread, and the relativistic pair.

Where the answer draws at random (alpha, batches, z), the check never guesses what it drew: its D, G and
data note what they are given, and the right number is worked out at those very points.
"""

import copy
import itertools
import math
from dataclasses import dataclass, field
from functools import cache, partial
from statistics import fmean, median, median_low

import torch
from torch import nn
from torch.nn.functional import relu, sigmoid, softplus
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from ganedu import networks, penalties
from ganedu.checks.exercise import (
    SECOND,
    Case,
    Exercise,
    Part,
    Probe,
    World,
    explained,
    raises,
    shows,
)
from ganedu.checks.probes import Bumpy, near, number, plain, randomness, seeded, several, tensor
from ganedu.checks.words import Misconception

ANY = shows(lambda got, right: True)


# ---- what the penalties share: a D that takes notes, its slopes, its gradients -------------------


class Noting(Bumpy):
    """A bumpy D that notes each x that it is shown."""

    def __init__(self, shape, seed=0, scale=1.0):
        super().__init__(shape, seed, scale)
        self.shape, self.seen = tuple(shape), []

    def forward(self, x):
        if tuple(x.shape[1:]) != self.shape:
            raise Misconception("ALPHA-SHAPE", shape=list(x.shape), wanted=list(self.shape))
        if (noted := plain(x)) is not None:
            self.seen.append(noted)
        return super().forward(x)


def slopes(D, x, wrap=lambda s: s):
    """dD/dx of each example at x [n, ...], with a graph."""
    x = x.detach().clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(wrap(D(x)).sum(), x, create_graph=True)
    return slope


def rows(D, x, wrap=lambda s: s):
    """The same as a row for each example, [n, d]."""
    return slopes(D, x, wrap).flatten(1)


def in_weights(value, D):
    """The gradient of a value in D's weights, zeros without a path, None without a graph."""
    if not (isinstance(value, torch.Tensor) and value.requires_grad):
        return None
    weights = list(D.parameters())
    found = torch.autograd.grad(value.sum(), weights, allow_unused=True, retain_graph=True)
    return torch.cat([flat(g, p) for g, p in zip(found, weights)])


def flat(gradient, weight):
    return torch.zeros(weight.numel()) if gradient is None else gradient.detach().flatten()


def taught(got, wanted, without=None):
    """None if the gradient is the wanted one; else what it lacks (`without`: that of the rest)."""
    if got is None or got.abs().max() == 0 or (without is not None and near(got, without, 1e-3)):
        return Misconception("NO-CREATE-GRAPH")
    return None if near(got, wanted, 1e-3) else Misconception("WRONG-GRADIENT")


def batches(shape, seed, n=7):
    """(real, fake) that differ in every coordinate."""
    rng = seeded(seed + len(shape))
    real = torch.randn(n, *shape, generator=rng)
    return real, real + 1 + torch.rand(n, *shape, generator=rng)


def without_path(call, *args):
    """The result of a call, or the name of torch's complaint about it."""
    try:
        return call(*args)
    except RuntimeError as error:
        said = str(error)
        if "does not require grad" in said or "not have been used in the graph" in said:
            return Misconception("X-NOT-TRACKED")
        if "must match the size" in said or "broadcast" in said:
            return Misconception(
                "ALPHA-SHAPE", shape="that does not broadcast", wanted="[n, 1, ...]"
            )
        raise


# ---- 08.gradient_penalty: my_gradient_penalty(D, real, fake, rng) -> scalar ----------------------


def penalty_of(
    w,
    *,
    wrap=lambda s, D: s,
    norm=lambda s: s.flatten(1).norm(dim=1),
    cost=lambda n: (n - 1).square(),
    mean=lambda t: t.mean(),
    weight=lambda p: 10 * p,
    end=lambda p, w: p,
):
    """The penalty at the points w.x that the learner has drawn."""
    s = slopes(w.D, w.x, lambda t: wrap(t, w.D))
    return number(end(weight(mean(cost(norm(s)))), w))


wrap, norm, cost, mean, weight, end = Part.of(penalty_of)


def in_weights_instead(w):
    return 10 * number((in_weights(w.D(w.x).sum(), w.D).norm() - 1).square())


def axes_of(s):
    """All axes over which a norm may run by mistake: [n, ...] -> some, not all but the first."""
    axes = [a for k in range(1, s.ndim) for a in itertools.combinations(range(s.ndim), k)]
    return [a for a in axes if a != tuple(range(1, s.ndim))]


def along(k):
    return lambda s: torch.linalg.vector_norm(s, dim=axes_of(s)[k % len(axes_of(s))])


GP_TABLE = {
    "NORM-OVER-BATCH": norm(lambda s: s.norm()),
    "SLOPE-OF-MEAN": wrap(lambda s, D: s / len(s)),
    "PENALTY-UNSQUARED": cost(lambda n: n - 1, lambda n: (n - 1).abs()),
    "MEAN-BEFORE-SQUARE": (
        *norm(lambda s: s.flatten(1).norm(dim=1).mean(), lambda s: s.flatten(1).mean(0).norm()),
    ),
    "ONE-SIDED": cost(lambda n: relu(n - 1).square(), lambda n: relu(1 - n).square()),
    "ZERO-CENTRED": cost(lambda n: n.square()),
    "NORM-SQUARED": (
        *norm(lambda s: s.flatten(1).square().sum(1)),
        *cost(lambda n: n.square() - 1),
    ),
    "NORM-L1": norm(lambda s: s.flatten(1).abs().sum(1)),
    "MEAN-OVER-PIXELS": norm(
        lambda s: s.flatten(1).square().mean(1).sqrt(),
        lambda s: s.flatten(1).square().mean(1),
        lambda s: s.flatten(1).abs(),
    ),
    "NORM-AXIS": norm(*(along(k) for k in range(6)), lambda s: s.norm(2, dim=1)),
    "SUM-NOT-MEAN": mean(lambda t: t.sum()),
    "EPSILON-WINS": norm(
        *(lambda s, e=e: (s.flatten(1).square().sum(1) + e).sqrt() for e in (1e-3, 1e-2, 0.1, 1)),
        *(lambda s, e=e: s.flatten(1).norm(dim=1) + e for e in (1e-3, 1e-2, 0.1)),
        *(lambda s, e=e: s.flatten(1).square().sum(1).clamp(min=e).sqrt() for e in (0.01, 0.1, 1)),
    ),
    "PENALTY-ON-PROBABILITY": wrap(lambda s, D: sigmoid(s)),
    "PENALTY-ON-LOSS": wrap(lambda s, D: softplus(-s), lambda s, D: softplus(s)),
    "SLOPE-IN-WEIGHTS": (in_weights_instead,),
    "LOSS-ADDED": end(
        lambda p, w: p + w.D(w.fake).mean() - w.D(w.real).mean(),
        lambda p, w: p - w.D(w.fake).mean() + w.D(w.real).mean(),
        lambda p, w: p + softplus(-w.D(w.real)).mean() + softplus(w.D(w.fake)).mean(),
    ),
    "SIGN": weight(lambda p: -10 * p, lambda p: -p),
    "WEIGHT": weight(*(lambda p, k=k: k * p for k in (1, 5, 20, 100, 0.5))),
}


def penalised(answer, shape, seed, n=7, rng=None, shift=0.0):
    """One call of the answer -> World with the value and the points between, or a Misconception."""
    D, (real, fake) = Noting(shape, seed), (x + shift for x in batches(shape, seed, n))
    value = without_path(answer, D, real.clone(), fake.clone(), rng or seeded(seed))
    if isinstance(value, Misconception):
        return value
    number(value, "The penalty")
    seen = list(D.seen)
    one_by_one = torch.cat([x for x in seen if len(x) < n] or [real])
    between = [one_by_one, *(x for x in seen if len(x) == n)]
    between = [x for x in between if not (torch.equal(x, real) or torch.equal(x, fake))]
    if not seen:
        return Misconception("CONSTANT")
    if not between or len(between[-1]) != n:
        return Misconception("NOT-BETWEEN")
    found = {"D": D, "x": between[-1], "real": real, "fake": fake, "graph": in_weights(value, D)}
    return World(number(value), found)


def alphas(w):
    """Where w.x lies on the line from fake (0) to real (1), coordinate by coordinate: [n, d]."""
    return ((w.x - w.fake) / (w.real - w.fake)).flatten(1)


def drawn(answer, shape, seed):
    """The answer's alphas as a function of the generator."""
    return lambda rng: alphas(penalised(answer, shape, seed, rng=rng))


def judge_points(answer, shape, seed):
    """One alpha an example, uniform on [0, 1], from rng and nowhere else."""
    w = penalised(answer, shape, seed)
    if isinstance(w, Misconception):
        return w
    alpha, draw = alphas(w), drawn(answer, shape, seed)
    if not near(alpha, alpha[:, :1].expand_as(alpha), 1e-3):
        moved = penalised(answer, shape, seed, shift=100.0)  # weights that add up to 1 follow
        alpha = torch.cat([alpha, alphas(moved)])
        inside = bool(((alpha > -1e-2) & (alpha < 1 + 1e-2)).all())
        return Misconception("ALPHA-PER-PIXEL" if inside else "OFF-THE-LINE")
    if near(alpha, alpha[:1].expand_as(alpha), 1e-3):
        fixed = near(alpha, draw(seeded(seed)), 1e-3) and near(alpha, draw(seeded(seed + 1)), 1e-3)
        return Misconception("ALPHA-FIXED" if fixed else "ALPHA-PER-BATCH")
    return randomness(draw, seed, rows=False)


def judge_uniform(answer, seed, n=4000):
    """The largest distance of the alphas' distribution from the uniform one: above .04, p < 1e-5."""
    w = penalised(answer, (3,), seed, n)
    if isinstance(w, Misconception):
        return w
    alpha = alphas(w)[:, 0].sort().values
    if alpha[0] > -1e-3 and alpha[-1] < 1 + 1e-3:
        if ((alpha < 1e-3) | (alpha > 1 - 1e-3)).float().mean() > 0.9:
            return Misconception("ENDS-ONLY")
        if (alpha - (torch.arange(n) + 0.5) / n).abs().max() < 0.04:
            return None
    quartiles = {"first": alpha[n // 4], "third": alpha[3 * n // 4]}
    return Misconception("ALPHA-NORMAL", n=n, least=alpha[0], most=alpha[-1], **quartiles)


class HalfFlat(nn.Module):
    """D whose slope is exactly 0 for points with a negative first coordinate, and 2 elsewhere."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([2.0, 0.0, 0.0]))

    def forward(self, x):
        return relu(x @ self.w)


def judge_flat(answer, seed):
    """Two examples where D is flat, two where its slope is 2: (1 + 1 + 1 + 1)/4 times 10."""
    D, (real, fake) = HalfFlat(), batches((3,), seed, n=4)
    sign = torch.tensor([-1.0, -1, 1, 1])
    real[:, 0], fake[:, 0] = sign, 3 * sign
    value = answer(D, real, fake, seeded(seed))
    (found,) = torch.autograd.grad(value, D.w)
    if not (math.isfinite(number(value)) and torch.isfinite(found).all()):
        return Misconception("SQRT-NAN")
    return None if near(number(value), 10.0, 1e-2) else Misconception("EPSILON-WINS")


def judge_penalty(answer, seed):
    """Points, values, gradients, flat places, the distribution of alpha."""
    shapes = (3,), (2, 3, 5)
    for shape in shapes:
        if found := judge_points(answer, shape, seed):
            return found
    worlds, others = ([penalised(answer, s, k) for s in shapes] for k in (seed, seed + SECOND))
    if found := explained(
        "08.gradient_penalty", penalty_of, GP_TABLE, worlds, others, what="your penalty"
    ):
        return found
    for w in worlds:
        right = 10 * (rows(w.D, w.x).norm(dim=1) - 1).square().mean()
        if found := taught(w.graph, in_weights(right, w.D)):
            return found
    return judge_flat(answer, seed) or judge_uniform(answer, seed)


# ---- 08.critic: my_wgan_gp(G, data, penalty, rounds, n_critic, rng) -> D -------------------------


class Maker(nn.Module):
    """G, noting the z it is given: z [n, 3] -> x [n, 2]."""

    z_dim, z_shape = 3, (3,)

    def __init__(self, seed):
        super().__init__()
        self.W = nn.Parameter(torch.randn(2, 3, generator=seeded(seed)))
        self.made = []

    def forward(self, z):
        if (noted := plain(z)) is not None:
            self.made.append(noted)
        return self.draw(z)

    def draw(self, z):
        return 0.3 * torch.tanh(z @ self.W.T) + torch.tensor([-1.0, 0.5])


class Points:
    """The data of the game."""

    def sample(self, n, rng):
        return torch.randn(n, 2, generator=rng) * 0.7 + torch.tensor([2.0, 0.5])


@dataclass
class Round:
    """What happens while the answer trains: who stepped, with which gradient, on what."""

    G: nn.Module
    D: nn.Module | None = None
    critics: set = field(default_factory=set)  # ids of all critics that the penalty was given
    optimisers: dict = field(default_factory=dict)  # player -> the optimisers that stepped it
    batches: list = field(default_factory=list)  # (real, fake) of each call of the penalty
    used: int = 0  # how many of them the last step of D had seen
    steps: str = ""
    trouble: Misconception | None = None
    last: dict = field(default_factory=dict)  # each player's last gradient that was right
    left: dict = field(default_factory=dict)  # where its last step left each player's weights
    rng: torch.Generator | None = None

    def penalty(self, D, real, fake, rng=None):
        if rng is not self.rng and self.trouble is None:
            self.trouble = Misconception("PENALTY-RNG")
        self.D = D
        self.critics.add(id(D))
        self.batches.append((plain(real), plain(fake)))
        return self.slope(D, real, fake)

    def slope(self, D, real, fake):
        """A penalty without draws: halfway between real and fake."""
        return 10 * (rows(D, (real + fake) / 2).norm(dim=1) - 1).square().mean()

    def player(self, optimiser):
        held = {id(p) for group in optimiser.param_groups for p in group["params"]}
        return "G" if any(id(p) in held for p in self.G.parameters()) else "D"

    def leave(self, optimiser, *_):
        self.left = {name: weights_of(net) for name, net in self.nets()}

    def nets(self):
        return [("G", self.G), *([("D", self.D)] if self.D is not None else [])]

    def untouched(self):
        """Are the weights where the last step left them?"""
        now = {name: weights_of(net) for name, net in self.nets()}
        return all(near(self.left[name], now[name], 1e-6) for name in self.left)

    def note(self, optimiser, *_):
        player = self.player(optimiser)
        self.steps += player
        self.optimisers.setdefault(player, set()).add(id(optimiser))
        if len(self.steps) > 400:
            raise Misconception("ROUNDS")
        if self.trouble is None and len(self.critics) < 2 and not self.untouched():
            self.trouble = Misconception("WEIGHTS-TOUCHED", argument="D")
        if self.trouble is None:  # the first one counts, but only once the ratio is known
            self.trouble = self.judge_d() if player == "D" else self.judge_g()

    def judge_d(self):
        if len(self.batches) == self.used or self.D is None:
            return Misconception("PENALTY-MISSING")
        (real, fake), self.used = self.batches[-1], len(self.batches)
        if found := mixing(self.D, real):
            return found
        r, f, got = self.D(real), self.D(fake), gradients_of(self.D)
        loss, slope = self.grad_d(f.mean() - r.mean()), self.grad_d(self.slope(self.D, real, fake))
        logistic = self.grad_d(softplus(-r).mean() + softplus(f).mean())
        squeezed = self.grad_d(sigmoid(f).mean() - sigmoid(r).mean())
        article = self.grad_d(-(r.mean() + f.mean()))
        if self.judged("D", got, loss + slope):
            return None
        return named(
            got,
            ("WRONG-SIGN", slope - loss),
            ("PENALTY-MISSING", loss),
            ("PENALTY-SIGN", loss - slope),
            *(("PENALTY-WEIGHTED", loss + k * slope) for k in (10, 0.1, 0.5, 2, 5)),
            ("ARTICLE-D-LOSS", article + slope),
            ("LOGISTIC-CRITIC", logistic + slope),
            ("SIGMOID-CRITIC", squeezed + slope),
            ("ONE-TERM", self.grad_d(f.mean()) + slope),
            ("ONE-TERM", self.grad_d(-r.mean()) + slope),
            ("NO-ZERO-GRAD", self.last.get("D", float("nan")) + loss + slope),
            otherwise="WRONG-GRADIENT/critic",
        )

    def grad_d(self, loss):
        return in_weights(loss, self.D)

    def judge_g(self):
        got, (W,) = gradients_of(self.G), self.G.parameters()
        if got.abs().max() == 0:
            return Misconception("G-STARVED")
        if self.D is None or not self.G.made:
            return None
        score = self.D(self.G.draw(self.G.made[-1]))
        right = torch.autograd.grad(-score.mean(), W, retain_graph=True)[0].flatten()
        logistic = torch.autograd.grad(softplus(-score).mean(), W)[0].flatten()
        if self.judged("G", got, right):
            return None
        return named(
            got,
            ("WRONG-SIGN", -right),
            ("LOGISTIC-CRITIC", logistic),
            ("NO-ZERO-GRAD", self.last.get("G", float("nan")) + right),
            otherwise="WRONG-GRADIENT/maker",
        )

    def judged(self, player, got, right):
        """Is the gradient right? Then it is remembered."""
        if near(got, right, 1e-3):
            self.last[player] = got
            return True
        return False


def named(got, *slips, otherwise):
    """The first slip (code, value) that is near what we got."""
    code = next((code for code, wrong in slips if near(got, wrong, 1e-3)), otherwise)
    return Misconception(code)


def gradients_of(net):
    return torch.cat([flat(p.grad, p) for p in net.parameters()])


def mixing(D, x):
    """One example's score must not move when another example does; scores have no bounds."""
    D(x)  # what training statistics there are have met these examples
    other = x.clone()
    other[1:] = x[1:] * 3 + 5
    if not near(D(x)[0], D(other)[0], 1e-3):
        return Misconception("BATCHNORM-CRITIC")
    loud = copy.deepcopy(D)
    with torch.no_grad():
        for p in loud.parameters():
            p.mul_(100)
        return Misconception("SIGMOID-CRITIC") if loud(10 * x).abs().max() <= 1.001 else None


def judge_critic(answer, seed):
    """A WGAN-GP's loop with its critic, twice: other numbers of rounds and of critic's steps."""
    for rounds, n_critic in ((4, 3), (3, 2)):
        game = Round(Maker(seed), rng=seeded(seed))
        before = register_optimizer_step_pre_hook(game.note)
        after = register_optimizer_step_post_hook(game.leave)
        try:
            D = answer(game.G, Points(), game.penalty, rounds, n_critic, game.rng)
        finally:
            before.remove(), after.remove()
        if found := judge_round(game, D, rounds, n_critic):
            return found
    return judge_draws(answer, seed)


def judge_round(game, D, rounds, n):
    if game.trouble is not None and game.trouble.code in ("BATCHNORM-CRITIC", "SIGMOID-CRITIC"):
        return game.trouble
    found = ratio(game.steps, rounds, n) or game.trouble
    if found:
        return found
    if len(game.critics) > 1 or any(len(o) > 1 for o in game.optimisers.values()):
        return Misconception("MADE-ANEW")
    for (a, b), (c, d) in itertools.pairwise(game.batches):
        if a.shape == c.shape and (torch.equal(a, c) or torch.equal(b, d)):
            which = "real examples" if torch.equal(a, c) else "fakes"
            return Misconception("STALE-BATCH", which=which)
    if D is not game.D:
        kind = "None" if D is None else "something else than its critic"
        return Misconception("NOTHING-RETURNED", kind=kind)
    if not game.untouched():
        return Misconception("WEIGHTS-TOUCHED", argument="D")
    frozen = [
        name for name, net in game.nets() if not all(p.requires_grad for p in net.parameters())
    ]
    return Misconception("LEFT-FROZEN", argument=frozen[0]) if frozen else None


def weights_of(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def judge_draws(answer, seed):
    """z follows from rng alone; only a critic's initial weights may come from torch's own generator."""

    def drawn(rng, world):
        torch.manual_seed(world)
        game = Round(Maker(seed), rng=rng)
        answer(game.G, Points(), game.penalty, 2, 1, rng)
        return game.G.made[-1]

    first, again = drawn(seeded(seed), 0), drawn(seeded(seed), 1)
    if not near(first, again):
        return Misconception("GLOBAL-RNG")
    later = seeded(seed)
    torch.rand(7, generator=later)
    if near(first, drawn(later, 0)):
        return Misconception("RNG-REWOUND")
    rows_differ = len(torch.unique(first, dim=0)) == len(first)
    return None if rows_differ else Misconception("ONE-DRAW")


def ratio(steps, rounds, n):
    """The order of the steps, by name where it is wrong."""
    d, g = steps.count("D"), steps.count("G")
    if steps == ("D" * n + "G") * rounds:
        return None
    if d == 0 or g == 0:
        return Misconception("NO-STEPS", rounds=rounds, d=d, g=g)
    if d == g * n:
        return Misconception("ROUND-ORDER" if g == rounds else "ROUNDS")
    if g == d * n:
        return Misconception("CRITIC-RATIO")
    if d == g:
        return Misconception("ONE-TO-ONE")
    return Misconception("N-CRITIC-FIXED", n=n, rounds=rounds, d=d, g=g)


def train_critic(G, data, penalty, rounds, n_critic, rng):
    """The right loop, for the gate."""
    D = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1), nn.Flatten(0))
    opt_G, opt_D = (torch.optim.Adam(net.parameters(), 2e-3, (0.5, 0.9)) for net in (G, D))
    for _ in range(rounds):
        for _ in range(n_critic):
            real = data.sample(16, rng)
            fake = G(torch.randn(16, G.z_dim, generator=rng)).detach()
            loss = D(fake).mean() - D(real).mean() + penalty(D, real, fake, rng)
            opt_D.zero_grad(), loss.backward(), opt_D.step()
        loss = -D(G(torch.randn(16, G.z_dim, generator=rng))).mean()
        opt_G.zero_grad(), loss.backward(), opt_G.step()
    return D


# ---- 08.packing: my_packed_logits(D, real, fake, m) -> (real logits, fake logits) ----------------


class PackJudge(nn.Module):
    """D for packs of m: [k, m C, ...] -> logits [k], noting what it is shown."""

    def __init__(self, m, shape):
        super().__init__()
        self.m, self.shape, self.seen, self.misfit = m, shape, [], None
        self.wanted = (m * shape[0], *shape[1:])
        self.w = torch.randn(math.prod(self.wanted), generator=seeded(1))

    def forward(self, x):
        given = tuple(x.shape[1:])
        if given != self.wanted:
            raise self.misfit_of(given)
        self.seen.append(plain(x))
        return x.flatten(1) @ self.w

    def misfit_of(self, given):
        seen = {"shape": list(given), "m": self.m, "wanted": list(self.wanted)}
        if given == self.shape:
            return Misconception("NOT-PACKED")
        if math.prod(given) == math.prod(self.wanted):
            return Misconception("PAC-AXIS", **seen)
        if given[1:] == self.shape[1:] and given[0] % self.shape[0] == 0:
            return Misconception("M-IGNORED")
        return Misconception("SHAPE", what="The packs that D was given", **seen)


def judge_packing(answer, seed):
    """Packs of 2, 3 and 4; points, pictures and more."""
    for m, n, shape in ((2, 6, (2,)), (3, 6, (2, 3, 4)), (4, 8, (3,))):
        if found := judge_packs(answer, m, n, shape, seed):
            return found
    return None


def judge_packs(answer, m, n, shape, seed):
    rng = seeded(seed + m)
    real, fake = torch.randn(n, *shape, generator=rng), torch.randn(n, *shape, generator=rng)
    D, leaf = PackJudge(m, shape), fake.clone().requires_grad_()
    result = answer(D, real.clone(), leaf * 1.0, m)
    logits = several(result, 2, "What your function returned")
    packs = torch.cat(D.seen) if D.seen else torch.zeros(0, *D.wanted)
    owners = [owners_of(pack, real, fake) for pack in packs]
    found = judge_owners(owners, m) or judge_logits(logits, packs, owners, D, n // m)
    return found or (None if reaches_every(logits[1], leaf) else Misconception("FAKE-CUT"))


def reaches_every(logits, leaf):
    """Whether a gradient leads from the logits to each example of the leaf."""
    if not logits.requires_grad:
        return False
    (found,) = torch.autograd.grad(logits.sum(), leaf, allow_unused=True)
    return found is not None and bool((found.flatten(1) != 0).any(1).all())


def owners_of(pack, real, fake):
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


def judge_owners(owners, m):
    """Each pack holds m whole examples of one kind, and each example is in one pack."""
    channels = [piece for pack in owners for piece in pack]
    if any(piece is None for piece in channels):
        return Misconception("PAC-SCRAMBLED")
    for pack in owners:
        examples = {(kind, i) for kind, i, _ in pack}
        if len({kind for kind, _ in examples}) > 1:
            return Misconception("PAC-MIXED")
        if len(set(pack)) < len(pack):
            return Misconception("PAC-COPIES")
        if len(examples) != m:
            return Misconception("PAC-SCRAMBLED")
    if len({tuple(c for _, _, c in pack) for pack in owners}) > 1:
        return Misconception("PAC-SCRAMBLED")
    return Misconception("PAC-OVERLAP") if len(set(channels)) < len(channels) else None


def judge_logits(logits, packs, owners, D, k):
    """The returned logits are D's own, real before fake."""
    wanted = {}
    for kind in ("real", "fake"):
        mine = [i for i, pack in enumerate(owners) if pack[0][0] == kind]
        wanted[kind] = (packs[mine].flatten(1) @ D.w).sort().values if mine else torch.zeros(0)
    if min(map(len, wanted.values())) < k:
        return Misconception("REAL-TWICE" if not len(wanted["fake"]) else "EXAMPLES-LOST")
    for name, mine in zip(("real", "fake"), logits):
        tensor(mine, (k,), f"Of the packs, the {name} logits")
    mine = [x.detach().sort().values for x in logits]
    if near(mine[0], wanted["fake"]) and near(mine[1], wanted["real"]):
        return Misconception("PLAYERS-SWAPPED")
    right = near(mine[0], wanted["real"]) and near(mine[1], wanted["fake"])
    return None if right else Misconception("LOGITS-CHANGED")


def packed(
    D, real, fake, m, *, pack=lambda x, m: x.reshape(len(x) // m, m * x.shape[1], *x.shape[2:])
):
    """The right answer, for the gate."""
    return D(pack(real, m)), D(pack(fake, m))


(pack,) = Part.of(packed)
PACKING_ROWS = {
    "PAC-COPIES": pack(lambda x, m: torch.cat([x[::m]] * m, dim=1)),
    "PAC-OVERLAP": pack(lambda x, m: torch.cat([x.roll(-i, 0) for i in range(m)], dim=1)),
    "PAC-SCRAMBLED": pack(
        lambda x, m: x.transpose(0, 1).reshape(len(x) // m, m * x.shape[1], *x.shape[2:])
    ),
    "PAC-AXIS": pack(lambda x, m: x.reshape(-1, m, *x.shape[1:])),
    "NOT-PACKED": pack(lambda x, m: x.reshape(-1, m, *x.shape[1:]).mean(1)),
    "M-IGNORED": pack(lambda x, m: x.reshape(len(x) // 2, 2 * x.shape[1], *x.shape[2:])),
    "EXAMPLES-LOST": pack(lambda x, m: x[:m].reshape(1, m * x.shape[1], *x.shape[2:])),
}


# ---- 08.minibatch_std: my_minibatch_std(x) -> [n, C + 1, ...] ------------------------------------


def appended(
    x,
    *,
    correction=0,
    variance=lambda x, c: (x - x.mean(0)).square().sum(0) / (len(x) - c),
    root=lambda v: (v + 1e-8).sqrt(),
    mean=lambda s: s.mean(),
    put=lambda s, x: s,
    join=lambda x, s: torch.cat([x, s.expand(len(x), 1, *x.shape[2:])], dim=1),
):
    return join(x, put(mean(root(variance(x, correction))), x))


correction, variance, root, mean_std, put, join = Part.of(appended)


def over(axis):
    """The variance within each example or over all, as a number for each example or one."""

    def spread(x, c):
        y = axis(x)
        return (y - y.mean(-1, keepdim=True)).square().sum(-1) / (y.shape[-1] - c)

    return spread


def own_column(x):
    s = over(lambda x: x.flatten(1))(x, 0).sqrt().reshape(-1, *[1] * (x.ndim - 1))
    return torch.cat([x, s.expand(len(x), 1, *x.shape[2:])], dim=1)


STD_TABLE = {
    "NOT-APPENDED": (shows(lambda got, right: got["shape"] == "x's own"),),
    "NOT-AVERAGED": (shows(lambda got, right: got["shape"] == "one for each"),),
    "POINTS-ONLY": (
        raises("Sizes of tensors must match"),
        raises("expanded size"),
        raises("same number of dimensions"),
    ),
    "FIRST-NOT-LAST": (shows(lambda got, right: got["x"] == "moved"),),
    "X-CHANGED": (shows(lambda got, right: got["x"] != "kept"),),
    "STD-OVER-FEATURES": (
        shows(lambda got, right: got["kind"] == "own"),
        *variance(over(lambda x: x.flatten(1)), over(lambda x: x.transpose(1, -1))),
    ),
    "MAP-NOT-NUMBER": (shows(lambda got, right: got["kind"] != "one"),),
    "DETACHED": (
        shows(
            lambda got, right: near(got["your number"], right["your number"]) and not got["taught"]
        ),
    ),
    "STD-OVER-ALL": variance(over(lambda x: x.flatten()[None])),
    "STD-OVER-PLACES": variance(over(lambda x: x.transpose(0, 1).flatten(1))),
    "VARIANCE-NOT-STD": root(lambda v: v),
    "MEAN-BEFORE-ROOT": ({"root": lambda v: v, "mean": lambda v: v.mean().sqrt()},),
    "DEVIATION-IS-NOT-STD": (
        {"variance": lambda x, c: (x - x.mean(0)).abs().mean(0), "root": lambda v: v},
    ),
    "SUM-NOT-MEAN": mean_std(
        lambda s: s.sum(), lambda s: s.flatten(1).sum(1).mean() if s.ndim > 1 else s.sum()
    ),
    "AVERAGED-IN-PART": mean_std(
        lambda s: s[0].mean(),
        lambda s: s[-1].mean(),
        lambda s: s[..., 0].mean(),
        lambda s: s[..., -1].mean(),
        lambda s: s.flatten()[0],
    ),
    "MEAN-NOT-STD": ({"variance": lambda x, c: x.mean(0), "root": lambda v: v},),
    "EPSILON-WINS": (
        *root(*(lambda v, e=e: (v + e).sqrt() for e in (0.01, 0.1, 1.0))),
        *mean_std(*(lambda s, e=e: s.mean() + e for e in (0.01, 0.1))),
    ),
}
NO_SPREAD = {
    "SQRT-NAN": shows(lambda got, right: not got["finite"]),
    "EPSILON-WINS": shows(lambda got, right: not near(got["your number"], 0.0, 2e-3)),
}


def observe_std(answer, case):
    """What was appended, and whether it teaches: the parts in which an answer may differ."""
    (x,) = case.args
    leaf = x.clone().requires_grad_()
    out, (n, C) = answer(leaf * 1.0), x.shape[:2]
    if isinstance(out, torch.Tensor) and out.shape == (n, 2 * C, *x.shape[2:]) and C > 1:
        return blank("one for each")
    if isinstance(out, torch.Tensor) and out.shape == x.shape:
        return blank("x's own")
    tensor(out, (n, C + 1, *x.shape[2:]), "Your result")
    new = out[:, -1:].detach()
    kept = (
        "kept"
        if near(out[:, :-1].detach(), x)
        else "moved"
        if near(out[:, 1:].detach(), x)
        else "lost"
    )
    flat_new = new.flatten(1)
    one = near(new, new.flatten()[0].expand(new.shape), 1e-3)
    own = any(near(flat_new[:, 0], x.flatten(1).std(1, unbiased=u), 1e-3) for u in (False, True))
    own = own or any(near(new, x.std(1, keepdim=True, unbiased=u), 1e-3) for u in (False, True))
    slope = (
        torch.autograd.grad(out[:, -1].sum(), leaf, allow_unused=True)[0]
        if out.requires_grad
        else None
    )
    return {
        **blank("appended"),
        "x": kept,
        "kind": "one" if one else "own" if own else "a map",
        "your number": float(new.flatten()[0]),
        "taught": slope is not None and bool((slope != 0).any() or x.std(0).max() < 1e-6),
        "finite": slope is None or bool(torch.isfinite(slope).all()),
    }


def blank(shape):
    return {
        "shape": shape,
        "x": "kept",
        "kind": "one",
        "your number": 0.0,
        "taught": True,
        "finite": True,
    }


def std_cases(seed):
    rng = seeded(seed)
    points = 4 * torch.randn(3, 4, generator=rng) + torch.tensor([0.0, 2, 5, -1])
    pictures = (
        2 * torch.randn(5, 2, 3, 4, generator=rng) * torch.tensor([1.0, 3.0])[:, None, None] + 1
    )
    pictures[:, 1, 0, 1] *= 2
    same = pictures[:1].repeat(4, 1, 1, 1)
    return [
        Case("three points", (points,), tolerance=1e-3),
        Case("five pictures", (pictures,), tolerance=1e-3),
        Case("eight points", (torch.randn(8, 4, generator=rng),), tolerance=1e-3),
        Case("four times the same picture", (same,), NO_SPREAD, 2e-3),
    ]


# ---- 08.relativistic: my_relativistic(D, real, fake, gamma) -> (D's total, G's loss) -------------


def logits_of(D, x, y, see):
    return see(D(x)), see(D(y))


def pair(
    D,
    real,
    fake,
    gamma,
    *,
    see=lambda s: s,
    compare_d=lambda r, f: f - r,
    compare_g=lambda r, f: r - f,
    d=lambda t: softplus(t),
    g=lambda t: softplus(t),
    mean_d=lambda t: t.mean(),
    mean_g=lambda t: t.mean(),
    on_real=lambda D, x, w: rows(D, x, w).square().sum(1).mean(),
    on_fake=lambda D, x, w: rows(D, x, w).square().sum(1).mean(),
    half=lambda gamma: gamma / 2,
):
    r, f, still = see(D(real)), see(D(fake)), fake.detach()
    slopes = on_real(D, real, lambda s: s) + on_fake(D, still, lambda s: s)
    loss = mean_d(d(compare_d(r, see(D(still)))))
    return loss + half(gamma) * slopes, mean_g(g(compare_g(r, f)))


see, compare_d, compare_g, d, g, mean_d, mean_g, on_real, on_fake, half = Part.of(pair)


def both(term):
    """The same wrong term at the real examples and at the fakes."""
    return {"on_real": term, "on_fake": term}


def whole(d_loss=None, g_loss=None):
    """A pair with another loss of logits for D, or for G."""

    def answer(D, real, fake, gamma):
        total, loss = pair(D, real, fake, gamma)
        r, f = D(real), D(fake)
        if d_loss is not None:
            total = total - softplus(f - r).mean() + d_loss(r, f)
        return total, loss if g_loss is None else g_loss(r, f)

    return answer


def average(win, lose):
    """Each logit against the mean of the other kind."""
    return softplus(lose.mean() - win).mean(), softplus(lose - win.mean()).mean()


AVERAGES = (
    lambda r, f: sum(average(r, f)),
    lambda r, f: sum(average(r, f)) / 2,
    lambda r, f: average(r, f)[0],
    lambda r, f: average(r, f)[1],
)


def sloped(wrap):
    return both(lambda D, x, w: rows(D, x, wrap).square().sum(1).mean())


def between(D, real, fake, gamma):
    total, loss = pair(D, real, fake, 0.0)
    return total + penalties.r1(D, (real + fake) / 2, gamma=gamma), loss


def on_loss(D, real, fake, gamma):
    """The slope of the relativistic loss, not of D."""
    total, loss = pair(D, real, fake, 0.0)
    r, f = D(real).detach(), D(fake).detach()
    a = rows(D, real, lambda s: softplus(f - s)).square().sum(1).mean()
    b = rows(D, fake, lambda s: softplus(s - r)).square().sum(1).mean()
    return total + gamma / 2 * (a + b), loss


def same_numbers(got, right):
    return all(near(got[k], right[k]) for k in ("D's loss", "the penalty", "G's loss"))


def swapped(got, right):
    crossed = near(got["D's loss"], right["G's loss"]) and near(got["G's loss"], right["D's loss"])
    return crossed and got["facts"]["g moves"]


RELATIVISTIC_TABLE = {
    "LOG-OF-SIGMOID": (shows(lambda got, right: not got["facts"]["finite"]),),
    "PLAYERS-SWAPPED": (shows(swapped),),
    "GAMMA-IGNORED": (shows(lambda got, right: got["facts"]["left"] or not got["facts"]["gamma"]),),
    "PENALTY-IN-G": (shows(lambda got, right: got["facts"]["g moves"]),),
    "PENALTY-MISSING": half(lambda gamma: 0.0),
    "PENALTY-BETWEEN": (shows(lambda got, right: got["facts"]["strange"]), between),
    "RELATIVISTIC-SIGN": (
        *compare_d(lambda r, f: r - f),
        *compare_g(lambda r, f: f - r),
        {"compare_d": lambda r, f: r - f, "compare_g": lambda r, f: f - r},
    ),
    "RELATIVISTIC-OF-MEANS": (
        *compare_d(lambda r, f: f.mean() - r.mean()),
        *compare_g(lambda r, f: r.mean() - f.mean()),
    ),
    "RELATIVISTIC-AVERAGE": (
        *(whole(d_loss=a) for a in AVERAGES),
        *(whole(g_loss=lambda r, f, a=a: a(f, r)) for a in AVERAGES),
    ),
    "ALL-PAIRS": (
        *compare_d(lambda r, f: f[None, :] - r[:, None]),
        *compare_g(lambda r, f: r[:, None] - f[None, :]),
    ),
    "NOT-RELATIVISTIC": (
        whole(d_loss=lambda r, f: softplus(-r).mean() + softplus(f).mean()),
        whole(d_loss=lambda r, f: (softplus(-r).mean() + softplus(f).mean()) / 2),
        *compare_g(lambda r, f: -f),
        whole(g_loss=lambda r, f: -f.mean()),
    ),
    "SATURATING-FOR-NON-SATURATING": (
        whole(g_loss=lambda r, f: -softplus(f - r).mean()),
        whole(g_loss=lambda r, f: -softplus(f).mean()),
    ),
    "NO-SOFTPLUS": (*d(lambda t: t), *g(lambda t: t)),
    "DOUBLE-SIGMOID": see(sigmoid),
    "WRONG-SIGN": (*d(lambda t: -softplus(t)), *g(lambda t: -softplus(t))),
    "SUM-NOT-MEAN": (
        *mean_d(lambda t: t.sum()),
        *mean_g(lambda t: t.sum()),
        both(lambda D, x, w: rows(D, x).square().sum()),
    ),
    "R1-ON-FAKE": (
        *on_real(lambda D, x, w: 0.0),
        {"on_real": lambda D, x, w: 0.0, "half": lambda gamma: gamma},
    ),
    "R2-MISSING": on_fake(lambda D, x, w: 0.0),
    "R2-ON-REAL": ({"on_fake": lambda D, x, w: 0.0, "half": lambda gamma: gamma},),
    "R1-HALF": half(lambda gamma: gamma, lambda gamma: gamma / 4),
    "SIGN": half(lambda gamma: -gamma / 2, lambda gamma: -gamma),
    "PENALTY-UNSQUARED": (both(lambda D, x, w: rows(D, x).norm(dim=1).mean()),),
    "MEAN-BEFORE-SQUARE": (
        both(lambda D, x, w: rows(D, x).mean(0).square().sum()),
        both(lambda D, x, w: rows(D, x).norm(dim=1).mean().square()),
    ),
    "NORM-OVER-BATCH": (
        both(lambda D, x, w: rows(D, x).square().sum(1).mean() / len(x) ** 2),
        both(lambda D, x, w: rows(D, x).square().sum(1).mean() / len(x)),
    ),
    "AXES": (both(lambda D, x, w: slopes(D, x).square().sum(1).mean()),),
    "MEAN-OVER-PIXELS": (both(lambda D, x, w: rows(D, x).square().mean()),),
    "ONE-CENTRED": (both(lambda D, x, w: (rows(D, x).norm(dim=1) - 1).square().mean()),),
    "PENALTY-ON-PROBABILITY": (sloped(sigmoid),),
    "PENALTY-ON-LOSS": (on_loss, sloped(softplus), sloped(lambda s: softplus(-s))),
    "NO-CREATE-GRAPH": (
        shows(lambda got, right: same_numbers(got, right) and got["facts"]["deaf"]),
    ),
    "G-STARVED": (
        shows(lambda got, right: same_numbers(got, right) and got["facts"]["g starves"]),
    ),
    "WRONG-GRADIENT": (shows(same_numbers),),
}


def observe_pair(answer, case):
    """Both numbers for three gammas, and the gradients that they send to D's weights and to the fakes."""
    D_args, real, fake, gamma = case.args
    D = Noting(*D_args)
    leaf = fake.clone().requires_grad_()

    def play(gamma):
        torch.manual_seed(1)  # an answer that draws at random draws the same for each gamma
        result = without_path(answer, D, real.clone(), leaf * 1.0, gamma)
        if isinstance(result, Misconception):
            raise result
        return several(result, 2)

    (bare, g), (total, g_loss), (twice, _) = (play(k) for k in (0.0, gamma, 2 * gamma))
    numbers = [
        number(v, what) for v, what in ((bare, "D's total"), (g, "G's loss"), (total, "D's total"))
    ]
    known = torch.cat([real, fake])
    strange = any((x[:, None] != known).flatten(2).any(2).all(1).any() for x in D.seen)
    still = softplus(D(fake) - D(real)).mean()
    loss_alone, penalty = in_weights(still, D), penalties.r1_r2(D, real, fake, gamma=gamma)
    got = in_weights(total, D)
    reached = None
    if isinstance(g_loss, torch.Tensor) and g_loss.requires_grad:
        (reached,) = torch.autograd.grad(g_loss, leaf, allow_unused=True, retain_graph=True)
    left = numbers[0] == numbers[2] and not near(numbers[0], number(still))
    facts = {
        "gamma": near(2 * (numbers[2] - numbers[0]), number(twice) - numbers[0], 1e-3),
        "left": bool(left and near_multiple(numbers[0] - number(still), number(penalty))),
        "strange": bool(strange),
        "g moves": not near(numbers[1], number(g_loss)),
        "g starves": reached is None or float(reached.abs().max()) == 0,
        "deaf": got is None or near(got, loss_alone, 1e-3),
        "finite": all(map(math.isfinite, numbers)),
        "d learns": got is not None and near(got, in_weights(still + penalty, D), 1e-3),
        "g learns": reached is not None and near(reached, slope_of_g(D, real, fake), 1e-3),
    }
    return {
        "D's loss": numbers[0],
        "the penalty": numbers[2] - numbers[0],
        "G's loss": numbers[1],
        "facts": facts,
    }


def slope_of_g(D, real, fake):
    """The gradient of G's right loss at the fakes."""
    leaf = fake.clone().requires_grad_()
    return torch.autograd.grad(softplus(D(real) - D(leaf)).mean(), leaf)[0]


def near_multiple(rest, penalty):
    """Is a penalty with another weight left when gamma is 0?"""
    return any(near(rest, k * penalty / 0.7, 1e-3) for k in (0.5, 1, 2, 5, 10, 0.1, 0.2, 20))


def relativistic_cases(seed):
    sure = {"LOG-OF-SIGMOID": shows(lambda got, right: True)}
    return [
        *(
            Case(what, ((shape, seed), *batches(shape, seed), 0.7))
            for what, shape in (("points", (3,)), ("pictures", (2, 3, 5)))
        ),
        Case("a D that is very sure", (((3,), seed, 300.0), *batches((3,), seed), 0.0), sure),
    ]


# ---- the lesson's turns --------------------------------------------------------------------------


def regrouped(values, n):
    """Every way to choose n of the values: [(chosen, the others), ...], the first n first."""
    places = range(len(values))
    return [
        ([values[i] for i in mine], [values[i] for i in places if i not in mine])
        for mine in itertools.combinations(places, n)
    ]


def as_extreme(
    a,
    b,
    *,
    centre=fmean,
    gap=lambda x, y: abs(x - y),
    reaches=lambda other, real: other >= real,
    groups=lambda a, b: regrouped(a + b, len(a)),
    share=lambda found: sum(found) / len(found),
):
    """The share of all regroupings of a and b whose means differ by at least as much."""
    a, b = a.tolist(), b.tolist()
    real = gap(centre(a), centre(b))
    return share([reaches(gap(centre(x), centre(y)), real) for x, y in groups(a, b)])


p_centre, p_gap, p_reaches, p_groups, p_share = Part.of(as_extreme)
P_TABLE = {
    "STRICT": p_reaches(lambda other, real: other > real),
    "TURNED-ROUND": p_reaches(lambda other, real: other < real, lambda other, real: other <= real),
    "ONE-SIDED": p_gap(lambda x, y: x - y, lambda x, y: y - x),
    "MEDIAN-FOR-MEAN": p_centre(median, median_low),
    "BEST-SEED": p_centre(max),
    "REAL-LEFT-OUT": p_groups(
        lambda a, b: regrouped(a + b, len(a))[1:],
    ),
    "COUNT-FOR-SHARE": p_share(lambda found: sum(found)),
    "PERCENT": p_share(lambda found: 100 * sum(found) / len(found)),
}


@cache
def p_cases(seed):
    """Modes of four seeds each, and of five and three: whole numbers, each mistake with its own share."""
    rng = seeded(seed)

    def modes(n, low, high):
        return torch.randint(low, high, (n,), generator=rng).double()

    def apart(pair):  # another answer for each mistake
        ways = [as_extreme, *(partial(as_extreme, **w) for w in one_of_each())]
        found = [float(way(*pair)) for way in ways]
        return len({round(value, 6) for value in found}) == len(found)

    drawn = ((modes(4, 1, 8), modes(4, 3, 9)) for _ in range(4000))
    first = next(pair for pair in drawn if apart(pair))
    drawn = ((modes(5, 0, 20), modes(3, 5, 30)) for _ in range(4000))
    second = next(pair for pair in drawn if apart(pair))
    return [
        Case("modes of 4 seeds each", first),
        Case("5 seeds against 3", second),
    ]


def one_of_each():
    return [way for ways in P_TABLE.values() for way in ways[:1]]


def faded(
    step,
    steps,
    end,
    *,
    base=lambda end: end,
    power=lambda base, t: base**t,
    time=lambda step, steps: step / steps,
):
    """A weight's factor at a step: 1 at the first, `end` at the last, the same ratio at each step."""
    return power(base(end), time(step, steps))


fade_base, fade_power, fade_time = Part.of(faded)
FADE_TABLE = {
    "STRAIGHT-LINE": fade_power(lambda end, t: 1 + (end - 1) * t),
    "COSINE": fade_power(lambda end, t: end + (1 - end) * (1 + math.cos(math.pi * t)) / 2),
    "RISES": (
        *fade_power(lambda end, t: end ** (1 - t)),
        *fade_base(lambda end: 1 / end),
        *fade_time(lambda step, steps: (steps - step) / steps, lambda step, steps: -step / steps),
    ),
    "STEPS-NOT-DIVIDED": fade_time(lambda step, steps: step, lambda step, steps: step * steps),
    "TURNED-FRACTION": fade_time(lambda step, steps: steps / max(step, 1)),
    "TIMES-FOR-POWER": fade_power(lambda end, t: end * t, lambda end, t: 1 - end * t),
    "END-FORGOTTEN": fade_base(lambda end: math.exp(-1), lambda end: 0.5),
    "TIME-SQUARED": fade_power(lambda end, t: end ** (t**2), lambda end, t: end ** (t**0.5)),
}


def fade_cases(seed):
    rng = seeded(seed)
    steps = int(torch.randint(50, 900, (1,), generator=rng))
    return [
        Case("the middle of the run", (steps // 2 + 3, steps, 0.004)),
        Case("a third of the way", (steps // 3, steps, 0.2)),
        Case("two thirds", (2 * steps // 3 + 1, steps, 0.03)),
    ]


EXERCISES = {
    "gradient_penalty": Probe(
        "08.gradient_penalty", penalties.gradient_penalty, judge_penalty, may_change=("rng",)
    ),
    "critic": Probe(
        "08.critic", train_critic, judge_critic, may_change=("G.weights", "G.grad", "data", "rng")
    ),
    "packing": Probe("08.packing", packed, judge_packing, PACKING_ROWS),
    "minibatch_std": Exercise(
        "08.minibatch_std",
        appended,
        STD_TABLE,
        std_cases,
        observe=observe_std,
        styles=({"correction": 1},),
        what="your number",
        library=networks.MinibatchStd(),
    ),
    "relativistic": Exercise(
        "08.relativistic", pair, RELATIVISTIC_TABLE, relativistic_cases, observe=observe_pair
    ),
    "turn_p": Exercise("08.turn_p", as_extreme, P_TABLE, p_cases, what="your share"),
    "turn_fade": Exercise("08.turn_fade", faded, FADE_TABLE, fade_cases, what="your factor"),
}
