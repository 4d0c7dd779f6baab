"""Captures: frames as the kernel of Linux hands them out, or as the packet monitor of Windows does."""
