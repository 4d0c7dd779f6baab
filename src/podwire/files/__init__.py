"""Safe readers for files of users and of runs: each mistake is one line with its place in the file."""
