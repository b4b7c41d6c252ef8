#!/usr/bin/env bash
# The restore drill of a CI pipeline: restores backups into isolated containers, verifies them, and writes the report where CI collects it.
# Usage: deployments/ci/drill.sh [SERVICE…]      (after `make setup`; no service named: all of them)
#
# LIFEBOAT_CONFIG   the lifeboat.yaml (default: ./lifeboat.yaml); its ${NAME}s come from the CI's secret store, by the environment
# LIFEBOAT_BACKUP   latest, worst, random or a backup's id; several with spaces between (default: latest worst)
# LIFEBOAT_REPORT   the directory for report.html, history.html, report.json, junit.xml and their signature (default: lifeboat-report)
#
# Exit code: 0 verified, 1 failed (a restored backup was not equal to its source), 2 could not run. 1 and 2 both fail the pipeline:
# a backup that could not be checked is not verified.
set -euo pipefail

lifeboat="$(cd "$(dirname "$0")/../.." && pwd)/.venv/bin/lifeboat"
report=${LIFEBOAT_REPORT:-lifeboat-report}
selections=()
for selection in ${LIFEBOAT_BACKUP:-latest worst}; do selections+=(--backup "$selection"); done

# A workspace may be used again: yesterday's report must not be mistaken for today's.
rm -f "$report"/report.html "$report"/history.html "$report"/report.json "$report"/junit.xml "$report"/evidence.dsse.json

code=0
"$lifeboat" verify --out "$report" "${selections[@]}" "$@" || code=$?
case $code in
  0) echo "drill: verified" ;;
  1) echo "drill: FAILED: a restored backup was not equal to its source; $report/report.html lists what differs" >&2 ;;
  *) echo "drill: COULD NOT RUN: nothing is verified; the reason is above" >&2 ;;
esac
exit "$code"
