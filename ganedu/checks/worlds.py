"""A world of two small players, their data and optimisers, that writes down what an answer does.

Which batches are drawn, made and judged, where gradients arrive, what each optimiser's step was given.
"""

from collections import namedtuple
from dataclasses import dataclass
from functools import partial

import torch
import torch._dynamo  # the first optimiser imports it (2 s): once here, not in each check
from torch import nn
from torch.func import functional_call
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from ganedu.checks.probes import plain, seeded

Z_DIM, X_DIM, LR, MOST_STEPS = 3, 2, 0.1, 200
EXACT = "donot_use_mm_for_euclid_dist"


Drawn = namedtuple("Drawn", "x")  # a real batch
Made = namedtuple("Made", "z x G")  # a batch of fakes: from which z, by which weights of G
Judged = namedtuple("Judged", "x attached")  # D was shown x; can a gradient flow back from it?
Still = namedtuple("Still", "")  # a network was asked while it stood in evaluation mode
Arrived = namedtuple("Arrived", "name")  # a gradient reached this player's weights
Step = namedtuple(  # an optimiser's step: its gradient, all weights before and after it; shared: it
    "Step",  # holds both players; given: by the caller; adjusted: with other settings
    "name grad before after shared given adjusted at",
)


class Net(nn.Module):
    """[n, n_in] -> [n, n_out], or logits [n] multiplied by `scale` and moved by `shift`."""

    def __init__(self, world, rng, n_in, n_out, scale=1.0, shift=0.0):
        super().__init__()
        self.note, self.scale, self.shift = world.note, scale, shift
        self.net = nn.Sequential(nn.Linear(n_in, 5), nn.Tanh(), nn.Linear(5, n_out))
        for p in self.parameters():
            nn.init.normal_(p, generator=rng)

    def note_mode(self):
        if not self.training:
            self.note(Still)

    def of(self, weights, x):
        """What the network with these weights makes of x, unnoticed."""
        out = self.scale * functional_call(self.net, weights, (x,)) + self.shift
        return out.squeeze(1) if out.shape[1] == 1 else out


class Generator(Net):
    """z [n, 3] -> x [n, 2]."""

    z_dim, z_shape = Z_DIM, (Z_DIM,)

    def forward(self, z):
        if z.ndim != 2 or z.shape[1] != Z_DIM:
            raise ValueError(f"G takes z [n, {Z_DIM}], not {list(z.shape)}")
        self.note_mode()
        x = self.net(z)
        self.note(Made, plain(z), plain(x), {k: plain(p) for k, p in self.net.named_parameters()})
        return x


class Discriminator(Net):
    """x [n, 2] -> logits [n]."""

    def forward(self, x):
        if x.ndim == 2 and x.shape[1] == Z_DIM:
            raise ValueError(f"D takes x [n, {X_DIM}], not {list(x.shape)}")
        self.note_mode()
        self.note(Judged, plain(x), x.requires_grad)
        return self.scale * self.net(x).squeeze(1) + self.shift


@dataclass
class Data:
    """Points around (2, 0.5), noting each batch and whether it came from the given generator."""

    world: object
    rng: torch.Generator
    own: torch.Generator | None = None  # draws from this one, and leaves the given one as it is
    foreign: bool = False

    def sample(self, n, rng):
        self.foreign |= rng is not self.rng
        x = torch.randn(n, X_DIM, generator=self.own or rng) * 0.7 + torch.tensor([2.0, 0.5])
        self.world.note(Drawn, x.clone())
        return x


class Endless(Exception):
    """The answer takes step after step."""


class World:
    """Two players, an optimiser for each, and the log of what an answer does with them."""

    def __init__(self, seed, scale=1.0, shift=0.0):
        rng = seeded(seed)
        self.log, self.unseen = [], False
        self.nets = {
            "G": Generator(self, rng, Z_DIM, X_DIM),
            "D": Discriminator(self, rng, X_DIM, 1, scale, shift),
        }
        self.opt = {k: torch.optim.SGD(net.parameters(), LR) for k, net in self.nets.items()}
        self.settings = {k: settings(opt) for k, opt in self.opt.items()}
        for name, net in self.nets.items():
            for p in net.parameters():
                p.register_hook(partial(self.note_gradient, name))
        self.start = self.weights()

    def note(self, kind, *seen):
        self.unseen |= any(x is None for x in seen)  # inside torch.func.vmap
        if not any(x is None for x in seen):
            self.log.append(kind(*seen))

    def note_gradient(self, name, g):
        g = plain(g)
        if g is not None and g.any():
            self.log.append(Arrived(name))

    def run(self, answer, *args):
        """Call the answer while every optimiser's step is noted, given or of the answer's own."""
        hooks = [
            register_optimizer_step_pre_hook(self.note_weights),
            register_optimizer_step_post_hook(self.note_step),
        ]
        try:
            return answer(*args)
        finally:
            for hook in hooks:
                hook.remove()

    def note_weights(self, *_):
        self.before = self.weights()
        if len(self.steps()) > MOST_STEPS:
            raise Endless

    def note_step(self, opt, *_):
        held = {id(p) for group in opt.param_groups for p in group["params"]}
        mine = [k for k, net in self.nets.items() if any(id(p) in held for p in net.parameters())]
        for name in mine:
            given = opt is self.opt[name]
            adjusted = given and settings(opt) != self.settings[name]
            grad, at = self.grad(name), len(self.log)
            facts = self.before, self.weights(), len(mine) > 1, given, adjusted, at
            self.log.append(Step(name, grad, *facts))

    def weights(self):
        return {k: weights_of(net.net) for k, net in self.nets.items()}

    def grad(self, name):
        """The gradient that now lies at this player's weights, as one vector."""
        return flat(
            torch.zeros_like(p) if p.grad is None else p.grad for p in self.nets[name].parameters()
        )

    def steps(self, name=None):
        return [e for e in self.log if isinstance(e, Step) and name in (None, e.name)]

    def of(self, kind, start=0, end=None):
        return [e for e in self.log[start:end] if isinstance(e, kind)]

    def arrived(self, name, start=0, end=None):
        return Arrived(name) in self.of(Arrived, start, end)

    def touched(self):
        """The player whose weights are not where the steps left them, or None."""
        steps = self.steps()
        starts, ends = [self.start, *(s.after for s in steps)], [s.before for s in steps]
        for a, b in zip(starts, [*ends, self.weights()]):
            for name in "GD":
                if not torch.equal(vector(a[name]), vector(b[name])):
                    return name
        return None


def settings(opt):
    return {k: v for k, v in opt.param_groups[0].items() if k != "params"}


def weights_of(net):
    return {k: p.detach().clone() for k, p in net.named_parameters()}


def flat(tensors):
    return torch.cat([x.detach().flatten() for x in tensors])


def vector(weights):
    return flat(weights.values())


def rows_in(x, others):
    """Which rows of x are rows of one of the others -> [n] of bool."""
    others = [o for o in others if o.ndim == 2 and o.shape[1] == x.shape[1]]
    if not others:
        return torch.zeros(len(x), dtype=torch.bool)
    return torch.cdist(x, torch.cat(others).to(x.dtype), compute_mode=EXACT).min(1).values < 1e-5
