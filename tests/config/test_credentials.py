"""What was pasted wrong is found at the start, with what to do, and without a word of it."""

import pytest

from bot.config import settings
from bot.domain.errors import SettingsError
from tests.config.test_settings import ENOUGH

TOKENS = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN")
KEYS = (
    "SLACK_SIGNING_SECRET",
    "HUAWEICLOUD_SDK_AK",
    "HUAWEICLOUD_SDK_SK",
    "HUAWEICLOUD_SDK_SECURITY_TOKEN",
)
SECRET = "aQ9zL2mN4"
WORDS = "HUAWEICLOUD_SDK_PROJECT_ID", "HUAWEICLOUD_REGION", "RDS_ENDPOINT", "HEALTH_PORT"


def problem(name: str, value: str) -> str:
    """The one thing that is wrong with this environment."""
    with pytest.raises(SettingsError) as raised:
        settings.load({**ENOUGH, name: value}, http=False)
    (said,) = raised.value.problems
    assert SECRET not in said
    return said


def good(name: str) -> str:
    """A value that is right but for what a test does to it."""
    return {
        "SLACK_BOT_TOKEN": f"xoxb-1-{SECRET}",
        "SLACK_APP_TOKEN": f"xapp-1-{SECRET}",
        "HUAWEICLOUD_REGION": "ap-southeast-1",
        "RDS_ENDPOINT": "https://rds.internal",
        "HEALTH_PORT": "8080",
    }.get(name, SECRET)


@pytest.mark.parametrize("name", [*TOKENS, *KEYS, *WORDS])
@pytest.mark.parametrize(
    ("spoiled", "cure"),
    [
        ('"{}"', "remove the quotes"),
        ("'{}'", "remove the quotes"),
        ("\u201c{}\u201d", "remove the quotes"),
        ("{}'", "remove the quotes"),
        ("Bearer {}", 'without "Bearer"'),
        ("{} {}", "is a space or a line break"),
        ("{}\n{}", "is a space or a line break"),
        ("{}\u00a0{}", "is a space or a line break"),
        ("{}\u200b", "isn't plain ASCII"),
        ("\ufeff{}", "isn't plain ASCII"),
        ("{}é", "isn't plain ASCII"),
        ("{}\x1b", "isn't plain ASCII"),
        ("{}\udcff", "isn't plain ASCII"),
        ("SLACK_BOT_TOKEN={}", "it repeats its name"),
        ("export RDS_KEY={}", "it repeats its name"),
        ("${{RDS_KEY}}", "placeholder"),
        ("<your-key>", "placeholder"),
        ("$(cat key)", "placeholder"),
    ],
)
def test_each_value_is_one_word_of_plain_letters(name: str, spoiled: str, cure: str) -> None:
    """All else would end in a traceback of whoever writes the header, or in a riddle."""
    said = problem(name, spoiled.format(good(name), good(name)))

    assert said.startswith(f"{name}: ")
    assert cure in said


@pytest.mark.parametrize("name", [*TOKENS, *KEYS, *WORDS])
def test_blanks_around_a_value_are_left_out(name: str) -> None:
    """A line break at the end of a file with a secret is no part of it."""
    loaded = settings.load({**ENOUGH, name: f"  {good(name)}\r\n"}, http=False)
    field = next(n for n, f in settings.Environment.model_fields.items() if f.alias == name)
    value = getattr(loaded.environment, field)

    assert str(getattr(value, "get_secret_value", lambda: value)()) == good(name)


@pytest.mark.parametrize(
    ("name", "value", "cure"),
    [
        ("SLACK_BOT_TOKEN", f"xapp-{SECRET}", "which belongs in SLACK_APP_TOKEN"),
        ("SLACK_APP_TOKEN", f"xoxb-{SECRET}", "which belongs in SLACK_BOT_TOKEN"),
        ("SLACK_BOT_TOKEN", f"xoxp-{SECRET}", "a user token"),
        ("SLACK_BOT_TOKEN", f"https://hooks.slack.com/services/{SECRET}", "a webhook"),
        ("SLACK_BOT_TOKEN", SECRET, "doesn't begin with xoxb-"),
        ("SLACK_APP_TOKEN", SECRET, "doesn't begin with xapp-"),
        ("SLACK_SIGNING_SECRET", f"xoxb-{SECRET}", "which belongs in SLACK_BOT_TOKEN"),
        ("HUAWEICLOUD_SDK_SK", f"xapp-{SECRET}", "which belongs in SLACK_APP_TOKEN"),
    ],
)
def test_what_belongs_elsewhere_is_said(name: str, value: str, cure: str) -> None:
    """Swapped, or of another kind."""
    assert cure in problem(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLACK_BOT_TOKEN", "xoxb-…"),
        ("SLACK_BOT_TOKEN", "xoxb-..."),
        ("SLACK_BOT_TOKEN", "xoxb-your-token"),
        ("SLACK_APP_TOKEN", "xapp-xxxx-xxxxxxxx"),
        ("SLACK_SIGNING_SECRET", "changeme"),
        ("SLACK_SIGNING_SECRET", "xxxxxxxx"),
        ("HUAWEICLOUD_SDK_AK", "YOUR_ACCESS_KEY"),
        ("HUAWEICLOUD_SDK_SK", "replace-me"),
        ("HUAWEICLOUD_SDK_SK", "********"),
        ("HUAWEICLOUD_SDK_SK", "TODO"),
    ],
)
def test_a_placeholder_is_no_secret(name: str, value: str) -> None:
    """Somebody copied the example and forgot to fill it in."""
    assert "it's a placeholder" in problem(name, value)


def test_keys_that_look_swapped_are_said() -> None:
    """They can be told apart by their length."""
    keys = {"HUAWEICLOUD_SDK_AK": "a" * 40, "HUAWEICLOUD_SDK_SK": "B" * 20}
    with pytest.raises(SettingsError) as raised:
        settings.load({**ENOUGH, **keys}, http=False)

    assert "they look swapped" in raised.value.problems[0]


@pytest.mark.parametrize("before", ["export ", "\ufeff", " ", "\ufeffexport "])
def test_a_name_with_something_before_it_is_said(before: str) -> None:
    """An env file is no shell script; and an editor may put a mark at its beginning."""
    environ = {name: value for name, value in ENOUGH.items() if name != "SLACK_BOT_TOKEN"}
    with pytest.raises(SettingsError) as raised:
        settings.load({**environ, f"{before}SLACK_BOT_TOKEN": "xoxb-1"}, http=False)

    assert raised.value.problems[0] == "SLACK_BOT_TOKEN is missing."
    assert "something before the name" in raised.value.problems[1]


def test_empty_quotes_are_nothing() -> None:
    """`NAME=""` in an env file that nobody filled in."""
    assert problem("HUAWEICLOUD_SDK_AK", '""') == "HUAWEICLOUD_SDK_AK is missing."
