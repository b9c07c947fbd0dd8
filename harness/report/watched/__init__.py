"""A watch's verdict as people and machines read it; pure, like the reports of a run."""
