"""SQL that a client reads back as it was, whatever a body ends with or a name holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.services.mysql.dump import statements
from backups.services.mysql.dump.load import refusals
from backups.services.mysql.dump.statements import Program
from backups.services.mysql.witness.definitions import without_place

BODIES = st.one_of(
    st.sampled_from(
        [
            b"END -- x",
            b"SELECT 1 # it's",
            b"a;;b",
            b";",
            b";;;;",
            b"END /* open",
            b"",
            b"DELIMITER ;;",
            b"x\n;;\ny",
            "é".encode("latin1"),
        ]
    ),
    st.binary(max_size=40),
)


def read_by_client(text: bytes) -> list[bytes]:
    """The statements as the client sees them: a delimiter counts wherever it stands, and a comment ends with its line."""
    delimiter, found, lines = b";", [], text.split(b"\n")
    while lines:
        line = lines.pop(0)
        if line.startswith(b"DELIMITER "):
            delimiter = line.removeprefix(b"DELIMITER ")
            continue
        body = line + b"\n"
        while delimiter not in body and lines:
            body += lines.pop(0) + b"\n"
        if delimiter in body:
            found.append(body[: body.index(delimiter)])
    return found


@given(BODIES)
def test_a_body_ends_where_it_ends(body: bytes) -> None:
    """Whatever it holds: nothing is cut off, and the delimiter begins a line of its own."""
    body = b"CREATE " + body
    assert read_by_client(statements.delimited(body)) == [body + b"\n"]
    assert statements.delimited(body).endswith(b"\nDELIMITER ;\n")


def test_a_program_is_created_under_what_it_was_created_under() -> None:
    """Its own character set, mode, zone and time, and the collation that its database had; afterwards all is as before."""
    text = statements.program(
        Program("a`b", b"CREATE \xe9", "ANSI'", "latin1", "latin1_bin", "utf8mb4_bin", "SYSTEM", 9), "utf8mb4_0900_ai_ci"
    )
    before, _, after = text.partition(b"DELIMITER ;;\nCREATE \xe9\n;;\n")
    assert before.startswith(b"USE `a``b`;\nALTER DATABASE `a``b` COLLATE utf8mb4_bin;\n")
    assert b"character_set_client = latin1, character_set_results = latin1, collation_connection = latin1_bin" in before
    assert b"sql_mode = 'ANSI\\'', time_zone = 'SYSTEM', timestamp = 9;" in before
    assert after.endswith(b"timestamp = DEFAULT;\nALTER DATABASE `a``b` COLLATE utf8mb4_0900_ai_ci;\n")
    assert b"ALTER DATABASE" not in statements.program(
        Program("a", b"x", "", "latin1", "latin1_bin", "utf8mb4_bin"), "utf8mb4_bin"
    )


@pytest.mark.parametrize("client", ["sjis", "gbk", "big5", "cp932", "gb18030"])
def test_the_client_is_told_of_character_sets_with_backslashes_inside(client: str) -> None:
    """Else it takes half a character for an escape, and never finds the end."""
    text = statements.program(Program("a", b"x", "", client, f"{client}_bin", "utf8mb4_bin"), "utf8mb4_bin")
    assert f"\ncharset {client}\n".encode() in text
    assert text.index(b"charset utf8mb4\n") > text.index(b"DELIMITER")


@given(st.text(max_size=20))
def test_a_literal_is_read_back(text: str) -> None:
    """As MySQL reads one: backslashes escape, and nothing ends it before its end."""
    written = statements.literal(text)
    assert (written[0], written[-1]) == ("'", "'")
    inside = written[1:-1]
    said = {"\\\\": "\\", "\\'": "'", "\\n": "\n", "\\r": "\r", "\\0": "\0", "\\Z": "\x1a"}
    read, at = "", 0
    while at < len(inside):
        step = 2 if inside[at] == "\\" else 1
        assert inside[at] != "'"
        read += said[inside[at : at + step]] if step == 2 else inside[at]
        at += step
    assert read == text


@given(st.text(max_size=20), st.text(max_size=20))
def test_marks_are_lines_of_their_own_and_never_alike(one: str, other: str) -> None:
    """Two subjects that differ have marks that differ."""
    assert statements.mark(one).count(b"\n") == 1
    assert (statements.mark(one) == statements.mark(other)) == (one == other)


@pytest.mark.parametrize(
    ("create", "left"),
    [
        ("CREATE TABLE `t` (a INT)\n/*!50100 … */ DATA DIRECTORY='/ext/'", "CREATE TABLE `t` (a INT)\n/*!50100 … */"),
        (" (PARTITION p0 DATA DIRECTORY = '/e''x' INDEX DIRECTORY = '/i' ENGINE = InnoDB)", " (PARTITION p0 ENGINE = InnoDB)"),
        (") ENGINE=InnoDB /*!80016 ENCRYPTION='Y' */ COMMENT='x'", ") ENGINE=InnoDB COMMENT='x'"),
        (") ENGINE=InnoDB `ENCRYPTED`=YES", ") ENGINE=InnoDB"),
        (") COMMENT='in '' DATA DIRECTORY=\\'/x\\' here'", ") COMMENT='in '' DATA DIRECTORY=\\'/x\\' here'"),
        ("`a DATA DIRECTORY='/x'` int", "`a DATA DIRECTORY='/x'` int"),
    ],
)
def test_a_table_is_made_where_the_new_server_keeps_its_tables(create: str, left: str) -> None:
    """Directories and encryption are the old server's; what only looks like them stays."""
    assert without_place(create) == left


def test_what_a_client_was_refused_is_told_line_by_line() -> None:
    output = "mysql: [Warning] x\nERROR 1118 (42000) at line 47: Row size  too large\nERROR 1146 (42S02) at line 50: no table\n"
    found = refusals("schema.sql", output)
    assert [fact.value for fact in found] == [
        "ERROR 1118 (42000) at line 47: Row size too large",
        "ERROR 1146 (42S02) at line 50: no table",
    ]
    assert len({(fact.subject, fact.metric) for fact in found}) == 2
