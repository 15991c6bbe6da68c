"""What an instance is called where there are several projects, and which rules mean it."""

import pytest

from bot.domain.errors import AmbiguousInstance, UnknownInstance
from bot.domain.instances import Instance, matching
from bot.domain.patterns import covers
from bot.domain.policy import Policy, Rule, Terms
from bot.domain.policy_problems import problems
from bot.domain.references import References, alias_warnings
from bot.slack.messages.answers import refusal


def instance(project: str, name: str, number: int = 1) -> Instance:
    """An instance whose ID names its project, too."""
    return Instance(id=f"{project}-{name}-{number}", name=name, status="ACTIVE", project=project)


EU, US, BILLING = instance("eu", "orders"), instance("us", "orders"), instance("us", "billing")


def listed(*instances: Instance, aliases: dict[str, str] | None = None) -> References:
    """What is known once both projects are listed."""
    known = References(aliases=aliases, projects=["eu", "us"])
    for project in ("eu", "us"):
        known.replace(project, [one for one in instances if one.project == project])
    return known


def test_a_unique_name_is_enough_and_the_full_name_always_works() -> None:
    """People see the project only where it says something."""
    known = listed(EU, US, BILLING)

    assert known.find("billing").label == "billing"
    assert known.find("us/billing").id == BILLING.id
    assert known.find("eu/orders").label == "eu/orders"
    assert known.find("eu/orders").typed == "eu/orders"


def test_a_name_in_two_projects_lists_both() -> None:
    """In the form in which either can be typed."""
    with pytest.raises(AmbiguousInstance) as raised:
        listed(EU, US).find("orders")

    assert raised.value.instance_ids == ("eu/orders", "us/orders")
    assert "Use the project, too: `eu/orders` or `us/orders`." in str(
        refusal(raised.value, "/backup")
    )


def test_two_of_one_name_in_one_project_need_their_ids() -> None:
    """The project doesn't tell them apart, but it does tell them from the third."""
    again = instance("eu", "orders", 2)
    with pytest.raises(AmbiguousInstance) as raised:
        listed(EU, again, US).find("orders")

    assert raised.value.instance_ids == (EU.id, again.id, "us/orders")


def test_a_name_becomes_unique_when_the_other_one_is_gone() -> None:
    """And is shown so from then on."""
    known = listed(EU, US)
    known.replace("us", [BILLING])

    assert known.find("orders").label == "orders"
    assert known.find("orders").project == "eu"


def test_a_renamed_instance_no_longer_hides_another() -> None:
    """Both names are right at once, also from a single page."""
    known = listed(EU, US)
    known.saw_page("us", [US.model_copy(update={"name": "carts"})])

    assert known.find("orders").label == "orders"
    assert known.find("carts").label == "carts"


def test_no_name_is_unique_while_a_project_was_never_listed() -> None:
    """It may have an instance of that name, so the project is shown."""
    known = References(projects=["eu", "us"])
    known.saw_page("eu", [EU])
    assert known.find("orders").label == "eu/orders"

    known.replace("us", [BILLING])
    assert known.find("orders").label == "orders"


def test_an_unknown_name_suggests_what_can_be_typed() -> None:
    """With the project, where that is part of the label or was typed."""
    known = listed(EU, US, BILLING)
    for typed, near in (("bilingg", "billing"), ("eu/ordres", "eu/orders")):
        with pytest.raises(UnknownInstance) as raised:
            known.find(typed)
        assert near in raised.value.suggestions


def test_an_alias_can_name_a_projects_instance() -> None:
    """A bare name that two projects have is reported, with what helps."""
    known = listed(EU, US, aliases={"shop": "eu/orders"})

    assert known.find("shop").id == EU.id
    assert matching(known.instances, "shop", {"shop": "eu/orders"}) == [known.find("eu/orders")]
    assert [text for _, text in alias_warnings({"shop": "orders"}, known.instances)] == [
        "2 instances are named orders; give its project, too"
    ]


def test_a_search_with_a_slash_is_one_of_a_project() -> None:
    """Without one, names are searched as ever."""
    known = listed(EU, US, BILLING).instances

    assert [one.id for one in matching(known, "us/")] == [US.id, BILLING.id]
    assert [one.id for one in matching(known, "order")] == [EU.id, US.id]


@pytest.mark.parametrize(
    ("pattern", "project", "is_covered"),
    [
        ("orders", "eu", True),
        ("ord*", "us", True),
        ("eu/*", "eu", True),
        ("eu/ord*", "eu", True),
        ("eu/orders", "eu", True),
        ("*/orders", "us", True),
        ("eu/*", "us", False),
        ("eu*", "eu", False),
        ("eu/orders", "", False),
    ],
)
def test_a_pattern_with_a_slash_is_about_one_project(
    pattern: str, project: str, *, is_covered: bool
) -> None:
    """One without a slash matches names in every project, and never a project."""
    assert covers([pattern], "orders", "i1", project) is is_covered


@pytest.mark.parametrize(
    ("earlier", "later", "hides"),
    [
        ("orders-*", "eu/orders-1", True),
        ("eu/*", "eu/orders-1", True),
        ("eu*", "eu/orders-1", False),
        ("eu/*", "orders-1", False),
        ("*/orders", "orders", False),
    ],
)
def test_a_rule_hides_only_what_it_certainly_covers(
    earlier: str, later: str, *, hides: bool
) -> None:
    """A rule that can still match must not keep the bot from starting."""
    policy = Policy(rules=(Rule(instances=(earlier,)), Rule(instances=(later,))))

    assert bool(problems(policy, {})) is hides


def test_an_instance_without_a_project_is_in_the_default_one() -> None:
    """As in the rows of the releases before."""
    rule = Rule(instances=("eu/*",), approvals=2)
    policy = Policy(rules=(rule,), defaults=Terms(), default_project="eu")

    assert policy.terms_for("orders", "i1").approvals == 2
    assert policy.terms_for("orders", "i1", "us").approvals == 1


def test_an_instance_that_is_not_listed_may_be_in_any_project() -> None:
    """So all rules hold that may be about it, up to the first that surely is."""
    policy = Policy(
        rules=(
            Rule(instances=("eu/*",), approvals=2),
            Rule(instances=("us/billing",), approvals=3),
            Rule(instances=("orders",), approvals=4),
            Rule(instances=("*",), approvals=5),
        )
    )

    assert [terms.approvals for terms in policy.terms_anywhere("orders")] == [2, 4]
    assert [terms.approvals for terms in policy.terms_anywhere("billing")] == [2, 3, 5]
    assert [terms.approvals for terms in policy.terms_anywhere("us/billing")] == [3]
    assert [terms.approvals for terms in Policy().terms_anywhere("orders")] == [1]
