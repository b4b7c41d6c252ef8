"""What the words of far repositories mean: of `ssh`, of REST servers and of S3, as restic 0.14 passes them on."""

from backups.errors import ConfigError, LifeboatError, Transient

Meaning = tuple[bool, type[LifeboatError], str, str]
"""Whether it applies, the error that it is, what to say, and the hint."""

_AWAY = (
    "connection refused",
    "connection reset",
    "connection timed out",
    "i/o timeout",
    "no route to host",
    "network is unreachable",
    "no such host",
    "could not resolve hostname",
    "unable to start the sftp session",
    "connection lost",
    "ssh command exited",
    "bad gateway",
    "service unavailable",
)
_STRANGER = ("host key verification failed", "x509: ", "certificate")
_REFUSED_KEY = ("permission denied (", "too many authentication failures")
_REFUSED_USER = ("401 unauthorized", "403 forbidden")
_REFUSED_S3 = (
    "access key id",
    "signature we calculated",
    "access denied",
    "($aws_access_key_id) is empty",
    "($aws_secret_access_key) is empty",
)
_FAR_FULL = ("ssh_fx_failure", "500 internal server error", "507 insufficient storage", "quotaexceeded", "storagefull")


def speaks_of(text: str) -> bool:
    """Whether the far side is away, or refuses us: then nothing is known of what it holds."""
    return any(applies for applies, *_ in meanings(text))


def forbids(text: str) -> bool:
    """Whether what we asked for is not allowed to us."""
    return _says(text, "403 forbidden", "access denied")


def meanings(text: str) -> list[Meaning]:
    """What may apply, in the order to look. What ssh says comes before what restic makes of it: that no session started."""
    return [
        (
            _says(text, "host key for", "identification has changed"),
            ConfigError,
            ": its host key is not the one that is known",
            "was the host made anew? compare (there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then replace its line",
        ),
        (
            _says(text, "host key verification failed"),
            ConfigError,
            ": its host key is unknown",
            "ssh-keyscan -t ed25519 HOST >> ~/.ssh/known_hosts (or its known_hosts under hosts:), and compare the fingerprint",
        ),
        (
            _says(text, *_STRANGER),
            ConfigError,
            ": its certificate is not trusted",
            "install its authority on this machine (update-ca-certificates), and use the name that the certificate is for",
        ),
        (
            _says(text, *_REFUSED_KEY),
            ConfigError,
            ": it does not let us in by our SSH key",
            "as who runs Lifeboat: ssh-copy-id USER@HOST; passwords are never asked for; a passphrase needs an ssh-agent",
        ),
        (_says(text, *_REFUSED_USER), ConfigError, ": it refuses our user or password", "check both in repository.url"),
        (
            _says(text, *_REFUSED_S3),
            ConfigError,
            ": it refuses our keys",
            "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY under repository.environment, and the bucket's policy",
        ),
        (_says(text, *_AWAY), Transient, ": it does not answer", "is its host up, and reachable from this machine?"),
        (
            _says(text, *_FAR_FULL),
            LifeboatError,
            ": its server fails",
            "is its disk full, or a quota used up? SFTP and REST do not say; the server's own log does",
        ),
    ]


def _says(text: str, *words: str) -> bool:
    return any(word in text for word in words)
