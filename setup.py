from __future__ import annotations

from pathlib import Path

from setuptools import find_namespace_packages, setup

VERSION = "26.0.0.dev0"

TEST = [
    "axe-core-python>=0.1",
    "hypothesis>=6.100",
    "openapi-spec-validator>=0.8",
    "psutil>=6",
    "pyftpdlib>=2",
    # For pyftpdlib's FTPS.
    "pyopenssl>=24",
    "pytest>=8.2",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.6",
    "schemathesis>=4",
    "selenium>=4.20",
    # Packages that the tests install are built without the network.
    "setuptools>=68",
    "sybil>=8",
    "wheel>=0.43",
]

BUILT_IN = [
    "download_folder_from_ftp_job",
    "install_python_package_job",
    "remote_enabler_job",
    "remote_enabler_module_job",
    "shell_command",
    "uninstall_python_package_job",
]

setup(
    name="hoplite",
    version=VERSION,
    description="A job server that never loses a job and never lies about one",
    long_description=Path(__file__).with_name("README.rst").read_text(encoding="utf-8"),
    long_description_content_type="text/x-rst",
    author="the hoplite authors",
    license="MIT",
    python_requires=">=3.11",
    packages=find_namespace_packages(include=["hoplite", "hoplite.*"], exclude=["*.__pycache__"]),
    package_data={"": ["py.typed", "*.sql", "*.html", "*.css", "*.js", "*.svg", "*.ico", "*.star"]},
    include_package_data=False,
    install_requires=[
        "argon2-cffi>=23.1",
        "click>=8.1",
        "cloudpickle>=3",
        "flask>=3.0",
        "msgspec>=0.19",
        "platformdirs>=4",
        "prometheus-client>=0.20",
        "psutil>=6",
        "pyyaml>=6",
        "requests>=2.32",
        "rich>=13.7",
        "starlark-pyo3>=2026.1",
        "structlog>=24.1",
        "tomlkit>=0.13",
        "waitress>=3.0.1",
    ],
    extras_require={
        "granian": ["granian>=2"],
        "test": TEST,
        "lint": [
            *TEST,
            "import-linter>=2.1",
            "mypy>=1.15",
            "ruff>=0.12",
            "types-PyYAML",
            "types-psutil",
            "types-requests",
        ],
        "docs": [
            "furo>=2024.8",
            "sphinx>=8",
            "sphinxcontrib-httpdomain>=1.8.1",
        ],
    },
    entry_points={
        "console_scripts": [
            "hoplite-auto-start = hoplite.cli.auto_start:main",
            "hoplite-client = hoplite.cli.client:main",
            "hoplite-server = hoplite.cli.server:main",
        ],
        "hoplite.jobs": [
            f"hoplite.plugins.{name} = hoplite.builtin_plugins.{name}" for name in BUILT_IN
        ],
        "pytest11": ["hoplite = hoplite.testing.pytest_plugin"],
    },
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Environment :: Web Environment",
        "Framework :: Flask",
        "Intended Audience :: System Administrators",
        "License :: OSI Approved :: MIT License",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: System :: Distributed Computing",
        "Typing :: Typed",
    ],
)
