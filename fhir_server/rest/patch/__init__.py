"""The three patch languages of FHIR; each takes a document and returns another one.

https://hl7.org/fhir/R4/http.html#patch
"""
