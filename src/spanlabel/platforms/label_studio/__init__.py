"""Label Studio: a project's tasks, each a question and its answer."""

from .config import LabelStudioSettings
from .writer import LabelStudioWriter, make_writer

__all__ = ["LabelStudioSettings", "LabelStudioWriter", "make_writer"]
