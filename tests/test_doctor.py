"""The doctor: each pattern on signs made by hand, in its order; and what `record` keeps of a run."""

import math
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import recipes
import torch

from ganedu import data
from ganedu.clinic.samplers import PERFECT, WIDTHS, WRONG, Crescent, sampled_run
from ganedu.diagnostics import Memorisation, health
from ganedu.diagnostics.perfect import Reference, as_saved, perfect, vitals
from ganedu.doctor import FIRST, PATTERNS, Run, Signs, doctor, record
from ganedu.losses import Loss, logistic_d

RING = data.ring(8)
JUNK = 0.5 * RING.means.repeat(50, 1)  # [400, 2]: between the modes and the centre


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def true(n=400, weights=None, std=0.05, seed=0):
    return data.ring(8, std=std, weights=weights).sample(n, generator(seed))  # [n, 2]


def at(mode, n=400):
    """n good samples, all at one mode."""
    return RING.means[mode] + 0.04 * torch.randn(n, 2, generator=generator())


def run_of(*looks, accuracy=0.5, train=None, stopped="", truth=RING):
    """A run of these samples; a single one is what is seen at each look after the first."""
    looks = looks * 6 if len(looks) == 1 else looks
    start = 0.3 * torch.randn(len(looks[0]), 2, generator=generator(9))
    row = {"d_real": 0.5, "d_fake": 0.5, "g_gradient": 1.0, "d_gradient": 1.0}
    row |= {"d_accuracy": accuracy, "d_loss": 1.4, "g_loss": 0.7}
    rows = [{"step": 100 * i, **row} for i in range(len(looks) + 1)]
    return Run(rows, torch.stack([start, *looks]), truth, train, stopped)


def says(run, name, *parts):
    """The diagnosis and what its first sentence holds."""
    found = doctor(run)
    assert found.name == name, found
    assert all(part in found.evidence[0] for part in parts), found.evidence[0]
    return found


# ---------------------------------------------------------------- each pattern


def test_true_samples_are_healthy_and_the_truth_stands_beside_them():
    found = says(run_of(true()), "healthy", "all modes are there")
    assert found.evidence[1].startswith("8 of 8 modes found; ")
    assert found.evidence[1].endswith(("(the truth: 98.8%)", "(the truth: 98.9%)"))
    assert found.evidence[2].endswith("(a perfect sampler: 0.009)")  # 7 / 800
    assert found.evidence[3] == "D tells 50% of examples right (guessing: 50%)"
    assert str(found).splitlines()[0] == "healthy"
    assert str(found).splitlines()[-1] == "  first: " + FIRST["healthy"]


def test_every_diagnosis_has_something_to_try_first():
    assert set(FIRST) == {*PATTERNS, "healthy", "nearly healthy", "unknown"}


def test_samples_far_out_are_diverged():
    says(run_of(40 * true()), "diverged", "more than 40 times as far out as the data")


def test_far_is_measured_from_the_centre_of_the_data():
    away = data.Mixture(RING.means + 100, 0.05, RING.weights)
    says(run_of(away.sample(400, generator()), truth=away), "healthy")
    says(run_of(100 + 40 * true(), truth=away), "diverged", "more than 40 times")


def test_a_loss_that_was_not_finite_is_diverged_in_the_trainers_own_words():
    stopped = "the generator's loss is nan at step 7. Look at the sign of each term of the loss"
    found = doctor(run_of(true(), stopped=stopped))
    assert (found.name, found.evidence) == ("diverged", (stopped,))


def test_samples_that_are_not_numbers_are_diverged():
    says(run_of(true() * math.nan), "diverged", "NaN or infinite values")


def test_a_run_stopped_by_hand_is_judged_like_any_other():
    says(run_of(true(), stopped="stopped by hand at step 400"), "healthy")


def test_a_generator_that_stays_where_it_began_is_starved():
    run = run_of(JUNK)
    still = run.samples[:1].repeat(7, 1, 1)
    still[1:] += 0.005  # .007 along the diagonal
    run = Run(run.rows, still, RING)
    says(run, "generator starved", "moved its samples by 0.7% of the size of the data")


def test_a_generator_that_began_where_it_should_be_is_not_starved():
    run = run_of(true())
    says(Run(run.rows, true().expand(7, -1, -1), RING), "healthy")


def test_copies_of_few_examples_are_memorised():
    train = true(24, seed=3)
    copies = train.repeat(20, 1) + 0.002 * torch.randn(480, 2, generator=generator(4))
    says(run_of(copies, train=train), "memorisation", "99% of the samples", "fresh samples: 50%")


def test_a_finite_training_set_alone_is_not_memorised():
    says(run_of(true(), train=true(300, seed=3)), "healthy")


def test_memorisation_needs_most_samples_nearer_and_much_nearer():
    signs = Signs.of(run_of(true()))
    named = [
        bool(PATTERNS["memorisation"](replace(signs, memory=Memorisation(nearer, ratio))))
        for nearer, ratio in [(0.9, 0.2), (0.9, 0.8), (0.6, 0.2)]
    ]
    assert named == [True, False, False]


def test_all_samples_at_one_mode_are_a_full_collapse():
    found = says(run_of(at(3)), "full collapse", "100% of the samples", "one mode of 8", "2 looks")
    assert "not always" not in found.evidence[0]


def test_a_full_collapse_that_hops_is_one_and_says_so():
    hops = [at(k) for k in (0, 1, 2, 3, 2, 5)]
    says(run_of(*hops), "full collapse", "at each of the last 2 looks, not always", "went round 2")


def test_one_collapsed_look_is_not_a_full_collapse():
    looks = [true()] * 6 + [at(3)]
    assert doctor(run_of(*looks)).name == "oscillation"


def test_nine_of_ten_at_one_mode_are_enough_and_eight_of_ten_are_not():
    most = torch.cat([at(3, 740), at(5, 60)])
    says(run_of(most), "full collapse", "93% of the samples")
    assert doctor(run_of(torch.cat([at(3, 640), at(5, 160)]))).name == "dropped modes"


def test_a_d_that_is_always_right_beside_a_lost_g_is_too_strong():
    says(run_of(JUNK, accuracy=0.99), "discriminator too strong", "99.0%", "only 0.0% of G's")


def test_a_d_that_is_often_right_is_not_too_strong():
    assert doctor(run_of(JUNK, accuracy=0.95)).name == "unknown"
    assert doctor(run_of(true(), accuracy=0.99)).name == "healthy"


def test_the_accuracy_that_counts_is_that_of_the_late_looks():
    run = run_of(JUNK, accuracy=0.99)
    for row in run.rows[:5]:
        row["d_accuracy"] = 0.5
    assert doctor(run).name == "discriminator too strong"
    run.rows[-1]["d_accuracy"] = 0.6
    assert doctor(run).name == "unknown"


def test_shares_that_go_on_moving_oscillate():
    halves = [true(weights=torch.tensor([1, 1, 1, 1, 0, 0, 0, 0]) / 4)]
    halves += [true(weights=torch.tensor([0, 0, 0, 0, 1, 1, 1, 1]) / 4)]
    words = ["100% of the samples", "visited lately: 8", "at the last look: 4"]
    says(run_of(*halves * 5), "oscillation", *words)


def test_what_moved_early_and_is_still_now_does_not_oscillate():
    early = [at(0), at(4), at(0), at(4), at(0)]
    says(run_of(*early, *[true()] * 5), "healthy")


def test_few_samples_move_by_chance_alone():
    """16 samples on 8 modes: chance alone moves about a third of them."""
    looks = [true(16, seed=seed) for seed in range(9)]
    assert doctor(run_of(*looks)).name != "oscillation"


def test_dropped_modes_are_counted_in_one_and_in_many():
    one = true(weights=torch.tensor([0, 1, 1, 1, 1, 1, 1, 1]) / 7)
    says(run_of(one), "dropped modes", "1 of 8 modes has less than a tenth")
    three = true(weights=torch.tensor([0, 1, 0, 1, 1, 0, 1, 1]) / 5)
    says(run_of(three), "dropped modes", "3 of 8 modes have less than a tenth")


def test_junk_near_a_mode_does_not_fill_it():
    one = true(weights=torch.tensor([0, 1, 1, 1, 1, 1, 1, 1]) / 7)
    says(run_of(torch.cat([one, JUNK[::8]])), "dropped modes", "1 of 8")


def test_a_mode_that_is_not_due_is_not_missed():
    weights = torch.tensor([0, 1, 1, 1, 1, 1, 1, 1]) / 7
    truth = data.ring(8, weights=weights)
    says(run_of(true(weights=weights), truth=truth), "healthy")


def test_a_mode_too_rare_to_be_seen_in_so_few_samples_is_not_missed():
    """2 of 400 samples are due to it: it is empty in 1 of 7 perfect samplers, and the doctor says so."""
    weights = torch.tensor([0.005, *[0.995 / 7] * 7])
    without = true(weights=torch.tensor([0, 1, 1, 1, 1, 1, 1, 1]) / 7)
    found = says(run_of(without, truth=data.ring(8, weights=weights)), "healthy")
    assert "7 of 8 modes found (so few in 13% of perfect samplers: draw more)" in found.evidence[1]


def test_the_same_mode_is_missed_where_the_end_has_samples_enough():
    weights = torch.tensor([0.005, *[0.995 / 7] * 7])
    without = true(weights=torch.tensor([0, 1, 1, 1, 1, 1, 1, 1]) / 7)
    end = true(5000, weights=torch.tensor([0, 1, 1, 1, 1, 1, 1, 1]) / 7)
    run = replace(run_of(without, truth=data.ring(8, weights=weights)), end=end)
    says(run, "dropped modes", "1 of 8 modes has", "0 good samples of 25")


def test_modes_missing_amid_junk_are_not_named_dropped():
    one = true(weights=torch.tensor([0, 1, 1, 1, 1, 1, 1, 1]) / 7)
    says(run_of(torch.cat([one, JUNK, JUNK])), "unknown")


def test_narrow_modes_have_collapsed_within():
    says(run_of(true(std=0.01)), "collapse within modes", "0.2", "right: 1")


def test_lines_have_collapsed_within_though_they_are_long():
    z = torch.randn(800, 1, generator=generator())
    lines = RING.means.repeat(100, 1) + 0.05 * z * torch.ones(1, 2)
    says(run_of(lines), "collapse within modes", "0.00 times in their narrowest direction")


def test_what_is_not_quite_healthy_says_what_and_how_much():
    found = says(
        run_of(torch.cat([true(), JUNK[:50]])), "nearly healthy", "12.2% of the samples lie"
    )
    assert found.but == "12% junk" and str(found).startswith("nearly healthy, 12% junk\n")
    moved = says(run_of(true() + 0.04), "nearly healthy", "on average the modes are moved")
    assert moved.but == "all samples moved by 1.2 standard deviations"


def test_wrong_shares_are_named_with_the_worst():
    """5/16 ln(5/2) + 3/16 ln(1/2) = .156."""
    weights = torch.tensor([5, 1, 2, 2, 2, 2, 1, 1]) / 16
    exact = RING.means.repeat_interleave((weights * 800).int(), dim=0)
    x = exact + 0.05 * torch.randn(800, 2, generator=generator())
    says(run_of(x), "wrong proportions", "0.16 nats", "2.5 times its due", "another 0.5 times")


def test_shares_right_for_an_uneven_truth_are_healthy():
    weights = torch.tensor([5, 1, 2, 2, 2, 2, 1, 1]) / 16
    says(run_of(true(weights=weights), truth=data.ring(8, weights=weights)), "healthy")


def test_half_junk_without_a_pattern_is_unknown():
    x = torch.cat([true(), JUNK])
    says(run_of(x), "unknown", "no pattern that the doctor knows fits")


# ---------------------------------------------------------------- which comes first


def test_a_memorising_generator_that_lacks_modes_memorises():
    train = true(12, weights=torch.tensor([1, 1, 0, 1, 1, 0, 0, 1]) / 5, seed=3)
    assert doctor(run_of(train.repeat(40, 1) + 0.001, train=train)).name == "memorisation"


def test_a_collapsed_generator_that_d_sees_through_is_collapsed():
    assert doctor(run_of(at(3) * 0.5, accuracy=0.99)).name == "full collapse"


def test_points_in_half_of_the_modes_are_dropped_modes():
    x = true(weights=torch.tensor([1, 0, 1, 0, 1, 0, 1, 0]) / 4, std=0.001)
    assert doctor(run_of(x)).name == "dropped modes"


def test_points_in_wrong_shares_have_collapsed_within():
    x = true(weights=torch.tensor([5, 1, 2, 2, 2, 2, 1, 1]) / 16, std=0.001)
    assert doctor(run_of(x)).name == "collapse within modes"


# ---------------------------------------------------------------- healthy means perfect


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_sampler_is_never_healthy(name):
    seeds = range(2 if WRONG[name].examples > 1000 else 20)
    assert all(doctor(sampled_run(WRONG[name], seed)).name != "healthy" for seed in seeds)


def test_a_perfect_sampler_is_hardly_ever_called_ill():
    """30 of each of ten truths; 1 in 201 is expected, and 1.1% for a mode that is empty by chance."""
    names = [
        doctor(sampled_run(s, seed)).name for s in PERFECT.values() for seed in range(500, 530)
    ]
    assert sum(name != "healthy" for name in names) <= 6, names  # 2%


def test_the_numbers_of_perfect_samplers_are_known_where_theory_knows_them():
    """Junk exp(-9/2), KL 7 / 2n, a width of 1: of n = 1,000 samples of the ring."""
    luck = perfect(Reference.of(RING), 1000)
    assert abs(luck.mean["junk"] - math.exp(-4.5)) < 4 * luck.sd["junk"] / 200**0.5
    assert abs(luck.mean["shares"] - 7 / 2000) < 4 * luck.sd["shares"] / 200**0.5
    assert abs(luck.mean["width"] - 1) < 0.02 and 2 < luck.worst < 7


def test_an_infinite_or_missing_number_decides_nothing():
    luck = perfect(Reference.of(RING), 16)  # too few samples for any width
    assert (
        math.isnan(luck.mean["width"])
        and luck.z(vitals(true(16), Reference.of(RING)))["width"] == 0
    )


# ---------------------------------------------------------------- recording


def small(**changes):
    return recipes.mlp(**changes)


def test_record_looks_before_the_first_step_and_at_equal_distances():
    run = record(small(), 20, looks=4, n=50, progress=False)
    assert [row["step"] for row in run.rows] == [0, 5, 10, 15, 20]
    assert run.samples.shape == (5, 50, 2) and run.stopped == "" and run.train is None
    assert math.isnan(run.rows[0]["g_loss"]) and math.isfinite(run.rows[1]["g_loss"])


@pytest.mark.parametrize("before", [100, 7])
def test_a_trainer_that_has_trained_before_is_looked_at_as_often(before):
    trainer = small()
    trainer.fit(before, progress=False)
    run = record(trainer, 20, looks=4, n=50, progress=False)
    assert [row["step"] - before for row in run.rows] == [0, 5, 10, 15, 20]


def test_a_look_is_health_and_samples_of_the_same_z():
    trainer = small()
    first, health_now = trainer.sample(50), health(trainer)
    run = record(trainer, 6, looks=2, n=50, progress=False)
    assert torch.equal(run.samples[0], first.cpu())
    assert torch.equal(run.samples[-1], trainer.sample(50).cpu())
    assert run.rows[0]["d_gradient"] == health_now.d_gradient
    assert run.rows[-1]["g_gradient"] == health(trainer).g_gradient


def test_recording_trains_as_fit_does_bit_for_bit():
    recorded, fitted = small(ema=0.9), small(ema=0.9)
    record(recorded, 9, looks=3, n=50, progress=False)
    fitted.fit(9, progress=False)
    assert recipes.same(recorded.state_dict(), fitted.state_dict())


def test_a_data_set_that_only_draws_is_one_sentence():
    class Mine:
        def sample(self, n, rng):
            return RING.sample(n, rng)

    with pytest.raises(ValueError, match=r"record needs the true distribution .*\.log_prob"):
        record(small(data=Mine()), 4)
    assert record(small(data=Mine()), 4, truth=RING, looks=2, n=50, progress=False).train is None


def test_the_end_is_drawn_in_larger_number_and_kept(tmp_path):
    run = record(small(), 4, looks=2, n=50, many=300, progress=False)
    assert run.last.shape == (300, 2)
    run.save(tmp_path / "run.npz")
    assert torch.equal(Run.load(tmp_path / "run.npz").last, as_saved(run.end))
    assert doctor(Run.load(tmp_path / "run.npz")) == doctor(replace(run, end=as_saved(run.end)))


def test_unequal_widths_are_kept_and_only_mixtures_are(tmp_path):
    run = run_of(WIDTHS.sample(400, generator()), truth=WIDTHS)
    run.save(tmp_path / "run.npz")
    assert torch.equal(Run.load(tmp_path / "run.npz").truth.std, WIDTHS.std)
    with pytest.raises(ValueError, match="only runs on a Mixture"):
        replace(run, truth=Crescent()).save(tmp_path / "other.npz")


def test_a_finite_training_set_is_kept_and_needs_the_truth_beside():
    points = data.Points(true(30))
    with pytest.raises(ValueError, match="record needs the true distribution"):
        record(small(data=points), 4)
    run = record(small(data=points), 4, truth=RING, looks=2, n=50, progress=False)
    assert torch.equal(run.train, points.x) and run.truth is RING


def test_the_truth_can_be_another_mixture_than_the_data():
    other = data.ring(5)
    run = record(small(), 4, truth=other, looks=2, n=50, progress=False)
    assert run.truth is other and run.train is None


def nan_at(step):
    calls = iter(range(10_000))

    def g(fake):
        return fake.mean() * (math.nan if next(calls) == step else 1.0)

    return Loss(logistic_d, g)


def test_a_run_that_becomes_infinite_is_a_recorded_run_of_what_came_before():
    run = record(small(loss=nan_at(8)), 20, looks=4, n=50, progress=False)
    assert [row["step"] for row in run.rows] == [0, 5]
    assert "generator's loss is nan" in run.stopped
    assert doctor(run).name == "diverged" and doctor(run).evidence == (run.stopped,)


def test_a_run_that_becomes_infinite_at_once_is_diverged_too(tmp_path):
    run = record(small(loss=nan_at(1)), 20, looks=4, n=50, progress=False)
    run.save(tmp_path / "run.npz")
    assert len(run.rows) == 1
    assert doctor(Run.load(tmp_path / "run.npz")) == doctor(run)


def test_ctrl_c_ends_with_a_look_after_the_step_under_way():
    def press(step):
        if step == 6:
            os.kill(os.getpid(), signal.SIGINT)
        return 1.0

    trainer = small(schedule=press)
    run = record(trainer, 20, looks=4, n=50, progress=False)
    assert trainer.step == 7 and [row["step"] for row in run.rows] == [0, 5, 7]
    assert run.stopped == "stopped by hand at step 7"
    assert len(run.samples) == 3 and doctor(run).name != "diverged"


# ---------------------------------------------------------------- keeping


MADE = {
    "healthy": lambda: run_of(true()),
    "memorisation": lambda: run_of(true(24, seed=3).repeat(20, 1), train=true(24, seed=3)),
    "full collapse": lambda: run_of(at(3)),
    "diverged": lambda: run_of(1e7 * true()),
    "discriminator too strong": lambda: run_of(JUNK, accuracy=0.99),
}


@pytest.mark.parametrize("name", MADE)
def test_a_saved_run_has_the_same_diagnosis(name, tmp_path):
    run = MADE[name]()
    run.save(tmp_path / "run.npz")
    again = Run.load(tmp_path / "run.npz")
    assert doctor(again).name == doctor(run).name == name
    assert again.rows == run.rows and again.stopped == run.stopped
    assert again.truth.name == RING.name and again.truth.std == RING.std
    assert torch.equal(again.truth.means, RING.means)
    assert (again.train is None) == (run.train is None)
    if run.train is not None:
        assert torch.equal(again.train, run.train)
    near = run.samples.abs() < 100
    assert (again.samples - run.samples)[near].abs().max() < 0.05 if near.any() else True


def test_saved_samples_are_as_exact_as_a_narrow_mode_needs(tmp_path):
    run = run_of(true(std=0.01))
    run.save(tmp_path / "run.npz")
    assert (Run.load(tmp_path / "run.npz").samples - run.samples).abs().max() < 0.001


def test_a_saved_run_of_eleven_looks_is_small(tmp_path):
    record(small(), 11, looks=11, n=800, progress=False).save(tmp_path / "run.npz")
    assert (tmp_path / "run.npz").stat().st_size < 60_000


def test_a_run_is_saved_under_the_very_name_it_is_loaded_by(tmp_path):
    run = run_of(true())
    run.save(tmp_path / "monday")
    assert [p.name for p in tmp_path.iterdir()] == ["monday"]
    assert Run.load(tmp_path / "monday").rows == run.rows


@pytest.mark.parametrize("content", [b"no run", b"", b"PK\x03\x04 and nothing more"])
def test_another_kind_of_file_is_one_clear_error(content, tmp_path):
    (tmp_path / "notes.txt").write_bytes(content)
    with pytest.raises(ValueError, match=r"notes\.txt is not a whole recorded run") as error:
        Run.load(tmp_path / "notes.txt")
    assert "pickle" not in str(error.value) and "unsafe" not in str(error.value)


def test_an_archive_of_other_arrays_is_no_run(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match="not a whole recorded run"):
        Run.load(tmp_path / "other.npz")
