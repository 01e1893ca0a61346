"""Arguments and options that name jobs and arrays."""

from __future__ import annotations

import click

JOB_ID = click.IntRange(min=1)

jobs_argument = click.argument("jobs", metavar="[JOB]...", nargs=-1, type=JOB_ID)
array_option = click.option(
    "--array",
    "arrays",
    multiple=True,
    type=JOB_ID,
    metavar="ID",
    help="The jobs of this array: the id of its first job.  May be repeated.",
)
