"""The message of an incident in every state: Slack takes it, and it says what is so."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.application.incident_clicks import IncidentAnswer, IncidentVerdict
from bot.domain.incident_lines import IncidentLine
from bot.domain.incidents import CAN_BACK_UP, Ending, Facts, Incident, IncidentKind
from bot.slack.messages.ids import (
    ACKNOWLEDGE_INCIDENT,
    BACK_UP_NOW,
    EXPECT_INCIDENT,
    SNOOZE_INCIDENT,
)
from bot.slack.messages.incident_answers import incident_answer, snooze_view
from bot.slack.messages.incident_words import label
from bot.slack.messages.incidents import incident_message, incident_reply
from bot.slack.messages.mrkdwn import Message
from tests.domain.observed import BUILDING, DAY, HOUR, MINUTE, NOON, backup
from tests.slack.block_kit import check, check_view, seen
from tests.slack.catalogue_of_incidents import FACTS, OF_ALL, incident
from tests.slack.test_every_message import texts

K = IncidentKind
CAN_BE_EXPECTED = {K.UNUSUAL_SIZE, K.UNUSUAL_DURATION, K.KEPT_SHORTER}
PINGED = ("S0DBA", "U0ANA")


def in_every_state(new: Incident) -> dict[str, Incident]:
    """An incident from its opening to each of its ends."""
    taken = new.acknowledged("U0ANA", NOON)
    again = new.model_copy(update={"times": 3})
    flapping = again.model_copy(update={"flapping_since": NOON - DAY})
    ends = {ending.value: again.ended(NOON + HOUR, ending, "U0BEN") for ending in Ending}
    return {
        "open": new,
        "again": again,
        "flapping": flapping,
        "calm": flapping.calm(NOON),
        "flapping, over": flapping.calm(NOON).ended(NOON + HOUR, Ending.RECOVERED),
        "acknowledged": taken,
        "snoozed": new.snoozed("U0BEN", NOON + 4 * HOUR),
        "snooze over": new.snoozed("U0BEN", NOON - MINUTE),
        **ends,
    }


def facts(text: str) -> Iterator[Facts]:
    """All there is to know, nothing, and as much as RDS lets one know of an odd backup."""
    named = {"name": text, "id": text, "type": text, "status": text}
    odd = [
        backup(NOON - DAY),
        backup(NOON - DAY, BUILDING),
        backup(NOON, took=-HOUR).model_copy(update={"begin_time": None}),
    ]
    for one, failures in product([b.model_copy(update=named) for b in odd], (0, 1, 99)):
        yield Facts(
            backup=one,
            last_good=one,
            limit=26 * HOUR,
            failures=failures,
            retries=True,
            recoverable_until=NOON - DAY,
            keep_days=1,
            kept_days=732,
            remaining=failures,
            instances=(text,) * failures,
            watched=99,
            code=text,
            deleted=(one,) * min(failures, 10),
            deletions=failures,
            deleted_kb=failures,
            usual_size_kb=4,
            usual=MINUTE,
            runs=9,
        )
    yield Facts()


def messages_of(about: Incident) -> list[Message]:
    """All that is said about it."""
    return [
        incident_message(about, now=NOON),
        *(incident_reply(about, line, now=NOON) for line in IncidentLine),
        *(incident_answer(IncidentAnswer(v, about, "U0BEN")) for v in IncidentVerdict),
    ]


def buttons(about: Incident) -> list[str]:
    """The action ids of its buttons; each carries the incident."""
    blocks = incident_message(about, now=NOON).as_slack()["blocks"]
    found = [b for block in blocks if block["type"] == "actions" for b in block["elements"]]
    assert {button["value"] for button in found} <= {about.id}
    return [button["action_id"] for button in found]


@pytest.mark.parametrize("kind", K)
def test_slack_takes_every_message(kind: IncidentKind) -> None:
    """In every state, whether much is known of it or nothing."""
    for known in (FACTS[kind], *facts("mysql-orders")):
        for about in in_every_state(incident(kind, known)).values():
            for message in messages_of(about):
                check(message)
                assert "None" not in message.text
                assert "  " not in message.text
                assert ".." not in message.text
            check_view(snooze_view(about))


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=texts(), kind=st.sampled_from(K), known=st.integers(0, len(list(facts(""))) - 1))
def test_nothing_is_smuggled_into_a_message(text: str, kind: IncidentKind, known: int) -> None:
    """No name of an instance or a backup, and no code, becomes a mention or a link."""
    people = {"mention": (text,), "owner": text, "instance_name": text}
    new = incident(kind, list(facts(text))[known]).model_copy(update=people)
    for about in (new, *in_every_state(new.acknowledged(text, NOON)).values()):
        for message in messages_of(about):
            check(message)
            assert len(message.text) < 3000
        check_view(snooze_view(about))


@pytest.mark.parametrize("kind", K)
def test_the_first_line_says_what_and_where(kind: IncidentKind) -> None:
    """And so does a phone; incidents of all instances name none."""
    for state, about in in_every_state(incident(kind)).items():
        message = incident_message(about, now=NOON)
        first = seen(message).split("\n")[0]
        assert ("*orders-prod*" in first) is (kind not in OF_ALL), state
        assert "**" not in first
        assert message.text.startswith(first.replace("*", "").split("<!date")[0])


@pytest.mark.parametrize("kind", K)
def test_a_reply_reads_alone(kind: IncidentKind) -> None:
    """Some go to the channel, where nothing stands above them."""
    for about in in_every_state(incident(kind)).values():
        for line in IncidentLine:
            if line is not IncidentLine.GREW:  # only of an instance
                has_name = "*orders-prod*" in seen(incident_reply(about, line, now=NOON))
                assert has_name is (kind not in OF_ALL)


@pytest.mark.parametrize("kind", K)
def test_there_are_no_buttons_that_cannot_work(kind: IncidentKind) -> None:
    """None once it's over, and none that this kind has no use for."""
    states = in_every_state(incident(kind))
    for state, about in states.items():
        expected = [
            *([BACK_UP_NOW] if kind in CAN_BACK_UP else []),
            *([ACKNOWLEDGE_INCIDENT] if state != "acknowledged" else []),
            SNOOZE_INCIDENT,
            *([EXPECT_INCIDENT] if kind in CAN_BE_EXPECTED else []),
        ]
        assert buttons(about) == (expected if about.is_open else [])


@pytest.mark.parametrize("kind", K)
def test_people_are_mentioned_until_someone_has_it(kind: IncidentKind) -> None:
    """Not once it's acknowledged, snoozed, or over."""
    states = in_every_state(incident(kind).model_copy(update={"mention": PINGED}))
    called = {
        state
        for state, about in states.items()
        if "<!subteam^S0DBA>" in incident_message(about, now=NOON).text
    }

    assert called == {"open", "again", "flapping", "snooze over"}


def test_the_state_is_shown() -> None:
    """Since when, who has it, and until when it's quiet."""
    shown = {
        state: incident_message(about, now=NOON).text
        for state, about in in_every_state(incident(K.STALE)).items()
    }

    assert "Open since 2026-11-23 10:00 UTC." in shown["open"]
    assert "Acknowledged by <@U0ANA> 2026-11-23 12:00 UTC." in shown["acknowledged"]
    assert "Snoozed until 2026-11-23 16:00 UTC by <@U0BEN>." in shown["snoozed"]
    assert "Snoozed" not in shown["snooze over"]
    assert "This has recurred 2 times since 2026-11-23 10:00 UTC." in shown["again"]
    assert "Recovered after 3 h:" in shown["recovered"]
    assert "Marked as expected by <@U0BEN>." in shown["expected"]
    assert "No longer watched:" in shown["unwatched"]


def test_an_open_message_stays_true() -> None:
    """It is edited only when something changes, so time alone changes nothing in it."""
    for kind in K:
        about = incident(kind)
        later = incident_message(about, now=NOON + 40 * DAY)
        assert incident_message(about, now=NOON) == later


def test_who_is_unread_is_counted() -> None:
    """Out of all that are watched."""
    about = incident(K.UNREAD, Facts(instances=("a", "b"), watched=15, code="unreachable"))
    text = incident_message(about, now=NOON).text

    assert "I haven't been able to check 2 of 15 watched instances for 3 h" in text
    assert "RDS isn't responding." in text


def test_a_large_backup_grew_and_a_quick_one_took_only_so_long() -> None:
    """The words follow the numbers."""
    grew = backup(NOON, size_kb=8 * 2**20)
    quick = backup(NOON, took=timedelta(seconds=40))
    usual = FACTS[K.UNUSUAL_SIZE].model_copy(update={"backup": grew})
    size = incident_message(incident(K.UNUSUAL_SIZE, usual), now=NOON).text
    short = FACTS[K.UNUSUAL_DURATION].model_copy(update={"backup": quick})
    took = incident_message(incident(K.UNUSUAL_DURATION, short), now=NOON).text

    assert "grew to 8 GB, 200% of its usual 4 GB" in size
    assert "Check what has changed." in size
    assert "took only 40 s instead of the usual 7 min" in took
    assert "Check that it's complete." in took


def test_the_form_offers_only_snoozes_with_an_end() -> None:
    """Of a week at most."""
    element = snooze_view(incident(K.STALE))["blocks"][1]["element"]
    hours = [int(option["value"]) for option in element["options"]]

    assert hours == [1, 4, 24, 72, 168]


def test_an_incident_of_all_instances_has_a_label() -> None:
    """For lists, with the name only where there is one."""
    assert label("orders-prod", K.HUNG).startswith("orders-prod: ")
    assert ":" not in label("", K.UNREAD)


@pytest.mark.parametrize("kind", [K.FAILED, K.STALE])
def test_only_a_new_backup_is_called_one(kind: IncidentKind) -> None:
    """The limit may have been raised, or the failed backups deleted."""
    new, old = backup(NOON - 30 * MINUTE), backup(NOON - 28 * HOUR)
    texts_by = {
        one.id: incident_message(
            incident(kind, Facts(last_good=one)).ended(NOON, Ending.RECOVERED), now=NOON
        ).text
        for one in (new, old)
    }

    assert "orders-prod has a new successful backup" in texts_by[new.id]
    assert new.name in texts_by[new.id]
    assert "new successful backup" not in texts_by[old.id]
    assert old.name not in texts_by[old.id]
