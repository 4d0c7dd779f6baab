"""The misbehaviour of API servers that podwire is held against, each with what must come out. docs/reliability.md is
made from it."""

from faults_of_answers import FAULTS_OF_ANSWERS
from faults_of_cleanup import FAULTS_OF_CLEANUP
from faults_of_objects import FAULTS_OF_OBJECTS

API_FAULTS = (*FAULTS_OF_OBJECTS, *FAULTS_OF_ANSWERS, *FAULTS_OF_CLEANUP)
