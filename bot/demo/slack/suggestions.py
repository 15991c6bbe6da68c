"""What an app may answer when a person types into an external menu."""

from collections.abc import Iterator

from bot.demo.slack.block_schema import Problem, Surface, problems
from bot.demo.slack.records import Json

MOST = 100  # options in one menu or group, and groups in one menu
LABEL = 75  # characters


def offers(response: Json) -> tuple[list[Json], list[str]]:
    """The options, or the groups of them, and what Slack has against the ack; then it shows none.

    No options at all are fine: nothing was found.
    """
    if len(response) != 1 or not response.keys() <= {"options", "option_groups"}:
        return [], [f"suggestions must be options or option_groups, not {sorted(response)}"]
    ((kind, found),) = response.items()
    wrong = _options(found, "/options") if kind == "options" else _groups(found)
    against = [f"suggestions: {problem}" for problem in wrong]
    return [] if against else found, against


def _groups(groups: list[Json]) -> Iterator[Problem]:
    yield from _many(groups, "/option_groups")
    for place, group in enumerate(groups):
        pointer = f"/option_groups/{place}"
        label = group.get("label", {})
        yield from problems(label, f"{pointer}/label", Surface.VIEW, "PlainTextElement")
        if len(label.get("text", "")) > LABEL:
            yield Problem(f"{pointer}/label/text", f"must be less than {LABEL + 1} characters")
        yield from _options(group.get("options", []), f"{pointer}/options")


def _options(options: list[Json], pointer: str) -> Iterator[Problem]:
    yield from _many(options, pointer)
    for place, option in enumerate(options):
        here = f"{pointer}/{place}"
        yield from problems(option, here, Surface.VIEW, "PlainTextOption")
        if not option.get("value"):
            yield Problem(f"{here}/value", "must be there")
        for name in ("text", "description"):
            if name in option and not option[name].get("text"):
                yield Problem(f"{here}/{name}/text", "must be more than 0 characters")


def _many(items: list[Json], pointer: str) -> Iterator[Problem]:
    if len(items) > MOST:
        yield Problem(pointer, f"no more than {MOST} items allowed")
