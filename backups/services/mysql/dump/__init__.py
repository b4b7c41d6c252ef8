"""Backups by mysqldump or mariadb-dump, for servers that cannot CLONE."""
