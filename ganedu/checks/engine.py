"""Run a check safely and say its outcome in plain words: no traceback, no hang, no solution."""

import ctypes
import html
import importlib
import re
import sys
import sysconfig
import threading
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

MIME = "application/vnd.ganedu.verdict+json"
NOT_THE_LEARNERS = (str(Path(__file__).parents[1]), sysconfig.get_path("stdlib"), "<frozen")
LOOK = {"passed": ("✓", "#1a7f37"), "failed": ("✗", "#cf222e"), "todo": ("○", "#6e7781")}


class Misconception(Exception):
    """A wrong answer that the check recognises: its name, what was seen, and one next step."""

    def __init__(self, code, seen, next_step):
        super().__init__(f"{code}: {seen}")
        self.code, self.seen, self.next_step = code, seen, next_step


class TooLong(BaseException):
    """Raised inside the learner's code when its time is up; `except Exception` does not stop it."""


@dataclass(frozen=True)
class Verdict:
    """What a check found; shows itself as a coloured note in a notebook."""

    exercise: str
    status: str  # passed, failed, todo
    code: str = ""  # the misconception's name
    message: str = ""
    next: str = ""

    def __repr__(self):
        mark = LOOK[self.status][0]
        name = f" · {self.code}" if self.code else ""
        lines = [f"{mark} {self.exercise}{name}", f"  {self.message}"]
        return "\n".join(lines + ([f"  Next: {self.next}"] if self.next else []))

    def _repr_html_(self):
        mark, colour = LOOK[self.status]
        name = f" · <code>{html.escape(self.code)}</code>" if self.code else ""
        following = f"<br><b>Next:</b> {_marked(self.next)}" if self.next else ""
        return (
            f'<div role="status" style="border-left:4px solid {colour};padding:.4em .9em;'
            f'margin:.4em 0;max-width:46em"><b style="color:{colour}">{mark} {self.exercise}</b>'
            f"{name}<br>{_marked(self.message)}{following}</div>"
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": repr(self), "text/html": self._repr_html_(), MIME: asdict(self)}


def check(name, answer, *, seconds=30.0):
    """Try `answer` on exercise `name` ("05.d_step") -> Verdict; never raises for the answer."""
    probe = _find(name)
    if answer is None:
        return Verdict(name, "todo", message="There is no answer here yet: None was given.")
    broken = _broken_cell(getattr(answer, "__name__", ""))
    if broken:
        seen = f"The newest cell that defines your answer did not run: {broken}."
        return Verdict(
            name, "failed", "CELL-NOT-RUN", seen, "Mend that cell, run it, then this one."
        )
    kind, value = _in_time(probe, answer, seconds)
    if kind == "done":
        return Verdict(name, "passed", message=value or "Right.")
    if isinstance(value, NotImplementedError):
        todo = "Not attempted yet. Replace the line that raises NotImplementedError with your code."
        return Verdict(name, "todo", message=todo)
    if isinstance(value, Misconception):
        return Verdict(name, "failed", value.code, value.seen, value.next_step)
    if isinstance(value, TooLong):
        seen = f"Your code was still running after {seconds:g} seconds, and was stopped."
        return Verdict(name, "failed", "TOO-LONG", seen, "Look for a loop that never ends.")
    return Verdict(name, "failed", "CRASHED", *_describe(value))


def _broken_cell(function):
    """In a notebook: the syntax error of the newest cell that defines `function`, else ""."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    cells = shell.user_ns.get("In", []) if shell else []
    cell = next((c for c in reversed(cells) if f"def {function}(" in c), "")
    try:
        compile(shell.transform_cell(cell) if cell else "", "<cell>", "exec")
    except SyntaxError as error:
        return f"SyntaxError in line {error.lineno}, {error.msg}"
    return ""


def _find(name):
    """The probe of "05.d_step": function d_step of ganedu.checks.ch05."""
    chapter, _, exercise = str(name).partition(".")
    try:
        module = importlib.import_module(f"ganedu.checks.ch{chapter}")
        return module.EXERCISES[exercise]
    except (ModuleNotFoundError, KeyError):
        raise ValueError(
            f"there is no exercise {name!r}; names look like '05.d_step' and stand in the cell "
            "as the notebook gave it"
        ) from None


def _in_time(probe, answer, seconds):
    """Run the probe in a thread of its own, so that an endless loop can be stopped."""
    outcome = []

    def work():
        try:
            outcome[:] = "done", probe(answer)
        except BaseException as error:  # whatever the learner's code raises, SystemExit too
            outcome[:] = "raised", error

    thread = threading.Thread(target=work, daemon=True)
    state = torch.get_rng_state()
    torch.default_generator.manual_seed(0)  # the same verdict each time
    try:
        thread.start()
        thread.join(seconds)
        return ("raised", TooLong()) if thread.is_alive() else outcome
    finally:  # also when Ctrl-C ends the waiting
        _stop(thread)
        torch.set_rng_state(state)


def _stop(thread):
    """Raise TooLong in the thread; more than once, for code that catches everything."""
    for _ in range(3):
        if not thread.is_alive():
            return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(TooLong)
        )
        thread.join(1)


def _describe(error):
    """An exception of the learner's code as (what was seen, what to look at)."""
    said = f"{type(error).__name__}: {error}".split("\n")[0].rstrip(": ")
    own = [f for f in traceback.extract_tb(error.__traceback__) if _is_learners(f.filename)]
    if not own:
        return (
            f"The check called your answer and could not go on ({said}).",
            "Compare the arguments and the returned value with the exercise's text.",
        )
    line = f"line {own[-1].lineno} of your cell" + (f": `{own[-1].line}`" if own[-1].line else "")
    return f"Your code raised {said}.", f"Look at {line}."


def _is_learners(file):
    installed = "site-packages" in file or "dist-packages" in file
    return not installed and not file.startswith(NOT_THE_LEARNERS)


def _marked(text):
    """Escaped HTML in which `code` is set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))
