"""Reads the files that deploy the bot."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
UID = 10001


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(read(name))
    return document
