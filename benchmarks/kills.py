"""Kills at random moments: is the last state loadable, and does a resumed run end as a whole one?

    python benchmarks/kills.py train --kills 30     # one process
    python benchmarks/kills.py two --kills 30       # two by torchrun; one of them, or torchrun, is killed
    python benchmarks/kills.py study --kills 30     # kept runs are whole, the table is the same
    python benchmarks/kills.py tour --kills 10      # pictures are whole or not there
    python benchmarks/kills.py builder --kills 30   # notebooks are what they were, or the new ones

A kill is SIGKILL at a random place: a step that was saved, a run of the study that was kept or a
notebook that was written is waited for, then a random part of the time that one more takes. So it falls
into the work on a busy machine too. The tour writes at its end only: there it is a random time from the
start to the end. No process may be left behind. Where one process is enough, a run is a fork of this one,
which has imported all: a kill then costs the training, not the start of Python.
"""

import argparse
import atexit
import filecmp
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import psutil
import torch
from common import machine
from PIL import Image

from ganedu import checkpoint, cli, studies, tour, training, treatments  # noqa: F401

TWO = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--nproc-per-node=2"]
TWO += ["--master-port=29533", "-m", "ganedu"]
RUN = "train --data ring --batch 8 --device cpu --save-every 20 --timeout 60 --steps 300".split()
TOUR = "tour --steps 40".split()
BUILD = [sys.executable, "-W", "ignore", str(Path(__file__).parents[1] / "authoring" / "build.py")]
STATE = {"train": "whole/checkpoint.pt", "two": "whole/checkpoint.pt"}
STATE |= {"study": "whole/*/runs/*.json", "builder": "notes/*/*.ipynb"}
END = {"train": 300, "two": 300, "study": 6, "builder": 3}  # steps, kept runs, notebooks
STRIDE = {"train": 20, "two": 20, "study": 1, "builder": 1}  # from one write to the next
STUDY = "study ring --recipes baseline --seeds 6 --steps 60 --jobs 2".split()


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("what", choices=["train", "two", "study", "tour", "builder"])
    options.add_argument("--kills", type=int, default=30, help="default: %(default)s")
    options.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    args = options.parse_args()
    print(machine(), flush=True)
    rng, good = random.Random(args.seed), 0
    folder = tempfile.mkdtemp()  # a TemporaryDirectory is removed by a fork that ends, too
    os.chdir(folder)
    try:
        if args.what == "builder":
            begin_notebooks()
        begin = time.time()
        run = call(args.what, "whole")
        if args.what in STATE:
            await_first_file("notes" if args.what == "builder" else "whole", run, begin)
            begin = time.time()
        assert (code := run.wait()) == 0, f"a whole run ended with {code}: is it asked for wrongly?"
        longest = last_write(args.what) - begin
        for k in range(args.kills):
            found = one(args.what, rng, longest)
            good += found["alike"]
            print(k + 1, json.dumps(found), flush=True)
            shutil.rmtree("parts", ignore_errors=True)
    finally:
        shutil.rmtree(folder)
    print(f"{good} of {args.kills}: loadable, nothing left behind, and the same end", flush=True)


def call(what, out, wait=False, resume=False):
    """The command, in a session of its own."""
    words = [*{"study": STUDY, "tour": TOUR}.get(what, RUN), "--out", out]
    if resume:
        words = ["train", "--resume", "--device", "cpu", "--timeout", "60", "--out", out]
    program = {"two": [*TWO, *words], "builder": [*BUILD, "--root", "notes"]}.get(what)
    run = psutil.Process(started(program) if program else forked(words))
    if wait:
        code = run.wait()
        assert code == 0, f"{what} into {out} ended with {code}"
    return run


def started(program):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(program, start_new_session=True, **quiet).pid


def forked(words):
    """`ganedu WORDS` in a child of this process; its pid."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        code = cli.main(words)
        threading._shutdown()  # the end of an interpreter: pools end their workers here,
        atexit._run_exitfuncs()  # or here
        os._exit(code)
    return child


def is_over(run):
    return not run.is_running() or run.status() == psutil.STATUS_ZOMBIE


def one(what, rng, whole):
    """One run, killed, looked at, and resumed; a run that nobody kills takes `whole` seconds."""
    if what == "builder":
        change_sources()
    begin, run, longest = time.time(), call(what, "parts"), whole
    if what in STATE:
        await_first_file("notes" if what == "builder" else "parts", run, begin)
        await_place(what, rng.randrange(0, END[what], STRIDE[what]), run, begin)
        longest *= STRIDE[what] / END[what]
    time.sleep(rng.random() * longest)
    if is_over(run):  # quicker than the first one: nobody was killed
        shutil.rmtree("parts", ignore_errors=True)
        return one(what, rng, whole)
    family = [run, *run.children(recursive=True)]
    victim = rng.choice(family)
    victim.send_signal(signal.SIGKILL)
    _, left = psutil.wait_procs(family, timeout=90)
    loadable, step = state_of(what)
    for process in left:
        process.kill()
    again(what, step)
    return {
        "victim": family.index(victim),
        "step": step,
        "left behind": len(left),
        "alike": loadable and not left and alike(what),
    }


def last_write(what):
    """The time at which a whole run wrote its state for the last time; now, of what writes at the end."""
    files = Path().glob(STATE[what]) if what in STATE else ()
    return max((file.stat().st_mtime for file in files), default=time.time())


def await_first_file(out, run, begin):
    def is_new(file):
        return file.exists() and file.stat().st_mtime >= begin

    while not any(map(is_new, Path(out).rglob("*.*"))) and not is_over(run):
        time.sleep(0.01)


def await_place(what, place, run, begin):
    while reached(what, begin) < place and not is_over(run):
        time.sleep(0.001)


def reached(what, begin):
    """How far a run that began then has come: the step, or how many files it has written."""
    if what == "study":
        return len(list(Path("parts").glob("*/runs/*.json")))
    if what == "builder":
        return sum(f.stat().st_mtime >= begin for f in Path().glob(STATE[what]))
    rows = training.read_rows(Path("parts/training.csv"))
    return rows[-1]["step"] if rows else 0


def state_of(what):
    """(whether what is there can be read, the step or the number of kept runs)."""
    if what == "study":
        kept = list(Path("parts").rglob("runs/*.json"))
        return all("row" in json.loads(file.read_text()) for file in kept), len(kept)
    if what == "tour":
        return pictures_are_whole(), len(list(Path("parts").glob("*.png")))
    if what == "builder":
        texts = [nbformat.reads(f.read_text(), 4) for f in Path("notes").rglob("*.ipynb")]
        rounds = [[n for n in (ROUND[0] - 1, ROUND[0]) if said(nb, n)] for nb in texts]
        return all(len(found) == 1 for found in rounds), sum(ROUND[0] in r for r in rounds)
    file = Path("parts/checkpoint.pt")
    return True, checkpoint.load(file)["step"] if file.exists() else 0


def again(what, step):
    if what in ("study", "tour", "builder"):
        call(what, "parts", wait=True)
        return
    if step == 0:
        shutil.rmtree("parts", ignore_errors=True)
    if step < 300:
        call(what, "parts", wait=True, resume=step > 0)


def alike(what):
    if what == "study":
        rows = [json.loads(Path(f"{x}/ring/rows.json").read_text()) for x in ("whole", "parts")]
        timeless = [[{k: v for k, v in r.items() if "seconds" not in k} for r in x] for x in rows]
        return timeless[0] == timeless[1]
    if what == "tour":
        return pictures_are_whole() and len(list(Path("parts").glob("*.png"))) == 2
    if what == "builder":
        return state_of(what) == (True, 3)
    a, b = (checkpoint.load(f"{x}/checkpoint.pt") for x in ("whole", "parts"))
    same = all(torch.equal(a[net][k], b[net][k]) for net in ("G", "D", "average") for k in a[net])
    rows = filecmp.cmp("whole/training.csv", "parts/training.csv", shallow=False)
    return same and rows and torch.equal(a["rng"], b["rng"])


def pictures_are_whole():
    for file in Path("parts").glob("*.png"):
        with Image.open(file) as picture:
            picture.load()
    return True


# ---------------------------------------------------------------- the builder's notebooks

ROUND = [0]  # how often the sources were changed


def begin_notebooks():
    """A small copy of the course, notes/: a lesson and a page of exercises."""
    root = Path(__file__).parents[1]
    for name in ("authoring/lessons/00_start_here.md", "notebooks/00_start_here.ipynb"):
        copy(root, name)
    for kind in ("authoring/exercises/{}.md", "exercises/{}.ipynb", "solutions/{}.ipynb"):
        copy(root, kind.format("05_the_training_loop"))
    copy(root, "pyproject.toml")
    change_sources()


def copy(root, name):
    Path("notes", name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(root / name, Path("notes", name))


def change_sources():
    """Another sentence in each source, the code as it was: the builder has three notebooks to write."""
    ROUND[0] += 1
    for source in Path("notes/authoring").rglob("*.md"):
        text = source.read_text().rpartition("\n\nRound ")[0] or source.read_text()
        source.write_text(f"{text.rstrip()}\n\nRound {ROUND[0]}.\n")


def said(nb, n):
    return any(cell.source.endswith(f"Round {n}.") for cell in nb.cells)


if __name__ == "__main__":
    main()
