"""Takes backups by mysqldump or mariadb-dump, and brings them back, for servers that cannot CLONE."""
