from __future__ import annotations

import shutil
import sqlite3
import stat
from pathlib import Path

import msgspec
import pytest

from hoplite.exceptions import StorageUnavailableError
from hoplite.journal.protocol import JobChanged, Page, ResourceSaved
from hoplite.journal.schema import APPLICATION_ID, Migration, migrations, prepare
from hoplite.journal.store import SqliteJournal
from hoplite.model.resource import Resource
from tests.conformance.test_journal_accounting import keep, ran
from tests.journal.jobs import START, a_job, an_ended_job, created, with_status

NEWEST = migrations()[-1].number
ACCOUNTING = next(each.sql for each in migrations() if each.name == "accounting")
OLD = Path(__file__).parent / "old"


def connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def tables(path: Path) -> set[str]:
    connection = connect(path)
    found = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    return found


@pytest.mark.parametrize("version", range(NEWEST + 1))
def test_a_journal_of_any_version_opens_as_the_newest(tmp_path: Path, version: int) -> None:
    path = tmp_path / "journal.db"
    connection = connect(path)
    if version:
        prepare(connection, path, migrations()[:version])
    connection.close()
    journal = SqliteJournal(path)
    journal.commit(*created(a_job(1)))
    assert journal.job(1) == a_job(1)
    journal.close()
    connection = connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (NEWEST,)
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    connection.close()
    fresh = tmp_path / "fresh.db"
    SqliteJournal(fresh).close()
    assert tables(path) == tables(fresh)


def test_a_journal_that_an_older_hoplite_wrote_opens_whole(tmp_path: Path) -> None:
    """The file was written by the code of its time, not by today's migrations."""
    path = tmp_path / "journal.db"
    shutil.copy(OLD / "version-1.db", path)
    journal = SqliteJournal(path)
    jobs = {job.id: job for job in journal.page(Page(limit=9)).jobs}
    assert jobs == {
        1: with_status(a_job(1), 1)[0].job,  # type: ignore[union-attr] # it is a JobChanged
        2: an_ended_job(2),
        3: a_job(3, config=jobs[3].config, env={"LANG": "C"}, workdir="/srv/data"),
    }
    assert len(jobs[3].config) > 2000
    assert journal.tombstone(4) is not None
    assert journal.key_used("alice", "key") is not None
    entries = journal.entries(after=0, job_id=None, limit=99)
    assert [entry.job_id for entry in entries] == [1, 2, 2, 3, 1]
    assert journal.last_ids() == (4, 6)
    assert (journal.resources(), journal.properties(), journal.last_resource_id()) == ([], [], 0)
    node = Resource(id=1, network_address="node1")
    journal.commit(ResourceSaved(node))
    assert journal.resources() == [node]
    journal.close()


def test_a_new_journal_is_for_its_owner_only(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    journal.commit(*created(a_job(1)))
    modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    journal.close()
    assert modes == {0o600}


def test_a_newer_journal_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    SqliteJournal(path).close()
    connection = connect(path)
    connection.execute(f"PRAGMA user_version = {NEWEST + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StorageUnavailableError, match=f"version {NEWEST + 1}.*newer hoplite"):
        SqliteJournal(path)
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = connect(path)
    connection.execute("CREATE TABLE jobs (id INTEGER)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StorageUnavailableError, match="another program"):
        SqliteJournal(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("dear diary\n" * 500)
    with pytest.raises(StorageUnavailableError, match="not a journal"):
        SqliteJournal(path)
    assert path.read_text() == "dear diary\n" * 500


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailableError, match=r"gone/journal\.db: No such file"):
        SqliteJournal(tmp_path / "gone" / "journal.db")


@pytest.mark.parametrize("name", ["a b?c#d%20.db", "größe.db", "a;b'c\".db"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    journal = SqliteJournal(tmp_path / name)
    journal.commit(*created(a_job(1)))
    assert journal.job(1) == a_job(1)
    journal.close()
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_migration_that_fails_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    SqliteJournal(path).close()
    before = tables(path)
    broken = Migration(NEWEST + 1, "broken", "CREATE TABLE more (id INTEGER); SELECT nonsense;")
    connection = connect(path)
    with pytest.raises(StorageUnavailableError, match=r"Migration \d+ \(broken\).*as it was"):
        prepare(connection, path, [*migrations(), broken])
    connection.close()
    assert tables(path) == before
    SqliteJournal(path).close()


def test_migrations_run_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path)
    journal.commit(*created(a_job(1)))
    journal.close()
    more = [
        Migration(NEWEST + 1, "one", "CREATE TABLE one (id INTEGER);"),
        Migration(NEWEST + 2, "two", "ALTER TABLE one RENAME TO two;"),
    ]
    connection = connect(path)
    prepare(connection, path, [*migrations(), *more])
    assert connection.execute("PRAGMA user_version").fetchone() == (NEWEST + 2,)
    assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (1,)
    connection.close()
    assert "two" in tables(path)


def test_other_programs_may_read_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path)
    foreign = connect(path)
    foreign.execute("BEGIN")
    assert foreign.execute("SELECT count(*) FROM jobs").fetchone() == (0,)
    for n in range(1, 51):
        journal.commit(*created(a_job(n)))
    assert len(journal.page(Page(limit=99)).jobs) == 50
    foreign.execute("COMMIT")
    assert foreign.execute("SELECT count(*) FROM jobs").fetchone() == (50,)
    foreign.close()
    journal.close()


def test_a_copy_of_a_closed_journal_is_a_journal(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    journal.commit(*created(a_job(1)))
    journal.close()
    shutil.copy(tmp_path / "journal.db", tmp_path / "copy.db")
    copy = SqliteJournal(tmp_path / "copy.db")
    assert copy.job(1) == a_job(1)
    copy.close()


def test_consumption_is_made_up_for_from_the_jobs_of_an_older_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    jobs = [
        ran(1, START, 10, 100, 3),
        ran(2, START + 7.5, 90_000, 200_000, 2, owner="bob", project="gold"),
        ran(3, START, 9, 50, granted={"suspended_s": 2.0, "suspended_at": START + 6}),
        msgspec.structs.replace(ran(4, START, 9, 50), started_at=None),
    ]
    journal = SqliteJournal(path)
    keep(journal, *jobs)
    expected = journal.consumption(0, 10**12), journal.consumption(START + 86_400, 10**12)
    journal.close()
    connection = connect(path)
    connection.executescript(
        f"DROP TABLE accounting; ALTER TABLE batch_jobs DROP COLUMN accounted; {ACCOUNTING}"
    )
    connection.close()
    journal = SqliteJournal(path)
    assert (
        journal.consumption(0, 10**12),
        journal.consumption(START + 86_400, 10**12),
    ) == expected
    assert len(expected[0]) == 2
    journal.commit(JobChanged(msgspec.structs.replace(jobs[0], version=99)))
    assert journal.consumption(0, 10**12) == expected[0]
    journal.close()
