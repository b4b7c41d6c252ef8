"""grafana.ini, as the environment that says the same: `[auth.proxy] enabled` is GF_AUTH_PROXY_ENABLED.

Only what is plain is read: a value that names another place (`$__file{…}`, `${…}`) is left to the environment.
"""

import configparser
import logging
import re
from collections.abc import Mapping
from pathlib import Path

log = logging.getLogger("standin")
_TOP = "DEFAULT OF NOBODY"
_QUOTES = ('"""', '"', "'", "`")


def joined(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, with the file's settings where it does not name them itself."""
    path = Path(environment.get("GF_PATHS_CONFIG", "/etc/grafana/grafana.ini"))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        log.info("no settings file path=%s error=%r", path, str(error))
        return dict(environment)
    return _settings(text) | dict(environment)


def _settings(text: str) -> dict[str, str]:
    reader = configparser.RawConfigParser(
        strict=False, allow_no_value=True, delimiters=("=",), comment_prefixes=("#", ";"), default_section=_TOP
    )
    try:
        lines = [line.strip() for line in text.splitlines()]  # an indented line goes on with nothing
        reader.read_string("\n".join(["[top]", *lines]))
    except configparser.Error as error:
        log.warning("settings file not understood error=%r", str(error))
        return {}
    found = {}
    for section in reader.sections():
        for key, value in reader.items(section):
            plain = _unquoted((value or "").strip())
            if section != "top" and plain and not re.search(r"\$(__\w+)?\{", plain):
                found["GF_" + re.sub(r"[.-]", "_", f"{section}_{key}").upper()] = plain
    return found


def _unquoted(value: str) -> str:
    quote = next((one for one in _QUOTES if len(value) >= 2 * len(one) and value.startswith(one) and value.endswith(one)), "")
    return value[len(quote) : len(value) - len(quote)]
