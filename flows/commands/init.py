"""`lifeboat init`: writes a commented lifeboat.yaml by asking the running services for their versions and places."""

import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from backups import plural
from backups.config import file
from backups.config.settings import Settings
from backups.errors import ConfigError
from backups.machine.docker import Docker
from backups.repository import restic_errors
from flows.commands import console, draft, found
from flows.commands.config import variables

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_KEY_FILE = "/etc/lifeboat/repository.key"


def init(  # noqa: PLR0917 - options of a command line
    mysql: Annotated[str | None, typer.Option(metavar="[NAME=]HOST[:PORT]", help="A MySQL or MariaDB server.")] = None,
    mysql_user: Annotated[str, typer.Option(metavar="USER", help="Its user for Lifeboat.")] = "lifeboat",
    mysql_password_env: Annotated[
        str, typer.Option(metavar="VARIABLE", help="The environment variable that will hold the password; not the password.")
    ] = "MYSQL_PASSWORD",  # noqa: S107 - the name of a variable
    prometheus: Annotated[str | None, typer.Option(metavar="[NAME=]URL", help="A Prometheus server.")] = None,
    prometheus_user: Annotated[str | None, typer.Option(metavar="USER", help="Where it asks for basic authentication.")] = None,
    prometheus_password_env: Annotated[
        str, typer.Option(metavar="VARIABLE", help="The environment variable that will hold the password.")
    ] = "PROMETHEUS_PASSWORD",  # noqa: S107 - the name of a variable
    grafana: Annotated[str | None, typer.Option(metavar="[NAME=]URL", help="A Grafana server, backed up by its files.")] = None,
    grafana_token_env: Annotated[
        str | None,
        typer.Option(metavar="VARIABLE", help="Back Grafana up by its API, with the token in this environment variable."),
    ] = None,
    repository: Annotated[
        str, typer.Option(metavar="URL", help="Where backups go, as restic writes it.")
    ] = "/var/lib/lifeboat/repository",
    repository_password_env: Annotated[
        str | None, typer.Option(metavar="VARIABLE", help=f"The variable of its password. Default: the file {_KEY_FILE}.")
    ] = None,
    timezone: Annotated[str, typer.Option(metavar="ZONE", help="Of times in reports, such as Europe/Berlin.")] = "Etc/UTC",
    state: Annotated[
        str | None, typer.Option(metavar="DIRECTORY", help="Of locks and caches. Default: /var/lib/lifeboat.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.")] = Path("lifeboat.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Write a commented lifeboat.yaml by asking the running services for their versions and where their files are.

    Without a service, asks for them at a terminal. Passwords are never written, only the names of the environment variables that
    will hold them. What could not be found out is marked TODO in the file; `lifeboat doctor` names it, too.

    Examples: lifeboat init --mysql agama=10.0.0.5 --prometheus http://10.0.0.7:9090 --grafana http://10.0.0.7:3000

    Exit code: 0 written; 1 written, but a service did not answer; 2 nothing was written.
    """
    if out.exists() and not force:
        raise ConfigError(f"{out} is there already; nothing was changed", hint="--force replaces it, --out names another file")
    if not (mysql or prometheus or grafana):
        mysql, prometheus, grafana = _ask()
    for option, variable in (
        ("--mysql-password-env", mysql_password_env),
        ("--prometheus-password-env", prometheus_password_env),
        ("--grafana-token-env", grafana_token_env),
        ("--repository-password-env", repository_password_env),
    ):
        if variable is not None and not _VARIABLE.fullmatch(variable):
            # Not shown: it may be the password itself.
            raise ConfigError(f"{option} is not the name of an environment variable", hint=f"export NAME=…, then {option} NAME")
    _without_password("--repository", repository)
    docker = Docker()
    sections = []
    if mysql:
        name, address = _named("--mysql", mysql, "mysql")
        host, port = _address(address)
        sections.append(draft.mysql(name, host, port, mysql_user, mysql_password_env, found.mysql(host, port, docker)))
    if prometheus:
        name, url = _url("--prometheus", prometheus, "prometheus")
        password = os.environ.get(prometheus_password_env, "")
        account = (prometheus_user, password) if prometheus_user else None
        answer = found.prometheus(url, account, docker)
        sections.append(draft.prometheus(name, url, prometheus_user, prometheus_password_env, answer))
    if grafana:
        name, url = _url("--grafana", grafana, "grafana")
        sections.append(draft.grafana(name, url, grafana_token_env, found.grafana(url, docker)))
    if len({section.name for section in sections}) < len(sections):
        raise ConfigError("two services have the same name", hint="--mysql NAME=HOST, --prometheus NAME=URL, --grafana NAME=URL")
    key = (
        draft.Key("password", f"${{{repository_password_env}}}", "keep a copy elsewhere: without it the backups are lost")
        if repository_password_env
        else draft.Key("password_file", _KEY_FILE, "mode 0600; keep a copy elsewhere: without it the backups are lost")
    )
    text = draft.text(timezone=timezone, state=state, repository=repository, password=key, services=sections)
    settings = _write(text, out)
    silent = [section for section in sections if section.fault]
    console.result(lambda: _show(out, sections, settings), well=not silent)
    raise typer.Exit(1 if silent else 0)


def _ask() -> tuple[str | None, str | None, str | None]:
    """Ask at the terminal for each service; raises ConfigError when there is no terminal, or nothing was named."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError(
            "no service was named", hint="lifeboat init --mysql HOST --prometheus URL --grafana URL (one of them is enough)"
        )
    ask: Callable[[str], str] = lambda question: typer.prompt(f"{question} (Enter: none)", default="", show_default=False)  # noqa: E731
    answers = ask("MySQL, as host or host:port"), ask("Prometheus, its url"), ask("Grafana, its url")
    if not any(answers):
        raise ConfigError("no service was named", hint="lifeboat init --help")
    mysql, prometheus, grafana = (answer.strip() or None for answer in answers)
    return mysql, prometheus, grafana


def _named(option: str, value: str, default: str) -> tuple[str, str]:
    """Split NAME=REST; raises ConfigError for a name that lifeboat.yaml does not allow."""
    name, separator, rest = value.partition("=")
    if not separator or "/" in name:
        return default, value
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{option}: {name!r} cannot be a service's name", hint="lower case letters, digits, - and _")
    return name, rest


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":") if re.search(r"[^:]:\d*$|\]:\d*$", text) else (text, "", "3306")
    host = host.strip("[]")
    if not host or not re.fullmatch(r"[\w.:-]+", host) or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise ConfigError(
            f"--mysql: {text!r} is not HOST or HOST:PORT, with a port from 1 to 65535", hint="such as 10.0.0.5:3306"
        )
    return host, int(port)


def _url(option: str, value: str, default: str) -> tuple[str, str]:
    name, url = _named(option, value, default)
    if "${" in url:
        raise ConfigError(
            f"the url of {option} holds a ${{VARIABLE}}, which is not read there",
            hint="write the url without it; an account is given by --prometheus-user and --prometheus-password-env, or "
            "--grafana-token-env",
        )
    _without_password(option, url)
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        whole = False
    if not whole:
        raise ConfigError(f"{option}: {url!r} is not a url", hint="such as http://10.0.0.7:9090")
    return name, url


def _without_password(option: str, url: str) -> None:
    if restic_errors.holds_password(url):
        # Not shown: it holds a password.
        raise ConfigError(f"the url of {option} holds a password, which would be written down", hint="write it as ${VARIABLE}")


def _write(text: str, out: Path) -> Settings:
    """Write the file once it is known to be read back, as what is returned; raises ConfigError, which leaves all as it was."""
    partial = out.with_name(f"{out.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        settings = file.load(partial)
        partial.replace(out)
        return settings
    except OSError as error:
        raise ConfigError(f"{out} cannot be written: {error.strerror}", hint="name another file by --out") from error
    except ConfigError as error:
        raise ConfigError(error.message.replace(str(partial), str(out)), hint=error.hint) from error
    finally:
        # Below a file nothing can be removed either.
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _show(out: Path, sections: list[draft.Section], settings: Settings) -> None:
    console.out.print(f"wrote {out}: {plural.count(len(sections), 'service')}", soft_wrap=True)
    for section in sections:
        image = next(key for key in section.keys if key.name == "image")
        line = f"did not tell its version: {section.fault}" if section.fault else f"{image.comment}, copies run on {image.value}"
        console.out.print(f"  {section.name}: {line}", soft_wrap=True)
        for key in section.unknown:
            console.out.print(f"  {section.name}: fill in {key.name}: {key.comment.partition(': ')[2]}", soft_wrap=True)
    steps = [f"export {name}=…" for name in variables(settings) if not os.environ.get(name)]
    if settings.first.password_file == Path(_KEY_FILE) and not Path(_KEY_FILE).exists():
        steps.insert(0, f"write a password into {_KEY_FILE}, mode 0600")
    console.out.print("next: " + "; ".join([*steps, "lifeboat doctor"]), soft_wrap=True)
