"""Search: parameters become a plan (plain data), the plan becomes SQL; one file per search parameter type.

https://hl7.org/fhir/R4/search.html
"""
