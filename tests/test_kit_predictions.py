"""Predictions: asked, committed, revealed, kept and counted."""

import json
import re
from types import SimpleNamespace

import pytest
from IPython.core.events import EventManager

from ganedu.kit import predict, predictions, progress, tally
from ganedu.kit.face import face_of

QUESTION = "What will D say of real points?"
CHOICES = ["near 1", "near 0", "near one half"]


@pytest.fixture(autouse=True)
def no_workspace(monkeypatch):
    """A process that has asked nothing, outside any workspace."""
    in_workspace(monkeypatch, None)


def in_workspace(monkeypatch, root):
    """A new process in the workspace `root`."""
    monkeypatch.setattr(predictions, "ASKED", {})
    kept = progress.Progress(root)
    monkeypatch.setattr(progress, "here", lambda: kept)
    return kept


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / progress.MANIFEST).write_text("{}")
    return tmp_path


def printed(capsys):
    return capsys.readouterr().out


def stored(workspace):
    return json.loads((workspace / progress.FILE).read_text())["predictions"]


# ---- asking --------------------------------------------------------------------------------------


def test_the_question_and_its_choices_are_shown_as_text(capsys):
    predict("05.sign", QUESTION, CHOICES)
    assert printed(capsys).splitlines() == [f"Predict. {QUESTION}", *(f"  ○ {c}" for c in CHOICES)]


def test_the_static_face_holds_every_word_escaped():
    guess = predict("05.sign", "Is `D(x)` < 0?", ["yes", "no & never"])
    markup = guess._repr_html_()
    assert "<code>D(x)</code> &lt; 0?" in markup and "<li>no &amp; never</li>" in markup


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sign", QUESTION, CHOICES), "'05.sign'; got 'sign'"),
        ((5, QUESTION, CHOICES), "'05.sign'; got 5"),
        (("05.sign", QUESTION, []), "two or more different texts"),
        (("05.sign", QUESTION, ["one"]), "two or more different texts"),
        (("05.sign", QUESTION, ["a", "a"]), "two or more different texts"),
        (("05.sign", QUESTION, ["a", ""]), "two or more different texts"),
        (("05.sign", QUESTION, "near 1"), "two or more different texts"),
        (("05.sign", QUESTION, ["a", 1]), "two or more different texts"),
        (("05.sign", QUESTION, ["a", "b" * 71]), "at most 70 letters"),
    ],
)
def test_bad_use_is_one_sentence(arguments, words):
    with pytest.raises(ValueError, match=re.escape(words)) as raised:
        predict(*arguments)
    assert "\n" not in str(raised.value)


def test_a_key_asks_one_question_and_its_cell_may_run_again():
    predict("05.sign", QUESTION, CHOICES)
    predict("05.sign", QUESTION, CHOICES)
    with pytest.raises(ValueError, match=r"'05\.sign' already asks"):
        predict("05.sign", "Another question?", CHOICES)


def shown_by(monkeypatch):
    shown = []
    monkeypatch.setattr(predictions, "show", lambda thing, **how: shown.append(thing))
    predict("05.sign", QUESTION, CHOICES)
    return [thing._repr_mimebundle_().get("text/html", "") for thing in shown]


def test_a_learners_page_that_is_opened_again_has_a_sentence_where_the_buttons_were(
    workspace, monkeypatch
):
    assert not any("<style>" in html for html in shown_by(monkeypatch))
    in_workspace(monkeypatch, workspace)
    assert "run the page again from its top" in shown_by(monkeypatch)[-1]


# ---- saying --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "number"),
    [
        (14.2, 14.2),
        ("14.2", 14.2),
        (" 14,2 ", 14.2),
        ("1,000", 1000.0),
        ("1,234,567.5", 1234567.5),
        ("-1e-3", -0.001),
        ("14 steps", 14.0),
        ("60%", 60.0),
    ],
)
def test_a_number_is_read_as_people_write_it(said, number):
    guess = predict("04.orbit", "How many?", unit="steps")
    assert guess.say(said).startswith("You said: ") and guess.said == number


@pytest.mark.parametrize("said", ["", "many", "nan", "inf", None, "1 2"])
def test_what_is_no_number_is_told_and_not_kept(said):
    guess = predict("04.orbit", "How many?")
    assert "is not a number" in guess.say(said) and guess.said is None


def test_an_unknown_choice_is_told_and_the_old_one_stays():
    guess = predict("05.sign", QUESTION, CHOICES)
    guess.say("near 0")
    assert "none of the choices: near 1, near 0" in guess.say("near 2") and guess.said == "near 0"


def test_a_prediction_may_be_changed_until_the_result_is_out():
    guess = predict("05.sign", QUESTION, CHOICES)
    guess.say("near 0")
    guess.say("near 1")
    guess.reveal("near 1")
    assert "cannot be predicted any more" in guess.say("near 0") and guess.said == "near 1"


def test_a_guess_after_the_result_does_not_count():
    guess = predict("05.sign", QUESTION, CHOICES)
    guess.reveal("near 1")
    guess.say("near 1")
    assert guess.said is None


# ---- revealing -----------------------------------------------------------------------------------


def revealed(capsys, guess, *outcome, **options):
    printed(capsys)
    guess.reveal(*outcome, **options)
    return printed(capsys)


def test_without_a_prediction_the_result_is_told_kindly(capsys):
    guess = predict("05.sign", QUESTION, CHOICES)
    assert revealed(capsys, guess, "near 1").startswith(
        "You made no prediction here; what came out: near 1."
    )


def test_a_choice_that_came_out_and_one_that_did_not(capsys):
    guess = predict("05.sign", QUESTION, CHOICES)
    guess.say("near 1")
    assert "You said near 1, and so it came out." in revealed(capsys, guess, "near 1")
    assert "You said near 1; what came out: near 0." in revealed(capsys, guess, "near 0")


@pytest.mark.parametrize(
    ("said", "came", "words"),
    [
        (
            10,
            14.2,
            "You said 10 steps; what came out: 14.2 steps. You were 4.2 steps too low (30%).",
        ),
        (20, 10, "You were 10 steps too high (100%)."),
        (1, 0, "You were 1 steps too high."),
        (14.2, 14.2, "You said 14.2 steps, and so it came out."),
        (1000, 2400, "what came out: 2,400 steps. You were 1,400 steps too low (58%)."),
        (3, float("nan"), "what came out: nan steps. That cannot be compared."),
    ],
)
def test_a_number_says_how_far_off_it_was(capsys, said, came, words):
    guess = predict("04.orbit", "How many?", unit="steps")
    guess.say(said)
    assert words in revealed(capsys, guess, came)


def test_an_outcome_that_is_no_choice_is_one_sentence():
    guess = predict("05.sign", QUESTION, CHOICES)
    with pytest.raises(ValueError, match=r"'near 2' is not one of the choices of 05\.sign: near 1"):
        guess.reveal("near 2")


def test_a_trained_number_is_set_apart_and_its_stored_text_is_constant(monkeypatch):
    shown = []
    monkeypatch.setattr(predictions, "show", lambda thing, **where: shown.append(thing))
    guess = predict("05.share", "Which share?")
    for came in (0.81, 0.84):
        guess.reveal(came, trained=True)
    first, second = (note._repr_mimebundle_() for note in shown[1:])
    assert first["text/plain"] == second["text/plain"] and "0.81" not in first["text/plain"]
    apart = re.compile(r'(<b class="ganedu-trained">)[^<]*')
    assert "0.81" in first["text/html"] != second["text/html"]
    assert apart.sub("", first["text/html"]) == apart.sub("", second["text/html"])


# ---- keeping -------------------------------------------------------------------------------------


def test_predictions_are_kept_in_the_workspace_over_kernels(monkeypatch, workspace):
    in_workspace(monkeypatch, workspace)
    predict("05.sign", QUESTION, CHOICES).say("near 0")
    in_workspace(monkeypatch, workspace)
    again = predict("05.sign", QUESTION, CHOICES)
    assert again.said == "near 0"
    again.reveal("near 1")
    assert stored(workspace)["05.sign"]["came_out"] == "near 1"
    in_workspace(monkeypatch, workspace)
    assert "cannot be predicted" in predict("05.sign", QUESTION, CHOICES).say("near 1")


def test_a_kept_answer_that_is_no_choice_any_more_is_asked_again(monkeypatch, workspace):
    in_workspace(monkeypatch, workspace)
    predict("05.sign", QUESTION, CHOICES).say("near 0")
    in_workspace(monkeypatch, workspace)
    assert predict("05.sign", QUESTION, ["1", "2"]).said is None


def test_outside_a_workspace_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    predict("05.sign", QUESTION, CHOICES).say("near 0")
    assert progress.workspace_of(tmp_path) is None and list(tmp_path.iterdir()) == []


def test_two_processes_lose_nothing_of_each_other(workspace):
    first, second = progress.Progress(workspace), progress.Progress(workspace)
    first.put("predictions", {"05.a": {"said": "x"}})
    second.put("predictions", {"05.b": {"said": "y"}})
    second.put("exercises", {"05.d": {"status": "passed"}})
    first.put("predictions", {"05.c": {"said": "z"}})
    assert set(stored(workspace)) == {"05.a", "05.b", "05.c"}


def test_an_unreadable_progress_file_is_set_aside(workspace):
    (workspace / progress.FILE).write_text('{"predictions": {')
    progress.Progress(workspace).put("predictions", {"05.a": {"said": "x"}})
    assert set(stored(workspace)) == {"05.a"}
    assert (workspace / "progress (unreadable).json").read_text() == '{"predictions": {'


def test_a_lock_that_a_dead_process_left_is_removed(workspace, monkeypatch):
    monkeypatch.setattr(progress, "STALE_SECONDS", -1.0)
    (workspace / f".{progress.FILE}.lock").touch()
    progress.Progress(workspace).put("predictions", {"05.a": {}})
    assert set(stored(workspace)) == {"05.a"}


def test_a_file_that_cannot_be_written_is_told_and_the_lesson_goes_on(monkeypatch, workspace):
    def full(file, text):
        raise OSError(f"{file} could not be written: No space left on device")

    kept = in_workspace(monkeypatch, workspace)
    monkeypatch.setattr(progress, "write_text", full)
    words = predict("05.sign", QUESTION, CHOICES).say("near 0")
    assert "could not be written: No space left" in words
    assert kept.all("predictions")["05.sign"]["said"] == "near 0"


# ---- the tally -----------------------------------------------------------------------------------


def test_a_tally_of_none_is_the_same_text_each_time(capsys):
    predict("05.a", QUESTION, CHOICES).reveal("near 1")
    predict("06.a", QUESTION, CHOICES)
    printed(capsys)
    tally("05")
    assert printed(capsys).startswith("Your tally: 0 of 1 predictions made in this chapter. Commit")


def test_a_tally_keeps_the_order_of_the_page(workspace, monkeypatch):
    in_workspace(monkeypatch, workspace)
    for key in ("05.z_first", "05.a_last"):
        guess = predict(key, f"Is *this* {key}?", CHOICES)
        guess.say("near 1")
        guess.reveal("near 0")
    shown = []
    monkeypatch.setattr(predictions, "show", lambda thing, **how: shown.append(thing.markup))
    tally("05")
    assert shown[0].index("Is <em>this</em> 05.z_first?") < shown[0].index("05.a_last?")


def test_a_share_is_off_by_points():
    guess = predict("05.share", "What share?", unit="%")
    guess.say("80%")
    guess.reveal(90)
    assert guess.words() == "You said 80 %; what came out: 90 %. You were 10 points too low."


def test_a_tally_counts_right_choices_and_how_far_off_numbers_were(capsys):
    for key, said, came in (("05.a", "near 1", "near 1"), ("05.b", "near 0", "near 1")):
        guess = predict(key, QUESTION, CHOICES)
        guess.say(said)
        guess.reveal(came)
    for key, said, came in (("05.c", 12, 10), ("05.d", 10, 20), ("05.e", 10, 10)):
        guess = predict(key, "How many?")
        guess.say(said)
        guess.reveal(came)
    predict("05.f", QUESTION, CHOICES)
    printed(capsys)
    tally("05")
    assert printed(capsys).strip() == (
        "Your tally: 5 of 6 predictions made in this chapter. 1 of 2 choices came out as you said. "
        "Your numbers were off by 20% (the median)."
    )


# ---- the face ------------------------------------------------------------------------------------


def parts(guess):
    """The widgets of the face: question, controls, state."""
    question, row, state = face_of(guess).children
    return question, row.children, state


def test_a_click_commits_and_the_state_is_said_in_words():
    guess = predict("05.sign", QUESTION, CHOICES)
    question, buttons, state = parts(guess)
    assert QUESTION in question.value and "Not predicted yet." in state.value
    buttons[1].click()
    assert guess.said == "near 0" and buttons[1].description == "✓ near 0"
    assert 'role="status"' in state.value and "You said: near 0" in state.value
    guess.reveal("near 1")
    assert all(button.disabled for button in buttons) and "what came out: near 1" in state.value


def test_typing_a_number_commits_it():
    guess = predict("04.orbit", "How many?", unit="steps")
    _, (text, unit, _), state = parts(guess)
    text.value = "14,2"
    assert guess.said == 14.2 and unit.value == "steps" and "You said: 14.2 steps" in state.value
    text.value = "many"
    assert guess.said == 14.2 and "is not a number" in state.value


def test_what_came_out_stands_below_what_the_cell_shows(monkeypatch):
    """Pictures appear when the cell has ended; of several results each is told with its question."""
    shown, shell = [], SimpleNamespace()
    shell.events = EventManager(shell, {"post_execute": lambda: None})
    monkeypatch.setattr(predictions, "shell_here", lambda: shell)
    monkeypatch.setattr(predictions, "show", lambda thing, **where: shown.append(repr(thing)))
    shell.events.register("post_execute", lambda: shown.append("the picture"))
    first = predict("05.a", "The first?", CHOICES)
    second = predict("05.b", "The *second*?", CHOICES)
    shown.clear()
    first.reveal("near 1")
    shell.events.trigger("post_execute")
    alone = "You made no prediction here; what came out: near 1."
    assert shown == ["the picture", alone]
    first.reveal("near 1"), second.reveal("near 1")
    shown.clear()
    shell.events.trigger("post_execute")
    shell.events.trigger("post_execute")  # the next cell's end
    both = ["The first?\n" + alone, "The *second*?\n" + alone]
    assert shown == ["the picture", *both, "the picture"]


def test_after_the_result_the_question_needs_no_kernel_any_more(monkeypatch):
    shown = []
    monkeypatch.setattr(predictions, "show", lambda thing, **where: shown.append((thing, where)))
    guess = predict("05.sign", QUESTION, CHOICES)
    guess.say("near 0")
    guess.reveal("near 1")
    (_, first), (settled, then), (_, _) = shown
    assert then == first | {"again": True}
    bundle = settled._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"} and QUESTION in bundle["text/html"]
    assert bundle["text/plain"].endswith("You said near 0; what came out: near 1.")


def test_without_a_prediction_the_question_stays_as_it_is_stored(monkeypatch):
    shown = []
    monkeypatch.setattr(predictions, "show", lambda thing, **where: shown.append(where))
    predict("05.sign", QUESTION, CHOICES).reveal("near 1")
    assert not any("again" in where for where in shown)
