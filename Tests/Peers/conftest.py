"""Makes Tests/Support known to the tests of this folder."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("Support", "Behaviour")]

import pytest  # noqa: E402
from selenium import webdriver  # noqa: E402

from fixtures import *  # noqa: E402, F403 - pytest finds fixtures by name


@pytest.fixture
def chromium(tmp_path):
    """A fresh profile; `chromium(scheme, …)` with the colour scheme asked for, and further arguments."""
    opened = []

    def start(scheme="light", *more):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            "--disable-component-update",
            f"--user-data-dir={tmp_path / f'profile-{len(opened)}'}",
            *more,
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
        driver.set_page_load_timeout(30)
        driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        opened.append(driver)
        return driver

    yield start
    for driver in opened:
        driver.quit()
