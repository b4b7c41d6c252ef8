"""The pages of the project: what they link to, name and show exists."""

import re
import struct
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from pydantic import BaseModel
from typer.core import TyperGroup

from backups.config import file
from backups.config.settings import (
    BackupSettings,
    EvidenceSettings,
    FleetSettings,
    MachineSettings,
    Objectives,
    ReportSettings,
    RepositorySettings,
    Retention,
    SandboxSettings,
    Settings,
    Watch,
)
from backups.hosts.settings import HostSettings
from backups.services.registry import SERVICE_TYPES
from backups.services.settings import PanelsSettings, RestoreSettings
from flows.commands.main import app
from tests.pages import ROOT, Page, literals, pages
from verification.drill import suites

PAGES = pages()
README = Page(ROOT / "README.md")
MESSAGES = Page(ROOT / "docs" / "messages.md")

each_page = pytest.mark.parametrize("page", PAGES, ids=str)


def block(page: Page, language: str) -> str:
    """The first block of code in that language."""
    return page.text.partition(f"```{language}\n")[2].partition("```")[0]


def messages(page: Page) -> list[str]:
    """What the first column of its tables quotes."""
    return re.findall(r"^\| `([^`]+)` \|", page.text, re.MULTILINE)


@each_page
def test_every_link_leads_to_a_file_and_a_heading(page: Page) -> None:
    assert list(page.broken_links()) == []


@each_page
def test_every_path_in_backticks_is_there(page: Page) -> None:
    assert list(page.missing_paths()) == []


@each_page
def test_every_command_is_one_of_lifeboat(page: Page) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    assert page.words_after("lifeboat") <= set(group.commands)


@each_page
def test_every_target_is_one_of_the_makefile(page: Page) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert page.words_after("make") <= targets


def test_a_page_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    """The checker itself: each kind of fault in a made-up page is found, and what is well is not."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "other.md").write_text(
        "# Other\n\n## The `same`, twice\n\n## The same twice\n\n```\n# no heading\n```\n"
    )
    (tmp_path / "page.md").write_text(
        "# A page\n\n[well](docs/other.md#the-same-twice-1) [well](#a-page) [well](docs/) [out](https://example.org/x)\n"
        "![gone](docs/gone.png) [no heading](docs/other.md#no-heading) [itself](#b-page)\n"
        "`docs/other.md` `docs/<name>.md` `docs/gone.md` `[code](docs/nowhere.md)`\n\n"
        "```\nmake tea    # make coffee\nlifeboat sink && lifeboat backup; user: lifeboat\n```\n`make cake` but not `makes cake`\n"
    )
    page = Page(tmp_path / "page.md", tmp_path)
    assert list(page.broken_links()) == [
        "page.md: docs/gone.png: there is no docs/gone.png",
        "page.md: docs/other.md#no-heading: other.md has no heading for #no-heading",
        "page.md: #b-page: page.md has no heading for #b-page",
    ]
    assert list(page.missing_paths()) == ["page.md: `docs/gone.md` is not there"]
    assert page.words_after("make") == {"tea", "cake"}
    assert page.words_after("lifeboat") == {"sink", "backup"}
    assert [str(found) for found in pages(tmp_path)] == ["page.md", "docs/other.md"]


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = {README.path}, [README]
    while waiting:
        page = waiting.pop()
        found = {(page.path.parent / target.partition("#")[0]).resolve() for target in page.links}
        new = {path for path in found if path.suffix == ".md" and path.is_file()} - reached
        reached |= new
        waiting += [Page(path) for path in new]
    assert {str(page) for page in PAGES if page.path not in reached} == set()


def test_the_readme_is_one_screen_with_a_picture_of_a_report() -> None:
    assert README.path.stat().st_size <= 8 * 1024
    assert "docs/report.png" in README.links


@pytest.mark.parametrize("picture", sorted((ROOT / "docs").glob("*.png")), ids=lambda path: path.name)
def test_pictures_load_fast_and_fit_a_screen(picture: Path) -> None:
    head = picture.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">I", head[16:20])[0] <= 1200
    assert picture.stat().st_size <= 250_000


def test_the_boat_is_lowered_in_the_readmes_first_paragraph_only() -> None:
    boat = re.compile(r"(?i)\blower(s|ed|ing)?\b[^.]*\bboats?\b|\bboats?\b[^.]*\blower")
    assert {str(page) for page in PAGES if boat.search(page.text)} == {"README.md"}
    assert not boat.search(README.text.partition("\n\n")[2].partition("\n\n")[2])


def test_the_readmes_configuration_is_read(tmp_path: Path) -> None:
    (tmp_path / "lifeboat.yaml").write_text(block(README, "yaml"))
    settings = file.load(tmp_path / "lifeboat.yaml")
    assert [section.type for section in settings.services.values()] == ["mysql", "prometheus", "grafana"]


@pytest.mark.parametrize("name", ["mysql", "prometheus", "grafana"])
def test_the_services_pages_show_sections_that_are_read(name: str, tmp_path: Path) -> None:
    for number, shown in enumerate(re.findall(r"```yaml\n(services:.*?)```", Page(ROOT / "docs" / f"{name}.md").text, re.DOTALL)):
        path = tmp_path / f"{number}.yaml"
        path.write_text(f"repository: {{url: r, password: p}}\n{shown}")
        sections = file.load(path).services
        beside = {section.data_in for section in sections.values()}
        assert [section.type for other, section in sections.items() if other not in beside] == [name]


def test_the_suite_that_is_shown_is_read(tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(block(Page(ROOT / "docs" / "verification.md"), "yaml"))
    assert suites.read(path).database == "agama"


def test_every_key_of_the_configuration_is_on_a_page() -> None:
    sections: list[type[BaseModel]] = [
        Settings, RepositorySettings, Objectives, Retention, BackupSettings, SandboxSettings, Watch, EvidenceSettings, HostSettings, RestoreSettings,
        FleetSettings, MachineSettings,
        *(kind.settings for kind in SERVICE_TYPES.values()),
    ]  # fmt: skip
    shown = set(re.findall(r"\w+", "\n".join(line for page in PAGES for line in page.code)))
    assert {key for section in sections for key in section.model_fields} - shown == set()


SECTIONS: dict[str, type[BaseModel]] = {
    "repository": RepositorySettings,
    "objectives": Objectives,
    "retention": Retention,
    "backup": BackupSettings,
    "sandbox": SandboxSettings,
    "report": ReportSettings,
    "watch": Watch,
    "evidence": EvidenceSettings,
    "fleet": FleetSettings,
    "restore": RestoreSettings,
    "panels": PanelsSettings,
}


def keys_that_are_none(text: str) -> set[str]:
    """Find `section.key` in backticks, where the section has no such key; names of files are no keys."""
    file_names = r"(?:html|json|dsse\.json|png|py|key|config|id)`"
    named = re.findall(rf"`({'|'.join(SECTIONS)})\.(?!{file_names})(\w+)[.:`]", text)
    return {f"{section}.{key}" for section, key in named if key not in SECTIONS[section].model_fields}


@each_page
def test_every_key_with_its_section_is_one_of_the_configuration(page: Page) -> None:
    assert keys_that_are_none(page.text) == set()


def test_a_key_that_is_none_is_found() -> None:
    well = "`restore.by_itself: true` `fleet.machines` `report.html` `restore.py` restore.nothing"
    assert keys_that_are_none(well) == set()
    assert keys_that_are_none(f"{well} `restore.automatic` `fleet.pause`") == {"restore.automatic", "fleet.pause"}


def test_the_defaults_that_are_shown_are_the_defaults(tmp_path: Path) -> None:
    """A lifeboat.yaml in which each default of the table is written out says the same as one without."""
    rows = re.findall(r"^\|(.*?)\|(.*?)\|.*\|(.*?)\|$", Page(ROOT / "docs" / "configuration.md").text, re.MULTILINE)
    written: dict[str, Any] = {}
    section: dict[str, Any] = {}
    for name, keys, defaults in rows:
        if name.strip():
            section = written if name.strip() == "(top)" else written.setdefault(name.strip(" `"), {})
        for key, default in zip(re.findall(r"`(\w+)`", keys), defaults.replace("`", "").split(","), strict=False):
            if default.strip() not in {"", "none", "all"}:
                section[key] = yaml.safe_load(default)
    assert [name for name, value in written.items() if value] == [
        "timezone", "state", "objectives", "retention", "backup", "sandbox", "report", "watch", "fleet"
    ]  # fmt: skip
    least = yaml.safe_load(block(README, "yaml"))
    (tmp_path / "least.yaml").write_text(yaml.safe_dump(least))
    (tmp_path / "written.yaml").write_text(yaml.safe_dump({name: value for name, value in written.items() if value} | least))
    assert file.load(tmp_path / "written.yaml") == file.load(tmp_path / "least.yaml")


def test_the_schedules_are_those_that_are_deployed() -> None:
    deployed = {
        (deployment["name"], schedule["cron"])
        for deployment in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
        for schedule in deployment["schedules"]
    }
    listed = re.findall(r"^\| `([\w-]+)` \|.*\| `([^`]+)` \|$", Page(ROOT / "docs" / "schedules.md").text, re.MULTILINE)
    assert set(listed) == deployed


@pytest.mark.long
def test_every_message_on_the_page_is_one_that_the_code_has() -> None:
    """A message that was reworded is reworded on the page, too; `…` stands for what differs each time."""
    texts = literals("backups", "verification", "flows", "tasks")
    parts = {part.strip() for message in messages(MESSAGES) for part in message.split("…")} - {""}
    assert len(parts) > 40
    assert {part for part in parts if not any(part in text for text in texts)} == set()
