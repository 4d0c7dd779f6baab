"""Faults: named, reversible changes of a running lab, one file for each subject."""
