"""Defines the details in a Prometheus backup's manifest: its blocks, which backup holds each file, and what was asked.

Layout below `data/`: `blocks/<ULID>/…` holds the block files that the chain did not hold before; `config/…` the
configuration and rule files, whole in every backup.
"""

from pydantic import Field

from backups.foreign import BackupId, MountPath, RelativePath, Sha256, Size, Token, Ulid
from backups.manifest import Frozen, Manifest, details_of

BLOCKS = "blocks"
CONFIG = "config"


class BlockFile(Frozen):
    """A file of a block. path: below the block's directory; backup: the id of the backup that holds it, None for this one.

    damage: what was wrong with it at the source already, by the checksums in it, when it was copied
    """

    path: RelativePath
    size: Size
    sha256: Sha256
    backup: BackupId | None = None
    damage: str | None = None


class Block(Frozen):
    """A block of the snapshot; min_time and max_time (exclusive) in milliseconds since 1970."""

    ulid: Ulid
    min_time: int
    max_time: int
    files: tuple[BlockFile, ...]


class Instant(Frozen):
    """One instant at which the source was asked, in unix seconds.

    names: the metric names whose series were counted; None means all there are, in one question
    """

    at: int
    names: tuple[str, ...] | None = None


class Sample(Frozen):
    """A series whose raw samples of the `seconds` before `at` were asked for."""

    at: int
    selector: str
    seconds: int = 300


class Range(Frozen):
    """A stretch of time whose raw samples were asked for: the `seconds` before `at`; of the metrics `names`, None for all."""

    at: int
    seconds: int
    names: tuple[str, ...] | None = None


class Questions(Frozen):
    """Everything that was asked, so that a copy can be asked the same.

    seed: of the random choice. metrics: those that get one fact each at each instant. ranges: those that the source answered.
    unsettled: facts (subject, metric) left out, since their answers changed while the backup was taken.
    refused: metric names that the source would not count.
    """

    seed: int
    instants: tuple[Instant, ...] = ()
    metrics: tuple[str, ...] = ()
    samples: tuple[Sample, ...] = ()
    ranges: tuple[Range, ...] = ()
    unsettled: tuple[tuple[str, str], ...] = ()
    refused: tuple[str, ...] = ()


class Configuration(Frozen):
    """The configuration in the backup. main: its main file, below `config/`; directory: where the source has it.

    checked: whether promtool checked it when the backup was taken
    """

    main: RelativePath
    directory: MountPath
    checked: bool


class PrometheusDetails(Frozen):
    """The `details` of a Prometheus manifest. flags: those of the source that decide what its answers are.

    limits: what the source has and the backup does not hold, a line each
    start: flags of the source that a restored server is started with
    """

    snapshot: Token
    blocks: tuple[Block, ...]
    questions: Questions
    flags: dict[str, str]
    configuration: Configuration | None = None
    limits: tuple[str, ...] = ()
    start: dict[str, str] = Field(default_factory=dict)

    @classmethod
    def of(cls, manifest: Manifest) -> "PrometheusDetails":
        """Read a manifest's details; raises Damaged when they are not Prometheus's."""
        return details_of(manifest, cls, "a Prometheus backup")
