"""The site of memjax: `python -m sphinx -W docs build/site`, readable from disk."""

import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import gallery  # noqa: E402
import reference  # noqa: E402

project, author, language = "memjax", "the memjax authors", "en"
html_title, html_theme = "memjax", "furo"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx_copybutton", "sphinx_design"]
exclude_patterns = ["panels/*"]
html_static_path = ["site.css", "../memjax/cli/claims.css"]
html_css_files = ["claims.css", "site.css"]
html_copy_source = html_show_sphinx = html_show_copyright = False
highlight_language = "text"  # blocks without one are what is printed
copybutton_exclude = ".linenos, .gp, .go"

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nb_execution_mode, nb_execution_raise_on_error = "force", True
nb_execution_timeout, nb_execution_show_tb = 300, True

default_role = "literal"  # docstrings name code in `single` backticks
autodoc_typehints = "signature"
python_maximum_signature_line_length = 78


def setup(app: Sphinx) -> None:
    """Write the pages that are made of what is committed elsewhere."""
    app.connect("builder-inited", lambda _: gallery.write(HERE / "gallery"))
    app.connect("builder-inited", lambda _: reference.write(HERE / "api"))
    app.connect("autodoc-process-docstring", reference.as_text)
