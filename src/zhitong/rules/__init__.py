"""Pure law: identifiers, calendar, dated figures, states, clocks."""
