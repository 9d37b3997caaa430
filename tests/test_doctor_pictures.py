"""The doctor on pictures: known samplers, each pattern on signs made by hand, and what is kept of a run."""

import math
from dataclasses import replace

import pytest
import torch
from recipes import dcgan, noise_images, same
from test_doctor import nan_at

from ganedu import data
from ganedu.clinic.digit_samplers import PERFECT, WRONG, sampled_pictures
from ganedu.clinic.digits import held_out, judge, training
from ganedu.diagnostics import Memorisation, in_tail
from ganedu.diagnostics.halves import TAIL, Crowd, vitals
from ganedu.diagnostics.pictures import PATTERNS, Judged, PictureRun, PictureSigns, as_saved
from ganedu.doctor import FIRST, diagnose, doctor, record


@pytest.fixture(scope="module")
def true():
    """The signs of real pictures, for patterns to be tried on."""
    return sampled_pictures(PERFECT["held-out digits"], 0).signs()


def some(n=300, seed=0):
    """n held-out digits, [n, 1, 8, 8], and n others."""
    order = torch.randperm(len(held_out()), generator=torch.Generator().manual_seed(seed))
    return held_out().x[order[:n]], held_out().x[order[n : 2 * n]]


def says(signs, name, *parts):
    found = diagnose(signs)
    assert found.name == name, found
    assert all(part in found.evidence[0] for part in parts), found.evidence[0]
    return found


# ---------------------------------------------------------------- samplers whose answer is known


def test_real_pictures_are_healthy_and_their_numbers_stand_beside(true):
    found = says(true, "healthy", "no number is further out than", "(the limit: ")
    assert found.evidence[1].startswith("10 classes of 10 named")
    assert f"(real: {true.real_sure:.0%})" in found.evidence[2]
    assert 0.97 < true.real_sure < 1 and "misplaced (real: 0%)" in found.evidence[2]
    assert found.first == FIRST["healthy"]


SAID = {
    "10% noise": "further from real ones",
    "30% copies": "copies",
    "one class at a tenth": "shares",
    "blurred": "",
    "half of them, twice": "collapse within modes",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_sampler_is_not_healthy_and_its_fault_is_said(name):
    found = doctor(sampled_pictures(WRONG[name], 1))
    assert found.name != "healthy" and SAID[name] in str(found)


# ---------------------------------------------------------------- the numbers


def crowd_of(x, real, train=None):
    return Crowd.of(Judged.by(judge(), x), Judged.by(judge(), real), train)


def numbers(x, real, train=None):
    """The numbers of all of x against all of the real ones."""
    part, half = torch.arange(len(x)), torch.arange(len(real))
    return vitals(crowd_of(x, real, train), part, crowd_of(real, real, train), half, 10)


def test_pictures_elsewhere_are_all_far_and_each_others_neighbours_decide_twins():
    """Real ones: 2%, give or take 4 SDs of sqrt(2 * .02 / 300): .066."""
    x, real = some()
    assert numbers(-x, real)["far"] == 1 and numbers(x, real)["far"] < 0.07
    twice = numbers(torch.cat([x[:150], x[:150]]), real)
    assert twice["twins"] == 1 and twice["far"] < 0.07 and twice["apart"] < math.log(0.05)
    assert numbers(x, real)["twins"] < 0.07 and abs(numbers(x, real)["apart"]) < 0.1


def test_the_shares_are_those_of_the_real_pictures_not_equal_ones():
    """A truth of ones and twos alone is matched by ones and twos; ten equal shares are not asked for."""
    x, real = (part[torch.isin(judge()(part).argmax(1), torch.tensor([1, 2]))] for part in some())
    signs = PictureSigns.of(run_of(x, real))
    assert signs.due[[1, 2]].sum() > 0.95 * signs.counts.sum() and not PATTERNS["dropped modes"](
        signs
    )
    assert signs.off < 0.05 and signs.chance > 0.01
    all_ten = PictureSigns.of(run_of(some()[0], real))
    assert all_ten.off > 0.8 and all_ten.chance < 1e-9


def test_the_chance_is_that_of_fishers_exact_test_times_the_classes(true):
    """0 of 10 and 5 of 10: 2 C(15, 10) / C(20, 10) = .0325, for the two classes that differ."""
    few = replace(true, counts=torch.tensor([0.0, 10]), real_counts=torch.tensor([5.0, 5]))
    assert abs(few.chance - 2 * 2 * math.comb(15, 10) / math.comb(20, 10)) < 1e-6


def test_the_share_of_copies_is_that_of_the_tail_test():
    x, real = some()
    train = training().x
    mixed = torch.cat([x[:200], train[:100]])
    mine = numbers(mixed, real, train)["copies"]
    kept = map(as_saved, (mixed, train, real))  # compared as they are kept
    assert abs(mine - in_tail(*kept, TAIL)) < 1e-6 and mine > 1 / 3
    assert "copies" not in numbers(mixed, real)


def test_one_class_without_variety_is_the_poorest():
    x, real = some()
    named = judge()(x).argmax(1)
    still = x.clone()
    still[named == 4] = x[named == 4][0]
    assert numbers(still, real)["poorest"] > 3 and numbers(x, real)["poorest"] < 0.6


def test_sureness_is_the_difference_to_real_pictures():
    x, real = some()
    blurred = WRONG["blurred"](x, None, None)
    assert numbers(blurred, real)["sure"] < -0.15 and abs(numbers(x, real)["sure"]) < 0.04


# ---------------------------------------------------------------- each pattern


def test_every_pattern_has_something_to_try_first_and_fits_no_real_picture(true):
    assert set(PATTERNS) < set(FIRST)
    assert not any(pattern(true) for pattern in PATTERNS.values())


def bad(true, **changes):
    """Signs of pictures of which none is like a real one."""
    return replace(true, vitals=true.vitals | {"far": 1.0}, **changes)


def test_losses_that_run_away_and_pictures_far_out_are_diverged(true):
    says(replace(true, reach=40.0), "diverged", "more than 40 times as far out as real ones")
    says(bad(true, loss=2000.0), "diverged", "to 2000 nats")
    assert diagnose(replace(true, loss=2000.0)).name == "healthy"


def test_a_generator_that_stays_at_its_noise_is_starved(true):
    says(bad(true, moved=0.01), "generator starved", "by 1.0% of the size")
    assert diagnose(replace(true, moved=0.01)).name == "healthy"


def test_pictures_that_cling_to_training_examples_are_memorised(true):
    copier = replace(true, memory=Memorisation(0.95, 0.3), clinging=0.2)
    says(copier, "memorisation", "95% of the pictures", "0.30 times the distance")
    for memory, clinging in ((copier.memory, 1.3), (Memorisation(0.95, 0.9), 0.2)):
        other = replace(true, memory=memory, clinging=clinging)
        assert diagnose(other).name == "healthy"  # data of another kind than the truth, say


def test_one_picture_or_one_class_at_each_late_look_is_a_full_collapse(true):
    says(bad(true, spread=torch.tensor([0.1, 0.02])), "full collapse", "G makes one picture")
    assert diagnose(bad(true, spread=torch.tensor([0.1, 0.9]))).name == "unknown"
    sevens = torch.eye(10)[[7, 7]]
    says(replace(true, shares=sevens), "full collapse", "100% of the pictures", "one class")


def test_a_d_that_is_always_right_beside_a_lost_g_is_too_strong(true):
    says(bad(true, d_accuracy=0.99), "discriminator too strong", "99.0%", "only 0% of G's")
    assert diagnose(bad(true, d_accuracy=0.95)).name == "unknown"
    assert diagnose(replace(true, d_accuracy=0.99)).name == "healthy"


def test_classes_that_move_from_look_to_look_oscillate(true):
    moving = replace(true.movement, change=0.5, floor=0.05)
    says(replace(true, movement=moving), "oscillation", "50% of the pictures")
    assert diagnose(replace(true, movement=replace(moving, floor=0.2))).name == "healthy"


def test_a_class_without_pictures_is_dropped_unless_none_was_due(true):
    counts = true.counts.clone()
    counts[3] = 1
    says(replace(true, counts=counts), "dropped modes", "1 of 10 classes (3)")
    real = true.real_counts.clone()
    real[3] = 0
    assert not PATTERNS["dropped modes"](replace(true, counts=counts, real_counts=real))
    assert diagnose(bad(true, counts=counts)).name == "unknown"


def test_neighbours_much_too_near_are_a_collapse_within_classes(true):
    near = replace(true, vitals=true.vitals | {"apart": math.log(0.4)})
    says(near, "collapse within modes", "0.40 times as far away")


def test_wrong_shares_name_the_worst_classes(true):
    counts = true.due.clone()
    counts[2], counts[5] = 3 * counts[2], counts[5] / 4
    says(replace(true, counts=counts), "wrong proportions", "class 2 has", "class 5")


def test_what_is_not_quite_right_is_nearly_healthy_and_says_what(true):
    unsure = replace(true, sure=0.8, vitals=true.vitals | {"sure": true.vitals["sure"] - 0.18})
    found = says(unsure, "nearly healthy", "sure of 80.0% of the pictures")
    assert found.but == f"the judge is sure of 80% (real: {true.real_sure:.0%})"
    assert diagnose(replace(unsure, sure=0.5)).name == "unknown"


# ---------------------------------------------------------------- recording and keeping


def run_of(x, real, **changes):
    """Four looks at the pictures x."""
    row = {"step": 0, "d_accuracy": 0.5, "d_loss": 1.4, "g_loss": 0.7}
    looks = torch.stack([-x[:50]] + 3 * [x[:50]])
    return PictureRun.of([row] * 4, looks, real, end=x, judge=judge(), **changes)


@pytest.fixture(scope="module")
def tiny():
    """A judge of 28 x 28 pictures that has learned nothing, and 200 pictures of noise."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 3))
    return {"judge": net, "held_out": noise_images(200)}


def trained(**changes):
    return dcgan(**{"precision": torch.float32, **changes})


def test_record_keeps_what_the_judge_says_and_trains_as_fit_does_bit_for_bit(tiny):
    recorded, fitted = trained(), trained()
    run = record(recorded, 4, looks=2, n=9, many=20, **tiny, progress=False)
    fitted.fit(4, progress=False)
    assert same(recorded.state_dict(), fitted.state_dict())
    assert [row["step"] for row in run.rows] == [0, 2, 4]
    assert run.samples.shape == (3, 9, 1, 28, 28) and len(run.last) == 20 and run.classes == 3
    p = tiny["judge"](run.last.x).softmax(1).max(1)
    assert torch.equal(run.last.named, p.indices) and torch.allclose(
        run.last.sure, p.values, atol=1e-3
    )
    assert (run.last.x - recorded.sample(20).cpu()).abs().max() <= 0.5 / 127.5 + 1e-6
    assert torch.equal(run.held_out.x, as_saved(tiny["held_out"].x))


def test_pictures_are_kept_as_bytes_have_them_and_nothing_else_is_made_of_nan():
    x = torch.tensor([-1.0, 1.0, 0.3, 2.0, float("nan")])
    kept = as_saved(x)
    assert kept[:2].tolist() == [-1, 1] and kept[4].isnan()
    assert (kept[2:4] - x[2:4]).abs().max() < 0.5 / 127.5 + 1e-6
    assert torch.equal(as_saved(kept)[:4], kept[:4])


def test_a_run_of_pictures_that_becomes_infinite_is_diverged(tiny, tmp_path):
    run = record(trained(loss=nan_at(1)), 4, looks=2, n=9, **tiny, progress=False)
    run.save(tmp_path / "run.npz")
    assert run.end is None and doctor(PictureRun.load(tmp_path / "run.npz")) == doctor(run)
    assert doctor(run).name == "diverged" and "generator's loss is nan" in doctor(run).evidence[0]


def test_a_saved_run_of_pictures_has_the_same_diagnosis(tmp_path):
    x, real = some(200)
    run = run_of(
        0.7 * x + 0.01, real, train=training().x[:100], stopped="stopped by hand at step 5"
    )
    run.save(tmp_path / "monday")
    again = PictureRun.load(tmp_path / "monday")
    assert [p.name for p in tmp_path.iterdir()] == ["monday"]
    assert again.rows == run.rows and again.stopped == run.stopped and again.classes == 10
    for a, b in ((again.looks, run.looks), (again.last, run.last), (again.held_out, run.held_out)):
        assert (
            torch.equal(a.x, b.x) and torch.equal(a.named, b.named) and torch.equal(a.sure, b.sure)
        )
    assert torch.equal(again.train, run.train) and doctor(again) == doctor(run)


@pytest.mark.parametrize("content", [b"no run", b""])
def test_another_kind_of_file_is_one_clear_error(content, tmp_path):
    (tmp_path / "notes.txt").write_bytes(content)
    with pytest.raises(ValueError, match=r"notes\.txt is not a whole recorded run"):
        PictureRun.load(tmp_path / "notes.txt")


def test_pictures_need_a_judge_and_held_out_pictures_both(tiny):
    with pytest.raises(ValueError, match=r"or, for pictures, .*judge=\.\.\., held_out=\.\.\."):
        record(trained(), 4)
    for name in tiny:
        with pytest.raises(ValueError, match="pictures are judged by a classifier and by real"):
            record(trained(), 4, **{name: tiny[name]})
    with pytest.raises(ValueError, match="by no truth"):
        record(trained(), 4, **tiny, truth=data.ring(8))


def test_held_out_pictures_and_judge_must_fit(tiny):
    for wrong in (held_out(), noise_images(199), torch.rand(300, 784)):
        with pytest.raises(
            ValueError, match=r"held_out must be 200 pictures \[N, 1, 28, 28\] or more"
        ):
            record(trained(), 4, **{**tiny, "held_out": wrong})
    with pytest.raises(ValueError, match=r"logits \[n, classes\]; got \[2\]"):
        record(trained(), 4, **{**tiny, "judge": lambda x: x.flatten(1).sum(1)})
