"""Links are made whole from what was fetched: in any order, through one another, never in a circle."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from backups.places import links
from backups.places.local.place import LocalPlace


def whole(root: Path, into: Path) -> list[str]:
    """Fetch a directory as a backup of a configuration does."""
    place = LocalPlace(root)
    place.fetch([file.path for file in place.files()], into)
    return links.follow(place.links(), into)


def test_a_kubernetes_config_map_comes_as_its_files(tmp_path: Path) -> None:
    etc, into = tmp_path / "etc", tmp_path / "into"
    (etc / "..2026_11_29" / "rules").mkdir(parents=True)
    (etc / "..2026_11_29" / "prometheus.yml").write_text("main")
    (etc / "..2026_11_29" / "rules" / "r.yml").write_text("rule")
    (etc / "..data").symlink_to("..2026_11_29")
    (etc / "prometheus.yml").symlink_to("..data/prometheus.yml")
    (etc / "rules").symlink_to("..data/rules")
    assert whole(etc, into) == []
    assert (into / "prometheus.yml").read_text() == "main"
    assert (into / "rules" / "r.yml").read_text() == "rule"
    assert not any(path.is_symlink() for path in into.rglob("*"))


def test_what_leads_outside_is_named_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "etc" / "out").symlink_to("../secret")
    (tmp_path / "etc" / "through").symlink_to("out")
    (tmp_path / "etc" / "gone").symlink_to("nothing")
    assert whole(tmp_path / "etc", tmp_path / "into") == ["gone", "out", "through"]
    assert [path for path in (tmp_path / "into").rglob("*") if path.is_file()] == []


NAMES = ["a", "b", "c/d", "c/e", "c/f/g"]


@given(
    st.lists(
        st.tuples(st.sampled_from([*NAMES, "l1", "c/l2", "c/f/l3", "l4"]), st.sampled_from([*NAMES, "c", "c/f", "l1", "l4", "."]))
    )
)
def test_however_links_lead_every_path_reads_as_it_did_or_is_named(
    tmp_path_factory: object, pairs: list[tuple[str, str]]
) -> None:
    root = tmp_path_factory.mktemp("tree") / "etc"  # type: ignore[attr-defined]
    for name in NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"content of {name}")
    for link, target in pairs:
        if not (root / link).exists() and not (root / link).is_symlink():
            (root / link).symlink_to(os.path.relpath(root / target, (root / link).parent))
    into = root.parent / "into"
    named = whole(root, into)
    for link in {link for link, _ in pairs if (root / link).is_symlink()}:
        if link in named:
            continue
        real = (root / link).resolve()
        if real.is_file():
            assert (into / link).read_text() == real.read_text()
        else:
            kept = {path.relative_to(into / link).as_posix() for path in (into / link).rglob("*") if path.is_file()}
            assert {
                path.relative_to(real).as_posix() for path in real.rglob("*") if path.is_file() and not path.is_symlink()
            } <= kept
