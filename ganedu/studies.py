"""Recipes x seeds -> rows -> a table with spread, over processes. The engine is joblib's, not ours.

    rows = study({"plain": Trial(PLAIN, judge), "with R1": Trial(WITH_R1, judge)}, seeds=range(10))
    print(show(table(rows)))

What is studied is a function of a seed that returns numbers: plain(3) -> {"modes": 7, "quality": 0.93}.
`Trial` makes one of a `Recipe`. A cluster is one line of yours:

    with joblib.parallel_config(backend="dask"): study(...)
"""

import json
import math
import os
import re
import signal
import time
import traceback
import warnings
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import joblib
import pandas as pd
import torch
from tqdm.auto import tqdm

from ganedu.files import write_text
from ganedu.recipe import Recipe, spelled
from ganedu.recording import ctrl_c
from ganedu.trainer import NotFinite
from ganedu.workers import end_with

# What a run costs; every other number in a row is a measure.
COSTS = ("seconds", "cpu_seconds", "d_updates", "g_updates")


@dataclass(frozen=True)
class Trial:
    """A recipe and its judge, as a function of the seed: train, then say what was measured."""

    recipe: Recipe
    judge: Callable  # trainer -> dict of numbers

    def __call__(self, seed):
        trainer = self.recipe.trainer(seed)
        begin = time.process_time()
        for _ in trainer.steps(self.recipe.steps):
            pass
        cpu_seconds = time.process_time() - begin  # fair on a busy machine, unlike the clock
        updates = {"d_updates": trainer.step * trainer.d_steps, "g_updates": trainer.step}
        return {**self.judge(trainer), **updates, "cpu_seconds": cpu_seconds}


def study(trials, seeds, *, folder=None, jobs=None, progress=True):
    """Run every trial of {name: function} with every seed, each in one thread; the rows.

    A row is {"recipe": name, "seed", "seconds", **numbers}, in the order of trials, then seeds. A run
    that ends in `NotFinite` is a row too, with "failed": its sentence; any other error stops the study.
    Finished runs are kept in `folder`, and the same call goes on from there. A kept run counts if it was
    made by the same recipe, or by a function of the same name with the same values bound by `partial`;
    what a function does is not looked at. `jobs`: processes at a time, 1 is this one (default: as an
    active joblib.parallel_config says, else one for each core).
    """
    seeds = _distinct(seeds)
    keys = [(name, seed) for name in trials for seed in seeds]
    made_by = {name: _identity(name, trial) for name, trial in trials.items()} if folder else {}
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)  # now: where it cannot be, nothing is lost
    done = {key: _kept(folder, key, made_by[key[0]]) for key in keys} if folder else {}
    done = {key: row for key, row in done.items() if row}
    todo = [
        (name, trials[name], seed, os.getpid()) for name, seed in keys if (name, seed) not in done
    ]
    bar = tqdm(total=len(keys), initial=len(done), unit="run", disable=not progress)
    try:
        with bar, ctrl_c(_stop), closing(_run_all(todo, jobs)) as rows:
            for row in rows:
                key = row["recipe"], row["seed"]
                if folder:
                    kept = {"made by": made_by[key[0]], "row": row}
                    write_text(_file(folder, *key), json.dumps(kept))
                done[key] = row
                bar.update()
    except KeyboardInterrupt:
        kept = f"kept in {folder}: the same call goes on from there" if folder else "lost"
        raise KeyboardInterrupt(f"{len(done)} of {len(keys)} runs are done and {kept}") from None
    return [done[key] for key in keys]


def _distinct(seeds):
    seeds = [int(seed) for seed in seeds]
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must differ, a run twice is still one run; got {seeds}")
    return seeds


# ---------------------------------------------------------------- running


def run(name, trial, seed, home):
    """One run, with one thread of torch and torch's own generator seeded with `seed`: its row.

    Outside the study's own process, `home`, Ctrl-C is ignored: the study gets it too, and ends the
    workers; killed, it cannot, and they end by themselves.
    """
    end_with(home)
    torch.optim.Adam([torch.zeros(1)])  # a process's first one imports for a second: not timed
    threads, begin = torch.get_num_threads(), time.perf_counter()
    torch.set_num_threads(1)
    try:
        with (
            torch.random.fork_rng(devices=[]),
            ctrl_c(_stop if os.getpid() == home else signal.SIG_IGN),
        ):
            torch.manual_seed(seed)
            numbers = _plain(trial(seed))
    except NotFinite as error:
        numbers = {"failed": str(error)}
    except Exception as error:
        said = " ".join(traceback.format_exception_only(error)[-1].split())
        raise RuntimeError(f"recipe {name!r} with seed {seed} stopped the study: {said}") from error
    finally:
        torch.set_num_threads(threads)
    return {"recipe": name, "seed": seed, "seconds": time.perf_counter() - begin, **numbers}


def _run_all(todo, jobs):
    """Rows as runs finish, in any order; closing it ends the processes."""
    if not todo:
        return
    if jobs is None:
        configured = joblib.parallel.get_active_backend()[1]
        jobs = configured or min(joblib.cpu_count(), len(todo))
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
    with closing(parallel(joblib.delayed(run)(*task) for task in todo)) as rows:
        yield from rows


def _plain(numbers):
    """A recipe's answer with tensors and numpy's numbers as Python's own; anything else is an error."""
    if not isinstance(numbers, dict) or {"recipe", "seed", "failed"} & set(numbers):
        raise TypeError(
            "a recipe must return a dict of numbers, none called recipe, seed or failed; "
            f"got {numbers!r:.100}"
        )
    numbers = {name: x.item() if hasattr(x, "item") else x for name, x in numbers.items()}
    for name, x in numbers.items():
        if not isinstance(x, int | float):
            raise TypeError(f"a recipe must return numbers; {name!r} is {x!r:.100}")
    return numbers


def _stop(signum, frame):
    """At once. `Trainer.fit` leaves this in force: half a training must not become a row."""
    raise KeyboardInterrupt


# ---------------------------------------------------------------- keeping


def _identity(name, trial):
    """What made a run, in words and numbers: the recipe with its judge, or a named function."""
    if isinstance(trial, Trial):
        made_by = {"recipe": trial.recipe.plain(), "judge": spelled(trial.judge)}
    else:
        made_by = spelled(trial)
    text = json.dumps(made_by)
    if "<lambda>" in text or "<locals>" in text:
        raise ValueError(
            f"runs of {name!r} cannot be kept: a function inside has no name of its own, and another "
            "one would look the same. Define it at the top of a module or notebook, and bind its "
            "values with functools.partial; or leave folder out"
        )
    return json.loads(text)  # as it will be read


def _file(folder, name, seed):
    """A file name any system takes; the checksum tells "R1" from "r1" and "a/b" from "a b"."""
    plain = re.sub(r"[^A-Za-z0-9.-]+", "_", name)[:60]
    return Path(folder) / f"{plain}-{zlib.crc32(name.encode()):08x}-seed{seed}.json"


def _kept(folder, key, made_by):
    """The row of an earlier study, or None where there is none or the file is damaged."""
    file = _file(folder, *key)
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        row, before = kept["row"], kept["made by"]
        if (row["recipe"], row["seed"]) != key:
            raise ValueError("another run's")
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        warnings.warn(f"{file} is not a whole run: it will be run again", stacklevel=3)
        return None
    if before != made_by:
        raise ValueError(
            f"{file} was made by another recipe ({_difference(before, made_by)}): choose another "
            "folder, or delete what should be run again"
        )
    return row


def _difference(before, now, where="it"):
    """The first place where two descriptions differ, in words."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*before, *now]:
            if before.get(key) != now.get(key):
                return _difference(before.get(key), now.get(key), key)
    return f"{where} was {json.dumps(before)}, now {json.dumps(now)}"


# ---------------------------------------------------------------- tables


def measures(rows):
    """The names of what was measured, in order: every number but the costs."""
    known = {"recipe", "seed", "failed", *COSTS}
    return list(dict.fromkeys(name for row in rows for name in row if name not in known))


def table(rows):
    """A pandas DataFrame, a line for each recipe: n runs that finished, failed ones, mean, SD and SE.

    Columns: recipe, n, failed, then for each measure "modes", "modes SD", "modes SE", then the costs:
    SD with n - 1, SE = SD / sqrt(n), nan where n is too small; of costs the mean.
    """
    names, costs = measures(rows), [cost for cost in COSTS if any(cost in row for row in rows)]
    runs = pd.DataFrame(rows, columns=["recipe", "failed", *names, *costs])
    by_recipe = runs.groupby("recipe", sort=False)
    columns = ["recipe", "n", "failed", *(f"{x}{of}" for x in names for of in ("", " SD", " SE"))]
    lines = [_summary(recipe, runs, names, costs) for recipe, runs in by_recipe]
    return pd.DataFrame(lines, columns=[*columns, *costs])


def _summary(recipe, runs, names, costs):
    finished = runs[runs["failed"].isna()]
    line = {"recipe": recipe, "n": len(finished), "failed": len(runs) - len(finished)}
    for name in names:
        line[name], line[f"{name} SD"], line[f"{name} SE"] = spread(finished[name])
    return line | {cost: spread(finished[cost])[0] for cost in costs}


def spread(values):
    """(mean, SD with n - 1, SE = SD / sqrt(n)); nan where there are too few values, or one is nan."""
    values = pd.Series(values, dtype=float)
    return tuple(float(of(skipna=False)) for of in (values.mean, values.std, values.sem))


def show(table):
    """A table as text; measures as "7.80 ± 0.10 (0.32)": mean ± SE (SD)."""
    shown = table[["recipe", "n", "failed"]].copy()
    for name in [name for name in table if f"{name} SD" in table]:
        cells = zip(table[name], table[f"{name} SE"], table[f"{name} SD"])
        shown[f"{name} ± SE (SD)"] = [_cell(*numbers) for numbers in cells]
    for cost in [cost for cost in COSTS if cost in table]:
        shown[cost] = [f"{x:,.{int('seconds' in cost)}f}" for x in table[cost]]
    return shown.to_string(index=False)


def _cell(mean, se, sd):
    """Two significant digits of the standard error: no more of the mean is known."""
    if math.isnan(mean):
        return "nan"
    if not (math.isfinite(se) and se > 0):
        return f"{mean:.4g} ± {se:.4g} ({sd:.4g})"
    digits = min(6, max(0, 1 - math.floor(math.log10(se))))
    return f"{mean:.{digits}f} ± {se:.{digits}f} ({sd:.{digits}f})"


def save(rows, folder):
    """rows.csv, rows.json, table.csv and table.json in `folder`. JSON has no nan or inf: null there."""
    folder, lines = Path(folder), table(rows)
    for name, frame in (("rows", pd.DataFrame(rows)), ("table", lines)):
        write_text(folder / f"{name}.csv", frame.to_csv(index=False))
    for name, records in (("rows", rows), ("table", lines.to_dict("records"))):
        finite = [{key: _finite(x) for key, x in line.items()} for line in records]
        write_text(folder / f"{name}.json", json.dumps(finite, indent=1, allow_nan=False))


def _finite(x):
    return None if isinstance(x, float) and not math.isfinite(x) else x
