"""The alterations under traffic, each with its undo and its observed condition."""
