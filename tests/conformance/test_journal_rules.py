"""What every journal does with admission rules."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from hoplite.journal.changes import ConflictingChange
from hoplite.journal.protocol import Journal, RuleVersioned
from hoplite.model.admission_rule import AdmissionRule
from tests.journal.jobs import START

RULE = AdmissionRule(id=3, rule='warn("Ü\n")', priority=-7, enabled=False, at=START, who="root")


def following(rule: AdmissionRule, deleted: bool = False) -> AdmissionRule:
    return msgspec.structs.replace(
        rule, version=rule.version + 1, rule=rule.rule + "#", deleted=deleted
    )


def test_a_new_journal_never_had_a_rule(journal: Journal) -> None:
    assert (journal.rules(), journal.last_rule_id(), journal.rule_versions(1)) == ([], 0, [])


def test_rules_come_back_as_they_are_now_by_id(open_journal: Callable[[], Journal]) -> None:
    journal = open_journal()
    first = msgspec.structs.replace(RULE, id=1, enabled=True)
    journal.commit(RuleVersioned(RULE), RuleVersioned(first))
    journal.commit(RuleVersioned(following(RULE)))
    journal.close()
    journal = open_journal()
    assert journal.rules() == [first, following(RULE)]
    assert journal.rule_versions(RULE.id) == [RULE, following(RULE)]
    assert journal.last_rule_id() == 3


def test_a_deleted_rule_leaves_its_versions_and_its_id(open_journal: Callable[[], Journal]) -> None:
    journal = open_journal()
    end = following(RULE, deleted=True)
    journal.commit(RuleVersioned(RULE), RuleVersioned(end))
    journal.close()
    journal = open_journal()
    assert (journal.rules(), journal.last_rule_id()) == ([], 3)
    assert journal.rule_versions(RULE.id) == [RULE, end]


@pytest.mark.parametrize("version", [0, 1, 3])
def test_no_version_is_left_out_or_written_over(journal: Journal, version: int) -> None:
    journal.commit(RuleVersioned(RULE))
    with pytest.raises(ConflictingChange):
        journal.commit(RuleVersioned(msgspec.structs.replace(RULE, version=version, rule="#")))
    assert journal.rules() == [RULE]
