"""Seeds side by side: each member is the run of its own seed, and nothing leaks between them."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from ganedu import data, losses, penalties
from ganedu.networks import MinibatchStd, MLPDiscriminator, MLPGenerator, Packed
from ganedu.recipe import Recipe
from ganedu.treatments import plane, stacks
from ganedu.treatments.base import Unrolled
from ganedu.treatments.together import Members, Together

torch.set_num_threads(1)
SMALL = Recipe(
    data=data.ring,
    G=partial(MLPGenerator, width=8),
    D=partial(MLPDiscriminator, width=8),
    batch=16,
    lr_g=1e-3,
    lr_d=1e-3,
    steps=6,
)
RECIPES = {
    "plain": SMALL,
    "relativistic + R1 + R2": replace(
        SMALL, loss=losses.relativistic, penalty=partial(penalties.r1_r2, gamma=0.1)
    ),
    "packing": replace(SMALL, D=partial(Packed, partial(MLPDiscriminator, in_dim=4, width=8), 2)),
    "unrolled": replace(SMALL, kind=Unrolled),
    "two steps for D, an average": replace(SMALL, d_steps=2, ema=0.5),
}


@pytest.mark.parametrize("name", RECIPES)
def test_each_member_is_the_run_of_its_own_seed(name):
    recipe, seeds = RECIPES[name], (3, 11, 4)
    many = Together.of(recipe, seeds)
    for _ in many.steps(6):
        pass
    for samples, seed in zip(many.samples(1200), seeds, strict=True):
        one = recipe.trainer(seed, device="cpu")
        for _ in one.steps(6):
            pass
        assert torch.allclose(samples, one.sample(1200), atol=1e-4)


def test_a_feature_of_the_batch_is_of_the_members_own_batch():
    torch.manual_seed(0)
    nets = [torch.nn.Sequential(torch.nn.Linear(2, 3), MinibatchStd()) for _ in range(2)]
    x = torch.randn(10, 2) * torch.tensor([1.0] * 5 + [100.0] * 5)[:, None]
    both = Members(nets)(x)
    assert torch.allclose(both, torch.cat([nets[0](x[:5]), nets[1](x[5:])]), atol=1e-4)


def test_networks_that_keep_statistics_are_refused():
    recipe = replace(plane.BASELINE, D=partial(plane.critic, spectral=True), steps=2)
    with pytest.raises(ValueError, match="must run alone"):
        Together.of(recipe, (0, 1))
    torch.manual_seed(0)
    with pytest.raises(ValueError, match="must run alone"):
        Members([stacks.drawer(batch_norm=True) for _ in range(2)])
