"""Start a lab, hold it, enter it, end it: the side of whoever owns one."""
