"""Gives events the status that they had on the source.

A server that creates an event while it replays a log sets it aside as another server's (REPLICA_SIDE_DISABLED), so that it does
not happen twice; and what the source's scheduler itself disables is in no log. So the witness's statuses are set.
"""

from collections.abc import Iterable

from backups.services.mysql.source.connection import Session, quoted, rows
from backups.services.mysql.witness.definitions import EVENT_STATUS, subject
from backups.witness import Fact

_STATUSES = {"ENABLED": "ENABLE", "DISABLED": "DISABLE"}


def restore_statuses(session: Session, witness: Iterable[Fact]) -> None:
    """Give every event the status that the witness states; an event that is not there is for the checks to miss."""
    wanted = {fact.subject: fact.value for fact in witness if fact.metric == EVENT_STATUS}
    for schema, name, status, definer, characters, collation in rows(
        session,
        "SELECT event_schema, event_name, status, definer, character_set_client, collation_connection "
        "FROM information_schema.events",
    ):
        becomes = wanted.get(subject(schema, name, kind="event"))
        if becomes == status or becomes not in _STATUSES:
            continue
        user, _, host = str(definer).rpartition("@")
        statement = (
            f"ALTER DEFINER = {quoted(user)}@{quoted(host)} EVENT {quoted(schema)}.{quoted(name)} {_STATUSES[str(becomes)]}"
        )
        # ALTER EVENT also stores the session's character set, which must be the event's own when it is executed. It is prepared
        # before: in swe7 there is no backtick to write it with, and of binary and others Python knows no encoding.
        rows(session, "SET @lifeboat_statement = %s", [statement])
        rows(session, "PREPARE lifeboat_event FROM @lifeboat_statement")
        rows(session, "SET character_set_client = %s, collation_connection = %s", [characters, collation])
        rows(session, "EXECUTE lifeboat_event")
        rows(session, "SET NAMES utf8mb4")
        rows(session, "DEALLOCATE PREPARE lifeboat_event")


def settle_statuses(session: Session, before: Iterable[Fact], after: Iterable[Fact]) -> list[str]:
    """Do the same between two witnesses, for the events that the log has touched there; the log itself holds no status.

    One that both state alike, or only the later one states, has that status; any other is left disabled, with a note returned.
    """
    was, becomes = ({fact.subject: fact.value for fact in facts if fact.metric == EVENT_STATUS} for facts in (before, after))
    wanted, notes = [], []
    for schema, name in rows(
        session,
        "SELECT event_schema, event_name FROM information_schema.events WHERE status NOT IN ('ENABLED', 'DISABLED')",
    ):
        about = subject(schema, name, kind="event")
        status = becomes.get(about)
        if status is None or was.get(about, status) != status:
            notes.append(f"{about} was changed about that moment and is left disabled: ALTER EVENT … ENABLE if it shall run")
            status = "DISABLED"
        wanted.append(Fact(about, EVENT_STATUS, status))
    restore_statuses(session, wanted)
    return notes
