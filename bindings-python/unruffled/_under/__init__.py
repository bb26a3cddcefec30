"""Drop-ins: this package under clients of other libraries."""
