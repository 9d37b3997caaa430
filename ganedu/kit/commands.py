"""`ganedu start`, `check` and `progress`: grammar and printing; quick, since torch stays out."""

import importlib.util
from pathlib import Path

from ganedu.kit import checking, course, progress, single, workspace


def add_to(commands):
    """The three subcommands; none of them trains in this process."""
    start = commands.add_parser(
        "start",
        help="make your own copy of the course, or bring it up to date",
        description="Make a workspace: lessons with their blanks open, exercises, and a file of your "
        "progress. Started again, it brings untouched pages up to date and keeps all your work.",
    )
    start.add_argument("folder", nargs="?", metavar="DIR", help=f"default: {workspace.DEFAULT}")
    start.add_argument(
        "--single",
        action="store_true",
        help="each notebook carries the package: one file runs alone, on Colab or anywhere with torch",
    )
    start.set_defaults(run=run_start)

    check = commands.add_parser(
        "check",
        help="run your exercises in clean processes, print the map of the course",
        description="Run exercises of a workspace, each page in a process of its own. Exit code 1 "
        "when one of them failed.",
    )
    check.add_argument(
        "what",
        nargs="*",
        metavar="DIR or NAME",
        help="a workspace; an exercise (05.d_step) or a chapter (05, its lesson too); default: all "
        "exercises of the workspace here, and what is not solved yet in its lessons",
    )
    check.set_defaults(run=run_check)

    shown = commands.add_parser("progress", help="print the map of the course as it stands")
    shown.add_argument(
        "folder", nargs="?", metavar="DIR", help="a workspace (default: the one here)"
    )
    shown.set_defaults(run=run_progress)
    for command in (start, check, shown):
        command.set_defaults(trains=False)


def run_start(args):
    """`ganedu start`: without DIR the workspace that one stands in, else ./ganedu-course."""
    here = progress.workspace_of(Path.cwd())
    folder = args.folder or here or workspace.DEFAULT
    pages = single.pages() if args.single else course.given()
    report = workspace.start(folder, pages, single=args.single)
    print(report)
    print(f'Open it:  jupyter lab "{report.root / workspace.FIRST}"')
    return 0


def run_check(args):
    """`ganedu check`: what was run is kept in the progress file, also after Ctrl-C."""
    if importlib.util.find_spec("nbclient") is None:
        raise RuntimeError("running notebooks needs nbclient: pip install 'ganedu[kit]'")
    names = [word for word in args.what if not Path(word).expanduser().is_dir()]
    folders = [word for word in args.what if word not in names]
    if len(names) > 1 or len(folders) > 1:
        raise ValueError("name one workspace and one exercise or chapter at most")
    root, pages = checking.workspace(*folders), course.given()
    due = checking.chosen(course.exercises(pages), *names, passed=checking.passed(root))
    found = {}
    try:
        run_pages(root, due, found)
    finally:
        print(checking.course_map(root, pages))
    for name, entry in found.items():
        if entry["status"] == "failed":
            print(f"\n✗ {name}\n{indented(entry['words'])}")
    return int(any(entry["status"] == "failed" for entry in found.values()))


def run_pages(root, due, found):
    """Run the pages with a bar; keep each page's results as soon as they are there."""
    from tqdm.auto import tqdm

    kept = progress.Progress(root)
    with tqdm(total=len(due), leave=False, unit="page") as bar:
        for results in checking.check(root, due, on_page=lambda page: bar.set_description(page)):
            found |= results
            kept.put("exercises", {name: checking.record(entry) for name, entry in results.items()})
            bar.update()


def indented(words):
    return "\n".join(f"  {line}" for line in words.splitlines())


def run_progress(args):
    """`ganedu progress`."""
    print(checking.course_map(checking.workspace(args.folder), course.given()))
    return 0
