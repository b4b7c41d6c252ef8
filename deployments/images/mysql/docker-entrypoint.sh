#!/bin/bash
# The part of the official image's entrypoint that users rely on: an existing data directory is started as it is; a new one is
# initialised with MYSQL_ROOT_PASSWORD (or MYSQL_ALLOW_EMPTY_PASSWORD), MYSQL_DATABASE, MYSQL_USER and MYSQL_PASSWORD, then /docker-entrypoint-initdb.d/*.sql.
set -eo pipefail

[ "${1:0:1}" = '-' ] && set -- mysqld "$@"
[ "$1" = mysqld ] || exec "$@"
for argument in "$@"; do
  case "$argument" in --help|--version|-V|--verbose) exec "$@" ;; esac
done

value() { "$@" --verbose --help 2>/dev/null | awk -v key="$key" '$1 == key && /^[^ \t]/ {print $2; exit}'; }
key=datadir; datadir=$(value "$@"); datadir=${datadir%/}
key=socket; socket=$(value "$@")

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$datadir" /var/run/mysqld
  find "$datadir" /var/run/mysqld \! -user mysql -exec chown mysql '{}' +
  exec setpriv --reuid=999 --regid=999 --clear-groups "$0" "$@"
fi

if [ ! -d "$datadir/mysql" ]; then
  if [ -z "$MYSQL_ROOT_PASSWORD$MYSQL_ALLOW_EMPTY_PASSWORD" ]; then
    echo 'Database is uninitialized and password option is not specified: set MYSQL_ROOT_PASSWORD or MYSQL_ALLOW_EMPTY_PASSWORD' >&2
    exit 1
  fi
  "$@" --initialize-insecure --default-time-zone=SYSTEM
  "$@" --daemonize --skip-networking --default-time-zone=SYSTEM --log-error=/tmp/initialising.log
  sql() { mysql --no-defaults --protocol=socket --socket="$socket" -uroot "$@"; }
  quoted() { printf '%s' "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g"; }
  {
    echo 'SET sql_log_bin=0;'
    [ -z "$MYSQL_DATABASE" ] || echo "CREATE DATABASE IF NOT EXISTS \`$MYSQL_DATABASE\`;"
    if [ -n "$MYSQL_USER" ]; then
      echo "CREATE USER '$MYSQL_USER'@'%' IDENTIFIED BY '$(quoted "$MYSQL_PASSWORD")';"
      [ -z "$MYSQL_DATABASE" ] || echo "GRANT ALL ON \`${MYSQL_DATABASE//_/\\_}\`.* TO '$MYSQL_USER'@'%';"
    fi
    echo "CREATE USER 'root'@'${MYSQL_ROOT_HOST:-%}' IDENTIFIED BY '$(quoted "$MYSQL_ROOT_PASSWORD")';"
    echo "GRANT ALL ON *.* TO 'root'@'${MYSQL_ROOT_HOST:-%}' WITH GRANT OPTION;"
    echo "ALTER USER 'root'@'localhost' IDENTIFIED BY '$(quoted "$MYSQL_ROOT_PASSWORD")';"
  } | sql
  for file in /docker-entrypoint-initdb.d/*.sql; do
    [ -f "$file" ] && MYSQL_PWD="$MYSQL_ROOT_PASSWORD" sql < "$file"
  done
  MYSQL_PWD="$MYSQL_ROOT_PASSWORD" mysqladmin --no-defaults --protocol=socket --socket="$socket" -uroot shutdown
  rm -f /tmp/initialising.log
  while [ -e "$socket" ]; do sleep 0.1; done
fi
exec "$@"
