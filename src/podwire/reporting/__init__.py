"""Views of a run record: Allure, JUnit, the terminal."""
