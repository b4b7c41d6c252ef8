"""docs/commands.md as tests read it: each command's section, and the JSON examples in it."""

import json
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"

MAPS = ("settings", "metrics", "counts")
"""Objects whose keys are names of things: their values have the documented shape, their keys are anybody's choice."""


FACTS = ("expected", "observed")
"""What a fact says: a number, text, or true and false."""


def sections() -> dict[str, str]:
    """The text below each heading."""
    parts = re.split(r"(?m)^## (.+)\n", PAGE.read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def examples(command: str) -> list[Any]:
    """The JSON examples of a command's section, in order."""
    return [json.loads(block) for block in re.findall(r"(?s)```json\n(.*?)```", sections()[command])]


def differences(example: Any, real: Any, at: str = "") -> list[str]:
    """Where the shape of `real` is not that of `example`: other keys, another type. Null on either side fits anything."""
    if example is None or real is None or at.rpartition(".")[2] in FACTS or re.search(r"facts\[\d+\]\.(before|after)$", at):
        return []
    if isinstance(example, (int, float)) and isinstance(real, (int, float)) and not isinstance(real, bool):
        return []
    if type(example) is not type(real):
        return [f"{at}: {type(real).__name__} instead of {type(example).__name__}"]
    if isinstance(example, list):
        return [line for number, each in enumerate(real) if example for line in differences(example[0], each, f"{at}[{number}]")]
    if not isinstance(example, dict):
        return []
    if at.rpartition(".")[2] in MAPS:
        shape = next(iter(example.values()))
        return [line for key, each in real.items() if isinstance(shape, dict) for line in differences(shape, each, f"{at}.{key}")]
    found = [f"{at}.{key} is not in docs/commands.md" for key in real if key not in example]
    found += [f"{at}.{key} is documented and not there" for key in example if key not in real]
    return found + [line for key in example if key in real for line in differences(example[key], real[key], f"{at}.{key}")]
