"""Makes the directory that a copy's server stands on."""

from pathlib import Path

from backups.services.mysql.copy import options
from backups.services.mysql.copy.advance import RELAY
from backups.services.mysql.copy.for_drill import Account
from backups.services.mysql.copy.zone_file import zone_file


def make(home: Path, zone: tuple[tuple[int, int], ...], account: Account) -> None:
    """Make the directory of a server: for its data, socket, relay logs and time zone, and the account that we use.

    zone: as `MySQLDetails.zone`
    """
    home.mkdir()
    # It stays ours: what the server writes, it writes into these, and cannot put anything in their places.
    for directory in ("run", RELAY):
        (home / directory).mkdir()
    # By chmod, whatever the umask: who is not root reaches the socket of a server that runs as another user.
    for path, mode in ((home, 0o711), (home / "run", 0o755), (home / RELAY, 0o755)):
        path.chmod(mode)
    if zone:
        (home / options.ZONE).write_bytes(zone_file(zone))
    statements = home / "account.sql"
    statements.touch(mode=0o600)
    statements.write_text(account.sql())
