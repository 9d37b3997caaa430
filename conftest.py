"""How pytest runs the notebooks: defaults for `--nbval`, one result per exercise without it."""

import os
import time
from pathlib import Path
from queue import Empty

import pytest

from ganedu.notebooks import is_bare_widget

ROOT = Path(__file__).parent
pytest_plugins = ["exercise_collector"]  # tests/exercise_collector.py


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    if getattr(config.option, "dist", "no") in ("load", "worksteal", "loadgroup"):
        config.option.dist = "loadfile"  # one notebook runs in one worker, its cells in order
    if uses_nbval(config):
        set_nbval_defaults(config.option)
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # as the stored outputs were made
        notice_dead_kernels()
        honour_semicolons()


def uses_nbval(config):
    return getattr(config.option, "nbval", False) or getattr(config.option, "nbval_lax", False)


def set_nbval_defaults(option):
    if option.nbval_cell_timeout == 2000:  # nbval's own: half an hour for a cell that hangs
        option.nbval_cell_timeout = 600.0  # a busy machine is several times slower
    if option.nbval_sanitize_with is None:
        option.nbval_sanitize_with = str(ROOT / "tests" / "nbval-sanitize.cfg")
    if not option.nbval_kernel_name:  # a kernel saved in someone's own environment must not matter
        option.nbval_current_env = True


def pytest_collection_modifyitems(config, items):
    if not uses_nbval(config):
        return
    for item in items:
        if type(item).__name__ == "IPyNbCell":
            item.output_timeout = 30  # nbval's 5 s are short on a loaded machine
            item.compare_outputs = without_bare_widgets(item.compare_outputs)
            if ROOT / "exercises" in item.path.parents:
                item.options["check"] = False  # a learner's outputs are the learner's


def without_bare_widgets(compare):
    """Leave progress bars out of the comparison: the builder does not store them."""

    def keep(outputs):
        return [output for output in outputs if not is_bare_widget(output)]

    return lambda test, ref, *rest: compare(keep(test), keep(ref), *rest)


def notice_dead_kernels():
    """Ask each second whether the kernel lives; nbval would wait out the whole cell timeout."""
    from nbval.kernel import RunningKernel

    def await_reply(self, msg_id, timeout=None):
        end = float("inf") if timeout is None else time.monotonic() + timeout
        while time.monotonic() < end:
            try:
                reply = self.get_message(stream="shell", timeout=min(1.0, end - time.monotonic()))
            except Empty:
                if not self.is_alive():
                    raise RuntimeError("the kernel died while this cell ran") from None
                continue
            if reply["parent_header"].get("msg_id") == msg_id:
                if reply["content"]["status"] == "aborted":
                    raise RuntimeError("the kernel aborted this cell")
                return
        raise Empty

    RunningKernel.await_reply = await_reply


def honour_semicolons():
    """Run cells with history: only then does IPython see the `;` that hides a cell's last value."""
    from nbval.kernel import RunningKernel

    def execute_cell_input(self, cell_input, allow_stdin=None):
        return self.kc.execute(cell_input, allow_stdin=allow_stdin, stop_on_error=False)

    RunningKernel.execute_cell_input = execute_cell_input
