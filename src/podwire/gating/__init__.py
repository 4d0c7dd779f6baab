"""The comparison of two sets of runs: accept or reject, with statistics, flakes and waivers."""
