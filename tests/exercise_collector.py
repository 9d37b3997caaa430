"""`pytest exercises`: one result per exercise, by running its notebook once.

An exercise is a call check("NN.name", ...) in a code cell. It passes, is skipped while it is not
attempted, or fails under the name of the misconception that the check recognised. The verdict is
read from the output that ganedu.checks.check leaves in the cell. This file knows no exercise.
"""

from functools import cached_property

import pytest

from ganedu import notebooks

CELL_SECONDS = 120
LESSONS = "notebooks"  # a lesson shows wrong answers on purpose


def pytest_addoption(parser):
    parser.addoption(
        "--exercise-cell-timeout",
        type=int,
        default=CELL_SECONDS,
        metavar="SECONDS",
        help=f"stop a cell of an exercise that runs longer (default: {CELL_SECONDS})",
    )


def pytest_collect_file(file_path, parent):
    option = parent.config.option
    by_cell = getattr(option, "nbval", False) or getattr(option, "nbval_lax", False)
    if file_path.suffix != ".ipynb" or file_path.parent.name == LESSONS or by_cell:
        return None
    return ExerciseNotebook.from_parent(parent, path=file_path)


class ExerciseNotebook(pytest.File):
    """A notebook of exercises; it runs when its first exercise asks for a verdict.

    What is due are the exercises of the notebook of that name in `exercises/`, if there is one,
    and those that it holds itself.
    """

    def collect(self):
        due = exercises_of(self.config.rootpath / "exercises" / self.path.name)
        here = exercises_of(self.path)
        for name in dict.fromkeys([*(due or []), *(here or [])]):
            yield Exercise.from_parent(self, name=name)
        if here is None and not due:
            yield Exercise.from_parent(self, name="readable")

    @cached_property
    def nb(self):
        """The notebook after a run in a fresh kernel; what a cell raised is among its outputs."""
        nb = notebooks.read(self.path)
        seconds = self.config.getoption("exercise_cell_timeout")
        return notebooks.run(nb, self.path.parent, seconds=seconds, go_on=True)


def exercises_of(path):
    """The names of a notebook's exercises; None when it cannot be read."""
    nb = notebooks.read(path)
    return None if nb is None else notebooks.exercises_in(nb)


class Exercise(pytest.Item):
    """One check in a notebook."""

    def runtest(self):
        if exercises_of(self.path) is None:
            pytest.fail(f"UNREADABLE: {self.path.name} is not a readable notebook", pytrace=False)
        status, words = notebooks.outcome(self.parent.nb, self.name)
        if status == "todo":
            pytest.skip(f"{self.name} is not attempted yet")
        if status != "passed":
            pytest.fail(words, pytrace=False)

    def reportinfo(self):
        return self.path, None, f"exercise {self.name}"
