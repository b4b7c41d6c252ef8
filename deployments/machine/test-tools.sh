#!/usr/bin/env bash
# What only the tests need beside setup.sh: Debian's rclone (a REST server), an S3 server in an environment of its own, and an image of
# older servers, which upgrades are rehearsed from.
# Installs only what is missing and is safe to run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if ! command -v rclone >/dev/null; then
  if [ "$(id -u)" != 0 ]; then
    echo "test-tools: missing rclone; hint: run as root, or: sudo apt-get install --no-install-recommends rclone" >&2
    exit 2
  fi
  echo "test-tools: installing rclone"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends rclone >/dev/null
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
