"""Makes standard output and standard error fit to print to: in any encoding, closed, full, or read by nobody any more."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from backups.errors import LifeboatError


class Steady(io.TextIOWrapper):
    """A standard stream that shows what its encoding lacks by its number, and that may fail.

    Its reader may go: a command then goes on in silence, for its exit code is still to be told. Of standard output that cannot be
    written otherwise, LifeboatError is raised; standard error has nobody to tell.
    """

    def __init__(self, buffer: io.BufferedWriter, stream: io.TextIOWrapper) -> None:
        self._raises = stream is sys.__stdout__
        super().__init__(
            buffer,
            encoding=stream.encoding,
            errors="backslashreplace",
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )

    def write(self, text: str) -> int:
        """See TextIOWrapper."""
        with self._told():
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """See TextIOWrapper."""
        with self._told():
            super().flush()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # What could not be written goes where it troubles nobody, and so does all that follows.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            super().flush()
            if self._raises and error.errno != errno.EPIPE:
                raise LifeboatError(
                    f"standard output cannot be written: {error.strerror}", hint="is the disk full of the file that it goes to?"
                ) from error


def prepare() -> None:
    """Make both streams of this process steady; one that was closed before the start leads nowhere."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open to the end of the process
        # Another stream, as a test's, is left as it is.
        elif stream is getattr(sys, f"__{name}__"):
            steady = Steady(stream.buffer, stream)
            setattr(sys, name, steady)


def finish() -> None:
    """Write what is left in both streams, so that Python, at its end, has nothing left to fail with. Raises as `Steady` does."""
    sys.stderr.flush()
    sys.stdout.flush()
