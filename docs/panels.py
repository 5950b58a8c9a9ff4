"""The pictures of panels.md, drawn by the code on it: `python docs/panels.py`."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import matplotlib.style

PAGE = Path(__file__).with_suffix(".md")


def blocks() -> dict[str, str]:
    """The code on the page by the verb that it is under."""
    parts = re.split(r"^## `(\w+)`$", PAGE.read_text(), flags=re.M)[1:]
    code = [re.findall(r"```python\n(.*?)```", text, re.S) for text in parts[1::2]]
    return {verb: "\n".join(of) for verb, of in zip(parts[::2], code, strict=True)}


def draw(folder: Path) -> None:
    """Run every block, and save what it drew as `VERB.png`."""
    folder.mkdir(exist_ok=True)
    with matplotlib.style.context(str(files("memjax.cli") / "memjax.mplstyle")):
        for verb, code in blocks().items():
            names: dict[str, Any] = {}
            exec(compile(code, f"{PAGE.name}, {verb}", "exec"), names)
            names["canvas"].savefig(folder / f"{verb}.png", dpi=80)


if __name__ == "__main__":
    draw(PAGE.with_suffix(""))
