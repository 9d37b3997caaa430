"""The trainer: it is the loop one would write by hand, can be stopped, resumed, and looked at."""

import copy
import math
import os
import signal
import subprocess
import sys
import threading
import types
from pathlib import Path

import numpy as np
import pytest
import recipes
import torch
from recipes import all_finite, same
from torch import nn
from torch.nn.functional import softplus
from torch.utils._python_dispatch import TorchDispatchMode

import ganedu.trainer
from ganedu import data, doctor, losses, recording, viz
from ganedu.diagnostics import health
from ganedu.losses import Loss
from ganedu.networks import DCGANDiscriminator, MLPDiscriminator, MLPGenerator, Packed
from ganedu.penalties import gradient_penalty, r1
from ganedu.trainer import (
    NotFinite,
    Trainer,
    cosine,
    evaluating,
    find_device,
    geometric,
    latent,
)

KINDS = {"mlp": recipes.mlp, "everything": recipes.mlp_with_everything, "dcgan": recipes.dcgan}
each_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


def fit(trainer, n, **options):
    return trainer.fit(n, progress=False, **options)


def state_after(trainer, n):
    fit(trainer, n)
    return trainer.state_dict()


# ---------------------------------------------------------------- it is the loop written by hand


def adam(net, lr=2e-4):
    return torch.optim.Adam(net.parameters(), lr=lr, betas=(0.5, 0.999), fused=True)


def by_hand(trainer, n, d_steps=1, penalty=None, low=None):
    """Train copies of a trainer's networks with the loop of a textbook; return them."""
    G, D = copy.deepcopy(trainer.G), copy.deepcopy(trainer.D)
    opt_G, opt_D = adam(G), adam(D)
    place = trainer.device.type
    rng = torch.Generator(place).manual_seed(0)
    for _ in range(n):
        for _ in range(d_steps):
            real = trainer.data.sample(trainer.batch, rng)
            z = torch.randn(trainer.batch, *G.z_shape, generator=rng, device=place)
            with torch.autocast(place, low, enabled=low is not None):
                fake = G(z)
                d_loss = (
                    softplus(-D(real).float()).mean() + softplus(D(fake.detach()).float()).mean()
                )
            if penalty is not None:
                d_loss = d_loss + penalty(D, real, fake.detach().float(), rng)
            opt_D.zero_grad(), d_loss.backward(), opt_D.step()
        with torch.autocast(place, low, enabled=low is not None):
            g_loss = softplus(-D(fake).float()).mean()
        opt_G.zero_grad(), g_loss.backward(), opt_G.step()
    return G, D


@pytest.mark.parametrize(
    "make, options",
    [
        (recipes.mlp, {}),
        (recipes.mlp, {"d_steps": 3}),
        (recipes.mlp, {"d_steps": 2, "penalty": gradient_penalty}),
        (lambda **o: recipes.dcgan(ema=None, **o), {"penalty": r1}),
    ],
    ids=["mlp", "three steps for D", "gradient penalty", "dcgan, r1"],
)
def test_training_equals_the_loop_written_by_hand_bit_for_bit(make, options):
    trainer = make(**options, precision=torch.float32)
    G, D = by_hand(trainer, 4, **options)
    fit(trainer, 4)
    assert same(trainer.G.state_dict(), G.state_dict())
    assert same(trainer.D.state_dict(), D.state_dict())


def test_mixed_precision_equals_the_loop_with_autocast_written_by_hand():
    trainer = recipes.dcgan(ema=None, penalty=None, precision=torch.bfloat16)
    G, D = by_hand(trainer, 3, low=torch.bfloat16)
    fit(trainer, 3)
    assert same(trainer.G.state_dict(), G.state_dict())
    assert same(trainer.D.state_dict(), D.state_dict())


def test_d_takes_d_steps_for_each_step_of_g_and_not_the_other_way_round():
    trainer, taken = recipes.mlp(d_steps=3), []
    trainer.opt_G.register_step_post_hook(lambda *_: taken.append("G"))
    trainer.opt_D.register_step_post_hook(lambda *_: taken.append("D"))
    fit(trainer, 2)
    assert "".join(taken) == "DDDGDDDG"


def test_the_two_turns_are_public_and_can_be_taken_by_hand():
    trainer, whole = recipes.mlp(), recipes.mlp()
    fit(whole, 3)
    for _ in range(3):
        real, z, G, D = trainer.deal(16, trainer.rng)
        fake = G(z)
        row = trainer.d_turn(D, real, fake) | trainer.g_turn(D, real, fake)
        assert set(row) == {"d_loss", "real", "fake", "g_loss"}
    assert same(trainer.G.state_dict(), whole.G.state_dict())
    assert same(trainer.D.state_dict(), whole.D.state_dict())


def test_fakes_are_drawn_once_for_each_step_of_d_and_serve_g_too():
    trainer, drawn = recipes.mlp(d_steps=2), []
    trainer.G.register_forward_hook(lambda *_: drawn.append(1))
    fit(trainer, 3)
    assert len(drawn) == 6


def test_gs_step_leaves_no_gradient_in_d_and_d_trainable():
    trainer = recipes.mlp()
    for _ in trainer.steps(1):
        pass
    after_d = [p.grad.clone() for p in trainer.D.parameters()]
    real, z, G, D = trainer.deal(16, trainer.rng)
    trainer.g_turn(D, real, G(z))
    assert same(after_d, [p.grad for p in trainer.D.parameters()])
    assert all(p.requires_grad for p in trainer.D.parameters())


def test_a_relativistic_g_sees_the_real_batch():
    seen = []

    def g(real, fake):
        seen.append((real.detach().clone(), fake.detach().clone()))
        return losses.relativistic_g(real, fake)

    trainer = recipes.mlp(loss=Loss(losses.relativistic_d, g, g_sees_real=True), lr_d=1e-12)
    (row,) = list(trainer.steps(1))
    assert torch.allclose(seen[0][0], row["real"], atol=1e-5)
    assert torch.allclose(seen[0][1], row["fake"], atol=1e-5)


def test_the_reported_d_loss_is_without_the_penalty_but_the_penalty_trains_d():
    plain = recipes.mlp()
    other = recipes.mlp(penalty=lambda D, real, fake, rng: 5 * D(real).square().mean())
    (a,), (b,) = list(plain.steps(1)), list(other.steps(1))
    assert torch.equal(a["d_loss"], b["d_loss"])
    assert not same(plain.D.state_dict(), other.D.state_dict())
    assert same(recipes.mlp().D.state_dict(), recipes.mlp().D.state_dict())


def test_step_sizes_and_betas_reach_the_right_players_adam():
    trainer = recipes.mlp(lr_g=0.01, lr_d=0.03, betas=(0.1, 0.9))
    assert trainer.opt_G.param_groups[0]["lr"] == 0.01
    assert trainer.opt_D.param_groups[0]["lr"] == 0.03
    assert trainer.opt_G.param_groups[0]["betas"] == (0.1, 0.9)
    ours = {id(p) for p in trainer.G.parameters()}
    assert {id(p) for p in trainer.opt_G.param_groups[0]["params"]} == ours


def test_step_sizes_can_be_changed_between_steps():
    trainer = recipes.mlp(lr_g=0.1, lr_d=0.1)
    fit(trainer, 1)
    before = [p.detach().clone() for p in trainer.G.parameters()]
    trainer.lr_g, trainer.lr_d = 1e-12, np.float64(0.3)
    fit(trainer, 1)
    assert all(torch.allclose(a, b, atol=1e-9) for a, b in zip(before, trainer.G.parameters()))
    lr = trainer.opt_D.param_groups[0]["lr"]
    assert lr == 0.3 and type(lr) is float


def test_a_schedule_is_a_factor_on_both_step_sizes_given_the_steps_taken_so_far():
    asked = []

    def schedule(step):
        asked.append(step)
        return 1 / (1 + step)

    trainer = recipes.mlp(lr_g=0.1, lr_d=0.4, schedule=schedule)
    fit(trainer, 2), fit(trainer, 2)
    assert asked == [0, 1, 2, 3]
    assert trainer.opt_G.param_groups[0]["lr"] == pytest.approx(0.1 / 4)
    assert trainer.opt_D.param_groups[0]["lr"] == pytest.approx(0.4 / 4)


def test_a_penalty_schedule_is_a_factor_on_the_penalty_alone():
    def losses_with(factor):
        trainer = recipes.mlp(
            penalty=lambda D, real, fake, rng: 3 * D(real).square().mean(),
            penalty_schedule=factor,
        )
        return [row["d_loss"].item() for row in trainer.steps(3)], trainer

    (plain, _), (never, _), (full, _) = (
        losses_with(f) for f in (None, lambda step: 0.0, lambda step: 1.0)
    )
    (late, trainer) = losses_with(lambda step: float(step > 0))
    bare = [row["d_loss"].item() for row in recipes.mlp(penalty=None).steps(3)]
    assert plain == full and never == bare and trainer.step == 3
    assert late[1] == bare[1] and late[2] != bare[2]  # d_loss is shown without the penalty


def test_cosine_and_geometric_begin_at_1_and_end_where_they_should():
    half, drop = cosine(100), geometric(100, 0.01)
    assert [round(half(step), 6) for step in (0, 25, 50, 100, 150)] == [1, 0.853553, 0.5, 0, 0]
    assert [round(drop(step), 6) for step in (0, 50, 100, 150)] == [1, 0.1, 0.01, 0.01]


def test_a_ring_is_learnt():
    """Known answer of the whole: from 0 modes at the start to most of the eight."""
    torch.manual_seed(0)
    ring = data.ring(8, std=0.1)
    players = {"G": MLPGenerator(width=64), "D": MLPDiscriminator(width=64)}
    trainer = Trainer(**players, data=ring, lr_g=1e-3, lr_d=1e-3, device="cpu")

    def near_a_mode():
        x = trainer.sample(1000)
        distance, nearest = torch.cdist(x, ring.means).min(1)
        return len(nearest[distance < 0.3].unique()), (distance < 0.3).float().mean()

    fit(trainer, 800)
    modes, share = near_a_mode()
    assert modes >= 6 and share > 0.6


# ---------------------------------------------------------------- rows


def test_steps_yield_tensors_so_that_a_step_that_is_not_logged_waits_for_nothing():
    trainer = recipes.mlp()
    for number, row in enumerate(trainer.steps(3), start=1):
        assert row["step"] == number == trainer.step
        for name, shape in (("d_loss", ()), ("g_loss", ()), ("real", (16,)), ("fake", (16,))):
            assert isinstance(row[name], torch.Tensor) and row[name].shape == shape
            assert not row[name].requires_grad


def test_only_logged_rows_are_turned_into_numbers(monkeypatch):
    made, numbers = [], recording.numbers
    monkeypatch.setattr(recording, "numbers", lambda t: made.append(t.step) or numbers(t))
    rows = fit(recipes.mlp(), 25, every=10)
    assert [row["step"] for row in rows] == [10, 20, 25]
    assert made == [10, 20, 25]


def test_on_a_gpu_a_step_that_is_not_logged_reads_no_number_back(monkeypatch):
    """A stand-in: the watch of a GPU, and a tensor that cannot be read before the run has ended."""
    watch = ganedu.trainer._Watch
    monkeypatch.setattr(ganedu.trainer, "_Watch", lambda device: watch(torch.device("cuda")))
    trainer, running = recipes.dcgan(), True

    def forbidden(name, read):
        def method(self, *args):
            assert not running, f"Tensor.{name} waits for the device"
            return read(self, *args)

        return method

    for name in ("item", "tolist", "__float__", "__bool__", "__int__", "numpy"):
        monkeypatch.setattr(torch.Tensor, name, forbidden(name, getattr(torch.Tensor, name)))
    for row in trainer.steps(5):
        running = row["step"] < 5
    assert trainer.step == 5


def test_the_watch_of_a_gpu_reads_every_hundredth_loss_and_names_the_first_bad_one():
    watch = ganedu.trainer._Watch(torch.device("cuda"))
    for step in range(49):
        watch(torch.tensor(1.0), "discriminator", step)
        watch(torch.tensor(math.nan if step >= 30 else 1.0), "generator", step)
    watch(torch.tensor(math.nan), "discriminator", 49)
    with pytest.raises(NotFinite, match="generator's loss is nan at step 31"):
        watch(torch.tensor(math.nan), "generator", 49)


def test_on_a_gpu_a_short_run_is_still_checked_at_its_end(monkeypatch):
    watch = ganedu.trainer._Watch
    monkeypatch.setattr(ganedu.trainer, "_Watch", lambda device: watch(torch.device("cuda")))
    with pytest.raises(NotFinite, match="generator's loss is nan at step 2"):
        fit(recipes.mlp(loss=loss_that_breaks("generator", 2)), 5)


def test_a_row_of_fit_holds_the_losses_and_ds_mean_answers():
    trainer = recipes.mlp()
    (row,) = list(recipes.mlp().steps(1))
    (found,) = fit(trainer, 1)
    assert found == {
        "step": 1,
        "d_loss": row["d_loss"].item(),
        "g_loss": row["g_loss"].item(),
        "d_real": row["real"].sigmoid().mean().item(),
        "d_fake": row["fake"].sigmoid().mean().item(),
    }
    assert found["d_loss"] == pytest.approx(losses.logistic_d(row["real"], row["fake"]).item())


def test_a_critics_answers_are_scores_not_probabilities():
    """Wasserstein, hinge, least squares and relativistic losses make no probability of a logit."""
    for loss in (losses.wasserstein, losses.hinge, losses.least_squares, losses.relativistic):
        (row,), (now,) = fit(recipes.mlp(loss=loss), 1), list(recipes.mlp(loss=loss).steps(1))
        assert set(row) == {"step", "d_loss", "g_loss", "s_real", "s_fake"}
        assert row["s_real"] == now["real"].mean().item()
        assert row["s_fake"] == now["fake"].mean().item()


def test_fit_goes_on_where_the_last_one_ended():
    trainer, whole = recipes.mlp(), recipes.mlp()
    rows = fit(trainer, 3, every=2) + fit(trainer, 4, every=2)
    assert [row["step"] for row in rows] == [2, 3, 4, 6, 7]
    assert fit(whole, 7)[-1] == rows[-1]


def test_no_steps_are_no_rows():
    trainer = recipes.mlp()
    assert fit(trainer, 0) == [] and trainer.step == 0


def test_a_loop_of_ones_own_may_break_at_any_step_and_go_on():
    whole = state_after(recipes.mlp_with_everything(), 5)
    broken = recipes.mlp_with_everything()
    for row in broken.steps(100):
        if row["step"] == 3:
            break
    assert broken.step == 3
    assert same(state_after(broken, 2), whole)


# ---------------------------------------------------------------- looking changes nothing


def look_at_everything(trainer, row, axes):
    health(trainer)
    x = trainer.sample(7, seed=row["step"])
    trainer.state_dict()
    if x.ndim == 2:
        viz.scatter(trainer.data.sample(5, torch.Generator().manual_seed(1)), x, ax=axes[0])
        with torch.no_grad(), evaluating(trainer.D):
            viz.heat(
                trainer.D(viz.lattice(5).to(trainer.device)).sigmoid().reshape(5, 5), ax=axes[1]
            )
    else:
        viz.images(x, ax=axes[0])
    viz.curves([recording.numbers(trainer)], ax=axes[2])


@each_kind
def test_looking_at_a_run_in_every_step_changes_it_not_at_all(make):
    watched, unwatched = make(), make()
    _, axes = viz.figure(3, live=True)
    for row in watched.steps(4):
        look_at_everything(watched, row, axes)
    watched_state = watched.state_dict()
    unwatched = make()  # dropout draws from torch's own generator: start it again
    for _ in unwatched.steps(4):
        pass
    assert same(watched_state, unwatched.state_dict())


@each_kind
def test_the_interval_of_logging_changes_nothing(make):
    often, seldom = state_after(make(), 4), make()
    fit(seldom, 4, every=3)
    assert same(often, seldom.state_dict())


def test_making_a_trainer_draws_nothing_and_leaves_batch_norm_as_it_was():
    trainer = recipes.dcgan()
    before = torch.get_rng_state()
    G, D = copy.deepcopy(trainer.G), copy.deepcopy(trainer.D)
    again = Trainer(G=trainer.G, D=trainer.D, data=recipes.noise_images())
    assert torch.equal(torch.get_rng_state(), before)
    assert same(again.G.state_dict(), G.state_dict()) and same(again.D.state_dict(), D.state_dict())
    fresh = torch.Generator(again.device).manual_seed(0)
    assert torch.equal(again.rng.get_state(), fresh.get_state())


@pytest.mark.parametrize("make", [recipes.mlp, recipes.dcgan])
def test_training_draws_nothing_from_torchs_global_generator(make):
    trainer, before = make(), torch.get_rng_state()
    fit(trainer, 2)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(123)
    assert same(fit(make(), 2), fit(make(), 2))


def test_another_seed_is_another_run_from_the_same_weights():
    a, b = recipes.mlp(seed=1), recipes.mlp(seed=2)
    assert same(a.G.state_dict(), b.G.state_dict())
    assert fit(a, 2) != fit(b, 2)
    assert fit(recipes.mlp(seed=1), 2) == fit(recipes.mlp(seed=1), 2)


# ---------------------------------------------------------------- samples


def test_samples_are_n_float32_examples_repeatable_by_seed_and_without_a_graph():
    trainer = recipes.dcgan()
    x = trainer.sample(5)
    assert x.shape == (5, 1, 28, 28) and x.dtype == torch.float32 and not x.requires_grad
    assert torch.equal(x, trainer.sample(5)) and not torch.equal(x, trainer.sample(5, seed=1))
    assert recipes.mlp().sample(2345).shape == (2345, 2)
    assert len(recipes.mlp().sample(2345).unique(dim=0)) == 2345, "no two parts are the same"


def test_samples_use_batch_norms_running_statistics_not_the_batchs():
    trainer = recipes.dcgan(ema=None)
    fit(trainer, 3)
    x = trainer.sample(6, seed=4)
    z = latent(trainer.G, 6, torch.Generator(trainer.device).manual_seed(4))
    with torch.no_grad():
        alone = torch.cat([trainer.G.eval()(one) for one in z.split(1)])
    assert torch.allclose(x, alone, atol=1e-5)


def test_after_a_sample_every_layer_is_in_the_mode_it_was_in():
    trainer = recipes.dcgan(ema=None)
    trainer.G.train()
    trainer.G.net[1].eval()  # one batch norm frozen by hand
    modes = [layer.training for layer in trainer.G.modules()]
    trainer.sample(2)
    assert [layer.training for layer in trainer.G.modules()] == modes and False in modes
    with pytest.raises(ZeroDivisionError), evaluating(trainer.G):
        _ = 1 / 0
    assert [layer.training for layer in trainer.G.modules()] == modes


# ---------------------------------------------------------------- the average


def test_the_average_follows_its_formula_with_a_short_memory_at_the_start():
    """average += (1 - decay) (now - average), decay = min(ema, (1 + step) / (10 + step))."""
    trainer = recipes.mlp(ema=0.3, lr_g=0.1)
    average = [p.detach().clone() for p in trainer.G.parameters()]
    for step, _ in enumerate(trainer.steps(6)):
        decay = min(0.3, (1 + step) / (10 + step))
        average = [
            decay * a + (1 - decay) * p.detach() for a, p in zip(average, trainer.G.parameters())
        ]
        for mine, found in zip(average, trainer.average.parameters()):
            assert torch.allclose(mine, found, atol=1e-6)
    assert not same(trainer.average.state_dict(), trainer.G.state_dict())


def test_the_average_has_the_running_statistics_of_batch_norm():
    trainer = recipes.dcgan()
    fit(trainer, 3)
    assert same(list(trainer.average.buffers()), list(trainer.G.buffers()))
    fresh = recipes.dcgan()
    assert not same(list(fresh.average.buffers()), list(trainer.average.buffers()))


def test_the_average_draws_the_samples_and_is_never_trained():
    trainer = recipes.mlp(ema=0.99, lr_g=0.1)
    fit(trainer, 5)
    z = latent(trainer.G, 4, torch.Generator(trainer.device).manual_seed(0))
    with torch.no_grad():
        assert torch.equal(trainer.sample(4), trainer.average(z))
        assert not torch.equal(trainer.sample(4), trainer.G(z))
    assert all(p.grad is None for p in trainer.average.parameters())
    assert not trainer.average.training


def test_averaging_does_not_change_training():
    plain, averaged = recipes.mlp(), recipes.mlp(ema=0.9)
    assert fit(plain, 4) == fit(averaged, 4)
    assert same(plain.G.state_dict(), averaged.G.state_dict())


# ---------------------------------------------------------------- state


@each_kind
def test_saved_and_loaded_into_a_new_trainer_a_run_goes_on_bit_for_bit(make, tmp_path):
    whole = state_after(make(), 5)
    first = make()
    fit(first, 2)
    torch.save(first.state_dict(), tmp_path / "run.pt")
    second = make(seed=99)
    fit(second, 1)  # its own optimisers, rng and step are not new any more
    torch.manual_seed(7)
    second.load_state_dict(torch.load(tmp_path / "run.pt", weights_only=True))
    assert second.step == 2
    assert same(state_after(second, 3), whole)


GO_ON = """
import sys, torch, recipes
from ganedu import checkpoint
torch.set_num_threads(int(sys.argv[1]))
for path in sys.argv[2:]:
    trainer = getattr(recipes, path.rpartition("/")[2].removesuffix(".pt"))()
    trainer.load_state_dict(checkpoint.load(path))
    trainer.fit(3, progress=False)
    checkpoint.save(trainer.state_dict(), path)
"""


def python(code, *args):
    """Run code in a new process that finds this folder's modules and this package."""
    places = [str(Path(__file__).parent), str(Path(ganedu.trainer.__file__).parents[1])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        env=env,
        text=True,
        capture_output=True,
        timeout=120,
    )


def test_a_run_goes_on_in_a_new_process_bit_for_bit(tmp_path):
    from ganedu import checkpoint

    whole = {}
    for name in ("mlp_with_everything", "dcgan"):
        trainer = getattr(recipes, name)()
        fit(trainer, 2)
        checkpoint.save(trainer.state_dict(), tmp_path / f"{name}.pt")
        whole[name] = state_after(trainer, 3)
    files = [tmp_path / f"{name}.pt" for name in whole]
    done = python(GO_ON, torch.get_num_threads(), *[f.as_posix() for f in files])
    assert done.returncode == 0, done.stderr
    for name, file in zip(whole, files):
        assert same(checkpoint.load(file), whole[name]), name


def test_a_state_in_memory_is_a_copy_to_which_one_can_return_twice():
    trainer = recipes.mlp_with_everything()
    fit(trainer, 2)
    state = trainer.state_dict()
    first = state_after(trainer, 3)
    for _ in range(2):
        trainer.load_state_dict(state)
        assert same(state_after(trainer, 3), first)


def test_a_run_saved_on_another_kind_of_device_goes_on_with_new_draws():
    trainer, state = recipes.mlp(), state_after(recipes.mlp(), 2)
    state["rng"] = torch.zeros(16, dtype=torch.uint8)  # a CUDA generator's is 16 bytes long
    trainer.load_state_dict(state)
    assert trainer.step == 2 and same(trainer.state_dict()["G"], state["G"])
    assert len(fit(trainer, 2)) == 2


def test_step_sizes_are_the_recipe_not_the_state():
    state = state_after(recipes.mlp(lr_g=0.5, betas=(0.1, 0.2)), 1)
    trainer = recipes.mlp(lr_g=0.25, betas=(0.3, 0.4))
    trainer.load_state_dict(state)
    group = trainer.opt_G.param_groups[0]
    assert (group["lr"], group["betas"]) == (0.25, (0.3, 0.4))


def changed_state(**changes):
    trainer = recipes.mlp(ema=0.9)
    fit(trainer, 1)
    return {**trainer.state_dict(), **changes}


def short_averages():
    """Of a weight [8, 2] two averages [1]: torch's fused Adam would write past their end."""
    found = changed_state()["optimisers"]
    found[0]["state"][0] |= {"exp_avg": torch.zeros(1), "exp_avg_sq": torch.zeros(1)}
    return found


@pytest.mark.parametrize(
    "other, says",
    [
        (
            lambda: recipes.mlp(ema=0.9, G=MLPGenerator(width=16)).state_dict(),
            r"G\.net\.0\.weight is \(16, 2\)",
        ),
        (
            lambda: recipes.mlp(ema=0.9, D=MLPDiscriminator(depth=3)).state_dict(),
            r"D\.net\.0\.weight is \(128, 2\) in it and \(8, 2\) here",
        ),
        (lambda: recipes.dcgan().state_dict(), "checkpoint is of another network: G"),
        (lambda: recipes.mlp().state_dict(), "checkpoint has no average; it holds"),
        (lambda: recipes.mlp().G.state_dict(), r"has no step, .*; it holds \['net.0.bias'"),
        (dict, r"it holds \[\]"),
        (lambda: changed_state(G=[1]), "checkpoint's G is a list, not weights by name"),
        (lambda: changed_state(step="x"), "the checkpoint's step must be a whole number; got 'x'"),
        (lambda: changed_state(optimisers=[1]), "optimisers are of other networks than these"),
        (lambda: changed_state(optimisers=short_averages()), "optimisers are of other networks"),
        (lambda: changed_state(rng=3), "rng of the checkpoint is no state of a generator"),
        (lambda: changed_state(global_rng=None), "global_rng of the checkpoint is no state of a"),
        (lambda: torch.ones(2), "a state is a dictionary, .* got a Tensor"),
        (
            lambda: {
                k: v for k, v in recipes.mlp(ema=0.9).state_dict().items() if k != "optimisers"
            },
            "checkpoint has no optimisers",
        ),
    ],
)
def test_a_checkpoint_of_another_network_is_one_sentence_and_changes_nothing(other, says):
    trainer = recipes.mlp(ema=0.9)
    fit(trainer, 2)
    before, state = trainer.state_dict(), other()
    torch.set_rng_state(before["global_rng"])
    with pytest.raises((ValueError, TypeError), match=says) as error:
        trainer.load_state_dict(state)
    assert "\n" not in str(error.value)
    assert same(trainer.state_dict(), before)


# ---------------------------------------------------------------- stopping


def loss_that_breaks(player, step, value=math.nan):
    """The usual pair, but one player's loss is `value` in one step (counted from 1)."""
    calls = {"discriminator": 0, "generator": 0}

    def broken(name, loss):
        calls[name] += 1
        return loss * value if (name, calls[name]) == (player, step) else loss

    return Loss(
        d=lambda real, fake: broken("discriminator", losses.logistic_d(real, fake)),
        g=lambda fake: broken("generator", losses.nonsaturating_g(fake)),
    )


@pytest.mark.parametrize("player", ["discriminator", "generator"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_stops_with_player_step_and_finite_weights(player, value):
    loss = loss_that_breaks(player, 3, value)
    trainer = recipes.mlp_with_everything(d_steps=1, loss=loss, device="cpu")
    with pytest.raises(NotFinite, match=f"{player}'s loss is -?{abs(value)} at step 3. Look at"):
        fit(trainer, 10)
    assert trainer.step == 2
    assert all_finite(trainer)
    assert all(p.requires_grad for p in trainer.D.parameters())
    assert len(fit(trainer, 2)) == 2, "and training can go on"


def test_a_penalty_that_is_not_finite_is_seen_too():
    with pytest.raises(NotFinite, match="discriminator's loss is inf at step 1"):
        fit(recipes.mlp(penalty=lambda D, real, fake, rng: torch.tensor(math.inf)), 1)


def test_the_articles_log_of_a_sigmoid_stops_by_name():
    bad = Loss(lambda r, f: -losses.article_l_dan(r, f), losses.nonsaturating_g)
    trainer = recipes.mlp(loss=bad, lr_d=10.0)
    with pytest.raises(NotFinite, match=r"log of something that can reach 0 \(use softplus"):
        fit(trainer, 50)


class InterruptedRing:
    """A ring that presses Ctrl-C during the k-th draw."""

    def __init__(self, *when):
        self.ring, self.draws, self.when = data.ring(8), -1, when  # the first draw is a check

    def sample(self, n, rng):
        self.draws += 1
        for at in self.when:
            if at == self.draws:
                signal.raise_signal(signal.SIGINT)
        return self.ring.sample(n, rng)


def test_ctrl_c_ends_after_the_step_under_way_and_training_can_go_on(capsys):
    trainer, whole = recipes.mlp(data=InterruptedRing(4)), recipes.mlp()
    handler = signal.getsignal(signal.SIGINT)
    rows = fit(trainer, 100, every=10)
    assert [row["step"] for row in rows] == [4] and trainer.step == 4
    assert capsys.readouterr().out == "Stopped after step 4. Call fit again to go on from here.\n"
    assert signal.getsignal(signal.SIGINT) is handler
    assert same(state_after(trainer, 3), state_after(whole, 7))


def test_a_second_ctrl_c_ends_at_once():
    trainer = recipes.mlp(data=InterruptedRing(3, 3))
    with pytest.raises(KeyboardInterrupt):
        fit(trainer, 100)
    assert trainer.step == 2
    assert len(fit(trainer, 2)) == 2


def test_in_a_thread_fit_trains_and_leaves_signals_alone():
    trainer, rows, handler = recipes.mlp(), [], signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=lambda: rows.extend(fit(trainer, 3)))
    thread.start(), thread.join()
    assert len(rows) == 3 and signal.getsignal(signal.SIGINT) is handler


def test_a_program_that_handles_ctrl_c_in_its_own_way_goes_on_doing_so():
    """A study does: half a training must not pass for a whole one."""
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *args: pressed.append(args))
    try:
        rows = fit(recipes.mlp(data=InterruptedRing(2)), 5)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(rows) == 5 and len(pressed) == 1


UNTIL_STOPPED = """
import recipes
from ganedu import data

class Ring:
    draws, ring = 0, data.ring(8)
    def sample(self, n, rng):
        self.draws += 1
        if self.draws == 5:
            print("training", flush=True)
        return self.ring.sample(n, rng)

trainer = recipes.mlp(data=Ring())
rows = trainer.fit(10**9, progress=False)
assert [row["step"] for row in rows] == list(range(1, trainer.step + 1))
assert trainer.opt_G.state_dict()["state"][0]["step"] == trainer.step
print(len(trainer.fit(3, progress=False)), flush=True)
"""


def test_ctrl_c_from_outside_returns_the_rows_so_far():
    here = Path(__file__).parent
    places = os.pathsep.join([str(here), str(Path(ganedu.trainer.__file__).parents[1])])
    with subprocess.Popen(
        [sys.executable, "-c", UNTIL_STOPPED],
        env={**os.environ, "PYTHONPATH": places},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        try:
            assert run.stdout.readline() == "training\n"
            run.send_signal(signal.SIGINT)
            out, err = run.communicate(timeout=120)
        finally:
            run.kill()
    assert run.returncode == 0, err
    assert "Stopped after step" in out and out.endswith("\n3\n")


# ---------------------------------------------------------------- device and precision


def test_convolutions_use_bfloat16_where_the_hardware_gains_by_it_and_points_never(monkeypatch):
    for fast, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(ganedu.trainer, "_has_fast_bfloat16", lambda device, fast=fast: fast)
        assert recipes.dcgan().precision == expected
        assert recipes.mlp().precision == torch.float32
        assert recipes.dcgan(precision=torch.float32).precision == torch.float32


def test_losses_and_penalties_are_computed_in_float32_also_in_mixed_precision():
    seen = []

    def penalty(D, real, fake, rng):
        seen.extend([real.dtype, fake.dtype, D(real).dtype])
        return r1(D, real)

    def d(real, fake):
        seen.extend([real.dtype, fake.dtype])
        return losses.logistic_d(real, fake)

    trainer = recipes.dcgan(
        precision=torch.bfloat16, penalty=penalty, loss=Loss(d, losses.nonsaturating_g)
    )
    fit(trainer, 1)
    assert seen == [torch.float32] * 5
    assert {p.dtype for p in trainer.G.parameters()} == {torch.float32}


def test_auto_is_the_cpu_where_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert recipes.mlp().device == torch.device("cpu")


@pytest.mark.parametrize(
    "cuda, apple, expected", [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps")]
)
def test_auto_is_cudas_gpu_or_else_apples(cuda, apple, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: apple)
    monkeypatch.setattr(torch, "empty", lambda n, device: types.SimpleNamespace(device=device))
    assert find_device("auto") == expected


def test_a_device_that_is_not_there_is_one_sentence():
    for name in ("gpu", "cuda:99"):
        with pytest.raises(ValueError, match=f"there is no device '{name}' here: use auto, cpu"):
            recipes.mlp(device=name)


class NoFloat64(TorchDispatchMode):
    """Apple's GPU has no float64."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for x in out if isinstance(out, tuple | list) else [out]:
            assert not isinstance(x, torch.Tensor) or x.dtype != torch.float64, func
        return out


def test_nothing_in_training_needs_float64():
    trainer = recipes.mlp_with_everything(penalty=gradient_penalty)
    with NoFloat64():
        fit(trainer, 2), trainer.sample(5)
        trainer.load_state_dict(trainer.state_dict())
        health(trainer)


# ---------------------------------------------------------------- what does not fit


class Wrong(nn.Module):
    """D that forgets to flatten: [n, 1]."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(2, 1)

    def forward(self, x):
        return self.net(x)


class Endless:
    def __init__(self, value, dtype=torch.float32):
        self.x = torch.full((16, 2), value).to(dtype)

    def sample(self, n, rng):
        return self.x[:n]


@pytest.mark.parametrize(
    "options, kind, says",
    [
        (
            {"D": Wrong()},
            ValueError,
            r"D must return .* shape \[n\]; for n = 16 it returned \[16, 1\]",
        ),
        (
            {"G": MLPGenerator(out_dim=3)},
            ValueError,
            r"G draws \[3\] and the data are \[2\]",
        ),
        ({"D": DCGANDiscriminator(width=2)}, ValueError, r"x must have shape .* got \[16, 2\]"),
        ({"data": Endless(math.nan)}, ValueError, "finite floats; got .* 32 of the values NaN"),
        (
            {"data": Endless(1.0, torch.float64)},
            TypeError,
            r"G draws torch\.float32 and the data are torch\.float64: make the data \.float\(\)",
        ),
        ({"data": Endless(1.0, torch.long)}, ValueError, r"finite floats; got torch\.int64"),
        (
            {"data": Endless(1.0), "batch": 32},
            ValueError,
            r"data\.sample\(32, rng\) must give 32 examples; it gave 16",
        ),
        ({"data": torch.zeros(8, 2)}, TypeError, r"data must have \.sample.* got a Tensor"),
        ({"G": nn.Linear(2, 2)}, TypeError, r"set G\.z_dim"),
        (
            {"D": Packed(MLPDiscriminator(in_dim=6, width=4), 3)},
            ValueError,
            r"packs of m = 3 needs n to be a multiple of 3; got \[16, 2\]",
        ),
        ({"batch": 0}, ValueError, "batch must be above 0; got 0"),
        ({"d_steps": 0}, ValueError, "d_steps must be above 0; got 0"),
        ({"lr_g": -1e-4}, ValueError, "lr_g must be above 0; got -0.0001"),
        ({"lr_d": math.nan}, ValueError, "lr_d must be above 0; got nan"),
        ({"lr_d": math.inf}, ValueError, "lr_d must be above 0, and finite; got inf"),
        ({"lr_g": None}, ValueError, "lr_g must be a number; got None"),
        ({"seed": None}, ValueError, "seed must be a whole number; got None"),
        ({"precision": "bfloat16"}, TypeError, "a dtype such as torch.bfloat16; got 'bfloat16'"),
        ({"schedule": 0.5}, TypeError, "schedule must be a function; got 0.5"),
        ({"penalty": "r1"}, TypeError, "penalty must be a function; got 'r1'"),
        ({"penalty_schedule": 1}, TypeError, "penalty_schedule must be a function; got 1"),
        ({"batch": 16.5}, ValueError, r"batch must be a whole number; got 16\.5"),
        ({"lr_g": "0.1"}, ValueError, "lr_g must be a number; got '0.1'"),
        ({"seed": 10**20}, ValueError, "seed must be of at most 63 bits; got 1000"),
        ({"betas": 0.5}, ValueError, r"betas must be two numbers; got 0\.5"),
        ({"betas": (0.5,)}, ValueError, r"betas must be two numbers; got \(0\.5,\)"),
        ({"ema": 1.0}, ValueError, r"ema is a decay in \[0, 1\).*; got 1.0"),
        ({"ema": -0.1}, ValueError, "got -0.1"),
        ({"loss": "hinge"}, TypeError, r"Loss pair; got 'hinge'"),
        ({"loss": losses.hinge_d}, TypeError, "Loss pair; got <function hinge_d"),
    ],
)
def test_a_recipe_that_does_not_fit_is_one_sentence_at_once(options, kind, says):
    with pytest.raises(kind, match=says) as error:
        recipes.mlp(**options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name, value, kind",
    [
        ("lr_g", np.logspace(-4, -3, 2)[0], float),
        ("lr_d", np.float32(0.5), float),
        ("ema", np.float64(0.9), float),
        ("batch", np.int64(8), int),
        ("d_steps", np.int32(2), int),
        ("seed", np.int64(3), int),
        ("batch", 8.0, int),
    ],
)
def test_numbers_of_numpy_are_as_good_as_pythons_and_become_those(name, value, kind, tmp_path):
    from ganedu import checkpoint

    trainer = recipes.mlp(**{name: value}, schedule=lambda step: np.cos(0.1 * step))
    assert type(getattr(trainer, name)) is kind and getattr(trainer, name) == value
    fit(trainer, 2)
    checkpoint.save(trainer.state_dict(), tmp_path / "run.pt")
    trainer.load_state_dict(checkpoint.load(tmp_path / "run.pt"))
    assert len(fit(trainer, 1)) == 1


def test_numbers_of_numpy_are_as_good_as_pythons_where_one_looks():
    trainer = recipes.mlp()
    rows = fit(trainer, np.int64(4), every=np.int32(2))
    assert [row["step"] for row in rows] == [2, 4]
    mine, numpys = trainer.sample(5, seed=3), trainer.sample(np.int64(5), seed=np.int64(3))
    assert torch.equal(mine, numpys)
    assert health(trainer, seed=np.int64(1)) == health(trainer, seed=1)


class Patches(nn.Module):
    """D that judges each of two coordinates: [n, 2]."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(2, 2)

    def forward(self, x):
        return self.net(x)


@pytest.mark.parametrize("loss", [losses.hinge, losses.relativistic, losses.nonsaturating])
def test_a_d_with_a_logit_for_each_place_trains_with_every_loss_and_penalty(loss):
    trainer = recipes.mlp(D=Patches(), loss=loss, penalty=r1)
    (now,) = list(trainer.steps(1))
    assert now["real"].shape == (16, 2) and now["d_loss"].shape == ()
    assert math.isfinite(health(trainer).d_gradient)


def test_a_d_that_judges_four_examples_at_once_trains_like_any_other():
    trainer = recipes.mlp(D=Packed(MLPDiscriminator(in_dim=8, width=8), 4))
    (row,) = list(trainer.steps(1))
    for logits in (row["real"], row["fake"]):
        packs = logits.reshape(4, 4)
        assert (packs == packs[:, :1]).all() and len(packs[:, 0].unique()) == 4


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda t: fit(t, -3), "cannot train -3 steps"),
        (lambda t: list(t.steps(-3)), "cannot train -3 steps"),
        (lambda t: fit(t, 3, every=0), "every must be at least 1; got 0"),
        (lambda t: t.sample(0), "cannot draw 0 samples"),
        (lambda t: t.sample(-2), "cannot draw -2 samples"),
        (lambda t: t.sample(2.5), "the number of samples must be a whole number; got 2.5"),
        (lambda t: t.sample(2, seed="x"), "seed must be a whole number; got 'x'"),
        (lambda t: fit(t, 3, every=1.5), "every must be a whole number; got 1.5"),
        (lambda t: fit(t, 3, every=math.nan), "every must be a whole number; got nan"),
        (lambda t: list(t.steps("3")), "the number of steps must be a whole number; got '3'"),
        (lambda t: doctor.record(t, 3, looks=0), "record looks once or more often; got looks = 0"),
        (lambda t: doctor.record(t, 1.5), "the number of steps must be a whole number; got 1.5"),
    ],
)
def test_a_number_that_makes_no_sense_is_one_sentence_and_changes_nothing(call, says):
    trainer = recipes.mlp()
    before = trainer.state_dict()
    with pytest.raises(ValueError, match=says):
        call(trainer)
    assert same(trainer.state_dict(), before)


@pytest.mark.parametrize(
    "d, says",
    [
        (
            lambda real, fake: softplus(fake - real),
            r"one number; got shape \[16\]: end it with .mean",
        ),
        (lambda real, fake: None, r"one number; got None: .* return it"),
        (lambda real, fake: 0.5, "one number; got 0.5"),
    ],
)
def test_a_loss_of_ones_own_that_is_not_one_number_is_a_sentence(d, says):
    trainer = recipes.mlp(loss=Loss(d, losses.nonsaturating_g))
    with pytest.raises(ValueError, match=f"discriminator's loss must be a tensor of {says}"):
        fit(trainer, 1)
    assert trainer.step == 0


def test_the_fields_of_a_recipe_are_given_by_name_only():
    with pytest.raises(TypeError):
        Trainer(MLPGenerator(), MLPDiscriminator(), data.ring(8))


def test_a_layer_of_d_that_the_user_froze_stays_frozen_and_unchanged():
    trainer = recipes.mlp(lr_d=1e-2)
    first, last = trainer.D.net[0], trainer.D.net[-1]
    first.requires_grad_(False)
    before, moving = first.weight.clone(), last.weight.clone()
    trainer.fit(3, progress=False)
    assert not first.weight.requires_grad and torch.equal(first.weight, before)
    assert last.weight.requires_grad and not torch.equal(last.weight, moving)


# ---------------------------------------------------------------- labels


class Labelled:
    """Points of four classes, class k about (k, -k), with class 3 three times as often as the others."""

    def labelled(self, n, rng):
        y = torch.randint(6, (n,), generator=rng, device=rng.device).clamp(max=3)
        centre = torch.stack([y, -y], dim=1).float()
        return centre + 0.05 * torch.randn(n, 2, generator=rng, device=rng.device), y


class LabelledG(nn.Module):
    n_classes, z_dim = 4, 2

    def __init__(self):
        super().__init__()
        self.where = nn.Embedding(4, 2)
        self.seen = []

    def forward(self, z, y):
        self.seen.append(y)
        return self.where(y) + 0.05 * z


class LabelledD(nn.Module):
    def __init__(self):
        super().__init__()
        self.places, self.net = nn.Embedding(4, 8), MLPDiscriminator(in_dim=10, width=32)
        self.seen = []

    def forward(self, x, y):
        self.seen.append(y)
        return self.net(torch.cat([x, self.places(y)], dim=1))


def labelled(**changes):
    torch.manual_seed(0)
    options = {"G": LabelledG(), "D": LabelledD(), "data": Labelled(), "batch": 64, **changes}
    return Trainer(**options, device="cpu")


def test_real_and_fake_of_a_batch_have_the_same_labels_and_the_penalty_never_sees_them():
    trainer = labelled(penalty=gradient_penalty)
    trainer.G.seen.clear(), trainer.D.seen.clear()
    fit(trainer, 1)
    (y,) = trainer.G.seen
    assert len(trainer.D.seen) == 4, "D on real, on fake, between them, and on fake for G"
    assert all(torch.equal(y, seen) for seen in trainer.D.seen)


def test_a_conditional_pair_learns_each_class_and_diagnostics_never_see_a_label():
    trainer = labelled(lr_g=2e-2, lr_d=5e-3, batch=128)
    fit(trainer, 400)
    for k in range(4):
        x = trainer.sample(200, y=k)
        assert (x.mean(0) - torch.tensor([k, -k])).norm() < 0.5
    assert math.isfinite(health(trainer).g_gradient)


def test_samples_of_given_classes_or_of_classes_as_often_as_the_datas():
    trainer = labelled()
    with torch.no_grad():
        trainer.G.where.weight.copy_(torch.arange(8.0).reshape(4, 2))
    y = torch.tensor([2, 0, 3])
    assert torch.equal(trainer.sample(3, y=y)[:, 0].round(), 2.0 * y)
    assert (trainer.sample(5, y=1)[:, 0].round() == 2).all()
    found = (trainer.sample(2400)[:, 0] / 2).round().long()
    assert torch.bincount(found).tolist() == pytest.approx([400, 400, 400, 1200], abs=80)
    assert torch.equal(trainer.sample(7), trainer.sample(7))


@pytest.mark.parametrize(
    "call, kind, says",
    [
        (lambda: labelled().sample(2, y=4), ValueError, r"classes from 0 to 3; got \[4, 4\]"),
        (lambda: labelled().sample(2, y=-1), ValueError, r"classes from 0 to 3; got \[-1, -1\]"),
        (lambda: recipes.mlp().sample(2, y=1), ValueError, "this G has no classes"),
        (
            lambda: labelled(data=Endless(1.0)),
            TypeError,
            r"data must have \.labelled\(n, rng\).* got a Endless",
        ),
    ],
)
def test_labels_that_do_not_fit_are_one_sentence(call, kind, says):
    with pytest.raises(kind, match=says):
        call()
