"""`pytest exercises` gives one readable result per exercise."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

TESTS = Path(__file__).parent
PATH = (TESTS, TESTS.parent)
CHECK = """
class check:
    def __init__(self, exercise, answer):
        self.exercise, self.answer = exercise, answer

    def _repr_mimebundle_(self, **kwargs):
        verdict = {"exercise": self.exercise, "status": "failed", "code": "THRICE"}
        verdict |= {"message": "That is three times x.", "next": "Try x = 1."}
        try:
            if self.answer(2) == 4:
                verdict |= {"status": "passed", "code": ""}
        except NotImplementedError:
            verdict |= {"status": "todo", "code": ""}
        return {"text/plain": "", "application/vnd.ganedu.verdict+json": verdict}
"""
CELLS = [
    CHECK,
    "def right(x):\n    return x + x",
    'check("01.right", right)',
    "def todo(x):\n    raise NotImplementedError",
    'check("01.todo", todo)',
    "def wrong(x):\n    return 3 * x",
    'check(\n    "01.wrong",\n    wrong,\n)',
    "def typo(x:\n    return x",
    'check("01.typo", typo)',
    '# check("01.commented", right)',
    'while True:\n    pass\ncheck("01.hangs", right)',
    "import os\nos._exit(1)",
    'check("01.dead", right)',
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Exercises of every fate in one notebook, and a lesson that must not be collected."""
    root = tmp_path_factory.mktemp("course")
    (root / "pytest.ini").write_text("[pytest]\n")
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    for name in ("exercises", "notebooks"):
        (root / name).mkdir()
        nbformat.write(nbformat.v4.new_notebook(cells=cells), root / name / "01_double.ipynb")
    return root


def run_pytest(folder, *options):
    command = [sys.executable, "-m", "pytest", "-p", "exercise_collector", "-p", "no:cacheprovider"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, PATH)), "COLUMNS": "300"}
    env.pop("PYTEST_ADDOPTS", None)
    limit = ["--exercise-cell-timeout", "2", "-v", "-ra"]
    done = subprocess.run(
        [*command, *limit, *options], cwd=folder, env=env, capture_output=True, text=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def shown(folder):
    return run_pytest(folder)


@pytest.mark.parametrize(
    ("exercise", "fate"),
    [
        ("right", "PASSED"),
        ("todo", "SKIPPED (01.todo is not attempted yet)"),
        ("wrong", "FAILED"),
        ("typo", "FAILED"),
        ("hangs", "FAILED"),
        ("dead", "FAILED"),
    ],
)
def test_each_exercise_is_one_result(shown, exercise, fate):
    assert f"exercises/01_double.ipynb::01.{exercise} {fate}" in shown


def test_only_exercises_are_collected(shown):
    assert "collected 6 items" in shown
    assert "notebooks/" not in shown and "01.commented" not in shown


def test_a_failure_carries_the_misconception_and_the_next_step(shown):
    assert "01.wrong - Failed: THRICE: That is three times x." in shown
    assert "Next: Try x = 1." in shown


def test_a_check_that_could_not_run_says_why_in_one_sentence(shown):
    assert "CELL-NOT-RUN: code cell" in shown and "raised SyntaxError" in shown
    assert "the check's cell ran too long and was stopped" in shown
    assert "the kernel died before this check" in shown
    assert "Traceback" not in shown and "nbclient" not in shown


def test_results_are_the_same_in_two_processes(folder):
    shown = run_pytest(folder, "-n", "2", "--dist", "loadfile")
    assert "4 failed, 1 passed, 1 skipped" in shown


def notebook_of(*sources):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in sources])


def test_an_unreadable_file_fails_by_name_and_the_others_go_on(tmp_path):
    for place in ("exercises", "submissions/alice"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "exercises" / "01_cut_off.ipynb").write_text('{"cells": [')
    right = notebook_of(CHECK, 'check("02.right", lambda x: 2 * x)')
    nbformat.write(right, tmp_path / "exercises" / "02_whole.ipynb")
    (tmp_path / "submissions" / "alice" / "02_whole.ipynb").write_text("<<<<<<< HEAD")
    shown = run_pytest(tmp_path)
    assert "UNREADABLE: 01_cut_off.ipynb is not a readable notebook" in shown
    assert "submissions/alice/02_whole.ipynb::02.right FAILED" in shown
    assert "exercises/02_whole.ipynb::02.right PASSED" in shown and "Traceback" not in shown


def test_an_exercise_that_is_gone_from_a_submission_fails_by_name(tmp_path):
    right, other = 'check("01.right", lambda x: 2 * x)', 'check("01.other", lambda x: 2 * x)'
    for place, cells in (("exercises", (CHECK, right, other)), ("alice", (CHECK, right))):
        (tmp_path / place).mkdir()
        nbformat.write(notebook_of(*cells), tmp_path / place / "01_double.ipynb")
    shown = run_pytest(tmp_path, "alice")
    assert "alice/01_double.ipynb::01.right PASSED" in shown
    assert "01.other - Failed: MISSING" in shown
