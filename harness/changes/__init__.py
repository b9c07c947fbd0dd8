"""The changes made under traffic, each with its undo and the condition by which it is observed."""
