"""Answers that are asked for again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable

MAX_ANSWERS = 512
MAX_ANSWER_BYTES = 16384
"""A larger one is made anew each time."""


class KeptAnswers:
    """What was answered last, by the ETag, which changes with the answer.  Those who wait for a job
    by asking ask for the same one many times."""

    def __init__(self, max_answers: int = MAX_ANSWERS) -> None:
        self._max_answers = max_answers
        self._answers: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def get(self, tag: str, make: Callable[[], bytes]) -> bytes:
        """The answer of that ETag, from ``make`` where it is not kept."""
        answer = self._answers.get(tag)
        if answer is None:
            answer = make()
            if len(answer) <= MAX_ANSWER_BYTES:
                self._keep(tag, answer)
        return answer

    def _keep(self, tag: str, answer: bytes) -> None:
        with self._lock:
            self._answers[tag] = answer
            if len(self._answers) > self._max_answers:
                del self._answers[next(iter(self._answers))]
