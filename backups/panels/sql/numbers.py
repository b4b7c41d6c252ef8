"""Reads and writes floating point numbers as Go does."""

import re


def number(text: str) -> float:
    """Return a number as Go reads it; raises ValueError for what is none."""
    if not re.fullmatch(r"[+-]?(inf|infinity|nan|(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)", text, re.IGNORECASE | re.ASCII):
        raise ValueError(f"not a number: {text}")
    return float(text)


def as_go(value: float) -> str:
    """Return a number as Go prints it: from a million on, and below a ten thousandth, with an exponent."""
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        return str(int(value)) if value.is_integer() else repr(value)
    shortest = next(text for places in range(18) if float(text := f"{value:.{places}e}") == value)
    mantissa, _, power = shortest.partition("e")
    return f"{mantissa}e{int(power):+03d}"
