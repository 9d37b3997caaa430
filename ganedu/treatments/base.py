"""What a treatment is, and the one that needs a turn of its own: unrolling."""

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch.func import functional_call

from ganedu.recipe import Recipe
from ganedu.trainer import Trainer


@dataclass(frozen=True)
class Treatment:
    """One change of the baseline."""

    family: str  # "architecture", "training" or "both"
    recipe: Recipe
    cost: float  # time of a step, in steps of the baseline

    def for_budget(self, budget, data, steps=None):
        """The recipe on `data` for its share of a budget of the baseline's steps, or for `steps`."""
        return replace(self.recipe, data=data, steps=steps or round(budget / self.cost))


@dataclass(frozen=True)
class Search:
    """One arm before its search: a treatment for each value of its main number."""

    what: str  # the number, in words
    arms: dict  # {value: Treatment}


class Unrolled(Trainer):
    """G answers to the D of `ahead` steps from now (Metz et al. 2017), by plain gradient steps."""

    ahead, step_size = 5, 0.1

    def g_turn(self, D, real, fake):
        """G's step, judged by the D that would come."""
        weights = dict(D.named_parameters())
        for _ in range(self.ahead):
            weights = self._later(D, weights, real, fake)
        return super().g_turn(partial(_with, D, weights), real, fake)

    def _later(self, D, weights, real, fake):
        """D's weights after one step of gradient descent, as a function of the fakes."""
        loss = self.loss.d(_with(D, weights, real), _with(D, weights, fake))
        slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
        return {name: w - self.step_size * s for (name, w), s in zip(weights.items(), slopes)}


def _with(D, weights, x):
    return functional_call(D, weights, (x,))
