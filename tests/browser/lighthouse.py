"""`make lighthouse`: what Lighthouse says of the main pages, as a phone on a slow network would have them.

Prints ``page performance accessibility best-practices`` and ends in 1 where one is below ``LEAST``. Wants npm (``npx``)
and Debian's chromium.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.house import PHONE, Somebody, looking
from tests.browser.screenshots import fill
from tests.real.installation import Installation, installed

LIGHTHOUSE = "lighthouse@12.8.2"
LEAST = 95
CATEGORIES = ("performance", "accessibility", "best-practices")
FIRST = "/"
PAGES = ("/app/today", "/app/add", "/app/people/me", "/app/learn", "/app/learn/less-salt", "/app/sharing", "/app/more")
PATIENCE_S = 180


def cookies_of(house: Installation) -> str:
    """Of somebody who is logged in, and whose record is full."""
    Somebody.doctor(house)
    citizen = Somebody.citizen(house, "王芳")
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        with looking(chromium, PHONE) as page:
            citizen.log_in(page, house.url)
            fill(house, page, house.url)
            found = page.context.cookies()
        chromium.close()
    return "; ".join(f"{one['name']}={one['value']}" for one in found)  # type: ignore[typeddict-item]


def chromium_path() -> str:
    path = shutil.which("chromium")
    assert path, "chromium is missing: sudo apt-get install -y chromium"
    return path


def audited(url: str, cookies: str, folder: Path) -> dict[str, int]:
    """The scores of a page, of 100."""
    out = folder / "report.json"
    command = ["npx", "--yes", LIGHTHOUSE, url, "--quiet", "--output=json", f"--output-path={out}"]
    command += [f"--only-categories={','.join(CATEGORIES)}", "--chrome-flags=--headless=new --no-sandbox"]
    if cookies:
        command.append(f"--extra-headers={json.dumps({'Cookie': cookies})}")
    environment = os.environ | {"CHROME_PATH": chromium_path()}
    subprocess.run(command, check=True, env=environment, timeout=PATIENCE_S, cwd=folder, stdout=sys.stderr)
    report = json.loads(out.read_text(encoding="utf-8"))
    if report["finalDisplayedUrl"] != url:
        raise RuntimeError(f"{url} led to {report['finalDisplayedUrl']}")
    for name in CATEGORIES:
        for one in report["categories"][name]["auditRefs"]:
            audit = report["audits"][one["id"]]
            if one["weight"] and audit["score"] is not None and audit["score"] < 0.9:
                print(f"  {name}: {audit['title']} {audit.get('displayValue', '')}", file=sys.stderr)
    return {name: round((report["categories"][name]["score"] or 0) * 100) for name in CATEGORIES}


def main() -> int:
    is_good = True
    with tempfile.TemporaryDirectory() as data, installed(Path(data)) as house:
        cookies = cookies_of(house)
        for path in (FIRST, *PAGES):
            with tempfile.TemporaryDirectory() as folder:
                scores = audited(house.url + path, "" if path == FIRST else cookies, Path(folder))
            print(path, *scores.values(), flush=True)
            is_good &= min(scores.values()) >= LEAST
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
