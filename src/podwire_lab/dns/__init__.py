"""The lab's DNS servers."""
