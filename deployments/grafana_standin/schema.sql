-- The tables of a real grafana.db that matter to a backup, with the names and types that Grafana 12 gives them.
CREATE TABLE `migration_log` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `migration_id` TEXT NOT NULL, `sql` TEXT NOT NULL,
  `success` INTEGER NOT NULL, `error` TEXT NOT NULL, `timestamp` DATETIME NOT NULL
);
CREATE TABLE `user` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `version` INTEGER NOT NULL, `login` TEXT NOT NULL, `email` TEXT NOT NULL,
  `name` TEXT, `password` TEXT, `salt` TEXT, `rands` TEXT, `company` TEXT, `org_id` INTEGER NOT NULL,
  `is_admin` INTEGER NOT NULL, `email_verified` INTEGER, `theme` TEXT, `created` DATETIME NOT NULL,
  `updated` DATETIME NOT NULL, `help_flags1` INTEGER NOT NULL DEFAULT 0, `last_seen_at` DATETIME,
  `is_disabled` INTEGER NOT NULL DEFAULT 0, `is_service_account` BOOLEAN DEFAULT 0, `uid` TEXT,
  `is_provisioned` INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX `UQE_user_email` ON `user` (`email`);
CREATE UNIQUE INDEX `UQE_user_login` ON `user` (`login`);
CREATE UNIQUE INDEX `UQE_user_uid` ON `user` (`uid`);
CREATE TABLE `org` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `version` INTEGER NOT NULL, `name` TEXT NOT NULL, `address1` TEXT,
  `address2` TEXT, `city` TEXT, `state` TEXT, `zip_code` TEXT, `country` TEXT, `billing_email` TEXT,
  `created` DATETIME NOT NULL, `updated` DATETIME NOT NULL
);
CREATE UNIQUE INDEX `UQE_org_name` ON `org` (`name`);
CREATE TABLE `org_user` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `org_id` INTEGER NOT NULL, `user_id` INTEGER NOT NULL,
  `role` TEXT NOT NULL, `created` DATETIME NOT NULL, `updated` DATETIME NOT NULL
);
CREATE UNIQUE INDEX `UQE_org_user_org_id_user_id` ON `org_user` (`org_id`,`user_id`);
CREATE TABLE `dashboard` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `version` INTEGER NOT NULL, `slug` TEXT NOT NULL, `title` TEXT NOT NULL,
  `data` TEXT NOT NULL, `org_id` INTEGER NOT NULL, `created` DATETIME NOT NULL, `updated` DATETIME NOT NULL,
  `updated_by` INTEGER, `created_by` INTEGER, `gnet_id` INTEGER, `plugin_id` TEXT, `folder_id` INTEGER NOT NULL DEFAULT 0,
  `is_folder` INTEGER NOT NULL DEFAULT 0, `has_acl` INTEGER NOT NULL DEFAULT 0, `uid` TEXT,
  `is_public` INTEGER NOT NULL DEFAULT 0, `deleted` DATETIME, `api_version` TEXT, `folder_uid` TEXT
);
CREATE UNIQUE INDEX `UQE_dashboard_org_id_uid` ON `dashboard` (`org_id`,`uid`);
CREATE TABLE `dashboard_tag` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `dashboard_id` INTEGER NOT NULL, `term` TEXT NOT NULL,
  `dashboard_uid` TEXT, `org_id` INTEGER DEFAULT 1
);
CREATE TABLE `dashboard_version` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `dashboard_id` INTEGER NOT NULL, `parent_version` INTEGER NOT NULL,
  `restored_from` INTEGER NOT NULL, `version` INTEGER NOT NULL, `created` DATETIME NOT NULL, `created_by` INTEGER NOT NULL,
  `message` TEXT NOT NULL, `data` TEXT NOT NULL, `api_version` TEXT
);
CREATE UNIQUE INDEX `UQE_dashboard_version_dashboard_id_version` ON `dashboard_version` (`dashboard_id`,`version`);
CREATE TABLE `dashboard_acl` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `org_id` INTEGER NOT NULL, `dashboard_id` INTEGER NOT NULL,
  `user_id` INTEGER, `team_id` INTEGER, `permission` INTEGER NOT NULL DEFAULT 4, `role` TEXT, `created` DATETIME NOT NULL,
  `updated` DATETIME NOT NULL
);
CREATE UNIQUE INDEX `UQE_dashboard_acl_dashboard_id_team_id` ON `dashboard_acl` (`dashboard_id`,`team_id`);
CREATE UNIQUE INDEX `UQE_dashboard_acl_dashboard_id_user_id` ON `dashboard_acl` (`dashboard_id`,`user_id`);
CREATE TABLE `dashboard_provisioning` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `dashboard_id` INTEGER, `name` TEXT NOT NULL, `external_id` TEXT NOT NULL,
  `updated` INTEGER NOT NULL DEFAULT 0, `check_sum` TEXT
);
CREATE TABLE `folder` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `uid` TEXT NOT NULL, `org_id` INTEGER NOT NULL, `title` TEXT NOT NULL,
  `description` TEXT, `parent_uid` TEXT, `created` DATETIME NOT NULL, `updated` DATETIME NOT NULL
);
CREATE UNIQUE INDEX `UQE_folder_org_id_uid` ON `folder` (`org_id`,`uid`);
CREATE TABLE `data_source` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `org_id` INTEGER NOT NULL, `version` INTEGER NOT NULL,
  `type` TEXT NOT NULL, `name` TEXT NOT NULL, `access` TEXT NOT NULL, `url` TEXT NOT NULL, `password` TEXT, `user` TEXT,
  `database` TEXT, `basic_auth` INTEGER NOT NULL, `basic_auth_user` TEXT, `basic_auth_password` TEXT,
  `is_default` INTEGER NOT NULL, `json_data` TEXT, `created` DATETIME NOT NULL, `updated` DATETIME NOT NULL,
  `with_credentials` INTEGER NOT NULL DEFAULT 0, `secure_json_data` TEXT, `read_only` INTEGER, `uid` TEXT NOT NULL DEFAULT 0,
  `is_prunable` INTEGER DEFAULT 0, `api_version` TEXT
);
CREATE UNIQUE INDEX `UQE_data_source_org_id_name` ON `data_source` (`org_id`,`name`);
CREATE UNIQUE INDEX `UQE_data_source_org_id_uid` ON `data_source` (`org_id`,`uid`);
CREATE TABLE `api_key` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `org_id` INTEGER NOT NULL, `name` TEXT NOT NULL, `key` TEXT NOT NULL,
  `role` TEXT NOT NULL, `created` DATETIME NOT NULL, `updated` DATETIME NOT NULL, `expires` INTEGER,
  `service_account_id` INTEGER, `last_used_at` DATETIME, `is_revoked` INTEGER DEFAULT 0
);
CREATE UNIQUE INDEX `UQE_api_key_key` ON `api_key` (`key`);
CREATE UNIQUE INDEX `UQE_api_key_org_id_name` ON `api_key` (`org_id`,`name`);
CREATE TABLE `dashboard_snapshot` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `name` TEXT NOT NULL, `key` TEXT NOT NULL, `delete_key` TEXT NOT NULL,
  `org_id` INTEGER NOT NULL, `user_id` INTEGER NOT NULL, `external` INTEGER NOT NULL, `external_url` TEXT NOT NULL,
  `dashboard` TEXT NOT NULL, `expires` DATETIME NOT NULL, `created` DATETIME NOT NULL, `updated` DATETIME NOT NULL,
  `external_delete_url` TEXT, `dashboard_encrypted` BLOB
);
CREATE UNIQUE INDEX `UQE_dashboard_snapshot_delete_key` ON `dashboard_snapshot` (`delete_key`);
CREATE UNIQUE INDEX `UQE_dashboard_snapshot_key` ON `dashboard_snapshot` (`key`);
CREATE TABLE `plugin_setting` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `org_id` INTEGER NOT NULL DEFAULT 1, `plugin_id` TEXT NOT NULL,
  `enabled` INTEGER NOT NULL, `pinned` INTEGER NOT NULL, `json_data` TEXT, `secure_json_data` TEXT,
  `created` DATETIME NOT NULL, `updated` DATETIME NOT NULL, `plugin_version` TEXT
);
CREATE UNIQUE INDEX "UQE_plugin_setting_org_id_plugin_id" ON "plugin_setting" ("org_id","plugin_id");
CREATE TABLE `playlist` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `name` TEXT NOT NULL, `interval` TEXT NOT NULL, `org_id` INTEGER NOT NULL,
  `created_at` INTEGER NOT NULL DEFAULT 0, `updated_at` INTEGER NOT NULL DEFAULT 0, `uid` TEXT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX `UQE_playlist_org_id_uid` ON `playlist` (`org_id`,`uid`);
CREATE TABLE `playlist_item` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `playlist_id` INTEGER NOT NULL, `type` TEXT NOT NULL,
  `value` TEXT NOT NULL, `title` TEXT NOT NULL, `order` INTEGER NOT NULL
);
CREATE TABLE `preferences` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `org_id` INTEGER NOT NULL, `user_id` INTEGER NOT NULL,
  `version` INTEGER NOT NULL, `home_dashboard_id` INTEGER NOT NULL, `timezone` TEXT NOT NULL, `theme` TEXT NOT NULL,
  `created` DATETIME NOT NULL, `updated` DATETIME NOT NULL, `team_id` INTEGER, `week_start` TEXT, `json_data` TEXT,
  `home_dashboard_uid` TEXT
);
CREATE TABLE `annotation` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `org_id` INTEGER NOT NULL, `alert_id` INTEGER, `user_id` INTEGER,
  `dashboard_id` INTEGER, `panel_id` INTEGER, `category_id` INTEGER, `type` TEXT NOT NULL, `title` TEXT NOT NULL,
  `text` TEXT NOT NULL, `metric` TEXT, `prev_state` TEXT NOT NULL, `new_state` TEXT NOT NULL, `data` TEXT NOT NULL,
  `epoch` INTEGER NOT NULL, `region_id` INTEGER DEFAULT 0, `tags` TEXT, `created` INTEGER DEFAULT 0,
  `updated` INTEGER DEFAULT 0, `epoch_end` INTEGER NOT NULL DEFAULT 0, `dashboard_uid` TEXT
);
CREATE TABLE `annotation_tag` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `annotation_id` INTEGER NOT NULL, `tag_id` INTEGER NOT NULL
);
CREATE UNIQUE INDEX `UQE_annotation_tag_annotation_id_tag_id` ON `annotation_tag` (`annotation_id`,`tag_id`);
CREATE TABLE `tag` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `key` TEXT NOT NULL, `value` TEXT NOT NULL
);
CREATE UNIQUE INDEX `UQE_tag_key_value` ON `tag` (`key`,`value`);
CREATE TABLE `team` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `name` TEXT NOT NULL, `org_id` INTEGER NOT NULL,
  `created` DATETIME NOT NULL, `updated` DATETIME NOT NULL, `uid` TEXT, `external_uid` TEXT, `is_provisioned` INTEGER,
  `email` TEXT
);
CREATE UNIQUE INDEX `UQE_team_org_id_name` ON `team` (`org_id`,`name`);
CREATE UNIQUE INDEX `UQE_team_org_id_uid` ON `team` (`org_id`,`uid`);
CREATE TABLE `team_member` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `org_id` INTEGER NOT NULL, `team_id` INTEGER NOT NULL,
  `user_id` INTEGER NOT NULL, `created` DATETIME NOT NULL, `updated` DATETIME NOT NULL, `external` INTEGER,
  `permission` INTEGER, `uid` TEXT
);
CREATE UNIQUE INDEX `UQE_team_member_org_id_team_id_user_id` ON `team_member` (`org_id`,`team_id`,`user_id`);
CREATE UNIQUE INDEX `UQE_team_member_uid` ON `team_member` (`uid`);
CREATE TABLE `alert_rule` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `org_id` INTEGER NOT NULL, `title` TEXT NOT NULL,
  `condition` TEXT NOT NULL, `data` TEXT NOT NULL, `updated` DATETIME NOT NULL,
  `interval_seconds` INTEGER NOT NULL DEFAULT 60, `version` INTEGER NOT NULL DEFAULT 0, `uid` TEXT NOT NULL DEFAULT 0,
  `namespace_uid` TEXT NOT NULL, `rule_group` TEXT NOT NULL, `no_data_state` TEXT NOT NULL DEFAULT 'NoData',
  `exec_err_state` TEXT NOT NULL DEFAULT 'Alerting', `for` INTEGER NOT NULL DEFAULT 0, `annotations` TEXT, `labels` TEXT,
  `dashboard_uid` TEXT, `panel_id` INTEGER, `rule_group_idx` INTEGER NOT NULL DEFAULT 1,
  `is_paused` INTEGER NOT NULL DEFAULT 0, `notification_settings` TEXT, `record` TEXT, `metadata` TEXT, `updated_by` TEXT,
  `guid` TEXT NOT NULL DEFAULT '', `keep_firing_for` INTEGER NOT NULL DEFAULT 0, `missing_series_evals_to_resolve` INTEGER
);
CREATE UNIQUE INDEX `UQE_alert_rule_guid` ON `alert_rule` (`guid`);
CREATE UNIQUE INDEX `UQE_alert_rule_org_id_uid` ON `alert_rule` (`org_id`,`uid`);
CREATE TABLE `alert_rule_version` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `rule_org_id` INTEGER NOT NULL, `rule_uid` TEXT NOT NULL DEFAULT 0,
  `rule_namespace_uid` TEXT NOT NULL, `rule_group` TEXT NOT NULL, `parent_version` INTEGER NOT NULL,
  `restored_from` INTEGER NOT NULL, `version` INTEGER NOT NULL, `created` DATETIME NOT NULL, `title` TEXT NOT NULL,
  `condition` TEXT NOT NULL, `data` TEXT NOT NULL, `interval_seconds` INTEGER NOT NULL,
  `no_data_state` TEXT NOT NULL DEFAULT 'NoData', `exec_err_state` TEXT NOT NULL DEFAULT 'Alerting',
  `for` INTEGER NOT NULL DEFAULT 0, `annotations` TEXT, `labels` TEXT, `rule_group_idx` INTEGER NOT NULL DEFAULT 1,
  `is_paused` INTEGER NOT NULL DEFAULT 0, `message` TEXT, `notification_settings` TEXT, `record` TEXT, `metadata` TEXT,
  `created_by` TEXT, `rule_guid` TEXT NOT NULL DEFAULT '', `keep_firing_for` INTEGER NOT NULL DEFAULT 0,
  `missing_series_evals_to_resolve` INTEGER
);
CREATE UNIQUE INDEX `UQE_alert_rule_version_rule_guid_version` ON `alert_rule_version` (`rule_guid`,`version`);
CREATE UNIQUE INDEX `UQE_alert_rule_version_rule_org_id_rule_uid_rule_guid_version` ON `alert_rule_version` (`rule_org_id`,`rule_uid`,`rule_guid`,`version`);
CREATE TABLE `alert_configuration` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `alertmanager_configuration` TEXT NOT NULL,
  `configuration_version` TEXT NOT NULL, `created_at` INTEGER NOT NULL, `default` INTEGER NOT NULL DEFAULT 0,
  `org_id` INTEGER NOT NULL DEFAULT 0, `configuration_hash` TEXT NOT NULL DEFAULT 'not-yet-calculated'
);
CREATE UNIQUE INDEX `UQE_alert_configuration_org_id` ON `alert_configuration` (`org_id`);
CREATE TABLE `alert_configuration_history` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `org_id` INTEGER NOT NULL DEFAULT 0,
  `alertmanager_configuration` TEXT NOT NULL, `configuration_hash` TEXT NOT NULL DEFAULT 'not-yet-calculated',
  `configuration_version` TEXT NOT NULL, `created_at` INTEGER NOT NULL, `default` INTEGER NOT NULL DEFAULT 0,
  `last_applied` INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE `alert_instance` (
  `rule_org_id` INTEGER NOT NULL, `rule_uid` TEXT NOT NULL DEFAULT 0, `labels` TEXT NOT NULL, `labels_hash` TEXT NOT NULL,
  `current_state` TEXT NOT NULL, `current_state_since` INTEGER NOT NULL, `last_eval_time` INTEGER NOT NULL,
  `current_state_end` INTEGER NOT NULL DEFAULT 0, `current_reason` TEXT, `result_fingerprint` TEXT, `resolved_at` INTEGER,
  `last_sent_at` INTEGER, `fired_at` INTEGER, `annotations` TEXT, `evaluation_duration_ns` INTEGER, `last_error` TEXT,
  `last_result` TEXT, PRIMARY KEY (`rule_org_id`, `rule_uid`, `labels_hash`)
);
CREATE TABLE `provenance_type` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `org_id` INTEGER NOT NULL, `record_key` TEXT NOT NULL,
  `record_type` TEXT NOT NULL, `provenance` TEXT NOT NULL
);
CREATE UNIQUE INDEX `UQE_provenance_type_record_type_record_key_org_id` ON `provenance_type` (`record_type`,`record_key`,`org_id`);
CREATE TABLE `library_element` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `org_id` INTEGER NOT NULL, `folder_id` INTEGER NOT NULL,
  `uid` TEXT NOT NULL, `name` TEXT NOT NULL, `kind` INTEGER NOT NULL, `type` TEXT NOT NULL, `description` TEXT NOT NULL,
  `model` TEXT NOT NULL, `created` DATETIME NOT NULL, `created_by` INTEGER NOT NULL, `updated` DATETIME NOT NULL,
  `updated_by` INTEGER NOT NULL, `version` INTEGER NOT NULL, `folder_uid` TEXT
);
CREATE UNIQUE INDEX `UQE_library_element_org_id_uid` ON `library_element` (`org_id`,`uid`);
CREATE TABLE `library_element_connection` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `element_id` INTEGER NOT NULL, `kind` INTEGER NOT NULL,
  `connection_id` INTEGER NOT NULL, `created` DATETIME NOT NULL, `created_by` INTEGER NOT NULL
);
CREATE UNIQUE INDEX `UQE_library_element_connection_element_id_kind_connection_id` ON `library_element_connection` (`element_id`,`kind`,`connection_id`);
CREATE TABLE `data_keys` (
  `name` TEXT PRIMARY KEY NOT NULL, `active` INTEGER NOT NULL, `scope` TEXT NOT NULL, `provider` TEXT NOT NULL,
  `encrypted_data` BLOB NOT NULL, `created` DATETIME NOT NULL, `updated` DATETIME NOT NULL, `label` TEXT NOT NULL DEFAULT ''
);
CREATE TABLE `secrets` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `org_id` INTEGER NOT NULL, `namespace` TEXT NOT NULL, `type` TEXT NOT NULL,
  `value` TEXT, `created` DATETIME NOT NULL, `updated` DATETIME NOT NULL
);
CREATE TABLE `kv_store` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `org_id` INTEGER NOT NULL, `namespace` TEXT NOT NULL, `key` TEXT NOT NULL,
  `value` TEXT NOT NULL, `created` DATETIME NOT NULL, `updated` DATETIME NOT NULL
);
CREATE UNIQUE INDEX `UQE_kv_store_org_id_namespace_key` ON `kv_store` (`org_id`,`namespace`,`key`);
CREATE TABLE `permission` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `role_id` INTEGER NOT NULL, `action` TEXT NOT NULL, `scope` TEXT NOT NULL,
  `created` DATETIME NOT NULL, `updated` DATETIME NOT NULL, `kind` TEXT NOT NULL DEFAULT '',
  `attribute` TEXT NOT NULL DEFAULT '', `identifier` TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX `UQE_permission_action_scope_role_id` ON `permission` (`action`,`scope`,`role_id`);
CREATE TABLE `role` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `name` TEXT NOT NULL, `description` TEXT, `version` INTEGER NOT NULL,
  `org_id` INTEGER NOT NULL, `uid` TEXT NOT NULL, `created` DATETIME NOT NULL, `updated` DATETIME NOT NULL,
  `display_name` TEXT, `group_name` TEXT, `hidden` INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX `UQE_role_org_id_name` ON `role` (`org_id`,`name`);
CREATE UNIQUE INDEX `UQE_role_uid` ON `role` (`uid`);
CREATE TABLE `server_lock` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `operation_uid` TEXT NOT NULL, `version` INTEGER NOT NULL,
  `last_execution` INTEGER NOT NULL
);
CREATE UNIQUE INDEX `UQE_server_lock_operation_uid` ON `server_lock` (`operation_uid`);
CREATE TABLE `user_auth_token` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `user_id` INTEGER NOT NULL, `auth_token` TEXT NOT NULL,
  `prev_auth_token` TEXT NOT NULL, `user_agent` TEXT NOT NULL, `client_ip` TEXT NOT NULL, `auth_token_seen` INTEGER NOT NULL,
  `seen_at` INTEGER, `rotated_at` INTEGER NOT NULL, `created_at` INTEGER NOT NULL, `updated_at` INTEGER NOT NULL,
  `revoked_at` INTEGER, `external_session_id` INTEGER
);
CREATE UNIQUE INDEX `UQE_user_auth_token_auth_token` ON `user_auth_token` (`auth_token`);
CREATE UNIQUE INDEX `UQE_user_auth_token_prev_auth_token` ON `user_auth_token` (`prev_auth_token`);
CREATE TABLE `star` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `user_id` INTEGER NOT NULL, `dashboard_id` INTEGER NOT NULL,
  `dashboard_uid` TEXT, `org_id` INTEGER DEFAULT 1, `updated` DATETIME
);
CREATE UNIQUE INDEX `UQE_star_user_id_dashboard_id` ON `star` (`user_id`,`dashboard_id`);
CREATE UNIQUE INDEX `UQE_star_user_id_dashboard_uid_org_id` ON `star` (`user_id`,`dashboard_uid`,`org_id`);
CREATE TABLE `dashboard_public` (
  `uid` TEXT PRIMARY KEY NOT NULL, `dashboard_uid` TEXT NOT NULL, `org_id` INTEGER NOT NULL, `time_settings` TEXT,
  `template_variables` TEXT, `access_token` TEXT NOT NULL, `created_by` INTEGER NOT NULL, `updated_by` INTEGER,
  `created_at` DATETIME NOT NULL, `updated_at` DATETIME, `is_enabled` INTEGER NOT NULL DEFAULT 0,
  `annotations_enabled` INTEGER NOT NULL DEFAULT 0, `time_selection_enabled` INTEGER NOT NULL DEFAULT 0,
  `share` TEXT NOT NULL DEFAULT 'public'
);
CREATE UNIQUE INDEX `UQE_dashboard_public_config_access_token` ON "dashboard_public" (`access_token`);
CREATE UNIQUE INDEX `UQE_dashboard_public_config_uid` ON "dashboard_public" (`uid`);
CREATE TABLE `resource_migration_log` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `migration_id` TEXT NOT NULL, `sql` TEXT NOT NULL,
  `success` INTEGER NOT NULL, `error` TEXT NOT NULL, `timestamp` DATETIME NOT NULL
);
CREATE TABLE `resource` (
  `guid` TEXT PRIMARY KEY NOT NULL, `resource_version` INTEGER, `group` TEXT NOT NULL, `resource` TEXT NOT NULL,
  `namespace` TEXT NOT NULL, `name` TEXT NOT NULL, `value` TEXT, `action` INTEGER NOT NULL, `label_set` TEXT,
  `previous_resource_version` INTEGER, `folder` TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX `UQE_resource_namespace_group_resource_name` ON `resource` (`namespace`,`group`,`resource`,`name`);
CREATE TABLE `resource_history` (
  `guid` TEXT PRIMARY KEY NOT NULL, `resource_version` INTEGER, `group` TEXT NOT NULL, `resource` TEXT NOT NULL,
  `namespace` TEXT NOT NULL, `name` TEXT NOT NULL, `value` TEXT, `action` INTEGER NOT NULL, `label_set` TEXT,
  `previous_resource_version` INTEGER, `folder` TEXT NOT NULL DEFAULT '', `generation` INTEGER NOT NULL DEFAULT 0,
  `key_path` TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX `UQE_resource_history_namespace_group_name_version` ON `resource_history` (`namespace`,`group`,`resource`,`name`,`resource_version`);
CREATE TABLE `resource_version` (
  `group` TEXT NOT NULL, `resource` TEXT NOT NULL, `resource_version` INTEGER NOT NULL, PRIMARY KEY (`group`, `resource`)
);
