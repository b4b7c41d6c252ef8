"""Which files of a block must be copied, and what is said of those on disk."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from backups.errors import Damaged, LifeboatError
from backups.manifest import Manifest, Source
from backups.services.prometheus import blocks
from backups.services.prometheus.details import Block, BlockFile, PrometheusDetails

ULID = "01M82NN1QANH9YBV20ABDAT6FS"
META = b'{"ulid": "%s", "minTime": 1, "maxTime": 5, "stats": {"numSamples": 7, "numSeries": 2, "numChunks": 2}, "version": 1}'


def _manifest(identifier: str, details: dict[str, object]) -> Manifest:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    return Manifest.model_construct(
        lifeboat="0",
        id=identifier,
        service="prometheus",
        type="prometheus",
        kind="full",
        chain=identifier,
        sequence=0,
        parent=None,
        started_at=at,
        taken_at=at,
        finished_at=at,
        source=Source(version="3.5.0", image="prom/prometheus:v3.5.0"),
        files=(),
        details=details,
        witness=(),
    )


def _block(*files: BlockFile) -> Block:
    return Block.model_construct(ulid=ULID, min_time=1, max_time=5, files=files)


def test_files_without_a_backup_belong_to_the_chains_last() -> None:
    block = _block(
        BlockFile.model_construct(path="index", size=1, sha256="a"),
        BlockFile.model_construct(path="chunks/000001", size=2, sha256="b", backup="first"),
    )
    have = blocks.known([_manifest("first", {}), _manifest("last", {})], [block])
    assert {key: file.backup for key, file in have.items()} == {
        (ULID, "index", 1): "last",
        (ULID, "chunks/000001", 2): "first",
    }


@pytest.mark.parametrize(
    ("path", "size", "copied"),
    [("index", 1, False), ("index", 2, True), ("chunks/000002", 1, True), ("meta.json", 1, True), ("tombstones", 1, True)],
)
def test_only_files_written_once_are_taken_from_the_chain(path: str, size: int, copied: bool) -> None:
    """meta.json and tombstones may be rewritten with the same size."""
    files = [BlockFile.model_construct(path=name, size=1, sha256="a") for name in ("index", "meta.json", "tombstones")]
    have = blocks.known([_manifest("first", {})], [_block(*files)])
    assert blocks.must_be_copied(ULID, path, size, have) is copied


def test_the_same_path_of_another_block_is_another_file() -> None:
    have = blocks.known([_manifest("first", {})], [_block(BlockFile.model_construct(path="index", size=1, sha256="a"))])
    assert blocks.must_be_copied(ULID[:-1] + "T", "index", 1, have)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"ulid": "x", "minTime": "soon", "maxTime": 1, "stats": {}}', b"\xff"])
def test_a_meta_json_that_is_none_is_reported_with_its_origin(text: bytes) -> None:
    with pytest.raises(LifeboatError, match=r"block 7 is not a valid meta\.json of a block"):
        blocks.Meta.read(text, "block 7")


def _data(directory: Path) -> Path:
    block = directory / ULID
    (block / "chunks").mkdir(parents=True)
    (block / "meta.json").write_bytes(META % ULID.encode())
    (block / "chunks" / "000001").write_bytes(b"samples")
    (directory / "wal").mkdir()
    (directory / "wal" / "00000000").write_bytes(b"not a block's")
    return directory


def test_facts_are_the_numbers_and_the_hashes_of_blocks_alone(tmp_path: Path) -> None:
    facts = {(fact.subject, fact.metric): fact.value for fact in blocks.facts(_data(tmp_path))}
    assert facts["data directory", "blocks"] == 1
    assert facts[f"block {ULID}", "samples"] == 7
    assert {metric for subject, metric in facts if subject == f"block {ULID}"} == {
        "min time", "max time", "samples", "series", "chunks", "sha256 of meta.json", "sha256 of chunks/000001",
    }  # fmt: skip


def test_a_block_whose_numbers_cannot_be_read_states_none(tmp_path: Path) -> None:
    _data(tmp_path)
    (tmp_path / ULID / "meta.json").write_bytes(b"{")
    metrics = {fact.metric for fact in blocks.facts(tmp_path)}
    assert "samples" not in metrics
    assert "sha256 of meta.json" in metrics


def test_damages_name_block_and_file(tmp_path: Path) -> None:
    _data(tmp_path)
    chunk = tmp_path / ULID / "chunks" / "000001"
    good = BlockFile.model_construct(path="chunks/000001", size=7, sha256=blocks.digest(chunk))
    assert blocks.damages(tmp_path, [_block(good)]) == []
    chunk.write_bytes(b"semples")
    assert blocks.damages(tmp_path, [_block(good)])[0].startswith(f"block {ULID}: chunks/000001 has sha256")
    chunk.write_bytes(b"sample")
    assert blocks.damages(tmp_path, [_block(good)]) == [f"block {ULID}: chunks/000001 has 6 bytes, 7 were captured"]
    chunk.unlink()
    assert blocks.damages(tmp_path, [_block(good)]) == [f"block {ULID}: chunks/000001 is missing"]


def test_details_of_another_version_are_damage() -> None:
    with pytest.raises(Damaged, match="the manifest of first is not a Prometheus backup's: snapshot: Field required"):
        PrometheusDetails.of(_manifest("first", {"blocks": [], "questions": {"seed": 1}, "flags": {}}))


def test_what_a_server_has_linked_is_no_block_and_no_file_of_one(tmp_path: Path) -> None:
    """A copy's server owns its data directory: what it puts there may lead anywhere."""
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    for directory in (data / ULID, elsewhere / "chunks"):
        directory.mkdir(parents=True)
    (data / ULID / "meta.json").write_bytes(META % ULID.encode())
    (elsewhere / "meta.json").write_bytes(META % ULID.encode())
    (elsewhere / "chunks" / "000001").write_text("theirs")
    (data / ULID / "index").symlink_to(elsewhere / "meta.json")
    (data / ULID / "chunks").symlink_to(elsewhere / "chunks")
    (data / ULID.replace("S", "T")).symlink_to(elsewhere)

    found = {(fact.subject, fact.metric) for fact in blocks.facts(data)}
    assert (f"block {ULID}", "sha256 of meta.json") in found
    assert {metric for _, metric in found if metric.startswith("sha256")} == {"sha256 of meta.json"}
    assert [fact.value for fact in blocks.facts(data) if fact.metric == "blocks"] == [1]
    wanted = _block(*(BlockFile.model_construct(path=path, size=6, sha256="") for path in ("index", "chunks/000001")))
    assert blocks.damages(data, [wanted]) == [f"block {ULID}: {path} is missing" for path in ("index", "chunks/000001")]
