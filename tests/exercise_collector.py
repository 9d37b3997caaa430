"""`pytest exercises`: one result per exercise, by running its notebook once.

An exercise is a call check("NN.name", ...) in a code cell. It passes, is skipped while it is not
attempted, or fails under the name of the misconception that the check recognised. The verdict is
read from the output that ganedu.checks.check leaves in the cell. This file knows no exercise.
"""

import re
from functools import cached_property

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

VERDICT = "application/vnd.ganedu.verdict+json"
CHECK_CALL = re.compile(r"""^[^#\n]*\bcheck\(\s*["']([^"']+)["']""", re.M)
FOLDERS = ("exercises", "solutions")
CELL_SECONDS = 120


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
    if file_path.suffix == ".ipynb" and file_path.parent.name in FOLDERS and not by_cell:
        return ExerciseNotebook.from_parent(parent, path=file_path)
    return None


class ThisPython(AsyncKernelManager):
    """Starts the kernel with the Python that runs pytest, whatever kernels a user installed."""

    def __init__(self, **options):
        super().__init__(kernel_spec_manager=KernelSpecManager(kernel_dirs=[]), **options)


class ExerciseNotebook(pytest.File):
    """A notebook of exercises; it runs when its first exercise asks for a verdict."""

    def collect(self):
        cells = [cell for cell in read(self.path).cells if cell.cell_type == "code"]
        names = [name for cell in cells for name in CHECK_CALL.findall(cell.source)]
        for name in dict.fromkeys(names):
            yield Exercise.from_parent(self, name=name)

    @cached_property
    def cells(self):
        """The code cells, run in a fresh kernel; what a cell raised is among its outputs."""
        nb = read(self.path)
        seconds = self.config.getoption("exercise_cell_timeout")
        run(nb, self.path.parent, seconds)
        return [cell for cell in nb.cells if cell.cell_type == "code"]


def read(path):
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:
        message = f"{path.name} is not a readable notebook: {error}"
        raise pytest.Collector.CollectError(message) from None


def run(nb, folder, seconds):
    """Run all cells and go on past errors; a cell that runs too long is interrupted."""
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        nb,
        timeout=seconds,
        interrupt_on_timeout=True,
        allow_errors=True,
        kernel_name="python3",
        kernel_manager_class=ThisPython,
        extra_arguments=["--log-level=40"],
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.log.setLevel("CRITICAL")
    try:
        client.execute()
    except DeadKernelError:
        pass  # the cells after this one have no verdict, and each exercise says so


class Exercise(pytest.Item):
    """One check in a notebook."""

    def runtest(self):
        cell, verdict = last_verdict(self.parent.cells, self.name)
        if verdict is None:
            pytest.fail(no_verdict(self.parent.cells, cell), pytrace=False)
        if verdict["status"] == "todo":
            pytest.skip(f"{self.name} is not attempted yet")
        if verdict["status"] != "passed":
            pytest.fail(sentence(verdict), pytrace=False)

    def reportinfo(self):
        return self.path, None, f"exercise {self.name}"


def last_verdict(cells, name):
    """The cell that checks the exercise, and its newest verdict or None."""
    found = [(cell, verdict) for cell in cells for verdict in verdicts(cell, name)]
    if found:
        return found[-1]
    return next(cell for cell in cells if name in CHECK_CALL.findall(cell.source)), None


def verdicts(cell, name):
    data = (output.get("data", {}).get(VERDICT) for output in cell.outputs)
    return [verdict for verdict in data if verdict and verdict["exercise"] == name]


def sentence(verdict):
    """The misconception's name first: pytest's summary shows the first line."""
    lines = [": ".join(filter(None, [verdict.get("code"), verdict.get("message")]))]
    if verdict.get("next"):
        lines.append(f"Next: {verdict['next']}")
    return "\n".join(lines)


def no_verdict(cells, cell):
    """One sentence on why the check did not speak: what its cell raised, and what came first."""
    if cell.execution_count is None:
        return "no verdict: the kernel died before this check, in a cell above it or in its own"
    error = error_of(cell)
    if error is None:
        return "no verdict: the cell ran, and its check(...) gave no verdict"
    text = f"no verdict: the check's cell {error}"
    above = cells[: cells.index(cell)]
    earlier = [(n, error_of(c)) for n, c in enumerate(above, 1) if error_of(c)]
    if earlier and "NameError" in error:
        number, first = earlier[-1]
        text += f" (code cell {number} above it {first})"
        if "SyntaxError" in first and missing(error) in above[number - 1].source:
            return f"CELL-NOT-RUN: code cell {number} {first}; mend it first"
    return text


def missing(error):
    """The definition that a NameError asks for."""
    name = re.search(r"name '(\w+)'", error)
    return f"def {name[1]}("


def error_of(cell):
    for output in cell.outputs:
        if output.output_type == "error" and output.ename == "KeyboardInterrupt":
            return "ran too long and was stopped"
        if output.output_type == "error":
            return f"raised {output.ename}: {first_line(output.evalue)}"
    return None


def first_line(text):
    """Without the name of the temporary file that a notebook's syntax error carries."""
    return re.sub(r"\(\S+\.py, line", "(line", (text.splitlines() or [""])[0])
