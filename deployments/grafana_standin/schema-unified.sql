-- What 12.4 and newer add once dashboards and folders have moved to `resource`.
CREATE TABLE `unifiedstorage_migration_log` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `migration_id` TEXT NOT NULL, `sql` TEXT NOT NULL,
  `success` INTEGER NOT NULL, `error` TEXT NOT NULL, `timestamp` DATETIME NOT NULL
);
CREATE TABLE `resource_last_import_time` (
  `group` TEXT NOT NULL, `resource` TEXT NOT NULL, `namespace` TEXT NOT NULL, `last_import_time` DATETIME NOT NULL,
  PRIMARY KEY (`group`, `resource`, `namespace`)
);
