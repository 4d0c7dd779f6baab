"""Gaps of paths over time: how paths and durations are written, and budgets for gaps. Pure."""
