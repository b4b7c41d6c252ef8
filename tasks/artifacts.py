"""Shows tables and texts in Prefect's UI: what others may have written in them is text there, never Markdown."""

from collections.abc import Mapping, Sequence

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from backups.text import markdown as as_text


def table(key: str, rows: Sequence[Mapping[str, object]], description: str) -> None:
    """Create or replace a table; Prefect renders each cell as Markdown."""
    cells = [{name: as_text(cell) if isinstance(cell, str) else cell for name, cell in row.items()} for row in rows]
    create_table_artifact(key=key, table=cells, description=description)


def markdown(key: str, text: str) -> None:
    """Create or replace a text in Markdown, whose parts from elsewhere were put in by `backups.text.markdown` or `fenced`."""
    create_markdown_artifact(key=key, markdown=text)
