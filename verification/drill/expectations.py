"""Has Great Expectations judge the evidence of a drill and the operator's suites.

It is the only module that imports Great Expectations.

Nothing is left on disk, nothing is printed, nothing is sent. One judgement at a time: its registries are global.
"""

import gc
import logging
import os
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import LazyLoader, find_spec, module_from_spec
from typing import TYPE_CHECKING, Any

from backups.errors import LifeboatError
from backups.witness import Check, Fact, Value
from verification.drill.suites import Expectation, Suite
from verification.evidence.evidence import ExpectationPart

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

# Read when it is imported, which happens below on first use: importing it takes seconds.
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

_one_at_a_time = threading.Lock()

_ON_FIRST_USE = ("scipy.stats", "altair")
"""Used by an expectation that no drill asks for, and more than a third of what importing Great Expectations costs."""

EVIDENCE = "evidence"
"""Name of the suite over the evidence frame; the operator's suites are named by their files."""


def frame(expected: Sequence[Fact], observed: Sequence[Fact]) -> "pd.DataFrame":
    """Make the evidence frame: a row for each fact of either side, with columns subject, metric, expected, observed, all text.

    Text keeps the type (`int 1` is not `str 1`), and a fact that one side does not state is `absent`.
    """
    import pandas as pd

    columns = ["subject", "metric"]
    sides = [
        pd.DataFrame([(fact.subject, fact.metric, _text(fact.value)) for fact in facts], columns=[*columns, side], dtype="object")
        for side, facts in (("expected", expected), ("observed", observed))
    ]
    return sides[0].merge(sides[1], on=columns, how="outer", sort=False).fillna("absent")


def judge(expected: Sequence[Fact], observed: Sequence[Fact], checks: Sequence[Check]) -> list[ExpectationPart]:
    """Have Great Expectations judge the evidence frame, and compare its judgement with our own `checks`.

    Raises LifeboatError when the two disagree: then one of them is wrong, and nothing is proven.
    """
    evidence = frame(expected, observed)
    with _context() as (gx, context):
        wanted = {
            "every witnessed fact is there, and no other": gx.expectations.ExpectTableRowCountToEqual(value=len(expected)),
            "observed equals expected": gx.expectations.ExpectColumnPairValuesToBeEqual(
                column_A="expected", column_B="observed", ignore_row_if="neither"
            ),
            "each fact is stated once": gx.expectations.ExpectCompoundColumnsToBeUnique(
                column_list=["subject", "metric"], ignore_row_if="never"
            ),
        }
        batch = (
            context.data_sources.add_pandas(EVIDENCE)
            .add_dataframe_asset("facts")
            .add_batch_definition_whole_dataframe("all")
            .get_batch({"dataframe": evidence})
        )
        results = [batch.validate(expectation, result_format="BASIC") for expectation in wanted.values()]
    parts = [
        ExpectationPart(suite=EVIDENCE, name=name, passed=bool(result.success), unexpected=_unexpected(result))
        for name, result in zip(wanted, results, strict=True)
    ]
    wrong = [check for check in checks if not check.passed]
    if all(part.passed for part in parts) != (not wrong) or parts[1].unexpected != len(wrong):
        raise LifeboatError(
            f"Great Expectations finds {parts[1].unexpected} facts unequal, our own comparison {len(wrong)}; "
            "one of the two is wrong, so nothing is proven",
            hint="this is a bug in Lifeboat; keep the report",
        )
    return parts


def judge_suite(name: str, suite: Suite, url: str) -> list[Check]:
    """Run a suite's queries on the database at the SQLAlchemy `url`; a check each, `unexpected rows` expected to be 0.

    The rows themselves are not copied into the checks: they are the operator's data. Raises LifeboatError for a query
    that the database refuses.
    """
    with _context() as (gx, context), _in_environment(url) as reference:
        try:
            batch = (
                context.data_sources.add_sql("copy", connection_string=reference)
                .add_query_asset("anything", query="SELECT 1 AS one")
                .add_batch_definition_whole_table("all")
                .get_batch()
            )
        except ConnectionError as error:
            raise LifeboatError(
                f"the suite {name} cannot be run: the copy's database {suite.database} does not answer: "
                f"{_one_line(str(error.__cause__ or error), url)}",
                hint=f"is {suite.database} the right `database:` of the suite?",
            ) from None
        results = [
            batch.validate(
                gx.expectations.UnexpectedRowsExpectation(unexpected_rows_query=_query(expectation)), result_format="BASIC"
            )
            for expectation in suite.expectations
        ]
        context.data_sources.get("copy").get_engine().dispose()
    return [_check(name, expectation, result, url) for expectation, result in zip(suite.expectations, results, strict=True)]


def _check(suite: str, expectation: Expectation, result: Any, url: str) -> Check:
    count = result.result.get("observed_value")
    if count is None:
        raise LifeboatError(
            f"the suite {suite} cannot be run: {expectation.name}: {_exception(result.exception_info, url)}",
            hint="run its query by hand on the source; is the suite's `database:` the right one?",
        )
    return Check(f"suite {suite}: {expectation.name}", "unexpected rows", 0, int(count), passed=int(count) == 0)


def _query(expectation: Expectation) -> str:
    """Quote the operator's SQL: to Great Expectations braces, to SQLAlchemy colons mean something.

    The comment is there because Great Expectations prints a warning about a query that never names the batch.
    """
    text = expectation.unexpected_rows.strip().rstrip(";")
    return text.replace("{", "{{").replace("}", "}}").replace(":", "\\:") + "\n/* {batch} */"


def _exception(info: Mapping[str, Any], url: str) -> str:
    messages = [info.get("exception_message")] + [
        entry.get("exception_message") for entry in info.values() if isinstance(entry, Mapping)
    ]
    first = next((str(message) for message in messages if message), "no reason was given")
    return _one_line(first, url)


def _one_line(message: str, url: str) -> str:
    return " ".join(message.replace(url, "the copy").split())[:400]


def _unexpected(result: Any) -> int | None:
    count = result.result.get("unexpected_count")
    return None if count is None else int(count)


def _text(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, float):
        return f"float {value + 0.0!r}"  # -0.0 equals 0.0
    return f"{type(value).__name__} {value}"


@contextmanager
def _in_environment(url: str) -> Iterator[str]:
    """Give `url` to Great Expectations by a variable's name, so that a password in it is in no repr and no result."""
    variable = f"LIFEBOAT_DATABASE_{uuid.uuid4().hex}"
    os.environ[variable] = url
    try:
        yield f"${{{variable}}}"
    finally:
        del os.environ[variable]


@contextmanager
def _context() -> Iterator[tuple[Any, Any]]:
    """Give one thread at a time Great Expectations and a new context in memory."""
    with _one_at_a_time:
        gx = _great_expectations()
        from great_expectations.data_context.types.base import ProgressBarsConfig

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        yield gx, context


def load() -> None:
    """Import Great Expectations, which takes seconds, so that it is there when something is judged."""
    _great_expectations()


def _great_expectations() -> Any:
    """Import Great Expectations, in half the time: `_ON_FIRST_USE` then, and no search for garbage among what stays."""
    if "great_expectations" not in sys.modules:
        for name in _ON_FIRST_USE:
            _import_on_first_use(name)
        collects = gc.isenabled()
        gc.disable()
        try:
            import great_expectations  # noqa: F401
        finally:
            if collects:
                gc.enable()
    return sys.modules["great_expectations"]


def _import_on_first_use(name: str) -> None:
    """Put a module where `import` finds it, and have its code run when something of it is asked for."""
    spec = None if name in sys.modules else find_spec(name)
    if spec is None or spec.loader is None:
        return
    spec.loader = LazyLoader(spec.loader)
    sys.modules[name] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    if parent := name.rpartition(".")[0]:
        setattr(sys.modules[parent], name.rpartition(".")[2], module)
