"""What people type into a command, as Slack sends it where the manifest wants it escaped."""

import re

from bot.demo.slack.directory import Directory

_MARKUP = re.compile(r"(<(?:[@#][A-Z]\w*|![a-z]+(?:\^\w+)?|https?:[^|<>]+)(?:\|[^<>]*)?>)")
_LINK = re.compile(r"https?://[^\s<>]+")
_NAME = re.compile(r"(?<![\w.@#-])([@#])([\w-]+(?:\.[\w-]+)*)")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def as_sent(text: str, directory: Directory) -> str:
    """The text with markup for people, groups, channels and links, and entities for `&<>`.

    Mentions and links that are markup already stay as they are. A name that nobody has is text.
    """
    known = _markup_of(directory)
    parts = _MARKUP.split(text)
    parts[::2] = [_plain(part, known) for part in parts[::2]]
    return "".join(parts)


def _plain(text: str, known: dict[str, str]) -> str:
    escaped = text.translate(_ENTITIES)
    linked = re.split(f"({_LINK.pattern})", escaped)
    linked[::2] = [
        _NAME.sub(lambda name: known.get(name[0], name[0]), part) for part in linked[::2]
    ]
    linked[1::2] = [f"<{link}>" for link in linked[1::2]]
    return "".join(linked)


def _markup_of(directory: Directory) -> dict[str, str]:
    """What stands for each name that can be mentioned; a private channel's name is not told."""
    people = {f"@{user.name}": user for user in directory.users.values() if not user.deleted}
    groups = {f"@{group.handle}": group for group in directory.usergroups.values()}
    channels = {f"#{one.name}": one for one in directory.channels.values() if not one.is_im}
    return {
        **{name: f"<@{user.id}|{user.name}>" for name, user in people.items()},
        **{name: f"<!subteam^{group.id}|{name}>" for name, group in groups.items()},
        **{
            name: f"<#{one.id}|{'' if one.is_private else one.name}>"
            for name, one in channels.items()
        },
    }
