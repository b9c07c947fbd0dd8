"""Reports for people and machines: HTML, JUnit, Markdown, CTRF and terminal. Pure: records in, text out."""
