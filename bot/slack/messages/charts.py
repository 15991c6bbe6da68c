"""Charts that Slack draws. Not every workspace accepts them, so the text has the numbers, too."""

from collections.abc import Mapping, Sequence
from typing import Any

from slack_sdk.models.blocks import Block

MOST_SERIES, LONGEST_LABEL = 6, 20  # Slack's limits
GB = 2**20  # KB


class LineChart(Block):
    """A line for each name, with a value for each category; slack_sdk has no class for it."""

    type = "data_visualization"

    def __init__(
        self,
        title: str,
        lines: Mapping[str, Sequence[float]],
        categories: Sequence[str],
        y_label: str,
    ) -> None:
        super().__init__(type=self.type)
        self._title = title
        self._lines = lines
        self._categories = categories
        self._y_label = y_label

    def to_dict(self, *_: Any) -> dict[str, Any]:
        """Return the block as Slack takes it."""
        series = [
            {"name": name, "data": [self._point(*one) for one in enumerate(values)]}
            for name, values in self._lines.items()
        ]
        axes = {"categories": [*self._categories], "y_label": self._y_label}
        chart = {"type": "line", "series": series, "axis_config": axes}
        return {"type": self.type, "title": self._title, "chart": chart}

    def _point(self, place: int, value: float) -> dict[str, Any]:
        return {"label": self._categories[place], "value": value}


def line_names(names: Sequence[str]) -> list[str]:
    """Return names of at most 20 characters, none of them twice and none empty."""
    found: list[str] = []
    for name in names:
        short = name.strip() or "?"
        if len(short) > LONGEST_LABEL or short in found:
            number = f"…{len(found) + 1}"
            short = short[: LONGEST_LABEL - len(number)] + number
        found.append(short)
    return found
