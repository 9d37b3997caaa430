"""Every page of the course through axe-core in a real browser: by hand, not part of `make test`.

    npm install axe-core && pip install playwright    # and a Chromium of the system
    .venv/bin/python tests/accessibility.py node_modules/axe-core/axe.min.js [05 ...]

Each lesson, exercise and solution is exported to HTML twice: as it is stored, and as `ganedu start`
gives it. What axe finds serious or critical in the course's own cells is printed, and the exit code
is 1 then. The frame around them and the look of links are nbconvert's: counted, not held against the
course.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from playwright.sync_api import sync_playwright

from ganedu.kit.pages import opened

ROOT = Path(__file__).parents[1]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]
GRAVE = ("serious", "critical")
THEMES = ("link-in-text-block",)  # links that are no more than coloured: so in every notebook
OURS = ".jp-RenderedHTMLCommon, .jp-OutputArea-output"  # what a cell says and shows


def pages(chapters):
    """(name, HTML) of every page of the chapters, stored and as a learner gets it."""
    export = HTMLExporter(template_name="lab").from_notebook_node
    for folder in ("notebooks", "exercises", "solutions"):
        for file in sorted((ROOT / folder).glob("*.ipynb")):
            if not chapters or file.name[:2] in chapters:
                stored = json.loads(file.read_text(encoding="utf-8"))
                for how, page in (("stored", stored), ("given", opened(stored))):
                    nb = nbformat.reads(json.dumps(page), as_version=4)
                    nb.metadata["title"] = file.stem
                    yield f"{folder}/{file.stem} ({how})", export(nb)[0]


def violations(browser, html, axe, folder):
    """What axe finds: a list of {id, impact, nodes}."""
    file = Path(folder) / "page.html"
    file.write_text(html, encoding="utf-8")
    page = browser.new_page()
    page.set_default_timeout(300_000)  # milliseconds: a loaded machine is slow, not wrong
    page.route("http*://**", lambda route: route.abort())  # MathJax and require.js: not ours
    page.goto(file.as_uri())
    page.add_script_tag(content=axe)
    found = page.evaluate("async () => (await axe.run(document)).violations")
    for entry in found:
        for node in entry["nodes"]:
            ask = "([path, ours]) => !!document.querySelector(path)?.closest(ours)"
            node["ours"] = page.evaluate(ask, [node["target"][0], OURS])
    page.close()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("axe", type=Path, help="axe.min.js")
    parser.add_argument("chapters", nargs="*", metavar="05")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="the browser's file")
    args = parser.parse_args()
    axe, grave, frame = args.axe.read_text(encoding="utf-8"), 0, Counter()
    with sync_playwright() as play, tempfile.TemporaryDirectory() as folder:
        browser = play.chromium.launch(executable_path=args.chromium, args=FLAGS)
        for name, html in pages(args.chapters):
            told = []
            for entry in violations(browser, html, axe, folder):
                ours = [n for n in entry["nodes"] if n["ours"] and entry["id"] not in THEMES]
                frame[entry["id"]] += len(entry["nodes"]) - len(ours)
                if ours and entry["impact"] in GRAVE:
                    told.append((entry, ours))
            grave += len(told)
            print(f"{name}: {len(told) or 'nothing'} serious", flush=True)
            for entry, ours in told:
                print(f"    {entry['id']} ({entry['impact']}): {entry['help']}, {len(ours)} places")
                print(f"        {ours[0]['html'][:200]}")
    around = ", ".join(f"{rule} {count}" for rule, count in frame.items() if count)
    print(f"{grave} serious findings of ours; in nbconvert's frame: {around or 'none'}")
    return int(grave > 0)


if __name__ == "__main__":
    sys.exit(main())
