"""Writes SQL for the client of MySQL or MariaDB so that it reads it back as it was, whatever a name or a body holds.

Pure: texts in, bytes out.
"""

from dataclasses import dataclass

from backups.services.mysql.source.connection import quoted

COMPLETE = b"-- Dump completed\n"
"""The last line of every file, as the dump programs end theirs."""
MARK = b"-- holds "
"""Begins the line before each object and before the rows of each table: what the files hold can be counted (`count.py`)."""
HEAD = b"""SET NAMES utf8mb4;
SET SESSION time_zone = '+00:00', sql_mode = 'NO_AUTO_VALUE_ON_ZERO', foreign_key_checks = 0, unique_checks = 0, sql_notes = 0;
SET SESSION innodb_strict_mode = 0;
/*!80000 SET SESSION explicit_defaults_for_timestamp = 1 */;
/*!80013 SET SESSION sql_require_primary_key = 0 */;
/*!80016 SET SESSION default_table_encryption = 0 */;
/*!80030 SET SESSION sql_generate_invisible_primary_key = 0 */;
/*!80400 SET SESSION restrict_fk_on_non_standard_key = 0 */;
/*M!100804 SET SESSION explicit_defaults_for_timestamp = 1 */;
/*M!100200 SET SESSION check_constraint_checks = 0 */;
"""
"""What was made when a server's settings were more lenient is taken by one whose settings are stricter."""
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\0": "\\0", "\x1a": "\\Z"}
_TRAILING_BACKSLASH = ("big5", "cp932", "gb18030", "gbk", "sjis")
"""Character sets in which the second byte of a character may be a backslash: the client has to know that they are meant."""


@dataclass(frozen=True)
class Program:
    """A stored program: the statement that creates it in the bytes of its own character set, and what it was created under.

    client, connection, database: character set and collations. at: of an event, its time (seconds of UTC): others must lie ahead.
    """

    schema: str
    text: bytes
    sql_mode: str
    client: str
    connection: str
    database: str
    time_zone: str = "+00:00"
    at: int | None = None


def literal(text: str) -> str:
    """Return a text as SQL, in a mode that knows backslashes."""
    return "'" + "".join(_ESCAPES.get(character, character) for character in text) + "'"


def mark(what: str) -> bytes:
    """Return the line that says that `what` follows, the subject of a fact."""
    return MARK + one_line(what).encode() + b"\n"


def one_line(what: str) -> str:
    """Return a subject on one line, two different ones never alike."""
    return what.encode("unicode_escape").decode("ascii")


def statement(text: str) -> bytes:
    """Return one statement, with its end."""
    return text.encode() + b";\n"


def use(schema: str) -> bytes:
    """Return the statement that makes a database the current one."""
    return statement(f"USE {quoted(schema)}")


def delimited(text: bytes) -> bytes:
    """Return a statement that may hold anything, its delimiter on a line of its own: it may end with a comment."""
    delimiter = b";;"
    while delimiter in text:
        delimiter += b";"
    return b"DELIMITER " + delimiter + b"\n" + text + b"\n" + delimiter + b"\nDELIMITER ;\n"


def program(stored: Program, collation: str) -> bytes:
    """Return all that creates a stored program as it was. `collation`: that of its database.

    A program remembers under which collation of its database it was created, so for a moment the database has that one.
    """
    database = quoted(stored.schema)
    moved = stored.database != collation
    settings = {
        "character_set_client": stored.client,
        "character_set_results": stored.client,
        "collation_connection": stored.connection,
        "sql_mode": literal(stored.sql_mode),
        "time_zone": literal(stored.time_zone),
        "timestamp": "DEFAULT" if stored.at is None else str(stored.at),
    }
    return b"".join(
        (
            use(stored.schema),
            statement(f"ALTER DATABASE {database} COLLATE {stored.database}") if moved else b"",
            f"charset {stored.client}\n".encode() if stored.client in _TRAILING_BACKSLASH else b"",
            statement("SET SESSION " + ", ".join(f"{name} = {value}" for name, value in settings.items())),
            delimited(stored.text),
            b"charset utf8mb4\n" if stored.client in _TRAILING_BACKSLASH else b"",
            statement("SET NAMES utf8mb4"),
            statement("SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00', timestamp = DEFAULT"),
            statement(f"ALTER DATABASE {database} COLLATE {collation}") if moved else b"",
        )
    )


def view(create: str, client: str, connection: str) -> bytes:
    """Return what creates a view that remembers the character set and the collation of the session that made it.

    By way of a variable where the text is more than ASCII: then the server turns it into that character set.
    """
    sets = statement(f"SET SESSION character_set_client = {client}, collation_connection = {connection}")
    if create.isascii():
        return sets + delimited(create.encode()) + statement("SET NAMES utf8mb4")
    return b"".join(
        (
            statement(f"SET @lifeboat = {literal(create)}"),
            sets,
            statement("PREPARE lifeboat FROM @lifeboat"),
            statement("EXECUTE lifeboat"),
            statement("DEALLOCATE PREPARE lifeboat"),
            statement("SET NAMES utf8mb4"),
        )
    )
