"""The pages for people: https://www.w3.org/TR/CSP3/ and https://www.w3.org/TR/WCAG22/"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import flask
import pytest

from fhir_server.app import create_app
from fhir_server.settings import Settings
from tests.spec.http.client import BASE, Fhir, codes

ROOT = BASE.removesuffix("/fhir")
LOADING = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src")}


class Parsed(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def values(self, tag: str, attribute: str) -> list[str]:
        return [value for name, given in self.tags if name == tag and (value := given.get(attribute))]


def page(fhir: Fhir, path: str) -> Parsed:
    answer = fhir.plain("GET", path)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    return Parsed(answer.text)


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_loads_only_what_this_server_serves(fhir: Fhir, path: str) -> None:
    parsed = page(fhir, path)
    loaded = [value for tag, attribute in LOADING for value in parsed.values(tag, attribute)]
    assert loaded
    for address in loaded:
        assert not urlsplit(address).netloc
        assert fhir.plain("GET", urlsplit(urljoin(ROOT + path, address)).path).status_code == 200


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_runs_and_styles_nothing_inline(fhir: Fhir, path: str) -> None:
    policy = fhir.plain("GET", path).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag, attributes in page(fhir, path).tags:
        assert tag != "style"
        assert tag != "script" or attributes.get("src")
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_has_a_language_a_title_one_heading_and_fits_a_phone(fhir: Fhir, path: str) -> None:
    parsed = page(fhir, path)
    assert parsed.values("html", "lang") == ["en"]
    assert [tag for tag, _ in parsed.tags if tag in ("title", "h1", "main")] == ["title", "h1", "main"] or path == "/"
    assert "width=device-width, initial-scale=1" in parsed.values("meta", "content")


@pytest.mark.parametrize("style", ["/docs/page.css", "/docs/docs.css"])
def test_the_styles_load_nothing(fhir: Fhir, style: str) -> None:
    answer = fhir.plain("GET", style)
    assert answer.mimetype == "text/css"
    assert not re.search(r"url\(|@import", answer.text)


def test_every_link_of_the_landing_page_answers(fhir: Fhir) -> None:
    links = page(fhir, "/").values("a", "href")
    own = [link for link in links if urljoin(ROOT + "/", link).startswith(ROOT)]
    assert [link for link in links if link not in own] == ["https://hl7.org/fhir/R4/"]
    assert len(own) >= 8
    for link in own:
        parts = urlsplit(urljoin(ROOT + "/", link))
        answer = fhir.plain("GET", f"{parts.path}?{parts.query}", Accept="text/html,application/xml;q=0.9,*/*;q=0.8")
        assert answer.status_code == 200, link


def test_the_landing_page_says_where_the_interface_is_and_who_may_use_it(fhir: Fhir) -> None:
    text = fhir.plain("GET", "/").text
    assert f'<pre tabindex="0">{BASE}</pre>' in text
    assert "There is no sign-in." in text
    assert "<script" not in text


def test_an_address_that_is_nothing_says_where_the_interface_is(fhir: Fhir) -> None:
    answer = fhir.plain("GET", "/Patient")
    assert (answer.status_code, codes(answer)) == (404, ["not-found"])
    assert BASE in answer.text


def test_a_base_url_is_text_in_the_page(database: str) -> None:
    app = create_app(Settings(database=database, base_url='https://fhir.example/a"><b>', trusted_hosts=("localhost",)))
    try:
        text = app.test_client().get("/").text
    finally:
        app.extensions["fhir_server"].database.close()
    assert "<b>" not in text
    assert "&lt;b&gt;" in text


def test_a_base_url_without_a_path_has_the_address_for_itself(database: str) -> None:
    app: flask.Flask = create_app(Settings(database=database, base_url="http://localhost"))
    try:
        answer = app.test_client().get("/?_count=0")
    finally:
        app.extensions["fhir_server"].database.close()
    assert (answer.status_code, answer.json["resourceType"]) == (200, "Bundle")
