"""The report in a real browser: it shows what it says, runs nothing, asks nobody, and fits page and phone."""

from __future__ import annotations

import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from safecase.model import RunSettings
from safecase.report import render_report
from safecase.workflow import Project, RunOptions, decide, execute, prepare, write_report
from safecase.workspace import write_profile

from .content import HOSTILE, a_report

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        shutil.which("chromium") is None or shutil.which("chromedriver") is None,
        reason="NO CHROMIUM: install chromium and chromium-driver to test the report in a browser",
    ),
]


class Pages(http.server.BaseHTTPRequestHandler):
    """Serves the pages of a test and writes down what was asked for."""

    pages: ClassVar[dict[str, bytes]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        body = self.pages.get(self.path)
        self.send_response(200 if body is not None else 404)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    selenium = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.chrome.service import Service

    options = selenium.ChromeOptions()
    profile = tmp_path_factory.mktemp("chromium")
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
        f"--user-data-dir={profile}", "--window-size=1280,900",
    ):  # fmt: skip
        options.add_argument(argument)
    options.binary_location = shutil.which("chromium") or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = selenium.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()


def shown(browser: Any, address: str, text: str) -> Any:
    """Open a report about ``text``."""
    Pages.pages = {"/report.html": render_report(a_report(text)).encode()}
    Pages.asked = []
    browser.get_log("browser")
    browser.get(f"{address}/report.html")
    return browser.find_element("tag name", "body")


def test_the_verdict_stands_at_the_top_and_nothing_complains(browser: Any, address: str) -> None:
    body = shown(browser, address, "Too many injections succeeded.")
    assert "No-go" in body.text
    assert "Too many injections succeeded." in body.text
    place = browser.execute_script(
        "const seek = document.evaluate(\"//*[contains(text(), 'No-go')]\", document, null, 9, null);"
        "return seek.singleNodeValue.getBoundingClientRect().bottom"
    )
    assert 0 < place < 900, "the verdict is not on the first screen"
    complaints = [item for item in browser.get_log("browser") if "favicon" not in item["message"]]
    assert complaints == []


def test_hostile_text_is_text_and_asks_nobody(browser: Any, address: str) -> None:
    body = shown(browser, address, HOSTILE)
    assert '<script>alert("x")</script>' in body.text
    assert browser.execute_script("return document.scripts.length") == 0
    assert browser.execute_script("return document.querySelectorAll('img').length") == 0
    assert set(Pages.asked) <= {"/report.html", "/favicon.ico"}


def test_charts_have_a_size_and_words_beside_them(browser: Any, address: str) -> None:
    shown(browser, address, "A reason.")
    charts = browser.find_elements("css selector", "svg")
    assert charts
    for chart in charts:
        assert chart.rect["width"] > 100
        assert chart.rect["height"] > 10
        assert chart.get_attribute("aria-label") or chart.find_elements("css selector", "title")


@pytest.mark.parametrize("width", [360, 768, 1600])
def test_the_page_does_not_scroll_sideways(browser: Any, address: str, width: int) -> None:
    browser.set_window_size(width, 900)
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        shown(browser, address, "A reason with_a_long_name_" + "x" * 60)
        over = browser.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert over <= 1, f"{over} pixels too wide at {width}"
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_it_is_readable_in_the_dark_and_on_paper(browser: Any, address: str) -> None:
    shown(browser, address, "A reason.")
    contrast = """
      const parse = c => c.match(/[\\d.]+/g).slice(0, 3).map(Number);
      const light = c => { const [r, g, b] = parse(c).map(v => { v /= 255;
        return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b };
      const style = getComputedStyle(document.body);
      let back = style.backgroundColor;
      if (back === 'rgba(0, 0, 0, 0)') back = getComputedStyle(document.documentElement).backgroundColor;
      if (back === 'rgba(0, 0, 0, 0)') back = 'rgb(255, 255, 255)';
      const [a, b] = [light(style.color), light(back)].sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05);
    """
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        assert browser.execute_script(contrast) >= 4.5, scheme
    paper = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    assert len(json.dumps(paper)) > 10_000


def test_the_report_of_a_real_run_is_whole(browser: Any, address: str, tmp_path: Path) -> None:
    write_profile("agent", tmp_path / "w", "Shop")
    gates = tmp_path / "w" / "gates.yaml"
    narrow = '  - id: release\n    selection: "suite:data-exfiltration"\n'
    gates.write_text(gates.read_text().replace("  - id: release\n", narrow))
    project = Project.open(tmp_path / "w")
    options = RunOptions(settings=RunSettings(vulnerabilities=("markdown-image-exfiltration",)))
    folder = execute(prepare(project, options))
    (verdict,) = decide(project, folder)
    files = write_report(project, folder, verdict, destination=tmp_path / "report")
    Pages.pages = {"/report.html": files.html.read_bytes()}
    Pages.asked = []
    browser.get(f"{address}/report.html")
    text = browser.find_element("tag name", "body").text
    assert "No-go" in text
    browser.execute_script("document.querySelectorAll('details').forEach(each => each.open = true)")
    opened = browser.find_element("tag name", "body").text
    assert "![" in opened, "the worst transcripts do not show the attack"
    assert browser.execute_script("return document.querySelectorAll('img').length") == 0
    assert set(Pages.asked) <= {"/report.html", "/favicon.ico"}
    links = browser.execute_script(
        "return [...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.getAttribute('href').slice(1))"
        ".filter(id => id && !document.getElementById(id))"
    )
    assert links == [], "links that lead nowhere"
