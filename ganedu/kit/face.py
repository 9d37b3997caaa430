"""The face of a prediction where a kernel runs: buttons or a text field, the state in words."""

import html
import re

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
REOPENED = (
    "The controls here need a running kernel: run the page again from its top down to this cell. "
    "What you have predicted is kept."
)
# JupyterLab shows a widget without its kernel as a bare text, "Error displaying widget".
BARE = ".jp-OutputArea-output.jupyter-widgets:not(:has(*))"
STYLE = (
    f"<style>{BARE} {{font-size: 0}} "
    f'{BARE}::after {{content: "{REOPENED}"; font-size: var(--jp-ui-font-size1)}}</style>'
)


class Reopened:
    """Shown beside a widget: in a page that is opened again, a sentence in the widget's place."""

    def __repr__(self):
        return ""

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": "", "text/html": STYLE}


def view_of(guess):
    """The widget's part of the bundle that shows a prediction."""
    view = {"version_major": 2, "version_minor": 0, "model_id": face_of(guess).model_id}
    return {WIDGET_VIEW: view}


def face_of(guess):
    """Question, controls and state, one below the other; follows `guess.on_change`."""
    import ipywidgets as widgets  # 7.7 or 8; here, so that a wheel can be built without it

    question = widgets.HTMLMath(f"<b>Predict.</b> {emphasised(guess.question)}")
    state = widgets.HTML()
    controls = buttons(widgets, guess) if guess.choices else field(widgets, guess)

    def update():
        state.value = f'<span role="status">{marked(guess.words())}</span>'
        for control in controls:
            control.disabled = guess.came_out is not None
        if guess.choices:
            mark(controls, guess)

    guess.on_change = update
    update()
    row = widgets.Box(controls, layout={"flex_flow": "row wrap", "align_items": "center"})
    return widgets.VBox([question, row, state])


def buttons(widgets, guess):
    """A button a choice: one click, or Tab and Enter, commits."""
    wide = {"width": "auto", "max_width": "100%", "height": "auto"}
    made = [widgets.Button(layout=wide) for _ in guess.choices]
    for button, choice in zip(made, guess.choices):
        button.on_click(lambda _, choice=choice: guess.say(choice))
    return made


def mark(controls, guess):
    """Mark the button that was chosen; no colour, whose contrast would hang on the theme."""
    for button, choice in zip(controls, guess.choices):
        chosen = choice == guess.said
        button.description = f"✓ {choice}" if chosen else choice
        button.style.font_weight = "bold" if chosen else ""


def field(widgets, guess):
    """A text field and a button: Enter or a click commits."""
    value = "" if guess.said is None else f"{guess.said:g}"
    text = widgets.Text(value, placeholder="a number", continuous_update=False)
    text.layout.width = "12em"
    text.observe(lambda change: guess.say(change["new"]), names="value")
    commit = widgets.Button(description="Commit", layout={"width": "auto"})
    commit.on_click(lambda _: guess.say(text.value))
    return [text, widgets.Label(guess.unit), commit]


def marked(text):
    """Escaped HTML in which `code` is set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def emphasised(text):
    """The same, and *words* that are stressed."""
    return re.sub(r"(?<![\w*$])\*([^*$<>]+)\*(?![\w*])", r"<em>\1</em>", marked(text))
