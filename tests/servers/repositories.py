"""Repositories elsewhere: `rclone serve restic` (REST, full and append-only) and moto (S3), each a process of its own.

SFTP is served by the container of `tests/servers/ssh.py`.
"""

import json
import os
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from backups.machine.wait import wait_until

ROOT = Path(__file__).parents[2]
S3_PYTHON = ROOT / ".tools" / "s3" / "bin" / "python"
USER, PASSWORD = "harbour", "hunter2-of-rest"
_MISSING = "hint: deployments/machine/test-tools.sh installs it"

_BUCKET = """
import json, sys, boto3
address, *kept = sys.argv[1:]
anybody = dict(endpoint_url=address, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y")
iam = boto3.client("iam", **anybody)
allow = [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]
forbid = [{"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::backups/{path}"} for path in kept]
iam.create_user(UserName="lifeboat")
policy = json.dumps({"Version": "2012-10-17", "Statement": allow + forbid})
iam.put_user_policy(UserName="lifeboat", PolicyName="bucket", PolicyDocument=policy)
key = iam.create_access_key(UserName="lifeboat")["AccessKey"]
boto3.client("s3", **anybody).create_bucket(Bucket="backups")
print(json.dumps([key["AccessKeyId"], key["SecretAccessKey"]]))
"""
_REQUESTS = 4
"""What `_BUCKET` asks before there are keys; from then on, moto wants them."""


@dataclass(frozen=True)
class RestServer:
    """A running `rclone serve restic` over a directory. `url` is what lifeboat.yaml says, its password included."""

    directory: Path
    port: int
    process: "subprocess.Popen[bytes]"
    scheme: str = "http"

    @property
    def url(self) -> str:
        return self.url_with(PASSWORD)

    def url_with(self, password: str) -> str:
        return f"rest:{self.scheme}://{USER}:{password}@127.0.0.1:{self.port}/"

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


@dataclass(frozen=True)
class S3Server:
    """A running S3 server with one bucket, and the keys of who may use it."""

    address: str
    keys: Sequence[str] = field(repr=False)

    def url(self, prefix: str) -> str:
        return f"s3:{self.address}/backups/{prefix}"


@contextmanager
def rest_server(directory: Path, *options: str, scheme: str = "http") -> Iterator[RestServer]:
    """Serve a directory until the context ends; `--append-only` is among rclone's options."""
    port = free_port()
    command = ["rclone", "serve", "restic", "--addr", f"127.0.0.1:{port}", "--config", "/dev/null", *options, str(directory)]
    # Its own password comes by the environment, too: tests look for it in the process list.
    with running(command, port, {"RCLONE_USER": USER, "RCLONE_PASS": PASSWORD}) as process:
        yield RestServer(directory, port, process, scheme)


@contextmanager
def s3_server(*kept: str) -> Iterator[S3Server]:
    """An S3 server that checks signatures and policies; what is `kept` (`prefix/snapshots/*`) the keys may not delete."""
    assert S3_PYTHON.is_file(), f"{S3_PYTHON} is missing; {_MISSING}"
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [str(S3_PYTHON.with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    with running(command, port, {"INITIAL_NO_AUTH_ACTION_COUNT": str(_REQUESTS)}):
        made = subprocess.run([S3_PYTHON, "-c", _BUCKET, address, *kept], check=True, capture_output=True, text=True)
        yield S3Server(address, json.loads(made.stdout))


@contextmanager
def running(command: Sequence[str], port: int, environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A server of this machine, from when it answers until the context ends; it dies with us."""
    try:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        pytest.fail(f"{error.filename} is missing; {_MISSING}")
    try:
        assert wait_until(lambda: _answers(process, port), seconds=120, interval=0.1), f"{command[0]} does not answer; {_MISSING}"
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def delete(server: RestServer, path: str) -> int:
    """Send a DELETE as whoever stole the source machine would; returns the answer's status."""
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}/{path}", method="DELETE")
    return _status(server, request)


def overwrite(server: RestServer, path: str) -> int:
    """Send other content for a file that is there; returns the answer's status."""
    return _status(server, urllib.request.Request(f"http://127.0.0.1:{server.port}/{path}", data=b"nothing", method="POST"))


def _status(server: RestServer, request: urllib.request.Request) -> int:
    passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
    passwords.add_password(None, f"http://127.0.0.1:{server.port}/", USER, PASSWORD, is_authenticated=True)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPBasicAuthHandler(passwords))
    try:
        with opener.open(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def _answers(process: "subprocess.Popen[bytes]", port: int) -> bool:
    assert process.poll() is None, f"the server ended with {process.returncode}; {_MISSING}"
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """The S3 server that tests share; each uses a prefix of its own."""
    with s3_server() as server:
        yield server
