"""Stands in for setuptools while pip downloads a source distribution whose setup.py must not run."""
