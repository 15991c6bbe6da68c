"""Each policy of docs/cookbook.md does what the page says of it."""

import re
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from bot.config.file import ConfigFile
from bot.domain.decisions import (
    AskVerdict,
    Verdict,
    decide_approval,
    decide_break_glass,
    decide_request,
    may_audit,
)
from bot.domain.policy import Members, Policy
from bot.domain.policy_problems import problems

PAGE = (Path(__file__).parents[1] / "docs/cookbook.md").read_text("utf-8")
RECIPES = dict(re.findall(r"^## (.+?)\n.*?```toml\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL))
ANA, BEN, CAT, SAM = "U0ANA", "U0BEN", "U0CAT", "U0SAM"  # a developer, two DBAs, security
OPS, ELSEWHERE = "C0OPS", "C0DEV"
MEMBERS: Members = {
    "S0DEV": frozenset({ANA}),
    "S0DBA": frozenset({BEN, CAT}),
    "S0SEC": frozenset({SAM}),
    **{user: frozenset({user}) for user in (ANA, BEN, CAT, SAM)},
}


def policy(title: str) -> Policy:
    return ConfigFile.model_validate(tomllib.loads(RECIPES[title])).policy


def asked(title: str, instance: str, *, by: str = ANA, where: str = OPS) -> AskVerdict:
    """What comes of a request."""
    terms = policy(title).terms_for(instance, "in01")
    return decide_request(terms, user=by, channel=where, members=MEMBERS).verdict


def approved(title: str, instance: str, *by: str, requester: str = ANA) -> Verdict:
    """What comes of the last of these approvals."""
    *earlier, last = by
    terms = policy(title).terms_for(instance, "in01")
    return decide_approval(
        terms, requester=requester, approved_by=earlier, user=last, members=MEMBERS
    ).verdict


def test_there_are_ten_and_each_is_tested() -> None:
    tested = Path(__file__).read_text("utf-8")

    assert len(RECIPES) == 10
    assert [title for title in RECIPES if f'"{title}"' not in tested] == []


@pytest.mark.parametrize("title", RECIPES)
def test_enough_people_can_approve(title: str) -> None:
    """Nothing in it can't work."""
    assert problems(policy(title), MEMBERS) == []


def test_production_needs_two_administrators_and_development_none() -> None:
    title = "Strict in production, free in development"

    assert asked(title, "dev-1") == asked(title, "test-1") == AskVerdict.RUNS_AT_ONCE
    assert asked(title, "orders-prod") is AskVerdict.NEEDS_APPROVAL
    assert approved(title, "orders-prod", BEN) is Verdict.COUNTED
    assert approved(title, "orders-prod", BEN, CAT) is Verdict.DECIDED
    assert approved(title, "orders-prod", SAM) is Verdict.NOT_AN_APPROVER
    assert approved(title, "billing", BEN) is Verdict.DECIDED


def test_the_exception_comes_before_its_family() -> None:
    title = "One database stricter than its family"

    assert approved(title, "orders-ledger", BEN) is Verdict.COUNTED
    assert approved(title, "orders-ledger", BEN, CAT) is Verdict.DECIDED
    assert approved(title, "orders-prod", BEN) is Verdict.DECIDED


def test_developers_request_and_administrators_approve() -> None:
    title = "Developers request, administrators approve"

    assert asked(title, "orders-prod", by=ANA) is AskVerdict.NEEDS_APPROVAL
    assert asked(title, "orders-prod", by=BEN) is AskVerdict.MAY_NOT_ASK
    assert approved(title, "orders-prod", BEN) is Verdict.DECIDED
    assert approved(title, "orders-prod", SAM) is Verdict.NOT_AN_APPROVER


def test_anyone_but_the_requester_can_approve_as_without_a_file() -> None:
    title = "Any colleague can approve"

    assert approved(title, "orders-prod", SAM) is Verdict.DECIDED
    assert approved(title, "orders-prod", ANA) is Verdict.SELF_APPROVAL
    here, built_in = policy(title).terms_for("x", "in01"), Policy().terms_for("x", "in01")
    assert here == built_in.model_copy(update={"rule": here.rule})


def test_an_administrator_can_approve_alone() -> None:
    title = "Administrators need no second person"

    assert approved(title, "orders-prod", BEN, requester=BEN) is Verdict.DECIDED
    assert approved(title, "orders-prod", ANA, requester=ANA) is Verdict.NOT_AN_APPROVER


def test_the_person_on_call_needs_no_approval() -> None:
    title = "A way out in an emergency"
    terms = policy(title).terms_for("orders-prod", "in01")

    def starts(user: str) -> Verdict:
        return decide_break_glass(terms, user=user, members=MEMBERS).verdict

    assert starts(CAT) is Verdict.DECIDED
    assert starts(BEN) is Verdict.MAY_NOT_BREAK_GLASS
    assert approved(title, "orders-prod", BEN) is Verdict.COUNTED


def test_requests_are_accepted_in_one_channel_only() -> None:
    title = "Everything in one channel"

    assert asked(title, "orders-prod", where=OPS) is AskVerdict.NEEDS_APPROVAL
    assert asked(title, "orders-prod", where=ELSEWHERE) is AskVerdict.OTHER_CHANNEL
    assert policy(title).terms_for("orders-prod", "in01").channel == OPS


def test_a_request_expires_soon() -> None:
    terms = policy("Now or never").terms_for("orders-prod", "in01")

    assert (terms.expires_after, terms.remind_after) == (
        timedelta(minutes=30),
        timedelta(minutes=10),
    )


def test_one_of_the_approvers_is_mentioned() -> None:
    title = "Mention one person, not the group"

    assert policy(title).terms_for("orders-prod", "in01").mentioned == (BEN,)
    assert approved(title, "orders-prod", CAT) is Verdict.DECIDED


def test_auditors_read_and_do_not_approve() -> None:
    title = "Auditors who can't approve"
    terms = policy(title).terms_for("orders-prod", "in01")

    assert may_audit(terms, SAM, MEMBERS)
    assert not may_audit(terms, BEN, MEMBERS)
    assert approved(title, "orders-prod", SAM) is Verdict.NOT_AN_APPROVER
