"""Views of a run record: the terminal, pages, Allure, JUnit, CTRF, Sonobuoy, evidence."""
