"""Real servers are asked whether they let everything be deleted: a REST server of either kind, and buckets with and without a lock."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backups.emptied.look import Emptied, look
from backups.repository.repository import Repository
from backups.secret import Secret
from tests.servers.repositories import S3_PYTHON, S3Server, rest_server

_BUCKETS = """
import json, sys, boto3
address, identity, key = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id=identity, aws_secret_access_key=key)
for name, rule in json.load(sys.stdin).items():
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    kept = {"Rule": {"DefaultRetention": rule}} if rule else {}
    s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", **kept})
"""
RULES = {"strict": {"Mode": "COMPLIANCE", "Days": 30}, "lenient": {"Mode": "GOVERNANCE", "Years": 1}, "unruled": None}


def found(url: str, **environment: str) -> Emptied:
    variables = {name: Secret(value) for name, value in environment.items()}
    return look(Repository(url, Path("/nowhere"), environment=variables), kept_by_other_side=False, now=datetime.now(UTC))


def test_a_bucket_says_whether_it_locks_its_objects(s3: S3Server) -> None:
    subprocess.run([S3_PYTHON, "-c", _BUCKETS, s3.address, *s3.keys], input=json.dumps(RULES).encode(), check=True)
    keys = dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), s3.keys, strict=True))
    judged = {name: found(f"s3:{s3.address}/{name}/site", **keys) for name in (*RULES, "backups", "absent")}
    assert judged["strict"].can is None, "old packs hold what new backups have not changed"
    assert judged["strict"].why.startswith("Object Lock keeps each object for 30 days (COMPLIANCE)")
    assert judged["lenient"].can is None
    assert "Object Lock keeps each object for 1 year (GOVERNANCE)" in judged["lenient"].why
    assert "locks no object by itself" in judged["unruled"].why
    assert "its bucket has no Object Lock" in judged["backups"].why
    assert judged["absent"].can is None
    refused = found(f"s3:{s3.address}/strict", **{**keys, "AWS_SECRET_ACCESS_KEY": "another"})
    assert refused.can is None
    assert "its server answers 403 when it is asked for Object Lock" in refused.why


@pytest.mark.parametrize(("options", "can"), [(["--append-only"], False), ([], True)])
def test_a_rest_server_says_whether_it_takes_deletions(tmp_path: Path, options: list[str], can: bool) -> None:
    with rest_server(tmp_path, *options) as server:
        assert found(server.url).can is can
        assert found(server.url_with("another")).can is None, "who is not let in learns nothing"
    assert found(server.url).can is None, "nobody answers any more"
