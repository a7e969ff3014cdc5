"""What an architecture is and costs, told before it is trained: as text, Markdown or JSON. No TensorFlow."""

from training.describe.source import Subject, from_document, from_preset
from training.describe.tables import markdown_table, overview, overview_markdown, overview_table, text_table

__all__ = [
    "Subject",
    "from_document",
    "from_preset",
    "markdown_table",
    "overview",
    "overview_markdown",
    "overview_table",
    "text_table",
]
