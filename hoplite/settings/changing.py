"""Which settings can be changed in a running server, when that takes effect, and who may."""

from __future__ import annotations

AT_ONCE = frozenset(
    {
        "admission_memory",
        "admission_time",
        "default_states",
        "default_walltime",
        "idempotency_hours",
        "keep_accounting_days",
        "keep_days",
        "keep_jobs",
        "keep_log_bytes",
        "kill_grace",
        "local_nodes",
        "log_level",
        "max_array",
        "max_config_bytes",
        "max_reservations",
        "max_result_bytes",
        "max_running",
        "max_status_bytes",
        "max_wait",
        "page_limit",
        "queues",
        "status_retry",
        "stop_jobs",
        "users_may_delay_jobs",
        "users_may_suspend",
        "visibility",
        "walltime_change",
        "walltime_max_increase",
    }
)
"""Settings that are looked at when they are needed."""

BUILT_IN = frozenset(
    {
        "debug",
        "http",
        "log_format",
        "max_body_bytes",
        "max_streams",
        "max_upload_bytes",
        "port",
        "request_timeout",
        "threads",
    }
)
"""What a server is built from: sockets, threads, buffers.  A change holds after a restart, as one of
the next does."""

OF_THE_MACHINE = frozenset(
    {
        "admins",
        "allowed_hosts",
        "auth",
        "behind_proxy",
        "data_dir",
        "group",
        "host",
        "insecure_http",
        "media_roots",
        "proxy_admins",
        "proxy_user_header",
        "sendmail",
        "submitters",
        "tls_cert",
        "tls_key",
    }
)
"""Settings that decide who gets in, and what runs and is read with the server's own rights.  Where
the server is root, an administrator who is not could make himself root by them."""
