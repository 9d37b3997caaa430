"""The project's own promises: who imports whom, and two lists of packages that agree."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ganedu import __version__, cli

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
LEVELS = {
    0: {
        "augment",
        "conditional",
        "data",
        "densities",
        "dirac",
        "datafiles",
        "files",
        "networks",
        "losses",
        "names",
        "penalties",
        "profile",
        "results",
        "workers",
    },
    1: {
        "trainer",
        "recipe",
        "recording",
        "checkpoint",
        "classifier",
        "classical",
        "metrics",
        "pictures",
        "processes",
        "texture",
    },
    2: {
        "cost",
        "diagnostics",
        "doctor",
        "clinic",
        "drawing",
        "export",
        "film",
        "measuring",
        "recipes",
        "studies",
        "comparing",
        "contest",
        "treatments",
        "pretrained",
        "gallery",
        "steering",
    },
    3: {
        "art",
        "viz",
        "player",
        "checks",
        "choices",
        "cli",
        "training",
        "tour",
        "notebooks",
        "kit",
    },
}
LEVEL_OF = {name: level for level, names in LEVELS.items() for name in names}
OWNERS_PACKAGES = "jupyterlab torch torchvision matplotlib ipywidgets nbval jupytext numpy".split()


# ---- who imports whom ----------------------------------------------------------------------------


def module_of(path):
    """ganedu/player/widget.py -> player; the package's own __init__ and __main__ have no level."""
    return path.relative_to(ROOT / "ganedu").parts[0].removesuffix(".py")


FILES = sorted(p for p in (ROOT / "ganedu").rglob("*.py") if not module_of(p).startswith("__"))


def imported_modules(path):
    """The modules of ganedu that the file imports, at the top or inside a function."""
    package = list(path.relative_to(ROOT).parent.parts)
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join(base + ([node.module] if node.module else []))
            names += [f"{base}.{alias.name}" for alias in node.names]
    parts = [name.split(".") for name in names]
    return {p[1] for p in parts if p[0] == "ganedu" and len(p) > 1 and p[1] in LEVEL_OF}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_modules_import_only_lower_levels(path):
    name = module_of(path)
    assert name in LEVEL_OF, f"say in LEVELS at which level ganedu.{name} is"
    level = LEVEL_OF[name]
    for other in imported_modules(path) - {name}:
        assert LEVEL_OF[other] <= level, f"{name} (level {level}) imports {other}, which is higher"
        assert level > 0, f"level 0 stands alone, but {name} imports {other}"


def test_there_are_no_utils():
    assert not [p for p in FILES if "util" in p.stem or "helper" in p.stem]


# ---- what is installed ---------------------------------------------------------------------------


def pyproject():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def conda():
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def bounds(requirements):
    """["numpy>=1.26", ...] -> {"numpy": ">=1.26", ...}, without markers."""
    plain = (re.split(r"\s*;", text)[0].replace(" ", "") for text in requirements)
    return {re.match(r"[\w.-]+", text)[0]: re.sub(r"^[\w.-]+", "", text) for text in plain}


def project_bounds():
    project = pyproject()["project"]
    extras = [text for extra in project["optional-dependencies"].values() for text in extra]
    return bounds(project["dependencies"] + extras)


def conda_bounds():
    listed = conda()["dependencies"]
    pip = next(entry["pip"] for entry in listed if isinstance(entry, dict))
    named = [text for text in listed + pip if isinstance(text, str) and not text.startswith("-e")]
    return bounds(named)


def test_conda_and_pip_ask_for_the_same_versions():
    project = project_bounds() | {"python": pyproject()["project"]["requires-python"], "pip": ""}
    assert {name: project.get(name) for name in conda_bounds()} == conda_bounds()


@pytest.mark.parametrize("package", OWNERS_PACKAGES)
def test_every_named_package_is_in_both_lists(package):
    assert package in project_bounds() and package in conda_bounds()


def test_conda_installs_the_course_itself():
    pip = next(e["pip"] for e in conda()["dependencies"] if isinstance(e, dict))
    assert "-e .[lab,dev]" in pip


def test_the_package_alone_never_replaces_what_colab_has():
    needed = bounds(pyproject()["project"]["dependencies"])
    assert not {"jupyterlab", "nbval", "ipykernel"} & set(needed)
    assert all("<" not in bound and "==" not in bound for bound in needed.values())


# ---- make ----------------------------------------------------------------------------------------


def make(folder, *arguments):
    (folder / "Makefile").write_text((ROOT / "Makefile").read_text())
    (folder / "pyproject.toml").touch()
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True)


def fake_python(folder, body):
    """A stand-in for python3 whose behaviour is the shell script `body`."""
    path = folder / "fake python"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return f"PYTHON={path}"


@pytest.fixture
def folder(tmp_path):
    """A folder with a space in its name."""
    path = tmp_path / "my courses"
    path.mkdir()
    return path


def test_make_alone_explains_itself(folder):
    shown = make(folder).stdout
    assert all(f"make {target}" in shown for target in ("tour", "lab", "test", "notebooks"))


def test_an_old_python_is_one_sentence(folder):
    done = make(folder, "unit", fake_python(folder, "exit 1"))
    assert done.returncode != 0 and "needs Python 3.10 or newer" in done.stdout
    assert not (folder / ".venv").exists()


def test_a_python_without_venv_says_what_to_install(folder):
    body = 'case "$2" in *ensurepip*) exit 1;; esac'
    done = make(folder, "unit", fake_python(folder, body))
    assert done.returncode != 0 and "apt install python3-venv" in done.stdout


def test_an_installation_that_failed_is_done_again(folder):
    pip_fails = 'printf "#!/bin/sh\\nexit 1\\n" > .venv/bin/python; chmod +x .venv/bin/python'
    body = f'case "$2" in venv) mkdir -p .venv/bin; {pip_fails};; esac'
    python = fake_python(folder, body)
    for _ in range(2):
        done = make(folder, "unit", python)
        assert done.returncode != 0 and "Installing ganedu" in done.stdout
        assert not (folder / ".venv" / ".installed").exists()


# ---- what the documents at the top say -----------------------------------------------------------


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def commands_in(name):
    """What a reader would type, as (program, rest): lines of blocks and code in sentences."""
    text = text_of(name)
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S)
    shell = "\n".join(block for language, block in blocks if not language)
    typed = re.findall(r"^(?:\.venv/bin/)?(ganedu|make) +([^#\n]+)", shell, re.M)
    return typed + re.findall(r"`(?:\.venv/bin/)?(ganedu|make) +([^`]+)`", text)


TYPED = sorted(set(commands_in("README.md") + commands_in("CONTRIBUTING.md")))


@pytest.mark.parametrize("program, rest", TYPED, ids=lambda words: words.strip())
def test_every_command_in_the_documents_exists(program, rest):
    words = rest.split()
    if program == "make":
        assert re.search(rf"^{words[0]}:", text_of("Makefile"), re.M)
        return
    try:
        cli.parser().parse_args(words)
    except SystemExit as end:
        assert end.code == 0, rest  # --help ends so, too


def test_the_documents_name_the_commands_of_each_day():
    said = {f"{program} {rest.split()[0]}" for program, rest in TYPED}
    named = "start check progress train sample study art"
    assert {f"ganedu {name}" for name in named.split()} | {"make tour", "make lab"} <= said


def test_every_file_that_a_document_links_is_there():
    for name in ("README.md", "CONTRIBUTING.md", "LICENSE-texts.md", "SECURITY.md"):
        for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", text_of(name)):
            assert (ROOT / link).exists(), f"{name} links {link}"


def test_the_readme_gives_every_module_its_place_in_the_reading_order():
    rows = re.findall(r"^\| [^|]*: [^|]*\| (`.*) \|$", text_of("README.md"), re.M)
    order = [set(re.findall(r"`(\w+)/?`", row)) for row in rows]
    assert len(order) == len(LEVELS)
    unsaid = {
        "datafiles",
        "files",
        "names",
        "profile",
        "results",
        "notebooks",
        "workers",
    }  # served to others only
    for level, names in LEVELS.items():
        assert order[level] == names - unsaid


def lines_of_code(path):
    """Lines that are neither empty, nor comment, nor docstring."""
    source = path.read_text(encoding="utf-8")
    told = set()
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            told |= set(range(body[0].lineno, body[0].end_lineno + 1))
    lines = enumerate(map(str.strip, source.splitlines()), 1)
    return sum(bool(line) and line[0] != "#" and n not in told for n, line in lines)


def test_the_readme_says_how_long_the_core_is():
    said = int(re.search(r"the core, ([\d,]+) lines", text_of("README.md"))[1].replace(",", ""))
    rows = re.findall(r"^\| [^|]*: [^|]*\| (`.*) \|$", text_of("README.md"), re.M)
    core = [f"{name}.py" for row in rows[:2] for name in re.findall(r"`(\w+)`", row)]
    assert sum(lines_of_code(ROOT / "ganedu" / name) for name in core) == pytest.approx(
        said, rel=0.05
    )


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load(text_of("CITATION.cff"))
    assert pyproject()["project"]["version"] == citation["version"] == __version__
    assert f"## {__version__.removesuffix('.0')}" in text_of("CHANGELOG.md")


def test_the_readme_clones_from_the_projects_address():
    address = pyproject()["tool"]["ganedu"]["repository"]
    assert f"git clone https://github.com/{address} " in text_of("README.md")


def test_the_workflow_tries_the_oldest_python_that_is_allowed():
    workflow = yaml.safe_load(text_of(".github/workflows/test.yml"))
    versions = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert f">={versions[0]}" == pyproject()["project"]["requires-python"]
    assert workflow["jobs"]["full"]["steps"][-1] == {"run": "make full"}
