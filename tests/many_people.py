"""Many people of the workspace: one alone may not send hundreds of commands."""

from bot.demo.slack.workspace import Workspace

EACH = 50  # things that one of them does


def somebody(workspace: Workspace, number: int) -> str:
    """Who does the thing of this number."""
    user_id = f"U0MANY{number // EACH}"
    if user_id not in workspace.users:
        workspace.add_user(user_id, user_id.lower())
        for channel in workspace.channels.values():
            channel.members.add(user_id)
    return user_id
