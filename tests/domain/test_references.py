"""Which instance a word means, in any script; and that no correction means another one."""

import time
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.commands import (
    Command,
    CommandError,
    CreateBackup,
    DeleteBackup,
    ListBackups,
    ShowAudit,
    ShowPolicy,
)
from bot.domain.errors import AmbiguousInstance, UnknownInstance, UserError
from bot.domain.folding import fold, name_key, quoted, words
from bot.domain.grammar import parse
from bot.domain.instances import Instance, matching
from bot.domain.policy import Policy, Rule
from bot.domain.references import References, alias_problems, alias_warnings
from bot.slack.messages.answers import refusal

NAMES = [
    "订单库-prod",
    "prod",
    "my db",
    'the "big" one',
    "o'brien",
    "Zürich",
    "\N{PILE OF POO}-db",
    "\N{MAN}\u200d\N{PERSONAL COMPUTER}",
    "\uff21\uff22-12",
    "AB-12",
    "فروش-db",
    "a&b<c>",
]


def instances(*names: str) -> list[Instance]:
    """One for each name."""
    return [
        Instance(id=f"{number:032x}in01", name=name, status="ACTIVE")
        for number, name in enumerate(names)
    ]


def escaped(text: str) -> str:
    """As Slack sends what was typed."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@pytest.mark.parametrize("name", NAMES)
def test_any_name_that_rds_lists_can_be_typed(name: str) -> None:
    """In a command, in quotes where it has blanks, and in each form that keyboards compose."""
    known = References(instances(*NAMES))
    typed = quoted(name) or f'"{name}"'
    for form in ("NFC", "NFD"):
        command = parse(f"create {escaped(normalize(form, typed))} before-42")
        assert isinstance(command, CreateBackup)
        assert known.find(command.instance).name == name


def test_invisible_marks_are_not_part_of_what_is_typed() -> None:
    """A name pasted from a right-to-left text is the name."""
    assert References(instances("orders")).find(fold("\u202borders\u202c\u200f")).name == "orders"


def test_names_that_only_marks_tell_apart_are_ambiguous() -> None:
    """Which one was typed cannot be told, so neither is backed up; ids tell them apart."""
    alike = instances("a-b", "a\N{EN DASH}b")
    known = References(alike)
    for typed in ("a-b", fold("a\N{EN DASH}b")):
        with pytest.raises(AmbiguousInstance) as raised:
            known.find(typed)
        assert set(raised.value.instance_ids) == {instance.id for instance in alike}


def test_an_instance_that_rds_lists_twice_is_one() -> None:
    """Pages shift while they are read."""
    once = instances("orders")

    assert References(once * 2).find("orders") == once[0]


def test_a_name_goes_before_an_alias() -> None:
    """Who asks for billing gets billing."""
    known = References(instances("billing", "orders"), {"billing": "orders", "shop": "orders"})

    assert known.find("billing").name == "billing"
    assert known.find("shop").name == "orders"


def test_an_alias_names_its_instance_to_the_letter() -> None:
    """The file holds what was meant, also where a command could not say it."""
    known = References(instances("a-b", "a\N{EN DASH}b"), {"dashed": "a\N{EN DASH}b"})

    assert known.find("dashed").name == "a\N{EN DASH}b"


def test_suggestions_among_five_thousand_names_take_a_moment() -> None:
    """The loop has others to serve."""
    known = References(instances(*(f"orders-{number:04}-prod-mysql" for number in range(5000))))
    for typed in ("orders-0012-prd-mysql", "o" * 40_000, "订单库" * 10_000):
        began = time.process_time()
        with pytest.raises(UnknownInstance):
            known.find(typed)
        assert time.process_time() - began < 0.1


@pytest.mark.parametrize(
    ("aliases", "alias", "words"),
    [
        ({"o": "orders", "O": "orders"}, "O", "only in case"),
        ({"b": "orders", "a": "b"}, "a", "another alias, b"),
        ({"a b": "orders"}, "a b", "space"),
        ({"": "orders"}, "", "it can't be typed"),
        ({"--keep": "orders"}, "--keep", "it can't be typed"),
        ({"a": " "}, "a", "no target"),
        ({"a": "a"}, "a", "itself"),
        ({"o" * 200: "orders"}, "o" * 200, "it can't be typed"),
    ],
)
def test_an_alias_that_cannot_work_is_told(
    aliases: dict[str, str], alias: str, words: str
) -> None:
    """Whatever instances there are."""
    ((about, why),) = alias_problems(aliases)

    assert about == alias
    assert words in why


def test_an_alias_that_does_not_what_it_seems_to_is_told() -> None:
    """Once the instances are known."""
    known = instances("billing", "orders", "twin", "twin")
    replica = Instance(id="r", name="orders-read", status="ACTIVE", type="Replica")
    aliases = {
        "billing": "orders",
        "read": "orders-read",
        "gone": "nothing",
        "two": "twin",
        "shop": "orders",
    }
    found = dict(alias_warnings(aliases, [*known, replica]))

    assert set(found) == {"billing", "read", "gone", "two"}
    assert "never used" in found["billing"]
    assert "read replica" in found["read"]
    assert "no instance is named nothing" in found["gone"]
    assert "2 instances" in found["two"]


def test_rules_and_searches_know_names_of_any_script() -> None:
    """However an editor composed their letters."""
    name = "订单库-Zürich"
    policy = Policy(rules=(Rule(instances=(normalize("NFD", "订单*-zürich"),), approvals=2),))
    assert policy.terms_for(name, "id").approvals == 1
    policy = Policy(rules=(Rule(instances=(normalize("NFD", "订单*-Zürich"),), approvals=2),))
    assert policy.terms_for(name, "id").approvals == 2
    assert policy.terms_for(normalize("NFD", name), "id").approvals == 2
    assert (
        Policy(rules=(Rule(instances=("a[b]",), approvals=2),)).terms_for("a[b]", "").approvals
        == 2
    )

    assert matching(instances(name, "prod"), normalize("NFD", "库-zÜr")) == instances(name)


LETTERS = [*"aAbo-_. '\"`&<>/订单", *"\u00e9\u0301\u200d\u202e\u2013\uff21"]
names = st.text(st.sampled_from(LETTERS), min_size=1, max_size=8)
VERBS = st.sampled_from(["create", "crate", "list", "audit", "policy", "delete abcd", "aduit"])
TAILS = st.sampled_from(
    ["", " 42-before", " abcd don't", " --al", " --kepe 3d", " abcd why!", " x y z", " --keep 1"]
)


def reference(command: Command) -> str | None:
    """The instance that a command names."""
    if isinstance(command, CreateBackup | DeleteBackup | ListBackups | ShowAudit | ShowPolicy):
        return command.instance
    return None


def corrections(text: str) -> list[str]:
    """The commands that the answer to a text offers to copy."""
    try:
        parse(text)
    except CommandError as error:
        refused = error
    else:
        return []
    (section,) = refusal(refused, "/backup").blocks
    _, offers, shown = section.to_dict()["text"]["text"].rpartition("Send this: ")
    assert shown == f"`{escaped(refused.corrected or '')}`" or not offers
    return [shown.strip("`").removeprefix("/backup")] if offers else []


@given(st.lists(names, max_size=6), names, VERBS, TAILS)
@settings(max_examples=600, deadline=None)
def test_no_correction_means_another_instance(
    there_are: list[str], name: str, verb: str, tail: str
) -> None:
    """What is offered to be copied names the instance as it was typed, to the letter."""
    known = References(instances(*there_are))
    texts = [escaped(f"{verb} {typed}{tail}") for typed in (name, f'"{name}"')]
    for text, corrected in ((typed, line) for typed in texts for line in corrections(typed)):
        meant = reference(parse(corrected))
        if meant is not None:
            assert meant in words(text)
            assert found(known, meant) in (None, name_key(meant))


def found(known: References, word: str) -> str | None:
    """The key of the instance that a word means; None if there is none."""
    try:
        return name_key(known.find(word).name)
    except UserError:
        return None


@given(st.lists(names, max_size=6), names)
@settings(max_examples=300, deadline=None)
def test_a_word_means_only_what_is_named_so(there_are: list[str], name: str) -> None:
    """Or nothing: then names are suggested, and no command to copy."""
    known, key = References(instances(*there_are)), name_key(name)
    assert found(known, fold(name)) in (None, key)
    assert known.has(fold(name)) == ([*map(name_key, there_are)].count(key) == 1)
    if key not in map(name_key, there_are):
        with pytest.raises(UnknownInstance) as raised:
            known.find(fold(name))
        assert "/backup" not in refusal(raised.value, "/backup").text
