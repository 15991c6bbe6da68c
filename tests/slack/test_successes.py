"""A day's successful backups: Slack takes the message, however many there are."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.successes import Success, SuccessDay, latest_first
from bot.slack.messages.successes import MOST_SHOWN, success_reply, successes_message
from tests.domain.observed import MINUTE, NOON, backup
from tests.slack.block_kit import check, mrkdwn
from tests.slack.test_every_message import texts


def success(name: str, number: int = 0) -> Success:
    made = backup(NOON - number * MINUTE, id=f"b{number}", type="manual" if number % 2 else "auto")
    return Success(instance_name=name, backup=made.model_copy(update={"name": name}))


@given(name=texts(), count=st.integers(0, 400))
def test_slack_takes_any_day(name: str, count: int) -> None:
    all_of_it = latest_first([success(name, number) for number in range(count)])
    for in_thread in (True, False):
        day = SuccessDay(id="s", channel_id="C0OPS", in_thread=in_thread, successes=all_of_it)
        check(successes_message(day))
    check(success_reply(success(name)))


def test_what_is_not_shown_is_counted() -> None:
    all_of_it = latest_first([success("orders-prod", number) for number in range(120)])
    day = SuccessDay(id="s", channel_id="C0OPS", in_thread=False, successes=all_of_it)
    shown = "\n".join(mrkdwn(successes_message(day).as_slack()["blocks"]))

    assert "120 backups completed" in shown
    assert shown.count("*orders-prod*:") == MOST_SHOWN
    assert f"… and {120 - MOST_SHOWN} more." in shown


def test_the_last_to_end_comes_first() -> None:
    early, late = success("a", 60), success("b", 0)

    assert latest_first([early, late]) == latest_first([late, early]) == (late, early)
    assert late.backup.end_time
    assert late.backup.end_time - timedelta(hours=1) == early.backup.end_time
