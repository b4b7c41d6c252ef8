"""Translates the errors of Docker's library into LifeboatErrors that name the container, image or network."""

from collections.abc import Iterator
from contextlib import contextmanager

import docker.errors
import requests.exceptions

from backups.errors import LifeboatError, Transient


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or its type's name when it says nothing; of Docker's own its words alone."""
    said = error.explanation if isinstance(error, docker.errors.APIError) and error.explanation else error
    return (str(said).strip().splitlines() or [type(error).__name__])[0]


def system_words(error: BaseException) -> str:
    """Return what the system said, of an error that Docker's library has wrapped again and again; else its first line."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = inner.__cause__ or inner.__context__
    return first_line(error)


@contextmanager
def translated(subject: str) -> Iterator[None]:
    """Translate errors of Docker's library; `subject` is what the block works on (`container x`)."""
    try:
        yield
    except docker.errors.DockerException as error:
        # First: an APIError is a RequestException too, and yet Docker has answered.
        raise LifeboatError(
            f"Docker refused {subject}: {first_line(error)}", hint="docker ps -a and docker logs may tell more"
        ) from error
    except requests.exceptions.RequestException as error:
        raise Transient(
            f"Docker stopped answering about {subject}: {first_line(error)}", hint="is the daemon up? docker info"
        ) from error
