"""Says of everything that a MySQL server keeps whether a witness states it, and otherwise why not.

Pure. By the names of the tables of `mysql`, and of the views of information_schema and performance_schema, which show the rest.
A test goes through those of a real server: a table of a newer one that stands in none of these fails it.
"""

COMPARED_TABLES = ("mysql.engine_cost", "mysql.server_cost", "sys.sys_config")
"""The server's own tables that hold what a user may set, and nothing of what the server notes by itself."""
WITNESSED = {
    "every table's definition": (
        *("TABLES", "COLUMNS", "STATISTICS", "PARTITIONS", "KEY_COLUMN_USAGE", "REFERENTIAL_CONSTRAINTS", "CHECK_CONSTRAINTS"),
        *("TABLE_CONSTRAINTS", "TABLES_EXTENSIONS", "COLUMNS_EXTENSIONS", "TABLE_CONSTRAINTS_EXTENSIONS", "ST_GEOMETRY_COLUMNS"),
    ),
    "databases, views, triggers, routines and events": (
        *("SCHEMATA", "VIEWS", "TRIGGERS", "ROUTINES", "PARAMETERS", "EVENTS", "JSON_DUALITY_VIEWS"),
        *("JSON_DUALITY_VIEW_COLUMNS", "JSON_DUALITY_VIEW_LINKS", "JSON_DUALITY_VIEW_TABLES", "ROUTINE_LIBRARIES"),
    ),
    "accounts": (
        *("mysql.user", "mysql.db", "mysql.tables_priv", "mysql.columns_priv", "mysql.procs_priv", "mysql.proxies_priv"),
        *("mysql.global_grants", "mysql.role_edges", "mysql.default_roles", "USER_ATTRIBUTES", "USER_PRIVILEGES"),
        *("SCHEMA_PRIVILEGES", "TABLE_PRIVILEGES", "COLUMN_PRIVILEGES", "ADMINISTRABLE_ROLE_AUTHORIZATIONS"),
        *("APPLICABLE_ROLES", "ENABLED_ROLES", "ROLE_COLUMN_GRANTS", "ROLE_ROUTINE_GRANTS", "ROLE_TABLE_GRANTS"),
    ),
    "library": ("LIBRARIES",),
    "server": ("mysql.servers",),
    "loadable function": ("mysql.func", "performance_schema.user_defined_functions"),
    "plugin": ("mysql.plugin", "PLUGINS"),
    "component": ("mysql.component",),
    "resource group": ("RESOURCE_GROUPS",),
    "spatial reference system": ("ST_SPATIAL_REFERENCE_SYSTEMS",),
    "options of database": ("SCHEMATA_EXTENSIONS",),
    "histogram": ("COLUMN_STATISTICS",),
    "table in mysql or sys": COMPARED_TABLES,
    "the position in the log, which the replay compares": ("mysql.gtid_executed",),
}
"""What is stated -> the tables that hold it. Those of information_schema stand without its name."""

LEFT_OUT = {
    "the server's own texts and tables, the same on every server of the release": (
        *("mysql.help_category", "mysql.help_keyword", "mysql.help_relation", "mysql.help_topic", "CHARACTER_SETS", "COLLATIONS"),
        *("COLLATION_CHARACTER_SET_APPLICABILITY", "ENGINES", "KEYWORDS", "ST_UNITS_OF_MEASURE", "INNODB_FT_DEFAULT_STOPWORD"),
        *("performance_schema.variables_metadata", "performance_schema.performance_timers"),
    ),
    "logs of what the server did, which CLONE leaves behind": ("mysql.general_log", "mysql.slow_log"),
    "estimates that the server makes anew by itself": (
        *("mysql.innodb_index_stats", "mysql.innodb_table_stats", "INNODB_TABLESTATS", "INNODB_CACHED_INDEXES"),
    ),
    "whom a server follows: a copy follows nobody": (
        *("mysql.slave_master_info", "mysql.slave_relay_log_info", "mysql.slave_worker_info"),
        *("mysql.replication_asynchronous_connection_failover", "mysql.replication_asynchronous_connection_failover_managed"),
        *("mysql.replication_group_configuration_version", "mysql.replication_group_member_actions", "mysql.ndb_binlog_index"),
        *("mysql.replication_failover_sources", "performance_schema.replication_*"),
    ),
    "when passwords were changed, as each server notes it for itself": ("mysql.password_history",),
    "reference data, read from the machine's own files by mysql_tzinfo_to_sql": (
        *("mysql.time_zone", "mysql.time_zone_leap_second", "mysql.time_zone_name", "mysql.time_zone_transition"),
        "mysql.time_zone_transition_type",
    ),
    "settings: they are in the source's own files, and what data depend on is in the backup's details": (
        *("performance_schema.persisted_variables", "performance_schema.global_variables", "performance_schema.variables_info"),
        *("performance_schema.global_variable_attributes", "performance_schema.variables_by_thread"),
        *("performance_schema.session_variables", "performance_schema.setup_*", "performance_schema.keyring_*"),
    ),
    "which view names what: it follows from the definitions": ("VIEW_ROUTINE_USAGE", "VIEW_TABLE_USAGE"),
    "which file holds a table, and where in it: a copy's are its own": (
        *("FILES", "TABLESPACES_EXTENSIONS", "INNODB_COLUMNS", "INNODB_DATAFILES", "INNODB_FIELDS", "INNODB_FOREIGN"),
        *("INNODB_FOREIGN_COLS", "INNODB_INDEXES", "INNODB_TABLES", "INNODB_TABLESPACES", "INNODB_TABLESPACES_BRIEF"),
        *("INNODB_VIRTUAL", "INNODB_FT_BEING_DELETED", "INNODB_FT_CONFIG", "INNODB_FT_DELETED", "INNODB_FT_INDEX_CACHE"),
        *("INNODB_FT_INDEX_TABLE", "performance_schema.innodb_redo_log_files"),
    ),
    "what goes on in the server now: it is in memory only": (
        *("INNODB_BUFFER_PAGE", "INNODB_BUFFER_PAGE_LRU", "INNODB_BUFFER_POOL_STATS", "INNODB_CMP", "INNODB_CMPMEM"),
        *("INNODB_CMPMEM_RESET", "INNODB_CMP_PER_INDEX", "INNODB_CMP_PER_INDEX_RESET", "INNODB_CMP_RESET", "INNODB_METRICS"),
        *("INNODB_SESSION_TEMP_TABLESPACES", "INNODB_TEMP_TABLE_INFO", "INNODB_TRX", "OPTIMIZER_TRACE", "PROCESSLIST"),
        *("PROFILING", "performance_schema.events_*", "performance_schema.*_summary_*", "performance_schema.*_instances"),
        *("performance_schema.status_by_*", "performance_schema.global_status", "performance_schema.session_status"),
        *("performance_schema.accounts", "performance_schema.hosts", "performance_schema.users", "performance_schema.threads"),
        *("performance_schema.processlist", "performance_schema.metadata_locks", "performance_schema.table_handles"),
        *("performance_schema.host_cache", "performance_schema.error_log", "performance_schema.log_status"),
        *("performance_schema.*_connect_attrs", "performance_schema.user_variables_by_thread"),
        *("performance_schema.binary_log_transaction_compression_stats", "performance_schema.temporary_account_locks"),
        *("performance_schema.clone_progress", "performance_schema.clone_status", "performance_schema.tls_channel_status"),
        "performance_schema.data_lock*",
    ),
}
"""Why a witness does not state it -> the tables, with * for any text."""

OWN_TABLES = tuple(
    name.removeprefix("mysql.")
    for names in [*LEFT_OUT.values(), *WITNESSED.values()]
    for name in names
    if name.startswith("mysql.") and name not in COMPARED_TABLES
)
"""The tables of `mysql` that are not compared row by row; what else is there is."""
