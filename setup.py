"""Puts the course's pages into the wheel; all else is said in pyproject.toml."""

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

sys.path.insert(0, str(Path(__file__).resolve().parent))


class WithPages(build_py):
    def run(self):
        super().run()
        if not self.editable_mode:  # a clone makes them from its own notebooks
            from ganedu.kit import course

            course.write_zip(Path(self.build_lib) / "ganedu" / "kit" / course.ZIP)


setup(cmdclass={"build_py": WithPages})
