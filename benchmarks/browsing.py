"""The browser that pages are measured in, and how somebody comes in."""

from __future__ import annotations

import shutil

from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
LOGIN, PASSWORD = "pages-bench", "a password of the benchmark"


def log_in(page: Page, url: str) -> None:
    """As who has LOGIN and PASSWORD; returns on the page that comes then."""
    page.goto(f"{url}/app/login")
    form = page.locator("form:has(input[name=password])").first
    form.locator("input[name=login]").fill(LOGIN)
    form.locator("input[name=password]").fill(PASSWORD)
    form.locator("button").first.click()
    page.wait_for_url("**/app/**")
