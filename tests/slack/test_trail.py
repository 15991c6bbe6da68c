"""The audit trail as people read it in Slack."""

from datetime import timedelta

import pytest

from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.decisions import Verdict
from bot.domain.error_codes import CODES
from bot.domain.requests import Choice
from bot.slack.messages import answers, trail
from tests.slack.block_kit import check, mrkdwn
from tests.slack.samples import BACKUP_ID, DECIDED_AT, on_the_trail

A = AuditAction
AT_1405 = "<!date^1795442700^{date_short_pretty} at {time}|2026-11-23 14:05 UTC>"
ASKED = on_the_trail(A.SUBMITTED, "U0ANA", name="before-42", description="for the upgrade")


def lines(*entries: AuditEntry) -> list[str]:
    now = DECIDED_AT + timedelta(minutes=3)
    message = answers.audit_answer("orders-prod", entries, now=now, command="/backup")
    check(message)
    return "\n".join(mrkdwn(message.as_slack()["blocks"])).split("\n")


def line(entry: AuditEntry) -> str:
    return lines(ASKED, entry)[-1].removeprefix(f"{AT_1405} · ")


def test_a_line_says_when_who_and_what() -> None:
    """Oldest first; one rule for all of them is told once."""
    approved = on_the_trail(A.APPROVED, "U0BEN", choice="approve", verdict="decided")

    assert lines(ASKED, approved) == [
        (
            "*Audit log of orders-prod*: last 2 entries as of "
            "<!date^1795442880^{date_short_pretty} at {time}|2026-11-23 14:08 UTC>, "
            "all under rule 2, `orders-*`"
        ),
        f'{AT_1405} · <@U0ANA> · requested `before-42`: "for the upgrade"',
        f"{AT_1405} · <@U0BEN> · approved `before-42`",
    ]


def test_of_several_rules_each_decision_names_its_own() -> None:
    """The policy changed in between."""
    approved = on_the_trail(A.APPROVED, "U0BEN").model_copy(update={"rule": "[approval]"})

    assert lines(ASKED, approved)[-1].endswith("approved `before-42` ([approval])")
    assert lines(ASKED, approved)[1].endswith('requested `before-42`: "for the upgrade"')


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        (on_the_trail(A.LOOKED_UP, approvals="2"), "posted `before-42` for approval: 2 needed"),
        (on_the_trail(A.APPROVED, approvals="0"), "approved `before-42`: no approval needed"),
        (on_the_trail(A.CREATE_SENT, name="before-42"), "asked RDS to start `before-42`"),
        (
            on_the_trail(A.CREATE_ACCEPTED, backup_id=BACKUP_ID, rds_request_id="9f1c"),
            f"RDS accepted `before-42`: backup `{BACKUP_ID}`, request `9f1c`",
        ),
        (
            on_the_trail(A.OUTCOME_UNKNOWN, rds_request_id="9f1c"),
            "no response from RDS for `before-42`: request `9f1c`",
        ),
        (
            on_the_trail(A.REFUSED, reason="storage_full", code="DBS.200316"),
            "`before-42` was refused: storage full, `DBS.200316`",
        ),
        (
            on_the_trail(A.REFUSED, reason="NameTaken"),
            "`before-42` was refused: name already in use",
        ),
        (
            on_the_trail(A.COMPLETED, seconds="432", size_kb="40265318"),
            "`before-42` completed: 38.4 GB in 7 min 12 s",
        ),
        (on_the_trail(A.FAILED, seconds="180"), "`before-42` failed: after 3 min"),
        (on_the_trail(A.LOST), "`before-42` disappeared: RDS no longer lists it"),
    ],
)
def test_what_the_bot_did(entry: AuditEntry, shown: str) -> None:
    """With the ids that support asks for."""
    assert line(entry) == f"backup-bot · {shown}"


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        (
            on_the_trail(
                A.CLICK_REFUSED, "U0CYD", choice="approve", verdict="not_an_approver", reason="no"
            ),
            "<@U0CYD> · pressed Approve on `before-42`: not an approver; didn't count",
        ),
        (
            on_the_trail(A.REJECTED, "U0CYD", choice="reject", reason="not tonight"),
            '<@U0CYD> · rejected `before-42`: "not tonight"',
        ),
        (
            on_the_trail(A.BREAK_GLASS, "U0CYD", choice="break_glass", reason="it is dying"),
            '<@U0CYD> · *started `before-42` without approval*: "it is dying"',
        ),
        (
            on_the_trail(A.WITHDRAWN, "U0CYD", choice="withdraw"),
            "<@U0CYD> · withdrew `before-42`",
        ),
        (
            on_the_trail(
                A.ASK_REFUSED, "U0CYD", request_id=None, name="before-43", error="NameTaken"
            ),
            "<@U0CYD> · was refused when requesting `before-43`: name already in use",
        ),
        (
            on_the_trail(A.AUDIT_REFUSED, "U0CYD", request_id=None),
            "<@U0CYD> · was refused this audit log",
        ),
    ],
)
def test_what_people_did(entry: AuditEntry, shown: str) -> None:
    """In their own words where they gave any."""
    assert line(entry) == shown


def test_a_backup_whose_name_is_not_at_hand_goes_by_its_request() -> None:
    """Its beginning is older than what is shown."""
    assert lines(on_the_trail(A.EXPIRED, request_id="0d1e2f3a4b5c"))[-1].endswith(
        "request `0d1e2f3a` expired"
    )


def test_what_was_refused_keeps_its_own_name() -> None:
    """Nothing was stored of either, so no request tells them apart."""
    first, second = (
        on_the_trail(A.ASK_REFUSED, "U0CYD", request_id=None, name=name, error="NameTaken")
        for name in ("before-43", "before-44")
    )

    assert "`before-43`" in lines(first, second)[1]
    assert "`before-44`" in lines(first, second)[2]


def test_every_kind_has_its_words() -> None:
    """Every action, every button, and every verdict that does not count."""
    assert set(trail.WORDS) == set(AuditAction)
    assert set(trail.BUTTONS) == set(Choice)
    uncounted = {verdict for verdict in Verdict if not verdict.counts}
    assert set(trail.WHY_NOT) == uncounted - {Verdict.NO_REASON}  # leaves no trace


def test_every_error_has_its_words() -> None:
    """No code is shown to people."""
    assert trail.ERRORS.keys() == CODES.keys() - {"command_error"}  # its words are in the answer


def test_no_more_than_twenty_are_shown() -> None:
    """The newest, which come last."""
    many = [on_the_trail(A.EXPIRED, request_id=str(number)) for number in range(30)]

    assert len(lines(*many)) == 21
    assert lines(*many)[-1].endswith("request `29` expired")


def test_long_reasons_leave_out_the_oldest() -> None:
    """What Slack would not take is not sent."""
    long = [
        on_the_trail(
            A.REJECTED, "U0CYD", request_id=str(number), choice="reject", reason="x" * 500
        )
        for number in range(20)
    ]
    shown = lines(*long)

    assert 10 < len(shown) < 21
    assert "`19`" in shown[-1]
    assert f"last {len(shown) - 1} entries" in shown[0]


def test_an_empty_trail_says_so() -> None:
    """And what else there is to look up."""
    assert lines() == [
        (
            "The audit log of orders-prod is empty. "
            "`/backup policy orders-prod` shows who can request a backup."
        )
    ]
