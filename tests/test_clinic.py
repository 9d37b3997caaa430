"""The clinic: recorded runs whose cause is known, and a doctor who is right about most of them."""

import json
import re
from collections import Counter

import pytest
import torch

from ganedu import clinic
from ganedu.clinic import digits, make, patient, patients, truth
from ganedu.clinic.cases import CASES, only, weighted
from ganedu.data import ring
from ganedu.doctor import FIRST, doctor
from ganedu.recipe import Recipe


def test_there_are_at_least_twelve_and_their_names_tell_nothing():
    assert len(patients()) >= 12
    assert patients() == [f"patient {i:02}" for i in range(1, len(patients()) + 1)]


def test_the_folder_is_small():
    assert sum(path.stat().st_size for path in clinic.FOLDER.glob("*.npz")) < 1_000_000


@pytest.mark.parametrize("name", patients())
def test_a_patient_is_a_run_of_a_dozen_looks(name):
    run = patient(name)
    assert run.samples.ndim == 3 and run.samples.shape[1:] == (make.SAMPLES, 2)
    assert len(run.rows) == len(run.samples) == make.LOOKS + 1 or run.stopped


@pytest.mark.parametrize("name", patients())
def test_the_doctor_finds_what_was_done(name):
    diagnosis, cause, treatment = truth(name)
    assert diagnosis in FIRST and cause.endswith(".") and treatment.endswith(".")
    assert doctor(patient(name)).name == diagnosis


def test_each_diagnosis_has_a_patient_and_one_is_beyond_the_doctor():
    found = Counter(truth(name)[0] for name in patients())
    assert set(found) == set(FIRST)


def test_the_answers_are_those_of_the_cases_they_were_made_from():
    for name, (case, _) in zip(patients(), make.PATIENTS, strict=True):
        made = CASES[case]
        assert truth(name) == (made.diagnosis, made.cause, made.treatment)
        assert torch.equal(patient(name).truth.means, made.truth.means)


def test_a_look_at_the_files_spoils_nothing():
    text = (clinic.FOLDER / "answers.json").read_text(encoding="utf-8")
    words = " ".join(json.loads(text).values())
    assert not re.search("collapse|mode|data|healthy|loss", words)
    assert not set(patient("patient 01").rows[0]) & {"name", "diagnosis"}


def test_an_unknown_patient_is_one_sentence():
    with pytest.raises(ValueError, match="no patient 'patient 99': the clinic has patient 01, "):
        patient("patient 99")
    with pytest.raises(ValueError, match="no patient"):
        truth("../answers")


# ---------------------------------------------------------------- the cases


def test_every_diagnosis_has_a_cause_on_the_ring_and_one_more():
    causes = Counter(case.diagnosis for case in CASES.values())
    assert set(causes) == set(FIRST) and min(causes.values()) >= 2


@pytest.mark.parametrize("name", CASES)
def test_a_case_trains_and_its_seed_decides_all(name):
    a, b, other = (CASES[name].recipe(seed).trainer(seed) for seed in (1, 1, 2))
    for trainer in (a, b):
        trainer.fit(2, progress=False)
    assert torch.equal(a.sample(50), b.sample(50))
    assert a.seed == 1 and other.seed == 2
    assert CASES[name].truth.means.shape[1] == 2


@pytest.mark.parametrize("name", CASES)
def test_a_case_can_be_written_down_and_is_the_same_run_when_read(name):
    recipe = CASES[name].recipe(5)
    again = Recipe.from_toml(recipe.to_toml())
    assert again.plain() == recipe.plain()
    a, b = (r.trainer(5, device="cpu") for r in (recipe, again))
    for trainer in (a, b):
        trainer.fit(2, progress=False)
    assert torch.equal(a.sample(20), b.sample(20))


def test_mixtures_are_changed_in_their_shares_alone():
    some = only(ring(4), [1, 2])
    assert some.weights.tolist() == [0, 0.5, 0.5, 0] and torch.equal(some.means, ring(4).means)
    assert weighted(ring(2), torch.tensor([0.25, 0.75])).weights.tolist() == [0.25, 0.75]


# ---------------------------------------------------------------- the second clinic


def test_the_second_clinic_has_twelve_causes_or_more_of_six_illnesses_or_more():
    found = Counter(case.diagnosis for case in digits.DIGITS.values())
    assert set(found) <= set(FIRST) and len(found) >= 6 and found.total() >= 12


@pytest.mark.parametrize("name", digits.DIGITS)
def test_a_case_of_digits_is_the_same_run_when_written_down_and_read(name):
    recipe = digits.DIGITS[name].recipe(5)
    again = Recipe.from_toml(recipe.to_toml())
    assert again.plain() == recipe.plain()
    a, b = (r.trainer(5, device="cpu") for r in (recipe, again))
    for trainer in (a, b):
        trainer.fit(2, progress=False)
    assert torch.equal(a.sample(20), b.sample(20))


@pytest.mark.parametrize("name", clinic.digit_patients())
def test_the_doctor_finds_what_was_done_to_a_patient_of_digits(name):
    made = digits.DIGITS[make.OF_DIGITS[int(name[-2:]) - 1][0]]
    assert truth(name) == (made.diagnosis, made.cause, made.treatment)
    assert doctor(patient(name)).name == made.diagnosis
    assert (clinic.FOLDER / f"{name.replace(' ', '_')}.npz").stat().st_size < 150_000


def test_no_digit_that_trains_is_held_out():
    mine, others = (half.x.flatten(1) for half in digits.halves())
    assert len(mine) + len(others) == 1797 and torch.cdist(mine, others).min() > 0.1


def test_digits_are_chosen_by_class_and_in_shares():
    assert digits.only([3, 6]).y.unique().tolist() == [3, 6]
    weights = torch.tensor(digits.SKEWED)
    counts = torch.bincount(digits.uneven(digits.SKEWED).y, minlength=10)
    have = torch.bincount(digits.training().y, minlength=10)
    due = (have / weights).min() * weights  # as many as there are of the scarcest
    assert torch.equal(counts, due.long()) and (counts <= have).all() and (counts == have).any()
    twelve = digits.few(12, 0)
    assert len(twelve) == 12 and len(twelve.x.flatten(1).unique(dim=0)) == 12
