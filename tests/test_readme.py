"""The README's library example prints what the README says."""

import contextlib
import io
import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_library_example_prints_what_is_shown():
    code, shown = re.search(
        r"```python\n(.*?)```\n\n```\n(.*?)```", README, re.S
    ).groups()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    found, expected = printed.getvalue().split(), shown.split()
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        if re.fullmatch(r"[\d.]+", other):
            assert float(one) == pytest.approx(float(other), abs=2e-3)
        else:
            assert one == other
