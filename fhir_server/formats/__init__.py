"""Wire formats: JSON, XML, parts of resources, content negotiation.

https://hl7.org/fhir/R4/formats.html
"""
