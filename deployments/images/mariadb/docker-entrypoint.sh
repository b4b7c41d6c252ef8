#!/bin/bash
# The part of the official image's entrypoint that users rely on: an existing data directory is started as it is; a new one is
# initialised with MARIADB_ROOT_PASSWORD (or MARIADB_ALLOW_EMPTY_ROOT_PASSWORD), MARIADB_DATABASE, MARIADB_USER and
# MARIADB_PASSWORD (or the same with MYSQL_), then /docker-entrypoint-initdb.d/*.sql.
set -eo pipefail

[ "${1:0:1}" = '-' ] && set -- mariadbd "$@"
[ "$1" = mariadbd ] || exec "$@"
for argument in "$@"; do
  case "$argument" in --help|--version|-V|--verbose) exec "$@" ;; esac
done

value() { "$@" --verbose --help 2>/dev/null | awk -v key="$key" '$1 == key && /^[^ \t]/ {print $2; exit}'; }
key=datadir; datadir=$(value "$@"); datadir=${datadir%/}
key=socket; socket=$(value "$@")

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$datadir" /run/mysqld
  find "$datadir" /run/mysqld \! -user mysql -exec chown mysql '{}' +
  exec setpriv --reuid=999 --regid=999 --clear-groups "$0" "$@"
fi

password=${MARIADB_ROOT_PASSWORD:-$MYSQL_ROOT_PASSWORD}
database=${MARIADB_DATABASE:-$MYSQL_DATABASE}
user=${MARIADB_USER:-$MYSQL_USER}
if [ ! -d "$datadir/mysql" ]; then
  if [ -z "$password$MARIADB_ALLOW_EMPTY_ROOT_PASSWORD$MYSQL_ALLOW_EMPTY_PASSWORD" ]; then
    echo 'Database is uninitialized and password option is not specified: set MARIADB_ROOT_PASSWORD or MARIADB_ALLOW_EMPTY_ROOT_PASSWORD' >&2
    exit 1
  fi
  mariadb-install-db --datadir="$datadir" --auth-root-authentication-method=normal --skip-test-db >/dev/null
  "$@" --skip-networking &
  server=$!
  sql() { mariadb --protocol=socket --socket="$socket" -uroot "$@"; }
  for _ in $(seq 300); do sql -e 'SELECT 1' >/dev/null 2>&1 && break; sleep 0.1; done
  quoted() { printf '%s' "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g"; }
  {
    echo 'SET sql_log_bin=0;'
    [ -z "$database" ] || echo "CREATE DATABASE IF NOT EXISTS \`$database\`;"
    if [ -n "$user" ]; then
      echo "CREATE USER '$user'@'%' IDENTIFIED BY '$(quoted "${MARIADB_PASSWORD:-$MYSQL_PASSWORD}")';"
      [ -z "$database" ] || echo "GRANT ALL ON \`${database//_/\\_}\`.* TO '$user'@'%';"
    fi
    echo "CREATE USER 'root'@'${MARIADB_ROOT_HOST:-%}' IDENTIFIED BY '$(quoted "$password")';"
    echo "GRANT ALL ON *.* TO 'root'@'${MARIADB_ROOT_HOST:-%}' WITH GRANT OPTION;"
    echo "ALTER USER 'root'@'localhost' IDENTIFIED BY '$(quoted "$password")';"
  } | sql
  for file in /docker-entrypoint-initdb.d/*.sql; do
    [ -f "$file" ] && MYSQL_PWD="$password" sql < "$file"
  done
  MYSQL_PWD="$password" mariadb-admin --protocol=socket --socket="$socket" -uroot shutdown
  wait "$server"
fi
exec "$@"
