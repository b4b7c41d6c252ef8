"""Damages InnoDB's own pages in a clone, below SQL: with the right checksum, the server takes them for its own.

A page of an index: https://dev.mysql.com/doc/internals/en/innodb-page-structure.html. The log may write a row anew, and its
damage is gone with it: whether it is still there is asked of the copy.
"""

import random
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from backups.services.mysql.details import DATADIR
from backups.services.mysql.dump_details import is_dump
from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.witness.definitions import subject
from verification.damage.checksums import crc32c
from verification.damage.kind import MOST, Injected, Kind, NotInjected, Stand, Target
from verification.damage.mysql_sql import OWN, TEXTS, TYPES, WHOLE, keyed_tables, session, some_keys, table

_INDEX = 17855
_INFIMUM, _SUPREMUM = 99, 112
_BODY, _TRAILER = 38, 8
_DELETED = 0x20
_SYSTEM = 13
"""Bytes between a row's key and its other columns: who wrote it, and what it was before."""
_SIZES = {"tinyint": 1, "smallint": 2, "mediumint": 3, "int": 4, "bigint": 8}
_ROWS = 20
"""Of a table that are chosen from: the first ones, which lie where a file begins."""
_VISIBLE = "SELECT 1 FROM information_schema.statistics WHERE (table_schema, table_name, index_name) = (%s, %s, %s)"
_PLAIN = re.compile(r"[A-Za-z0-9_]+")


@dataclass
class _Page:
    """A leaf of an index in a file: its bytes, and where it is."""

    path: Path
    offset: int
    content: bytearray

    @property
    def index(self) -> int:
        return int(struct.unpack_from(">Q", self.content, _BODY + 28)[0])

    @property
    def is_leaf(self) -> bool:
        """Whether it is a leaf with records, with the checksum that a server expects."""
        kind, level, count = (struct.unpack_from(">H", self.content, at)[0] for at in (24, _BODY + 26, _BODY + 16))
        return kind == _INDEX and level == 0 and count > 0 and self.checksum == int(struct.unpack_from(">I", self.content)[0])

    @property
    def checksum(self) -> int:
        end = len(self.content) - _TRAILER
        return crc32c(bytes(self.content[4:26])) ^ crc32c(bytes(self.content[_BODY:end]))

    def records(self) -> list[int]:
        """Return where its live records begin."""
        found: list[int] = []
        at = _INFIMUM
        while len(found) < len(self.content):
            at = (at + struct.unpack_from(">H", self.content, at - 2)[0]) % len(self.content)
            if at in {_SUPREMUM, 0} or at < _SUPREMUM:
                break
            found.append(at)
        return [at for at in found if not self.content[at - 5] & _DELETED]

    def write(self) -> None:
        """Write it back, with the checksum of what it holds now."""
        end = len(self.content) - _TRAILER
        struct.pack_into(">I", self.content, 0, self.checksum)
        struct.pack_into(">I", self.content, end, self.checksum)
        with self.path.open("r+b") as file:
            file.seek(self.offset)
            file.write(self.content)


def _file(stand: Stand, target: Target) -> Path:
    return stand.chain[0].data / DATADIR / target[0] / f"{target[1]}.ibd"


def _leaves(path: Path, size: int, index: int | None = None) -> Iterator[_Page]:
    """Yield the leaves of an index of a file; None: of the first one, which holds the rows."""
    with path.open("rb") as file:
        pages = [_Page(path, at, bytearray(content)) for at, content in _read(file, size)]
    ids = sorted({page.index for page in pages if struct.unpack_from(">H", page.content, 24)[0] == _INDEX})
    wanted = index if index is not None else next(iter(ids), None)
    yield from (page for page in pages if page.index == wanted and page.is_leaf)


def _read(file: BinaryIO, size: int) -> Iterator[tuple[int, bytes]]:
    for number in range(MOST * 4):
        content = file.read(size)
        if len(content) < size:
            return
        yield number * size, content


def _page_size(stand: Stand) -> int:
    return int(stand.manifests[-1].details.get("variables", {}).get("innodb_page_size") or 16384)


def _stored(stand: Stand, opened: Session) -> dict[tuple[str, str], list[str]]:
    """Return the tables in plain files of their own that are defined as they were in the full; with their keys."""
    if not stand.chain or is_dump(stand.manifests[0].details):
        return {}
    first, last = (
        {fact.subject: fact.value for fact in manifest.witness if fact.metric == "definition"}
        for manifest in (stand.manifests[0], stand.manifests[-1])
    )
    plain = {
        (schema, name)
        for schema, name in rows(
            opened,
            "SELECT table_schema, table_name FROM information_schema.tables WHERE engine = 'InnoDB' AND table_schema NOT IN %s "
            "AND row_format IN ('Dynamic', 'Compact') AND create_options NOT LIKE '%%partitioned%%' "
            "AND create_options NOT LIKE '%%ENCRYPTION%%' AND create_options NOT LIKE '%%compress%%' ORDER BY 1, 2",
            [OWN],
        )
        if _PLAIN.fullmatch(schema)
        and _PLAIN.fullmatch(name)
        and first.get(subject(schema, name), 0) == last.get(subject(schema, name), 1)
    }
    return {key: columns for key, columns in keyed_tables(opened).items() if key in plain}


def _rows(stand: Stand) -> Iterator[Target]:
    """Name rows of tables whose key is one number, and whose next column is not empty: where it lies in a row is known.

    Each with one bit of what it holds once the log is replayed: whoever asks later knows whether it was written anew.
    """
    with session(stand) as opened:
        for (schema, name), key in _stored(stand, opened).items():
            found = rows(
                opened,
                "SELECT column_name, data_type, column_type, is_nullable FROM information_schema.columns WHERE table_schema = %s "
                "AND table_name = %s AND extra NOT LIKE '%%VIRTUAL%%' ORDER BY ordinal_position",
                [schema, name],
            )
            first = {str(row[0]): row for row in found}
            rest = [row for row in found if row[0] not in key]
            if len(key) != 1 or not rest or first[key[0]][1] not in WHOLE or rest[0][3] == "YES":
                continue
            (column, kind, whole, _), (_, key_kind, key_type, _) = rest[0], first[key[0]]
            if kind not in (*TEXTS, *WHOLE):
                continue
            where = (schema, name, key[0], str(key_kind), str("unsigned" in key_type))
            value = (str(column), str(kind), str("unsigned" in whole))
            filled = f"OCTET_LENGTH({quoted(column)}) > 0"
            for number, shown in some_keys(opened, schema, name, key, _first(value), filled, most=_ROWS):
                yield (*where, *value, str(number), str(_byte(value, shown) & 1))


def _first(value: Target) -> str:
    """Return the SQL that tells what a column (its name, type, and whether it is unsigned) begins with."""
    return f"HEX(LEFT({quoted(value[0])}, 1))" if value[1] in TEXTS else quoted(value[0])


def _byte(value: Target, shown: object) -> int:
    """Return the first byte that InnoDB stores of a column that begins so."""
    if value[1] in TEXTS:
        return int(str(shown)[:2], 16)
    size = _SIZES[value[1]]
    return (int(str(shown)) + (0 if value[2] == "True" else 1 << (8 * size - 1))) >> (8 * (size - 1))


def _damage_row(stand: Stand, target: Target, chance: random.Random) -> Injected:  # noqa: ARG001
    """Flip the lowest bit of the first byte behind a row's key and what InnoDB keeps with it."""
    size, name = _SIZES[target[3]], subject(*target[:2])
    key = (int(target[8]) + (0 if target[4] == "True" else 1 << (8 * size - 1))).to_bytes(size, "big")
    found = (
        (page, at)
        for page in _leaves(_file(stand, target), _page_size(stand))
        for at in page.records()
        if page.content[at : at + size] == key
    )
    page, at = next(found, (None, 0))
    if page is None:
        raise NotInjected(f"the full's clone holds no {target[2]} {target[8]} of {name} where it was looked for")
    page.content[at + size + _SYSTEM] ^= 1
    page.write()
    return Injected(f"one bit of a stored row of {name} flipped, {target[2]} {target[8]}", (name,))


def _row_is_damaged(stand: Stand, target: Target, injected: Injected) -> bool:  # noqa: ARG001
    """Whether the row is not what the undamaged copy has: a log that writes it anew, or a copy that lost it, are told apart."""
    value = target[5:8]
    with session(stand) as opened:
        statement = f"SELECT {_first(value)} FROM {table(*target[:2])} WHERE {quoted(target[2])} = %s"  # noqa: S608 -- quoted
        row = rows(opened, statement, [int(target[8])])
    return not row or row[0][0] in (None, "") or _byte(value, row[0][0]) & 1 != int(target[9])


def _indexes(stand: Stand) -> Iterator[Target]:
    with session(stand) as opened:
        stored = _stored(stand, opened)
        for schema, name, index, number in rows(
            opened,
            "SELECT SUBSTRING_INDEX(t.name, '/', 1), SUBSTRING_INDEX(t.name, '/', -1), i.name, i.index_id "
            "FROM information_schema.innodb_indexes i JOIN information_schema.innodb_tables t USING (table_id) "
            "WHERE i.type IN (0, 2) ORDER BY 1, 2, 4",
        ):
            if (schema, name) in stored:
                yield (str(schema), str(name), str(index), str(number))


def _lose_entry(stand: Stand, target: Target, chance: random.Random) -> Injected:
    """Mark an entry of an index as deleted: its row is still there, and is not found by it."""
    page = _chosen(list(_leaves(_file(stand, target), _page_size(stand), int(target[3]))), target, chance)
    page.content[chance.choice(page.records()) - 5] |= _DELETED
    page.write()
    name = subject(*target[:2])
    return Injected(f"an entry of index {target[2]} of {name} is gone", (name,))


def _entry_is_gone(stand: Stand, target: Target, injected: Injected) -> bool:  # noqa: ARG001
    where = table(*target[:2])
    with session(stand) as opened:
        if not rows(opened, _VISIBLE, list(target[:3])):
            if len(stand.chain) > 1:
                raise NotInjected(f"index {target[2]} is the server's own: whether the log has deleted that row cannot be asked")
            # No statement reads it by itself: CHECK TABLE does.
            return True
        counts = [
            rows(opened, f"SELECT COUNT(*) FROM {where} FORCE INDEX ({quoted(index)})")[0][0]  # noqa: S608 -- quoted
            for index in ("PRIMARY", target[2])
        ]
    return len(set(counts)) > 1


def _chosen(pages: Sequence[_Page], target: Target, chance: random.Random) -> _Page:
    filled = [page for page in pages if page.records()]
    if not filled:
        raise NotInjected(f"{subject(*target[:2])} has no page that can be damaged in the full's clone")
    return chance.choice(filled)


KINDS: Sequence[Kind] = (
    Kind(
        "stored row damaged",
        TYPES,
        "fetched",
        lambda stand: list(islice(_rows(stand), MOST)),
        _damage_row,
        "running",
        _row_is_damaged,
    ),
    Kind(
        "index entry gone",
        TYPES,
        "fetched",
        lambda stand: list(islice(_indexes(stand), MOST)),
        _lose_entry,
        "running",
        _entry_is_gone,
    ),
)
