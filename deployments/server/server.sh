#!/usr/bin/env bash
# A self-hosted Prefect server for Lifeboat on this machine: the server, both work pools, a worker for each, and everything in
# prefect.yaml deployed. Safe to run again: running processes are kept, deployments are updated.
#
#   server.sh start|stop|status
#   server.sh password FILE   write a random password into this file of settings (0600), unless it holds one
#
# LIFEBOAT_SERVER_HOME  database, logs, process ids and the password (default: .prefect in the project)
# LIFEBOAT_SERVER_PORT  port of the UI and the API on 127.0.0.1 (default: 4200)
# LIFEBOAT_SERVER_DATABASE  postgresql+asyncpg://USER:PASSWORD@HOST/DATABASE, as Prefect advises for more than one worker, or sqlite
#                       (default: what was used the last time, at first SQLite in the home)
# LIFEBOAT_CONFIG       the lifeboat.yaml that the workers use (default: what lifeboat itself would find)
#
# To keep it running after a restart of the machine, use the systemd units or the compose file beside this script.
set -euo pipefail

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
home=$(realpath -m "${LIFEBOAT_SERVER_HOME:-$project/.prefect}")
port=${LIFEBOAT_SERVER_PORT:-4200}
prefect=$project/.venv/bin/prefect
python=$project/.venv/bin/python
# Address and password, as `source` and systemd read them. The password is never an argument, which every user of the machine sees.
settings=$home/prefect.env
# Where its data are, for the server alone: runs have no use for that password.
database=$home/database.env
pools=(backup verification)

[ -n "${LIFEBOAT_CONFIG:-}" ] && LIFEBOAT_CONFIG=$(realpath "$LIFEBOAT_CONFIG")
for found in "${LIFEBOAT_CONFIG:-}" "$PWD/lifeboat.yaml" /etc/lifeboat/lifeboat.yaml; do
  [ -f "$found" ] && export LIFEBOAT_CONFIG=$found && break
done

export PATH=$project/.venv/bin:$PATH
export PREFECT_HOME=$home
export PREFECT_PROFILES_PATH=$home/profiles.toml
export PREFECT_API_URL=http://127.0.0.1:$port/api
# Without this the UI asks port 4200, whatever port it is served on.
export PREFECT_SERVER_UI_API_URL=$PREFECT_API_URL
export PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1
# Only the UI's own pages may ask: the default is every page that a browser on this machine has open.
export PREFECT_SERVER_CORS_ALLOWED_ORIGINS=http://127.0.0.1:$port,http://localhost:$port
export PREFECT_SERVER_CSRF_PROTECTION_ENABLED=true
# The log of backups and verification goes to the run's log in the UI; that of helper threads only to the worker's.
export PREFECT_LOGGING_EXTRA_LOGGERS=backups,verification PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW=ignore
# Leases in files survive a restart of the server; with leases in memory, running deployments would keep their slots for ever.
export PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE=prefect.server.concurrency.lease_storage.filesystem

die() { # message, hint
  echo "lifeboat: $1" >&2
  [ -z "${2:-}" ] || echo "hint: $2" >&2
  exit 2
}

# Print the recorded process id when that process is still Prefect.
alive() { # name
  local pid
  pid=$(cat "$home/$1.pid" 2>/dev/null) && [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q prefect && echo "$pid"
}

launch() { # name, command…
  local name=$1
  shift
  alive "$name" >/dev/null && return 0
  # Detached and with its stdio closed: a caller that reads the output of this script must not wait for the server.
  # In $home, not in the project: a server must not depend on the directory it was started from.
  # With SIGINT as ever: Prefect makes one of SIGTERM, and what is begun in the background of a script ignores it.
  (cd "$home" && exec setsid env --default-signal=INT "$@" </dev/null >>"$home/$name.log" 2>&1 & echo $! >"$home/$name.pid")
}

# Ask the API directly: starting Prefect's client takes seconds.
ask() { # route
  "$python" - "$PREFECT_API_URL/$1" 2>/dev/null <<'CODE'
import base64, os, sys, urllib.request
password = base64.b64encode(os.environ.get("PREFECT_API_AUTH_STRING", "").encode()).decode()
request = urllib.request.Request(sys.argv[1], headers={"Authorization": f"Basic {password}"})
print(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10).read().decode())
CODE
}

answers() { ask health >/dev/null; }

# Whether a worker of the pool has reported within the last minute.
online() { ask "work_pools/$1" | grep -q '"status":"READY"'; } # pool

# Write a random password into a file of settings, unless it holds one: for the server, and for its clients.
make_password() { # file
  local file=$1 secret
  [ ! -L "$file" ] || die "$file is a symbolic link" "name the file itself"
  (umask 077 && touch "$file") && chmod 0600 "$file"
  ! grep -qE '^PREFECT_SERVER_API_AUTH_STRING=.' "$file" || return 0
  secret=lifeboat:$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
  printf '%s\n' '# The password, for the server and for its clients; the UI asks for the whole of it.' \
    "PREFECT_SERVER_API_AUTH_STRING=$secret" "PREFECT_API_AUTH_STRING=$secret" >>"$file"
}

# Make the password known to everything that this script starts.
use_password() {
  local had
  had=$(grep -sE '^PREFECT_SERVER_API_AUTH_STRING=.' "$settings" || true)
  make_password "$settings"
  # What was started before there was a password asks for none.
  [ -n "$had" ] || end "${pools[@]/#/worker-}" server
  sed -i '/^PREFECT_API_URL=/d' "$settings" && echo "PREFECT_API_URL=$PREFECT_API_URL" >>"$settings"
  set -a && . "$settings" && set +a
}

# Remember the database, and make it known to the server, which is started again for another one.
use_database() {
  local url=${LIFEBOAT_SERVER_DATABASE:-} before
  unset LIFEBOAT_SERVER_DATABASE
  before=$(cat "$database" 2>/dev/null || true)
  case $url in
  "") ;;
  sqlite) rm -f "$database" ;;
  postgresql+asyncpg://?*)
    # The driver by itself, since a server tells nobody its address: `lifeboat doctor` asks for it.
    (umask 077 && printf 'PREFECT_SERVER_DATABASE_CONNECTION_URL=%q\nPREFECT_SERVER_DATABASE_DRIVER=postgresql+asyncpg\n' "$url" >"$database")
    ;;
  *) die "LIFEBOAT_SERVER_DATABASE is no address of PostgreSQL" "postgresql+asyncpg://USER:PASSWORD@HOST/DATABASE, or sqlite" ;;
  esac
  [ "$before" = "$(cat "$database" 2>/dev/null || true)" ] || end "${pools[@]/#/worker-}" server
}

# Start the server, with its database in its environment alone.
launch_server() {
  (
    # shellcheck disable=SC1090
    if [ -f "$database" ]; then set -a && . "$database" && set +a; fi
    launch server "$prefect" server start --host 127.0.0.1 --port "$port"
  )
}

wait_for() { # seconds, what, log, command…
  local seconds=$1 what=$2 log=$3
  shift 3
  for ((waited = 0; waited < seconds * 2; waited++)); do
    "$@" && return 0
    sleep 0.5
  done
  tail -n 15 "$log" >&2 || true
  die "$what within $seconds s" "its log is $log"
}

start() {
  [ -x "$prefect" ] || die "there is no Python environment: $prefect" "make setup"
  mkdir -p "$home" && chmod 0700 "$home"
  use_password
  use_database
  if ! alive server >/dev/null; then
    answers && die "port $port is used by another Prefect server" "set LIFEBOAT_SERVER_PORT, or stop the other one"
    echo "starting the server (takes half a minute the first time)"
    launch_server
  fi
  wait_for 180 "the Prefect server does not answer" "$home/server.log" answers

  echo "deploying prefect.yaml"
  for pool in "${pools[@]}"; do
    # A pool of Prefect's own making runs any command, in any environment, that a run names.
    "$prefect" work-pool create "$pool" --type process --overwrite --base-job-template "$project/deployments/server/work-pool.json" \
      >/dev/null || die "the work pool $pool cannot be made" "the reason is in Prefect's words above"
  done
  deploy

  # Workers keep the configuration that they were started with, so they are restarted for another one.
  if [ "${LIFEBOAT_CONFIG:-}" != "$(cat "$home/configuration" 2>/dev/null || true)" ]; then end "${pools[@]/#/worker-}"; fi
  echo "${LIFEBOAT_CONFIG:-}" >"$home/configuration"
  for pool in "${pools[@]}"; do
    # Of the queue `default` alone: the others are those of machines, whose own workers take from them.
    launch "worker-$pool" "$prefect" worker start --pool "$pool" --work-queue default --name "$pool-$(hostname)"
  done
  for pool in "${pools[@]}"; do
    wait_for 90 "no worker of the pool $pool has reported" "$home/worker-$pool.log" online "$pool"
  done
  cat <<TEXT

Prefect is running: http://127.0.0.1:$port
  database       $(if [ -f "$database" ]; then echo PostgreSQL; else echo "SQLite, in $home"; fi)
  configuration  ${LIFEBOAT_CONFIG:-none found: write /etc/lifeboat/lifeboat.yaml, or set LIFEBOAT_CONFIG and run this again}
  logs           $home/*.log
  password       in $settings; the UI asks for the whole of PREFECT_API_AUTH_STRING
  this shell     set -a; . $settings; set +a
  stop           make server-stop
TEXT
}

deploy() {
  local output
  # A key that Prefect does not know makes it skip every deployment; its exit code does not always tell.
  output=$(cd "$project" && "$prefect" --no-prompt deploy --all --prefect-file "${LIFEBOAT_PREFECT_FILE:-prefect.yaml}" 2>&1) || {
    echo "$output" >&2
    die "prefect.yaml was not deployed" "the reason is in Prefect's output above"
  }
}

# Workers first: they end their flow runs, and report that to the server.
stop() { end "${pools[@]/#/worker-}" server; }

end() { # name…
  local pid name
  for name in "$@"; do
    pid=$(alive "$name") || continue
    echo "stopping $name"
    [ "$name" = server ] || "$project/deployments/server/end-runs.sh" "$pid"
    kill -TERM "$pid" 2>/dev/null || true
    for ((waited = 0; waited < 120; waited++)); do
      alive "$name" >/dev/null || break
      # A worker that is still busy ends at once on its second signal.
      [ "$waited" != 80 ] || kill -TERM "$pid" 2>/dev/null || true
      sleep 0.5
    done
    if pid=$(alive "$name"); then kill -KILL "$pid"; fi
    rm -f "$home/$name.pid"
  done
}

status() {
  local code=0
  for name in server "${pools[@]/#/worker-}"; do
    if alive "$name" >/dev/null; then echo "$name is running"; else echo "$name is not running" && code=1; fi
  done
  return $code
}

case ${1:-} in
start) start ;;
stop) stop ;;
status) status ;;
password) make_password "${2:?the file of settings}" ;;
*) die "server.sh start|stop|status|password FILE" ;;
esac
