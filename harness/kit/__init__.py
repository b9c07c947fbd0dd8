"""Tools that every layer needs and that know nothing of the domain: processes, clock, files, waiting."""
