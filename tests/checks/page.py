"""docs/check.md: every code of `backup-bot check`, what it means, and its cure."""

from pathlib import Path

from bot.checks.codes import CURES, Code

PAGE = Path(__file__).parents[2] / "docs" / "check.md"
INTRODUCTION = """\
# backup-bot check

`backup-bot check` looks at everything the bot needs, and changes nothing: settings, database, ports, Slack, RDS. It lists all that is wrong at once, each with its cure and one of the codes below. Run it before the first start, after a change of the settings, and when something doesn't work.

```sh
backup-bot check            # for Socket Mode
backup-bot check --http     # for HTTP mode; --host and --port as for `run`
backup-bot check --offline  # asks neither Slack nor RDS
backup-bot check --json     # one JSON object, for scripts
```

| Level | Means |
| --- | --- |
| `ok` | Fine. |
| `unknown` | It can't be found out from here, so look for yourself. |
| `warning` | The bot runs, but perhaps not as you expect. |
| `problem` | Something won't work. |

The exit code is 2 if the settings are wrong, 1 if there is any other problem, and 0 otherwise. The JSON object has `findings`, a list of objects with `level`, `code` (null if fine), `text`, `cure`, and `page`; and the number of `problems`, `warnings`, and `unknown`. A code never changes its meaning. No secret is printed.

What it does outside: it opens a socket of Slack's and closes it at once, unless a bot runs on this machine; in each channel that the settings name, it schedules a message for a day far ahead and takes it back; it asks RDS to back up an instance and to delete a backup that don't exist, to see whether the key has the rights. These two calls appear as failed in Cloud Trace Service.

## Codes
"""


def page() -> str:
    """The whole page."""
    sections = (
        f"### {code}\n\n{CURES[code].meaning}\n\n**Cure:** {CURES[code].cure}\n" for code in Code
    )
    return "\n".join([INTRODUCTION, *sections])


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
