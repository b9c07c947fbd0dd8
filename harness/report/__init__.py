"""A run's verdict as people and machines read it: HTML, JUnit, Markdown, terminal. Pure: records in, text out."""
