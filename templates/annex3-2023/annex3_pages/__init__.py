"""The pages of the Word template of 附件三, a module for each part of the report."""
