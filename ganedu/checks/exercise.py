"""An exercise as data: the right answer in named parts, inputs, and what people put in each part's place.

The learner's answer and the right one are played on the same inputs. Where they differ, the mistakes
are played too, one at a time and then two at a time; a mistake is named only if it gives what the
learner gave on every ordinary input, those of a second seed included. The engine knows no
mathematics of its own; the words stand in words/NN.toml.
"""

import inspect
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import torch

from ganedu.checks.probes import Guarded, fresh, near, one_number
from ganedu.checks.words import Misconception, Plainly, words

SECOND = 1000  # how far away the second seed is, on which a name is confirmed
PAIRS = 2500  # of mistakes, tried at most
UNNAMED = ("WRONG-VALUE", "ARGUMENT-IGNORED", "ORDER-MATTERS", "TIMES-A-FACTOR", "PLUS-A-NUMBER")


class Part:
    """A keyword-only parameter of the right answer: part(f, g) are answers with f, or g, in its place."""

    def __init__(self, name):
        self.name = name

    def __call__(self, *instead):
        return tuple({self.name: way} for way in instead)

    @classmethod
    def of(cls, right):
        """The parts of `right`, in their order."""
        parameters = inspect.signature(right).parameters.values()
        return [cls(p.name) for p in parameters if p.kind is p.KEYWORD_ONLY]


@dataclass(frozen=True)
class shows:
    """A mistake known by what was observed, (got, right) -> bool; asked before any table."""

    test: Callable


@dataclass(frozen=True)
class asks:
    """A mistake known by a property: (ask, *args) -> bool, where ask(*args) is the learner's result.

    Asked when no mistake of the table fits: does the result move when this input alone is moved?
    `first`: before two mistakes at once are tried.
    """

    test: Callable
    first: bool = False


@dataclass(frozen=True)
class raises:
    """A mistake known by the words of the exception that it causes."""

    words: str


class Stopped(Exception):
    """The answer raised where that has a name: equal to nothing, told in the exception's own words."""

    def __str__(self):
        return str(self.args[0]).split("\n")[0]


@dataclass(frozen=True)
class Case:
    """Inputs; and where right-looking answers break on them, what that is called: code -> shows(...)."""

    what: str
    args: tuple
    breaks: dict = field(default_factory=dict)
    tolerance: float = 1e-4


@dataclass(frozen=True)
class Exercise:
    """A check: call it with the learner's answer and a seed; it returns praise or raises Misconception."""

    name: str  # "03.d_loss"
    right: Callable
    mistakes: dict  # code -> ways: answers, {part: replacement}, shows(...), asks(...), raises(...)
    cases: Callable  # seed -> [Case, ...]
    read: Callable = (
        one_number  # what was returned -> what is compared; a dict: parts, judged apart
    )
    observe: Callable | None = None  # (answer, case) -> what is compared, where one call is not all
    same: Callable = near  # (a, b, tolerance): is it the same answer?
    alike: Callable | None = None  # stricter, for naming; `same` by default
    may_change: tuple = ()  # arguments, or "argument.aspect", that the answer is asked to change
    what: str = "your result"  # what a verdict calls the value
    library: Callable | None = None  # the package's function that `right` must equal
    function: bool = True  # the answer is a function
    praised: Callable | None = None  # right answer -> values for the words of praise
    styles: tuple = ()  # replacements of parts that are just as right: ({"divisor": ...},)

    def __post_init__(self):
        """A row that is no tuple, or names no part, would never be played."""
        parameters = inspect.signature(self.right).parameters.values()
        parts = {p.name for p in parameters}
        passes_on = any(p.kind is p.VAR_KEYWORD for p in parameters)
        for code, ways in self.mistakes.items():
            if not isinstance(ways, tuple):
                raise TypeError(f"{self.name}: the ways of {code} must be a tuple; got {ways!r}")
            unknown = {key for way in ways if isinstance(way, dict) for key in way} - parts
            if unknown and not passes_on:
                raise TypeError(f"{self.name}: {code} names no part of the right answer: {unknown}")

    def __call__(self, answer, seed=0):
        found = []
        for style in ({}, *self.styles):
            try:
                return Attempt(self.in_style(style), answer, seed).verdict()
            except Misconception as misconception:
                found.append(misconception)
        raise next((it for it in found if it.code not in UNNAMED), found[0])

    def in_style(self, style):
        """This exercise with other parts in the right answer, and so in every mistake."""
        return replace(self, right=partial(self.right, **style)) if style else self

    def praise(self, answer):
        """What is said of a right answer; a value `kind` picks the words praise-kind."""
        values = self.praised(answer) if self.praised else {}
        own = words(self.name[:2]).get(self.name[3:], {})
        key = f"praise-{values['kind']}" if "kind" in values else "praise"
        return Plainly().vformat(own.get(key, "Right."), (), values)

    def play(self, answer, case):
        """What is observed of an answer in a case."""
        if self.observe is not None:
            return self.observe(answer, case)
        return self.read(answer(*fresh(case.args)))

    def differing(self, got, right, case):
        """The parts in which two observations differ; one part, None, where they are no dicts."""
        if isinstance(got, Stopped):
            return [None]
        if isinstance(right, dict):
            return [k for k in right if not self.same(got[k], right[k], case.tolerance)]
        return [] if self.same(got, right, case.tolerance) else [None]

    def agree(self, a, b, part, case):
        """Are these two observations of one kind (in this part)?"""
        a, b = (x if isinstance(x, Stopped) or part is None else x[part] for x in (a, b))
        if isinstance(a, Stopped) or isinstance(b, Stopped):
            return False
        return bool((self.alike or self.same)(a, b, case.tolerance))

    def single(self):
        """(code, answer) for each mistake of the table that is an answer."""
        for code, ways in self.mistakes.items():
            for way in ways:
                if isinstance(way, dict):
                    yield code, partial(self.right, **way)
                elif callable(way):
                    yield code, way

    def pairs(self, wanted=lambda way: True):
        """(code, answer) with two parts wrong at a time, told by the first one's name."""
        ways = ((c, w) for c, ways in self.mistakes.items() for w in ways if isinstance(w, dict))
        swaps = [(code, way) for code, way in ways if wanted(way)]
        for (code, a), (_, b) in itertools.combinations(swaps, 2):
            if not a.keys() & b.keys():
                yield code, partial(self.right, **b, **a)

    def known_by(self, kind):
        """(code, way) for each way of this kind: shows, asks or raises."""
        for code, ways in self.mistakes.items():
            yield from ((code, way) for way in ways if isinstance(way, kind))

    def codes(self):
        """Every name that the table and the cases can speak."""
        named = [*self.mistakes, *(c for case in self.cases(0) for c in case.breaks)]
        return list(dict.fromkeys(named))


class Attempt:
    """One learner's answer on trial."""

    def __init__(self, exercise, answer, seed):
        self.it = exercise
        self.answer = Guarded(answer, exercise.right, exercise.may_change)
        self.cases = exercise.cases(seed)
        self.others = exercise.cases(seed + SECOND)
        self.table = list(exercise.single())
        self.seen = {}  # (whose, case) -> observation

    def verdict(self):
        if self.it.function and not callable(self.answer.function):
            raise Misconception("NOT-A-FUNCTION", kind=type(self.answer.function).__name__)
        for number, case in enumerate(self.cases):
            parts = self.it.differing(self.got(case), self.right(case), case)
            if parts:
                raise self.named(number, case, parts)
        if self.answer.changed:
            raise self.answer.changed
        return self.it.praise(self.answer.function)

    # ---- playing: each answer once on each case

    def played(self, answer, case, learners=False):
        key = id(answer), id(case)
        if key not in self.seen:
            self.seen[key] = answer, self.try_it(answer, case, learners)  # kept alive with its id
        return self.seen[key][1]

    def try_it(self, answer, case, learners):
        try:
            return self.it.play(answer, case)
        except Misconception:
            if learners:
                raise
            return Stopped("a mistake that cannot be played here")
        except Exception as error:
            if learners and self.answer.changed:
                raise self.answer.changed from None
            if learners and (not case.breaks or case is self.cases[0]):
                for code, way in self.it.known_by(raises):
                    if way.words in str(error):
                        raise Misconception(code, case=case.what, said=str(error)) from None
                raise
            return Stopped(error)

    def got(self, case):
        return self.played(self.answer, case, learners=True)

    def right(self, case):
        return self.played(self.it.right, case)

    # ---- naming

    def named(self, number, case, parts):
        """The Misconception that explains what was observed in the first case that is wrong."""
        got, right = self.got(case), self.right(case)
        values = {"got": got, "right": right, "case": case.what, "what": self.it.what}
        for code, way in case.breaks.items():
            if way.test(got, right):
                return Misconception(code, **values)
        code = self.by_facts(number) or self.by_the_whole(right)
        if code:
            return Misconception(code, **self.of_part(values, parts[0]))
        for part in parts:
            if part != "facts":
                code = (
                    self.by_table(self.table, part)
                    or self.rounded(part)
                    or self.by_property(number, first=True)
                    or self.by_table(self.pairs(part), part)
                    or self.by_property(number, first=False)
                )
            if code:
                return Misconception(code, **self.of_part(values, part))
        return self.answer.changed or self.in_general(parts) or self.unnamed()

    def of_part(self, values, part):
        if part is None:
            return values
        return {**values, "got": values["got"][part], "right": values["right"][part], "what": part}

    def by_facts(self, number):
        for code, way in self.it.known_by(shows):
            if all(self.shown_by(way, case) for case in self.at(number)):
                return code
        return None

    def shown_by(self, way, case):
        return way.test(self.got(case), self.right(case))

    def at(self, number):
        """The case of this number, for both seeds."""
        return self.cases[number], self.others[number]

    def by_the_whole(self, right):
        """The mistake of the table that gives what was observed in every part."""
        parts = [part for part in right if part != "facts"] if isinstance(right, dict) else ()
        if len(parts) < 2:
            return None
        return next(
            (c for c, way in self.table if all(self.explains(way, part) for part in parts)), None
        )

    def by_table(self, mistakes, part):
        return next((code for code, way in mistakes if self.explains(way, part)), None)

    def pairs(self, part):
        """Two mistakes at once, of those that move this part and none that the learner has right."""
        cases = [case for case in self.cases if not case.breaks]
        wrong = {k for c in cases for k in self.it.differing(self.got(c), self.right(c), c)}

        def fits(way):
            mistake = partial(self.it.right, **way)
            played = ((self.try_it(mistake, case, learners=False), case) for case in cases)
            moved = (self.it.differing(mine, self.right(case), case) for mine, case in played)
            parts = next(filter(None, moved), [])  # in the first case in which it matters
            return part in parts and set(parts) <= wrong

        return itertools.islice(self.it.pairs(fits), PAIRS if cases and self.telling(part) else 0)

    def telling(self, part):
        """Does the answer give more than one value? A constant, such as 0, confirms no pair."""
        values = [mine for mine, _ in self.values(part)]
        return not values or max(values) > min(values)

    def rounded(self, part):
        """ROUNDED: the right values, with fewer digits."""
        pairs = self.values(part)
        inexact = any(abs(mine - theirs) > 1e-6 for mine, theirs in pairs) and self.telling(part)
        for digits in range(1, 5 if inexact else 1):  # of 0, verdicts agree
            if all(abs(mine - round(theirs, digits)) < 1e-6 for mine, theirs in pairs):
                return "ROUNDED"
        return None

    def values(self, part):
        """(learner's, right) for each number of the ordinary cases; none where a case gave none."""
        try:
            return [
                pair
                for case in self.ordinary()
                for pair in numbers_in(self.got(case), self.right(case), part)
            ]
        except (TypeError, ValueError, AttributeError):  # no numbers in the same places
            return []

    def explains(self, mistake, part):
        """Does the mistake give what the learner gave, on every ordinary case of both seeds?"""
        return all(
            self.it.agree(self.got(case), self.played(mistake, case), part, case)
            for case in self.ordinary()
        )

    def by_property(self, number, first):
        for code, way in self.it.known_by(asks):
            if way.first == first and all(self.has(way, case) for case in self.at(number)):
                return code
        return None

    def has(self, way, case):
        try:
            return bool(way.test(lambda *args: self.ask(args, case), *fresh(case.args)))
        except Exception:  # the property cannot be asked of this answer
            return False

    def ask(self, args, case, whose=None):
        """What the learner's answer (or `whose`) gives with other arguments."""
        changed = Case(case.what, args, tolerance=case.tolerance)
        return self.it.play(whose or self.answer.function, changed)

    def in_general(self, parts):
        """What can be said of any formula: on what its value depends, and how it goes with the right one."""
        for question, part in itertools.product((self.dependence, self.proportion), parts):
            try:
                found = question(part)
            except Exception:  # not every answer can be asked
                continue
            if found:
                return found
        return None

    def called(self, part):
        """What a verdict calls the value."""
        return self.it.what if part is None else part

    def ordinary(self):
        return [case for case in [*self.cases, *self.others] if not case.breaks]

    def dependence(self, part):
        """ARGUMENT-IGNORED or ORDER-MATTERS: what moves the learner's value and not the right one."""
        names = [
            p.name
            for p in inspect.signature(self.it.right).parameters.values()
            if p.kind is not p.KEYWORD_ONLY
        ]
        pairs = [(a, b) for a, b in zip(self.cases, self.others) if not a.breaks]
        if any(len(case.args) != len(names) for case, _ in pairs):
            return None
        what = self.called(part)
        for k, name in enumerate(names):
            if all(self.moved(a, k, b.args[k], part) == (False, True) for a, b in pairs):
                return Misconception("ARGUMENT-IGNORED", argument=name, what=what)
        for k, name in enumerate(names):
            turned = [(a, turn(a.args[k])) for a, _ in pairs]
            if all(x is not None and self.moved(a, k, x, part) == (True, False) for a, x in turned):
                return Misconception("ORDER-MATTERS", argument=name, what=what)
        return None

    def moved(self, case, k, other, part):
        """Does the learner's value move when argument k alone is another? Does the right one?"""
        args = fresh(case.args)
        args = (*args[:k], *fresh((other,)), *args[k + 1 :])
        mine, right = self.ask(args, case), self.ask(args, case, self.it.right)
        return (
            not self.it.agree(mine, self.got(case), part, case),
            not self.it.agree(right, self.right(case), part, case),
        )

    def proportion(self, part):
        """TIMES-A-FACTOR or PLUS-A-NUMBER: the same on every ordinary case."""
        pairs = self.values(part)
        if len(pairs) < 3 or any(theirs == 0 for _, theirs in pairs):
            return None
        what = self.called(part)
        ratios, gaps = [a / b for a, b in pairs], [a - b for a, b in pairs]
        if alike(ratios) and not near(ratios[0], 1, 1e-2):
            return Misconception("TIMES-A-FACTOR", factor=ratios[0], what=what)
        if alike(gaps):
            return Misconception("PLUS-A-NUMBER", number=gaps[0], what=what)
        return None

    def unnamed(self):
        """WRONG-VALUE, at the place of the largest error; the right number is not told."""
        worst, place = 0.0, None
        for case in [case for case in self.cases if not case.breaks] or self.cases:
            for part in self.it.differing(self.got(case), self.right(case), case)[:1]:
                error, found = largest(self.got(case), self.right(case), part)
                if place is None or error > worst:
                    worst, place = error, (case, part, found)
        if place is None:  # wrong in a special case only
            case = next(c for c in self.cases if self.it.differing(self.got(c), self.right(c), c))
            part = self.it.differing(self.got(case), self.right(case), case)[0]
            place = case, part, largest(self.got(case), self.right(case), part)[1]
        case, part, (got, relation) = place
        what = self.called(part)
        return Misconception("WRONG-VALUE", case=case.what, what=what, got=got, relation=relation)


def alike(numbers):
    """Are they all the first one, to three digits?"""
    return all(abs(x - numbers[0]) <= 1e-3 * abs(numbers[0]) for x in numbers)


def turn(x):
    """A tensor with its rows in another order; None for anything else."""
    movable = isinstance(x, torch.Tensor) and x.ndim and len(x) > 1
    return x.flip(0) if movable else None


def numbers_in(got, right, part):
    """(learner's, right) for each number of two observations."""
    got, right = (x if part is None else x[part] for x in (got, right))
    return [(mine, theirs) for _, mine, theirs in numbers_of(got, right)]


def largest(got, right, part):
    """(size of the largest error, (what was got there, how the right value compares with it))."""
    if isinstance(got, Stopped):
        return float("inf"), (str(got), "that is an error, and the right answer gives none")
    got, right = (x if part is None else x[part] for x in (got, right))
    pairs = list(numbers_of(got, right))
    if not pairs:
        return 0.0, (got, "that is not what comes out")
    where, mine, theirs = max(pairs, key=lambda it: distance(it[1], it[2]))
    there = f" at {where}" if where else ""
    return distance(mine, theirs), (f"{mine:.4g}{there}", relation(mine, theirs))


def numbers_of(got, right, where=""):
    """(place, number, number) of all that two observations hold in the same place."""
    if isinstance(right, list | tuple):
        for i, (a, b) in enumerate(zip(got, right)):
            yield from numbers_of(a, b, f"{where}[{i}]")
    elif hasattr(right, "tolist"):
        yield from numbers_of(got.tolist(), right.tolist(), where)
    elif isinstance(right, int | float):
        yield where, float(got), float(right)


def distance(mine, theirs):
    gap = abs(mine - theirs)
    return gap / (1 + abs(theirs)) if gap == gap else float("inf")


def relation(mine, theirs):
    """How the right number compares with the learner's, without telling it."""
    if mine != mine or abs(mine) == float("inf"):
        return "the right value is a finite number"
    if theirs == 0:
        return "the right value is 0"
    if mine == 0:
        return f"the right value is {'above' if theirs > 0 else 'below'} 0"
    if mine * theirs < 0:
        return "the right value has the other sign"
    ratio = theirs / mine
    if ratio > 1:
        return f"the right value is {ratio:.3g} times as large"
    return f"the right value is only {ratio:.3g} times as large"


@dataclass(frozen=True)
class World:
    """What a probe recorded of one call: the value, and all from which the right one follows."""

    value: object
    seen: dict

    def __getattr__(self, name):
        return self.seen[name]


def explained(name, right, mistakes, worlds, others, **options):
    """None if the recorded values are those of right(world), else the Misconception that gives them.

    worlds and others: World of this seed and of a second one, in the same order.
    """
    recorded = {0: worlds, SECOND: others}
    cases = lambda seed: [Case(w.seen.get("what", "a batch"), (w,)) for w in recorded[seed]]  # noqa: E731
    try:
        Exercise(name, right, mistakes, cases, **options)(lambda world: world.value)
    except Misconception as found:
        return found
    return None


@dataclass(frozen=True)
class Probe:
    """A check that replays what the learner's own draws decide: judge(answer, seed) says what it found.

    It returns None or the name of a praise where the answer is right, else a Misconception.
    """

    name: str
    right: Callable  # a right answer, for the gate
    judge: Callable  # (answer, seed) -> None, "sorted", or Misconception("CODE", ...)
    mistakes: dict = field(default_factory=dict)  # code -> answers that the gate plays
    may_change: tuple = ()
    function: bool = True

    def __call__(self, answer, seed=0):
        if self.function and not callable(answer):
            raise Misconception("NOT-A-FUNCTION", kind=type(answer).__name__)
        guarded = Guarded(answer, self.right, self.may_change) if self.function else answer
        found = self.judge(guarded, seed)
        if self.function and guarded.changed:  # it may be why the rest is wrong
            raise guarded.changed
        if isinstance(found, Misconception):
            raise found
        own = words(self.name[:2]).get(self.name[3:], {})
        return own.get(f"praise-{found}" if found else "praise", "Right.")

    def single(self):
        """(code, answer) for each mistake that is an answer."""
        for code, ways in self.mistakes.items():
            for way in ways:
                yield code, partial(self.right, **way) if isinstance(way, dict) else way
