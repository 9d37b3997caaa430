"""Make the notebooks from their MyST Markdown sources.

authoring/lessons/NN_name.md     ->  notebooks/NN_name.ipynb
authoring/exercises/NN_name.md   ->  exercises/NN_name.ipynb and solutions/NN_name.ipynb

Lessons and solutions are run from top to bottom and stored with their outputs; exercises are
stored unrun. A lesson is stored solved; the stubs of its blanks lie in the cells' metadata, and
`ganedu start` opens them.
"""

import argparse
import base64
import io
import os
import re
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from nbclient.exceptions import CellExecutionError
from PIL import Image

from ganedu import notebooks
from ganedu.files import write_text
from ganedu.kit import pages
from ganedu.kit.progress import unused
from ganedu.workers import end_with

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).resolve().parents[1]
EXAMPLES = """examples:
  python authoring/build.py                     build what no longer holds what its source says
  python authoring/build.py 05_the_training_loop    build everything of that name, run it again
  python authoring/build.py --all -j 2          build and run all of them, two at a time
  python authoring/build.py --check             change nothing; fail if a notebook is out of date
"""
METADATA = {
    "accelerator": "GPU",
    "colab": {"provenance": []},
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}
KEPT_CELL_METADATA = ("tags", "alt", "ganedu")  # ganedu holds the stub of a lesson's blank
KEPT_OUTPUT_METADATA = ("alt", "width", "height")
UNKNOWN = "OWNER/REPO"  # while the public address is not filled in

SETUP = """\
# Setup: {comment}
import importlib.util
import os
import subprocess
import sys

if importlib.util.find_spec("ganedu") is None:
    source = os.environ.get("GANEDU_SOURCE", {source})
    if not source:
        raise ModuleNotFoundError(
            f"this notebook's kernel, {{sys.executable}}, has no ganedu: choose the course's kernel "
            "(menu Kernel, Change Kernel), or open the course with  make lab  or  ganedu start"
        )
    if subprocess.run([sys.executable, "-m", "pip", "install", "-qq", source]).returncode:
        raise RuntimeError(f"pip could not install {{source}}; its own words stand above")
"""
ON_COLAB = {
    "comment": "on Colab this installs the course's package; anywhere else it only looks for it.",
    "source": '"git+https://github.com/{repository}@{branch}" if "google.colab" in sys.modules else ""',
}
WITHOUT_ADDRESS = {"comment": "is the course's package here?", "source": '""'}
BADGE = (
    "[![Open In Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/{repository}/blob/{branch}/{path})"
)
SOLUTION = re.compile(
    r"^([ \t]*)### BEGIN SOLUTION[ \t]*\n(.*?)^[ \t]*### END SOLUTION[ \t]*$", re.S | re.M
)
OWN_STUB = re.compile(r"^[ \t]*### STUB[ \t]*\n(.*)", re.S | re.M)
MARKER_LINE = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[ \t]*$", re.M)
STUB = """\
{0}# YOUR CODE HERE
{0}raise NotImplementedError("replace this line with your code")"""
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class SourceError(Exception):
    """A source that cannot be made into a notebook."""


@dataclass(frozen=True)
class Job:
    """One notebook to make: from which source, of which kind, to where."""

    source: Path
    kind: str  # "lesson", "exercise" or "solution"
    out: Path
    root: Path

    @property
    def name(self):
        return self.out.relative_to(self.root).as_posix()


# ---- from a source to a notebook without outputs -------------------------------------------------


def all_jobs(root):
    """Every notebook that the sources under root make, in reading order."""
    jobs = [
        Job(source, "lesson", root / "notebooks" / f"{source.stem}.ipynb", root)
        for source in sorted((root / "authoring" / "lessons").glob("*.md"))
    ]
    for source in sorted((root / "authoring" / "exercises").glob("*.md")):
        for kind in ("exercise", "solution"):
            jobs.append(Job(source, kind, root / f"{kind}s" / f"{source.stem}.ipynb", root))
    return jobs


def assemble(job):
    """The notebook that the job's source describes, tidy and not yet run."""
    nb = jupytext.reads(job.source.read_text(encoding="utf-8"), fmt="md:myst")
    address = tomllib.loads((job.root / "pyproject.toml").read_text(encoding="utf-8"))
    address = address["tool"]["ganedu"] | {"path": job.name}
    dropped = {"exercise": "solution-only", "solution": "exercise-only"}.get(job.kind)
    nb.cells = [cell for cell in nb.cells if dropped not in tags_of(cell)]
    for cell in nb.cells:
        cell.source = fill_in(cell, address)
        if cell.cell_type == "code":
            settle_solution(cell, job)
    return tidy(nb)


def tags_of(cell):
    return cell.metadata.get("tags", [])


def fill_in(cell, address):
    """Replace {{setup}} in code and {{colab-badge}} in text; no badge that would lead nowhere."""
    known = address["repository"] != UNKNOWN
    if cell.cell_type == "code":
        blanks = ON_COLAB if known else WITHOUT_ADDRESS
        setup = SETUP.format(**{name: text.format(**address) for name, text in blanks.items()})
        return re.sub(r"(?:# ?)?\{\{setup\}\}", lambda _: setup, cell.source).strip("\n")
    badge = BADGE.format(**address) + "\n\n" if known else ""
    return re.sub(r"\{\{colab-badge\}\}\n*", lambda _: badge, cell.source).strip("\n")


def settle_solution(cell, job):
    """Keep the solution where it is solved; a stub of it in the learner's, or in the metadata."""
    solutions = SOLUTION.findall(cell.source)
    if len(MARKER_LINE.findall(cell.source)) != 2 * len(solutions):
        raise SourceError(
            f"{job.source.name}: BEGIN and END SOLUTION do not pair in:\n{cell.source}"
        )
    stub = SOLUTION.sub(lambda found: stub_of(found[1], found[2]), cell.source)
    solved = SOLUTION.sub(lambda found: OWN_STUB.sub("", found[2]).rstrip("\n"), cell.source)
    if job.kind == "exercise":
        cell.source = stub
        if re.search(r"^raise NotImplementedError", stub, re.M) or "needs-solution" in tags_of(
            cell
        ):
            cell.metadata["tags"] = [*tags_of(cell), "raises-exception"]
        return
    cell.source = solved
    if job.kind == "lesson" and solutions:
        cell.metadata["ganedu"] = {"stub": stub}


def stub_of(indent, inside):
    """The author's own lines after ### STUB, else the line that raises."""
    own = OWN_STUB.search(inside)
    return own[1].rstrip("\n") if own else STUB.format(indent)


# ---- what is kept of a notebook ------------------------------------------------------------------


def tidy(nb):
    """Keep what a reader needs; drop what differs by machine, tool or run."""
    nb.metadata = nbformat.from_dict(METADATA)
    nb.nbformat, nb.nbformat_minor = 4, 5
    for cell, name in zip(nb.cells, pages.ids_of(nb.cells)):
        cell.metadata = only(cell.metadata, KEPT_CELL_METADATA)
        cell.id = name
        cell.pop("attachments", None)
        if cell.cell_type == "code":
            shown = [output for output in cell.outputs if not notebooks.is_bare_widget(output)]
            cell.outputs = [tidy_output(output, cell.metadata.get("alt")) for output in shown]
    return nb


def only(metadata, names):
    return nbformat.from_dict({name: metadata[name] for name in names if metadata.get(name)})


def tidy_output(output, alt):
    """Drop the widget's id (it is random) and a tool's hints; make a picture small, give it its alt."""
    if "data" in output:
        if "image/png" in output.data:
            output.data["image/png"] = smaller(output.data["image/png"])
        output.data.pop(notebooks.WIDGET_VIEW, None)
        kept = {
            kind: only(output.metadata.get(kind, {}), KEPT_OUTPUT_METADATA) for kind in output.data
        }
        for kind in kept:
            if alt and kind.startswith("image/"):
                kept[kind]["alt"] = alt
        output.metadata = nbformat.from_dict({kind: what for kind, what in kept.items() if what})
    return output


def smaller(encoded):
    """The picture, PNG in base64, with at most 256 colours: a third of the bytes."""
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as picture:
        if picture.mode == "P" or (
            "A" in picture.mode and picture.getchannel("A").getextrema()[0] < 255
        ):
            return encoded  # is so already, or partly transparent
        few = picture.convert("RGB").quantize(
            256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
        )
    out = io.BytesIO()
    few.save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


# ---- running -------------------------------------------------------------------------------------


def carry_over(nb, out):
    """Take the outputs of the stored notebook when all code is the same; True when they were.

    The setup cell may differ: it shows nothing, and nothing hangs on it.
    """
    stored = notebooks.read(out)
    if stored is None or code_to_compare(stored) != code_to_compare(nb):
        return False
    if not all(cell.execution_count for cell in notebooks.code_cells(stored)):
        return False
    for cell, was in zip(notebooks.code_cells(nb), notebooks.code_cells(stored)):
        cell.outputs, cell.execution_count = was.outputs, was.execution_count
        forget_alt(cell.outputs, was.metadata.get("alt"))
    tidy(nb)
    return True


def forget_alt(outputs, alt):
    """Take back the text that the cell had given its pictures; a picture's own text stays."""
    for output in outputs:
        for kept in output.get("metadata", {}).values():
            if alt and kept.get("alt") == alt:
                del kept["alt"]


def code_to_compare(nb):
    cells = notebooks.code_cells(nb)
    return ["" if "setup" in tags_of(cell) else cell.source for cell in cells]


def keep_edits(job):
    """Move a notebook that somebody edited in place to kept/; return where, else None."""
    stored = notebooks.read(job.out)  # None after a merge conflict: not ours to delete either
    if not job.out.exists() or (stored is not None and not pages.is_edited(stored)):
        return None
    kept = unused(job.root / "kept" / job.name)
    kept.parent.mkdir(parents=True, exist_ok=True)
    os.replace(job.out, kept)
    return kept.relative_to(job.root).as_posix()


def build(job, again=True):
    """Make one notebook; return the seconds it took, what to say of it, and what went wrong.

    Without `again` a notebook whose code is the same as the stored one's keeps its outputs.
    """
    start = time.perf_counter()
    nb, said = None, "ok"
    try:
        nb = assemble(job)
        if job.kind != "exercise":
            if not again and carry_over(nb, job.out):
                said = "ok, same code: outputs kept"
            else:
                job.out.parent.mkdir(parents=True, exist_ok=True)  # the kernel runs there
                notebooks.run(nb, job.out.parent)
                tidy(nb)
        nbformat.validate(nb)
        kept = keep_edits(job)
        write(nb, job.out)
        said += f"; what was edited in place is in {kept}" if kept else ""
    except Exception as error:
        return time.perf_counter() - start, "FAILED", report(error, nb)
    return time.perf_counter() - start, said, None


def write(nb, out):
    """Write all of the file or nothing: a failure leaves the old notebook as it was."""
    write_text(out, nbformat.writes(nb).rstrip("\n") + "\n")


def report(error, nb):
    """What went wrong, with the cell and its traceback when a cell raised."""
    if isinstance(error, SourceError):
        return str(error)
    if not isinstance(error, CellExecutionError):
        return f"{type(error).__name__}: {error}"
    number, cell = next(
        (n, c)
        for n, c in enumerate((c for c in nb.cells if c.cell_type == "code"), 1)
        if any(o.output_type == "error" for o in c.outputs) and "raises-exception" not in tags_of(c)
    )
    failure = next(o for o in cell.outputs if o.output_type == "error")
    trace = ANSI.sub("", "\n".join(failure.traceback))
    return (
        f"code cell {number} raised {failure.ename}: {failure.evalue}\n\n{cell.source}\n\n{trace}"
    )


def build_all(jobs, workers, again):
    """Build the jobs, a line for each as it ends; return how many failed."""
    failed = 0
    # One thread each: small networks gain nothing from two, and the outputs do not depend on the cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(workers, initializer=end_with, initargs=(os.getpid(),)) as pool:
        running = {pool.submit(build, job, again): job for job in jobs}
        for done in as_completed(running):
            seconds, said, problem = done.result()
            failed += problem is not None
            print(f"{running[done].name:<48} {seconds:6.1f} s  {said}", flush=True)
            if problem:
                print(indent(problem), file=sys.stderr, flush=True)
    return failed


def indent(text):
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())


# ---- is a notebook what its source says? ---------------------------------------------------------


def contents(nb):
    """What a source decides about a notebook: type, text and metadata of each cell."""
    return [(cell.cell_type, cell.source, dict(cell.metadata)) for cell in nb.cells]


def staleness(job):
    """Why the stored notebook is not what its source says; None when it is."""
    if not job.out.exists():
        return "missing"
    try:
        stored = nbformat.read(job.out, as_version=4)
        if pages.is_edited(stored):
            return "edited in place (`make notebooks` moves that version to kept/)"
        if contents(stored) != contents(assemble(job)):
            return "not what its source says"
    except SourceError as error:
        return str(error)
    except Exception as error:
        return f"not readable ({type(error).__name__}: {error})"
    counts = [cell.execution_count for cell in stored.cells if cell.cell_type == "code"]
    if job.kind != "exercise" and None in counts:
        return "not run"
    return None


def orphans(root, jobs):
    """Notebooks in the three folders that no source makes."""
    made = {job.out for job in jobs}
    there = (p for d in ("notebooks", "exercises", "solutions") for p in (root / d).glob("*.ipynb"))
    return sorted(set(there) - made)


def check(root, jobs):
    """Print what is out of date and return how many there are."""
    stale = [(job.name, why) for job in jobs if (why := staleness(job))]
    stale += [
        (path.relative_to(root).as_posix(), "no source makes it")
        for path in orphans(root, all_jobs(root))
    ]
    for name, why in stale:
        print(f"{name}: {why}")
    if stale:
        print("Run `make notebooks`; edit authoring/, never the notebooks.")
    return len(stale)


# ---- command line --------------------------------------------------------------------------------


def parse(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="05 or 05_the_training_loop")
    parser.add_argument(
        "--all", action="store_true", help="build all, not only what is out of date"
    )
    parser.add_argument("--check", action="store_true", help="run and write nothing; only compare")
    parser.add_argument(
        "--tidy", metavar="FILE", type=Path, help="tidy one saved notebook in place"
    )
    parser.add_argument("-j", dest="workers", type=int, default=1, metavar="N", help="N at a time")
    parser.add_argument("--root", type=Path, default=HERE, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def chosen(jobs, names):
    """The jobs that the names mean: `05`, `05_the_training_loop` or a path of either file."""
    stems = [Path(name).stem for name in names]
    for stem in stems:
        if not any(matches(job, stem) for job in jobs):
            known = ", ".join(dict.fromkeys(job.source.stem for job in jobs)) or "none"
            raise SystemExit(f"there is no source named {stem!r}; there are: {known}")
    return [job for job in jobs if any(matches(job, stem) for stem in stems)]


def matches(job, stem):
    return stem in (job.source.stem, job.source.stem.split("_")[0])


def main(argv=None):
    args = parse(argv)
    if args.tidy:
        write(tidy(nbformat.read(args.tidy, as_version=4)), args.tidy)
        return 0
    root = args.root.resolve()
    jobs = all_jobs(root)
    if args.names:
        jobs = chosen(jobs, args.names)
    if args.check:
        return int(check(root, jobs) > 0)
    if not (args.names or args.all):
        jobs = [job for job in jobs if staleness(job)]
    if not jobs:
        print("All notebooks are what their sources say (--all runs them again).")
        return 0
    return int(build_all(jobs, args.workers, again=bool(args.names or args.all)) > 0)


if __name__ == "__main__":
    sys.exit(main())
