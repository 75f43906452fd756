"""Clicks through the pages of `rl4seg report` and `rl4seg predict` in Chromium, as their readers would.

    click_through_report.py RL4SEG [--run RUN --images DIR] [--screenshots DIR]

Without --run a run that takes seconds is made first. Ends with 1 at the first thing that is not as it should be.
"""

import argparse
import base64
import io
import re
import subprocess
import tempfile
import time
from pathlib import Path

from large_page import loads_fast, made_up
from pypdf import PdfReader
from report_page import Page, browser, check
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

# Cases whose pictures are compared with and without a layer.
MOST_PICTURES = 8
# Which verdict comes first.
RANK = ["invalid", "unmeasurable", "valid"]
# What a byte of the uncertainty has to be to be seen; 255 is where the networks did not look.
VISIBLE, NOT_LOOKED_AT = 32, 255
# WCAG 2.1, 1.4.3: normal and large text.
CONTRAST = 4.5

SHORT = [
    "iterations=1", "network.width=4", "pretrain.epochs=20", "pretrain.augment.probability=0.0", "pretrain.batch=4",
    "pretrain.learning_rate=0.04", "collect.cases=6", "collect.batch=4", "collect.correction_agreement=0.0", "reward.epochs=1",
    "reward.learning_rate=0.02", "reward.batch=8", "policy.epochs=1", "policy.batch=4.0", "policy.update_epochs=2",
]  # fmt: skip

CONTRASTS = """
const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return [n[0], n[1], n[2], n.length > 3 ? n[3] : 1]; };
const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
const channel = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const behind = (element) => {
  const layers = [];
  for (let e = element; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
};
const poor = [];
for (const element of document.querySelectorAll("body *")) {
  const own = Array.from(element.childNodes).some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!own || element.closest("script, style, noscript, [hidden], .visually-hidden, dialog:not([open]), .skip")) continue;
  const style = getComputedStyle(element);
  if (!element.getClientRects().length || style.display === "none") continue;
  const ink = element instanceof SVGElement ? style.fill : style.color;
  const back = behind(element);
  const opaque = over(parse(ink), back);
  const [a, b] = [luminance(opaque), luminance(back)].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < arguments[0]) poor.push(`${element.tagName} "${element.textContent.trim().slice(0, 30)}" ${ratio.toFixed(2)}`);
}
return poor;
"""


def made_run(rl4seg, folder):
    """A run of seconds, and the folder of its target's images."""
    for domain in ["source", "target"]:
        args = ["phantom", "--modality", "echo", "--domain", domain, "--out", folder / domain, "--size", "64"]
        subprocess.run([rl4seg, *args, "--train", "16", "--validation", "2", "--test", "8"], check=True)
    config = folder / "run.toml"
    init = ["init", "--modality", "echo", "--source", folder / "source", "--target", folder / "target", "--out", config]
    subprocess.run([rl4seg, *init], check=True)
    sets = [argument for value in SHORT for argument in ("--set", value)]
    subprocess.run([rl4seg, "adapt", config, *sets], check=True)
    return folder / "run", folder / "target" / "img"


def numbers(texts):
    return [float(text.replace("inf", "Infinity")) for text in texts if text is not None]


def sorts(page, orders):
    order = Select(page.find("#order"))
    for name in orders:
        order.select_by_value(name)
        in_order(page, name)
    before = page.cards("number")
    page.find("#direction").click()
    check(page.cards("number") == before[::-1], "reversed order is not the reverse")
    page.find("#controls [type=reset]").click()
    page.wait(lambda: page.cards("number") == sorted(page.cards("number"), key=int), "clearing does not put the worst first")


def in_order(page, name):
    found = page.cards(name)
    values = {"name": list, "verdict": ranks}.get(name, numbers)(found)
    check(values == sorted(values, reverse=name == "uncertainty"), f"by {name} comes {found}")


def ranks(verdicts):
    return [RANK.index(verdict) for verdict in verdicts]


def sorts_by_verdict(page):
    """With verdicts that are given out for it: the cases of a run may all have the same one."""
    given = "document.querySelectorAll('.card').forEach((card, place) => { card.dataset.verdict = arguments[0][place % arguments[0].length]; })"
    page.script(given, RANK[::-1])
    Select(page.find("#order")).select_by_value("verdict")
    found = list(zip(ranks(page.cards("verdict")), map(int, page.cards("number"))))
    check(len({rank for rank, _ in found}) == min(len(RANK), len(found)), f"verdicts {found}")
    # Cases of one verdict stay in the order of the page.
    check(found == sorted(found), f"by validity comes {found}")
    page.find("#direction").click()
    backwards = ranks(page.cards("verdict"))
    check(backwards == sorted(backwards, reverse=True), f"by validity, reversed, comes {backwards}")
    page.load()


def filters(page):
    everything = page.cards("name")
    for verdict in RANK:
        Select(page.find("#verdict")).select_by_value(verdict)
        check(set(page.cards("verdict")) <= {verdict}, f"{verdict}: {page.cards('verdict')} is shown")
    Select(page.find("#verdict")).select_by_value("")
    name = everything[-1]
    page.find("#name").send_keys(name)
    check(name in page.cards("name") and all(name in found for found in page.cards("name")), "the filter of names")
    page.find("#name").send_keys("no such case")
    check(page.cards("name") == [] and page.find("#none").is_displayed(), "nothing left is not told")
    check(page.find("#count").text == f"0 of {len(everything)} cases", page.find("#count").text)
    page.find("#controls [type=reset]").click()
    page.wait(lambda: page.cards("name") == everything, "clearing does not bring all back")
    for field, datum, keeps in [("dice-to", "dice", lambda v, w: v <= w), ("uncertainty-from", "uncertainty", lambda v, w: v >= w)]:
        if not page.there(f"#{field}"):
            continue
        wanted = sorted(numbers(page.cards(datum)))[len(everything) // 2]
        page.find(f"#{field}").send_keys(f"{wanted:.6f}")
        found = numbers(page.cards(datum))
        check(found and all(keeps(value, wanted + 1e-6 if datum == "dice" else wanted - 1e-6) for value in found), f"{field}: {found}")
        page.find("#controls [type=reset]").click()
        page.wait(lambda: page.cards("name") == everything, "clearing does not bring all back")


def layers(page):
    """Each layer makes a difference wherever a case has something of it."""
    keys = page.script("return Array.from(document.querySelectorAll('[data-layer]'), (button) => button.dataset.layer)")
    check({"i", "l", "u"} <= set(keys), f"layers {keys}")
    for off in page.there("[data-layer][aria-pressed=false]"):
        off.click()
    planes = page.planes()
    for key in keys:
        cases = [number for number, of_case in planes.items() if is_visible(key, of_case.get(key, b""))][:MOST_PICTURES]
        # The plane that is shown of a volume need not be one with faults.
        check(cases or key == "f", f"no case has anything of layer {key}")
        everything = {number: page.painted(number) for number in cases}
        button = page.find(f"[data-layer={key}]")
        # The cards that were painted last are further down, and the bar on top would lie over it.
        page.script("arguments[0].scrollIntoView({ block: 'center' })", button)
        button.click()
        check(button.get_attribute("aria-pressed") == "false", f"layer {key} stays pressed")
        same = [number for number in cases if page.painted(number) == everything[number]]
        check(not same, f"layer {key} makes no difference to the cases {same}")
        page.press(key)
        check(button.get_attribute("aria-pressed") == "true", f"key {key} does nothing")
        other = [number for number in cases if page.painted(number) != everything[number]]
        check(not other, f"layer {key} does not come back as it was in the cases {other}")
        print(f"{page.path.name}: layer {key} makes a difference to {len(cases)} cases")
    return keys


def is_visible(key, layer):
    return any(VISIBLE <= value < NOT_LOOKED_AT for value in layer) if key == "u" else any(layer)


def keyboard(page):
    """A person without a mouse orders, filters and opens cases."""
    page.load()
    everything = page.cards("number")
    page.choose("#order", "name")
    in_order(page, "name")
    before = page.cards("number")
    page.tab_to("#direction")
    page.press(Keys.SPACE)
    check(page.cards("number") == before[::-1], "the space bar does not reverse the order")
    wanted = page.cards("verdict")[0]
    page.choose("#verdict", wanted)
    check(set(page.cards("verdict")) == {wanted}, f"{wanted}: {page.cards('verdict')} is shown")
    page.tab_to("#name")
    on, name = page.on(), page.cards("name")[-1]
    page.press(name)
    check(page.cards("name") and all(name in found for found in page.cards("name")), f"{name}: {page.cards('name')} is shown")
    check(page.on() == on, "a name that is written switches layers")
    page.tab_to("#controls [type=reset]")
    page.press(Keys.ENTER)
    page.wait(lambda: page.cards("number") == everything, "Enter on Clear does not bring all back")
    page.tab_to(".card button.picture")
    check(page.script("return getComputedStyle(document.activeElement).outlineStyle") != "none", "the picture in focus has no outline")
    name = page.script("return document.activeElement.closest('.card').dataset.name")
    check(name == page.cards("name")[0], f"Tab leads to {name} first")
    page.press(Keys.ENTER)
    page.wait(lambda: page.script("return document.querySelector('#large').open"), "Enter does not open a case")
    check(page.find("#large h3").text == name, f"Enter opens {page.find('#large h3').text}, not {name}")
    page.tab_to("#large [data-close]")
    page.press(Keys.ENTER)
    page.wait(lambda: not page.script("return document.querySelector('#large').open"), "Enter does not close the large picture")
    check(page.script("return document.activeElement.closest('.card')?.dataset.name") == name, "the focus is lost")


def large(page):
    page.find(".card:not([hidden]) button.picture").click()
    name = lambda: page.find("#large h3").text
    first = name()
    check(first == page.cards("name")[0], f"{first} was opened")
    page.wait(lambda: page.script("return document.querySelector('#large canvas').width > 400"), "no large picture")
    page.take(f"{page.path.stem}-large")
    page.press(Keys.ARROW_RIGHT)
    check(name() == page.cards("name")[1], "the arrow does not lead to the next case")
    page.find("#large [data-step='-1']").click()
    check(name() == first, "the button does not lead back")
    page.press(Keys.ESCAPE)
    page.wait(lambda: not page.script("return document.querySelector('#large').open"), "Escape does not close the large picture")
    focus = page.script("return document.activeElement.closest('.card')?.dataset.name")
    check(focus == first, f"the focus is on {focus}")
    page.press(Keys.ARROW_RIGHT)
    focus = page.script("return document.activeElement.closest('.card')?.dataset.name")
    check(focus == page.cards("name")[1], f"the arrow leads to {focus}")
    reasons = page.there(".card:not([hidden]) [data-reason]")
    if reasons:
        reasons[0].click()
        check(reasons[0].get_attribute("aria-pressed") == "true", "a reason does not show its structure")
        reasons[0].click()


def legible(page):
    for scheme in ["light", "dark"]:
        page.scheme(scheme)
        for width in [1400, 420]:
            page.size(width)
            page.script("window.scrollTo(0, 0)")
            time.sleep(0.3)
            page.take(f"{page.path.stem}-{scheme}-{width}")
            for place in page.there("section"):
                page.script("arguments[0].scrollIntoView()", place)
                time.sleep(0.2)
                page.take(f"{page.path.stem}-{scheme}-{width}-{place.get_attribute('id')}")
            wide = page.script("return document.documentElement.scrollWidth - innerWidth")
            check(wide <= 0, f"{page.path.name} at {width} is {wide} pixels too wide")
        poor = page.script(CONTRASTS, CONTRAST)
        check(not poor, f"{page.path.name}, {scheme}: contrast below {CONTRAST}: {poor[:10]}")
    back = page.script("return getComputedStyle(document.body).backgroundColor")
    page.scheme("light")
    check(back != page.script("return getComputedStyle(document.body).backgroundColor"), "dark is as light")
    page.size(1400)


def accessible(page):
    unnamed = page.script(
        "return Array.from(document.querySelectorAll('button, input, select, [role=img], dialog'))"
        ".filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).map((e) => e.outerHTML.slice(0, 80))"
    )
    check(not unnamed, f"{page.path.name}: without a name: {unnamed}")
    bare = page.script("return Array.from(document.querySelectorAll('table')).filter((table) => !table.caption).length")
    check(bare == 0, f"{page.path.name}: {bare} tables without a caption")
    levels = page.script("return Array.from(document.querySelectorAll('h1, h2, h3, h4'), (heading) => Number(heading.tagName[1]))")
    jumps = [pair for pair in zip(levels, levels[1:]) if pair[1] > pair[0] + 1]
    check(levels[0] == 1 and levels.count(1) == 1 and not jumps, f"{page.path.name}: headings {levels}")
    page.load()
    page.press(Keys.TAB)
    check(page.script("return document.activeElement.className") == "skip", "the first stop of Tab is not the skip link")
    outline = page.script("return getComputedStyle(document.activeElement).outlineStyle")
    check(outline != "none", "what has the focus has no outline")


def prints(page, texts):
    page.script("window.scrollTo(0, 0)")
    page.wait(lambda: page.script("return document.querySelectorAll('.printed:not([data-painted])').length") == 0, "not all is painted for the printer")
    time.sleep(0.5)
    pdf = base64.b64decode(page.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
    if page.screenshots:
        (page.screenshots / f"{page.path.stem}.pdf").write_bytes(pdf)
    read = PdfReader(io.BytesIO(pdf))
    text = " ".join(re.sub(r"\s+", " ", sheet.extract_text()) for sheet in read.pages)
    check(len(texts) < 4 or len(read.pages) > 1, f"{page.path.name}: {len(read.pages)} pages")
    missing = [wanted for wanted in texts if wanted not in text]
    check(not missing, f"{page.path.name}: not in the PDF: {missing}")
    check("Show on the image" not in text, "controls are printed")
    print(f"{page.path.name}: {len(read.pages)} pages as PDF")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rl4seg", type=Path)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--screenshots", type=Path)
    args = parser.parse_args()
    rl4seg = args.rl4seg.absolute()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run, images = (args.run.absolute(), args.images.absolute()) if args.run else made_run(rl4seg, folder)
        report = folder / "report.html"
        subprocess.run([rl4seg, "report", run, "--out", report], check=True)
        subprocess.run([rl4seg, "predict", run, images, "--out", folder / "results"], check=True, stdout=subprocess.DEVNULL)
        driver = browser(folder)
        try:
            click(driver, args.screenshots, report, folder / "results" / "review.html")
            loads_fast(driver, made_up(report, folder / "many.html"))
        finally:
            driver.quit()


def click(driver, screenshots, report, review):
    page = Page(driver, report, screenshots)
    sorts(page, ["dice", "uncertainty", "verdict", "name"])
    sorts_by_verdict(page)
    filters(page)
    check("t" in layers(page), "the truth cannot be shown")
    keyboard(page)
    large(page)
    legible(page)
    accessible(page)
    prints(page, ["Adaptation of", "Results", "Target domain", "Cases", "Uncertainty", "Learning", "Time and memory", "What was run"])
    page.no_errors()
    page = Page(driver, review, screenshots)
    sorts(page, ["uncertainty", "verdict", "name"])
    sorts_by_verdict(page)
    filters(page)
    layers(page)
    keyboard(page)
    large(page)
    legible(page)
    accessible(page)
    prints(page, ["Results to review", "Cases"])
    page.no_errors()
    print("report.html and review.html: clicked through")


if __name__ == "__main__":
    main()
