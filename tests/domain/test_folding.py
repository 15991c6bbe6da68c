"""What phones and Slack do to a text, undone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.folding import REFERENCE, fold, words


@given(st.text())
@settings(deadline=None)
def test_folding_twice_is_folding_once(text: str) -> None:
    """A folded text holds nothing to fold, and nothing that stands for a reference."""
    assert fold(fold(text)) == fold(text)
    assert REFERENCE not in fold(text)


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
@settings(deadline=None)
def test_plain_text_is_left_alone(text: str) -> None:
    """What a keyboard without ideas of its own sends stays as it is."""
    assert fold(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a  b", ["a", "b"]),
        ("'a b' c", ["a b", "c"]),
        ("don't 'don't do it' now", ["don't", "don't do it", "now"]),
        ('"it\'s" \'say "no"\'', ["it's", 'say "no"']),
        ("a \" b 'c", ["a", '"', "b", "'c"]),
        ("\u00ab\u00a0a b\u00a0\u00bb", ["a b"]),
        ("&amp;lt; &lt;@U1&gt;", ["&lt;", "<@U1>"]),
        ("<mailto:a@b.c|a@b.c> <https://x.y|x.y>", ["a@b.c", "x.y"]),
        ("<!subteam^S1|@dba> <!date^1^{date}|today>", [f"{REFERENCE}@dba", f"{REFERENCE}@today"]),
        ("1 <2> <b> <", ["1", "<2>", "<b>", "<"]),
    ],
)
def test_a_text_is_cut_into_words(text: str, expected: list[str]) -> None:
    """Quotes group, apostrophes do not; escapes are undone once; references are marked."""
    assert words(text) == expected
