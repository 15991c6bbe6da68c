"""The codes of `backup-bot check`, each with what it means and its cure.

A code never changes its meaning: scripts and runbooks know it. docs/check.md is made from here.
"""

from enum import StrEnum
from typing import NamedTuple


class Cure(NamedTuple):
    """What a code means, and what to do about it."""

    meaning: str
    cure: str


class Code(StrEnum):
    SETTING_MISSING = "setting-missing"
    SETTING_WRONG = "setting-wrong"
    SETTING_UNKNOWN = "setting-unknown"
    FILE_WRONG = "file-wrong"
    FILE_MISSING = "file-missing"
    DATABASE_NOT_WRITABLE = "database-not-writable"
    DATABASE_FOREIGN = "database-foreign"
    DATABASE_NEWER = "database-newer"
    DATABASE_IN_USE = "database-in-use"
    DATABASE_NETWORK_DRIVE = "database-network-drive"
    DATABASE_UNREACHABLE = "database-unreachable"
    DATABASE_REFUSED = "database-refused"
    DATABASE_READ_ONLY = "database-read-only"
    DATABASE_NO_RIGHTS = "database-no-rights"
    DATABASE_TOO_OLD = "database-too-old"
    DATABASE_ENCODING = "database-encoding"
    DATABASE_FEW_CONNECTIONS = "database-few-connections"
    DATABASE_LITTLE_SPACE = "database-little-space"
    AUDIT_KEY_MISSING = "audit-key-missing"
    AUDIT_KEY_CHANGED = "audit-key-changed"
    ENDPOINT_REGION = "endpoint-region"
    ARCHIVE_NOT_WRITABLE = "archive-not-writable"
    PORT_TAKEN = "port-taken"
    HOST_WRONG = "host-wrong"
    HEARTBEAT_UNREACHABLE = "heartbeat-unreachable"
    SLACK_UNREACHABLE = "slack-unreachable"
    SLACK_UNREADABLE = "slack-unreadable"
    SLACK_FAILED = "slack-failed"
    SLACK_TOKEN_REJECTED = "slack-token-rejected"  # noqa: S105, a code
    SLACK_TOKEN_REVOKED = "slack-token-revoked"  # noqa: S105, a code
    SLACK_TOKEN_ROTATES = "slack-token-rotates"  # noqa: S105, a code
    SLACK_ACCESS_DENIED = "slack-access-denied"
    SLACK_NOT_ADDED = "slack-not-added"
    SLACK_WORKSPACE_UNKNOWN = "slack-workspace-unknown"
    SLACK_SCOPE_MISSING = "slack-scope-missing"
    SLACK_CLOCK = "slack-clock"
    SLACK_SECRET_UNCONFIRMED = "slack-secret-unconfirmed"  # noqa: S105, a code
    SLACK_SECRET_ODD = "slack-secret-odd"  # noqa: S105, a code
    APP_TOKEN_REJECTED = "app-token-rejected"  # noqa: S105, a code
    APP_TOKEN_SCOPE = "app-token-scope"  # noqa: S105, a code
    APP_TOKEN_OF_ANOTHER_APP = "app-token-of-another-app"  # noqa: S105, a code
    SOCKET_MODE_OFF = "socket-mode-off"
    SOCKETS_BLOCKED = "sockets-blocked"
    SOCKETS_FULL = "sockets-full"
    MANIFEST_UNKNOWN = "manifest-unknown"
    MANIFEST_COMMAND = "manifest-command"
    MANIFEST_INTERACTIVITY = "manifest-interactivity"
    MANIFEST_SHORTCUTS = "manifest-shortcuts"
    MANIFEST_HOME = "manifest-home"
    MANIFEST_SOCKET_MODE = "manifest-socket-mode"
    MANIFEST_URLS = "manifest-urls"
    CHANNEL_UNREACHABLE = "channel-unreachable"
    CHANNEL_ARCHIVED = "channel-archived"
    CHANNEL_REFUSED = "channel-refused"
    CHANNEL_LEFTOVER = "channel-leftover"
    PERSON_UNKNOWN = "person-unknown"
    PERSON_GONE = "person-gone"
    POLICY_IMPOSSIBLE = "policy-impossible"
    RULE_UNMATCHED = "rule-unmatched"
    ALIAS_UNUSED = "alias-unused"
    WATCH_UNMATCHED = "watch-unmatched"
    WATCH_TOO_SHORT = "watch-too-short"
    RDS_UNREACHABLE = "rds-unreachable"
    RDS_CLOCK = "rds-clock"
    RDS_KEY_UNKNOWN = "rds-key-unknown"
    RDS_KEY_REJECTED = "rds-key-rejected"
    RDS_KEY_LOCKED = "rds-key-locked"
    RDS_AGENCY = "rds-agency"
    RDS_TOKEN_REJECTED = "rds-token-rejected"  # noqa: S105, a code
    RDS_PROJECT = "rds-project"
    RDS_ENDPOINT = "rds-endpoint"
    RDS_CANNOT_READ = "rds-cannot-read"
    RDS_CANNOT_CREATE = "rds-cannot-create"
    RDS_CANNOT_DELETE = "rds-cannot-delete"
    RDS_RIGHTS_UNKNOWN = "rds-rights-unknown"
    RDS_BUSY = "rds-busy"
    RDS_FAILED = "rds-failed"
    RDS_NO_INSTANCES = "rds-no-instances"
    CLOUD_EYE = "cloud-eye"
    ADDRESS_NOT_ENCRYPTED = "address-not-encrypted"


CURES: dict[Code, Cure] = {
    Code.SETTING_MISSING: Cure(
        "A variable that the bot needs isn't set, or is empty.",
        "Set it in the environment, or in the `.env` file that you load. The bot doesn't read "
        "`.env` itself: use `uv run --env-file .env`, `docker run --env-file .env`, or systemd's "
        "`EnvironmentFile=`.",
    ),
    Code.SETTING_WRONG: Cure(
        "A variable can't be right as it is: quotes around the value, a space in it, a token of "
        "the wrong kind, a placeholder, two values that were swapped.",
        "Copy the value again, and write it without quotes. docs/settings.md explains each "
        "variable.",
    ),
    Code.SETTING_UNKNOWN: Cure(
        "A variable has almost the name of a setting, so it is probably misspelled. The bot "
        "ignores it.",
        "Correct the name.",
    ),
    Code.FILE_WRONG: Cure(
        "`backup-bot.toml` can't be read, isn't valid TOML, or has a key or a value that the bot "
        "doesn't know. The bot doesn't start with it.",
        "Correct the line that is named. docs/policy.md and docs/settings.md explain the keys.",
    ),
    Code.FILE_MISSING: Cure(
        "There is no `backup-bot.toml`, so the built-in policy applies.",
        "Run `backup-bot init`, or copy `backup-bot.example.toml` and put your own people in it. "
        "If the file is elsewhere, name it in `BACKUP_BOT_CONFIG`.",
    ),
    Code.DATABASE_NOT_WRITABLE: Cure(
        "The bot can't write its SQLite file, or create it in its folder. SQLite writes two more "
        "files beside it, so the folder itself must be writable, too.",
        "Give the user that runs the bot write access to the folder and the file, or name "
        "another place in `DATABASE_URL`. In a container, mount a volume there.",
    ),
    Code.DATABASE_FOREIGN: Cure(
        "The file or database belongs to something else: it isn't SQLite, or it has another "
        "application's tables.",
        "Name a new file, or a database of the bot's own, in `DATABASE_URL`. The bot changed "
        "nothing in this one.",
    ),
    Code.DATABASE_NEWER: Cure(
        "A newer release of the bot has migrated this database, and this release can't read it.",
        "Run the newer release, or restore the copy of the database that you made before the "
        "upgrade.",
    ),
    Code.DATABASE_IN_USE: Cure(
        "Another backup-bot runs on this SQLite file. Only one can.",
        "That is as it should be if it's the bot you are checking. Otherwise stop it, or use "
        "PostgreSQL for several replicas.",
    ),
    Code.DATABASE_NETWORK_DRIVE: Cure(
        "The SQLite file is on a network drive, whose locks SQLite can't rely on. The file can "
        "get damaged.",
        "Put the file on a local disk, or use PostgreSQL.",
    ),
    Code.DATABASE_UNREACHABLE: Cure(
        "Nothing answers at the address of the PostgreSQL server.",
        "Check the host and port in `DATABASE_URL`, that the server runs, and that a firewall "
        "lets this machine through.",
    ),
    Code.DATABASE_REFUSED: Cure(
        "The PostgreSQL server answers and refuses the login: user, password, database, or its "
        "`pg_hba.conf`.",
        "Check user, password and database name in `DATABASE_URL`. Percent-encode special "
        "characters in the password: `@` is `%40`.",
    ),
    Code.DATABASE_READ_ONLY: Cure(
        "The PostgreSQL server only allows reading: it is a standby, or its transactions are "
        "read-only by default.",
        "Name the primary server in `DATABASE_URL`.",
    ),
    Code.DATABASE_NO_RIGHTS: Cure(
        "The bot's role can't create its tables.",
        "As the database's owner, run: `GRANT CREATE ON DATABASE <database> TO <role>; GRANT "
        "CREATE, USAGE ON SCHEMA public TO <role>;`",
    ),
    Code.DATABASE_TOO_OLD: Cure(
        "SQLite or the PostgreSQL server is older than the bot needs.",
        "Use a newer Python, or a newer PostgreSQL.",
    ),
    Code.AUDIT_KEY_MISSING: Cure(
        "The audit log is sealed with a key, and `AUDIT_KEY` isn't set. The bot doesn't start "
        "without it, because its entries would break the chain.",
        "Set `AUDIT_KEY` to the key that was used before.",
    ),
    Code.AUDIT_KEY_CHANGED: Cure(
        "`AUDIT_KEY` isn't the key that sealed the last entry of the audit log.",
        "If you changed it on purpose, keep the old one: `backup-bot audit verify` needs both. "
        "Otherwise set the old one again.",
    ),
    Code.DATABASE_ENCODING: Cure(
        "The PostgreSQL database can't hold all text, because its encoding isn't UTF8.",
        "Create a database for the bot with `CREATE DATABASE <name> ENCODING 'UTF8' TEMPLATE "
        "template0;`.",
    ),
    Code.DATABASE_FEW_CONNECTIONS: Cure(
        "The PostgreSQL server or the bot's role allows fewer connections than a replica needs: "
        "about 25.",
        "Raise `max_connections`, or run `ALTER ROLE <role> CONNECTION LIMIT -1;`.",
    ),
    Code.DATABASE_LITTLE_SPACE: Cure(
        "There is little space left for the SQLite file. When none is left, the bot can accept "
        "nothing.",
        "Make room, or name another place in `DATABASE_URL`.",
    ),
    Code.ENDPOINT_REGION: Cure(
        "An endpoint is in another region than `HUAWEICLOUD_REGION`.",
        "Remove the endpoint, since it follows from the region, or correct the region.",
    ),
    Code.ARCHIVE_NOT_WRITABLE: Cure(
        "The bot can't create or write files in the directory that `archive` in `[store]` names. "
        "It doesn't start without it, because audit entries are only deleted once they are there.",
        "Give the user that runs the bot write access to the directory, or name another one. In a "
        "container, mount a volume there.",
    ),
    Code.PORT_TAKEN: Cure(
        "Another program listens on a port that the bot needs.",
        "Stop it, or choose another port: `HEALTH_PORT`, or `--port` with `--http`.",
    ),
    Code.HOST_WRONG: Cure(
        "The bot can't listen on this address: it isn't one of this machine, or the port needs "
        "root.",
        "Use `127.0.0.1`, or `0.0.0.0` in a container, and a port above 1023.",
    ),
    Code.HEARTBEAT_UNREACHABLE: Cure(
        "The host of the heartbeat's URL can't be reached, so the service behind it would raise "
        "an alarm.",
        "Check `url` under `[heartbeat]`, and that a firewall lets this machine through.",
    ),
    Code.SLACK_UNREACHABLE: Cure(
        "Slack's Web API can't be reached from here.",
        "Check this machine's network, DNS, firewall and certificates. If you set "
        "`SLACK_API_URL`, check it.",
    ),
    Code.SLACK_UNREADABLE: Cure(
        "Something answers at the address, but not as Slack does: a proxy, a login page, or a "
        "wrong `SLACK_API_URL`.",
        "Remove `SLACK_API_URL`, or set it to `https://slack.com/api/`. Let this machine reach "
        "slack.com without a proxy that changes answers.",
    ),
    Code.SLACK_FAILED: Cure(
        "Slack had trouble of its own, or allows no more calls at the moment.",
        "Try again in a minute. If it lasts, see https://slack-status.com.",
    ),
    Code.SLACK_TOKEN_REJECTED: Cure(
        "Slack doesn't know the token.",
        'Copy the "Bot User OAuth Token" (xoxb-…) again: https://api.slack.com/apps, your app, '
        '"OAuth & Permissions".',
    ),
    Code.SLACK_TOKEN_REVOKED: Cure(
        "The token was valid once: it was revoked or has expired, or the app was uninstalled or "
        "disabled.",
        'Install the app to the workspace again ("OAuth & Permissions"), and copy the new token.',
    ),
    Code.SLACK_TOKEN_ROTATES: Cure(
        "The token comes from an app with token rotation, and expires within twelve hours. The "
        "bot can't renew it without a refresh token.",
        "Set `SLACK_REFRESH_TOKEN`, `SLACK_CLIENT_ID`, and `SLACK_CLIENT_SECRET`: see "
        "docs/settings.md. Or create the app from the manifest, which leaves token rotation off.",
    ),
    Code.SLACK_ACCESS_DENIED: Cure(
        "Slack knows the token, but the workspace or its organization doesn't allow this: an "
        "admin has to approve the app, or only certain IP addresses are allowed.",
        "Ask a workspace admin to approve the app, or to allow this machine's IP address.",
    ),
    Code.SLACK_NOT_ADDED: Cure(
        "The app is installed in an organization, but an admin hasn't added it to any workspace, "
        "so no one can use it.",
        "As an Org Owner or Org Admin, open `https://app.slack.com/manage/<organization>/"
        "integrations/profile/<app>/workspaces/add` with the IDs of the organization (E…) and the "
        "app (A…), and add it.",
    ),
    Code.SLACK_WORKSPACE_UNKNOWN: Cure(
        "`workspaces` in `[slack]` names a workspace that the bot can't serve: an org-wide app "
        "wasn't added to it, or the bot's own workspace belongs to no organization.",
        "Correct the ID in `backup-bot.toml`, or add the app to the workspace in the "
        "organization's settings.",
    ),
    Code.SLACK_SCOPE_MISSING: Cure(
        "The installed app lacks a permission that the bot uses.",
        'Add the scope under "OAuth & Permissions", "Bot Token Scopes", then install the app '
        "again. A new scope counts only after that.",
    ),
    Code.SLACK_CLOCK: Cure(
        "This machine's clock differs from Slack's by more than a minute. Over HTTP, the bot "
        "rejects what Slack signed more than five minutes ago, so no command would work.",
        "Set the clock, for example by turning on NTP: `timedatectl set-ntp true`.",
    ),
    Code.SLACK_SECRET_UNCONFIRMED: Cure(
        "Slack has no call that confirms a signing secret, so it is right only if a request "
        "arrives.",
        'Compare it with "Basic Information", "Signing Secret". After the start, type the '
        "command once: if the secret is wrong, the log says `request_refused`.",
    ),
    Code.SLACK_SECRET_ODD: Cure(
        "The signing secret isn't 32 hexadecimal digits, as Slack's are.",
        'Copy it again: https://api.slack.com/apps, your app, "Basic Information", "Signing '
        "Secret\". It isn't the client secret or the verification token.",
    ),
    Code.APP_TOKEN_REJECTED: Cure(
        "Slack doesn't accept the app-level token: it is unknown, or was revoked.",
        'Generate a new one with the scope `connections:write`: "Basic Information", "App-Level '
        'Tokens".',
    ),
    Code.APP_TOKEN_SCOPE: Cure(
        "The app-level token can't open sockets, because it lacks the scope `connections:write`.",
        'Generate a new one with this scope: "Basic Information", "App-Level Tokens". The scopes '
        "of an existing one can't be changed.",
    ),
    Code.APP_TOKEN_OF_ANOTHER_APP: Cure(
        "The app-level token and the bot token belong to two different apps, so no command "
        "would arrive.",
        "Take both tokens from the same app.",
    ),
    Code.SOCKET_MODE_OFF: Cure(
        "Socket Mode is off in the app's settings, so nothing would arrive.",
        'Turn it on under "Socket Mode", or run the bot with `--http`.',
    ),
    Code.SOCKETS_BLOCKED: Cure(
        "Slack gives an address for a socket, but the socket can't be opened from here.",
        "Let this machine open WebSocket connections (wss, port 443) to `*.slack.com`.",
    ),
    Code.SOCKETS_FULL: Cure(
        "The app has ten sockets open already, which is all that Slack allows. Each replica "
        "uses two.",
        "Stop other programs that use this app's token, such as an old replica.",
    ),
    Code.MANIFEST_UNKNOWN: Cure(
        "Whether the app has the command, the buttons, and the home tab can only be read with "
        "another kind of token.",
        "To check it, generate a configuration token at https://api.slack.com/apps (it expires "
        "after 12 hours), and run `SLACK_CONFIG_TOKEN=… backup-bot check`. Or compare the app's "
        'manifest ("App Manifest") with `backup-bot manifest`.',
    ),
    Code.MANIFEST_COMMAND: Cure(
        "The app doesn't have the slash command that the bot listens to, or sends it in another "
        "form.",
        'Under "App Manifest", take over `slash_commands` from `backup-bot manifest`, or set '
        "`BACKUP_BOT_COMMAND` to the app's command.",
    ),
    Code.MANIFEST_INTERACTIVITY: Cure(
        "Interactivity is off, so no click on a button arrives.",
        'Turn it on under "Interactivity & Shortcuts".',
    ),
    Code.MANIFEST_SHORTCUTS: Cure(
        "The app lacks one of the bot's two shortcuts.",
        'Under "App Manifest", take over `shortcuts` from `backup-bot manifest`.',
    ),
    Code.MANIFEST_HOME: Cure(
        "The home tab is off, or the app doesn't subscribe to `app_home_opened`, so the home tab "
        "stays empty.",
        'Turn on the home tab under "App Home", and add the bot event `app_home_opened` under '
        '"Event Subscriptions".',
    ),
    Code.MANIFEST_SOCKET_MODE: Cure(
        "The app's Socket Mode doesn't fit how the bot runs. With Socket Mode on, Slack sends "
        "nothing over HTTP, and the other way around.",
        'Turn it on under "Socket Mode" for `run`, or off for `run --http`.',
    ),
    Code.MANIFEST_URLS: Cure(
        "For HTTP mode, the command, interactivity, and events need a request URL that ends in "
        "`/slack/events`.",
        "Take it over from `backup-bot manifest --http https://<your host>`.",
    ),
    Code.CHANNEL_UNREACHABLE: Cure(
        "The bot can't post in a channel of `backup-bot.toml`: it doesn't exist, is private, or "
        "the bot isn't in it.",
        "Invite the bot there with `/invite`, or correct the channel's ID.",
    ),
    Code.CHANNEL_ARCHIVED: Cure(
        "A channel of `backup-bot.toml` is archived.",
        "Name another channel, or restore it in Slack.",
    ),
    Code.CHANNEL_REFUSED: Cure(
        "Slack doesn't let the bot post in a channel of `backup-bot.toml`.",
        "Ask an admin of the workspace: posting there may be limited to certain people.",
    ),
    Code.CHANNEL_LEFTOVER: Cure(
        "To find out whether the bot can post, it scheduled a message for a day far ahead, and "
        "couldn't take it back.",
        "Delete it in Slack: `chat.deleteScheduledMessage` with this channel and ID.",
    ),
    Code.PERSON_UNKNOWN: Cure(
        "Slack can't say who a user or a user group of `backup-bot.toml` is.",
        "Correct the ID: copy it from the person's profile, or from the group's address under "
        '"People". If the scope is missing, add it.',
    ),
    Code.PERSON_GONE: Cure(
        "A user of `backup-bot.toml` has left Slack or is a bot, or a user group has no active "
        "members.",
        "Name someone else.",
    ),
    Code.POLICY_IMPOSSIBLE: Cure(
        "A rule can't work as it is written: too few people can approve, or an earlier rule "
        "covers it.",
        "Correct the line that is named. docs/policy.md explains how rules apply.",
    ),
    Code.RULE_UNMATCHED: Cure(
        "A rule matches no instance that exists.",
        "Correct its `instances`, unless the instances are still to come.",
    ),
    Code.ALIAS_UNUSED: Cure(
        "An alias is never used: no instance has the name it points to, or one has the alias's "
        "own name.",
        "Correct or remove it.",
    ),
    Code.WATCH_UNMATCHED: Cure(
        "A `[[watch]]` matches no instance that exists, so its channel hears nothing.",
        "Correct its `instances`, unless the instances are still to come.",
    ),
    Code.WATCH_TOO_SHORT: Cure(
        "`fresh_within` of a `[[watch]]` is shorter than the time between two automated backups, "
        "so it raises an alarm though all is well.",
        "Make it longer than that, or let RDS make automated backups more often.",
    ),
    Code.RDS_UNREACHABLE: Cure(
        "RDS's API can't be reached from here.",
        "Check `HUAWEICLOUD_REGION` (such as ap-southeast-1) and `RDS_ENDPOINT`, and this "
        "machine's network, DNS, firewall, and certificates.",
    ),
    Code.RDS_CLOCK: Cure(
        "This machine's clock differs from RDS's. RDS rejects signatures that are more than 15 "
        "minutes off, with the same code as a wrong key.",
        "Set the clock, for example by turning on NTP: `timedatectl set-ntp true`.",
    ),
    Code.RDS_KEY_UNKNOWN: Cure(
        "Huawei Cloud doesn't know the access key: it was deleted, or belongs to another cloud.",
        "Create a new access key for the bot's IAM user, and set `HUAWEICLOUD_SDK_AK` and "
        "`HUAWEICLOUD_SDK_SK`.",
    ),
    Code.RDS_KEY_REJECTED: Cure(
        "Huawei Cloud knows the access key, but the signature is wrong: the secret key doesn't "
        "belong to it, or the key is disabled.",
        "Copy the secret key again, in one piece and of the same access key. If you no longer "
        "have it, create a new key.",
    ),
    Code.RDS_KEY_LOCKED: Cure(
        "Huawei Cloud has locked the access key for five minutes, after five wrong signatures.",
        "Stop everything that uses this key, wait five minutes, correct the secret key, and "
        "check again.",
    ),
    Code.RDS_AGENCY: Cure(
        "With `RDS_KEYS=agency`, the bot asks the metadata service of its ECS for keys. It isn't "
        "reachable from here, or the ECS has no agency.",
        "Attach an agency to the ECS, and let the bot reach http://169.254.169.254, also from a "
        "container.",
    ),
    Code.RDS_TOKEN_REJECTED: Cure(
        "The security token of temporary credentials has expired, doesn't belong to the key, or "
        "is set with a permanent key.",
        "Set all three values anew, or, for a permanent key, remove "
        "`HUAWEICLOUD_SDK_SECURITY_TOKEN`.",
    ),
    Code.RDS_PROJECT: Cure(
        "The project doesn't belong to this region or this account.",
        'Copy the ID of the region\'s project: console, "My Credentials", "API Credentials". '
        "The account ID isn't the project ID.",
    ),
    Code.RDS_ENDPOINT: Cure(
        "Huawei Cloud's gateway answers, but has no RDS API at this address.",
        "Correct `RDS_ENDPOINT` (https://rds.<region>.myhuaweicloud.com), or remove it.",
    ),
    Code.RDS_CANNOT_READ: Cure(
        "The IAM user isn't allowed to read instances or backups.",
        "Give it `rds:instance:list` and `rds:backup:list` in this project. "
        "docs/quickstart.md has the whole policy.",
    ),
    Code.RDS_CANNOT_CREATE: Cure(
        "The IAM user isn't allowed to start backups, so every approved request would be refused.",
        "Give it `rds:backup:create` in this project. docs/quickstart.md has the whole policy.",
    ),
    Code.RDS_CANNOT_DELETE: Cure(
        "The IAM user isn't allowed to delete backups, so `delete` and `--keep` don't work.",
        "If you want them, give it `rds:backup:delete` in this project.",
    ),
    Code.RDS_RIGHTS_UNKNOWN: Cure(
        "RDS's answer to the question doesn't tell whether the IAM user has this right.",
        "Request one backup in Slack: RDS's answer says it.",
    ),
    Code.RDS_BUSY: Cure(
        "RDS allows no more calls at the moment: something else uses this key's 60 calls a "
        "minute.",
        "Give the bot an IAM user of its own, and check again in a minute.",
    ),
    Code.RDS_FAILED: Cure(
        "RDS answered with an error of its own.",
        "Try again in a few minutes. If it lasts, look up the code, or ask Huawei Cloud's "
        "support with the request ID.",
    ),
    Code.RDS_NO_INSTANCES: Cure(
        "RDS accepts the key, but the project has no instances.",
        "If you expect some, check the project and the region.",
    ),
    Code.CLOUD_EYE: Cure(
        "`cloud_eye = true`, and Cloud Eye doesn't answer or refuses the key. Backups are "
        "followed without it.",
        "Give the IAM user `ces:events:list` and `ces:events:get`, check `CES_ENDPOINT`, or set "
        "`cloud_eye = false`.",
    ),
    Code.ADDRESS_NOT_ENCRYPTED: Cure(
        "An address begins with http:// and isn't on this machine, so tokens or signatures "
        "travel unencrypted.",
        "Write https://.",
    ),
}
