"""The line on which each setting stands, however the file is written."""

from bot.toml_lines import line_of, lines_of

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


def test_what_has_no_line_has_that_of_what_it_stands_in() -> None:
    """A key that is missing belongs to its table; nothing has nothing."""
    lines = lines_of(FILE)

    assert line_of(("rule", 1, "approvals"), lines) == 16
    assert line_of(("rds",), lines) is None
