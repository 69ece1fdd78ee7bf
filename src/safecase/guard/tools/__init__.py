"""Tool policy: what an agent may do, with which values, from where, and who has to agree."""
