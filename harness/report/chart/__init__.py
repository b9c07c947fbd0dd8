"""Charts of a trial over time, as SVG by Vega-Lite and vl-convert: no browser, no network, the same bytes each time."""
