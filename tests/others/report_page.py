"""A page of `rl4seg report` or `rl4seg predict` in Chromium, and what can be done with it."""

import base64
import json
import sys
import zlib
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

# Presses of Tab from one control to another.
MOST_TABS = 150
CARD = "document.querySelector(`.card[data-number='${arguments[0]}']`)"
PAINTED = f"""
const canvas = {CARD}.querySelector("canvas");
const states = Array.from(document.querySelectorAll("[data-layer]"), (b) => [b.dataset.layer, b.getAttribute("aria-pressed") === "true"]);
const painted = canvas.dataset.layers ?? "";
// A canvas out of view has one pixel.
return canvas.width > 1 && states.every(([key, on]) => painted.includes(key) === on) ? canvas.toDataURL() : null;
"""


def check(holds, what):
    if not holds:
        sys.exit(f"click_through_report: {what}")


def browser(folder):
    options = webdriver.ChromeOptions()
    for flag in [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", f"--user-data-dir={folder / 'profile'}",
    ]:  # fmt: skip
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for path in ["/usr/bin/chromium", "/usr/bin/chromium-browser"]:
        if Path(path).exists():
            options.binary_location = path
    return webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))


class Page:
    def __init__(self, driver, path, screenshots):
        self.driver, self.path, self.screenshots = driver, path, screenshots
        self.size(1400)
        self.load()

    def load(self):
        self.driver.get_log("browser")
        self.driver.get(self.path.as_uri())
        self.wait(lambda: self.script("return document.documentElement.dataset.painted"), "no case was painted")

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def wait(self, holds, what):
        WebDriverWait(self.driver, 30, 0.05).until(lambda _: holds(), f"click_through_report: {what}")

    def size(self, width, height=1000):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def scheme(self, name):
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def there(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def press(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def cards(self, name):
        """A datum of every card that is not filtered out, in the order shown."""
        cards = "Array.from(document.querySelectorAll('.card:not([hidden])'), (card) => card.dataset[arguments[0]])"
        return self.script(f"return {cards}", name)

    def painted(self, number):
        """What a card looks like, once it is in view and painted with the layers that are on."""
        self.script(f"{CARD}.scrollIntoView({{ block: 'center' }})", number)
        found = []

        def is_painted():
            found[:] = [self.script(PAINTED, number)]
            return found[0]

        self.wait(is_painted, "a layer that was switched is not painted anew")
        return found[0]

    def planes(self):
        """What the pictures of the cards shown hold, by their numbers: the bytes of each layer."""
        data, every = self.script("return ['gallery-data', 'gallery-bytes'].map((id) => document.getElementById(id).textContent)")
        pictures = json.loads(data)["pictures"]
        shown = [int(number) for number in self.cards("number")]
        return {number: unpacked(pictures[number], every) for number in shown if pictures[number]}

    def focused(self, selector):
        return self.script("return document.activeElement.matches(arguments[0])", selector)

    def tab_to(self, selector):
        """Presses Tab until what is looked for has the focus."""
        for _ in range(MOST_TABS):
            self.press(Keys.TAB)
            if self.focused(selector):
                return
        check(False, f"{self.path.name}: Tab does not lead to {selector}")

    def choose(self, selector, value):
        """Chooses from a list by keys alone."""
        self.tab_to(selector)
        control = self.find(selector)
        for _ in Select(control).options:
            if control.get_property("value") == value:
                return
            self.press(Keys.ARROW_DOWN)
        check(control.get_property("value") == value, f"{selector}: keys do not lead to {value}")

    def on(self):
        """The layers that are switched on."""
        return self.script("return Array.from(document.querySelectorAll('[data-layer][aria-pressed=true]'), (b) => b.dataset.layer)")

    def take(self, name):
        if self.screenshots:
            self.screenshots.mkdir(parents=True, exist_ok=True)
            png = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": False})
            (self.screenshots / f"{name}.png").write_bytes(base64.b64decode(png["data"]))

    def no_errors(self):
        errors = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
        check(not errors, f"{self.path.name}: the console says {errors}")
        loaded = self.script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
        check(not loaded, f"{self.path.name} loads {loaded}")


def unpacked(picture, every):
    """The layers of a picture (gallery/picture.rs), by their keys."""
    data = zlib.decompress(base64.b64decode(every[slice(*picture["at"])]))
    length = picture["size"][0] * picture["size"][1]
    keys = ["i", "l"] + [name[0] for name in ["uncertainty", "truth", "faults"] if picture[name]]
    check(len(data) == len(keys) * length, f"a picture has {len(data)} bytes, for {keys} of {picture['size']}")
    return {key: data[place * length : (place + 1) * length] for place, key in enumerate(keys)}
