"""After installation nothing reaches for the network; what needs one says so in one sentence."""

import json
import os
import pkgutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import ganedu

PRINTS_ITS_CAUSE = version("torchvision").startswith("0.19.")
PACKAGE = Path(ganedu.__file__).parent
MODULES = sorted(m.name for m in pkgutil.walk_packages([str(PACKAGE)], "ganedu."))

# Every way out is shut before anything is imported; attempts are noted, also those swallowed.
CUT = """
import json, socket, sys
attempts = []
def shut(*args, **kwargs):
    attempts.append(str(args[-1]))
    raise OSError("the network is cut")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = shut
socket.create_connection = socket.gethostbyname = shut
"""


def offline(code, home):
    """Run code in a new process without a network, in an empty home; return what it printed."""
    env = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "HOME": str(home), "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, "-c", CUT + code],
        env=env,
        cwd=home,
        text=True,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done


IMPORT_AND_DRAW = """
import importlib
for name in {modules}:
    importlib.import_module(name)
import torch
from ganedu import data
rng = torch.Generator().manual_seed(0)
sets = [data.ring(8), data.grid(5), data.digits(), data.small_digits()]
shapes = [list(s.sample(3, rng).shape) for s in sets]
print(json.dumps([shapes, attempts]))
"""


def test_every_module_and_the_default_data_do_without_a_network(tmp_path):
    (shapes, attempts), _ = offline(IMPORT_AND_DRAW.format(modules=MODULES), tmp_path)
    assert shapes == [[3, 2], [3, 2], [3, 1, 28, 28], [3, 1, 8, 8]]
    assert attempts == []


DOWNLOADS = """
from ganedu import data
said = {}
for name in ("mnist", "fashion_mnist", "cifar10"):
    try:
        getattr(data, name)()
    except Exception as error:
        said[name] = [type(error).__name__, str(error), error.__suppress_context__]
left = [str(p) for p in data.cache().rglob("*")]
print(json.dumps([said, left, str(data.cache()), len(attempts)]))
"""


@pytest.fixture(scope="module")
def said_without_a_network(tmp_path_factory):
    return offline(DOWNLOADS, tmp_path_factory.mktemp("home"))


@pytest.mark.parametrize(
    "name, title", [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST"), ("cifar10", "CIFAR10")]
)
def test_a_set_that_must_be_downloaded_is_one_error_that_names_the_offline_way(
    said_without_a_network, name, title
):
    (said, _, cache, _), _ = said_without_a_network
    kind, sentence, alone = said[name]
    assert kind == "ConnectionError" and alone, "one error, not a chain of them"
    assert sentence.startswith(f"{title} must be downloaded once, and that failed (")
    cause = "Error downloading" if PRINTS_ITS_CAUSE and name != "cifar10" else "the network is cut"
    assert cause in sentence and "ganedu.data.digits()" in sentence
    assert f"{cache}/{title}" in sentence, "it says where files got by other means belong"
    assert "\n" not in sentence


def test_a_failed_download_leaves_nothing_and_prints_nothing(said_without_a_network):
    (_, left, _, attempts), done = said_without_a_network
    assert left == []
    assert len(done.stdout.splitlines()) == 1 and "Error" not in done.stderr
    assert attempts >= 3, "the test did cut something"


LIGHT = """
import ganedu
heavy = {"torch", "numpy", "matplotlib", "sklearn", "mlxtend", "torchvision", "IPython"}
print(json.dumps([ganedu.__version__, sorted(heavy & set(sys.modules))]))
"""


def test_import_ganedu_imports_nothing_heavy(tmp_path):
    (version, heavy), _ = offline(LIGHT, tmp_path)
    assert heavy == [] and version.count(".") == 2


TRAINER_ONLY = """
from ganedu.trainer import Trainer
heavy = {"matplotlib", "sklearn", "mlxtend", "torchvision", "PIL", "pandas"}
print(json.dumps(sorted(heavy & set(sys.modules))))
"""


def test_training_needs_no_plotting_and_no_data_packages(tmp_path):
    heavy, _ = offline(TRAINER_ONLY, tmp_path)
    assert heavy == []
