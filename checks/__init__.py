"""How facts are judged: one folder per chapter of 附件三, one file per question, no I/O."""
