#!/usr/bin/env bash
# What only the tests need beside setup.sh: Debian's rclone (a REST server) and PostgreSQL, an S3 server and Docker Compose, each in a folder of its
# own, and an image of older servers, which upgrades are rehearsed from.
# Installs only what is missing and is safe to run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. deployments/machine/unstable.sh

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

# `docker compose` of today is in no released suite of Debian: one program, from its unstable suite, for the tests alone. Where it cannot be had,
# the tests that ask it are skipped, and say so.
newer_compose() {
  local own=.tools/compose work
  ! docker compose version >/dev/null 2>&1 && ! "$own/docker-compose" version >/dev/null 2>&1 || return 0
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # the name is of now
  trap "rm -rf '$work'" RETURN
  local program=$work/out/usr/libexec/docker/cli-plugins/docker-compose
  if from_unstable docker-compose "$work" && "$program" version >/dev/null 2>&1; then
    mkdir -p "$own"
    install -m 0755 "$program" "$own/docker-compose.new" && mv "$own/docker-compose.new" "$own/docker-compose"
    echo "test-tools: installed $("$own/docker-compose" version) into $own"
  fi
}

newer_compose

deployments/images/build.sh older
