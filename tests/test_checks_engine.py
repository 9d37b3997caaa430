"""What `check` promises whatever the learner's code does: no hang, no traceback, no side effect."""

import gc
import json
import linecache
import os
import signal
import sys
import threading
import time
import types
from pathlib import Path

import psutil
import pytest
import torch
from IPython.core.formatters import DisplayFormatter

import ganedu.checks
from ganedu.checks import Verdict, check, engine, probes, words
from ganedu.checks.exercise import Case, Exercise
from ganedu.checks.words import Misconception
from ganedu.networks import MLPGenerator

MIME = "application/vnd.ganedu.verdict+json"


CHAPTER_99 = """
from ganedu.checks.words import Misconception

def call(answer, seed):
    answer()

def said(answer, seed):
    return answer()

def named(answer, seed):
    raise Misconception("NAME<b>", what="a < b")

EXERCISES = {"call": call, "said": said, "named": named}
"""
SEEN = "It gave `{what}` & <script>alert(1)</script>."
WORDS_99 = {"named": {"NAME<b>": {"seen": SEEN, "next": "See `<x>`."}}}


@pytest.fixture(autouse=True)
def chapter_99(monkeypatch):
    """A chapter whose checks do nothing but call the answer, or judge it in a fixed way."""
    chapter = types.ModuleType("ganedu.checks.ch99")
    file = str(Path(ganedu.checks.__file__).with_name("ch99.py"))  # never seen as the learner's
    exec(compile(CHAPTER_99, file, "exec"), chapter.__dict__)
    monkeypatch.setitem(sys.modules, "ganedu.checks.ch99", chapter)
    usual = words.words
    monkeypatch.setattr(words, "words", lambda n: WORDS_99 if n == "99" else usual(n))


def line_of_cell(source, name="answer"):
    """A function from a cell as a notebook makes it: compiled under a name of its own."""
    file = "<ipython-input-7-abc>"
    linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
    space = {"torch": torch}
    exec(compile(source, file, "exec"), space)
    return space[name]


# ---- time


def endless():
    while True:
        pass


def endless_and_stubborn():
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            pass


def endless_in_torch():
    while True:
        torch.zeros(10) + 1


@pytest.mark.parametrize("answer", [endless, endless_and_stubborn, endless_in_torch])
def test_a_loop_that_never_ends_is_stopped_and_its_thread_with_it(answer):
    before = threading.active_count()
    start = time.monotonic()
    verdict = check("99.call", answer, seconds=0.3)
    assert (verdict.status, verdict.code) == ("failed", "TOO-LONG")
    assert "0.3 seconds" in verdict.message and verdict.next
    assert time.monotonic() - start < 10
    assert threading.active_count() == before


def test_a_call_that_python_cannot_interrupt_does_not_hold_up_the_verdict():
    start = time.monotonic()
    assert check("99.call", lambda: time.sleep(8), seconds=0.1).code == "TOO-LONG"
    assert time.monotonic() - start < 7


def test_ctrl_c_while_a_check_runs_stops_the_learners_code_too():
    """Ctrl-C comes while the check waits, here after a second."""
    before = set(psutil.Process().children())  # another test's idle workers, which may end
    timer = threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        check("99.call", endless)
    assert set(psutil.Process().children()) <= before


def test_a_call_that_keeps_the_interpreters_lock_is_ended():
    before = set(psutil.Process().children())
    verdict = check("99.call", lambda: sum(range(10**11)), seconds=0.5)
    assert verdict.code == "TOO-LONG"
    assert set(psutil.Process().children()) <= before


def test_the_check_does_not_end_what_lies_unused_in_the_learners_process():
    """A kernel's closed sockets abort when a copy of the process collects them."""

    class Folder:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGKILL if os.getpid() != here else 0)

    here = os.getpid()
    gc.disable()
    try:
        left = Folder()
        left.itself = left  # only the collector can end it
        del left
        assert check("99.call", lambda: gc.collect() and None).code != "PROCESS-ENDED"
    finally:
        gc.enable()


@pytest.mark.parametrize("ending", [lambda: os._exit(3), lambda: os.kill(os.getpid(), 9)])
def test_an_answer_that_ends_its_process_gets_a_sentence(ending):
    assert check("99.call", ending).code == "PROCESS-ENDED"


def test_what_the_answer_prints_is_shown(capsys):
    check("99.call", lambda: print("my shape is", 3))
    assert capsys.readouterr().out == "my shape is 3\n"


def test_nothing_that_the_answer_sets_stays_behind():
    def sets():
        torch.set_default_dtype(torch.float64)
        torch.use_deterministic_algorithms(True)
        torch.randn = None

    before = torch.get_default_dtype(), torch.randn
    for contain in (engine._in_child, engine._in_thread):
        contain(lambda: engine.judged("99.call", lambda answer: answer(), sets), 5)
        assert (torch.get_default_dtype(), torch.randn) == before
        assert not torch.are_deterministic_algorithms_enabled()


def test_without_fork_a_loop_is_stopped_in_its_thread():
    before = threading.active_count()
    found = engine._in_thread(endless, 0.3)
    assert found.code == "TOO-LONG" and threading.active_count() == before


def test_a_text_of_ten_megabytes_is_cut():
    def answer():
        raise ValueError("x" * 10**7)

    assert len(repr(check("99.call", answer))) < 1000


def test_an_exception_whose_text_raises_is_a_sentence():
    class Silent(Exception):
        def __str__(self):
            raise RuntimeError

    def answer():
        raise Silent

    assert check("99.call", answer).code == "CRASHED"


# ---- exceptions


def test_an_exception_names_the_learners_line():
    answer = line_of_cell("def answer():\n    a = 1\n    return a / 0\n")
    verdict = check("99.call", answer)
    assert (verdict.status, verdict.code) == ("failed", "CRASHED")
    assert verdict.message == "Your code raised ZeroDivisionError: division by zero."
    assert verdict.next == "Look at line 3 of your cell: `return a / 0`."


@pytest.mark.parametrize(
    "line",
    [
        "torch.ones(2, 3) @ torch.ones(2, 3)",
        "torch.nn.Linear(2, 3)(torch.ones(1, 5))",
        "__import__('json').loads('{')",
        "__import__('copy').deepcopy(lambda: 0, [])",
    ],
)
def test_an_exception_inside_a_library_names_the_learners_line(line):
    answer = line_of_cell(f"def answer():\n    x = 0\n    {line}\n")
    verdict = check("99.call", answer)
    assert verdict.code == "CRASHED"
    assert verdict.next == f"Look at line 3 of your cell: `{line}`."


def test_an_exception_inside_this_package_names_the_learners_line():
    G = MLPGenerator(z_dim=2)
    verdict = check("99.call", lambda: G(torch.ones(4, 9)))
    assert "z must have shape [n, 2]" in verdict.message
    assert "G(torch.ones(4, 9))" in verdict.next


def test_an_exception_without_any_line_of_the_learner_says_what_to_compare():
    for answer in (7, lambda needs_one: 0):
        verdict = check("99.call", answer)
        assert verdict.code == "CRASHED" and "TypeError" in verdict.message
        assert "arguments" in verdict.next and "line" not in verdict.next


def test_only_the_first_line_of_a_long_message_is_shown():
    def answer():
        raise ValueError("first\nsecond\nthird")

    assert check("99.call", answer).message == "Your code raised ValueError: first."


class Odd(BaseException):
    pass


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, Odd, StopIteration])
def test_no_exception_of_the_learners_code_escapes(kind):
    def answer():
        raise kind

    verdict = check("99.call", answer)
    assert verdict.code == "CRASHED" and kind.__name__ in verdict.message


def test_a_recursion_without_end_is_a_sentence():
    def answer():
        return answer()

    assert "RecursionError" in check("99.call", answer).message


def test_nothing_is_printed(capsys):
    check("99.call", endless, seconds=0.2)
    check("99.call", lambda: 1 / 0)
    assert capsys.readouterr() == ("", "")


# ---- not attempted, and unknown


def test_a_stub_and_none_are_not_attempted():
    def stub():
        raise NotImplementedError("replace this line with your code")

    assert check("99.call", stub).status == "todo"
    assert check("99.call", None).status == check("99.call", ...).status == "todo"


def test_a_blank_that_returns_dots_is_not_attempted():
    assert check("03.d_loss", lambda real, fake: ...).status == "todo"


@pytest.mark.parametrize("name", ["05.nothing", "98.call", "call", "", "99.", ".call", 5, endless])
def test_an_unknown_exercise_is_one_clear_value_error(name):
    with pytest.raises(ValueError, match=r"there is no exercise .*'05\.d_step'") as caught:
        check(name, endless)
    assert "\n" not in str(caught.value) and caught.value.__suppress_context__


# ---- no side effects


@pytest.mark.parametrize("answer", [lambda: torch.rand(3), lambda: torch.manual_seed(3), endless])
def test_the_global_generator_is_left_as_it_was(answer):
    torch.manual_seed(123)
    before = torch.get_rng_state()
    check("99.call", answer, seconds=0.3)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_check_gives_the_same_verdict_whatever_was_drawn_before():
    said = {check("99.said", lambda: str(torch.rand(1).item())).message for _ in range(3)}
    assert len(said) == 1


def test_gradients_stay_on_inside_and_outside():
    with torch.no_grad():
        assert check("99.said", lambda: str(torch.is_grad_enabled())).message == "True"
        assert not torch.is_grad_enabled()

    check("99.call", lambda: torch.set_grad_enabled(False))
    assert torch.is_grad_enabled()


# ---- how a verdict shows itself


def test_a_passing_check_may_say_more():
    assert check("99.call", lambda: None).message == "Right."
    assert check("99.said", lambda: "Right, and fast.").message == "Right, and fast."


def test_text_has_the_mark_the_name_the_reason_and_the_next_step():
    verdict = Verdict("05.d_step", "failed", "NO-ZERO-GRAD", "It adds up.", "Look at `zero_grad`.")
    assert repr(verdict).splitlines() == [
        "✗ 05.d_step · NO-ZERO-GRAD",
        "  It adds up.",
        "  Next: Look at `zero_grad`.",
    ]


def test_html_escapes_everything_and_sets_code_as_code():
    shown = check("99.named", lambda: 0)._repr_html_()
    assert "<script>" not in shown and "<b>NAME" not in shown and "NAME<b>" not in shown
    assert "<code>a &lt; b</code> &amp; &lt;script&gt;" in shown
    assert "See <code>&lt;x&gt;</code>." in shown


def test_a_message_of_the_learners_own_making_is_escaped():
    def answer():
        raise ValueError("<img src=x onerror=alert(1)>")

    assert "<img" not in check("99.call", answer)._repr_html_()


@pytest.mark.parametrize("status", ["passed", "failed", "todo"])
def test_the_mime_bundle_has_text_html_and_a_verdict_for_machines(status):
    verdict = Verdict("05.d_step", status, "CODE", "Seen.", "Next.")
    bundle, metadata = DisplayFormatter().format(verdict)
    assert set(bundle) == {"text/plain", "text/html", MIME} and not metadata
    assert bundle["text/plain"] == repr(verdict)
    assert json.loads(json.dumps(bundle[MIME])) == {
        "exercise": "05.d_step",
        "status": status,
        "code": "CODE",
        "message": "Seen.",
        "next": "Next.",
        "section": "",
    }


def test_after_a_syntax_error_the_former_answer_is_not_judged(monkeypatch):
    def my_size(*args, **kwargs):
        raise AssertionError("the former answer was called")

    class Shell:
        def __init__(self):
            answers = ["def my_size(n):\n    return n", "def my_size(n):\n    return (n"]
            self.user_ns = {"In": ["", *answers]}

        def transform_cell(self, cell):
            return cell

    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", Shell)
    verdict = check("06.out_size", my_size)
    assert (verdict.status, verdict.code) == ("failed", "CELL-NOT-RUN")
    assert "line 2" in verdict.message and "never closed" in verdict.message


def test_copies_of_a_network_keep_its_old_gradients():
    D = probes.Bumpy()
    (twin,) = probes.fresh((D,))
    assert all(torch.equal(p.grad, q.grad) for p, q in zip(D.parameters(), twin.parameters()))
    assert all(p.grad is not q.grad for p, q in zip(D.parameters(), twin.parameters()))


def test_a_change_that_is_allowed_does_not_hide_one_that_is_not():
    def answer(D):
        with torch.no_grad():
            D.first += 1
        D.eval()

    guarded = probes.Guarded(answer, lambda D: None, may_change=("D.weights",))
    guarded(probes.Bumpy())
    assert guarded.changed.code == "LEFT-IN-EVAL"


def test_what_is_seen_inside_torch_func_grad_is_an_ordinary_tensor():
    seen = []
    torch.func.grad(lambda x: (seen.append(probes.plain(x)), x.sum())[1])(torch.ones(2))
    assert probes.near(seen[0] + 1, torch.tensor([2.0, 2.0])) and not seen[0].requires_grad
    torch.func.vmap(lambda x: (seen.append(probes.plain(x)), x)[1])(torch.ones(2, 1))
    assert seen[1] is None


def test_praise_can_tell_what_the_answer_does(monkeypatch):
    own = {"none": {"praise-b": "It gave {got:.1f}."}}
    monkeypatch.setattr("ganedu.checks.exercise.words", lambda chapter: own)
    values = lambda f: {"kind": "b", "got": f(2)}  # noqa: E731
    it = Exercise("00.none", lambda x: x, {}, lambda seed: [], praised=values)
    assert it(lambda x: x) == "It gave 2.0."


def tripled(seed):
    return [Case(f"{x}", (x + seed / 7,)) for x in (1.23, 4.56)]


def verdict_on(answer, mistakes=None):
    it = Exercise("00.none", lambda x, *, f=3.0, plus=0.0: f * x + plus, mistakes or {}, tripled)
    with pytest.raises(Misconception) as found:
        it(answer)
    return found.value.code


def test_a_rounded_result_is_called_rounded():
    assert verdict_on(lambda x: round(3 * x, 1)) == "ROUNDED"
    assert verdict_on(lambda x: round(3 * x, 1) + 0.1) != "ROUNDED"


def test_a_constant_confirms_no_pair_of_mistakes():
    mistakes = {"NO-SLOPE": ({"f": 0.0},), "SHIFTED": ({"plus": 1.0},)}
    assert verdict_on(lambda x: 0 * x, mistakes) == "NO-SLOPE"
    assert verdict_on(lambda x: 0 * x + 1, mistakes) not in mistakes
