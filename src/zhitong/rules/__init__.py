"""Pure law: identifiers and, later, calendar, clocks and states."""
