# Everything happens in .venv beside this file; the system's Python is never changed.
# Another Python:  make test PYTHON=/path/to/python3.12

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: help tour lab test unit lint exercises nbval full notebooks colab clean
.NOTPARALLEL:

help:
	@echo "make tour        train a GAN on real digits, in about a minute (installs first)"
	@echo "make lab         open your own copy of the course, in ganedu-course/, in JupyterLab"
	@echo "make test        run everything: unit tests, lint, exercises, all notebooks"
	@echo "make full        run every notebook in the profile full, the long one (hours on a CPU)"
	@echo "make notebooks   build what no longer holds what its source in authoring/ says"
	@echo "                   (one of them: make notebooks ARGS=05; all: ARGS='--all -j 2')"
	@echo "make lint        check style, notebooks included"
	@echo "make colab       run a lesson with the versions that Colab has (slow, downloads)"
	@echo "make clean       remove caches; delete .venv yourself to install anew"

tour: $(INSTALLED)
	@$(BIN)/ganedu tour

lab: $(INSTALLED)
	$(BIN)/ganedu start ganedu-course
	$(BIN)/python -m jupyterlab ganedu-course/notebooks/00_start_here.ipynb

test: unit lint exercises nbval
	@echo "All of make test passed."

# Two processes of one thread each: on two cores nothing is faster for small networks.
unit: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests -n 2

lint: $(INSTALLED)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

exercises: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest exercises solutions -n 2

nbval: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --nbval notebooks solutions exercises -n 2

# Outputs are those of the profile lesson, so they are not compared: the asserts are what must hold.
# A bar that moves often fills nbval's queue of messages in an hour, and the cell's end is lost.
full: $(INSTALLED)
	GANEDU_PROFILE=full TQDM_MININTERVAL=10 OMP_NUM_THREADS=1 $(BIN)/python -m pytest --nbval-lax \
		--nbval-cell-timeout=10800 notebooks solutions -n 2

notebooks: $(INSTALLED)
	$(BIN)/python authoring/build.py $(ARGS)

colab: $(INSTALLED)
	$(BIN)/python tests/colab_standin.py $(ARGS)

clean:
	rm -rf build dist .pytest_cache .ruff_cache
	find . -path ./.venv -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) \
		-type d -exec rm -rf {} +

# The stamp is written last, so an installation that was cut off is done again.
$(INSTALLED): pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
		echo "ganedu needs Python 3.10 or newer and '$(PYTHON)' is not one:" \
			"install it, or name it with  make PYTHON=/path/to/python3"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot make virtual environments:" \
			"install venv (on Debian and Ubuntu: sudo apt install python3-venv)"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
		echo "Creating .venv ..."; "$(PYTHON)" -m venv .venv; }
	@echo "Installing ganedu and what it needs into .venv (minutes the first time) ..."
	@$(BIN)/python -m pip install --disable-pip-version-check -e '.[lab,dev]'
	@touch $(INSTALLED)
