"""The mutation gate: each check accepts right answers of any style and names each wrong one."""

import importlib
import pkgutil

import answers
import pytest
import torch

import ganedu.checks
from ganedu.checks import check
from ganedu.checks.engine import judged

CHAPTERS = sorted(
    m.name[2:] for m in pkgutil.iter_modules(ganedu.checks.__path__) if m.name[:2] == "ch"
)
CHECKS = {n: importlib.import_module(f"ganedu.checks.ch{n}") for n in CHAPTERS}
ANSWERS = {n: importlib.import_module(f"answers.ch{n}") for n in CHAPTERS}
NAMES = [(n, e) for n in CHAPTERS for e in CHECKS[n].EXERCISES]
RIGHT = [(n, e, i) for n, e in NAMES for i in range(len(ANSWERS[n].RIGHT.get(e, [])))]
WRONG = [(n, e, i) for n, e in NAMES for i in range(len(ANSWERS[n].WRONG.get(e, [])))]


CONTAINED = (
    "TOO-LONG",
    "PROCESS-ENDED",
)  # tried in a process of their own, as learners' answers are


def tried(n, exercise, answer):
    """The verdict, found in this process: twenty times faster than in one of its own."""
    state = torch.get_rng_state()
    torch.default_generator.manual_seed(0)
    try:
        return judged(f"{n}.{exercise}", CHECKS[n].EXERCISES[exercise], answer)
    finally:
        torch.set_rng_state(state)


def label(value):
    n, e, i = value
    return f"{n}.{e}-{ANSWERS[n].WRONG[e][i][0]}-{i}"


def test_there_is_an_answer_module_for_every_chapter():
    assert {m.name for m in pkgutil.iter_modules(answers.__path__)} == {f"ch{n}" for n in CHAPTERS}


@pytest.mark.parametrize("n, exercise", NAMES)
def test_every_exercise_has_two_right_and_six_wrong_answers(n, exercise):
    wrong = ANSWERS[n].WRONG[exercise]
    assert len(ANSWERS[n].RIGHT[exercise]) >= 2
    assert len(wrong) >= 6
    assert len({code for code, _ in wrong}) >= 4, "the wrong answers are all of one kind"


@pytest.mark.parametrize("case", RIGHT, ids=lambda c: f"{c[0]}.{c[1]}-{c[2]}")
def test_a_right_answer_passes(case):
    n, exercise, i = case
    verdict = tried(n, exercise, ANSWERS[n].RIGHT[exercise][i])
    assert verdict.status == "passed", repr(verdict)


@pytest.mark.parametrize("case", WRONG, ids=label)
def test_a_wrong_answer_is_rejected_under_its_own_name(case):
    n, exercise, i = case
    code, answer = ANSWERS[n].WRONG[exercise][i]
    if code in CONTAINED:
        verdict = check(f"{n}.{exercise}", answer, seconds=5)
    else:
        verdict = tried(n, exercise, answer)
    assert (verdict.status, verdict.code) == ("failed", code), repr(verdict)
    assert len(verdict.message) > 15 and verdict.next, "a verdict says what was seen and what next"


@pytest.mark.parametrize("n, exercise", NAMES)
def test_a_stub_is_politely_not_attempted(n, exercise):
    def stub(*args, **kwargs):
        raise NotImplementedError("replace this line with your code")

    verdict = check(f"{n}.{exercise}", stub)
    assert (verdict.status, verdict.code) == ("todo", ""), repr(verdict)


@pytest.mark.parametrize("n, exercise", NAMES)
@pytest.mark.parametrize(
    "junk", [lambda *a, **k: None, lambda *a, **k: "text", lambda: 0, 7, None, dict]
)
def test_junk_gets_a_sentence_and_never_an_exception(n, exercise, junk):
    verdict = check(f"{n}.{exercise}", junk)
    assert verdict.status in ("failed", "todo") and verdict.message
