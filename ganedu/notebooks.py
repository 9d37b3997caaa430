"""Run a notebook in a Python, and read what its checks said. Needs the extra `kit`.

Used by the builder of the course, by `pytest exercises`, by `ganedu check` and by the Colab
stand-in; nothing else starts a kernel.
"""

import os
import re
import sys

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from ganedu.kit import progress
from ganedu.kit.course import CHECK

NOT_STARTED = "Kernel died before replying"  # jupyter_client's words
VERDICT = "application/vnd.ganedu.verdict+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


# ---- running -------------------------------------------------------------------------------------


def kernel_of(python):
    """A kernel manager for that Python, whatever kernels a user has installed."""
    command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]

    class Kernel(AsyncKernelManager):
        kernel_spec = KernelSpec(argv=command, display_name="Python 3", language="python")

    return Kernel


def run(nb, folder, *, seconds=600, go_on=False, python=sys.executable):
    """Run all cells in a fresh kernel in `folder`; outputs and counts are written into `nb`.

    A cell that raises, or runs longer than `seconds`, ends the run with nbclient's error. With
    `go_on` what it raised is among its outputs, a cell that is too long is interrupted, and after
    a dead kernel the rest stays unrun. What the cells predict or solve is kept nowhere: it is not
    the learner who runs them.
    """
    for cell in code_cells(nb):
        cell.outputs, cell.execution_count = [], None
    for tries_left in (2, 1, 0):
        client = _client(nb, folder, seconds, go_on, python)
        try:
            client.execute(env=os.environ | {progress.APART: "1"})
            break
        except DeadKernelError:
            if not go_on:
                raise
            break
        except RuntimeError as error:  # two kernels that start at once may choose the same port
            if NOT_STARTED not in str(error) or not tries_left:
                raise
    return nb


def _client(nb, folder, seconds, go_on, python):
    client = NotebookClient(
        nb,
        timeout=seconds,
        interrupt_on_timeout=go_on,
        allow_errors=go_on,
        kernel_name="python3",
        kernel_manager_class=kernel_of(python),
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=40"],
        resources={"metadata": {"path": str(folder)}},
    )
    client.log.setLevel("CRITICAL")  # what goes wrong is told once, by the caller
    return client


def read(path):
    """The notebook in the file; None when there is none that can be read."""
    try:
        return nbformat.read(path, as_version=4)
    except Exception:  # nbformat raises many kinds: broken JSON, no notebook, another encoding
        return None


def code_cells(nb):
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def is_bare_widget(output):
    """True for a widget without a face of its own, such as a progress bar: stored, it is empty."""
    data = output.get("data", {})
    static = (kind.startswith("image/") or kind == "text/html" for kind in data)
    return WIDGET_VIEW in data and not any(static)


# ---- what the checks said ------------------------------------------------------------------------


def exercises_in(nb):
    """The names of the exercises that the notebook's cells check, in order."""
    found = (name for cell in code_cells(nb) for name in CHECK.findall(cell.source))
    return list(dict.fromkeys(found))


def outcome(nb, name):
    """(status, words) of an exercise in a notebook that was run: passed, todo or failed.

    The words begin with the misconception's name; without a verdict they say why there is none.
    """
    cells = code_cells(nb)
    found = [verdict for cell in cells for verdict in verdicts(cell, name)]
    if found:
        return found[-1]["status"], sentence(found[-1])
    checked = [cell for cell in cells if name in CHECK.findall(cell.source)]
    if not checked:
        return "failed", f'MISSING: the cell with check("{name}", ...) is not there any more'
    return "failed", no_verdict(cells, checked[0])


def verdicts(cell, name):
    data = (output.get("data", {}).get(VERDICT) for output in cell.outputs)
    return [verdict for verdict in data if verdict and verdict["exercise"] == name]


def sentence(verdict):
    """The misconception's name first: a summary shows the first line."""
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
