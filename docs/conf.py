"""How the documentation is built: MyST pages, the Furo theme."""

from importlib.metadata import version as version_of

project = "taskkit"
author = "the taskkit maintainers"
project_copyright = "the taskkit maintainers"
release = version = version_of("taskkit")

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "furo"
html_title = f"taskkit {release}"
html_static_path = ["_static"]
html_css_files = ["taskkit.css"]
html_copy_source = False
html_show_sphinx = False
