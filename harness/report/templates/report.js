// The page works without a script. With one, it opens what a link leads to, filters tables, and zooms charts.
"use strict";
{% include "page.js" %}
{% include "failures.js" %}
{% include "chart.js" %}
