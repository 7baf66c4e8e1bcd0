"""Passwords can stand in a command line as they are."""

from __future__ import annotations

import pytest

from phr import passwords


def test_a_password_is_never_taken_for_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    made = iter(["-x", "--y", "x-"])
    monkeypatch.setattr(passwords.secrets, "token_urlsafe", lambda _n: next(made))
    assert passwords.new_password() == "x-"
