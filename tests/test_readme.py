"""The README and the how-tos of the site print what they say."""

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
HOW = sorted((ROOT / "docs" / "how").glob("*.md"))
BLOCK = r"```python\n(.*?)```(?:\n\n```\n(.*?)```)?"  # code, and what it prints


def run(code: str, name: str, names: dict) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, name, "exec"), names)
    return printed.getvalue()


def agree(printed: str, shown: str, tolerance: float) -> None:
    """Word by word; numbers agree within a tolerance, or that share of them."""
    found, expected = printed.split(), shown.split()
    assert len(found) == len(expected), printed
    for one, other in zip(found, expected, strict=True):
        if (right := number(other)) is None:
            assert one == other, printed
        else:
            near = pytest.approx(right, rel=tolerance, abs=tolerance)
            assert number(one) == near, printed


def number(word: str) -> float | None:
    try:
        return float(word.strip("[],"))
    except ValueError:
        return None


def test_the_library_example_prints_what_is_shown():
    code, shown = re.search(BLOCK, README, re.S).groups()
    agree(run(code, "README.md", {}), shown, 2e-3)


@pytest.mark.long
@pytest.mark.parametrize("page", HOW, ids=lambda page: page.stem)
def test_a_how_to_prints_what_is_shown(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    blocks = re.findall(BLOCK, page.read_text(encoding="utf-8"), re.S)
    for code, shown in blocks:
        agree(run(code, page.name, names), shown, 0.02)
    assert any(shown for _, shown in blocks)


def test_links_of_the_readme_lead_somewhere():
    for place in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / place).exists(), place
