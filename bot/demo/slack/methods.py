"""Which methods of the Web API there are, with the token and the scope that each wants."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.demo.slack import chat, conversations
from bot.demo.slack.records import Json, Refused, User
from bot.demo.slack.view_payloads import view_payload
from bot.demo.slack.views import View
from bot.demo.slack.workspace import Workspace


@dataclass(frozen=True)
class Method:
    """`carry_out` returns the answer without `ok`, or raises Refused."""

    carry_out: Callable[[Workspace, Json], Json]
    scope: str | None = None
    wants_app_token: bool = False
    wants_config_token: bool = False
    is_open: bool = False  # without a token


def call(workspace: Workspace, name: str, token: str | None, args: Json) -> Json:
    """Carry out a method. Raises Refused."""
    method = METHODS.get(name)
    if method is None:
        raise Refused("unknown_method", req_method=name)
    if method.is_open:
        return method.carry_out(workspace, args)
    _check_token(workspace, method, token)
    if method.scope:
        if method.scope not in workspace.scopes:
            provided = ",".join(sorted(workspace.scopes))
            raise Refused("missing_scope", needed=method.scope, provided=provided)
        workspace.scopes_used.add(method.scope)
    return method.carry_out(workspace, args)


def _check_token(workspace: Workspace, method: Method, token: str | None) -> None:
    """Raise Refused if the token isn't one that the method takes."""
    if not token:
        raise Refused("not_authed")
    if workspace.tokens.rotate:
        workspace.tokens.check(token)
        token = workspace.bot_token if token in workspace.tokens.live else token
    if token == workspace.bot_token and not workspace.is_installed:
        raise Refused("account_inactive")
    kinds = {workspace.bot_token: (False, False), workspace.app_token: (True, False)}
    kinds[workspace.config_token] = (False, True)
    if token not in kinds:
        raise Refused("invalid_auth")
    if kinds[token] != (method.wants_app_token, method.wants_config_token):
        raise Refused("not_allowed_token_type")


def _auth_test(workspace: Workspace, _args: Json) -> Json:
    identity = workspace.identity
    organization = {"enterprise_id": identity.enterprise_id} if identity.enterprise_id else {}
    return {
        "url": f"https://{identity.team_domain}.slack.com/",
        "team": identity.team_domain,
        "user": workspace.users[identity.bot_user_id].name,
        "team_id": identity.enterprise_id if identity.is_org_wide else identity.team_id,
        "user_id": identity.bot_user_id,
        "bot_id": identity.bot_id,
        "is_enterprise_install": identity.is_org_wide,
        **organization,
    }


def _teams(workspace: Workspace, args: Json) -> Json:
    """A page of the teams that the token is for."""
    own = workspace.identity
    teams = sorted(workspace.added_to if own.is_org_wide else {own.team_id})
    begin, size = int(args.get("cursor") or 0), int(args.get("limit") or 100)
    following = str(begin + size) if begin + size < len(teams) else ""
    return {
        "teams": [{"id": team, "name": team.lower()} for team in teams[begin:][:size]],
        "response_metadata": {"next_cursor": following},
    }


def _team_of(workspace: Workspace, args: Json) -> str:
    """The team that a call is about; an org-wide token has to name one. Raises Refused."""
    if not workspace.identity.is_org_wide:
        return workspace.identity.team_id
    team_id = str(args.get("team_id") or "")
    if not team_id:
        raise Refused("missing_argument")
    if team_id not in workspace.added_to:
        raise Refused("team_access_not_granted")
    return team_id


def _bot_info(workspace: Workspace, args: Json) -> Json:
    identity = workspace.identity
    if args.get("bot") != identity.bot_id:
        raise Refused("bot_not_found")
    return {"bot": {"id": identity.bot_id, "app_id": identity.app_id, "deleted": False}}


def _export_manifest(workspace: Workspace, args: Json) -> Json:
    if args.get("app_id") != workspace.identity.app_id:
        raise Refused("invalid_app_id")
    return {"manifest": workspace.manifest}


def _open_connection(workspace: Workspace, _args: Json) -> Json:
    base = workspace.base_url.replace("http", "ws", 1)
    return {"url": f"{base}{workspace.sockets.ticket()}"}


def _open_conversation(workspace: Workspace, args: Json) -> Json:
    """Between the bot and one person; groups of people are not simulated."""
    try:
        channel = workspace.direct_message(str(args.get("users")))
    except Refused as refused:
        raise Refused("user_not_found") from refused
    return {"channel": {"id": channel.id}}


def _user_info(workspace: Workspace, args: Json) -> Json:
    user = workspace.users.get(str(args.get("user")))
    if user is None:
        raise Refused("user_not_found")
    return {"user": _user(user)}


def _user(user: User) -> Json:
    return {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "deleted": user.deleted,
        "real_name": user.name,
        "profile": {"display_name": user.name, "real_name": user.name},
        "tz": "Etc/UTC",
        "is_bot": user.is_bot,
    }


def _usergroups(workspace: Workspace, args: Json) -> Json:
    team_id = _team_of(workspace, args)
    groups = [
        {
            "id": group.id,
            "team_id": team_id,
            "name": group.handle,
            "handle": group.handle,
            "user_count": len(group.users),
            "date_delete": 0,
        }
        for group in workspace.usergroups.values()
        if group.team_id == team_id
    ]
    return {"usergroups": groups}


def _usergroup_users(workspace: Workspace, args: Json) -> Json:
    team_id = _team_of(workspace, args)
    group = workspace.usergroups.get(str(args.get("usergroup")))
    if group is None or group.team_id != team_id:
        raise Refused("no_such_subteam")
    return {"users": list(group.users)}


def _view(change: Callable[[Workspace, Json], View]) -> Callable[[Workspace, Json], Json]:
    def carry_out(workspace: Workspace, args: Json) -> Json:
        view = change(workspace, args)
        return {"view": view_payload(workspace.identity, view, {})}

    return carry_out


METHODS = {
    "apps.connections.open": Method(_open_connection, wants_app_token=True),
    "apps.manifest.export": Method(_export_manifest, wants_config_token=True),
    "auth.teams.list": Method(_teams),
    "auth.test": Method(_auth_test),
    "bots.info": Method(_bot_info, "users:read"),
    "chat.deleteScheduledMessage": Method(chat.unschedule, "chat:write"),
    "chat.getPermalink": Method(chat.get_permalink),
    "chat.postEphemeral": Method(chat.post_ephemeral, "chat:write"),
    "chat.postMessage": Method(chat.post_message, "chat:write"),
    "chat.scheduleMessage": Method(chat.schedule, "chat:write"),
    "chat.update": Method(chat.update, "chat:write"),
    "conversations.history": Method(conversations.history),
    "conversations.replies": Method(conversations.replies),
    "conversations.open": Method(_open_conversation, "im:write"),
    "oauth.v2.access": Method(lambda slack, args: slack.tokens.exchange(args), is_open=True),
    "usergroups.list": Method(_usergroups, "usergroups:read"),
    "usergroups.users.list": Method(_usergroup_users, "usergroups:read"),
    "users.info": Method(_user_info, "users:read"),
    "views.open": Method(_view(lambda slack, args: slack.modals.open(args))),
    "views.publish": Method(_view(lambda slack, args: slack.homes.publish(args))),
    "views.push": Method(_view(lambda slack, args: slack.modals.push(args))),
    "views.update": Method(_view(lambda slack, args: slack.modals.update(args))),
}
