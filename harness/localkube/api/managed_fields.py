"""Record in ``managedFields`` which client (``fieldManager``) owns which fields of an object.

A client owns the fields that it changes or applies. The cluster's own components own none, which saves time; on a real
server they own theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from harness.localkube.api.field_sets import Path, from_fields, leaves, to_fields
from harness.localkube.machinery.objects import Object, timestamp


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of fields.

    Attributes:
        manager: The client's ``fieldManager``.
        subresource: The subresource through which it writes: ``scale``.
        applies: True if it applies manifests, False if it changes fields.
    """

    manager: str
    subresource: str = ""
    applies: bool = False

    def describe(self, version: str) -> str:
        """Return it as the API server names it in conflicts; ``version`` is that of its fields."""
        text = f'"{self.manager}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return text if self.applies else f"{text} using {version}"


@dataclass(frozen=True, slots=True)
class Ownership:
    """The fields that an owner has.

    Attributes:
        owner: The owner.
        version: The ``apiVersion`` in which it wrote them.
        time: When it last gained a field, in RFC 3339.
        paths: The fields.
    """

    owner: Owner
    version: str
    time: str
    paths: frozenset[Path] = field(default_factory=frozenset)

    def entry(self) -> Object:
        """Return it as an entry of ``managedFields``."""
        return {
            "manager": self.owner.manager,
            "operation": "Apply" if self.owner.applies else "Update",
            "apiVersion": self.version,
            "time": self.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": to_fields(self.paths),
            **({"subresource": self.owner.subresource} if self.owner.subresource else {}),
        }


def owners_of(obj: Object) -> list[Ownership]:
    """Return the owners of an object's fields."""
    return [
        Ownership(
            Owner(entry["manager"], entry.get("subresource", ""), entry.get("operation") == "Apply"),
            entry.get("apiVersion", ""),
            entry.get("time") or timestamp(),
            frozenset(from_fields(entry.get("fieldsV1") or {})),
        )
        for entry in obj["metadata"].get("managedFields") or ()
        if entry.get("manager")
    ]


def set_owners(obj: Object, owners: Iterable[Ownership]) -> None:
    """Write the owners into an object; one without fields is dropped."""
    entries = [each.entry() for each in owners if each.paths]
    obj["metadata"].pop("managedFields", None)
    if entries:
        obj["metadata"]["managedFields"] = entries


def without(owners: Iterable[Ownership], paths: frozenset[Path], but: Owner) -> list[Ownership]:
    """Return the owners after fields were taken from all of them except one."""
    return [each if each.owner == but else replace(each, paths=each.paths - paths) for each in owners]


def with_paths(owners: Iterable[Ownership], owner: Owner, version: str, paths: frozenset[Path]) -> list[Ownership]:
    """Return the owners after the fields of one of them were replaced; its time changes if it gains any."""
    owners = list(owners)
    before = next((each for each in owners if each.owner == owner), None)
    if before is not None and paths <= before.paths and version == before.version:
        return [replace(each, paths=paths) if each is before else each for each in owners]
    return [*(each for each in owners if each is not before), Ownership(owner, version, timestamp(), paths)]


def record_created(obj: Object, manager: str) -> None:
    """Give all fields of a new object to the client that created it; without a ``manager``, do nothing."""
    if manager:
        set_owners(obj, [Ownership(Owner(manager), obj["apiVersion"], timestamp(), frozenset(leaves(obj)))])


def record_changed(live: Object, new: Object, owner: Owner) -> None:
    """Give the fields that a client has changed to it, and take fields that are gone from all owners.

    Args:
        live: The object before.
        new: The object after; the owners are written into it.
        owner: The client; its manager is empty if it sent no name.
    """
    owners = owners_of(new)
    if not owners and not owner.manager:
        return
    before, after = leaves(live), leaves(new)
    gone = frozenset(before.keys() - after.keys())
    changed = frozenset(path for path, value in after.items() if path not in before or before[path] != value)
    kept = [replace(each, paths=each.paths - gone) for each in without(owners, changed, owner)]
    if owner.manager and changed:
        own = next((each.paths for each in kept if each.owner == owner), frozenset())
        kept = with_paths(kept, owner, new["apiVersion"], own | changed)
    set_owners(new, kept)
