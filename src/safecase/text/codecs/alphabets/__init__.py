"""Letters in other alphabets than the written one."""
