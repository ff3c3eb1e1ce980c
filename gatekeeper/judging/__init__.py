"""Orders judged: a batch of the gate, a rehearsal, one order by command."""
