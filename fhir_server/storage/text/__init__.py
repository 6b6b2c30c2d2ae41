"""Full text: the words of every resource, an index over them that is filled behind the writers, and what it lacks yet.

https://hl7.org/fhir/R4/search.html#content
"""
