"""Ask in the terminal until an answer is good."""

import getpass
from collections.abc import Callable
from typing import Protocol

Why = Callable[[str], str | None]  # why an answer won't do, or None


class Asks(Protocol):
    """A person who answers."""

    def say(self, text: str) -> None: ...

    def ask(self, question: str, *, secret: bool) -> str:
        """Return an answer. Raises EOFError if there is none."""
        ...


class Terminal:
    """The person at the terminal; a secret isn't shown."""

    def say(self, text: str) -> None:
        print(text)

    def ask(self, question: str, *, secret: bool) -> str:
        return getpass.getpass(question) if secret else input(question)


def answer(
    person: Asks, question: str, why_not: Why, *, secret: bool = False, default: str | None = None
) -> str:
    """Ask until the answer is good; an empty one is the default, if there is one."""
    shown = f"{question} [{default}]: " if default else f"{question}: "
    while True:
        given = person.ask(shown, secret=secret).strip()
        if not given and default is not None:
            return default
        why = why_not(given) if given else "an answer is needed"
        if why is None:
            return given
        person.say(f"  {why[0].upper()}{why[1:]}.")
