"""Answers are kept by their ETag, and not too many."""

from __future__ import annotations

from hoplite.api.kept_answers import MAX_ANSWER_BYTES, KeptAnswers


def test_an_answer_is_made_once_while_it_is_kept() -> None:
    answers = KeptAnswers(max_answers=2)
    made: list[str] = []

    def ask(tag: str) -> bytes:
        def make() -> bytes:
            made.append(tag)
            return tag.encode()

        return answers.get(tag, make)

    assert [ask(tag) for tag in "aabab"] == [b"a", b"a", b"b", b"a", b"b"]
    assert made == ["a", "b"]
    assert ask("c") == b"c"
    assert ask("b") == b"b"
    assert ask("a") == b"a"
    assert made == ["a", "b", "c", "a"]


def test_a_large_answer_is_not_kept() -> None:
    answers = KeptAnswers()
    assert answers.get("a", lambda: bytes(MAX_ANSWER_BYTES + 1)) != b"other"
    assert answers.get("a", lambda: b"other") == b"other"
