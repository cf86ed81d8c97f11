"""现场核查记录表 as a workbook: written for people to fill in, read back as rows with their cells."""

from .container import Container, open_container
from .layout import Line, Table
from .rows import Fault, Filled, read_rows
from .write import write_workbook

__all__ = ["Container", "Fault", "Filled", "Line", "Table", "open_container", "read_rows", "write_workbook"]
