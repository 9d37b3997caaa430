"""The trial's treatments: each trains, each gets the same compute, and unrolling is what it says."""

import math
from dataclasses import replace

import pandas as pd
import pytest
import torch
from torch import nn

from ganedu import data, losses, results, treatments
from ganedu.networks import MLPDiscriminator, MLPGenerator
from ganedu.recipe import Recipe, made
from ganedu.studies import Trial
from ganedu.trainer import NotFinite, Trainer, latent
from ganedu.treatments import plane, stacks
from ganedu.treatments.base import Unrolled

torch.set_num_threads(1)
MEASURED = {"modes", "quality", "reverse_kl", "d_updates", "g_updates", "cpu_seconds"}
PLANE, STACKS = list(plane.TREATMENTS), list(stacks.TREATMENTS)


def test_a_trial_has_ten_treatments_or_more_of_both_families():
    for all_of in (plane.TREATMENTS, stacks.TREATMENTS):
        families = [t.family for t in all_of.values()]
        assert len(all_of) >= 10 and {"architecture", "training"} <= set(families)
        assert next(iter(all_of)) == "baseline" and families.count("none") == 1


def test_every_arm_of_the_plane_was_searched_alike_and_runs_with_what_the_search_said():
    """Three values, two seeds, half the budget, on the grid; the least KL is what the trial uses.

    The baseline and the relativistic loss share the step size of the factorial; the baseline's search is
    that of the arm of another step size.
    """
    rows = pd.DataFrame(results.load("trial_search")["rows"])
    other = rows[(rows["recipe"] == "baseline") & (rows["value"] != plane.CHOSEN["baseline"])]
    rows = pd.concat([rows, other.assign(recipe="other step size")])
    assert set(rows["recipe"]) == set(plane.TREATMENTS) == set(plane.SEARCHED)
    assert set(rows["seed"]) == {900, 901} and set(rows["data"]) == {"grid"}
    for name, search in plane.SEARCHED.items():
        mine = rows[rows["recipe"] == name]
        assert set(mine["value"]) == set(search.arms) and len(mine) == 2 * len(search.arms)
        if name not in ("baseline", "relativistic"):
            best = mine.groupby("value")["reverse_kl"].mean().idxmin()
            assert plane.CHOSEN[name] == pytest.approx(best), name
        assert plane.TREATMENTS[name] is search.arms[plane.CHOSEN[name]]


def test_the_trial_is_whole_on_seeds_of_its_own_at_equal_cost():
    rows = pd.DataFrame(results.load("trial_plane")["rows"])
    assert not set(rows["seed"]) & {*range(10), 900, 901}, "seeds that settings were chosen on"
    for (points, name), mine in rows.groupby(["data", "recipe"]):
        assert len(mine) >= 10 and mine["seed"].is_unique, f"{name} on {points}"
        t = plane.TREATMENTS[name]
        assert set(mine["steps"]) == {round(plane.BUDGET / t.cost)}
    assert set(rows["data"]) == {"ring", "grid"}
    assert all(set(of["recipe"]) == set(plane.TREATMENTS) for _, of in rows.groupby("data"))


def test_the_ablation_takes_one_of_six_things_away_at_a_time():
    whole = plane.ABLATED["all six"].plain()
    assert len(plane.ABLATED) == 7
    for name, recipe in plane.ABLATED.items():
        now = recipe.plain()
        changed = {key for key in whole | now if whole.get(key) != now.get(key)}
        assert len(changed) == (name != "all six"), f"{name}: {changed}"


def test_overlap_counts_good_samples_up_to_each_modes_due():
    ring = plane.DATA["ring"]
    one = ring.means[:1].repeat(100, 1)
    assert plane.measured(one, ring)["overlap"] == pytest.approx(1 / 8)
    all_of = ring.means.repeat(10, 1)
    assert plane.measured(all_of, ring)["overlap"] == pytest.approx(1)
    far = torch.cat([all_of, all_of + 5])
    assert plane.measured(far, ring)["overlap"] == pytest.approx(0.5)


def test_names_can_be_given_on_the_command_line():
    assert not [name for name in PLANE + STACKS if "," in name]


@pytest.mark.parametrize("name", PLANE)
def test_each_treatment_of_points_trains_and_is_measured(name):
    found = treatments.trial("ring", steps=2)[name](0)
    assert set(found) >= MEASURED and found["g_updates"] == 2
    assert all(math.isfinite(x) for x in found.values())


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(stacks, "SAMPLES", 300)


@pytest.mark.parametrize("name", STACKS)
def test_each_treatment_of_stacks_trains_and_is_measured(name, quick):
    found = treatments.trial("stacked", steps=2)[name](0)
    assert set(found) >= MEASURED | {"sure_modes"} and found["g_updates"] == 2


def test_what_draws_trains_is_measured_and_can_be_written_down(quick):
    found = Trial(replace(stacks.DRAWING, steps=2), stacks.judge)(0)
    assert set(found) >= MEASURED | {"sure_modes"} and found["g_updates"] == 2
    text = stacks.DRAWING.to_toml()
    assert Recipe.from_toml(text).to_toml() == text


def test_one_network_paints_each_digit_of_a_stack_by_its_own_plan():
    torch.manual_seed(0)
    paint = stacks.painter()[3:]  # from the three plans on
    plans = torch.randn(4, 3, 64)
    x = paint(plans.flatten(0, 1))
    assert x.shape == (4, 3, 8, 8)
    torch.testing.assert_close(paint(plans.flip(1).flatten(0, 1)), x.flip(1))


def test_one_network_looks_at_each_digit_of_a_stack_and_another_at_all_three():
    torch.manual_seed(0)
    D, x = stacks.viewer(), torch.rand(4, 3, 8, 8) * 2 - 1
    seen, joint = D[:7], D[7:]
    torch.testing.assert_close(seen(x.flip(1)).view(4, 3, 64), seen(x).view(4, 3, 64).flip(1))
    torch.testing.assert_close(joint(seen(x)), D(x))
    assert D(x).shape == (4,) and not torch.allclose(D(x.flip(1)), D(x))  # which digit is where


@pytest.mark.parametrize("name, room", [("ring", plane), ("grid", plane), ("stacked", stacks)])
def test_every_treatment_gets_the_same_compute(name, room):
    """Steps times cost is the budget, whatever the treatment; schedules end with the run."""
    trial = treatments.trial(name)
    assert list(trial) == list(room.TREATMENTS)
    for key, t in room.TREATMENTS.items():
        assert abs(trial[key].recipe.steps * t.cost - room.BUDGET) <= t.cost / 2
    assert {t.recipe.steps for t in treatments.trial(name, steps=7).values()} == {7}


def test_a_trials_recipes_are_on_its_data_and_can_be_written_down():
    for name, size in (("ring", 8), ("grid", 25)):
        for trial in treatments.trial(name).values():
            assert len(made(trial.recipe.data).means) == size
    for name in ("grid", "stacked"):
        for trial in treatments.trial(name).values():
            text = trial.recipe.to_toml()
            assert Recipe.from_toml(text).to_toml() == text


def test_each_treatment_but_the_baseline_changes_it():
    for room in (plane, stacks):
        texts = [t.recipe.to_toml() for t in room.TREATMENTS.values()]
        assert len(set(texts)) == len(texts)


def test_the_same_seed_gives_the_same_networks_and_another_seed_others():
    def weights(seed):
        trainer = plane.baseline(plane.DATA["ring"], seed, 10)
        return torch.cat([p.flatten() for p in [*trainer.G.parameters(), *trainer.D.parameters()]])

    assert torch.equal(weights(3), weights(3)) and not torch.equal(weights(3), weights(4))


def test_the_annealed_weight_goes_from_a_twentieth_to_a_five_thousandth():
    trainer = replace(plane.COMBINATION, steps=1000).trainer()
    assert 0.05 * trainer.penalty_schedule(0) == pytest.approx(0.05)
    assert 0.05 * trainer.penalty_schedule(1000) == pytest.approx(0.0002)


def test_the_spectral_norm_of_every_layer_of_a_spectral_critic_is_at_most_1():
    torch.manual_seed(0)
    D = plane.critic(spectral=True)
    x = torch.randn(8, 2)
    for _ in range(30):  # power iteration
        D(x)
    layers = [m for m in D.modules() if isinstance(m, nn.Linear)]
    assert len(layers) == 3
    assert all(torch.linalg.matrix_norm(m.weight, 2) < 1.02 for m in layers)


def test_the_published_data_at_unit_size():
    ring, grid = plane.DATA["ring"], plane.DATA["grid"]
    assert ring.std == 0.01 and len(ring.means) == 8 and len(grid.means) == 25
    assert grid.means.abs().max() == 1 and grid.std * 4 == 0.05  # spacing 2, std .05, over 4


# ---- unrolling -----------------------------------------------------------------------------------


class Plainly(nn.Module):
    """G: z [n, 1] -> w z + b."""

    z_dim, z_shape = 1, (1,)

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.7], dtype=torch.float64))
        self.b = nn.Parameter(torch.tensor([0.3], dtype=torch.float64))

    def forward(self, z):
        return self.w * z.double() + self.b


class Slope(nn.Module):
    """D: x [n, 1] -> a x + c."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(0.4, dtype=torch.float64))
        self.c = nn.Parameter(torch.tensor(-0.2, dtype=torch.float64))

    def forward(self, x):
        return self.a * x.squeeze(1) + self.c


def unrolled_loss(G, D, z, real, ahead, h):
    """By hand: D's `ahead` steps of gradient descent on the logistic loss, then G's loss."""
    a, c, fake = D.a.item(), D.c.item(), (G.w.item() * z + G.b.item()).squeeze(1)
    for _ in range(ahead):
        r, f = torch.sigmoid(-(a * real + c)), torch.sigmoid(a * fake + c)
        slope_a, slope_c = (f * fake).mean() - (r * real).mean(), f.mean() - r.mean()
        a, c = a - h * slope_a, c - h * slope_c
    return nn.functional.softplus(-(a * fake + c)).mean().item()


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_unrolling_follows_d_through_its_own_steps(ahead):
    """G's gradient against finite differences of the loss after D's steps: through D's answer too."""
    points = data.Points(torch.tensor([[1.0], [2.0]], dtype=torch.float64))
    trainer = Unrolled(G=Plainly(), D=Slope(), data=points, batch=4)
    trainer.ahead, trainer.step_size = ahead, 0.5
    rng = torch.Generator(trainer.device).manual_seed(1)
    z, real = latent(trainer.G, 4, rng).double(), points.sample(4, rng)
    before = [p.clone() for p in trainer.D.parameters()]
    trainer.opt_G = torch.optim.SGD(trainer.G.parameters(), lr=0.0)  # look at the gradient only
    trainer.g_turn(trainer.D, real, trainer.G(z))
    for name in ("w", "b"):
        weight, e = getattr(trainer.G, name), 1e-5
        found = []
        for sign in (1, -1):
            with torch.no_grad():
                weight += sign * e
                found.append(unrolled_loss(trainer.G, trainer.D, z, real.squeeze(1), ahead, 0.5))
                weight -= sign * e
        assert weight.grad.item() == pytest.approx((found[0] - found[1]) / (2 * e), rel=1e-4)
    assert all(torch.equal(a, b) for a, b in zip(before, trainer.D.parameters()))
    assert all(p.grad is None for p in trainer.D.parameters())


def test_unrolling_shows_real_examples_to_a_loss_that_compares_with_them():
    def weights(loss):
        torch.manual_seed(0)
        trainer = Unrolled(G=MLPGenerator(width=8), D=MLPDiscriminator(width=8), data=data.ring(8))
        trainer.loss = loss
        trainer.fit(2, progress=False)
        return torch.cat([p.flatten() for p in trainer.G.parameters()])

    compared = losses.Loss(
        losses.logistic_d, lambda real, fake: (real - fake).mean(), g_sees_real=True
    )
    alone = losses.Loss(losses.logistic_d, losses.critic_g)
    assert not torch.equal(weights(compared), weights(alone)), "D's future depends on the fakes"


def test_an_unrolled_loss_that_is_not_finite_stops_by_name():
    bad = losses.Loss(losses.logistic_d, lambda fake: fake.mean() * math.nan)
    trainer = Unrolled(G=MLPGenerator(width=8), D=MLPDiscriminator(width=8), data=data.ring(8))
    trainer.loss = bad
    with pytest.raises(NotFinite, match="generator's loss is nan at step 1"):
        trainer.fit(2, progress=False)


def test_unrolling_by_no_step_is_the_plain_trainer():
    def weights(kind):
        torch.manual_seed(0)
        G, D = MLPGenerator(width=8), MLPDiscriminator(width=8)
        trainer = kind(G=G, D=D, data=data.ring(8), batch=16, loss=losses.nonsaturating)
        trainer.ahead = 0
        for _ in trainer.steps(5):
            pass
        return torch.cat([p.flatten() for p in G.parameters()])

    assert torch.allclose(weights(Unrolled), weights(Trainer), atol=1e-6)
