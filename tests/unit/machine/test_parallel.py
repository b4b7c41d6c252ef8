"""What is a fault of this machine is told as one, and what is a bug as a bug."""

import errno
import os

import pytest

from backups.errors import LifeboatError
from backups.machine.parallel import as_fault


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_disk_that_takes_nothing_more_is_no_bug(number: int) -> None:
    fault = as_fault(OSError(number, os.strerror(number), "/state/file"))
    assert fault.message == f"this machine cannot go on: {os.strerror(number)}: /state/file"
    assert as_fault(OSError(number, os.strerror(number))).message.endswith(os.strerror(number))
    assert "bug" not in str(fault)


def test_a_bug_is_a_bug_and_a_told_fault_stays_as_it_is() -> None:
    told = LifeboatError("the state directory is gone")
    assert as_fault(told) is told
    assert "this is a bug in Lifeboat" in str(as_fault(OSError(errno.EBADF, "Bad file descriptor")))
