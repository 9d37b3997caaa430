"""What a treatment is, and the one that needs a step of its own: unrolling."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch.func import functional_call

from ganedu.trainer import Trainer


@dataclass(frozen=True)
class Treatment:
    """One change of the baseline."""

    family: str  # "architecture", "training" or "both"
    trainer: Callable  # (p_data, seed, steps) -> Trainer
    cost: float  # time of a step, in steps of the baseline


class Unrolled(Trainer):
    """G answers to the D of `ahead` steps from now (Metz et al. 2017), by plain gradient steps."""

    ahead, step_size = 5, 0.1

    def _g_step(self, real, fake, watch):
        weights = dict(self.D.named_parameters())
        for _ in range(self.ahead):
            weights = self._later(weights, real, fake)
        loss = self.loss.g(functional_call(self.D, weights, (fake,)))
        watch(loss, "generator", self.step)
        self.opt_G.zero_grad()
        slopes = torch.autograd.grad(loss, list(self.G.parameters()))  # D's weights get none
        for weight, slope in zip(self.G.parameters(), slopes):
            weight.grad = slope
        self.opt_G.step()
        return loss.detach()

    def _later(self, weights, real, fake):
        """D's weights after one step of gradient descent, as a function of the fakes."""
        judge = partial(functional_call, self.D, weights)
        loss = self.loss.d(judge((real,)), judge((fake,)))
        slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
        return {name: w - self.step_size * s for (name, w), s in zip(weights.items(), slopes)}
