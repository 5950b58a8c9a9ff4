"""Panels in few words: labelled results, drawn by the names of their dimensions.

Every verb takes a matplotlib `Axes` and a `DataArray`. Where that has a dimension
`seed`, its mean is drawn with a band or bars of one standard deviation (of a sample),
or of one standard error of the mean where `error="se"` is given; `frame` says which in
the legend. `color` and `dash` name dimensions, with a curve for each of their labels,
or are a color and a line style. Curves of several colors differ in dash and marker,
too, unless `dash` is given or `shades` orders them. Text in braces, `"ε = {eps:g}"`, is
filled in from the labels of what is drawn. A picture of each verb: docs/panels.md.
"""

from memjax.plots.areas import cells as cells
from memjax.plots.areas import contours as contours
from memjax.plots.areas import images as images
from memjax.plots.areas import matrix as matrix
from memjax.plots.areas import network as network
from memjax.plots.areas import regions as regions
from memjax.plots.canvas import BESIDE as BESIDE
from memjax.plots.canvas import DASHES as DASHES
from memjax.plots.canvas import filled as filled
from memjax.plots.canvas import frame as frame
from memjax.plots.canvas import key as key
from memjax.plots.canvas import keys as keys
from memjax.plots.canvas import level as level
from memjax.plots.canvas import mosaic as mosaic
from memjax.plots.canvas import one as one
from memjax.plots.canvas import panels as panels
from memjax.plots.curves import MARKERS as MARKERS
from memjax.plots.curves import bars as bars
from memjax.plots.curves import density as density
from memjax.plots.curves import lines as lines
from memjax.plots.curves import points as points
from memjax.plots.ticks import log_ticks as log_ticks
