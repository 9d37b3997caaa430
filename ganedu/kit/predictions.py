"""Predictions that are made: asked before a run, committed, revealed after it, and counted.

    guess = predict("05.sign", "What will D say of real points?", ["near 1", "near 0"])
    guess = predict("04.orbit", "How long until it is home?", unit="time units")
    guess.reveal(14.2)
    tally("05")

Nothing here knows a model or a lesson.
"""

import html
import math
import re
import secrets
import sys
from statistics import median

from ganedu.kit import progress
from ganedu.kit.face import Reopened, emphasised, marked, view_of

KEY = re.compile(r"\d\d\.\w+")
MOST_LETTERS = 70  # of a choice: it has to fit on a button
ASKED = {}  # the predictions of this process by key
BELOW = []  # what the running cell revealed: (question, words, markup), shown when it ends
KIND = "Commit yourself before you run: a guess teaches more than an answer, right or wrong."
TRAINED = "a number that differs a little between computers"
BOX = (
    '<div style="border-left:4px solid #8250df;padding:.4em .9em;margin:.4em 0;max-width:46em">'
    "{}</div>"
)


def predict(key, question, choices=None, *, unit=""):
    """Ask for a prediction and show the question: choices, or a number when there are none.

    `key` is "NN.name", kept in the workspace's progress file. Say, change and keep it with the
    buttons or the text field, or with `guess.say(...)` where there are none.
    """
    guess = Prediction(key, question, choices, unit)
    known = ASKED.get(key, guess)
    if (known.question, known.choices) != (guess.question, guess.choices):
        raise ValueError(
            f"{key!r} already asks {known.question!r}: give this prediction another key "
            "(or restart the kernel if you reworded it)"
        )
    ASKED[key] = guess
    show(guess, name=guess.shown_as)
    if guess.progress.root is not None:  # the learner's own page, which is saved and opened again
        show(Reopened())
    return guess


class Prediction:
    """One question, what was said before the run, and what came out."""

    def __init__(self, key, question, choices, unit):
        if not isinstance(key, str) or not KEY.fullmatch(key):
            raise ValueError(f"a prediction's key is chapter and name, as '05.sign'; got {key!r}")
        if choices is not None:
            choices = checked_choices(key, choices)
        self.key, self.question, self.choices, self.unit = key, question, choices, unit
        self.progress = progress.here()
        kept = self.progress.all("predictions").get(key, {})
        self.said = self._valid(kept.get("said"))
        self.came_out = kept.get("came_out") if self.said is not None else None
        self.problem = ""
        self.shown_as = secrets.token_hex(8)
        self.on_change = lambda: None  # set by the face

    def say(self, answer):
        """Commit an answer: one of the choices, or a number (14.2 or "14.2") -> the state in words."""
        found = self._valid(answer)
        self.problem = ""
        if found is None and self.choices:
            self.problem = f"{answer!r} is none of the choices: {', '.join(self.choices)}."
        elif found is None:
            self.problem = f"{answer!r} is not a number; write it as 14.2 or 1e-3."
        elif self.came_out is None:
            self.said = found
            self._keep()
        elif found != self.said:
            self.problem = "The result is out already, so it cannot be predicted any more."
        self.on_change()
        return self.words()

    def reveal(self, outcome, *, trained=False):
        """Show what was said, what came out and, for a number, how far off it was.

        `trained` marks a number that differs a little between computers: the notebooks' tests do
        not compare it.
        """
        self.came_out = self._outcome(outcome)
        if self.said is not None:
            self._keep()
            show(self._settled(), name=self.shown_as, again=True)
        self.on_change()
        trained = trained and not self.choices
        stored = trained and self.said is None
        plain = self._result((lambda number: TRAINED) if stored else str)
        show_below(self.question, plain, self._result(set_apart if trained else escaped))

    def _settled(self):
        """Question and result without buttons, which a notebook opened again could not show."""
        markup = f"{self._question()}<p>{self._result(escaped)}</p>"
        return Note(f"{self!r}\n{self._result(str)}", markup)

    def words(self):
        """The state, as a screen reader hears it."""
        if self.problem:
            return self.problem
        if self.came_out is not None:
            return self._result(str)
        if self.said is None:
            return "Not predicted yet."
        kept = f" ({self.progress.problem}.)" if self.progress.problem else ""
        return f"You said: {self._named(self.said)}. You may change it until the run.{kept}"

    def _keep(self):
        entry = {"question": self.question, "said": self.said, "unit": self.unit}
        if self.came_out is not None:
            entry["came_out"] = self.came_out
        self.progress.put("predictions", {self.key: entry})

    def _valid(self, answer):
        """The answer as it is kept, None when it is none."""
        if self.choices:
            return answer if answer in self.choices else None
        return number_in(answer, self.unit)

    def _outcome(self, outcome):
        if not self.choices:
            return float(outcome)
        if outcome not in self.choices:
            raise ValueError(
                f"{outcome!r} is not one of the choices of {self.key}: {', '.join(self.choices)}"
            )
        return outcome

    def _result(self, style):
        """What was said and what came out; `style` sets the outcome's number."""
        came = style(self._named(self.came_out))
        if self.said is None:
            return f"You made no prediction here; what came out: {came}."
        if self._named(self.said) == self._named(self.came_out):
            return f"You said {style(self._named(self.said))}, and so it came out."
        off = f" {style(how_far(self.said, self.came_out, self.unit))}" if not self.choices else ""
        return f"You said {style(self._named(self.said))}; what came out: {came}.{off}"

    def _named(self, answer):
        return answer if isinstance(answer, str) else f"{short(answer)} {self.unit}".strip()

    def options(self):
        """What can be said: the choices, or the kind of number."""
        return self.choices or [f"a number, in {self.unit}" if self.unit else "a number"]

    def __repr__(self):
        options = (f"  ○ {option}" for option in self.options())
        return "\n".join([f"Predict. {self.question}", *options])

    def _question(self):
        rows = "".join(f"<li>{emphasised(option)}</li>" for option in self.options())
        return f"<b>Predict.</b> {emphasised(self.question)}<ul>{rows}</ul>"

    def _repr_html_(self):
        return BOX.format(self._question())

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": repr(self), "text/html": self._repr_html_(), **view_of(self)}

    def _ipython_display_(self):
        """Nothing: `predict` has shown it, also when it is the last line of its cell."""


def checked_choices(key, choices):
    choices = [choices] if isinstance(choices, str) else list(choices)
    fit = all(isinstance(c, str) and 0 < len(c) <= MOST_LETTERS for c in choices)
    if not fit or len(choices) < 2 or len(set(choices)) < len(choices):
        raise ValueError(
            f"{key}: choices are two or more different texts of at most {MOST_LETTERS} letters; "
            f"got {choices!r} (leave them out to ask for a number)"
        )
    return choices


# ---- numbers and words ---------------------------------------------------------------------------


def number_in(answer, unit=""):
    """14.2 for 14.2, "14.2", "14,2", "14.2 time units"; 1000.0 for "1,000"; None for no number."""
    text = str(answer).strip().removesuffix(unit).strip().removesuffix("%").strip()
    text = text.replace(",", "") if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", text) else text
    try:
        found = float(text.replace(",", "."))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def short(number):
    """Three digits that count, whole numbers whole: 0.1234 -> 0.123, 2400.0 -> 2,400."""
    if math.isfinite(number) and abs(number) < 1e9 and number == round(number):
        return f"{number:,.0f}"
    return f"{number:,.0f}" if 1000 <= abs(number) < 1e9 else f"{number:.3g}"


def how_far(said, came_out, unit):
    """ "You were 4.2 time units too low (30%)."."""
    off = said - came_out
    if not math.isfinite(off):
        return "That cannot be compared."
    share = f" ({abs(off / came_out):.0%})" if came_out and unit != "%" else ""
    amount = f"{short(abs(off))} {'points' if unit == '%' else unit}".strip()
    return f"You were {amount} too {'high' if off > 0 else 'low'}{share}."


def escaped(text):
    return f"<b>{html.escape(text, quote=False)}</b>"


def set_apart(text):
    """A number that training gave: tests/nbval-sanitize.cfg leaves what is in here uncompared."""
    return f'<b class="ganedu-trained">{html.escape(text, quote=False)}</b>'


# ---- the chapter's tally -------------------------------------------------------------------------


def tally(chapter):
    """Show how many of the chapter's predictions were made, and how near they came: tally("05")."""
    kept = progress.here().all("predictions")
    kept = {key: entry for key, entry in kept.items() if key.startswith(f"{chapter}.")}
    asked = {key for key in ASKED if key.startswith(f"{chapter}.")}
    in_order = sorted(kept, key=lambda key: [*ASKED, key].index(key))  # as the page asked
    made = [kept[key] for key in in_order if "came_out" in kept[key]]
    total = len(asked | set(kept))
    rows = "".join(row("td", map(emphasised, row_of(entry))) for entry in made)
    head = row("th", ("Question", "You said", "It came out"))
    words = summary(made, total) if total else f"No prediction was asked in chapter {chapter}."
    show(Note(words, marked(words) + (f"<table>{head}{rows}</table>" if made else "")))


def row(cell, texts):
    cells = (f'<{cell} style="text-align:left">{text}</{cell}>' for text in texts)
    return f"<tr>{''.join(cells)}</tr>"


def summary(made, total, where="in this chapter"):
    """In words: how many predictions were made, how many choices right, how far off the numbers."""
    if not made:
        return f"Your tally: 0 of {total} predictions made {where}. {KIND}"
    right = [e["said"] == e["came_out"] for e in made if isinstance(e["said"], str)]
    off = [distance(e) for e in made if not isinstance(e["said"], str)]
    words = [f"Your tally: {len(made)} of {total} predictions made {where}."]
    words += [f"{sum(right)} of {len(right)} choices came out as you said."] if right else []
    words += [f"Your numbers were off by {median(off):.0%} (the median)."] if off else []
    return " ".join(words)


def distance(entry):
    """How far off a number was, as a share of what came out; 0 is exact, 1 is 100%."""
    off, scale = abs(entry["said"] - entry["came_out"]), abs(entry["came_out"])
    return off / scale if scale else float(off > 0)


def row_of(entry):
    unit = entry.get("unit", "")
    named = (
        a if isinstance(a, str) else f"{short(a)} {unit}"
        for a in (entry["said"], entry["came_out"])
    )
    return entry["question"], *named


# ---- how it shows itself -------------------------------------------------------------------------


class Note:
    """Words in a box."""

    def __init__(self, text, markup):
        self.text, self.markup = text, markup

    def __repr__(self):
        return self.text

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": self.text, "text/html": BOX.format(self.markup)}


def shell_here():
    """IPython's shell, None in a plain Python."""
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def show_below(question, plain, markup):
    """Show what came out when the cell has ended: below its pictures, which appear only then."""
    shell = shell_here()
    if shell is None:
        show(Note(plain, markup))
        return
    if not BELOW:
        shell.events.register("post_execute", show_what_waits)
    BELOW.append((question, plain, markup))


def show_what_waits():
    """Each result of the cell; where there are several, with its question."""
    shell_here().events.unregister("post_execute", show_what_waits)
    results, BELOW[:] = BELOW[:], []
    for question, plain, markup in results:
        if len(results) > 1:
            plain, markup = f"{question}\n{plain}", f"{emphasised(question)}<br>{markup}"
        show(Note(plain, markup))


def show(thing, *, name=None, again=False):
    """Display in a notebook, print elsewhere; `again` replaces what is displayed as `name`."""
    shell = shell_here()
    if shell is not None:
        transient = {"display_id": name} if name else {}
        bundle = thing._repr_mimebundle_()
        shell.display_pub.publish(bundle, transient=transient, update=again)
    elif not again and repr(thing):
        print(thing)
