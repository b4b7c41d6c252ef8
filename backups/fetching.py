"""Fetches files of one snapshot onto this machine, so that nothing but what its manifest lists arrives, for its owner alone."""

from collections.abc import Sequence
from pathlib import Path

from backups.manifest import DATA, FileEntry, Manifest
from backups.repository import tree
from backups.repository.repository import Repository
from backups.repository.tree import Node
from backups.services.base import Fetched


def fetch(
    repository: Repository,
    snapshot: str,
    manifest: Manifest,
    nodes: Sequence[Node],
    entries: Sequence[FileEntry],
    directory: Path,
) -> Fetched:
    """Fetch these files of a snapshot into a new directory; nobody else gets near them, whatever modes the snapshot gives them.

    nodes: what the snapshot holds. Raises Damaged for one that holds anything else than its manifest lists.
    """
    tree.require_plain(nodes, manifest)
    directory.mkdir(mode=0o700)
    (directory / DATA).mkdir(mode=0o700)
    if entries:
        # Directories are in no manifest: an empty one that the service needs comes with all of `data`.
        whole = len(entries) == len(manifest.files)
        repository.fetch(snapshot, directory, include=[f"/{DATA}"] if whole else [f"/{DATA}/{entry.path}" for entry in entries])
        tree.make_private(directory)
    return Fetched(manifest, directory / DATA)
