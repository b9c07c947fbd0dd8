"""A change on an application that is running already: nothing else is touched, and what can be put back is."""
