"""The misbehaviour of API servers, each with the required result. docs/reliability.md lists it."""

from faults_of_answers import FAULTS_OF_ANSWERS
from faults_of_cleanup import FAULTS_OF_CLEANUP
from faults_of_objects import FAULTS_OF_OBJECTS

API_FAULTS = (*FAULTS_OF_OBJECTS, *FAULTS_OF_ANSWERS, *FAULTS_OF_CLEANUP)
