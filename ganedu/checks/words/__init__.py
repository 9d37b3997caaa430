"""The words of every verdict, as content: one TOML file a chapter, and common.toml for all.

    [d_loss]
    title = "D's loss from logits"
    praise = "Right, for every logit."

    [d_loss.LABELS-SWAPPED]
    seen = "Your loss is small when D calls real examples fake."
    next = "Try real = [5.] and fake = [-5.]: should the loss be large?"
    section = "3. From probabilities to logits"

`seen` and `next` may hold {got}, {right}, {case} and whatever else the check has seen. A name such as
ONE-TERM/real is told as ONE-TERM, with words of its own.
"""

import string
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parent


class Misconception(Exception):
    """A wrong answer that a check recognises: its name, and what was seen, by which words tell it."""

    def __init__(self, code, **seen):
        super().__init__(code)
        self.code, self.seen = code, seen


class Entry(NamedTuple):
    """A line of the catalogue."""

    exercise: str  # "03.d_loss"
    code: str
    seen: str
    next: str
    section: str


@cache
def words(chapter):
    """All words of a chapter ("03", or "common") -> {exercise: {code: {"seen", "next", ...}}}."""
    file = FOLDER / f"{chapter}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def title(name):
    """What exercise "03.d_loss" is called."""
    chapter, _, exercise = name.partition(".")
    return words(chapter)[exercise]["title"]


def catalogue():
    """Every misconception that the course knows by name, without running anything -> [Entry, ...]."""
    chapters = sorted(file.stem for file in FOLDER.glob("[0-9][0-9].toml"))
    return [
        Entry(f"{chapter}.{exercise}", code, it["seen"], it["next"], it.get("section", ""))
        for chapter in chapters
        for exercise, entries in words(chapter).items()
        for code, it in entries.items()
        if isinstance(it, dict) and "seen" in it
    ]


def told(name, found):
    """(code, {"seen", "next", "section"}) of a Misconception in exercise `name`."""
    chapter, _, exercise = name.partition(".")
    own, common = words(chapter).get(exercise, {}), words("common")
    code = found.code.partition("/")[0]
    places = ((w, key) for key in (found.code, code) for w in (own, common))
    entry = next((w[key] for w, key in places if key in w), common["NO-WORDS"])
    say = Plainly()
    said = {key: say.vformat(text, (), found.seen) for key, text in entry.items()}
    return code, {key: text[:1].upper() + text[1:] for key, text in said.items()}


class Plainly(string.Formatter):
    """Like str.format, with numbers and tensors shown shortly where no format is given."""

    def get_value(self, key, args, kwargs):
        return kwargs.get(key, "?")

    def format_field(self, value, spec):
        if not spec:
            return shown(value)
        value = value.item() if isinstance(value, torch.Tensor) and value.numel() == 1 else value
        try:
            return format(value, spec)
        except (TypeError, ValueError):
            return shown(value)


def shown(value):
    """A value in a sentence: 0.3333, [1.5, -2], (0.6, 0.3)."""
    if isinstance(value, torch.Tensor):
        value = value.detach().tolist()
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        inside = ", ".join(map(shown, value[:8])) + (", …" if len(value) > 8 else "")
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    if isinstance(value, dict):
        return ", ".join(f"{key} = {shown(it)}" for key, it in value.items())
    return str(value)
