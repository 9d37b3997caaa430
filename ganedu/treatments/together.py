"""Several seeds of one recipe in one pass: small networks cost mostly the calls, not the arithmetic.

    trainers = Together.of(recipe, seeds=range(20))

Each member has the first weights and the batches of its own seed: it is the run of that seed, up to
rounding. Networks with buffers that training changes (batch norm, spectral norm) are refused.
"""

import copy
from operator import index

import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

from ganedu.trainer import Trainer, evaluating, latent
from ganedu.treatments.base import Unrolled


class Members(nn.Module):
    """Networks of one shape as one: x [members n, ...] -> their answers [members n, ...], in turn."""

    def __init__(self, nets):
        super().__init__()
        weights, buffers = stack_module_state(nets)
        norms = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in nets[0].modules())
        if norms or any(not torch.equal(b, b[:1].expand_as(b)) for b in buffers.values()):
            raise ValueError("networks that keep statistics of their own must run alone")
        self.names = list(weights)
        self.weights = nn.ParameterList(weights.values())
        self.shape = [copy.deepcopy(nets[0])]  # in a list: its weights are not ours
        self.count = len(nets)
        for name in ("z_dim", "z_shape"):
            if hasattr(nets[0], name):
                setattr(self, name, getattr(nets[0], name))

    def forward(self, x):
        own = x.unflatten(0, (self.count, -1))
        weights = dict(zip(self.names, self.weights))
        return vmap(self._one, randomness="different")(weights, own).flatten(0, 1)

    def _one(self, weights, x):
        return functional_call(self.shape[0], weights, (x,))


class Together(Trainer):
    """A trainer whose G and D are `Members`: `seeds` says whose."""

    seeds, rngs = (), ()

    @classmethod
    def of(cls, recipe, seeds, data=None):
        """The recipe's runs of these seeds, side by side, each as `recipe.trainer(seed)` begins it."""
        alone = [recipe.trainer(seed, device="cpu", data=data) for seed in seeds]
        first = alone[0]
        kind = cls if type(first) is Trainer else type("Together", (cls, type(first)), {})
        G, D = (Members([getattr(t, name) for t in alone]) for name in ("G", "D"))
        own = {name: getattr(first, name) for name in FIELDS}
        own["batch"] = first.batch * len(alone)
        trainer = kind(G=G, D=D, data=first.data, seed=seeds[0], device="cpu", **own)
        trainer.seeds, trainer.rngs = tuple(seeds), [t.rng for t in alone]
        if isinstance(trainer, Unrolled):
            trainer.step_size = first.step_size * len(alone)  # its steps are of the mean loss
        return trainer

    def deal(self, n, rng):
        """Each member's batch from its own generator, as when it runs alone."""
        rngs = self.rngs or [rng] * self.G.count  # the latter while it is being made
        n //= len(rngs)
        dealt = [(self.data.sample(n, own), latent(self.G, n, own)) for own in rngs]
        real, z = (torch.cat(part) for part in zip(*dealt))
        return real, z, self.G, self.D

    def _descend(self, optimiser, loss, player):
        """The sum of the members' losses, not their mean: each moves as if it were alone."""
        super()._descend(optimiser, loss * len(self.seeds), player)

    @torch.no_grad()
    def samples(self, n, seed=0):
        """n generated examples of each member [members, n, ...], all from the same z."""
        rng = torch.Generator().manual_seed(index(seed))
        G = self.G if self.average is None else self.average
        z = torch.cat([latent(G, min(1000, n - i), rng) for i in range(0, n, 1000)])
        with evaluating(G):
            return G(z.repeat(len(self.seeds), *[1] * (z.ndim - 1))).unflatten(0, (-1, n))


FIELDS = ("loss", "penalty", "batch", "lr_g", "lr_d", "betas", "d_steps", "schedule")
FIELDS += ("penalty_schedule", "ema", "precision")
