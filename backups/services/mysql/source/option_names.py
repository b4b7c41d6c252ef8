"""Tells a variable of a server that is newer than Lifeboat's lists from everything that a server takes as an option of its own.

Pure.
"""

import re
from collections.abc import Iterable

_OPTIONS = """
    allow_suspicious_udfs ansi archive blackhole bootstrap character_set_client_handshake check_table_functions chroot
    compression_algorithms console daemonize default_time_zone defaults_extra_file defaults_file defaults_group_suffix
    des_key_file exit_info external_locking federated gdb help ignore_db_dirs init_rpl_role initialize
    initialize_insecure innodb innodb_status_file language log log_isam log_short_format log_tc log_tc_size login_path
    max_binlog_dump_events memlock mysqlx ngram no_dd_upgrade no_defaults no_login_paths no_monitor
    old_style_user_limits partition plugin_load plugin_load_add port_open_timeout print_defaults replicate_do_db
    replicate_do_table replicate_ignore_db replicate_ignore_table replicate_rewrite_db replicate_same_server_id
    replicate_wild_do_table replicate_wild_ignore_table safe_user_create show_replica_auth_info show_slave_auth_info
    sporadic_binlog_dump_fail ssl stack_trace standalone super_large_pages symbolic_links sysdate_is_now
    tc_heuristic_recover temp_pool unix_socket upgrade user validate_config validate_user_plugins verbose"""
OPTIONS = frozenset(_OPTIONS.split())
"""Options that are no variables, so that no source has them among those."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*(\.[a-z0-9]+(_[a-z0-9]+)*)?")
_MODIFIER = re.compile(r"(loose|skip|disable|enable|maximum|autoset)(_|$)")
"""What a server takes off an option's name, to find another one behind it."""


def well_formed(name: str) -> bool:
    """Return whether a name is written as a server itself writes those of its variables."""
    return _NAME.fullmatch(name) is not None


def may_be_option(name: str, variables: Iterable[str]) -> bool:
    """Return whether a server may take an unlisted name for something else: an option that is no variable, the beginning of one
    or of one of these variables, which it may take for the whole, or what stands behind a modifier.
    """
    if not well_formed(name) or _MODIFIER.match(name):
        return True
    return any(known.startswith(name) for each in (OPTIONS, variables) for known in each)
