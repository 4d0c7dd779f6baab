"""Two sets of runs held against each other: accept or reject, with statistics, flakes and waivers."""
