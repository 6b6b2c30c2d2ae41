"""Contained resources: found by themselves (`_contained`), and by chains that lead into them.

https://hl7.org/fhir/R4/search.html#contained

Contained resources have no rows in the tables of their type, so ordinary searches never meet them. Where they are asked
for, the few resources that contain something of the right kind are found first (`holders`), then projected together
with what they contain into the same tables in memory (`miniature`, `excerpt`), where the same compiled search answers.
"""
