"""Faults: named, reversible changes of a running lab, one file a subject."""
