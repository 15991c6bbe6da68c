"""What stands around the tables of backups and instances."""

from datetime import timedelta

from bot.application.inventory import InstanceRow, InstancesView, MadeView, Page
from bot.domain.decisions import AskVerdict, Decision
from bot.domain.instances import Instance
from bot.slack.messages import answers
from bot.slack.messages.mrkdwn import Message, date
from tests.slack.block_kit import check
from tests.slack.samples import DECIDED_AT, expiring

NOW = DECIDED_AT + timedelta(minutes=3)
AN_HOUR_AGO = NOW - timedelta(hours=1)


def head(message: Message) -> str:
    check(message)
    text: str = message.as_slack()["blocks"][0]["text"]["text"]
    return text


def test_an_old_list_of_instances_says_of_when_it_is() -> None:
    """RDS isn't responding, so nobody takes it for what there is now."""
    instance = Instance(id="d8e6ca5a624745bcb546a227aa3ae1cfin01", name="orders", status="ACTIVE")
    decision = Decision(AskVerdict.NEEDS_APPROVAL, None)
    rows = [InstanceRow(instance, looked=False, last_good=None, decision=decision)]
    fresh, old = (
        answers.instances_table(InstancesView(None, rows, Page(0, 1), NOW, as_of), "/backup")
        for as_of in (None, AN_HOUR_AGO)
    )

    hint = "To request a backup: `/backup create &lt;instance&gt;`"
    assert head(fresh) == f"*Instances*. {hint}"
    assert head(old) == f"*Instances*. As of {date(AN_HOUR_AGO)}. {hint}"


def test_a_list_says_which_projects_it_may_lack() -> None:
    """RDS isn't responding there; the other projects' instances are as they are now."""
    view = InstancesView("new", [], Page(0, 0), NOW, unread=["prod-eu", "prod-us"])

    assert head(answers.instances_table(view, "/backup")).startswith(
        "No instance matches `new`. I can't read `prod-eu` and `prod-us` right now, so instances "
        "may be missing or outdated."
    )


def test_nothing_found_in_an_old_list_says_so_too() -> None:
    """A new instance may be missing from it."""
    view = InstancesView("new", [], Page(0, 0), NOW, AN_HOUR_AGO)

    assert head(answers.instances_table(view, "/backup")) == (
        f"No instance matches `new`. As of {date(AN_HOUR_AGO)}. "
        "Read replicas aren't listed: back up their primaries instead."
    )


def test_backups_made_by_the_bot_are_counted() -> None:
    """All of them, or which part of them is shown."""
    whole, part = (
        answers.made_table(MadeView([expiring()], number, has_more=False, at=NOW), "/backup")
        for number in (0, 1)
    )

    assert head(whole).startswith("*Backups made by this bot* (1). ")
    assert head(part).startswith("*Backups made by this bot* (11 to 11). ")
