"""The site: each page in a browser, wide and narrow, from disk, without a network."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

import experiments
from memjax.claims import NOT_SHOWN
from memjax.cli.named import names
from memjax.cli.records import claims_in, recorded

ROOT = Path(__file__).parents[1]
WIDTHS = (390, 1280)  # of a telephone and a laptop
LOOK = """<!doctype html><meta charset="utf-8">
{frames}
<script>
function seen(frame) {{
  const page = frame.contentDocument, all = (what) => [...page.querySelectorAll(what)]
  const root = page.documentElement
  return {{
    name: frame.title, width: frame.clientWidth,
    heads: all("h1, #search-results").length,
    too_wide: root.scrollWidth - root.clientWidth,
    broken: all("img").filter(i => !i.naturalWidth).map(i => i.getAttribute("src")),
    fetched: all("script[src], link:not([rel=next], [rel=prev]), img, iframe")
      .map(e => e.src ?? e.href),
    links: all("a[href]").map(link => link.href), ids: all("[id]").map(e => e.id),
    verdicts: all(".verdict").map(e => e.innerText), text: page.body.innerText,
    pictures: all("article img").length,
  }}
}}
addEventListener("load", () => {{
  const told = [...document.querySelectorAll("iframe")].map(seen)
  document.body.innerText = JSON.stringify(told)
}})
</script>"""
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000"),
    *("--allow-file-access-from-files", "--host-resolver-rules=MAP * ~NOTFOUND"),
]

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site: one that is built, or one built here."""
    if "SITE" in os.environ:
        return Path(os.environ["SITE"]).resolve()
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "sphinx", "-W", "-q", "-E", "docs", str(folder)]
    subprocess.run(words, cwd=ROOT, check=True, timeout=600)
    return folder


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A page as a browser has it once its scripts have run: the HTML of its DOM."""
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    place = tmp_path_factory.mktemp("browser")

    def dom(url: str) -> str:
        words = [chromium, *FLAGS, f"--user-data-dir={place}", "--dump-dom", url]
        with open(place / "dom", "w") as out, open(place / "said", "w") as said:
            subprocess.run(words, stdout=out, stderr=said, check=True, timeout=300)
        return (place / "dom").read_text(encoding="utf-8")

    return dom


@pytest.fixture(scope="module")
def pages(site, opened, tmp_path_factory):
    """What a browser sees of every page, by its name and width."""
    shown = [str(file.relative_to(site)) for file in sorted(site.rglob("*.html"))]
    frames = "\n".join(
        f'<iframe title="{name}" src="{(site / name).as_uri()}" '
        f'style="width: {width}px; height: 900px; border: 0"></iframe>'
        for name in shown
        for width in WIDTHS
    )
    look = tmp_path_factory.mktemp("look") / "look.html"
    look.write_text(LOOK.format(frames=frames), encoding="utf-8")
    body = re.search(r"<body>(.*)</body>", opened(look.as_uri()), re.S)
    found = json.loads(html.unescape(body[1]))
    assert len(found) == len(shown) * len(WIDTHS)
    return {(page["name"], page["width"]): page for page in found}


def test_pages_are_whole_at_every_width(pages):
    for (name, width), page in pages.items():
        where = f"{name} at {width}"
        assert page["heads"] == 1, where
        assert page["broken"] == [], where
        assert page["too_wide"] <= 0, where
        assert "Traceback" not in page["text"], where


def test_pages_fetch_nothing_from_elsewhere(pages):
    for (name, _), page in pages.items():
        apart = [
            url for url in page["fetched"] if not url.startswith(("file:", "data:"))
        ]
        assert apart == [], name
        assert page["fetched"], name  # what is fetched is seen at all


def test_links_lead_somewhere(pages, site):
    ids = {name: set(page["ids"]) for (name, _), page in pages.items()}
    for name, page in ((n, p) for (n, width), p in pages.items() if width == WIDTHS[0]):
        for link in page["links"]:
            url = urlsplit(urljoin((site / name).as_uri(), link))
            if url.scheme == "file":
                file = Path(unquote(url.path))
                assert file.is_file(), f"{name}: {link}"
                there = str(file.relative_to(site))
                assert not url.fragment or unquote(url.fragment) in ids[there], link


def test_every_experiment_has_a_page(pages):
    assert {(f"gallery/{name}.html", 390) for name in names(experiments)} <= set(pages)


@pytest.mark.parametrize("name", recorded(experiments))
def test_an_experiment_has_a_page_with_its_record(name, pages):
    page = pages[f"gallery/{name}.html", WIDTHS[1]]
    record = recorded(experiments)[name]
    shown = [c for c in claims_in(record) if c.verdict != NOT_SHOWN]
    assert sorted(page["verdicts"]) == sorted(c.verdict for c in shown)
    assert page["pictures"] == 1
    text = " ".join(page["text"].split())
    for words in (record["date"], *(c.name for c in shown)):
        assert " ".join(words.split()) in text


def test_the_scoreboard_has_all_experiments(pages):
    text = pages["gallery/scoreboard.html", WIDTHS[1]]["text"]
    assert all(name in text for name in recorded(experiments))


def test_the_tutorial_is_executed(pages):
    page = pages["tutorial.html", WIDTHS[1]]
    assert "24 runs in 1 compiled program" in page["text"]
    assert "ours 1 of 1 hold" in page["text"] and page["pictures"] == 1


def test_a_search_from_disk_finds(site, opened):
    text = opened((site / "search.html").as_uri() + "?q=minibatch")
    assert 'href="api/index.html#memjax.minibatch"' in text
