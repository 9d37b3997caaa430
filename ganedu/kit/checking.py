"""`ganedu check`: run a workspace's exercises in clean processes; the map of the course."""

import shutil
import textwrap
from pathlib import Path

from ganedu.kit import course, progress
from ganedu.kit.pages import is_edited
from ganedu.kit.predictions import summary
from ganedu.names import nearest

MARKS = {"passed": "✓", "todo": "○", "failed": "✗"}
CELL_SECONDS = 120


def workspace(folder=None):
    """The workspace that `folder` is or lies in; without one, that of the current folder or below."""
    start = Path(folder).expanduser() if folder else Path.cwd()
    below = None if folder else start / "ganedu-course"
    for place in filter(None, (start, below)):
        root = progress.workspace_of(place) if place.is_dir() else None
        if root:
            return root
    raise FileNotFoundError(f"there is no workspace in {start}: `ganedu start` makes one")


def chosen(due, wanted=None, passed=()):
    """{page: names} of one exercise ("05.d_step"), one chapter ("05"), or of all that is due.

    Of all: every exercise page, and of the lessons, which train, those with a turn that has not
    passed in the notebook yet.
    """
    if wanted is None:
        return {
            page: names
            for page, names in due.items()
            if page.startswith("exercises/") or not set(names) <= set(passed)
        }
    found = {
        page: [name for name in names if wanted in (name, name.partition(".")[0])]
        for page, names in due.items()
    }
    found = {page: names for page, names in found.items() if names}
    if not found:
        known = [name for names in due.values() for name in names]
        raise ValueError(
            f"there is no exercise or chapter {wanted!r}"
            f"{nearest(wanted, known + [name.partition('.')[0] for name in known])}"
        )
    return found


def passed(root):
    """The names of the exercises whose check passed last, in the notebook or here."""
    kept = progress.Progress(root).all("exercises")
    return {name for name, entry in kept.items() if entry.get("status") == "passed"}


def check(root, pages_due, on_page=lambda page: None):
    """Run each edited page in a process of its own; yield {exercise: {"status", "words"}} by page."""
    for page, names in pages_due.items():
        on_page(page)
        yield {name: {"status": s, "words": w} for name, (s, w) in outcomes(root, page, names)}


def outcomes(root, page, names):
    """(name, (status, words)) for every exercise that is due on the page."""
    from ganedu import notebooks  # needs the extra `kit`

    if not (root / page).exists():
        missing = f"MISSING: {page} is not there; `ganedu start` brings it back"
        return [(name, ("failed", missing)) for name in names]
    nb = notebooks.read(root / page)
    if nb is None:
        return [(name, ("failed", f"UNREADABLE: {page} is no notebook")) for name in names]
    if not is_edited(nb):
        return [(name, ("todo", "")) for name in names]  # as it was given: nothing to run
    nb.cells = up_to_the_last(names, nb.cells)
    notebooks.run(nb, (root / page).parent, seconds=CELL_SECONDS, go_on=True)
    return [(name, notebooks.outcome(nb, name)) for name in names]


def up_to_the_last(names, cells):
    """The cells as far as the last check of `names`: what follows changes no verdict."""
    asking = [n for n, cell in enumerate(cells) if set(names) & set(course.checked_in(cell))]
    return cells[: asking[-1] + 1] if asking else cells


# ---- the map -------------------------------------------------------------------------------------


def course_map(root, pages):
    """The course with everything that was done in the workspace, as text."""
    kept = progress.Progress(root)
    done, guesses = kept.all("exercises"), kept.all("predictions")
    due, asked = course.exercises(pages), course.predictions(pages)
    lines = [head(done, due, guesses, asked), ""]
    for page in sorted(page for page in pages if page.startswith("notebooks/")):
        chapter = course.chapter_of(page)
        names = [n for p in sorted(due) if course.chapter_of(p) == chapter for n in due[p]]
        said = [key for key in asked[chapter] if key in guesses]
        lines += [f"{chapter}  {course.title(pages[page])}", *exercise_lines(names, done)]
        lines += (
            [f"      {len(said)} of {len(asked[chapter])} predictions"] if asked[chapter] else []
        )
    lines += ["", "✓ done   ○ open   ✗ what the check saw last"]
    return "\n".join(lines)


def head(done, due, guesses, asked):
    names = {name for names in due.values() for name in names}
    passed = sum(done.get(name, {}).get("status") == "passed" for name in names)
    text = f"{passed} of {len(names)} exercises done."
    made = [entry for entry in guesses.values() if "came_out" in entry]
    keys = sum(len(keys) for keys in asked.values())
    return f"{text} {summary(made, keys, 'in the course')}" if keys else text


def exercise_lines(names, done):
    """The chapter's exercises side by side, wrapped to the terminal."""
    words = "   ".join(mark(name, done.get(name, {})) for name in names)
    width = min(100, shutil.get_terminal_size().columns)
    indent = {"initial_indent": " " * 6, "subsequent_indent": " " * 6}
    wrapped = textwrap.wrap(words, width, break_on_hyphens=False, **indent)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in wrapped]


def mark(name, entry):
    """ "✗ 05.d_step SWAPPED", held together by no-break spaces."""
    status = entry.get("status", "todo")
    code = entry.get("code", "") if status == "failed" else ""
    return "\N{NO-BREAK SPACE}".join(filter(None, [MARKS.get(status, "○"), name, code]))


def record(entry):
    """What the progress file keeps of a result: its status and the misconception's name."""
    code, colon, _ = entry["words"].partition(":")
    named = entry["status"] == "failed" and colon and code == code.upper()
    return {"status": entry["status"], "code": code if named else ""}
