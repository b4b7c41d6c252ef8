"""Random histories of tables of a real server: schemas of every type, and statements of every kind that changes rows.

All of it follows from a seed, which a failing test names.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

TYPES: dict[str, Callable[[random.Random], object]] = {
    "TINYINT": lambda r: r.randrange(-128, 128),
    "SMALLINT UNSIGNED": lambda r: r.randrange(65536),
    "MEDIUMINT": lambda r: r.randrange(-(2**23), 2**23),
    "INT(7) ZEROFILL": lambda r: r.randrange(10**7),
    "BIGINT UNSIGNED": lambda r: r.randrange(2**64),
    "DECIMAL(20,6)": lambda r: f"{r.uniform(-1e9, 1e9):.6f}",
    "DECIMAL(65,30)": lambda r: f"{r.randrange(10**20)}.{r.randrange(10**30):030d}",
    "DECIMAL(5,5) UNSIGNED": lambda r: f"0.{r.randrange(10**5):05d}",
    "FLOAT": lambda r: f"{r.uniform(-1e6, 1e6):.9g}",
    "DOUBLE": lambda r: repr(r.uniform(-1e9, 1e9)),
    "BIT(1)": lambda r: r.randrange(2),
    "BIT(61)": lambda r: r.randrange(2**61),
    "DATE": lambda r: f"'20{r.randrange(10, 40)}-0{r.randrange(1, 10)}-{r.randrange(10, 28)}'",
    "TIME(3)": lambda r: f"'{r.randrange(-800, 800)}:{r.randrange(10, 60)}:{r.randrange(10, 60)}.{r.randrange(1000):03d}'",
    "DATETIME": lambda r: f"'20{r.randrange(10, 38)}-0{r.randrange(1, 10)}-{r.randrange(10, 28)} 0{r.randrange(10)}:10:59'",
    "DATETIME(6)": lambda r: f"'2026-05-{r.randrange(10, 28)} 00:00:00.{r.randrange(10**6):06d}'",
    "TIMESTAMP(6)": lambda r: f"'2026-05-{r.randrange(10, 28)} 00:00:00.{r.randrange(10**6):06d}'",
    "TIMESTAMP": lambda r: f"'2026-05-{r.randrange(10, 28)} 00:00:{r.randrange(10, 60)}'",
    "YEAR": lambda r: r.randrange(1901, 2156),
    "CHAR(9)": lambda r: text(r, 9),
    "CHAR(200) CHARACTER SET utf8mb4": lambda r: text(r, 200),
    "CHAR(40) CHARACTER SET latin1": lambda r: text(r, 40, "abcß é"),
    "VARCHAR(60)": lambda r: text(r, 60),
    "VARCHAR(255) CHARACTER SET latin1": lambda r: text(r, 255, "xyzü"),
    "VARCHAR(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin": lambda r: text(r, 300),
    "VARCHAR(20) CHARACTER SET utf16": lambda r: text(r, 20),
    "BINARY(7)": lambda r: blob(r, 7),
    "VARBINARY(400)": lambda r: blob(r, 400),
    "TINYTEXT": lambda r: text(r, 60),
    "TEXT": lambda r: text(r, 3000),
    "MEDIUMTEXT CHARACTER SET latin1": lambda r: text(r, 900, "mno"),
    "LONGTEXT": lambda r: text(r, 2000),
    "TINYBLOB": lambda r: blob(r, 255),
    "BLOB": lambda r: blob(r, 5000),
    "LONGBLOB": lambda r: blob(r, 3000),
    "ENUM('a','b''c','d')": lambda r: r.randrange(1, 4),
    "SET('p','q','r','s','t','u','v','w','x')": lambda r: r.randrange(512),
    "JSON": lambda r: (
        f"JSON_OBJECT('n', {r.randrange(99)}, 'f', {r.random()!r}, 'l', JSON_ARRAY(1, NULL, {text(r, 40)}), 'd', CAST('2026-01-02' AS DATE))"
    ),
    "POINT": lambda r: f"POINT({r.randrange(90)}, {r.random()!r})",
    "GEOMETRY": lambda r: f"ST_GeomFromText('LINESTRING(0 0, {r.randrange(9)} 1)')",
    "VECTOR(3)": lambda r: f"STRING_TO_VECTOR('[{r.random():.3f}, 2, {r.randrange(9)}]')",
}


def text(r: random.Random, most: int, letters: str = "abcdefgh ß漢🙂é'\\") -> str:
    """A literal."""
    made = "".join(r.choice(letters) for _ in range(r.choice((0, 1, most // 2, most))))
    return "'" + made.rstrip().replace("\\", "\\\\").replace("'", "''") + "'"


def blob(r: random.Random, most: int) -> str:
    """A literal."""
    return f"x'{r.randbytes(r.choice((0, 1, most))).hex()}'"


@dataclass
class Table:
    """A table of a history. columns: name -> type, besides `id`; ids: keys that may be there."""

    name: str
    columns: dict[str, str]
    keyed: bool = True
    ids: int = 0

    def row(self, r: random.Random, number: int) -> str:
        """Values of one row."""
        values = ["NULL" if r.random() < 0.15 else str(TYPES[kind](r)) for kind in self.columns.values()]
        return f"({', '.join([str(number), *values])})"

    def inserted(self, r: random.Random, rows: int, verb: str = "INSERT", tail: str = "") -> str:
        """A statement that inserts rows with new keys, and REPLACE ones with some old."""
        numbers = (
            [self.ids + 1 + at for at in range(rows)]
            if verb == "INSERT" and not tail
            else r.sample(range(1, self.ids + rows + 2), rows)
        )
        self.ids = max(self.ids, *numbers)
        listed = ", ".join(["id", *self.columns])
        return f"{verb} INTO {self.name} ({listed}) VALUES {', '.join(self.row(r, number) for number in numbers)}{tail}"


@dataclass
class History:
    """A database with some tables, and what is done to it. before: statements up to the first witness; after: up to the second."""

    seed: int
    database: str
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)

    @classmethod
    def make(cls, seed: int, database: str) -> "History":
        """Make the history of that seed."""
        r = random.Random(seed)
        made = cls(seed, database)
        for number in range(r.randrange(1, 4)):
            made._table(r, number)
        if len(made.tables) > 1 and r.random() < 0.5:
            made._related(r)
        for table in made.tables:
            if not table.keyed:
                made.before += [table.inserted(r, 2), made._equal_rows(r, table)]
            made.before += [table.inserted(r, r.randrange(1, 9)) for _ in range(r.randrange(3))]
        for _ in range(r.randrange(6)):
            made._change(r, r.choice(made.tables))
        return made

    def _table(self, r: random.Random, number: int) -> None:
        kinds = r.sample(sorted(TYPES), r.randrange(1, 9))
        table = Table(f"t{number}", {f"c{at}": kind for at, kind in enumerate(kinds)}, keyed=r.random() < 0.75)
        # A unique key lets NULL come twice: such a table has no key that keeps rows apart.
        lines = ["id INT" + (" NOT NULL PRIMARY KEY" if table.keyed else r.choice(("", "", " UNIQUE")))]
        lines += [f"{name} {kind}{r.choice((' INVISIBLE', '', '', ''))}" for name, kind in table.columns.items()]
        lines += r.choice(
            ([], [], ["g INT GENERATED ALWAYS AS (id % 7) STORED"], ["v INT GENERATED ALWAYS AS (id * 2) VIRTUAL, KEY (v)"])
        )
        lines += r.choice(([], [], ["KEY f ((id + 1))"])) + r.choice(([], [], ["kind INT DEFAULT 3"]))
        flat = not {"POINT", "GEOMETRY"} & set(kinds)
        parted = " PARTITION BY HASH (id) PARTITIONS 3" if table.keyed and flat and not number and r.random() < 0.3 else ""
        self.before.append(f"CREATE TABLE {table.name} ({', '.join(lines)}){parted}")
        self.tables.append(table)

    def _related(self, r: random.Random) -> None:
        parent, child = self.tables[-2:]
        if not parent.keyed or "PARTITION" in self.before[0]:
            return
        rule = r.choice(("CASCADE", "SET NULL", "RESTRICT"))
        self.before.append(
            f"ALTER TABLE {child.name} ADD parent INT, ADD FOREIGN KEY (parent) REFERENCES {parent.name} (id) ON DELETE {rule} ON UPDATE {rule}"
        )
        self.after.append(f"UPDATE {child.name} SET parent = (SELECT MIN(id) FROM {parent.name}) WHERE id % 2")

    def _equal_rows(self, r: random.Random, table: Table) -> str:
        """A statement that makes rows equal, or changes some of those that are."""
        listed = ", ".join(["id", *table.columns])
        name, column = r.choice(list(table.columns.items()))
        return r.choice(
            (
                f"INSERT INTO {table.name} ({listed}) SELECT {listed} FROM {table.name}",
                f"INSERT INTO {table.name} ({listed}) SELECT NULL, {', '.join(table.columns)} FROM {table.name} LIMIT 3",
                f"UPDATE {table.name} SET id = NULL ORDER BY id LIMIT {r.randrange(1, 4)}",
                f"UPDATE {table.name} SET {name} = {TYPES[column](r)} LIMIT {r.randrange(1, 4)}",
                f"UPDATE {table.name} SET id = {r.randrange(1, table.ids + 3)}, {name} = {TYPES[column](r)}",
                f"UPDATE {table.name} SET {name} = {name}, id = id",
                f"DELETE FROM {table.name} LIMIT 1",
                f"DELETE FROM {table.name} WHERE id IS NULL ORDER BY {name} LIMIT 2",
            )
        )

    def _change(self, r: random.Random, table: Table) -> None:
        if not table.keyed and r.random() < 0.6:
            self.after.append(self._equal_rows(r, table))
            return
        name, column = r.choice(list(table.columns.items()))
        value, one = TYPES[column](r), r.randrange(1, table.ids + 3)
        where = r.choice((f" WHERE id = {one}", f" WHERE id > {one}", " WHERE id % 2", ""))
        other = r.choice(self.tables)
        made = r.choice(
            (
                lambda: table.inserted(r, r.randrange(1, 6)),
                lambda: table.inserted(r, r.randrange(1, 6), "REPLACE"),
                lambda: table.inserted(r, r.randrange(1, 6), tail=f" ON DUPLICATE KEY UPDATE {name} = {value}"),
                lambda: f"UPDATE {table.name} SET {name} = {value}{where}",
                lambda: f"UPDATE {table.name} SET id = id + 100000{where}",
                lambda: f"DELETE FROM {table.name}{where}",
                lambda: f"UPDATE {table.name} a, {other.name} b SET a.{name} = {value}, b.id = b.id WHERE a.id = b.id",
                lambda: f"DELETE a FROM {table.name} a JOIN {other.name} b ON a.id = b.id + 1",
                lambda: f"TRUNCATE TABLE {table.name}" if r.random() < 0.2 else f"DELETE FROM {table.name} WHERE id = {one}",
                lambda: (
                    f"ALTER TABLE {table.name} ADD z{r.randrange(10**9)} INT"
                    if r.random() < 0.3
                    else f"ANALYZE TABLE {table.name}"
                ),
                lambda: (
                    f"CREATE TRIGGER r{r.randrange(10**9)} AFTER INSERT ON {table.name} FOR EACH ROW UPDATE noted SET n = n + 1"
                ),
                lambda: (
                    f"ALTER TABLE {table.name} MODIFY {name} {column}, ALGORITHM=COPY"
                    if r.random() < 0.2
                    else f"ANALYZE TABLE {table.name}"
                ),
            )
        )
        self.after.append(made())
