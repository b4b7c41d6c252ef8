#!/usr/bin/env bash
# Ends the flow runs of a worker and waits until they have cleaned up. Call it before the worker itself is stopped, which kills its
# runs at once.
#
#   end-runs.sh WORKER_PID
set -euo pipefail

worker=${1:?the process id of the worker}

runs() {
  local pid
  for pid in $(cat /proc/"$worker"/task/*/children 2>/dev/null); do
    ! grep -qsz '^prefect\.engine$' "/proc/$pid/cmdline" || echo "$pid"
  done
}

for pid in $(runs); do kill -TERM "$pid" 2>/dev/null || true; done
for _ in $(seq 90); do
  [ -n "$(runs)" ] || exit 0
  sleep 0.5
done
echo "lifeboat: runs of worker $worker have not ended: $(runs | tr '\n' ' ')" >&2
