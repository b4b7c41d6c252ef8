"""Recognises errors of remote repositories in restic's output: those of `ssh`, of REST servers and of S3 (restic 0.14)."""

from backups.errors import ConfigError, LifeboatError, Transient

Meaning = tuple[bool, type[LifeboatError], str, str]
"""Whether the error applies, its class, the end of its message, and its hint."""

_UNREACHABLE = (
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
_UNTRUSTED = ("host key verification failed", "x509: ", "certificate")
_REFUSED_KEY = ("permission denied (", "too many authentication failures")
_REFUSED_USER = ("401 unauthorized", "403 forbidden")
_REFUSED_S3 = (
    "access key id",
    "signature we calculated",
    "access denied",
    "($aws_access_key_id) is empty",
    "($aws_secret_access_key) is empty",
)
_REMOTE_FULL = ("ssh_fx_failure", "500 internal server error", "507 insufficient storage", "quotaexceeded", "storagefull")


def is_remote_failure(text: str) -> bool:
    """Return whether the remote side does not answer or refuses access: then nothing is known of what it holds."""
    return any(applies for applies, *_ in meanings(text))


def is_forbidden(text: str) -> bool:
    """Return whether the remote side does not allow the request."""
    return _mentions(text, "403 forbidden", "access denied")


def meanings(text: str) -> list[Meaning]:
    """Return the errors that may apply, the first that does being the one. Those of ssh come before restic's own: no session."""
    return [
        (
            _mentions(text, "host key for", "identification has changed"),
            ConfigError,
            ": its host key has changed",
            "was it installed anew? compare (there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then replace its line",
        ),
        (
            _mentions(text, "host key verification failed"),
            ConfigError,
            ": its host key is unknown",
            "ssh-keyscan -t ed25519 HOST >> ~/.ssh/known_hosts (or its known_hosts under hosts:), and compare the fingerprint",
        ),
        (
            _mentions(text, *_UNTRUSTED),
            ConfigError,
            ": its certificate is not trusted",
            "install its authority on this machine (update-ca-certificates), and use the host name that the certificate is for",
        ),
        (
            _mentions(text, *_REFUSED_KEY),
            ConfigError,
            ": it does not accept the SSH key",
            "as the user that runs Lifeboat: ssh-copy-id USER@HOST; a key with a passphrase needs an ssh-agent",
        ),
        (_mentions(text, *_REFUSED_USER), ConfigError, ": it refuses the user or the password", "check both in repository.url"),
        (
            _mentions(text, *_REFUSED_S3),
            ConfigError,
            ": it refuses the access keys",
            "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY under repository.environment, and the bucket's policy",
        ),
        (_mentions(text, *_UNREACHABLE), Transient, ": it does not answer", "is its host up, and reachable from this machine?"),
        (
            _mentions(text, *_REMOTE_FULL),
            LifeboatError,
            ": its server failed",
            "is its disk full, or a quota used up? SFTP and REST do not tell; the server's own log does",
        ),
    ]


def _mentions(text: str, *phrases: str) -> bool:
    return any(phrase in text for phrase in phrases)
