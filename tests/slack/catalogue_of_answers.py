"""What only one person sees: answers to commands and clicks, and refusals."""

from collections.abc import Callable, Iterator

from bot.domain.clicks import Click, ClickResult
from bot.domain.commands import CommandError, Typed
from bot.domain.decisions import Verdict
from bot.domain.errors import (
    AmbiguousInstance,
    AskedInDirectMessage,
    BackupBusy,
    BackupNotManual,
    BackupUnknown,
    CannotPost,
    ForeignWorkspace,
    FormNotOpened,
    GaveUp,
    GroupsUnknown,
    InstanceBusy,
    InstanceNotReady,
    MayNotAsk,
    MayNotAudit,
    NameTaken,
    OtherChannel,
    RdsError,
    RdsOutcomeUnknown,
    RdsRefused,
    RdsUnreachable,
    ReadReplica,
    RefusalReason,
    RequestOpen,
    RequestUnknown,
    StoreUnavailable,
    TooFewApprovers,
    TooManyCommands,
    UnknownInstance,
    UserError,
    WorkspaceUnknown,
)
from bot.domain.grammar import parse
from bot.domain.policy import Terms
from bot.domain.requests import BackupRequest, Choice
from bot.domain.states import RequestState, Retention
from bot.slack.messages import answers
from bot.slack.messages.mrkdwn import Message
from tests.slack.samples import (
    ASKED_AT,
    FULL_STORAGE,
    TERMS,
    asked,
    deletion_in_every_state,
    expiring,
    half_approved,
    in_every_state,
)

S, V, C = RequestState, Verdict, Choice
RULE = TERMS.rule
NAME = "before-migration-42"
GLASS = TERMS.model_copy(update={"break_glass": ("U0BEN",), "approvals": 2})
OPEN = Terms(rule="the default policy")
TYPOS = (
    "creat orders-prod",
    "frobnicate",
    "create orders-prod 42-before it's <b> --kep 14d",
    "create orders-prod x --keep",
    "create orders-prod before-42 --keep 3x",
    "create orders-prod before-42 --keep 1m",
    f"create orders-prod {NAME} {'very ' * 60}long",
    "create https://console.example/rds",
    "create cb211c0075104151a748a854bc8bd87dbr01",
    "list orders-prod shop-prod",
    "pending please",
    "withdraw",
    "delete",
    "audit",
    "create " + "x" * 4000,
)
ERRORS: tuple[UserError | RdsError, ...] = (
    UnknownInstance("ordres-prod", ["orders-prod", "orders-staging"]),
    UnknownInstance("zzz"),
    AmbiguousInstance("orders-prod", [f"{digit * 32}in01" for digit in "ab"]),
    AmbiguousInstance("orders-prod", ["prod-eu/orders-prod", "prod-us/orders-prod"]),
    ReadReplica("orders-prod-ro", "orders-prod"),
    ReadReplica("orders-prod-ro", None),
    InstanceBusy("orders-prod", "nightly-12", ASKED_AT.isoformat()),
    InstanceBusy("orders-prod"),
    InstanceNotReady("orders-prod", "STORAGE FULL"),
    InstanceNotReady("orders-prod", "RESTORING"),
    NameTaken(NAME, f"{NAME}-2", "U0BEN"),
    NameTaken(NAME, f"{NAME}-2"),
    NameTaken(NAME, f"{NAME}-2", instance_name="shop-prod"),
    BackupUnknown(NAME),
    BackupUnknown(NAME, "orders-prod"),
    BackupNotManual("orders-prod-20261123", "auto"),
    BackupBusy(NAME, "BUILDING"),
    BackupBusy(NAME, "DELETING"),
    BackupBusy(NAME, "RESTORING"),
    RequestOpen(NAME, "U0BEN"),
    RequestOpen(NAME),
    RequestUnknown("before-43"),
    AskedInDirectMessage("orders-prod"),
    ForeignWorkspace(),
    WorkspaceUnknown(),
    TooManyCommands(120, 11.2),
    FormNotOpened(),
    GaveUp(7200, 20),
    MayNotAsk("orders-prod", RULE, ["S0DBA", "U0BEN"]),
    OtherChannel("orders-prod", RULE, ["C0OPS", "C0DB"]),
    TooFewApprovers("orders-prod", RULE, 3, ["U0BEN"]),
    TooFewApprovers("orders-prod", RULE, 1, []),
    MayNotAudit("orders-prod", RULE, ["S0DBA"]),
    GroupsUnknown("orders-prod", ["S0DBA"]),
    GroupsUnknown("orders-prod", ["S0DBA"], "read the audit trail of"),
    CannotPost("C0OPS", "not_in_channel"),
    CannotPost("C0OPS", "restricted_action"),
    CannotPost("D0ANA", "channel_not_found"),
    StoreUnavailable(),
    RdsUnreachable("slow", retry_after=30.0),
    RdsUnreachable(),
    RdsOutcomeUnknown(status=500),
    *(RdsRefused(reason, "DBS.200316", request_id="9f1c") for reason in RefusalReason),
)


def commands() -> Iterator[tuple[str, Message]]:
    request = asked()
    yield "Create", answers.accepted(request, "/backup")
    yield "Create, kept for a while", answers.accepted(expiring(), "/backup")
    deletion = deletion_in_every_state()[S.SUBMITTED]
    yield "Delete", answers.accepted(deletion, "/backup")
    yield "RDS is slow", answers.takes_time()
    yield "RDS is away, so there is no card yet", answers.put_off(request)
    yield "The same for a deletion", answers.put_off(deletion)
    yield "RDS refused the keys, so there is no card yet", answers.without_keys(request)
    yield (
        "No channel for the card",
        answers.not_posted(CannotPost("C0OPS", "not_in_channel"), request, "/backup"),
    )
    yield (
        "No channel for the card of a request that needs no approval",
        answers.no_card(CannotPost("C0OPS", "not_in_channel"), request),
    )
    yield (
        "A click on a card that was posted twice",
        answers.posted_twice("https://acme.example/p1"),
    )
    yield "Refused after it was accepted", answers.late_refusal(FULL_STORAGE, request)
    yield (
        "Deletion refused after it was accepted",
        answers.late_refusal(BackupUnknown(NAME, "orders-prod"), deletion),
    )
    yield "A fault of the bot", answers.unexpected("ab12cd34")
    yield "Another slash command of the app", answers.other_command("/backups", "/backup")
    yield "A button of another release", answers.outdated_button()
    yield "A form of another release", answers.outdated_form()
    yield "Slack opened no form", answers.form_not_opened()
    yield "An unknown request", answers.unknown_request()


def typos() -> Iterator[tuple[str, Message]]:
    for text in TYPOS:
        try:
            parse(text)
        except CommandError as error:
            shown = text if len(text) < 60 else f"{text[:60]}…"
            yield f"`/backup {shown}`", answers.refusal(error, "/backup")
    fixable = answers.refusal(UnknownInstance("ordres-prod", ["orders-prod"]), "/backup")
    yield "With a button", answers.fixable(fixable, Typed("ordres-prod", NAME))


def refusals() -> Iterator[tuple[str, Message]]:
    for error in ERRORS:
        reason = f", {error.reason}" if isinstance(error, RdsRefused) else ""
        yield f"{type(error).__name__}{reason}", answers.refusal(error, "/backup")


def clicks() -> Iterator[tuple[str, Message]]:
    every = in_every_state(asked(), GLASS)
    waits, open_to_all = every[S.AWAITING_APPROVAL], in_every_state(asked(), OPEN)
    half = half_approved(GLASS)
    deletion = deletion_in_every_state()
    for choice in C:
        yield f"{choice}, decided", _click(waits, V.DECIDED, choice)
        yield (
            f"{choice} of a deletion, decided",
            _click(deletion[S.AWAITING_APPROVAL], V.DECIDED, choice),
        )
    yield "Reject by the requester", _click(waits, V.DECIDED, C.REJECT, "U0ANA")
    yield "Approve, more needed", _click(half, V.COUNTED, C.APPROVE)
    yield "Approve twice", _click(half, V.ALREADY_VOTED, C.APPROVE, "U0BEN")
    yield "Withdraw in doubt", _click(every[S.CREATING], V.IN_DOUBT, C.WITHDRAW, "U0ANA")
    yield "Expired", _click(waits, V.EXPIRED, C.APPROVE)
    yield "Expired deletion", _click(deletion[S.AWAITING_APPROVAL], V.EXPIRED, C.APPROVE)
    yield "Approve one's own", _click(waits, V.SELF_APPROVAL, C.APPROVE, "U0ANA")
    own = open_to_all[S.AWAITING_APPROVAL]
    yield "Approve one's own, anyone else can", _click(own, V.SELF_APPROVAL, C.APPROVE, "U0ANA")
    for choice in (C.APPROVE, C.REJECT):
        yield f"{choice}, not an approver", _click(waits, V.NOT_AN_APPROVER, choice, "U0CYD")
    yield "Requester, not an approver", _click(waits, V.NOT_AN_APPROVER, C.REJECT, "U0ANA")
    yield "From outside", _click(own, V.NOT_AN_APPROVER, C.APPROVE, "U0CYD")
    yield "Withdraw another's", _click(waits, V.NOT_THE_REQUESTER, C.WITHDRAW, "U0CYD")
    glass = V.MAY_NOT_BREAK_GLASS
    yield "Start without approval, not allowed", _click(waits, glass, C.BREAK_GLASS, "U0CYD")
    yield "Start without approval, nobody can", _click(own, glass, C.BREAK_GLASS, "U0CYD")
    yield "Reject without a reason", _click(waits, V.NO_REASON, C.REJECT)
    yield "Start without a reason", _click(waits, V.NO_REASON, C.BREAK_GLASS)
    yield "Slack is silent on a group", _click(waits, V.GROUPS_UNKNOWN, C.APPROVE)
    yield "From another workspace", _click(waits, V.OTHER_WORKSPACE, C.APPROVE)
    yield "Unknown request", _click(waits, V.UNKNOWN_REQUEST, C.APPROVE)


def late_clicks() -> Iterator[tuple[str, Message]]:
    states = {**in_every_state(asked()), **deletion_in_every_state()}
    for request in (*in_every_state(asked()).values(), *deletion_in_every_state().values()):
        for choice in (C.APPROVE, C.WITHDRAW):
            shown = _click(request, V.ALREADY_DECIDED, choice, "U0CYD")
            yield f"{choice} a {request.kind} that is {request.state}", shown
    free = in_every_state(asked(), Terms(approvals=0))[S.RUNNING]
    yield "Nobody had to approve", _click(free, V.ALREADY_DECIDED, C.APPROVE)
    glass = in_every_state(asked(), glass=True)[S.RUNNING]
    yield "Started without approval", _click(glass, V.ALREADY_DECIDED, C.APPROVE)
    own = states[S.RUNNING]
    yield "One's own click", _click(own, V.ALREADY_DECIDED, C.APPROVE, "U0BEN")


def keeping() -> Iterator[tuple[str, Message]]:
    for retention in Retention:
        request = expiring(retention=retention, kept_by="U0BEN")
        for user in ("U0BEN", "U0ANA"):
            yield f"{retention}, pressed by {user}", answers.kept_answer(request, user)


def _click(
    request: BackupRequest, verdict: Verdict, choice: Choice, user: str = "U0BEN"
) -> Message:
    click = Click(request.id, choice, user, "T0TEAM")
    return answers.click_answer(ClickResult(verdict, request), click)


SCREENS: dict[str, Callable[[], Iterator[tuple[str, Message]]]] = {
    "Answers to commands": commands,
    "Answers to clicks": clicks,
    "Answers to clicks that come too late": late_clicks,
    "Answers to Keep backup": keeping,
    "Commands that are wrong": typos,
    "Refusals": refusals,
}
