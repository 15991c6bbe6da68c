"""What no sequence of clicks can get round, whatever the policy and whoever clicks."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.clicks import STATES, Click, judge
from bot.domain.decisions import Verdict, able_to_approve, decide_approval
from bot.domain.policy import Members, Terms
from bot.domain.requests import BackupRequest, Choice, Vote
from bot.domain.states import RequestState
from bot.domain.workspaces import Workspaces
from tests.requests import NOON, asked

PEOPLE = ["UANA", "UBEN", "UCARL", "UDORA", "UEVE"]
GROUPS = ["S0DBA", "S0OPS"]
people = st.sampled_from(PEOPLE)
ids = st.lists(st.sampled_from([*PEOPLE, *GROUPS]), max_size=4, unique=True).map(tuple)
all_terms = st.builds(
    Terms,
    approvals=st.integers(1, 4),
    approvers=ids,
    break_glass=ids,
    self_approval=st.booleans(),
)
all_members = st.fixed_dictionaries(
    {},
    optional={
        **{group: st.none() | st.frozensets(people) for group in GROUPS},
        **{user: st.sampled_from([frozenset(), frozenset({user})]) for user in PEOPLE},
    },
)
HERE = Workspaces(own="T0DEMO")
clicks = st.builds(
    Click,
    request_id=st.just("r"),
    choice=st.sampled_from(Choice),
    user_id=people,
    team_id=st.just("T0DEMO"),
    reason=st.sampled_from(["", "because"]),
)


def waiting(terms: Terms) -> BackupRequest:
    """UANA's request, which people may decide for eight hours."""
    return asked(
        requester="UANA",
        state=RequestState.AWAITING_APPROVAL,
        terms=terms,
        expires_at=NOON + timedelta(hours=8),
    )


def after(request: BackupRequest, click: Click, verdict: Verdict) -> BackupRequest:
    """The request once a click that counts is written down."""
    vote = Vote(user_id=click.user_id, choice=click.choice, at=NOON, reason=click.reason)
    changed = request.model_copy(update={"votes": (*request.votes, vote)})
    return changed.moved(STATES[click.choice]) if verdict is Verdict.DECIDED else changed


@given(all_terms, all_members, st.lists(clicks, max_size=20))
@settings(deadline=None)
def test_at_most_one_decision_and_every_click_comes_to_something(
    terms: Terms, members: Members, sequence: list[Click]
) -> None:
    """Whatever is clicked in whatever order: one ending, and none after it."""
    request, decided = waiting(terms), 0
    for click in sequence:
        verdict = judge(click, request, members, NOON, HERE).verdict
        if verdict.counts:
            assert request.state is RequestState.AWAITING_APPROVAL
            decided += verdict is Verdict.DECIDED
            request = after(request, click, verdict)

    assert decided <= 1
    assert (decided == 1) == (request.state is not RequestState.AWAITING_APPROVAL)


@given(all_terms, all_members, st.lists(clicks, max_size=20))
@settings(deadline=None)
def test_approved_means_enough_different_people_who_may(
    terms: Terms, members: Members, sequence: list[Click]
) -> None:
    """Or the glass was broken by somebody who may."""
    request = waiting(terms)
    for click in sequence:
        verdict = judge(click, request, members, NOON, HERE).verdict
        if verdict.counts:
            request = after(request, click, verdict)
    approvers = request.approvers

    assert len(set(approvers)) == len(approvers)
    assert "UANA" not in approvers or terms.self_approval
    if request.state is RequestState.APPROVED and not request.vote(Choice.BREAK_GLASS):
        assert len(approvers) >= terms.approvals


@given(all_terms, all_members)
@settings(deadline=None)
def test_the_requester_alone_never_approves_without_self_approval(
    terms: Terms, members: Members
) -> None:
    """However often they click, in whichever groups they are."""
    request = waiting(terms.model_copy(update={"self_approval": False}))
    click = Click(request.id, Choice.APPROVE, "UANA", "T0DEMO")

    assert judge(click, request, members, NOON, HERE).verdict is Verdict.SELF_APPROVAL


@given(all_terms, all_members, st.permutations(PEOPLE))
@settings(deadline=None)
def test_n_people_who_may_suffice_and_one_fewer_never_does(
    terms: Terms, members: Members, order: list[str]
) -> None:
    """In any order: the last of N decides, and none before."""
    able = able_to_approve(terms, "UANA", members)
    voters = [user for user in order if able is None or user in able]
    approved: list[str] = []
    for user in voters:
        verdict = decide_approval(
            terms, requester="UANA", approved_by=approved, user=user, members=members
        ).verdict
        if not verdict.counts:
            continue
        approved.append(user)
        assert (verdict is Verdict.DECIDED) == (len(approved) >= terms.approvals)
        if verdict is Verdict.DECIDED:
            break
    if able is not None and len(able) >= terms.approvals:
        assert len(approved) == terms.approvals


@pytest.mark.parametrize("choice", Choice)
@pytest.mark.parametrize("state", sorted(set(RequestState) - {RequestState.AWAITING_APPROVAL}))
def test_nothing_is_decided_in_another_state(state: RequestState, choice: Choice) -> None:
    """All states by all choices; only who asked may take it back before RDS has looked it up."""
    everybody = Terms(self_approval=True, break_glass=("UANA",))
    request = waiting(everybody).model_copy(update={"state": state})
    click = Click(request.id, choice, "UANA", "T0DEMO", reason="because")
    expected = Verdict.EXPIRED if state is RequestState.EXPIRED else Verdict.ALREADY_DECIDED
    if (state, choice) == (RequestState.SUBMITTED, Choice.WITHDRAW):
        expected = Verdict.DECIDED
        stranger = Click(request.id, choice, "UBEN", "T0DEMO")
        assert judge(stranger, request, {}, NOON, HERE).verdict is Verdict.NOT_THE_REQUESTER

    assert judge(click, request, {}, NOON, HERE).verdict is expected
