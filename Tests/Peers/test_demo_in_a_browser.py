"""`gatehouse demo` in a real browser: sign in, see one's own data, sign out; the browser never holds a token."""

import os
import re
from pathlib import Path

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from gateway import BINARY
from waiting import Process, free_port

TOKEN = re.compile(r"eyJ[\w-]{10,}\.[\w-]{10,}")
PAGES = {"phone": (390, 844), "desktop": (1280, 900)}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo on a port of its own: its address."""
    folder, port = tmp_path_factory.mktemp("demo"), free_port()
    process = Process([BINARY, "demo", "--port", port], folder / "output", cwd=folder).listens(port)
    yield f"http://localhost:{port}"
    assert process.is_alive, process.output[-3000:]
    process.stop()


def until(driver, condition, what, seconds=15):
    return WebDriverWait(driver, seconds, 0.1, [StaleElementReferenceException]).until(condition, what)


def text(driver):
    return driver.execute_script("return document.body ? document.body.innerText : ''")


def sign_in(driver, demo, user, password=None):
    """From the demo's address through its provider's form."""
    driver.get(f"{demo}/")
    if not driver.find_elements(By.NAME, "password"):
        link = driver.find_elements(By.CSS_SELECTOR, "a[href*='/.auth/login']")
        assert link, f"neither a login form nor a way to sign in at {driver.current_url}: {text(driver)[:300]}"
        link[0].click()
    until(driver, lambda d: d.find_elements(By.NAME, "username"), "the provider's login form")
    driver.find_element(By.NAME, "username").send_keys(user)
    driver.find_element(By.NAME, "password").send_keys(password or user)
    driver.find_element(By.CSS_SELECTOR, "button[name=action][value=allow]").click()


def has_its_chart(driver, name):
    until(driver, lambda d: [e.text for e in d.find_elements(By.ID, "user")] == [name], f"{name} on the page")
    return until(driver, lambda d: d.find_elements(By.CSS_SELECTOR, "#chart svg rect"), "a chart drawn as svg")


def sign_out(driver):
    """By the site's button: nothing is asked again, and the provider leads back."""
    driver.find_element(By.ID, "sign-out").click()
    until(driver, lambda d: "/.auth/signed-out" in d.current_url, "the end")


def test_a_person_signs_in_sees_their_data_signs_out_and_is_asked_again(demo, chromium):
    driver = chromium()
    sign_in(driver, demo, "alice")
    has_its_chart(driver, "alice")
    assert driver.current_url.startswith(demo)
    held = driver.execute_script(
        "return document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)"
    )
    assert "gatehouse" not in held, f"a script can read our cookie: {held[:200]}"
    for place in (held, driver.page_source, driver.current_url, *(c["value"] for c in driver.get_cookies())):
        assert not TOKEN.search(place), "a token in the browser"
    assert all(c["httpOnly"] for c in driver.get_cookies() if "gatehouse" in c["name"])
    sign_out(driver)
    assert driver.current_url.startswith(demo) and not [c for c in driver.get_cookies() if c["name"] == "gatehouse"]
    driver.get(f"{demo}/")
    until(driver, lambda d: d.find_elements(By.NAME, "password"), "asked to sign in again")
    assert not driver.current_url.startswith(demo)


def test_a_person_who_does_not_sign_in_is_told_so(demo, chromium):
    driver = chromium()
    driver.get(f"{demo}/")
    until(driver, lambda d: d.find_elements(By.NAME, "password"), "the provider's login form")
    driver.find_element(By.CSS_SELECTOR, "button[name=action][value=deny]").click()
    until(driver, lambda d: d.current_url.startswith(demo), "back at the site")
    assert not driver.find_elements(By.ID, "user") and text(driver).strip()
    driver.get(f"{demo}/.auth/me")
    assert '"sub"' not in driver.page_source


def test_a_question_comes_before_signing_out_by_link(demo, chromium):
    driver = chromium()
    sign_in(driver, demo, "alice")
    has_its_chart(driver, "alice")
    driver.get(f"{demo}/.auth/logout")
    driver.find_element(By.CSS_SELECTOR, "form[action*='/.auth/logout'] button").click()
    until(driver, lambda d: "/.auth/signed-out" in d.current_url, "the end")


def test_each_person_sees_their_own_data(demo, chromium):
    drawn = {}
    for user in ("alice", "bob"):
        driver = chromium()
        sign_in(driver, demo, user)
        has_its_chart(driver, user)
        drawn[user] = driver.execute_script(
            "return [...document.querySelectorAll('svg')].map(s => s.outerHTML).join('')"
        )
        driver.quit()
    assert drawn["alice"] != drawn["bob"]


def test_a_wrong_password_is_refused(demo, chromium):
    driver = chromium()
    sign_in(driver, demo, "alice", "bob")
    until(driver, lambda d: d.find_elements(By.NAME, "password"), "the form again")
    driver.get(f"{demo}/.auth/me")
    assert '"sub"' not in driver.page_source


def test_no_page_complains_on_the_console(demo, chromium):
    driver = chromium()
    sign_in(driver, demo, "alice")
    has_its_chart(driver, "alice")
    severe = [
        entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE" and "favicon" not in entry["message"]
    ]
    assert not severe, severe


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone_and_a_desk_in_light_and_dark(demo, chromium, tmp_path_factory, scheme):
    """The sign-in page, the site, the question, signed out, an error: nothing is cut off, and the scheme is kept.

    Pictures of all of them go to $GATEHOUSE_SCREENSHOTS."""
    folder = Path(os.environ.get("GATEHOUSE_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    driver = chromium(scheme)

    def shot(device, page):
        driver.save_screenshot(str(folder / f"{page}-{device}-{scheme}.png"))
        wide = driver.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, f"{page}, {device}: {wide} pixels too wide"
        shade = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
        if shade == "rgba(0, 0, 0, 0)":
            shade = driver.execute_script("return getComputedStyle(document.documentElement).backgroundColor")
        light = sum(map(int, re.findall(r"\d+", shade)[:3])) > 380
        assert light == (scheme == "light"), f"{page}, {device}: {shade}"

    for device, (width, height) in PAGES.items():
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": device == "phone"},
        )
        driver.get(f"{demo}/")
        until(driver, lambda d: d.find_elements(By.NAME, "username"), "the provider's login form")
        shot(device, "1-sign-in")
        sign_in(driver, demo, "alice")
        has_its_chart(driver, "alice")
        shot(device, "2-site")
        driver.get(f"{demo}/.auth/logout")
        shot(device, "3-sign-out")
        driver.find_element(By.CSS_SELECTOR, "form[action*='/.auth/logout'] button").click()
        until(driver, lambda d: "/.auth/signed-out" in d.current_url, "the end")
        shot(device, "4-signed-out")
        driver.get(f"{demo}/.auth/callback?code=x&state=y")
        shot(device, "5-error")
