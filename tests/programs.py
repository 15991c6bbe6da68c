"""Programs and packages that a test needs and that not every machine has."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
REQUIRED = bool(os.environ.get("CI"))  # there, nothing is left out


def program(name: str) -> str:
    """Return the path of a program. Without it the test is skipped, but fails in CI."""
    beside_python = Path(sys.executable).parent
    found = shutil.which(name, path=f"{beside_python}{os.pathsep}{os.environ['PATH']}")
    if not found:
        _leave_out(name)
    return str(found)


def run(name: str, *arguments: str | Path) -> str:
    """Run a program and return what it prints. Fails with its complaints if it has any."""
    finished = subprocess.run(  # noqa: S603, a program that we chose
        [program(name), *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def package(name: str) -> Any:
    """Import a package of the group `deploy`. Without it the same."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return _leave_out(name)


def _leave_out(name: str) -> None:
    reason = f"{name} isn't installed (uv sync --all-groups)"
    if REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)
