//! Structured field values (RFC 9651), as far as the headers we read need them.
