"""The names of the built-in plugins and of the keys of their configs, as programs for Hoplite 15
import them."""

from __future__ import annotations

DOWNLOAD_FOLDER_FROM_FTP_JOB_NAME = "hoplite.plugins.download_folder_from_ftp_job"
INSTALL_PYTHON_PACKAGE_JOB_NAME = "hoplite.plugins.install_python_package_job"
UNINSTALL_PYTHON_PACKAGE_JOB_NAME = "hoplite.plugins.uninstall_python_package_job"
SHELL_COMMAND_JOB_NAME = "hoplite.plugins.shell_command"
REMOTE_ENABLER_JOB_NAME = "hoplite.plugins.remote_enabler_job"
REMOTE_ENABLER_MODULE_JOB_NAME = "hoplite.plugins.remote_enabler_module_job"


class DownloadFolderFromFtpJobConstants:
    DEST_ROOT = "dest_root"
    FTP_ROOT = "ftp_root"
    SERVER_ADDRESS = "server_address"
    SERVER_PORT = "server_port"
    USERNAME = "username"
    PASSWORD = "password"
    TLS = "tls"
    CA_FILE = "ca_file"
    RESUME = "resume"
    TIMEOUT_S = "timeout_s"
    RETRIES = "retries"
    ENCODING = "encoding"


class InstallPythonPackageJobConstants:
    LOCAL_PATH = "LOCAL_PATH"
    PIP_CMD = "PIP_CMD"


class UninstallPythonPackageJobConstants:
    PACKAGE = "PACKAGE"
