"""Chapter 05: D's step, G's step, and the loop that alternates them.

An answer plays in a small world that writes down what happens: which batches are drawn, made and
judged, where gradients arrive, what each optimiser's step was given. A step is compared with the right one
in the same world; the loop is replayed from the answer's own draws.
"""

from collections import namedtuple
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace

import torch
from torch.nn.functional import relu, sigmoid, softplus

from ganedu.checks.exercise import Case, Exercise, Part, Probe, asks, raises, shows
from ganedu.checks.probes import near, number, randomness, seeded
from ganedu.checks.words import Misconception
from ganedu.checks.worlds import (
    LR,
    MOST_STEPS,
    X_DIM,
    Z_DIM,
    Arrived,
    Data,
    Drawn,
    Endless,
    Judged,
    Made,
    Step,
    Still,
    World,
    flat,
    rows_in,
    vector,
)  # fmt: skip

STEPS, BATCH = 4, 5
Setting = namedtuple("Setting", "seed n scale shift", defaults=(1.0, 0.0))  # where a step is played
OTHER = {"D": "G", "G": "D"}


# ---- one step of one player ----------------------------------------------------------------------


@dataclass
class Move:
    """How a player's weights moved, and how it came to that."""

    by: torch.Tensor
    arrived: str  # when a gradient first reached the player: "before" its step, "after" it, "never"
    elsewhere: bool  # one reached the other player
    steps: int

    def tolist(self):
        return self.by.tolist()


def play_step(name, answer, case):
    """The world after one call of the answer, part by part."""
    at = case.args[0]
    world, rng = World(at.seed, at.scale, at.shift), seeded(at.seed + 1)
    x = 0.7 * torch.randn(at.n, X_DIM, generator=rng) + torch.tensor([2.0, 0.5])
    z = torch.randn(at.n, Z_DIM, generator=rng)
    for net in world.nets.values():
        for p in net.parameters():  # what an earlier step may have left
            p.grad = torch.randn(p.shape, generator=rng)
    batches = (x.clone(), z.clone()) if name == "D" else (z.clone(),)
    before = [b.clone() for b in batches]
    given = world.nets["G"], world.nets["D"], world.opt[name], *batches
    value = number(world.run(answer, *given), "What your function returned")
    world.unseen |= not all(map(torch.equal, batches, before))  # INPUT-CHANGED is for the engine
    now, other = world.weights(), OTHER[name]
    facts = facts_of(world, name, value, x, z)
    by = vector(world.start[name]) - vector(now[name])
    return {
        "your loss": value,
        f"{name}'s step": Move(by / LR, arrival(world, name), world.arrived(other), facts.steps),
        f"{other}'s weights": vector(now[other]),
        "calls of `step`": (facts.steps, facts.others),
        "the networks' mode": "eval" if facts.still else "train",
        "facts": facts,
    }


def facts_of(world, name, value, x, z):
    """How much of each batch was used ("all", "part" or "none"), and by whom weights were moved."""
    steps, mine = world.steps(), world.steps(name)
    made, judged = world.of(Made), [e.x for e in world.of(Judged)]
    given = len([s for s in mine if s.given])
    return SimpleNamespace(
        z="all" if world.unseen else share(z, [m.z for m in made]),
        x="all" if world.unseen or name == "G" else share(x, judged),
        fakes="all" if world.unseen else share(torch.cat([m.x for m in made] or [x]), judged),
        made=bool(made) or world.unseen,
        shared=any(s.shared for s in steps),
        touched=world.touched() is not None,
        adjusted=any(s.adjusted for s in steps),
        finite=abs(value) < float("inf"),
        still=bool(world.of(Still)) and all(net.training for net in world.nets.values()),
        steps=given,
        others=len(steps) - given,
    )


def share(batch, seen):
    found = rows_in(batch, seen)
    return "all" if found.all() else "part" if found.any() else "none"


def arrival(world, name):
    if not world.arrived(name):
        return "never"
    mine = world.steps(name)
    return "before" if not mine or world.arrived(name, 0, mine[0].at) else "after"


def same(a, b, tolerance):
    if isinstance(a, SimpleNamespace):  # facts explain, and are not compared
        return True
    if isinstance(a, Move):
        a, b = a.by, b.by
        return bool((a - b).abs().max() <= 1e-3 * b.abs().max() + 1e-5)
    return near(a, b, tolerance)


def alike(a, b, tolerance):
    """Of one kind: the same NaN, and a step that did not come for the same reason."""
    if isinstance(a, dict):
        return all(alike(a[k], b[k], tolerance) for k in b)
    if isinstance(a, Move):
        how = [(m.steps, m.arrived, m.arrived == "never" and m.elsewhere) for m in (a, b)]
        return how[0] == how[1] and (same(a, b, tolerance) or both_nan(a.by, b.by))
    return same(a, b, tolerance) or (isinstance(a, float) and a != a and b != b)


def both_nan(a, b):
    return bool(a.isnan().any() and (a.isnan() == b.isnan()).all())


def step_cases(seed):
    """Logits for which formulas of probabilities are finite; ordinary ones; those of a sure D."""
    sure = {"LOG-OF-SIGMOID": shows(lambda got, right: True)}
    return [
        Case("logits between 0 and 1", (Setting(2 * seed + 7, 5, 0.03, 0.5),)),
        Case("logits about 0", (Setting(3 * seed + 8, 5),)),
        Case("another batch", (Setting(5 * seed + 284, 7),)),
        Case("logits near 150", (Setting(seed + 3, 4, 1.0, 150.0),), sure),
        Case("logits near -150", (Setting(seed + 3, 4, 1.0, -150.0),), sure),
    ]


def fact(test):
    """A mistake known by the facts alone."""
    return (shows(lambda got, right: test(got["facts"])),)


def another_length(name, right):
    """The right loss, and a step in its direction that is too long or too short."""

    def longer(ask, at):
        got, should = ask(at), play_step(name, right, Case("", (at,)))
        mine, theirs = got[f"{name}'s step"].by, should[f"{name}'s step"].by
        parallel = torch.cosine_similarity(mine, theirs, dim=0) > 0.9999
        return near(got["your loss"], should["your loss"]) and bool(parallel)

    return (asks(longer),)


def nothing(*_):
    return None


def seen_in(name, moved):
    """What the facts tell of a step of this player; `moved`: what it is called that the other moved."""
    other = OTHER[name]
    return {
        "G-UNUSED": fact(lambda f: not f.made),
        "OWN-Z": fact(lambda f: f.z == "none"),
        "PART-OF-BATCH": fact(lambda f: "part" in (f.z, f.x)),
        "FAKES-UNSEEN": fact(lambda f: f.fakes == "none"),
        "SHARED-OPTIMISER": fact(lambda f: f.shared),
        "OPTIMISER-IGNORED": fact(lambda f: f.others > 0 or (f.touched and f.steps == 0)),
        "STEPPED-TWICE": fact(lambda f: f.steps > 1),
        "SETTINGS-CHANGED": fact(lambda f: f.adjusted),
        "EVAL-MODE": fact(lambda f: f.still),
        "NOT-FINITE": fact(lambda f: not f.finite),
        moved: (
            shows(lambda t, right: not near(t[f"{other}'s weights"], right[f"{other}'s weights"])),
        ),
        "WEIGHTS-TOUCHED": fact(lambda f: f.touched),
    }


TOLD_BY_TORCH = {
    "STALE-GRAPH": (
        raises("backward through the graph a second time"),
        raises("modified by an inplace operation"),
    ),
    "UNREDUCED": (raises("implicitly created only for scalar"),),
    "LOSS-ITEM-TOO-EARLY": (raises("'float' object has no attribute 'backward'"),),
    "LOGITS-AS-PROBABILITIES": (raises("between 0 and 1"),),
    "Z-SHAPE": (raises("G takes z"),),
    "NOISE-FOR-FAKE": (raises("D takes x"),),
}


def back(loss, opt):
    loss.backward()


def descend(
    look,
    opt,
    *,
    clear=lambda opt: opt.zero_grad(),
    learn=back,
    move=lambda opt: opt.step(),
    give=lambda loss, look: loss.detach(),
):
    loss = look()
    clear(opt), learn(loss, opt), move(opt)
    return give(loss, look)


clear, learn, move, give = Part.of(descend)
DESCENT = {
    "NO-ZERO-GRAD": clear(nothing),
    "ZERO-GRAD-TOO-LATE": learn(lambda loss, opt: (loss.backward(), opt.zero_grad())),
    "STEP-TOO-EARLY": (
        {"learn": lambda loss, opt: (opt.step(), loss.backward()), "move": nothing},
    ),
    "STEP-FORGOTTEN": move(nothing),
    "BACKWARD-FORGOTTEN": (*learn(nothing), {"learn": nothing, "move": nothing}),
    "LOSS-AFTER-STEP": give(lambda loss, look: look()),
}


def alone(turn, mistakes):
    """Mistakes as whole answers: never one of two at once, for the loss shows in the value."""
    return {code: tuple(partial(turn, **way) for way in ways) for code, ways in mistakes.items()}


UPHILL = (*learn(lambda loss, opt: (-loss).backward()), *give(lambda loss, look: -loss))


# ---- 05.d_step: my_d_step(G, D, opt_D, x, z) -> loss ---------------------------------------------


def cross_entropy(r, f):
    return softplus(-r).mean() + softplus(f).mean()


def d_turn(G, D, opt_D, x, z, *, loss=cross_entropy, **how):
    return descend(lambda: loss(D(x), D(G(z).detach())), opt_D, **how)


(loss,) = Part.of(d_turn)
D_LOSSES = {
    "LABELS-SWAPPED": loss(lambda r, f: cross_entropy(-r, -f)),
    "SAME-LABEL": loss(lambda r, f: cross_entropy(r, -f), lambda r, f: cross_entropy(-r, f)),
    "WRONG-SIGN": loss(
        lambda r, f: -cross_entropy(r, f),
        lambda r, f: softplus(-r).mean() - softplus(f).mean(),
        lambda r, f: softplus(f).mean() - softplus(-r).mean(),
    ),
    "DOUBLE-SIGMOID": loss(
        lambda r, f: cross_entropy(sigmoid(r), sigmoid(f)),
        lambda r, f: cross_entropy(sigmoid(r), f),
        lambda r, f: cross_entropy(r, sigmoid(f)),
    ),
    "SUM-NOT-MEAN": loss(lambda r, f: len(r) * cross_entropy(r, f)),
    "HALVED": loss(lambda r, f: cross_entropy(r, f) / 2),
    "LABEL-SMOOTHING": loss(
        lambda r, f: cross_entropy(r, f) + 0.1 * r.mean(),
        lambda r, f: cross_entropy(r, f) + 0.2 * r.mean(),
        lambda r, f: cross_entropy(r, f) + 0.1 * (r.mean() - f.mean()),
        lambda r, f: cross_entropy(r, f) - 0.1 * f.mean(),
    ),
    "TERM-MISSING": loss(lambda r, f: softplus(-r).mean(), lambda r, f: softplus(f).mean()),
    "MEAN-BEFORE-LOSS": loss(lambda r, f: cross_entropy(r.mean(), f.mean())),
    "ARTICLE-D-LOSS": loss(
        lambda r, f: -(r.mean() + f.mean()), lambda r, f: -(sigmoid(r).mean() + sigmoid(f).mean())
    ),
    "NO-LOGARITHM": loss(
        lambda r, f: sigmoid(f).mean() - sigmoid(r).mean(),
        lambda r, f: 1 - sigmoid(r).mean() + sigmoid(f).mean(),
        lambda r, f: 2 - sigmoid(r).mean() - sigmoid(-f).mean(),
        lambda r, f: -sigmoid(r).mean() - sigmoid(-f).mean(),
    ),
    "ANOTHER-LOSS": loss(
        lambda r, f: f.mean() - r.mean(),
        lambda r, f: relu(1 - r).mean() + relu(1 + f).mean(),
        lambda r, f: ((r - 1) ** 2).mean() + (f**2).mean(),
        lambda r, f: ((sigmoid(r) - 1) ** 2).mean() + (sigmoid(f) ** 2).mean(),
        lambda r, f: softplus(f - r).mean(),
    ),
}
D_MISTAKES = {
    **seen_in("D", "D-STEP-FEEDS-G"),
    "REAL-UNSEEN": fact(lambda f: f.x == "none"),
    **D_LOSSES,
    **alone(d_turn, DESCENT),
    **TOLD_BY_TORCH,
    "LOGITS-AS-PROBABILITIES": (
        *loss(lambda r, f: -r.log().mean() - (1 - f).log().mean()),
        *TOLD_BY_TORCH["LOGITS-AS-PROBABILITIES"],
    ),
    "WRONG-SIGN": (*D_LOSSES["WRONG-SIGN"], *UPHILL),
    "GRAPH-CUT": (raises("does not require grad"),),
    "STEP-LENGTH": another_length("D", d_turn),
}


def d_praise(answer):
    got = play_step("D", answer, step_cases(0)[0])
    return {"kind": "slower"} if got["D's step"].elsewhere else {}


d_step = Exercise(
    "05.d_step",
    d_turn,
    D_MISTAKES,
    step_cases,
    observe=partial(play_step, "D"),
    same=same,
    alike=alike,
    may_change=("D.weights", "D.grad", "G.grad"),
    praised=d_praise,
)


# ---- 05.g_step: my_g_step(G, D, opt_G, z) -> loss ------------------------------------------------


def fool(f):
    return softplus(-f).mean()


def g_turn(G, D, opt_G, z, *, make=lambda G, z: G(z), loss=fool, **how):
    return descend(lambda: loss(D(make(G, z))), opt_G, **how)


make, loss = Part.of(g_turn)
G_LOSSES = {
    "LABELS-SWAPPED": loss(lambda f: softplus(f).mean()),
    "WRONG-SIGN": loss(lambda f: -fool(f)),
    "SATURATING-FOR-NON-SATURATING": loss(lambda f: -softplus(f).mean()),
    "DOUBLE-SIGMOID": loss(lambda f: fool(sigmoid(f))),
    "SUM-NOT-MEAN": loss(lambda f: len(f) * fool(f)),
    "MEAN-BEFORE-LOSS": loss(lambda f: fool(f.mean())),
    "HALVED": loss(lambda f: fool(f) / 2),
    "LABEL-SMOOTHING": loss(lambda f: fool(f) + 0.1 * f.mean(), lambda f: fool(f) + 0.2 * f.mean()),
    "ARTICLE-G-LOSS": loss(lambda f: -f.mean(), lambda f: -sigmoid(f).mean()),
    "NO-LOGARITHM": loss(lambda f: 1 - sigmoid(f).mean(), lambda f: sigmoid(f).mean()),
    "ANOTHER-LOSS": loss(
        lambda f: ((f - 1) ** 2).mean(),
        lambda f: ((sigmoid(f) - 1) ** 2).mean(),
        lambda f: relu(1 - f).mean(),
        lambda f: (1 - f).mean(),
    ),
}
G_MISTAKES = {
    **seen_in("G", "G-STEP-MOVES-D"),
    **G_LOSSES,
    **alone(g_turn, DESCENT),
    **TOLD_BY_TORCH,
    "LOGITS-AS-PROBABILITIES": (
        *loss(lambda f: -f.log().mean()),
        *TOLD_BY_TORCH["LOGITS-AS-PROBABILITIES"],
    ),
    "WRONG-SIGN": (*G_LOSSES["WRONG-SIGN"], *UPHILL),
    "G-STARVED": (*make(lambda G, z: G(z).detach()), raises("does not require grad")),
    "STEP-LENGTH": another_length("G", g_turn),
}
g_step = Exercise(
    "05.g_step",
    g_turn,
    G_MISTAKES,
    step_cases,
    observe=partial(play_step, "G"),
    same=same,
    alike=alike,
    may_change=("G.weights", "G.grad", "D.grad"),
)


# ---- 05.train: my_train(G, D, opt_G, opt_D, data, steps, batch, rng) -> [(d_loss, g_loss), ...] ---


def noise(G, batch, rng):
    return torch.randn(batch, G.z_dim, generator=rng)


def pair(d_loss, g_loss):
    return d_loss.item(), g_loss.item()


def train(
    G, D, opt_G, opt_D, data, steps, batch, rng, *, draw=noise, d=d_turn, g=g_turn, row=pair
):  # fmt: skip
    rows = []
    for _ in range(steps):
        x = data.sample(batch, rng)
        d_loss = d(G, D, opt_D, x, draw(G, batch, rng))
        rows.append(row(d_loss, g(G, D, opt_G, draw(G, batch, rng))))
    return rows


@dataclass
class Scene:
    """A step, what D was shown before it, and the D that judged it."""

    step: Step
    x: torch.Tensor  # [n, 2], of n = 0 where no real example was seen
    made: list  # of Made
    D: dict

    @property
    def z(self):
        return torch.cat([made.z for made in self.made])

    def slope(self, world, loss, name=None):
        """A loss's value and its gradient at a player's weights, as one vector."""
        name = name or self.step.name
        G, D = (
            {k: p.clone().requires_grad_() for k, p in w.items()} for w in (self.made[-1].G, self.D)
        )
        fake = world.nets["D"].of(D, world.nets["G"].of(G, self.z))
        value = loss(world.nets["D"].of(D, self.x), fake) if loss in PAIRED else loss(fake)
        leaves = list((G if name == "G" else D).values())
        found = torch.autograd.grad(value, leaves, allow_unused=True)
        return value.item(), flat(
            torch.zeros_like(p) if g is None else g for p, g in zip(leaves, found)
        )

    def right(self, world):
        return self.slope(world, RIGHT[self.step.name])


RIGHT = {"D": cross_entropy, "G": fool}
WRONG = {
    name: [(code, way["loss"]) for code, ways in table.items() for way in ways]
    for name, table in (("D", D_LOSSES), ("G", G_LOSSES))
}
PAIRED = [cross_entropy, *(loss for _, loss in WRONG["D"])]


def judge_train(answer, seed):
    """What a whole run shows, the first fault first; None or a kind of praise for a right one."""
    try:
        world, data, rows = run_of(answer, seed, seeded(seed + 1))
    except Endless:
        return Misconception("STEPS-IGNORED/endless", most=MOST_STEPS)
    except (RuntimeError, AttributeError, ValueError) as error:
        found = [code for code, way in g_step.known_by(raises) if way.words in str(error)]
        if not found:
            raise
        return Misconception(found[0], said=str(error))
    if world.unseen:
        return Misconception("CRASHED/check", said="a network was called inside torch.func.vmap")
    found = idle(world) or owners(world) or swapped(world)
    if found:
        return found
    scenes, found = followed(world)
    return (
        found
        or (world.touched() and Misconception("WEIGHTS-TOUCHED", player=world.touched()))
        or rhythm(world)
        or draws(scenes, data)
        or randomness(partial(drawn, answer, seed), seed, rows=False, world=False)
        or returned(world, rows, scenes)
        or praise(world, scenes)
    )


def run_of(answer, seed, rng, own=None):
    world = World(2 * seed + 7)
    data = Data(world, rng, own)
    given = *world.nets.values(), world.opt["G"], world.opt["D"]
    return world, data, world.run(answer, *given, data, STEPS, BATCH, rng)


def idle(world):
    if not world.log:
        return Misconception("NOTHING-DONE")
    if world.steps():
        return None
    if any(world.touched() == name for name in "DG"):
        return Misconception("OPTIMISER-IGNORED", player=world.touched())
    return Misconception("STEP-FORGOTTEN/both" if world.of(Arrived) else "BACKWARD-FORGOTTEN/both")


def owners(world):
    """Only the two given optimisers may step, each on its own player, as they are."""
    steps = world.steps()
    if any(step.shared for step in steps):
        return Misconception("SHARED-OPTIMISER")
    strange = [step.name for step in steps if not step.given]
    if strange:
        return Misconception("OPTIMISER-IGNORED", player=strange[0])
    return Misconception("SETTINGS-CHANGED") if any(step.adjusted for step in steps) else None


def swapped(world):
    """opt_G after D's loss, opt_D after G's."""
    first, later = world.steps()[0], world.steps("D")
    if first.name == "D" or not later or world.arrived("G", 0, first.at):
        return None
    scenes = candidates(world, later[0], {})
    fits = any(close(s.step.grad, s.slope(world, fool)[1]) for s in scenes)
    return Misconception("OPTIMISERS-SWAPPED") if fits else None


def close(a, b):
    """Equal up to rounding, seen from the larger vector's size."""
    return bool((a - b).abs().max() <= 1e-3 * b.abs().max() + 1e-6)


def candidates(world, step, last):
    """What D may have been shown for this step: one of the batches of fakes, or all of them."""
    since = [s.at for s in world.steps() if s.at < step.at]
    own = [s.at for s in world.steps(step.name) if s.at < step.at]
    starts = (max(since, default=0), max(own, default=0), 0)
    start = next((s for s in starts if world.of(Judged, s, step.at)), 0)
    shown = [e.x for e in world.of(Judged, start, step.at)]
    real = [e.x[rows_in(e.x, shown)] for e in world.of(Drawn, 0, step.at)]
    made = [part_of(e, rows_in(e.x, shown)) for e in world.of(Made, 0, step.at)]
    made = [e for e in made if len(e.z)]
    mixes = [[e] for e in reversed(made)] + ([made] if len(made) > 1 else [])
    judges = [step.before["D"]] + ([last["D"].step.before["D"]] if "D" in last else [])
    x = torch.cat([torch.zeros(0, X_DIM), *real])
    return [Scene(step, x, mix, D) for mix in mixes for D in judges]


def part_of(made, rows):
    return made if rows.all() else Made(made.z[rows], made.x[rows], made.G)


def followed(world):
    """([a scene for each step], None), or what is wrong with the first step that follows no right loss."""
    scenes, last = [], {}
    for step in world.steps():
        tried = candidates(world, step, last)
        if not tried:
            return scenes, Misconception("G-UNUSED", player=step.name)
        if step.name == "D" and not len(tried[0].x):
            fooled = any(close(step.grad, s.slope(world, fool)[1]) for s in tried)
            return scenes, Misconception("G-STEP-MOVES-D" if fooled else "REAL-UNSEEN")
        fitting = [scene for scene in tried if close(step.grad, scene.right(world)[1])]
        if not fitting:
            return scenes, explained(world, tried, last)
        last[step.name] = fitting[0]
        scenes.append(fitting[0])
    return scenes, None


def explained(world, tried, last):
    """Why a step did not follow the gradient of its loss."""
    scene, step = tried[0], tried[0].step
    right = scene.right(world)[1]
    return (
        leftovers(world, scene, right, last)
        or without_gradient(world, step)
        or another_loss(world, tried, right)
        or Misconception("WRONG-GRADIENT", player=step.name, times=step.grad.norm() / right.norm())
    )


def leftovers(world, scene, right, last):
    """Is the gradient the right one plus one that does not belong there?"""
    name, grad = scene.step.name, scene.step.grad
    other = last.get(OTHER[name])
    leak = other.slope(world, RIGHT[OTHER[name]], name)[1] if other else torch.zeros_like(right)
    own = last[name].step.grad if name in last else torch.zeros_like(right)
    if name == "D":
        now = scene.slope(world, fool, "D")[1]
        if close(grad, now) or close(grad, right + now):
            return Misconception("G-STEP-MOVES-D")
    if name == "G" and close(grad, right + leak):
        return Misconception("D-STEP-FEEDS-G")
    if any(close(grad, right + old) for old in (leak, own, own + leak)):
        return Misconception("NO-ZERO-GRAD", player=name)
    return None


def without_gradient(world, step):
    if step.grad.abs().max() > 0:
        return None
    start = max([s.at + 1 for s in world.steps() if s.at < step.at], default=0)
    if world.arrived(step.name, start, step.at):
        return Misconception("ZERO-GRAD-TOO-LATE", player=step.name)
    judged = world.of(Judged, start, step.at)
    cut = world.arrived("D", start, step.at) or (judged and not judged[-1].attached)
    starved = step.name == "G" and cut
    return Misconception("G-STARVED" if starved else "BACKWARD-FORGOTTEN", player=step.name)


def another_loss(world, tried, right):
    step = tried[0].step
    if close(step.grad, -right):
        return Misconception("WRONG-SIGN", player=step.name)
    for code, loss in WRONG[step.name]:
        if any(close(step.grad, scene.slope(world, loss)[1]) for scene in tried):
            return Misconception(code, player=step.name)
    return None


def rhythm(world):
    """One step each, in turn, as often as asked."""
    order = "".join(step.name for step in world.steps())
    d, g = order.count("D"), order.count("G")
    if 0 in (d, g):
        name = "D" if d == 0 else "G"
        return Misconception("STEP-FORGOTTEN", player=name, other=OTHER[name], count=max(d, g))
    if d != g:
        return Misconception("STEPS-UNEQUAL", d=d, g=g)
    if order not in ("DG" * d, "GD" * d):
        return Misconception("NO-ALTERNATION", order=order)
    if d == 1:
        return Misconception("ONE-STEP-ONLY", steps=STEPS)
    return Misconception("STEPS-IGNORED", count=d, steps=STEPS) if d != STEPS else None


def draws(scenes, data):
    """Fresh batches of the size asked for, z from N(0, 1), all from the given generator."""
    for name in "DG":
        mine = [scene for scene in scenes if scene.step.name == name]
        for k, scene in enumerate(mine):
            found = next(filter(None, (repeated(scene, old) for old in mine[:k])), None)
            if found:
                return found
    for scene in scenes:
        for what, batch in (("x", scene.x), ("z", scene.z)):
            if len(batch) != BATCH and (what == "z" or scene.step.name == "D"):
                return Misconception("BATCH-IGNORED", batch=what, count=len(batch), asked=BATCH)
        if 2 * len(torch.unique(scene.z)) <= scene.z.numel():
            return Misconception("ONE-DRAW")
    z = torch.cat([scene.z for scene in scenes])
    if z.abs().max() <= 1 or not 0.6 < z.std() < 1.5 or z.mean().abs() > 0.5:
        return Misconception("Z-NOT-NORMAL", low=z.min(), high=z.max(), mean=z.mean(), std=z.std())
    return Misconception("RNG-IGNORED") if data.foreign else None


def repeated(scene, old):
    """Did a player learn twice from the same draws?"""
    name, same_z = scene.step.name, rows_in(scene.z, [old.z]).any()
    same_x = name == "D" and rows_in(scene.x, [old.x]).any()
    if same_x and same_z and scene.made[0] is not old.made[0]:
        return Misconception("RNG-RESET")
    if same_x:
        return Misconception("FROZEN-X")
    if same_z:
        stale = scene.made[0] is old.made[0]
        return Misconception(
            "STALE-FAKES" if stale else "FROZEN-Z", player=name, count=len(scene.z)
        )
    return None


def drawn(answer, seed, rng):
    """All z that the steps of a run used, in one vector."""
    return flat(scene.z for scene in followed(run_of(answer, seed, rng, seeded(seed))[0])[0])


def returned(world, rows, scenes):
    if rows is None:
        return Misconception("NOTHING-RETURNED/rows")
    pairs = as_pairs(rows)
    if pairs is None:
        return Misconception("ROWS/shape", steps=STEPS, kind=told(rows))
    if any(isinstance(v, torch.Tensor) and v.requires_grad for pair in pairs for v in pair):
        return Misconception("GRAPH-KEPT")
    truth = {k: [s.right(world)[0] for s in scenes if s.step.name == k] for k in "DG"}
    pairs = [tuple(float(v) for v in pair) for pair in pairs]
    right = list(zip(truth["D"], truth["G"]))
    if near(pairs, [pair[::-1] for pair in right]):
        return Misconception("PAIR-SWAPPED")
    wrong = [k for k in range(STEPS) if not near(pairs[k], right[k])]
    return Misconception("ROWS", k=wrong[0] + 1, pair=pairs[wrong[0]]) if wrong else None


def as_pairs(rows):
    """The rows as pairs of what can be read as numbers, or None."""
    try:
        pairs = [tuple(row) for row in rows]
        whole = len(pairs) == STEPS and all(len(pair) == 2 for pair in pairs)
        plain_numbers = all(
            not isinstance(v, str | bool) and float(v) is not None for p in pairs for v in p
        )
        return pairs if whole and plain_numbers else None
    except (TypeError, ValueError, RuntimeError):
        return None


def told(rows):
    """What was returned, in words: "a list of 4, the first a dict"."""
    if not hasattr(rows, "__len__") or isinstance(rows, str):
        return f"a {type(rows).__name__}"
    first = f", the first a {type(rows[0]).__name__}" if isinstance(rows, list) and rows else ""
    return f"a {type(rows).__name__} of {len(rows)}{first}"


def praise(world, scenes):
    if any(scene.D is not scene.step.before["D"] for scene in scenes):
        return "at-once"
    steps = world.steps()
    starts = [0] + [step.at for step in steps]
    if any(s.name == "D" and world.arrived("G", at, s.at) for at, s in zip(starts, steps)):
        return "slower"
    return "g-first" if steps[0].name == "G" else None


IN_D = {
    "NO-ZERO-GRAD": {"clear": nothing},
    "STEP-FORGOTTEN": {"move": nothing},
    "WRONG-SIGN": {"loss": lambda r, f: -cross_entropy(r, f)},
    "LABELS-SWAPPED": D_LOSSES["LABELS-SWAPPED"][0],
    "ARTICLE-D-LOSS": D_LOSSES["ARTICLE-D-LOSS"][0],
}
IN_G = {
    "G-STARVED": {"make": lambda G, z: G(z).detach()},
    "SATURATING-FOR-NON-SATURATING": G_LOSSES["SATURATING-FOR-NON-SATURATING"][0],
    "ZERO-GRAD-TOO-LATE": DESCENT["ZERO-GRAD-TOO-LATE"][0],
}
DRAWN = {
    "Z-NOT-NORMAL": lambda G, n, rng: torch.rand(n, G.z_dim, generator=rng),
    "ONE-DRAW": lambda G, n, rng: noise(G, 1, rng).expand(n, -1),
    "RNG-UNUSED": lambda G, n, rng: torch.randn(n, G.z_dim),
}
TRAIN_MISTAKES = {
    **{code: ({"d": partial(d_turn, **way)},) for code, way in IN_D.items()},
    **{code: ({"g": partial(g_turn, **way)},) for code, way in IN_G.items()},
    **{code: ({"draw": way},) for code, way in DRAWN.items()},
    "PAIR-SWAPPED": ({"row": lambda d, g: (g.item(), d.item())},),
}
train_loop = Probe(
    "05.train",
    train,
    judge_train,
    TRAIN_MISTAKES,
    may_change=("G.weights", "G.grad", "D.weights", "D.grad"),
)

# ---- in the lesson: the article's sign, and where to cut -----------------------------------------


def article_mended(
    real, fake, *, a=lambda r: r.mean(), b=lambda f: f.mean(), join=lambda a, b: -(a - b)
):
    return join(a(real), b(fake))


term_a, term_b, join = Part.of(article_mended)
SIGN_MISTAKES = {
    "ARTICLE-D-LOSS": join(lambda a, b: -(a + b)),
    "WRONG-SIGN": join(lambda a, b: a - b),
    "BOTH-TURNED": join(lambda a, b: a + b),
    "TERM-MISSING": join(lambda a, b: -a, lambda a, b: b),
    "ANOTHER-LOSS": (cross_entropy, lambda r, f: relu(1 - r).mean() + relu(1 + f).mean()),
    "SUM-NOT-MEAN": ({"a": lambda r: r.sum(), "b": lambda f: f.sum()},),
}


def sign_cases(seed):
    rng = seeded(seed)
    return [
        Case(f"{n} answers of each kind", tuple(torch.randn(2, n, generator=rng))) for n in (4, 6)
    ]


def d_loss_cut(D, real, fake, *, see=lambda D, x: D(x), cut=lambda D, fake: D(fake.detach())):
    return cross_entropy(see(D, real), cut(D, fake))


see_real, cut = Part.of(d_loss_cut)


def with_no_graph(D, x):
    with torch.no_grad():
        return D(x)


CUT_MISTAKES = {
    "D-STEP-FEEDS-G": (
        shows(
            lambda got, right: got["G's gradient"] and near(got["your loss"], right["your loss"])
        ),
        *cut(lambda D, fake: D(fake)),
    ),
    "D-CUT-OFF": (
        shows(lambda got, right: not got["D's gradient"].any()),
        *cut(lambda D, fake: D(fake).detach(), with_no_graph),
    ),
    "REAL-CUT-OFF": see_real(lambda D, x: D(x).detach(), with_no_graph),
    "LABELS-SWAPPED": (lambda D, real, fake: cross_entropy(-D(real), -D(fake.detach())),),
    "SAME-LABEL": (lambda D, real, fake: cross_entropy(D(real), -D(fake.detach())),),
    "TERM-MISSING": (lambda D, real, fake: softplus(-D(real)).mean(),),
}


def observe_cut(answer, case):
    """The loss, the gradient that reaches D's weights, and whether one reaches G's."""
    seed, n = case.args
    world, rng = World(seed), seeded(seed + 1)
    G, D = world.nets["G"], world.nets["D"]
    real, z = torch.randn(n, X_DIM, generator=rng), torch.randn(n, Z_DIM, generator=rng)
    loss = answer(D, real, G(z))
    value, weights = number(loss), [*D.parameters(), *G.parameters()]
    if not (isinstance(loss, torch.Tensor) and loss.requires_grad):
        size = sum(p.numel() for p in D.parameters())
        return {"your loss": value, "D's gradient": torch.zeros(size), "G's gradient": False}
    found = torch.autograd.grad(loss.sum(), weights, allow_unused=True)
    found = [torch.zeros(p.numel()) if g is None else g.flatten() for g, p in zip(found, weights)]
    k = len(list(D.parameters()))
    reached = bool(torch.cat(found[k:]).abs().max() > 0)
    return {"your loss": value, "D's gradient": torch.cat(found[:k]), "G's gradient": reached}


turn_sign = Exercise("05.turn_sign", article_mended, SIGN_MISTAKES, sign_cases, what="your loss")
turn_detach = Exercise(
    "05.turn_detach",
    d_loss_cut,
    CUT_MISTAKES,
    lambda seed: [Case(f"{n} of each kind", (seed + n, n)) for n in (5, 7)],
    observe=observe_cut,
    may_change=(),
)
EXERCISES = {
    "d_step": d_step,
    "g_step": g_step,
    "train": train_loop,
    "turn_sign": turn_sign,
    "turn_detach": turn_detach,
}
