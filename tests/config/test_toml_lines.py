"""The line on which each setting stands, however the file is written."""

import time

from bot.config.toml_lines import line_of, lines_of

FILE = """\
# who may do what
[approval]
approvers = [
  "S0DBA",   # the DBAs

  "U0BEN",
]
note = '''
[[rule]]
approvals = 9
'''
approvals = 2

[[rule]]
instances = ["a"]
[[rule]]

instances = ["b"]
"quoted.key" = 1
inline = { x = 1, y = [{ z = 2 }] }
a.b = 3
"""


def test_every_key_has_the_line_where_its_statement_begins() -> None:
    """Also after values of several lines, texts that look like tables, and second tables."""
    lines = lines_of(FILE)

    assert lines["approval",] == 2
    assert lines["approval", "approvers"] == 3
    assert lines["approval", "note"] == 8
    assert lines["approval", "approvals"] == 12
    assert lines["rule", 0, "instances"] == 15
    assert lines["rule", 1, "instances"] == 18
    assert lines["rule", 1, "quoted.key"] == 19
    assert lines["rule", 1, "inline", "y", 0, "z"] == 20
    assert lines["rule", 1, "a", "b"] == 21


def test_a_path_without_a_line_has_that_of_its_table() -> None:
    """A key that is missing belongs to its table; nothing has nothing."""
    lines = lines_of(FILE)

    assert line_of(("rule", 1, "approvals"), lines) == 16
    assert line_of(("rds",), lines) is None


def test_strings_and_comments_end_nothing() -> None:
    """Brackets, quotes and hashes in them are text."""
    lines = lines_of(
        'a = "[ # \\" { \\\\"\n'
        "b = '[ \" \\'\n"
        'c = """one\n[x]\n\\""" ""\n two""""\n'
        "d = '''\n'' [''''' # ]\n"
        "e = [ # ] [\n  '''\n]''', \"]\"]\n"
        '"f g".\'h\' = { i = "}" } # {\r\n'
        "j = 1"
    )

    assert lines == {
        ("a",): 1,
        ("b",): 2,
        ("c",): 3,
        ("d",): 7,
        ("e",): 9,
        ("e", 0): 9,
        ("e", 1): 9,
        ("f g",): 12,
        ("f g", "h"): 12,
        ("f g", "h", "i"): 12,
        ("j",): 13,
    }


def test_tables_below_arrays_of_tables_belong_to_the_last_of_them() -> None:
    """`[rule.more]` after the second `[[rule]]` is about the second."""
    lines = lines_of(
        "[[rule]]\n[rule.more]\na = 1\n[[rule]]\n[[rule.part]]\n[[rule.part]]\nb = 2\n"
        "[rule.more]\nc = 3\n[x.y]\nd = 4\n"
    )

    assert lines["rule",] == lines["rule", 0] == 1
    assert lines["rule", 0, "more", "a"] == 3
    assert lines["rule", 1] == 4
    assert lines["rule", 1, "part"] == 5
    assert lines["rule", 1, "part", 1] == 6
    assert lines["rule", 1, "part", 1, "b"] == 7
    assert lines["rule", 1, "more", "c"] == 9
    assert lines["x",] == lines["x", "y"] == 10
    assert lines["x", "y", "d"] == 11


def test_a_long_file_is_read_in_no_time() -> None:
    """Ten thousand statements, and one of ten thousand lines."""
    began = time.process_time()
    rules = '[[rule]]\ninstances = ["a"]\n' * 5_000
    people = '  "U0BEN",\n' * 10_000
    lines = lines_of(f"{rules}[approval]\napprovers = [\n{people}]\n")

    assert lines["rule", 4_999, "instances"] == 10_000
    assert lines["approval", "approvers"] == 10_002
    assert time.process_time() - began < 5
