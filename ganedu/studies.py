"""Recipes x seeds -> rows -> a table with spread, over processes. The engine is joblib's, not ours.

    rows = study({"plain": plain, "with R1": with_r1}, seeds=range(10), folder="ring study")
    print(show(table(rows)))

A recipe is a function of a seed that returns numbers: plain(3) -> {"modes": 7, "quality": 0.93}.
A cluster is one line of yours:  with joblib.parallel_config(backend="dask"): study(...)
"""

import csv
import hashlib
import inspect
import io
import json
import math
import os
import re
import secrets
import signal
import threading
import time
import traceback
import warnings
import zlib
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import joblib
import torch
from tqdm.auto import tqdm

from ganedu.trainer import NotFinite

# What a run costs; every other number in a row is a measure.
COSTS = ("seconds", "cpu_seconds", "d_updates", "g_updates")


def study(recipes, seeds, *, folder=None, settings=None, jobs=None, progress=True):
    """Run every recipe of {name: function} with every seed, each in one thread; the rows.

    A row is {"recipe", "seed", "seconds", **numbers}, in the order of recipes, then seeds. A run that
    ends in `NotFinite` is a row too, with "failed": its sentence; any other error stops the study.
    Finished runs are kept in `folder`, and the same call goes on from there. A kept run counts if its
    recipe's own lines and the values bound in it are still the same, or `settings` (whatever JSON
    can hold) if you give them; what a recipe calls is not looked at. `jobs`: processes at a time,
    1 is this one (default: as an active joblib.parallel_config says, else one for each core).
    """
    seeds = _distinct(seeds)
    keys = [(name, seed) for name in recipes for seed in seeds]
    made_by = {name: _fingerprint(recipe, settings) for name, recipe in recipes.items()}
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)  # now: where it cannot be, nothing is lost
    done = {key: _kept(folder, key, made_by[key[0]]) for key in keys} if folder else {}
    done = {key: row for key, row in done.items() if row}
    todo = [(name, recipes[name], seed) for name, seed in keys if (name, seed) not in done]
    bar = tqdm(total=len(keys), initial=len(done), unit="run", disable=not progress)
    try:
        with bar, _handling_ctrl_c(_stop), closing(_run_all(todo, jobs)) as rows:
            for row in rows:
                key = row["recipe"], row["seed"]
                if folder:
                    kept = {"made by": made_by[key[0]], "row": row}
                    _write(_file(folder, *key), json.dumps(kept))
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


def run(name, recipe, seed):
    """One run, with one thread of torch and torch's own generator seeded with `seed`: its row."""
    torch.optim.Adam([torch.zeros(1)])  # a process's first one imports for a second: not timed
    threads, begin = torch.get_num_threads(), time.perf_counter()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]), _ctrl_c_left_to_the_study():
            torch.manual_seed(seed)
            numbers = _plain(recipe(seed))
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


@contextmanager
def _handling_ctrl_c(handler):
    """Ctrl-C means `handler` inside the block; in a thread, where no signal arrives, nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _stop(signum, frame):
    """At once. `Trainer.fit` leaves this in force: half a training must not become a row."""
    raise KeyboardInterrupt


def _ctrl_c_left_to_the_study():
    """A worker ignores Ctrl-C: the study's own process gets it too, and ends the workers."""
    in_the_studys_process = signal.getsignal(signal.SIGINT) is _stop
    return _handling_ctrl_c(_stop if in_the_studys_process else signal.SIG_IGN)


# ---------------------------------------------------------------- keeping


def _fingerprint(recipe, settings):
    """`settings`, or a hash of the recipe's own lines and the values bound in it."""
    if settings is not None:
        return json.loads(json.dumps(settings))  # as it will be read: tuples become lists
    bound = []
    while isinstance(recipe, partial):
        bound += [recipe.args, recipe.keywords]
        recipe = recipe.func
    try:
        bound += [recipe.__defaults__, inspect.getclosurevars(recipe).nonlocals]
        lines = inspect.getsource(recipe)
    except (AttributeError, OSError, TypeError, ValueError):  # typed at a prompt, or no function
        lines = repr(recipe)
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", f"{lines}{bound}")  # addresses differ in each process
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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
            f"{file} was made by another recipe or other settings ({before}, now {made_by}): "
            "choose another folder, or delete what should be run again"
        )
    return row


def _write(file, text):
    """Write beside `file`, then move it there in one step: a kill leaves the old file, or none."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial_file = file.with_name(f".{file.name}.{secrets.token_hex(4)}.partial")
    try:
        partial_file.write_text(text, encoding="utf-8", newline="")
        os.replace(partial_file, file)
    finally:
        partial_file.unlink(missing_ok=True)  # there only if something went wrong


# ---------------------------------------------------------------- tables


def measures(rows):
    """The names of what was measured, in order: every number but the costs."""
    known = {"recipe", "seed", "failed", *COSTS}
    return list(dict.fromkeys(name for row in rows for name in row if name not in known))


def table(rows):
    """A dict for each recipe: n runs that finished, failed ones, each measure's mean, SD and SE.

    {"recipe": "plain", "n": 10, "failed": 0, "modes": 7.8, "modes SD": .32, "modes SE": .10, ...,
    "seconds": 12.5, ...}: SD with n - 1, SE = SD / sqrt(n), nan where n is too small; of costs the mean.
    """
    names, costs = measures(rows), [cost for cost in COSTS if any(cost in row for row in rows)]
    by_recipe = {}
    for row in rows:
        by_recipe.setdefault(row["recipe"], []).append(row)
    return [_summary(recipe, runs, names, costs) for recipe, runs in by_recipe.items()]


def _summary(recipe, runs, names, costs):
    finished = [row for row in runs if "failed" not in row]
    line = {"recipe": recipe, "n": len(finished), "failed": len(runs) - len(finished)}
    for name in [*names, *costs]:
        mean, sd, se = spread([row.get(name, math.nan) for row in finished])
        line |= {name: mean} if name in costs else {name: mean, f"{name} SD": sd, f"{name} SE": se}
    return line


def spread(values):
    """(mean, SD with n - 1, SE = SD / sqrt(n)); nan where there are too few values."""
    n = len(values)
    mean = sum(values) / n if n else math.nan
    sd = math.sqrt(sum((x - mean) ** 2 for x in values) / (n - 1)) if n > 1 else math.nan
    return mean, sd, sd / math.sqrt(n) if n else math.nan


def show(table):
    """A table as text in aligned columns; measures as "7.80 ± 0.10 (0.32)": mean ± SE (SD)."""
    names = [name for name in measures(table) if f"{name} SD" in table[0]]
    costs = [cost for cost in COSTS if table and cost in table[0]]
    head = ["recipe", "n", "failed", *(f"{name} ± SE (SD)" for name in names), *costs]
    lines = [head]
    for row in table:
        cells = [row["recipe"], f"{row['n']}", f"{row['failed']}"]
        cells += [_cell(row[name], row[f"{name} SE"], row[f"{name} SD"]) for name in names]
        cells += [f"{row[cost]:,.{int('seconds' in cost)}f}" for cost in costs]
        lines.append(cells)
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip()
        for cells in lines
    )


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
    for name, lines in (("rows", rows), ("table", table(rows))):
        text = io.StringIO()
        columns = list(dict.fromkeys(key for line in lines for key in line))
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader(), writer.writerows(lines)
        _write(Path(folder) / f"{name}.csv", text.getvalue())
        finite = [{key: _finite(x) for key, x in line.items()} for line in lines]
        _write(Path(folder) / f"{name}.json", json.dumps(finite, indent=1, allow_nan=False))


def _finite(x):
    return None if isinstance(x, float) and not math.isfinite(x) else x
