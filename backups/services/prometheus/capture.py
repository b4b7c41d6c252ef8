"""Captures a Prometheus: chooses and asks questions, takes a snapshot, copies what the chain lacks, and asks again."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from backups import plural
from backups.errors import ConfigError, LifeboatError
from backups.hosts import Hosts
from backups.machine import disk
from backups.machine.docker import Image
from backups.places import links, names
from backups.places.base import Place, PlacedFile
from backups.places.parse import parse
from backups.services.base import Captured, Job
from backups.services.http.answer import understood
from backups.services.prometheus import blocks as storage
from backups.services.prometheus import (
    chunks,
    command_line,
    dashboards,
    datadir,
    first_start,
    horizon,
    not_captured,
    questions,
    ranges,
    version,
)
from backups.services.prometheus import configuration as configuring
from backups.services.prometheus.api import Api
from backups.services.prometheus.blocks import META, Meta
from backups.services.prometheus.chunks import Checked
from backups.services.prometheus.details import (
    BLOCKS,
    CONFIG,
    Block,
    BlockFile,
    Configuration,
    PrometheusDetails,
    Questions,
)
from backups.services.prometheus.horizon import Horizon
from backups.services.prometheus.settings import OLD_NAME, PrometheusSettings
from backups.services.prometheus.snapshot import clear, snapshot
from backups.witness import Fact


def capture(name: str, settings: PrometheusSettings, job: Job, hosts: Hosts) -> Captured:
    """Take a backup of the source. Raises LifeboatError; the source then has no snapshot of Lifeboat's left."""
    api, place = Api.of(settings), parse(settings.place, job.docker, hosts)
    if settings.ca_file is not None:
        job.say(OLD_NAME)
    source, flags = api.version(), api.flags()
    require_storage(api, flags)
    image, limits = _image(settings, source, job)
    datadir.check_identity(api, place)
    journal = job.state / "cache" / "prometheus" / f"{name}.snapshot"
    clear(place, journal, job.say)
    configuration, config_facts, left_out = _configuration(api, settings, flags, image, job, hosts)

    past = horizon.look(api)
    chosen, before, unreadable = _ask(api, place, past, job)
    panels = dashboards.before(api, job, past)
    checked = Checked(job.state / "cache" / "prometheus" / f"{name}.chunks.json")
    # What was written before this instant is in the snapshot; Prometheus may wait for a compaction before it begins.
    taken_at = job.now()
    with snapshot(api, place, journal) as path:
        blocks, block_facts = _copy_blocks(place, path, job, checked)
    checked.keep()
    limits += _lacking(blocks, block_facts, checked)
    answers, unsettled = questions.settled(before, [*questions.ask(api, chosen), *ranges.ask(api, chosen.ranges)])
    compared = ranges.coverage([*block_facts, *answers])
    limits += dashboards.after(panels, job.directory)
    if chosen.instants:
        job.say(f"samples {compared.metric} with the source: {compared.value} in the blocks")
    limits += [*left_out, *unreadable, *_not_compared(past, chosen, unsettled), *_limits(past, blocks)]
    for limit in limits:
        job.say(f"limit of this backup: {limit}")

    details = PrometheusDetails(
        snapshot=path.rpartition("/")[2],
        blocks=blocks,
        questions=chosen.model_copy(update={"unsettled": unsettled}),
        flags={flag: flags[flag] for flag in command_line.COPIED if flag in flags},
        configuration=configuration,
        limits=tuple(limits),
        start=first_start.recorded(flags),
    )
    if fault := next(command_line.faults(details), None):
        raise ConfigError(
            f"no copy may be started like this source: {fault}",
            hint="what does the source have this flag for? its page /flags shows what it runs with",
        )
    witness = [storage.total(len(blocks)), *block_facts, *config_facts, *answers, compared]
    return Captured(taken_at, source, witness, details.model_dump(mode="json"))


def require_storage(api: Api, flags: Mapping[str, str]) -> None:
    """Raise ConfigError when the server is an agent, which keeps no data that could be backed up."""
    if flags.get("agent") == "true" or "agent" in flags.get("enable-feature", "").split(","):
        raise ConfigError(
            f"Prometheus at {api.name} runs as an agent: it passes samples on and keeps none that could be backed up",
            hint="take it out of lifeboat.yaml, and back up the Prometheus that it writes to",
        )


def _image(settings: PrometheusSettings, source: str, job: Job) -> tuple[Image | None, list[str]]:
    """Return the image for copies, its major version compared with the source's; None, and why, when it is missing."""
    try:
        image = job.docker.image(settings.image)
    except LifeboatError as error:
        return None, [f"the version of the copies' image, which was not compared with the source's: {error.message}"]
    found = version.of_image(job.docker, image, _container_name("version"))
    version.check_same_major(source, found, settings.image)
    return image, []


def _configuration(
    api: Api, settings: PrometheusSettings, flags: dict[str, str], image: Image | None, job: Job, hosts: Hosts
) -> tuple[Configuration | None, list[Fact], list[str]]:
    """Bring the configuration along, where it has a place; with the facts about it, and what of it is not in the backup."""
    if settings.config_place is None:
        return None, [], ["the configuration and the rule files: no config_place is given"]
    place = parse(settings.config_place, job.docker, hosts)
    found = configuring.locate(flags, place)
    files, root = place.files(), job.directory / CONFIG
    disk.require(job.directory, sum(file.size for file in files), f"the configuration of {place}")
    kept, odd = names.keepable(file.path for file in files)
    place.fetch(kept, root)
    there = place.links()
    named, odd_links = names.keepable(there)
    unfollowed = links.follow({path: there[path] for path in named}, root)
    limits = [names.limit(path, str(place)) for path in (*odd, *odd_links)]
    limits += not_captured.look(api, found, PurePosixPath(flags.get("config.file", "")), root, unfollowed, str(place))
    facts = list(configuring.facts(job.directory))
    if image is None:
        return found, facts, [*limits, "whether promtool accepts the configuration: there was no image to ask it in"]
    answer = configuring.check(job.docker, _container_name("promtool"), image, job.directory, found)
    judged = configuring.verdict(found, answer)
    if not configuring.accepted(judged):
        what = f"promtool does not accept the configuration in {place} by itself"
        limits.append(f"{what}, so a new container would be started without it: {judged.value}")
    return found.model_copy(update={"checked": True}), [*facts, judged], limits


def _ask(api: Api, place: Place, past: Horizon, job: Job) -> tuple[Questions, list[Fact], list[str]]:
    """Choose questions about instants at which everything is written, and ask them; returns them with the answers.

    None of a source that answers also with what others hold. Then what of the source cannot be read, a line each.
    """
    now: datetime = job.now()
    until = api.clock() - past.margin
    # The times are the server's word: what no calendar has would be asked about.
    with understood(f"{api.name}/metrics", "Prometheus"):
        spans, unreadable = datadir.spans(api, place, job.work)
        for at in (at for span in spans for at in (span.start, min(span.end, until)) if at <= until):
            questions.utc(at)
    limits = []
    if unreadable:
        blocks = plural.count(len(unreadable), "block")
        limits.append(f"{blocks} of {place} without a readable {META}, first {unreadable[0]}: the source does not serve them")
    seed = int(now.timestamp())
    if past.elsewhere:
        return Questions(seed=seed), [], limits
    chosen = questions.plan(api, spans, until=until, seed=seed)
    asked, answers = ranges.choose(api, spans, until=until, seed=seed)
    return chosen.model_copy(update={"ranges": asked}), [*questions.ask(api, chosen), *answers], limits


def _copy_blocks(place: Place, path: str, job: Job, checked: Checked) -> tuple[tuple[Block, ...], list[Fact]]:
    """Fetch the snapshot's files that the chain does not hold; returns all of its blocks, by time, and their facts."""
    parent = PrometheusDetails.of(job.chain[-1]).blocks if job.chain else ()
    have = storage.known(job.chain, parent)
    listed = place.files(path)
    wanted = [file for file in listed if storage.must_be_copied(*_key(file, path), have)]
    needed = sum(file.size for file in wanted)
    disk.require(job.directory, needed, f"the copy of the snapshot in {place}")
    job.say(f"copying {len(wanted)} of {len(listed)} files of the snapshot, {disk.size(needed)}")
    place.fetch([file.path for file in wanted], job.work)
    contents: dict[str, list[BlockFile]] = {}
    for file in listed:
        ulid, inside, size = key = _key(file, path)
        if storage.must_be_copied(*key, have):
            contents.setdefault(ulid, []).append(_keep(job, file, key, have, checked))
        else:
            contents.setdefault(ulid, []).append(have[ulid, inside, size])
    found = [_block(job.work / path / ulid / META, ulid, tuple(files)) for ulid, files in contents.items()]
    found.sort(key=lambda pair: (pair[0].min_time, pair[0].ulid))
    return tuple(block for block, _ in found), [fact for _, facts in found for fact in facts]


def _key(file: PlacedFile, snapshot_path: str) -> tuple[str, str, int]:
    ulid, _, inside = file.path.removeprefix(f"{snapshot_path}/").partition("/")
    if not storage.is_ulid(ulid) or not inside:
        raise LifeboatError(f"{file.path} is not part of a block", hint="did Prometheus stop while it made the snapshot?")
    return ulid, inside, file.size


def _keep(job: Job, file: PlacedFile, key: tuple[str, str, int], have: storage.Known, checked: Checked) -> BlockFile:
    """Put a fetched file where the backup has it, unless the chain holds the very same one already."""
    ulid, inside, size = key
    fetched = job.work / file.path
    if fetched.stat().st_size != size:
        raise LifeboatError(
            f"{file.path} was copied with {fetched.stat().st_size} bytes instead of {size}", hint="try again; nothing was kept"
        )
    sha256 = storage.digest(fetched)
    earlier = have.get(key)
    if earlier is not None and earlier.sha256 == sha256:
        return earlier
    target = job.directory / BLOCKS / ulid / inside
    target.parent.mkdir(parents=True, exist_ok=True)
    target.hardlink_to(fetched)
    damage = checked.damage(fetched, sha256) if chunks.is_segment(inside) else None
    return BlockFile(path=inside, size=size, sha256=sha256, damage=damage)


def _block(meta_path: Path, ulid: str, files: tuple[BlockFile, ...]) -> tuple[Block, list[Fact]]:
    """Return a block and its facts; raises LifeboatError when it is incomplete."""
    absent = {META, "index"} - {file.path for file in files}
    if absent:
        raise LifeboatError(
            f"block {ulid} of the snapshot has no {', '.join(sorted(absent))}",
            hint="did Prometheus stop while it made the snapshot?",
        )
    meta = Meta.read(meta_path.read_bytes(), f"{META} of block {ulid}")
    if meta.ulid != ulid:
        raise LifeboatError(f"{META} of block {ulid} belongs to block {meta.ulid}", hint="promtool tsdb list reads every block")
    block = Block(ulid=ulid, min_time=meta.min_time, max_time=meta.max_time, files=files)
    return block, list(_block_facts(meta, block))


def _block_facts(meta: Meta, block: Block) -> Iterator[Fact]:
    yield from storage.numbers(meta, block.ulid)
    for file in block.files:
        yield storage.file_fact(block.ulid, file.path, file.sha256)


def _lacking(blocks: Sequence[Block], facts: Sequence[Fact], checked: Checked) -> Iterator[str]:
    """Name the blocks of which the source has lost chunk files: it goes on with those until it is restarted."""
    counts = {fact.subject: int(str(fact.value)) for fact in facts if fact.metric == "chunks"}
    for block in blocks:
        if lack := checked.lacking(block, counts[f"block {block.ulid}"]):
            yield (
                f"the history of {_span(block)}, whole: block {block.ulid} is damaged at the source: {lack}; an older backup may "
                "have it whole, and a restart of the source may end at this block"
            )


def _limits(past: Horizon, blocks: Sequence[Block]) -> Iterator[str]:
    """What the source has and this backup does not hold, or holds as damaged as it is there, a line each."""
    for block in blocks:
        for file in block.files:
            if file.damage:
                yield (
                    f"the history of {_span(block)}, whole: block {block.ulid} is damaged at the source, {file.path}: "
                    f"{file.damage}; an older backup may have it whole"
                )
    if past.leaves_out:
        yield past.leaves_out
    if past.unreadable:
        yield "any proof of the last hours: the source's configuration cannot be read, so nothing tells when they are whole"


def _not_compared(past: Horizon, chosen: Questions, unsettled: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Say what of the source's answers is not compared, and why, a line each."""
    if past.elsewhere:
        yield f"the witness has no PromQL answers: {dashboards.ELSEWHERE}"
    elif not chosen.instants:
        yield "the witness has no PromQL answers: the source holds no data that is old enough to be complete"
    if chosen.refused:
        metrics = plural.count(len(chosen.refused), "metric")
        yield f"the series of {metrics} that the source refused to count, first {chosen.refused[0]}: not compared"
    if unsettled:
        subject, metric = unsettled[0]
        yield f"{plural.count(len(unsettled), 'answer')} changed during the backup, not compared, first: {subject}, {metric}"


def _span(block: Block) -> str:
    return f"{_when(block.min_time)} to {_when(block.max_time)} UTC"


def _when(milliseconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):
        return f"{milliseconds} ms"  # beyond the year 9999


def _container_name(purpose: str) -> str:
    return f"lifeboat-{secrets.token_hex(6)}-{purpose}"
