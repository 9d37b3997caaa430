"""Run one notebook as Colab would: its versions, the file alone, the package from a wheel.

python tests/colab_standin.py [notebooks/05_the_training_loop.ipynb ...]

Slow (it installs torch), so `make colab` runs it and `make test` does not. Colab's Python is newer
than what may be here; its packages are the same.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from ganedu import notebooks as running

ROOT = Path(__file__).parents[1]
COLAB = [
    "ipywidgets==7.7.1",
    "ipykernel==6.17.*",
    "ipython==7.34.0",
    "numpy==2.1.*",
    "matplotlib==3.10.*",
    "torch==2.11.*",
    "torchvision==0.26.*",
    "scikit-learn",
    "tqdm",
    "joblib",
    "pandas",
]


def pip(python, *arguments):
    command = [str(python), "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    return subprocess.run(command, check=True, text=True, capture_output="freeze" in arguments)


def build_wheel(folder):
    """The course's package as one file."""
    pip(sys.executable, "wheel", "-q", "--no-deps", "-w", folder, ROOT)
    return next(folder.glob("ganedu-*.whl"))


def make_colab(folder):
    """A virtual environment with Colab's packages; return its Python."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    pip(python, "install", "-q", *COLAB)
    return python


def run_alone(notebook, content, python):
    """Run a copy of the notebook in an empty folder, as Colab's /content."""
    content.mkdir()
    nb = nbformat.read(shutil.copy(notebook, content), as_version=4)
    running.run(nb, content, python=python)


def main(notebooks):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        os.environ["GANEDU_SOURCE"] = str(build_wheel(folder))
        python = make_colab(folder / "colab")
        before = set(pip(python, "freeze").stdout.splitlines())
        for notebook in notebooks:
            start = time.perf_counter()
            run_alone(notebook, folder / notebook.stem, python)
            print(f"{notebook.name} ran to its end in {time.perf_counter() - start:.1f} s")
        replaced = before - set(pip(python, "freeze").stdout.splitlines())
        if replaced:
            sys.exit(f"installing ganedu replaced what Colab has: {', '.join(sorted(replaced))}")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or sorted((ROOT / "notebooks").glob("05*.ipynb")))
