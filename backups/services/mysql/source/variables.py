"""Says of every global variable of a MySQL server whether a copy must be started with it, or why it cannot matter to a copy.

Two tables: `CARRIED`, and `NOT_CARRIED` with its reasons. A variable in neither (a later server's, or a plugin's) is given to
copies too where that can be done, and is named, so that it is seen. A new variable belongs into one of the tables: could the
data files, or a statement of the log, give something else under another value of it? Then it is carried.

Pure.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from backups.services.mysql.source import option_names

CARRIED: Mapping[str, str] = {
    "how the data files are read and laid out": """
        innodb_data_file_path innodb_default_row_format innodb_file_per_table innodb_page_size lower_case_table_names
        partial_revokes""",
    "what a logged statement makes, which does not say it itself": """
        block_encryption_mode character_set_filesystem character_set_server collation_server default_storage_engine
        default_tmp_storage_engine default_week_format div_precision_increment enable_cascade_triggers
        explicit_defaults_for_timestamp group_concat_max_len innodb_autoinc_lock_mode innodb_native_foreign_keys
        lc_time_names max_sort_length windowing_use_high_precision""",
    "which words a full-text index holds, and how it is asked": """
        ft_boolean_syntax ft_max_word_len ft_min_word_len ft_query_expansion_limit innodb_ft_enable_stopword
        innodb_ft_max_token_size innodb_ft_min_token_size innodb_ft_server_stopword_table
        innodb_ft_user_stopword_table innodb_optimize_fulltext_only ngram_token_size""",
    "limits at which a logged statement would fail": """
        histogram_generation_max_mem_size max_points_in_geometry regexp_stack_limit regexp_time_limit thread_stack
        tmp_table_size""",
}
"""Why a copy is started with a variable -> their names."""
_ALWAYS_NAMED = frozenset(
    {
        "innodb_page_size",
        "innodb_data_file_path",
        "innodb_file_per_table",
        "innodb_default_row_format",
        "lower_case_table_names",
        "character_set_server",
        "character_set_filesystem",
        "collation_server",
        "default_storage_engine",
        "explicit_defaults_for_timestamp",
        "partial_revokes",
    }
)
"""What a delivery names whatever its value: defaults that differ between servers, and what a data directory is made with."""

WIDEST = "copies have it as wide as it can be, since a session of the source may have had it wider than its server"
SESSIONS = "sessions have their own, and the log says it with each statement that depends on it"
FORBIDS = "it forbids, delays or ends what sessions do: what is in the log was done"
SPEED = "how much memory, how many threads, how fast; results are the same"
DURABLE = "what a crash may cost; copies have their own"
NOT_CARRIED: Mapping[str, str] = {
    WIDEST: """
        cte_max_recursion_depth innodb_strict_mode max_allowed_packet max_heap_table_size max_sp_recursion_depth
        restrict_fk_on_non_standard_key""",
    SESSIONS: """
        auto_increment_increment auto_increment_offset autocommit big_tables character_set_client
        character_set_connection character_set_database character_set_results collation_connection collation_database
        completion_type default_collation_for_utf8mb4 default_table_encryption end_markers_in_json explain_format
        explain_json_format_version foreign_key_checks lc_messages new old optimizer_switch
        print_identified_with_as_hex resultset_metadata select_into_buffer_size select_into_disk_sync
        select_into_disk_sync_delay session_track_* set_operations_buffer_size show_create_table_* show_gipk_*
        show_old_temporals sql_auto_is_null sql_buffer_result sql_generate_invisible_primary_key sql_log_bin
        sql_log_off sql_mode sql_notes sql_quote_show_create sql_require_primary_key sql_warnings time_zone
        transaction_isolation transaction_read_only tx_isolation tx_read_only unique_checks use_secondary_engine
        xa_detach_on_prepare""",
    FORBIDS: """
        activate_all_roles_on_login activate_mandatory_roles authentication_policy automatic_sp_privileges
        avoid_temporal_upgrade caching_sha2_password_digest_rounds caching_sha2_password_enforce_storage_format
        caching_sha2_password_proxy_users caching_sha2_password_storage_format check_proxy_users
        component_connection_control.* connect_timeout connection_control_* connection_memory_*
        default_authentication_plugin default_password_lifetime disabled_storage_engines
        disconnect_on_expired_password event_scheduler generated_random_password_length global_connection_memory_*
        init_connect init_file innodb_lock_wait_timeout innodb_rollback_on_timeout innodb_table_locks
        interactive_timeout local_infile lock_wait_timeout log_bin_trust_function_creators low_priority_updates
        mandatory_roles max_connect_errors max_connections max_delayed_threads max_error_count max_execution_time
        max_insert_delayed_threads max_join_size max_prepared_stmt_count max_seeks_for_key max_user_connections
        max_write_lock_count mysql_native_password_proxy_users net_read_timeout net_retry_count net_write_timeout
        offline_mode parser_max_mem_size password_history password_require_current password_reuse_interval read_only
        require_secure_transport rewriter_* secure_auth sha256_password_proxy_users skip_show_database
        slow_launch_time sql_big_selects sql_safe_updates sql_select_limit super_read_only
        table_encryption_privilege_check updatable_views_with_limit validate_password* wait_timeout""",
    SPEED: """
        back_log bulk_insert_buffer_size container_aware enable_secondary_engine_statistics eq_range_index_dive_limit
        external_table_* flush flush_time information_schema_stats_expiry innodb_adaptive_*
        innodb_autoextend_increment innodb_buffer_pool_* innodb_change_buffer_max_size innodb_change_buffering
        innodb_cmp_per_index_enabled innodb_commit_concurrency innodb_compression_failure_threshold_pct
        innodb_compression_level innodb_compression_pad_pct_max innodb_concurrency_tickets innodb_ddl_buffer_size
        innodb_ddl_threads innodb_deadlock_detect innodb_dedicated_server innodb_disable_sort_file_cache
        innodb_extend_and_initialize innodb_fill_factor innodb_flush_neighbors innodb_flush_sync
        innodb_flushing_avg_loops innodb_ft_cache_size innodb_ft_num_word_optimize innodb_ft_result_cache_limit
        innodb_ft_sort_pll_degree innodb_ft_total_cache_size innodb_idle_flush_pct innodb_io_capacity
        innodb_io_capacity_max innodb_log_buffer_size innodb_log_compressed_pages innodb_log_file_size
        innodb_log_files_in_group innodb_log_spin_cpu_abs_lwm innodb_log_spin_cpu_pct_hwm
        innodb_log_wait_for_flush_spin_hwm innodb_log_write_ahead_size innodb_log_writer_threads innodb_lru_scan_depth
        innodb_max_dirty_pages_pct innodb_max_dirty_pages_pct_lwm innodb_max_purge_lag innodb_max_purge_lag_delay
        innodb_max_undo_log_size innodb_numa_interleave innodb_old_blocks_pct innodb_old_blocks_time
        innodb_online_alter_log_max_size innodb_open_files innodb_page_cleaners innodb_parallel_read_threads
        innodb_purge_batch_size innodb_purge_rseg_truncate_frequency innodb_purge_threads innodb_random_read_ahead
        innodb_read_ahead_threshold innodb_read_io_threads innodb_redo_log_capacity innodb_replication_delay
        innodb_rollback_segments innodb_segment_reserve_factor innodb_sort_buffer_size innodb_spin_wait_delay
        innodb_spin_wait_pause_multiplier innodb_stats_* innodb_sync_array_size innodb_sync_spin_loops
        innodb_thread_concurrency innodb_thread_sleep_delay innodb_undo_log_truncate innodb_undo_tablespaces
        innodb_use_native_aio innodb_write_io_threads internal_tmp_disk_storage_engine internal_tmp_mem_storage_engine
        join_buffer_size large_pages max_binlog_cache_size max_binlog_stmt_cache_size max_length_for_sort_data
        min_examined_row_limit net_buffer_length old_alter_table open_files_limit optimizer_max_subgraph_pairs
        optimizer_prune_level optimizer_search_depth performance_schema* preload_buffer_size query_alloc_block_size
        query_prealloc_size range_alloc_block_size range_optimizer_max_mem_size read_buffer_size read_rnd_buffer_size
        schema_definition_cache secondary_engine_cost_threshold server_memory sort_buffer_size stored_program_cache
        stored_program_definition_cache table_definition_cache table_open_cache table_open_cache_instances
        table_open_cache_triggers tablespace_definition_cache temptable_* thread_cache_size thread_handling
        thread_pool_* transaction_alloc_block_size transaction_prealloc_size""",
    DURABLE: """
        innodb_checksum_algorithm innodb_doublewrite* innodb_fast_shutdown innodb_flush_log_at_* innodb_flush_method
        innodb_force_load_corrupted innodb_force_recovery innodb_fsync_threshold innodb_log_checksums innodb_read_only
        innodb_use_fdatasync innodb_validate_tablespace_paths sync_*""",
    "tables of this engine are not in a clone": """
        concurrent_insert delay_key_write delayed_* keep_files_on_create key_buffer_size key_cache_* myisam_* ndb*""",
    "how the source writes its own log, which a copy does not": """
        binlog_* enforce_gtid_consistency expire_logs_days gtid_* log_bin log_bin_use_v1_row_events
        log_replica_updates log_slave_updates log_statements_unsafe_for_binlog max_binlog_size rpl_read_size
        transaction_write_set_extraction""",
    "how the source follows, or is followed by, other servers": """
        group_replication_* init_replica init_slave master_* max_relay_log_size rbr_exec_mode relay_log* replica_*
        replication_* report_* rpl_semi_sync_* rpl_stop_* server_id* skip_replica_start skip_slave_start slave_*
        source_verify_checksum sql_replica_skip_counter sql_slave_skip_counter terminology_use_previous""",
    "how the source is reached: a copy has no network, and makes its own keys": """
        admin_* authentication_* auto_generate_certs bind_address caching_sha2_password_* create_admin_listener_thread
        have_openssl have_ssl host_cache_size mysqlx_* named_pipe persist_only_admin_x509_subject port protocol_*
        proxy_user sha256_password_* shared_memory* skip_name_resolve skip_networking socket ssl_* tls_*""",
    "what is not carried along: keys, since encrypted tablespaces are refused": """
        early_plugin_load innodb_redo_log_encrypt innodb_undo_log_encrypt keyring_*""",
    "a place on the source's machine": """
        basedir character_sets_dir datadir ft_stopword_file innodb_data_home_dir innodb_directories
        innodb_log_group_home_dir innodb_redo_log_archive_dirs innodb_scan_directories innodb_temp_data_file_path
        innodb_temp_tablespaces_dir innodb_tmpdir innodb_undo_directory lc_messages_dir log_bin_basename log_bin_index
        mecab_* pid_file plugin_dir secure_file_priv tmpdir""",
    "what the source writes about itself": """
        audit_log* core_file dragnet.* general_log general_log_file innodb_ft_enable_diag_print innodb_monitor_*
        innodb_print_* innodb_status_output innodb_status_output_locks log_error* log_output
        log_queries_not_using_indexes log_raw log_slow_* log_syslog* log_throttle_queries_not_using_indexes
        log_timestamps long_query_time max_digest_length optimizer_trace* profiling* slow_query_log
        slow_query_log_file syseventlog.* telemetry.*""",
    "for one moment or one test, never a setting": """
        clone_* ddl_rewriter* debug debug_sync innodb_api_* innodb_background_drop_list_empty innodb_ft_aux_table
        mysqlbackup.* persist_sensitive_variables_in_plaintext persisted_globals_load""",
    "nobody sets it: what the server says of itself": """
        build_id character_set_system have_* hostname innodb_version keyring_operations large_files_support
        large_page_size license locked_in_memory lower_case_file_system server_uuid skip_external_locking
        system_time_zone version version_*""",
}
"""Why a variable is not carried to a copy -> names; one that ends with a `*` stands for all that begin so."""
_TOLD = (WIDEST, SESSIONS, FORBIDS, SPEED, DURABLE)
"""What an operator sets again on the server that is delivered: the rest belongs to a machine, or is no setting."""

_PRIVATE = re.compile(r"passw|secret|token$|credential|private|(^|[._])(auth|key|cert|ssl|tls|keyring)([._]|$)|header|endpoint")
_ELSEWHERE = re.compile(
    r"(^|[._])(dir|dirs|directory|file|files|path|home|socket|port|host|hosts|address|bind|url|uri|proxy|network|log|logs|logging|"
    r"replica|slave|source|master|rpl|group|pool|cache|memory|ram|threads|instances|wsrep|telemetry)([._]|$)"
)
"""Names of what would bind a copy to a machine or to others, or take its memory: unknown ones so called are not given."""
_LONGEST = 256
_BUILT = {
    "default_tmp_storage_engine": "InnoDB",
    "lc_messages": "en_US",
    "lc_time_names": "en_US",
    "time_zone": "SYSTEM",
    "transaction_isolation": "REPEATABLE-READ",
}
"""Of these the server (9.7) says that nobody has set them, also where an option did."""


@dataclass(frozen=True)
class Variables:
    """The global variables of one server, sorted.

    carried: what a copy is started with. changed: those of them that a delivery names: not as the server is built, or that differ
    between servers. others: known ones that are not carried and are not as the server is built, for whoever runs the server that
    is delivered; nothing that may be a secret. unknown: in neither table, and given to copies. withheld: names, in neither table,
    and not given, as they look like places, secrets, connections, logs or sizes.
    """

    carried: dict[str, str] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    others: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    withheld: tuple[str, ...] = ()


def sort_out(variables: Mapping[str, str], as_built: frozenset[str] | None) -> Variables:
    """Sort variables (name -> value as SHOW GLOBAL VARIABLES prints it).

    as_built: names of those that nobody has set, so that a copy, a server of the same version, has them alike; None where the
    server does not say it: then every one may have been set.
    """
    built = {name for name in as_built or () if variables.get(name) == _BUILT.get(name, variables.get(name))}
    carried = {name: copy_value(name, value) for name, value in variables.items() if value and name in _CARRIED}
    set_by_somebody = {name: value for name, value in variables.items() if name not in built and name not in _CARRIED}
    unknown = {name: value for name, value in set_by_somebody.items() if value and reason(name) is None}
    given = {name: value for name, value in unknown.items() if may_be_given(name, value)}
    return Variables(
        carried=carried,
        changed=tuple(name for name in carried if name in _ALWAYS_NAMED or name not in built),
        others={name: value for name, value in set_by_somebody.items() if as_built is not None and is_told(name, value)},
        unknown=given,
        withheld=tuple(sorted(unknown.keys() - given.keys())),
    )


def reason(name: str) -> str | None:
    """Return why a variable is carried, or is not; None of one that is in neither table."""
    return _CARRIED.get(name) or _NAMED.get(name) or next((why for family, why in _FAMILIES if name.startswith(family)), None)


def is_carried(name: str) -> bool:
    """Return whether copies are started with it."""
    return name in _CARRIED


def is_told(name: str, value: str) -> bool:
    """Return whether an operator is told this value, to set it again."""
    return reason(name) in _TOLD and not name.startswith("init_") and _plain(value)


def copy_value(name: str, value: str) -> str:
    """Return a variable's value for a copy: the system tablespace's files lie in its data directory, wherever they were."""
    if name != "innodb_data_file_path":
        return value
    files = [file.partition(":") for file in value.split(";")]
    return ";".join(f"{path.strip().rpartition('/')[2]}{colon}{size}" for path, colon, size in files)


def may_be_given(name: str, value: str) -> bool:
    """Return whether a variable is of neither table, and by its name no secret, no option, and nothing that binds a copy to a
    machine.
    """
    if reason(name) or option_names.may_be_option(name, _BEGINNINGS):
        return False
    return _plain(value) and not _PRIVATE.search(name) and not _ELSEWHERE.search(name)


def _plain(value: str) -> bool:
    """Return whether a value is neither a path or an address, nor long text."""
    return "/" not in value and "@" not in value and value.isprintable() and len(value) <= _LONGEST


def _by_name(table: Mapping[str, str]) -> dict[str, str]:
    return {name: why for why, names in table.items() for name in names.split()}


_CARRIED = _by_name(CARRIED)
_NAMED = {name: why for name, why in _by_name(NOT_CARRIED).items() if not name.endswith("*")}
# Asked after whole names, the longest first: a family may have an exception.
_FAMILIES = sorted(
    ((name[:-1], why) for name, why in _by_name(NOT_CARRIED).items() if name.endswith("*")), key=lambda family: -len(family[0])
)
_BEGINNINGS = (*_CARRIED, *_NAMED, *(family for family, _ in _FAMILIES))
DECIDING = frozenset(_CARRIED) - frozenset(CARRIED["limits at which a logged statement would fail"].split())
"""What decides the result of a statement: a log that was written under two values of it cannot be replayed under one."""
