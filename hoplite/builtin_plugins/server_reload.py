"""Telling the server of a job that packages have changed."""

from __future__ import annotations

from hoplite.client.remote_job_manager import RemoteJobManager
from hoplite.exceptions import HopliteError


def reload_server(address: str) -> str:
    """Have it look for plugins again; empty, or why it did not.

    A job has no credentials but its key, which is for its status only: the kernel has to know whose
    process this is.
    """
    try:
        with RemoteJobManager(address) as manager:
            manager.reload_site_packages()
    except (HopliteError, ValueError) as error:
        return str(error)
    return ""
