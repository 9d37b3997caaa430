"""Run a check safely and say its outcome in plain words: no traceback, no hang, no solution.

Where the system can fork (Linux without a GPU in use) the learner's code runs in a copy of the
process that is thrown away afterwards, so that nothing it does stays behind and nothing it does can
hold up the notebook. Elsewhere it runs in a thread, and what threads share is put back.
"""

import contextlib
import ctypes
import gc
import html
import importlib
import io
import json
import os
import random
import re
import select
import signal
import sys
import sysconfig
import threading
import time
import traceback
import warnings
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from ganedu.checks.words import Misconception, told
from ganedu.kit import progress

MIME = "application/vnd.ganedu.verdict+json"
NOT_THE_LEARNERS = (str(Path(__file__).parents[1]), sysconfig.get_path("stdlib"), "<frozen")
LOOK = {"passed": ("✓", "#1a7f37"), "failed": ("✗", "#cf222e"), "todo": ("○", "#59636e")}
ON = " Until then, cells below that need it stop with an error."
LONGEST = 600  # characters of a sentence in a verdict
STILL_SEEN = 2000  # characters of what the learner's code printed


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
    section: str = ""  # the heading of the lesson to look at again

    def __repr__(self):
        mark = LOOK[self.status][0]
        name = f" · {self.code}" if self.code else ""
        lines = [f"{mark} {self.exercise}{name}", f"  {self.message}"]
        lines += [f"  Next: {self.next}"] if self.next else []
        return "\n".join(lines + ([f"  Look again at: {self.where}"] if self.section else []))

    @property
    def where(self):
        """The place in the course to look at again."""
        return f"lesson {self.exercise.partition('.')[0]}, “{self.section}”"

    def _repr_html_(self):
        mark, colour = LOOK[self.status]
        name = f" · <code>{html.escape(self.code)}</code>" if self.code else ""
        following = f"<br><b>Next:</b> {_marked(self.next)}" if self.next else ""
        following += f"<br><b>Look again at:</b> {_marked(self.where)}" if self.section else ""
        return (
            f'<div role="status" style="border-left:4px solid {colour};padding:.4em .9em;'
            f'margin:.4em 0;max-width:46em"><b style="color:{colour}">{mark} {self.exercise}</b>'
            f"{name}<br>{_marked(self.message)}{following}</div>"
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": repr(self), "text/html": self._repr_html_(), MIME: asdict(self)}


def check(name, answer, *, seconds=30.0, seed=None):
    """Try `answer` on exercise `name` ("05.d_step") -> Verdict; never raises for the answer.

    The numbers that it is tried on follow from `seed`: 0, or the environment's GANEDU_SEED.
    """
    exercise = _find(name)
    seed = int(os.environ.get("GANEDU_SEED", 0)) if seed is None else seed
    verdict = _unstarted(name, answer) or _contained(
        lambda: judged(name, exercise, answer, seed), name, seconds
    )
    progress.here().put("exercises", {name: {"status": verdict.status, "code": verdict.code}})
    return verdict


def _unstarted(name, answer):
    """The verdict where there is nothing to try: no answer yet, or a cell that did not run."""
    if answer is None or answer is ...:
        return Verdict(
            name, "todo", message=f"There is no answer here yet: {answer} was given.{ON}"
        )
    broken = _broken_cell(getattr(answer, "__name__", ""))
    return _failed(name, Misconception("CELL-NOT-RUN", error=broken)) if broken else None


def judged(name, exercise, answer, seed=0):
    """The verdict on `answer`, found in this process: what `check` does, without its protection."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Verdict(name, "passed", message=exercise(answer, seed) or "Right.")
    except NotImplementedError:
        todo = "Not attempted yet. Write your code where the blank is, or the line that raises."
        return Verdict(name, "todo", message=todo + ON)
    except Misconception as found:
        return _failed(name, found, exercise)
    except TooLong:
        raise
    except BaseException as error:  # whatever the learner's code raises, SystemExit too
        return _failed(name, _crash(error), exercise)


def _failed(name, found, exercise=None):
    code, words = told(name, found)
    verdict = Verdict(name, "failed", code, words["seen"], words["next"], words.get("section", ""))
    return replace(verdict, message=_short(verdict.message), next=_short(verdict.next))


def _short(text):
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _find(name):
    """The exercise "05.d_step": EXERCISES["d_step"] of ganedu.checks.ch05."""
    chapter, _, exercise = str(name).partition(".")
    try:
        module = importlib.import_module(f"ganedu.checks.ch{chapter}")
        return module.EXERCISES[exercise]
    except (ModuleNotFoundError, KeyError):
        raise ValueError(
            f"there is no exercise {name!r}; names look like '05.d_step' and stand in the cell "
            "as the notebook gave it"
        ) from None


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


# ---- keeping the learner's code from doing harm --------------------------------------------------


def _contained(work, name, seconds):
    """What work() returns, a Verdict; or the verdict on why it did not come to its end."""
    if sys.platform == "linux" and not torch.cuda.is_initialized():
        said = _in_child(work, seconds)
    else:
        said = _in_thread(work, seconds)
    return said if isinstance(said, Verdict) else _failed(name, said)


def _in_child(work, seconds):
    """Run work() in a copy of this process; kill it when its time is up."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the child runs one thread and ends
        pid = os.fork()
    if pid == 0:
        _be_the_child(work, writing)
    os.close(writing)
    try:
        sent = _receive(reading, time.monotonic() + seconds)
    finally:  # also when Ctrl-C ends the waiting
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        ended = os.waitpid(pid, 0)[1]
    if sent is None:
        return Misconception("TOO-LONG", seconds=f"{seconds:g}")
    try:
        said = json.loads(sent)
    except ValueError:
        how = os.waitstatus_to_exitcode(ended)
        return Misconception("PROCESS-ENDED", how=f"exit status {how}")
    print(said.pop("printed"), end="")
    return Verdict(**said)


def _be_the_child(work, writing):
    """Judge, send the verdict through the pipe, and end without a trace."""
    try:
        gc.freeze()  # the parent's garbage (sockets, temporary folders) is not the child's to end
        with contextlib.suppress(ValueError):  # possible in the main thread only
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
        out = sys.stdout = sys.stderr = io.StringIO()
        with _as_usual():
            said = asdict(work())
        said["printed"] = out.getvalue()[:STILL_SEEN]
        with os.fdopen(writing, "w", encoding="utf-8") as pipe:
            json.dump(said, pipe)
    finally:
        os._exit(0)


def _receive(reading, end):
    """All that comes through the pipe until it is closed; None if time is up before."""
    parts = []
    while time.monotonic() < end:
        if not select.select([reading], [], [], max(0.0, end - time.monotonic()))[0]:
            return None
        part = os.read(reading, 1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)
    return None


@contextlib.contextmanager
def _as_usual():
    """The state in which every answer is judged: gradients on, float32, one thread, a fixed seed."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    torch.default_generator.manual_seed(0)  # the same verdict each time
    random.seed(0)
    with torch.inference_mode(False), torch.enable_grad():
        yield


def _in_thread(work, seconds):
    """Run work() in a thread of its own, so that an endless loop can be stopped."""
    outcome = []

    def run():
        try:
            with torch.inference_mode(False), torch.enable_grad():
                outcome.append(work())
        except TooLong:
            pass

    thread = threading.Thread(target=run, daemon=True)
    before = _shared_state()
    try:
        torch.default_generator.manual_seed(0)
        thread.start()
        thread.join(seconds)
    finally:  # also when Ctrl-C ends the waiting
        _stop(thread)
        _restore(before)
    return outcome[0] if outcome else Misconception("TOO-LONG", seconds=f"{seconds:g}")


def _stop(thread):
    """Raise TooLong in the thread; more than once, for code that catches everything."""
    for _ in range(3):
        if not thread.is_alive():
            return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(TooLong)
        )
        thread.join(1)


SHARED = (torch, torch.nn.functional, torch.Tensor, torch.nn.Module)


def _shared_state():
    """What threads share and code may leave changed: settings of torch, and its own functions."""
    return {
        "rng": torch.get_rng_state(),
        "random": random.getstate(),
        "dtype": torch.get_default_dtype(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "threads": torch.get_num_threads(),
        "functions": [dict(vars(owner)) for owner in SHARED],
    }


def _restore(state):
    for owner, before in zip(SHARED, state["functions"]):
        for name, value in before.items():
            if vars(owner).get(name) is not value:
                setattr(owner, name, value)
    torch.set_rng_state(state["rng"])
    random.setstate(state["random"])
    torch.set_default_dtype(state["dtype"])
    torch.use_deterministic_algorithms(state["deterministic"])
    torch.set_num_threads(state["threads"])


# ---- an exception in words -----------------------------------------------------------------------


def _crash(error):
    """An exception of the learner's code, or of the check itself, as a Misconception."""
    try:
        said = f"{type(error).__name__}: {error}".split("\n")[0].rstrip(": ")
    except Exception:  # an exception whose own text raises
        said = type(error).__name__
    said = said if len(said) <= 300 else said[:299] + "…"
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if _is_learners(f.filename)]
    if own:
        line = f"line {own[-1].lineno} of your cell"
        return Misconception(
            "CRASHED", said=said, line=line + (f": `{own[-1].line}`" if own[-1].line else "")
        )
    if isinstance(error, TypeError) and re.search(r"argument|callable|unpack", said):
        return Misconception("CRASHED/called", said=said)
    return Misconception("CRASHED/check", said=said)


def _is_learners(file):
    installed = "site-packages" in file or "dist-packages" in file
    return not installed and not file.startswith(NOT_THE_LEARNERS)


def _marked(text):
    """Escaped HTML in which `code` is set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))
