"""The loader behind `fhir-server load`: files, their order, workers, journal, report.

https://hl7.org/fhir/R4/http.html#transaction
"""
