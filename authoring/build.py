"""Make the notebooks from their MyST Markdown sources.

authoring/lessons/NN_name.md     ->  notebooks/NN_name.ipynb
authoring/exercises/NN_name.md   ->  exercises/NN_name.ipynb and solutions/NN_name.ipynb

Lessons and solutions are run from top to bottom and stored with their outputs; exercises are
stored unrun.
"""

import argparse
import hashlib
import os
import re
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

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
KEPT_CELL_METADATA = ("tags", "mystnb")  # mystnb may hold the alternative text of a picture
KEPT_OUTPUT_METADATA = ("alt", "width", "height")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
CELL_SECONDS = 600

SETUP = """\
# Setup: on Colab this installs the course's package; anywhere else it does nothing.
import importlib.util
import os
import subprocess
import sys

if importlib.util.find_spec("ganedu") is None:
    source = os.environ.get("GANEDU_SOURCE", "git+https://github.com/{repository}@{branch}")
    subprocess.run([sys.executable, "-m", "pip", "install", "-qq", source], check=True)
"""
BADGE = (
    "[![Open In Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/{repository}/blob/{branch}/{path})"
)
SOLUTION = re.compile(
    r"^([ \t]*)### BEGIN SOLUTION[ \t]*\n.*?^[ \t]*### END SOLUTION[ \t]*$", re.S | re.M
)
MARKER_LINE = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[ \t]*\n?", re.M)
STUB = r"""\1# YOUR CODE HERE
\1raise NotImplementedError("replace this line with your code")"""
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
    """Replace {{setup}} in code and {{colab-badge}} in text."""
    if cell.cell_type == "code":
        return re.sub(
            r"(?:# ?)?\{\{setup\}\}", lambda _: SETUP.format(**address), cell.source
        ).strip("\n")
    return cell.source.replace("{{colab-badge}}", BADGE.format(**address))


def settle_solution(cell, job):
    """Keep the solution in a solved notebook; leave a stub of it in the learner's."""
    solutions = SOLUTION.findall(cell.source)
    if len(MARKER_LINE.findall(cell.source)) != 2 * len(solutions):
        raise SourceError(
            f"{job.source.name}: BEGIN and END SOLUTION do not pair in:\n{cell.source}"
        )
    if job.kind == "lesson" and solutions:
        raise SourceError(f"{job.source.name}: a lesson holds a solution:\n{cell.source}")
    stub_at_top_level = "" in solutions
    if job.kind == "exercise":
        cell.source = SOLUTION.sub(STUB, cell.source)
        if stub_at_top_level or "needs-solution" in tags_of(cell):
            cell.metadata["tags"] = [*tags_of(cell), "raises-exception"]
    else:
        cell.source = MARKER_LINE.sub("", cell.source + "\n").rstrip("\n")


# ---- what is kept of a notebook ------------------------------------------------------------------


def tidy(nb):
    """Keep what a reader needs; drop what differs by machine, tool or run."""
    nb.metadata = nbformat.from_dict(METADATA)
    nb.nbformat, nb.nbformat_minor = 4, 5
    seen = {}
    for cell in nb.cells:
        cell.metadata = only(cell.metadata, KEPT_CELL_METADATA)
        cell.id = content_id(cell, seen)
        cell.pop("attachments", None)
        if cell.cell_type == "code":
            cell.outputs = [tidy_output(o) for o in cell.outputs if not is_bare_widget(o)]
    return nb


def only(metadata, names):
    return nbformat.from_dict({name: metadata[name] for name in names if metadata.get(name)})


def content_id(cell, seen):
    """An id made from what the cell says, so that the same source gives the same file."""
    digest = hashlib.sha1(f"{cell.cell_type}\0{cell.source}".encode()).hexdigest()[:10]
    seen[digest] = seen.get(digest, 0) + 1
    return digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"


def is_bare_widget(output):
    """True for a widget without a picture, such as a progress bar: without a kernel it is empty."""
    data = output.get("data", {})
    return WIDGET_VIEW in data and not any(kind.startswith("image/") for kind in data)


def tidy_output(output):
    """Drop the widget's id (it is random) and the sizes and hints that a tool left behind."""
    if "data" in output:
        output.data.pop(WIDGET_VIEW, None)
        output.metadata = nbformat.from_dict(
            {
                kind: only(kept, KEPT_OUTPUT_METADATA)
                for kind, kept in output.metadata.items()
                if isinstance(kept, dict) and only(kept, KEPT_OUTPUT_METADATA)
            }
        )
    return output


# ---- running -------------------------------------------------------------------------------------


class ThisPython(AsyncKernelManager):
    """Starts the kernel with the Python that runs this, whatever kernels a user installed."""

    def __init__(self, **options):
        super().__init__(kernel_spec_manager=KernelSpecManager(kernel_dirs=[]), **options)


def run(nb, folder):
    """Run the notebook in a fresh kernel, in its own folder, and return it with outputs."""
    client = NotebookClient(
        nb,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        kernel_manager_class=ThisPython,
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=40"],
        resources={"metadata": {"path": str(folder)}},
    )
    client.log.setLevel("CRITICAL")  # what goes wrong is told once, by report()
    client.execute()
    return tidy(nb)


def build(job):
    """Make one notebook; return the seconds its run took and None, or what went wrong."""
    start = time.perf_counter()
    nb = None
    try:
        nb = assemble(job)
        job.out.parent.mkdir(parents=True, exist_ok=True)
        if job.kind != "exercise":
            nb = run(nb, job.out.parent)
        nbformat.validate(nb)
        write(nb, job.out)
    except Exception as error:
        return time.perf_counter() - start, report(error, nb)
    return time.perf_counter() - start, None


def write(nb, out):
    """Write all of the file or nothing: a failure leaves the old notebook as it was."""
    new = out.with_name(f".{out.name}.new")
    nbformat.write(nb, new)
    os.replace(new, out)


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


def build_all(jobs, workers):
    """Build the jobs, a line for each as it ends; return how many failed."""
    failed = 0
    # One thread each: small networks gain nothing from two, and the outputs do not depend on the cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(workers) as pool:
        running = {pool.submit(build, job): job for job in jobs}
        for done in as_completed(running):
            seconds, problem = done.result()
            failed += problem is not None
            print(
                f"{running[done].name:<48} {seconds:6.1f} s  {'FAILED' if problem else 'ok'}",
                flush=True,
            )
            if problem:
                print(indent(problem), file=sys.stderr, flush=True)
    return failed


def indent(text):
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())


# ---- is a notebook what its source says? ---------------------------------------------------------


def contents(nb):
    """What a source decides about a notebook: type, text and tags of each cell."""
    return [(cell.cell_type, cell.source, dict(cell.metadata)) for cell in nb.cells]


def staleness(job):
    """Why the stored notebook is not what its source says; None when it is."""
    if not job.out.exists():
        return "missing"
    try:
        stored = nbformat.read(job.out, as_version=4)
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
    return int(build_all(jobs, args.workers) > 0)


if __name__ == "__main__":
    sys.exit(main())
