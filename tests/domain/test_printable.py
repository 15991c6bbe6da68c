"""Nothing that people or RDS wrote moves a terminal."""

import json

import pytest

from bot.domain.printable import printable, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("orders-prod", "orders-prod"),
        ("订单库 · наш", "订单库 · наш"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("\x1b[31mred", "\\u001b[31mred"),
        ("\x9b31m", "\\u009b31m"),
        ("a\nb\r\tc\x7f", "a\\u000ab\\u000d\\u0009c\\u007f"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066x\u2069\u200f\u061c", "\\u2066x\\u2069\\u200f\\u061c"),
        ("\u2028\ufeff\U000e0041", "\\u2028\\ufeff\\udb40\\udc41"),
        ("\udc1b", "\\udc1b"),
    ],
)
def test_what_a_terminal_obeys_is_spelled_out(text: str, shown: str) -> None:
    """And all that people write in their languages stays."""
    assert printable(text) == shown


def test_json_stays_json() -> None:
    """The escapes are those of JSON."""
    text = "".join(map(chr, range(0x2100))) + "\ufeff\U000e0041\U0001f600"

    assert json.loads(printable(json.dumps(text, ensure_ascii=False))) == text


def test_a_text_of_several_lines_keeps_them() -> None:
    """Line by line."""
    assert printable_lines("one\n\x1btwo\n") == "one\n\\u001btwo\n"
