r"""Makes text of others safe to show: a control character becomes its escape (`\x1b`), a password in it becomes `****`.

Names, values and answers come from servers and repositories that somebody else may write to. Shown as they are, a table's name
could clear the screen, forge a line of the log or turn a sentence around; a statement or a url could hold a password.
`shown` goes over whatever leaves Lifeboat for a person's eyes. What it returns it leaves as it is, so two of them do no harm.
"""

import hashlib
import re

_ACCOUNT = re.compile(r"""(//[^/:\s"]{0,256}):((?:[^\s"]|"(?![,:}\]])){0,512})@""")
"""A user and a password in a url. Up to the last @: either may hold one, and the password a / that was not escaped. A quote that
ends a member of JSON ends the url too. Bounded, so that no text takes long to look through."""

_QUOTED = r"""(?:'(?:[^'\\]|\\.|'')*(?:'|\Z)|"(?:[^"\\]|\\.|"")*(?:"|\Z))"""
"""Text in quotes, or a beginning of it: a message may have been cut."""

_SECRETS = re.compile(
    rf"""
    (?P<connection>\bCONNECTION\s*=\s*) (?P<url>{_QUOTED})
    | (?P<before>
        \bIDENTIFIED\s+(?:BY|(?:WITH|VIA)\s+\S+\s+(?:BY|AS|USING))\s+(?:PASSWORD\s*)?\(?\s*
        | \b(?:AS|USING|REPLACE)\s+(?=(?:'\*|'\$|0x))
        | \bSET\s+PASSWORD\s+(?:FOR\s+\S+\s*)?(?:=|TO)\s*(?:\w+\s*\(\s*)?
        | PASSW(?:OR)?D\w*['"`]?\s*(?:[=:(,]\s*|\s)
        | [?&](?:\w*(?:passw(?:or)?d|token|secret|api_?key)|auth|pwd)=
      )
      (?P<secret>{_QUOTED}|0x[0-9A-F]+|(?<=[?&]\w)\S+|(?<==)(?![=\s'"$*…])[^\s&"),;]+)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
"""Where a statement of SQL, an option or the query of a url gives a password."""

_HIDDEN = "****"
_NONE = frozenset({"", "…", "...", _HIDDEN})
"""What stands for a password in a hint, and what was hidden before."""


def shown(text: str) -> str:
    r"""Return text on one line, as a person may see it anywhere: no control character, no password.

    Escaped is all that Unicode does not call printable: controls, line ends, marks of direction, zero width, surrogates.
    """
    text = without_password(text)
    return text if text.isprintable() else "".join(each if each.isprintable() else _escaped(each) for each in text)


def lines_shown(text: str) -> str:
    """Return text of several lines, each as `shown` has it."""
    return "\n".join(shown(line) for line in without_password(text).split("\n"))


def json_shown(text: str) -> str:
    """Return JSON in which nothing but its own line ends is unprintable; it says the same as before."""
    return text if text.isprintable() else "".join(each if each.isprintable() or each == "\n" else _json(each) for each in text)


def without_password(text: str) -> str:
    """Mask the password of every url, and of every statement that gives one, in `text`."""
    if text.isalnum():
        # A hash, a number, a word: whatever holds a password has a sign or a space in it.
        return text
    return _SECRETS.sub(_masked, _ACCOUNT.sub(rf"\1:{_HIDDEN}@", text))


def told(value: str) -> str:
    """Return a value that was compared as a report may have it: with a password in it, masked, and the SHA-256 of all of it."""
    masked = without_password(value)
    return value if masked == value else f"{masked} (sha256 {hashlib.sha256(value.encode(errors='surrogatepass')).hexdigest()})"


def markdown(text: str) -> str:
    """Return text as `shown`, to be written into a line of Markdown: it makes no link, no HTML, no table's cell and no code."""
    line = re.sub(r"([\\`*\[\]<>|&~!]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", shown(text).strip())
    # What would make a heading, a list or a rule of a line.
    return re.sub(r"^(\d+(?=[.)](?:\s|$))|(?=[-+=#]))", r"\1\\", line)


def fenced(lines: list[str]) -> list[str]:
    """Return lines as a block of code in Markdown, with a fence that none of them can end."""
    told = [shown(line) for line in lines]
    fence = "`" * max(3, 1 + max((len(run) for line in told for run in re.findall("`+", line)), default=0))
    return [fence, *told, fence]


def _masked(found: re.Match[str]) -> str:
    if found["connection"]:
        # What is left of a url whose password holds a space, or that was cut off in it.
        end = "@" if "@" in found["url"] else ""
        if not end and found["url"][-1] == found["url"][0]:
            return found[0]
        return found["connection"] + re.sub(
            rf"(//[^/:]*):(?!\*{{4}}).*{end}", rf"\1:{_HIDDEN}{end}", found["url"], flags=re.DOTALL
        )
    secret = found["secret"]
    quote = secret[0] if secret[0] in "'\"" else ""
    inner = secret[1:-1] if quote and len(secret) > 1 and secret[-1] == quote else secret[len(quote) :]
    return found[0] if inner in _NONE or inner.startswith("${") else f"{found['before']}{quote}{_HIDDEN}{quote}"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _json(character: str) -> str:
    units = character.encode("utf-16-be", errors="surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))
