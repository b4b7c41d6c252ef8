#!/usr/bin/env bash
# Installs on a Debian machine what Lifeboat needs: restic, ssh, Docker Engine and, to build images without a registry, mmdebstrap.
# Installs only what is missing, starts the Docker daemon only when none answers, and is safe to run again.
set -euo pipefail

missing=()
command -v restic >/dev/null || missing+=(restic)
command -v dockerd >/dev/null || docker info >/dev/null 2>&1 || missing+=(docker.io iptables)
command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
command -v ssh >/dev/null || missing+=(openssh-client)
command -v setpriv >/dev/null || missing+=(util-linux)

if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "setup: missing ${missing[*]}; hint: run as root, or: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 2
  fi
  echo "setup: installing ${missing[*]}"
  # A package list from an earlier day may name versions that no longer exist.
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

docker info >/dev/null 2>&1 && exit 0
if [ "$(id -u)" != 0 ]; then
  echo "setup: the Docker daemon does not answer; hint: sudo systemctl start docker, or add yourself to the group docker" >&2
  exit 2
fi

# After a hard kill the pid file can name a process that has ended, or that is another program by now.
pid=$(cat /var/run/docker.pid 2>/dev/null || true)
if [ -n "$pid" ] && ! grep -qs '^dockerd' "/proc/$pid/comm"; then
  rm -f /var/run/docker.pid /var/run/docker/containerd/containerd.pid
fi
echo "setup: starting the Docker daemon"
# Detached and with its stdio closed: a caller that reads the output of this script must not wait for the daemon.
setsid nohup dockerd </dev/null >/var/log/lifeboat-dockerd.log 2>&1 &
for _ in $(seq 60); do
  docker info >/dev/null 2>&1 && exit 0
  sleep 0.5
done
echo "setup: the Docker daemon did not start within 30 s; see /var/log/lifeboat-dockerd.log" >&2
tail -n 5 /var/log/lifeboat-dockerd.log >&2
exit 2
