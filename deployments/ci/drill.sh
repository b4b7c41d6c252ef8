#!/usr/bin/env bash
# The restore drill of a pipeline: restores backups into isolated Docker copies, proves them, and leaves the report where CI collects it.
# Usage: deployments/ci/drill.sh [SERVICE…]      (after `make setup`; no service named: all of them)
#
# LIFEBOAT_CONFIG   the lifeboat.yaml (default: ./lifeboat.yaml); its ${NAME}s come from the CI's secret store, by the environment
# LIFEBOAT_BACKUP   latest, worst, random or a backup's id; several with spaces between (default: latest worst)
# LIFEBOAT_REPORT   the directory for report.html, report.json and junit.xml (default: lifeboat-report)
#
# Exit code: 0 verified, 1 failed (a backup did not come back as it was taken), 2 could not run. 1 and 2 both fail the pipeline:
# what was not proven is not verified.
set -euo pipefail

lifeboat="$(cd "$(dirname "$0")/../.." && pwd)/.venv/bin/lifeboat"
report=${LIFEBOAT_REPORT:-lifeboat-report}
selections=()
for selection in ${LIFEBOAT_BACKUP:-latest worst}; do selections+=(--backup "$selection"); done

# A workspace may be used again: yesterday's report must not be taken for today's.
rm -f "$report"/report.html "$report"/report.json "$report"/junit.xml

code=0
"$lifeboat" verify --out "$report" "${selections[@]}" "$@" || code=$?
case $code in
  0) echo "drill: verified" ;;
  1) echo "drill: FAILED: a backup did not come back as it was taken; $report/report.html says what differs" >&2 ;;
  *) echo "drill: COULD NOT RUN: nothing is proven; the reason is above" >&2 ;;
esac
exit "$code"
