#!/usr/bin/env bash
# What only the tests need beside setup.sh: Debian's rclone (a REST server) and PostgreSQL, an S3 server in an environment of its own, and an image of
# older servers, which upgrades are rehearsed from.
# Installs only what is missing and is safe to run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

missing=()
command -v rclone >/dev/null || missing+=(rclone)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "test-tools: missing ${missing[*]}; hint: run as root, or: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 2
  fi
  echo "test-tools: installing ${missing[*]}"
  apt-get update -qq
  # Tests start a PostgreSQL of their own: Debian's package is not to start one on this machine.
  mkdir -p /etc/postgresql-common/createcluster.d
  echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/lifeboat-tests.conf
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  rm /etc/postgresql-common/createcluster.d/lifeboat-tests.conf
fi

lock=tests/servers/s3.lock
if ! cmp -s "$lock" .tools/s3/lock; then
  echo "test-tools: installing an S3 server (moto) into .tools/s3"
  rm -rf .tools/s3
  .tools/bin/uv venv --quiet --python .venv/bin/python .tools/s3
  .tools/bin/uv pip sync --quiet --python .tools/s3/bin/python --require-hashes "$lock"
  cp "$lock" .tools/s3/lock
fi

deployments/images/build.sh older
