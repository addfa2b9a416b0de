"""Errors as they are raised, wherever that was."""

from __future__ import annotations

import inspect
import pickle

import pytest

from zhitong import exceptions
from zhitong.exceptions import ZhitongError

ERRORS = [
    error
    for error in vars(exceptions).values()
    if inspect.isclass(error) and issubclass(error, ZhitongError)
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_an_error_comes_out_of_another_process_as_it_was_raised(
    error: type[ZhitongError],
) -> None:
    raised = error("中文", "English", place="here")
    again = pickle.loads(pickle.dumps(raised))  # noqa: S301 - written the line above
    assert type(again) is error
    assert (again.label, again.details) == (raised.label, raised.details)
    assert str(again) == str(raised)
