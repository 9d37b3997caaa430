"""Chapter 05: the D step, the G step, and the loop that alternates them.

The answer plays with two small networks that note what happens to them: which batches are drawn and
judged, where gradients arrive, what each optimiser's step was given. From that we recompute what
the step should have done, and what the usual wrong ones do.
"""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import nn
from torch.func import functional_call
from torch.nn.functional import relu, softplus
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from ganedu.checks.engine import Misconception
from ganedu.checks.probes import near, number

LR = 0.1
MOST_STEPS = 200
Z_DIM, X_DIM = 3, 2


# ---------------------------------------------------------------- losses, right and wrong


class Guess(NamedTuple):
    """A wrong loss (real logits, fake logits) -> scalar, its name and what to say about it."""

    code: str
    loss: object
    seen: str
    next_step: str


def d_right(real, fake):
    return softplus(-real).mean() + softplus(fake).mean()


def g_right(real, fake):
    return softplus(-fake).mean()


LABELS = "Which of the two should D's logit be large for, and which term pushes it there?"
SIGN = "Both players minimise: what happens to the loss when D gets better at its task?"
ONCE = "D returns logits. How many sigmoids lie between a logit and the loss?"
MEAN = "Compare the loss for a batch of 4 with that for a batch of 400: which should be larger?"
READ = "Read the loss in the exercise's text again, term by term."

D_GUESSES = [
    Guess(
        "LABELS-SWAPPED",
        lambda r, f: softplus(r).mean() + softplus(-f).mean(),
        "that is the loss of a D that calls real fake, and fake real",
        LABELS,
    ),
    Guess(
        "SAME-LABEL",
        lambda r, f: softplus(-r).mean() + softplus(-f).mean(),
        "that is the loss of a D that calls everything real",
        LABELS,
    ),
    Guess(
        "SAME-LABEL",
        lambda r, f: softplus(r).mean() + softplus(f).mean(),
        "that is the loss of a D that calls everything fake",
        LABELS,
    ),
    Guess(
        "WRONG-SIGN",
        lambda r, f: -d_right(r, f),
        "that is the right loss with its sign turned round",
        SIGN,
    ),
    Guess(
        "WRONG-SIGN",
        lambda r, f: softplus(-r).mean() - softplus(f).mean(),
        "the sign of the fake term is turned round",
        SIGN,
    ),
    Guess(
        "WRONG-SIGN",
        lambda r, f: softplus(f).mean() - softplus(-r).mean(),
        "the sign of the real term is turned round",
        SIGN,
    ),
    Guess(
        "DOUBLE-SIGMOID",
        lambda r, f: d_right(r.sigmoid(), f.sigmoid()),
        "that is what comes out when a sigmoid is applied twice",
        ONCE,
    ),
    Guess(
        "SUM-NOT-MEAN",
        lambda r, f: softplus(-r).sum() + softplus(f).sum(),
        "it is summed over the batch, not averaged",
        MEAN,
    ),
    Guess(
        "HALVED",
        lambda r, f: d_right(r, f) / 2,
        "it is half of the loss in the text (one mean over real and fake together does that too)",
        "Each of the two kinds has a mean of its own, and the two are added.",
    ),
    Guess(
        "LABEL-SMOOTHING",
        lambda r, f: d_right(r, f) + 0.1 * r.mean(),
        "it has the target 0.9 for real examples; that trick is not part of this loss",
        READ,
    ),
    Guess(
        "TERM-MISSING",
        lambda r, f: softplus(-r).mean(),
        "that is the real term alone; the fakes have no part in it",
        "What should D learn from the fakes?",
    ),
    Guess(
        "TERM-MISSING",
        lambda r, f: softplus(f).mean(),
        "that is the fake term alone; the real examples have no part in it",
        "What should D learn from the real examples?",
    ),
    Guess(
        "MEAN-BEFORE-LOSS",
        lambda r, f: softplus(-r.mean()) + softplus(f.mean()),
        "the logits were averaged first, so one confident example hides the others",
        "First a loss for each example, then the mean.",
    ),
    Guess(
        "ARTICLE-D-LOSS",
        lambda r, f: -(r.mean() + f.mean()),
        "that is the article's code, -(D(x) + D(G(z))): it rewards D for calling fakes real",
        "Which way should D's logit go on a fake?",
    ),
    Guess(
        "ARTICLE-D-LOSS",
        lambda r, f: -(r.sigmoid().mean() + f.sigmoid().mean()),
        "that is the article's code, -(D(x) + D(G(z))): it rewards D for calling fakes real",
        "Which way should D's logit go on a fake?",
    ),
    Guess(
        "ANOTHER-LOSS", lambda r, f: f.mean() - r.mean(), "that is the Wasserstein critic's", READ
    ),
    Guess(
        "ANOTHER-LOSS",
        lambda r, f: relu(1 - r).mean() + relu(1 + f).mean(),
        "that is the hinge loss",
        READ,
    ),
    Guess(
        "ANOTHER-LOSS",
        lambda r, f: ((r - 1) ** 2).mean() + (f**2).mean(),
        "that is least squares",
        READ,
    ),
    Guess(
        "ANOTHER-LOSS",
        lambda r, f: softplus(f - r).mean(),
        "that is the relativistic loss",
        READ,
    ),
]

G_GUESSES = [
    Guess(
        "LABELS-SWAPPED",
        lambda r, f: softplus(f).mean(),
        "that is small when D calls the fakes fake: it teaches G to be found out",
        "What would G like D to say about its fakes?",
    ),
    Guess(
        "WRONG-SIGN",
        lambda r, f: -g_right(r, f),
        "that is the right loss with its sign turned round",
        "Both players minimise: should the loss fall or rise when D takes a fake for real?",
    ),
    Guess(
        "SATURATING-FOR-NON-SATURATING",
        lambda r, f: -softplus(f).mean(),
        "that is log(1 - D(G(z))), the saturating loss, which hardly teaches while D is winning",
        "Compare the slopes of log(1 - D) and -log D at a logit of -10.",
    ),
    Guess(
        "DOUBLE-SIGMOID",
        lambda r, f: softplus(-f.sigmoid()).mean(),
        "that is what comes out when a sigmoid is applied twice",
        ONCE,
    ),
    Guess(
        "SUM-NOT-MEAN",
        lambda r, f: softplus(-f).sum(),
        "it is summed over the batch, not averaged",
        MEAN,
    ),
    Guess(
        "MEAN-BEFORE-LOSS",
        lambda r, f: softplus(-f.mean()),
        "the logits were averaged first, so one good fake hides the others",
        "First a loss for each example, then the mean.",
    ),
    Guess("HALVED", lambda r, f: g_right(r, f) / 2, "it is half of the loss in the text", READ),
    Guess(
        "ARTICLE-G-LOSS",
        lambda r, f: -f.mean(),
        "that is the article's code, -D(G(z)), which fits a critic but not the logistic game",
        READ,
    ),
    Guess(
        "ARTICLE-G-LOSS",
        lambda r, f: -f.sigmoid().mean(),
        "that is the article's code, -D(G(z)): its slope has a factor D(1 - D), which dies",
        READ,
    ),
    Guess("ANOTHER-LOSS", lambda r, f: ((f - 1) ** 2).mean(), "that is least squares", READ),
    Guess("ANOTHER-LOSS", lambda r, f: relu(1 - f).mean(), "that is D's side of the hinge", READ),
]

RIGHT = {"D": d_right, "G": g_right}
GUESSES = {"D": D_GUESSES, "G": G_GUESSES}
AS_PROBABILITIES = {
    "D": lambda r, f: -r.log().mean() - (1 - f).log().mean(),
    "G": lambda r, f: -f.log().mean(),
}
OTHER = {"D": "G", "G": "D"}


# ---------------------------------------------------------------- players that take notes


@dataclass
class Drawn:
    """A real batch."""

    x: torch.Tensor


@dataclass
class Made:
    """A batch of fakes: from which z, by which weights of G."""

    z: torch.Tensor
    x: torch.Tensor
    G: dict


@dataclass
class Judged:
    """What D was shown, and whether a gradient could flow back from it."""

    x: torch.Tensor
    attached: bool


@dataclass
class Arrived:
    """A gradient reached this player's weights."""

    name: str


@dataclass
class Step:
    """An optimiser's step: the gradient it was given, the weights before it."""

    name: str
    grad: torch.Tensor
    weights: dict  # {"G": {...}, "D": {...}}
    shared: bool  # the optimiser holds the other player's weights too
    given: bool  # it is the optimiser that the answer was given
    at: int  # place in the log


class Generator(nn.Module):
    """z [n, 3] -> x [n, 2]."""

    z_dim, z_shape = Z_DIM, (Z_DIM,)

    def __init__(self, log, rng):
        super().__init__()
        self.log, self.net = log, _net(Z_DIM, X_DIM, rng)

    def forward(self, z):
        if z.ndim != 2 or z.shape[1] != Z_DIM:
            raise Misconception(
                "Z-SHAPE",
                f"G was given z of shape {list(z.shape)}; this G has z_dim {Z_DIM}, so z is "
                f"[n, {Z_DIM}].",
                "Let z take its second size from `G.z_dim`.",
            )
        x = self.net(z)
        self.log.append(Made(z.detach().clone(), x.detach().clone(), _weights(self.net)))
        return x


class Discriminator(nn.Module):
    """x [n, 2] -> logits [n], multiplied by `scale` and moved by `shift`."""

    def __init__(self, log, rng, scale, shift):
        super().__init__()
        self.log, self.scale, self.shift = log, scale, shift
        self.net = _net(X_DIM, 1, rng)

    def forward(self, x):
        if x.ndim == 2 and x.shape[1] == Z_DIM:
            raise Misconception(
                "NOISE-FOR-FAKE",
                f"D was shown z itself, of shape {list(x.shape)}.",
                "What turns z into something that D can judge?",
            )
        self.log.append(Judged(x.detach().clone(), x.requires_grad))
        return self.logits(_weights(self.net, detach=False), x)

    def logits(self, weights, x):
        return self.scale * functional_call(self.net, weights, (x,)).squeeze(1) + self.shift


def _net(n_in, n_out, rng):
    net = nn.Sequential(nn.Linear(n_in, 5), nn.Tanh(), nn.Linear(5, n_out))
    with torch.no_grad():
        for p in net.parameters():
            p.normal_(generator=rng)
    return net


def _weights(net, detach=True):
    return {k: p.detach().clone() if detach else p for k, p in net.named_parameters()}


class Data:
    """Points around (2, 0.5), noting each batch and whether it came from the given generator."""

    def __init__(self, log, rng):
        self.log, self.rng, self.foreign = log, rng, False

    def sample(self, n, rng):
        self.foreign |= rng is not self.rng
        x = torch.randn(n, X_DIM, generator=rng) * 0.7 + torch.tensor([2.0, 0.5])
        self.log.append(Drawn(x.clone()))
        return x


@dataclass
class Game:
    """Two players with plain gradient descent, and the log of what an answer does with them."""

    seed: int = 0
    scale: float = 1.0
    shift: float = 0.0
    log: list = field(default_factory=list)

    def __post_init__(self):
        rng = torch.Generator().manual_seed(self.seed)
        self.G = Generator(self.log, rng)
        self.D = Discriminator(self.log, rng, self.scale, self.shift)
        self.opt = {}
        for name, net in (("G", self.G), ("D", self.D)):
            self.opt[name] = torch.optim.SGD(net.parameters(), lr=LR)
            for p in net.parameters():
                p.register_hook(lambda g, name=name: self._note_gradient(g, name))
        self.start = self.weights()

    def run(self, answer, *args):
        """Call the answer while every optimiser's step is noted, given or of the answer's own."""
        hooks = [
            register_optimizer_step_pre_hook(self._note_weights),
            register_optimizer_step_post_hook(self._note_step),
        ]
        try:
            return answer(*args)
        finally:
            for hook in hooks:
                hook.remove()

    def _note_gradient(self, g, name):
        if g.abs().max() > 0:
            self.log.append(Arrived(name))

    def _note_weights(self, *_):
        self.before_step = self.weights()
        if len(self.steps()) > MOST_STEPS:
            raise Misconception(
                "STEPS-IGNORED",
                f"Your code went on after {MOST_STEPS} steps; far fewer were asked for.",
                "Where does the loop get its length from, and what ends it?",
            )

    def _note_step(self, opt, *_):
        held = {id(p) for group in opt.param_groups for p in group["params"]}
        mine = [n for n in "GD" if any(id(p) in held for p in self.net(n).parameters())]
        for name in mine:
            given = opt is self.opt[name]
            shared = len(mine) > 1
            at = len(self.log)
            self.log.append(Step(name, self.grad(name), self.before_step, shared, given, at))

    def net(self, name):
        return self.G.net if name == "G" else self.D.net

    def weights(self):
        return {"G": _weights(self.G.net), "D": _weights(self.D.net)}

    def grad(self, name):
        """The gradient that now lies at this player's weights, as one vector."""
        ps = self.net(name).parameters()
        return torch.cat([_flat(torch.zeros_like(p) if p.grad is None else p.grad) for p in ps])

    def leave_gradients(self, name):
        """Put old gradients where an earlier step may have left some; return them as one vector."""
        rng = torch.Generator().manual_seed(99)
        for p in self.net(name).parameters():
            p.grad = torch.randn(p.shape, generator=rng)
        return self.grad(name)

    def steps(self, name=None):
        return [e for e in self.log if isinstance(e, Step) and name in (None, e.name)]

    def moved(self, name, since=None):
        before, now = (since or self.start)[name], self.weights()[name]
        return not all(torch.equal(before[k], now[k]) for k in now)

    def arrived(self, name, start=0, end=None):
        return Arrived(name) in [e for e in self.log[start:end] if isinstance(e, Arrived)]

    def last_batches(self, end=None):
        """The last real batch and the last fakes that D was shown: (Drawn, Made) or None."""
        real = made = None
        for i in reversed(range(len(self.log) if end is None else end)):
            if isinstance(self.log[i], Judged):
                real = real or self._source(i, Drawn)
                made = made or self._source(i, Made)
            if real and made:
                break
        return real, made

    def _source(self, i, kind):
        """The last batch of this kind before entry i that holds rows of what D was shown there."""
        rows = _rows(self.log[i].x)
        earlier = (e for e in reversed(self.log[:i]) if isinstance(e, kind))
        return next((e for e in earlier if rows & _rows(e.x)), None)

    def play(self, loss, wrt, made, D, real=None):
        """What a loss is, and its gradient: (number, one vector)."""
        G = {k: p.clone().requires_grad_() for k, p in made.G.items()}
        D = {k: p.clone().requires_grad_() for k, p in D.items()}
        fake = self.D.logits(D, functional_call(self.G.net, G, (made.z,)))
        value = loss(self.D.logits(D, real.x) if real else None, fake)
        leaves = list((G if wrt == "G" else D).values())
        grads = torch.autograd.grad(value, leaves, allow_unused=True)
        zeros = [torch.zeros_like(p) if g is None else g for p, g in zip(leaves, grads)]
        return value.item(), torch.cat([_flat(g) for g in zeros])


def _flat(x):
    return x.detach().clone().flatten()


def _rows(x):
    return {tuple(row) for row in x.tolist()} if x.ndim == 2 else set()


def _same(a, b):
    """Equal up to rounding, seen from the larger vector's size."""
    return bool((a - b).abs().max() <= 1e-3 * b.abs().max() + 1e-6)


# ---------------------------------------------------------------- exceptions that have a name

ERRORS = [
    (
        "backward through the graph a second time",
        "STALE-GRAPH",
        "`backward` went through the same graph twice; after the first time it is gone.",
        "Which lines made that graph? Make it again, or add the losses up and go back once.",
    ),
    (
        "modified by an inplace operation",
        "STALE-GRAPH",
        "`backward` went through a graph made before `step` changed the weights in it.",
        "Let D judge again after its step: which line must stand after it?",
    ),
    (
        "implicitly created only for scalar",
        "UNREDUCED",
        "`backward` was called on a loss with one value an example.",
        "A loss is one number for the batch; which average does the formula take?",
    ),
    (
        "'float' object has no attribute 'backward'",
        "LOSS-ITEM-TOO-EARLY",
        "`backward` was called on a plain number: `.item()` or `float()` came before it.",
        "Keep the tensor until its gradient is taken; the number can be read off afterwards.",
    ),
    (
        "between 0 and 1",
        "LOGITS-AS-PROBABILITIES",
        "A loss for probabilities was given D's logits, which lie anywhere on the line.",
        "Look for the version of that loss that takes logits.",
    ),
]
CUT = "does not require grad"


def _call(game, answer, args, name):
    """The answer's value; torch's own words for the usual mistakes become their names."""
    try:
        return game.run(answer, *args)
    except (RuntimeError, AttributeError, ValueError) as error:
        for words, *named in ERRORS:
            if words in str(error):
                raise Misconception(*named) from None
        if CUT in str(error):
            raise _cut(name) from None
        raise


def _cut(name):
    if name == "G":
        return _starved()
    return Misconception(
        "GRAPH-CUT",
        "`backward` was called on a loss that no weight had a part in: the graph was cut.",
        "Which part of this step may be cut off with `detach` or `no_grad`, and which may not?",
    )


def _starved():
    return Misconception(
        "G-STARVED",
        "No gradient reached G, so it cannot learn: the way from the loss through D to G is cut.",
        "Look for a `detach` or `no_grad` between G's output and the loss.",
    )


# ---------------------------------------------------------------- one step of one player


def d_step(answer):
    """my_d_step(G, D, opt_D, x, z) -> loss."""
    _judge_player("D", answer)
    game = Game(seed=7)
    _take_step("D", answer, game, 5)
    if game.arrived("G"):
        return (
            "Right, but slower than it could be: the gradient also flows on into G, where nobody "
            "uses it. Detaching the fakes spares that work."
        )
    return "Right: D takes one step, G stays as it is, and old gradients do not matter."


def g_step(answer):
    """my_g_step(G, D, opt_G, z) -> loss."""
    _judge_player("G", answer)
    return "Right: the gradient passes through D to G, and G alone moves."


def _judge_player(name, answer):
    _judge_game(name, answer, Game(seed=7), n=5)
    _judge_game(name, answer, Game(seed=284), n=7)
    for shift in (150.0, -150.0):
        _judge_confident(name, answer, Game(seed=3, shift=shift), n=4)


def _take_step(name, answer, game, n):
    """Call the answer with a batch of n; return (its value, the batch of z)."""
    rng = torch.Generator().manual_seed(game.seed)
    x = Data(game.log, rng).sample(n, rng)
    z = torch.randn(n, Z_DIM, generator=rng)
    args = (game.G, game.D, game.opt[name], x, z) if name == "D" else (game.G, game.D)
    args = args if name == "D" else (*args, game.opt[name], z)
    return _call(game, answer, args, name), z


def _judge_game(name, answer, game, n):
    old = game.leave_gradients(name)
    value, z = _take_step(name, answer, game, n)
    value = number(value, "What your function returned")
    made = _made_from(game, z)
    real = next(e for e in game.log if isinstance(e, Drawn))
    if not math.isfinite(value):
        raise _not_finite(name, answer, value)
    steps = game.steps(name)
    _name_optimiser(game)
    if len(steps) > 1:
        raise Misconception(
            "STEPPED-TWICE",
            f"`opt_{name}.step()` was called {len(steps)} times; this function is one step.",
            "Which of the calls belongs to it?",
        )
    _name_value(game, name, value, made, real)
    _name_missing_step(game, name)
    _name_gradient(game, steps[0], made, real, old)
    _name_other_player(game, name)
    _name_touched(game)
    _name_left_behind(game)


def _made_from(game, z):
    makes = [e for e in game.log if isinstance(e, Made)]
    if not makes:
        raise Misconception(
            "G-UNUSED", "Your code never called G.", "Where do the fakes come from?"
        )
    mine = [m for m in makes if m.z.shape == z.shape and near(m.z, z)]
    if not mine:
        raise Misconception(
            "OWN-Z",
            "G was given another z than the one your function was given.",
            "Use the argument `z`: whoever calls the function decides about the noise.",
        )
    return mine[0]


def _name_value(game, name, value, made, real):
    """Compare the returned number with the right loss and with the usual wrong ones."""
    D = game.start["D"]
    if near(value, game.play(RIGHT[name], name, made, D, real)[0]):
        return
    for guess in GUESSES[name]:
        if near(value, game.play(guess.loss, name, made, D, real)[0]):
            raise _guessed(guess, f"For a small batch your loss is {value:.4f}")
    now = game.weights()
    after = Made(made.z, made.x, now["G"])
    if near(value, game.play(RIGHT[name], name, after, now["D"], real)[0]):
        raise Misconception(
            "LOSS-AFTER-STEP",
            f"Your loss, {value:.4f}, is that of the weights after the step.",
            "Return the loss that the gradient was taken of.",
        )
    raise _unknown_value(game, name, value, made, real)


def _guessed(guess, what):
    return Misconception(guess.code, f"{what}: {guess.seen}.", guess.next_step)


def _unknown_value(game, name, value, made, real):
    D = game.start["D"]
    shown = [f"fake logits {_short(game.D.logits(D, made.x))}"]
    if name == "D":
        shown.insert(0, f"real logits {_short(game.D.logits(D, real.x))}")
    return Misconception(
        "WRONG-VALUE",
        f"For {' and '.join(shown)} you returned {value:.4f}, which is not the loss in the text.",
        "Work out one example by hand, and print each term beside it.",
    )


def _short(x):
    return [round(v, 2) for v in x.tolist()]


def _not_finite(name, answer, value):
    """With logits in (0, 1) a loss for probabilities gives itself away."""
    game = Game(seed=7, scale=0.1, shift=0.5)
    again, z = _take_step(name, answer, game, 5)
    real = next(e for e in game.log if isinstance(e, Drawn))
    taken = game.play(AS_PROBABILITIES[name], name, _made_from(game, z), game.start["D"], real)[0]
    if near(number(again, "What your function returned"), taken):
        return Misconception(
            "LOGITS-AS-PROBABILITIES",
            f"Your loss is {value}: it takes the log of D's logits, and those may be negative.",
            "A logit is not a probability. Which function gives -log D straight from the logit?",
        )
    return Misconception(
        "NOT-FINITE",
        f"Your loss is {value} although all logits are small.",
        "Look for a log, a root or a division that can meet 0 or a negative number.",
    )


def _name_optimiser(game):
    """Only the two given optimisers may step, each on its own player."""
    if any(step.shared for step in game.steps()):
        raise Misconception(
            "SHARED-OPTIMISER",
            "One optimiser holds the weights of both players, so one of them helps its opponent.",
            "Each player has an optimiser of its own; which weights does each hold?",
        )
    strange = [step.name for step in game.steps() if not step.given]
    if strange:
        raise _ignored(strange[0])


def _ignored(name):
    return Misconception(
        "OPTIMISER-IGNORED",
        f"{name}'s weights moved, but not by `opt_{name}.step()`.",
        f"A new optimiser forgets its averages: use the `opt_{name}` that you were given.",
    )


def _name_missing_step(game, name):
    if game.steps(name):
        return
    if game.moved(name):
        raise _ignored(name)
    if game.arrived(name):
        raise Misconception(
            "STEP-FORGOTTEN",
            f"{name} has its gradient, but its weights have not moved.",
            "Who turns gradients into new weights?",
        )
    raise _no_backward(name)


def _no_backward(name):
    return Misconception(
        "BACKWARD-FORGOTTEN",
        f"No gradient of the loss ever reached {name}'s weights.",
        "What computes the gradients, and is the loss still the tensor that D's logits made?",
    )


def _name_gradient(game, step, made, real, old):
    """Compare the gradient that the optimiser was given with the right one and the usual others."""
    D, name = step.weights["D"], step.name
    right = game.play(RIGHT[name], name, made, D, real)[1]
    if _same(step.grad, right):
        return
    if _same(step.grad, old) or step.grad.abs().max() == 0:
        _name_early_step(game, step)
    if _same(step.grad, old):
        raise _no_backward(name)
    if _same(step.grad, right + old):
        raise _not_cleared(name)
    _name_zero(game, step, 0)
    _name_guess(game, step, made, real)


def _name_early_step(game, step):
    if game.arrived(step.name, step.at) and not game.arrived(step.name, 0, step.at):
        raise Misconception(
            "STEP-TOO-EARLY",
            f"`opt_{step.name}.step()` came before this batch's gradient was computed.",
            "Look at the order: `zero_grad`, `backward`, `step`.",
        )


def _not_cleared(name):
    return Misconception(
        "NO-ZERO-GRAD",
        f"{name}'s step used gradients that were there before, added to its own.",
        "Gradients add up until someone clears them. When must that happen?",
    )


def _name_zero(game, step, start):
    """Why was there no gradient at all?"""
    if step.grad.abs().max() > 0:
        return
    if game.arrived(step.name, start, step.at):
        raise Misconception(
            "ZERO-GRAD-TOO-LATE",
            f"{step.name}'s gradient was computed, and cleared again before the step used it.",
            "Look at the order: `zero_grad`, `backward`, `step`.",
        )
    judged = [e for e in game.log[start : step.at] if isinstance(e, Judged)]
    cut = game.arrived("D", start, step.at) or (judged and not judged[-1].attached)
    raise _starved() if step.name == "G" and cut else _no_backward(step.name)


def _name_guess(game, step, made, real):
    """The gradient of which other loss is it?"""
    D, name = step.weights["D"], step.name
    right = game.play(RIGHT[name], name, made, D, real)[1]
    if _same(step.grad, -right):
        raise Misconception(
            "WRONG-SIGN",
            f"{name} climbed its loss instead of descending it.",
            "Optimisers minimise what `backward` is called on.",
        )
    for guess in GUESSES[name]:
        if _same(step.grad, game.play(guess.loss, name, made, D, real)[1]):
            raise _guessed(guess, f"{name}'s step follows another loss")
    raise Misconception(
        "WRONG-GRADIENT",
        f"{name}'s step did not follow the gradient of its loss (it was "
        f"{step.grad.norm() / right.norm():.2g} times as long).",
        "Call `backward` once, on the loss that you return.",
    )


def _name_other_player(game, name):
    if not game.moved(OTHER[name]):
        return
    if name == "D":
        raise Misconception(
            "D-STEP-FEEDS-G",
            "D's step moved G's weights too, and moved them so that the fakes are found out.",
            "Which weights may change in this step?",
        )
    raise Misconception(
        "G-STEP-MOVES-D",
        "G's step moved D's weights too, and moved them so that D is fooled more easily.",
        "Which weights may change in this step?",
    )


def _name_touched(game):
    """Weights must be where the optimisers' steps left them."""
    steps = game.steps()
    ends = [step.weights for step in steps[1:]] + [game.weights()]
    for step, end in zip(steps, ends, strict=True):
        for name in "GD":
            moved = _vector(end[name]) - _vector(step.weights[name])
            expected = -LR * step.grad if step.name == name else torch.zeros_like(moved)
            if not near(moved, expected, 1e-5):
                raise Misconception(
                    "WEIGHTS-TOUCHED",
                    f"Something besides the optimiser's steps changed {name}'s weights.",
                    "Which line writes into the weights? Only `step()` should.",
                )


def _vector(weights):
    return torch.cat([p.flatten() for p in weights.values()])


def _name_left_behind(game):
    for name, net in (("G", game.G), ("D", game.D)):
        if not all(p.requires_grad for p in net.parameters()):
            raise Misconception(
                "LEFT-FROZEN",
                f"{name}'s weights still have `requires_grad = False` when your function ends, so "
                f"{name} will not learn in its next step.",
                "What is switched off for a step must be switched on again after it.",
            )
        if not net.training:
            raise Misconception(
                "LEFT-IN-EVAL",
                f"{name} is in evaluation mode when your function ends.",
                "Training goes on after this: which mode should the networks be in?",
            )


def _judge_confident(name, answer, game, n):
    """With logits near +150 and -150 the loss and its gradient must stay right."""
    value, z = _take_step(name, answer, game, n)
    made, step = _made_from(game, z), game.steps(name)[0]
    real = next(e for e in game.log if isinstance(e, Drawn))
    right, grad = game.play(RIGHT[name], name, made, game.start["D"], real)
    value = number(value, "What your function returned")
    if not near(value, right) or not _same(step.grad, grad):
        raise Misconception(
            "LOG-OF-SIGMOID",
            f"With logits near {game.shift:.0f}, as a sure D gives them, your loss is {value:.4g} "
            f"instead of about {right:.0f}, or its gradient is lost: the sigmoid has rounded to "
            "0 or 1 before the log.",
            "Go from the logit to the loss in one function: softplus, or a loss `with_logits`.",
        )


# ---------------------------------------------------------------- the loop

STEPS, BATCH = 4, 5


def train(answer):
    """my_train(G, D, opt_G, opt_D, data, steps, batch, rng) -> [(d_loss, g_loss), ...]."""
    game, rows, data = _train(answer, seed=1)
    if not game.log:
        raise Misconception(
            "NOTHING-DONE",
            "Your function ended without drawing a batch or calling a network.",
            "What happens first in each pass through the loop?",
        )
    _name_optimiser(game)
    if not game.steps():
        _name_missing_step(game, "D")
    _name_swapped_optimisers(game)
    scenes = list(_name_gradients(game))
    _name_touched(game)
    _name_rhythm(game)
    _name_draws(scenes, data)
    _name_randomness(answer, game)
    _name_rows(game, rows, scenes)
    _name_left_behind(game)
    return _praise(game, scenes)


def _train(answer, seed):
    game, rng = Game(seed=7), torch.Generator().manual_seed(seed)
    data = Data(game.log, rng)
    args = (game.G, game.D, game.opt["G"], game.opt["D"], data, STEPS, BATCH, rng)
    return game, _call(game, answer, args, "G"), data


def _name_swapped_optimisers(game):
    """opt_G after D's loss, opt_D after G's."""
    first = game.steps()[0]
    saw = game.last_batches(first.at)
    follows_d_loss = first.name == "G" and not game.arrived("G", 0, first.at) and saw[0]
    later = game.steps("D")
    if follows_d_loss and later and _is_of(game, later[0], g_right):
        raise Misconception(
            "OPTIMISERS-SWAPPED",
            "`opt_G` stepped after D's loss, and `opt_D` after G's.",
            "Follow each optimiser through your loop: whose gradients lie there when it steps?",
        )


def _is_of(game, step, loss):
    real, made = game.last_batches(step.at)
    return bool(made) and _same(
        step.grad, game.play(loss, step.name, made, step.weights["D"], real)[1]
    )


class Scene(NamedTuple):
    """A step, the batches that D was shown before it, and the D that judged them."""

    step: Step
    real: Drawn | None
    made: Made
    D: dict

    def right(self, game):
        """The loss and the gradient that the step should have."""
        name = self.step.name
        return game.play(RIGHT[name], name, self.made, self.D, self.real)


def _name_gradients(game):
    """Judge each step's gradient; return the scenes."""
    last = {}
    for step in game.steps():
        real, made = game.last_batches(step.at)
        _name_unseen(step, real, made)
        judges = [step.weights["D"]] + ([last["D"].step.weights["D"]] if "D" in last else [])
        scenes = [Scene(step, real, made, D) for D in judges]  # by D now, by D before its step
        fitting = [scene for scene in scenes if _same(step.grad, scene.right(game)[1])]
        if not fitting:
            _name_leftovers(game, scenes[0], last)
            _name_zero(game, step, _previous(game, step))
            _name_guess(game, step, made, real)
        last[step.name] = fitting[0]
        yield fitting[0]


def _previous(game, step):
    return max([s.at + 1 for s in game.steps() if s.at < step.at], default=0)


def _name_unseen(step, real, made):
    if made is None:
        raise Misconception(
            "G-UNUSED",
            f"{step.name} took a step before D was shown any of G's fakes.",
            "Where do the fakes come from?",
        )
    if step.name == "D" and real is None:
        raise Misconception(
            "REAL-UNSEEN",
            "D took a step before it was shown a real example that came from the `data` it was given.",
            "Where does the batch of real examples come from?",
        )


def _name_leftovers(game, scene, last):
    """Is the gradient the right one plus one that does not belong there?"""
    step, right = scene.step, scene.right(game)[1]
    leak = _leak(game, step.name, last.get(OTHER[step.name]))
    now = _leak(game, step.name, scene)
    if step.name == "D" and (_same(step.grad, now) or _same(step.grad, right + now)):
        raise Misconception(
            "G-STEP-MOVES-D",
            "D's optimiser stepped along G's loss: D was taught to be fooled.",
            "Whose gradients does G's `backward` leave at D's weights, and who clears them?",
        )
    own = last[step.name].step.grad if step.name in last else torch.zeros_like(right)
    if step.name == "G" and _same(step.grad, right + leak):
        raise Misconception(
            "D-STEP-FEEDS-G",
            "G's step used the gradient of D's loss too, which asks for fakes that are found out.",
            "D's `backward` reaches G. Cut the way there, or clear G's gradients just before its "
            "own `backward`.",
        )
    if any(_same(step.grad, right + old) for old in (leak, own, own + leak)):
        raise _not_cleared(step.name)


def _leak(game, name, scene):
    """The gradient that the other player's loss leaves at this player's weights."""
    if scene is None or (name == "G" and scene.step.name == "G"):
        return torch.zeros_like(game.grad(name))
    return game.play(RIGHT[OTHER[name]], name, scene.made, scene.D, scene.real)[1]


def _name_rhythm(game):
    """One step each, in turn, as often as asked."""
    order = "".join(step.name for step in game.steps())
    d, g = order.count("D"), order.count("G")
    if 0 in (d, g):
        idle = "D" if d == 0 else "G"
        raise Misconception(
            "STEP-FORGOTTEN",
            f"{OTHER[idle]} took {max(d, g)} steps, {idle} none.",
            f"Where in the loop does {idle} learn?",
        )
    if d != g:
        raise Misconception(
            "STEPS-UNEQUAL",
            f"D took {d} steps and G {g}; here each takes one in turn.",
            "How often does each step stand inside the loop?",
        )
    if order not in ("DG" * d, "GD" * d):
        raise Misconception(
            "NO-ALTERNATION",
            f"The players stepped in the order {order}: one waits while the other trains.",
            "Each pass through the loop is one step of D and one of G.",
        )
    if d == 1:
        raise Misconception(
            "ONE-STEP-ONLY",
            f"Each player took 1 step of the {STEPS} asked for.",
            "Is there a loop, and does `return` stand after it or inside it?",
        )
    if d != STEPS:
        raise Misconception(
            "STEPS-IGNORED",
            f"Each player took {d} steps; `steps` was {STEPS}.",
            "Where does the loop get its length from?",
        )


def _name_draws(scenes, data):
    for name in "DG":
        mine = [scene for scene in scenes if scene.step.name == name]
        for scene, last in zip(mine[1:], mine):
            _name_repeated(name, scene.real, scene.made, last.real, last.made)
    for _, real, made, _ in scenes:
        for what, batch in (("x", real and real.x), ("z", made.z)):
            if batch is not None and len(batch) != BATCH:
                raise Misconception(
                    "BATCH-IGNORED",
                    f"A batch of {what} held {len(batch)} examples; `batch` was {BATCH}.",
                    f"Where does {what} get its first size from?",
                )
    _name_noise(torch.cat([scene.made.z for scene in scenes]))
    if data.foreign:
        raise _not_reproducible("x was drawn with another generator than `rng`.")


def _name_repeated(name, real, made, last_real, last_made):
    same_x = name == "D" and torch.equal(real.x, last_real.x)
    if same_x and real is not last_real and torch.equal(made.z, last_made.z):
        raise Misconception(
            "RNG-RESET",
            "Each step draws anew, and yet draws the same x and the same z.",
            "Is `rng` set back to its seed somewhere inside the loop?",
        )
    if same_x:
        raise Misconception(
            "FROZEN-X",
            "D was shown the same real examples in each step.",
            "Which line draws x, and does it stand inside the loop?",
        )
    if made is last_made:
        raise Misconception(
            "STALE-FAKES",
            f"{name} learned from the same fakes in two steps, made by a G that has moved on.",
            "Which line makes the fakes, and does it stand inside the loop?",
        )
    if torch.equal(made.z, last_made.z):
        raise Misconception(
            "FROZEN-Z",
            f"{name} met the same z in each step: G learns {BATCH} points by heart, not a "
            "distribution.",
            "Which line draws z, and does it stand inside the loop?",
        )


def _name_noise(z):
    low, high, std = z.min().item(), z.max().item(), z.std().item()
    if (low >= -1 and high <= 1) or not 0.6 < std < 1.5:
        raise Misconception(
            "Z-NOT-NORMAL",
            f"Your z lie between {low:.2f} and {high:.2f} with standard deviation {std:.2f}; "
            "N(0, 1) is asked for.",
            "Compare `torch.rand` and `torch.randn`.",
        )


def _name_randomness(answer, game):
    """The same rng gives the same draws, whatever else was drawn; another rng gives others."""
    torch.rand(7)  # moves the global generator on
    again, other = (_train(answer, seed=seed)[0] for seed in (1, 2))
    for what in "xz":
        mine, same, others = (_draws(run, what) for run in (game, again, other))
        if mine.shape != same.shape or not torch.equal(mine, same):
            raise _not_reproducible(f"Two runs with the same `rng` met different {what}.")
        if mine.shape == others.shape and torch.equal(mine, others):
            raise _not_reproducible(f"Two runs with different `rng` met the same {what}.")


def _draws(game, what):
    """All x that D learned from, or all z that G did, in one tensor."""
    name = {"x": "D", "z": "G"}[what]
    used = [game.last_batches(step.at) for step in game.steps(name)]
    return torch.cat([real.x if what == "x" else made.z for real, made in used])


def _not_reproducible(seen):
    return Misconception(
        "RNG-IGNORED",
        seen,
        "Every draw takes `rng`: `data.sample(n, rng)` and `torch.randn(..., generator=rng)`.",
    )


def _name_rows(game, rows, scenes):
    rows = _as_pairs(rows)
    truth = {
        name: [scene.right(game)[0] for scene in scenes if scene.step.name == name] for name in "DG"
    }
    right = list(zip(truth["D"], truth["G"]))
    if near(torch.tensor(rows), torch.tensor(right)):
        return
    if near(torch.tensor(rows), torch.tensor(right).flip(1)):
        raise Misconception(
            "PAIR-SWAPPED",
            "Each pair holds G's loss first.",
            "The text asks for (d_loss, g_loss).",
        )
    k = next(i for i in range(STEPS) if not near(torch.tensor(rows[i]), torch.tensor(right[i])))
    d, g = rows[k]
    raise Misconception(
        "ROWS",
        f"The training is right, but pair {k} holds ({d:.4f}, {g:.4f}), which are not the losses "
        "of that step.",
        "Read both numbers off in the step they belong to.",
    )


def _as_pairs(rows):
    if rows is None:
        raise Misconception(
            "NOTHING-RETURNED",
            "The training is right, but your function returned None.",
            "Collect a pair in each step and return the list.",
        )
    try:
        pairs = [tuple(row) for row in rows]
        if len(pairs) != STEPS or any(len(pair) != 2 for pair in pairs):
            raise TypeError
        if any(isinstance(v, torch.Tensor) and v.requires_grad for pair in pairs for v in pair):
            raise Misconception(
                "GRAPH-KEPT",
                "The pairs hold tensors with their graphs, so memory grows with each step.",
                "How do you get a plain number out of a tensor?",
            )
        return [tuple(float(v) for v in pair) for pair in pairs]
    except (TypeError, ValueError):
        raise Misconception(
            "ROWS",
            f"The training is right, but for {STEPS} steps your function returned {_told(rows)}.",
            "Return a list with one pair (d_loss, g_loss) for each step.",
        ) from None


def _told(rows):
    """What was returned, in words: "a list of 4, the first a dict"."""
    if not hasattr(rows, "__len__") or isinstance(rows, str):
        return f"a {type(rows).__name__}"
    first = f", the first a {type(rows[0]).__name__}" if isinstance(rows, list) and rows else ""
    return f"a {type(rows).__name__} of {len(rows)}{first}"


def _praise(game, scenes):
    steps = game.steps()
    started = [0] + [step.at for step in steps]
    wasted = any(
        step.name == "D" and game.arrived("G", start, step.at)
        for start, step in zip(started, steps)
    )
    if any(scene.D is not scene.step.weights["D"] for scene in scenes):
        return (
            "Right. Both players move at once here, from the same position; chapter 04 shows why "
            "taking turns is safer."
        )
    if wasted:
        return (
            "Right, but slower than it could be: in D's step the gradient also flows on into G, "
            "where nobody uses it. Detaching the fakes spares that work."
        )
    if steps[0].name == "G":
        return "Right. G goes first here, as in the article; either order works."
    return "Right: fresh x and z in each step, one step of D, one of G."


EXERCISES = {"d_step": d_step, "g_step": g_step, "train": train}
