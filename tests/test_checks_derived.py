"""What follows from an exercise as data: every row of its table is rejected under its own name."""

import importlib
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

import ganedu.checks
from ganedu.checks import catalogue
from ganedu.checks.engine import judged
from ganedu.checks.exercise import Exercise, Probe
from ganedu.checks.words import FOLDER, words

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted(file.stem for file in FOLDER.glob("[0-9][0-9].toml"))
MODULES = {n: importlib.import_module(f"ganedu.checks.ch{n}") for n in CHAPTERS}
ALL = {
    it.name: it
    for m in MODULES.values()
    for it in m.EXERCISES.values()
    if isinstance(it, Exercise | Probe)
}
TABLES = {name: it for name, it in ALL.items() if isinstance(it, Exercise)}
ROWS = [(name, code, i) for name, it in ALL.items() for i, (code, _) in enumerate(it.single())]
SEEDS = range(20)
every_exercise = pytest.mark.parametrize("name", ALL)
every_table = pytest.mark.parametrize("name", TABLES)


def spoken(code):
    return code.partition("/")[0]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[1]}-{row[2]}")
def test_a_row_played_as_an_answer_is_rejected_under_its_own_name(row):
    name, code, i = row
    verdict = judged(name, ALL[name], list(ALL[name].single())[i][1])
    assert (verdict.status, verdict.code) == ("failed", spoken(code)), repr(verdict)


@every_exercise
def test_the_right_answer_passes_with_every_seed(name):
    for seed in SEEDS:
        verdict = judged(name, ALL[name], ALL[name].right, seed)
        assert verdict.status == "passed", f"seed {seed}: {verdict!r}"


@every_table
def test_no_seed_makes_a_row_right_or_two_names_agree(name):
    it = TABLES[name]
    rows = [("right", it.right), *it.single()]
    for seed in SEEDS:
        alike = [(a, b) for a, b in combinations(rows, 2) if spoken(a[0]) != spoken(b[0])]
        for case in it.cases(seed):
            if alike and not case.breaks:  # only what agreed in every case before is played again
                seen = {
                    way: played(it, way, case) for way in {way for ab in alike for _, way in ab}
                }
                alike = [ab for ab in alike if agree(it, *(seen[way] for _, way in ab), case)]
        assert not alike, f"{seed}: {[(a, b) for (a, _), (b, _) in alike]}"


def played(it, way, case):
    try:
        return it.play(way, case)
    except Exception as error:
        return error


def agree(it, a, b, case):
    if isinstance(a, Exception) or isinstance(b, Exception):
        return False
    return all(it.agree(a, b, part, case) for part in (a if isinstance(a, dict) else [None]))


@pytest.mark.parametrize("name", [name for name, it in TABLES.items() if it.library])
def test_the_right_answer_is_the_packages_function(name):
    it = TABLES[name]
    for seed in SEEDS:
        for case in it.cases(seed):
            mine, theirs = it.play(it.right, case), it.play(it.library, case)
            assert not it.differing(theirs, mine, case), case.what


@every_table
def test_every_name_of_the_table_has_words(name):
    own, common = words(name[:2])[name[3:]], words("common")
    for code in TABLES[name].codes():
        assert any(key in w for key in (code, spoken(code)) for w in (own, common)), code


@pytest.mark.parametrize("entry", catalogue(), ids=lambda e: f"{e.exercise}-{e.code}")
def test_every_word_has_a_name_in_its_chapter(entry):
    source = Path(MODULES[entry.exercise[:2]].__file__).read_text(encoding="utf-8")
    common = Path(ganedu.checks.__file__).parent.glob("*.py")
    shared = "".join(file.read_text(encoding="utf-8") for file in common if file.stem[:2] != "ch")
    assert re.search(rf'"{re.escape(entry.code)}"', source + shared), entry.code


@pytest.mark.parametrize("entry", catalogue(), ids=lambda e: f"{e.exercise}-{e.code}")
def test_every_entry_says_what_was_seen_and_what_next(entry):
    assert len(entry.seen) > 15 and len(entry.next) > 10
    assert entry.exercise in ALL


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_section_is_a_heading_of_the_lesson(chapter):
    (lesson,) = (ROOT / "authoring" / "lessons").glob(f"{chapter}_*.md")
    headings = set(re.findall(r"^## (.+)$", lesson.read_text(encoding="utf-8"), re.M))
    for entry in catalogue():
        if entry.exercise.startswith(chapter) and entry.section:
            assert entry.section in headings, f"{entry.code}: {entry.section}"


def test_the_example_of_contributing_is_an_exercise():
    """The page's code, run as it stands: its right answer passes, each row is named."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    code = next(c for c in re.findall(r"```python\n(.*?)```", text, re.S) if "EXERCISES" in c)
    space = {}
    exec(compile(code, "CONTRIBUTING.md", "exec"), space)
    it = space["EXERCISES"]["kl"]
    for seed in SEEDS:
        assert judged("07.kl", it, it.right, seed).status == "passed"
    for code, answer in it.single():
        assert judged("07.kl", it, answer).code == code
    assert judged("07.kl", it, lambda p, q: (p * (p / q).log()).sum()).code == "ZERO-TIMES-LOG"


def test_a_row_that_would_never_be_played_is_refused():
    it = TABLES["09.frechet"]
    for ways in ({"cov": len}, ({"kov": len},)):
        with pytest.raises(TypeError, match="WRONG-ROW"):
            replace(it, mistakes={"WRONG-ROW": ways})


def test_words_hold_no_placeholder_that_nothing_fills():
    """A misspelt {case} would reach the learner as a question mark."""
    folder = Path(ganedu.checks.__file__).parent
    shared = "".join(
        f.read_text(encoding="utf-8") for f in folder.glob("*.py") if f.stem[:2] != "ch"
    )
    for entry in catalogue():
        chapter = Path(MODULES[entry.exercise[:2]].__file__).read_text(encoding="utf-8")
        for name in re.findall(r"\{(\w+)", entry.seen + entry.next):
            assert re.search(rf"\b{name}\b", chapter + shared), f"{entry.code}: {name}"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_name_that_a_chapter_speaks_has_words(chapter):
    """Without, a learner would be told that there are none."""
    source = Path(MODULES[chapter].__file__).read_text(encoding="utf-8")
    told = {code for entries in words(chapter).values() for code in entries} | set(words("common"))
    for code in re.findall(r'Misconception\(\s*"([^"]+)"', source):
        assert code in told or spoken(code) in told, code
