"""The run engine: a plan with a committed draw order, attempts, a durable journal, the run folder."""
