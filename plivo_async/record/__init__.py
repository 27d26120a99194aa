"""The call detail record (CDR) and its JSON form, without HTTP."""
