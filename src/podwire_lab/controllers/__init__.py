"""The controllers of the lab: endpoints, scheduling, Services, policies."""
