"""The embedded cluster: no Docker, no root, nothing pulled."""
