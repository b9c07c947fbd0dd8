"""Every kind of change there is, by the word that Experiment files and evidence use for it."""

from __future__ import annotations

from collections.abc import Mapping

from harness.model.changes import PLAIN_KINDS, ChangeSpec
from harness.model.releases import RELEASE_KINDS

#: Every change kind, by its word.
CHANGE_KINDS: Mapping[str, type[ChangeSpec]] = {**PLAIN_KINDS, **RELEASE_KINDS}
