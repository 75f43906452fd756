"""How fast a page of `rl4seg report` with many cases is there."""

import base64
import json
import random
import re
import time
import zlib

from report_page import Page, check

# What a page of this many cases may take until it is loaded and the first case is painted, ms: by the clock, and of the processor.
MANY = 1000
MOST_MS = 2000
# From here on the machine is busy with other things: a loop takes so many times as long as it works.
CROWDED = 1.3


def made_up(page, path):
    """The page of a real run with as many made-up cases, each with a picture of its own."""
    html = page.read_text()
    data = json.loads(re.search(r'id="gallery-data"[^>]*>(.*?)</script>', html, re.S)[1])
    cards = re.findall(r'<li class="card".*?</li>(?=<li class="card"|</ol>)', html, re.S)
    generator = random.Random(1)
    # The size of pictures on a page of as many (gallery/picture.rs).
    side = 126
    discs = [disc(side, shift) for shift in range(30, 90, 8)]
    pictures, all_bytes, at = [], [], 0
    for number in range(MANY):
        picture = dict(data["pictures"][number % len(cards)])
        layers = 2 + picture["uncertainty"] + picture["truth"] + picture["faults"]
        packed = base64.b64encode(zlib.compress(noisy(generator, side) + generator.choice(discs) * (layers - 1), 1)).decode()
        picture.update(size=[side, side], ratio=1.0, at=[at, at + len(packed)])
        at += len(packed)
        pictures.append(picture)
        all_bytes.append(packed)
    many = []
    for number in range(MANY):
        card = re.sub(r'data-number="\d+"', f'data-number="{number}"', cards[number % len(cards)], count=1)
        many.append(re.sub(r'data-name="[^"]*"', f'data-name="made-up-{number:04}"', card, count=1))
    data["pictures"] = pictures
    html = replaced(html, r'(<ol id="cards">).*?(</ol>)', "".join(many))
    html = replaced(html, r'(id="gallery-data"[^>]*>).*?(</script>)', json.dumps(data).replace("<", "\\u003c"))
    html = replaced(html, r'(id="gallery-bytes"[^>]*>).*?(</script>)', "".join(all_bytes))
    path.write_text(html)
    return path


def disc(side, shift):
    return bytes(int((x - shift) ** 2 + (y - side // 2) ** 2 < (side // 4) ** 2) for y in range(side) for x in range(side))


def noisy(generator, side):
    """Bytes that hardly pack, as those of an image."""
    return generator.randbytes(side * side // 2) + bytes(side * side // 2)


def replaced(html, pattern, by):
    return re.sub(pattern, lambda found: found[1] + by + found[2], html, count=1, flags=re.S)


def loads_fast(driver, path):
    """Holds the best of three times to the limit. The processor's does not depend on who else uses the machine. The clock's does: where it is
    too long and all three times other things were at work, before or after, it is printed and not held against the page."""
    driver.execute_cdp_cmd("Performance.enable", {})
    tries = [load_time(driver, path) for _ in range(3)]
    (load, painted, _, _), cpu = min(tries, key=by_clock), min(cpu for _, _, cpu, _ in tries)
    crowds = ", ".join(f"{crowd:.1f}" for *_, crowd in tries)
    size = path.stat().st_size / 1e6
    print(
        f"{MANY} cases, {size:.0f} MB: loaded after {load:.0f} ms, first case painted after {painted:.0f} ms, processor {cpu:.0f} ms "
        f"(best of 3); a loop took {crowds} times as long as it worked"
    )
    check(cpu < MOST_MS, f"{MANY} cases take {cpu:.0f} ms of the processor; at most {MOST_MS} are expected")
    if max(load, painted) < MOST_MS:
        return
    undisturbed = [one for one in tries if one[-1] < CROWDED]
    check(not undisturbed, f"{MANY} cases are up after {by_clock(min(undisturbed or tries, key=by_clock)):.0f} ms; at most {MOST_MS} are expected")
    print(f"NOT CHECKED, time by the clock: other things were at work each time (from {CROWDED} on)")


def load_time(driver, path):
    """Until it is loaded and the first case is painted, and of the processor, ms; and how crowded the machine was."""
    crowd, before = crowding(), cpu_ms(driver)
    page = Page(driver, path, None)
    page.wait(lambda: page.script("return performance.getEntriesByType('navigation')[0].loadEventEnd > 0"), "it does not load")
    after = cpu_ms(driver)
    load = page.script("return performance.getEntriesByType('navigation')[0].loadEventEnd")
    painted = float(page.script("return document.documentElement.dataset.painted"))
    page.no_errors()
    driver.get("about:blank")
    # A page may have a process of its own.
    return load, painted, after - before if after >= before else after, max(crowd, crowding())


def by_clock(one):
    load, painted, *_ = one
    return max(load, painted)


def crowding():
    """How many times as long as it works a loop takes: 1 where a core is free for it, 2 where it gets half of one."""
    began, work = time.perf_counter(), 0.1
    until = time.process_time() + work
    while time.process_time() < until:
        pass
    return (time.perf_counter() - began) / work


def cpu_ms(driver):
    """Of the process that shows the page."""
    metrics = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return 1000 * next(metric["value"] for metric in metrics if metric["name"] == "ProcessTime")
